"""Ctrl-C during training: finish the batch, keep the weights. A second Ctrl-C stops at once.

A program that wants SIGTERM and SIGHUP to do the same runs under :func:`ending_signals`, as the command line does.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class Terminated(KeyboardInterrupt):
    """Raised where SIGTERM or SIGHUP arrives.

    signal : its number
    """

    def __init__(self, number: int) -> None:
        super().__init__(f"ended by {signal_name(number)}")
        self.signal = number


def signal_name(number: int) -> str:
    """How people call a signal: "Ctrl-C", "SIGTERM" ..."""
    return "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated(number)


def _numbers() -> list[int]:
    return [int(getattr(signal, name)) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


@contextmanager
def ending_signals() -> Iterator[None]:
    """Within the block SIGTERM and SIGHUP raise :class:`Terminated`; within ``fit`` they end it as Ctrl-C does.

    Only in the main thread, and only signals that would have ended the process: one that is ignored, as under
    ``nohup``, stays so.
    """
    taken = []
    if threading.current_thread() is threading.main_thread():
        taken = [number for number in _numbers() if signal.getsignal(number) is signal.SIG_DFL]
    for number in taken:
        signal.signal(number, _terminate)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


class InterruptGuard:
    """Within the ``with`` block the first Ctrl-C only sets :attr:`requested`.

    Only in the main thread, and only where nobody else has installed a handler of their own. Signals taken by
    :func:`ending_signals` count as Ctrl-C.

    signal : the number of the signal that came, that of Ctrl-C before
    """

    def __init__(self) -> None:
        self.requested = False
        self.signal = int(signal.SIGINT)
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> InterruptGuard:
        if threading.current_thread() is threading.main_thread():
            for number in (int(signal.SIGINT), *_numbers()):
                handler = signal.getsignal(number)
                if handler is signal.default_int_handler or handler is _terminate:
                    self._previous[number] = handler
                    signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *exc: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous = {}

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt if number == signal.SIGINT else Terminated(number)
        self.requested, self.signal = True, number
