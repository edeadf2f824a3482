"""Texts that end a generated one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any


def check_stop(stop: Any) -> tuple[str, ...]:
    """`stop`, a text or several, as a tuple; None is none."""
    texts = () if stop is None else (stop,) if isinstance(stop, str) else stop
    if not isinstance(texts, (list, tuple)) or not all(isinstance(text, str) and text for text in texts):
        raise ValueError(f"stop must be a text or a list of texts, none of them empty, or None, got {stop!r}")
    return tuple(texts)


def place_of_stop(text: str, stops: Sequence[str]) -> int | None:
    """Where the one of `stops` begins that `text` holds whole first, the longest of several; None without any."""
    ends = [(at + len(stop), at) for stop in stops if (at := text.find(stop)) >= 0]
    return min(ends)[1] if ends else None


def until_stop(pieces: Iterable[str], stops: Sequence[str]) -> Iterator[str]:
    """The pieces of a text up to the first of `stops`, which is left out; what may begin one waits for what follows."""
    held = ""
    for piece in pieces:
        held += piece
        place = place_of_stop(held, stops)
        if place is not None:
            if place:
                yield held[:place]
            return
        waits = max(_begun(held, stop) for stop in stops)
        if len(held) > waits:
            yield held[: len(held) - waits]
            held = held[len(held) - waits :]
    if held:
        yield held


def _begun(text: str, stop: str) -> int:
    """How many characters at the end of `text` are the beginning of `stop`."""
    return next((n for n in range(min(len(stop) - 1, len(text)), 0, -1) if text.endswith(stop[:n])), 0)
