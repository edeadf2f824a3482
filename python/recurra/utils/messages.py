"""Where progress and messages go: to standard output, or line by line to Python's logging."""

from __future__ import annotations

import io
import logging
import sys
from typing import TextIO

from recurra import config


class _Log(io.TextIOBase):
    """A stream whose lines are records of the logger ``recurra``, of level INFO."""

    encoding = "utf-8"

    def __init__(self) -> None:
        self._begun = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        *whole, self._begun = (self._begun + text).split("\n")
        for line in whole:
            if line.strip():
                logging.getLogger("recurra").info("%s", line)
        return len(text)


_log = _Log()


def message_stream() -> TextIO:
    """``sys.stdout``; after :func:`recurra.config.disable_interactive_logging` a stream that logs each line."""
    return sys.stdout if config.is_interactive_logging_enabled() else _log  # type: ignore[return-value]
