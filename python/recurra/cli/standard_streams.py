"""Standard streams that are there: a process may be started without them (``<&-``, ``2>&-``)."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from typing import TextIO

import click


def ensure_streams() -> None:
    """Open what is closed of standard input, output and error.

    Nothing can be read from such an input, what goes to such an error stream is dropped, and writing to such an output
    is an error, as with other programs. Left closed, their numbers would be given to the next files that are opened.

    Halves of surrogate pairs, which texts out of JSON may hold and UTF-8 cannot, are written as JSON's escapes.
    """
    for number, flags in ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, flags)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            os.set_inheritable(number, True)
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    if sys.stdout is None:
        unbuffered = open(1, "wb", buffering=0, closefd=False)  # noqa: SIM115
        sys.stdout = io.TextIOWrapper(
            unbuffered, encoding="utf-8", write_through=True
        )  # fails at once, not at the exit
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
    out = sys.stdout
    if isinstance(out, io.TextIOWrapper) and out.encoding.lower() in ("utf-8", "utf8"):
        out.reconfigure(errors="backslashreplace")


def say(message: str, *, error: bool = True) -> None:
    """Print a line that nothing depends on: where the stream is closed, it and what follows is dropped."""
    try:
        click.echo(message, err=error)
    except (OSError, ValueError):
        drop(sys.stderr if error else sys.stdout)


def standard_output_takes(text: str) -> bool:
    """Whether the encoding of standard output has all characters of `text`."""
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def drop(stream: TextIO | None) -> None:
    """Let what is written to a broken stream go nowhere, what it still holds included."""
    with suppress(OSError, ValueError, AttributeError):
        opened = os.open(os.devnull, os.O_WRONLY)
        os.dup2(opened, stream.fileno())  # type: ignore[union-attr]
        os.close(opened)
