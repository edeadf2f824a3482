"""The progress of training in a terminal, in a notebook or in a log file.

In a terminal or notebook one line is rewritten in place: batches, a bar, time left, speed, loss and metrics. Where
output goes to a file, nothing is rewritten: one line for each epoch, and one a minute during long epochs.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

import numpy as np

from recurra.callbacks.base import Callback, Logs
from recurra.utils.messages import message_stream
from recurra.utils.progbar import clock as say_time
from recurra.utils.progress_line import ProgressLine, is_live

REFRESH = 0.1  #: seconds between two redrawings in a terminal
LOG_EVERY = 60.0  #: seconds between two lines within an epoch in a log file


def resolve_verbose(verbose: int | str, stream: TextIO | None = None) -> int:
    """``"auto"``, 0, 1 or 2 as 0 (silent), 1 (a live line) or 2 (one line for each epoch); more than 2 is 2."""
    if verbose in ("auto", None):
        return 1 if is_live(stream or message_stream()) else 2
    if verbose in (0, 1, 2, True, False):
        return int(verbose)
    if isinstance(verbose, (int, np.integer)) and verbose > 2:
        return 2
    raise ValueError(f"verbose must be 'auto', 0, 1 or 2, got {verbose!r}")


def say_number(value: Any) -> str:
    """A loss or metric in few digits."""
    if isinstance(value, (float, int)) or np.ndim(value) == 0:
        number = float(value)
        return f"{number:.4f}" if number == 0 or 1e-3 <= abs(number) < 1e6 else f"{number:.4e}"
    return np.array2string(np.asarray(value), precision=4, threshold=4)


def say_speed(per_second: float, unit: str) -> str:
    """``12.3k tokens/s`` or, for slow steps, ``1.25s/step``."""
    if unit == "step" and per_second < 1:
        return f"{1 / per_second if per_second else 0:.2f}s/step"
    for limit, letter in ((1e6, "M"), (1e3, "k")):
        if per_second >= limit:
            return f"{per_second / limit:.1f}{letter} {unit}s/s"
    return f"{per_second:.1f} {unit}s/s"


class Progress:
    """The progress of one pass over the data.

    total : how many steps, None if unknown
    verbose : 0, 1 (live) or 2 (a line at the end)
    unit : what speed counts: "step" or "token"
    """

    def __init__(
        self, total: int | None, verbose: int, *, title: str = "", unit: str = "step", stream: TextIO | None = None
    ) -> None:
        self.total, self.verbose, self.title, self.unit = total, verbose, title, unit
        self.stream = stream or message_stream()
        self.live = verbose == 1 and is_live(self.stream)
        self.start = time.perf_counter()
        self.seen = 0
        self.work = 0
        self._next = self.start if self.live else self.start + LOG_EVERY
        self._shown: ProgressLine | None = None  # the live line, once there is one
        if self.live and title:
            self._write(title + "\n")

    def _write(self, text: str) -> None:
        with self._may_break():
            self.stream.write(text)
            self.stream.flush()

    @contextmanager
    def _may_break(self) -> Iterator[None]:
        """A closed pipe must not end the training."""
        try:
            yield
        except (OSError, ValueError, AttributeError):  # AttributeError: there is no stream
            self.verbose = 0

    def _live_line(self) -> ProgressLine:
        if self._shown is None:
            self._shown = ProgressLine(self.stream)
        return self._shown

    def due(self) -> bool:
        """Whether the line is old enough to be drawn again."""
        return self.verbose > 0 and time.perf_counter() >= self._next

    def advance(self, work: int) -> None:
        """One step, and how many units it did."""
        self.seen += 1
        self.work += work

    def _line(self, logs: Logs, done: bool) -> str:
        elapsed = max(time.perf_counter() - self.start, 1e-9)
        parts = []
        if self.total:
            parts.append(f"{self.seen:>{len(str(self.total))}}/{self.total}")
        else:
            parts.append(f"{self.seen}/?" if not done else f"{self.seen}")
        if self.live and self.total:
            filled = min(20, 20 * self.seen // self.total)
            parts.append("━" * filled + "╸" * (filled < 20) + " " * (19 - filled))
        if done or not self.total or not self.seen:
            clock = say_time(elapsed)
        else:
            clock = f"{say_time(elapsed / self.seen * (self.total - self.seen))} left"
        speed = say_speed(self.work / elapsed, self.unit)
        parts.append(f"{clock}, {speed}")
        parts += [f"{key}: {say_number(value)}" for key, value in logs.items()]
        return " - ".join(parts)

    def draw(self, logs: Logs) -> None:
        """Show where things stand."""
        if self.verbose == 0:
            return
        now = time.perf_counter()
        if self.live:
            self._next = now + REFRESH
            with self._may_break():
                self._live_line().show(self._line(logs, False))
        else:
            self._next = now + LOG_EVERY
            self._write((f"{self.title} - " if self.title else "") + self._line(logs, False) + "\n")

    def finish(self, logs: Logs) -> None:
        """Show the end."""
        if self.verbose == 0:
            return
        line = self._line(logs, True)
        if self.live:
            with self._may_break():
                self._live_line().end(line)
        else:
            self._write((f"{self.title} - " if self.title else "") + line + "\n")

    def interrupt(self, message: str) -> None:
        """End the line where it is and say why."""
        if self.live:
            self._write("\n")
        if self.verbose:
            self._write(message + "\n")


def unit_of(x: Any) -> tuple[str, Any]:
    """What a batch's speed counts, and a function from a batch's `x` to how many: tokens for 2-D integer arrays."""
    first = x
    while isinstance(first, (list, tuple, dict)) and first:
        first = next(iter(first.values())) if isinstance(first, dict) else first[0]
    if isinstance(first, np.ndarray) and first.dtype.kind in "iu" and first.ndim == 2 and first.shape[1] > 1:
        if first is x:
            return "token", lambda value: value.size
        return "token", lambda value: len(_first(value)) * first.shape[1]
    return "step", lambda value: 1


def _first(value: Any) -> Any:
    while isinstance(value, (list, tuple, dict)):
        value = next(iter(value.values())) if isinstance(value, dict) else value[0]
    return value


class ProgbarLogger(Callback):
    """The progress line as a callback. ``fit`` adds one by itself unless ``verbose=0``."""

    def __init__(self) -> None:
        super().__init__()
        self.bar: Progress | None = None
        self.unit = "step"
        self.work: Any = lambda value: 1

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        epochs = self.params.get("epochs", 1)
        self.bar = Progress(
            self.params.get("steps"), self.params.get("verbose", 1), title=f"Epoch {epoch + 1}/{epochs}", unit=self.unit
        )

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        if self.bar is not None:
            self.bar.advance(1)
            if self.bar.due():
                self.bar.draw(logs or {})

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self.bar is not None:
            self.bar.finish(logs or {})
