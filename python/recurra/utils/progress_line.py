"""A line that is rewritten in place, drawn by tqdm: the progress of a loop in a terminal or a notebook."""

from __future__ import annotations

import functools
import os
import shutil
import sys
from typing import Any, TextIO

_ASCII = str.maketrans("━─╸", "=->")  # for terminals that know no more


def is_live(stream: TextIO) -> bool:
    """Whether a line on `stream` can be rewritten: a terminal (not a dumb one) or a notebook."""
    notebook = sys.modules.get("ipykernel.iostream")
    if notebook is not None and isinstance(stream, notebook.OutStream):
        return True
    try:
        return stream.isatty() and os.environ.get("TERM") != "dumb"
    except (AttributeError, ValueError):
        return False


@functools.cache
def _bar_class() -> Any:
    from tqdm import tqdm  # only where a bar is drawn

    class Bar(tqdm):  # type: ignore[misc]
        """tqdm without a thread of its own. A bar that is left unfinished stays on the screen as it is."""

        monitor_interval = 0

        def __del__(self) -> None:
            """Nothing: tqdm would draw once more."""

    return Bar


def bar(stream: TextIO, **settings: Any) -> Any:
    """A tqdm bar on the line of `stream` at which the cursor stands.

    settings : tqdm's
    """
    return _bar_class()(file=stream, disable=False, position=0, **settings)


class ProgressLine:
    """One line of text on a live stream (see :func:`is_live`), shown anew as often as wanted.

    stream : where
    """

    def __init__(self, stream: TextIO) -> None:
        # tqdm shows nothing where a terminal says that it has no columns; so the width is this class's affair
        self._bar = bar(stream, bar_format="{desc}", delay=1.0, ncols=1 << 16, nrows=24)
        self._bar.delay = 0  # the delay just kept tqdm from drawing an empty line

    def show(self, text: str) -> None:
        """`text` in place of what the line showed, cut to the width of the terminal."""
        width = max(shutil.get_terminal_size((120, 24)).columns - 1, 20)
        self._draw(text[:width], self._bar.refresh)

    def end(self, text: str) -> None:
        """`text`, whole, in place of what the line showed; what follows begins on the next line."""
        self._draw(text, self._bar.close)

    def _draw(self, text: str, draw: Any) -> None:
        self._bar.set_description_str(text, refresh=False)
        try:
            draw()
        except UnicodeEncodeError:
            self._bar.set_description_str(text.translate(_ASCII), refresh=False)
            draw()
