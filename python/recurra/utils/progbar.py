"""A progress bar in Keras's terms, for loops written by hand: :class:`Progbar`."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from typing import Any, TextIO

import numpy as np

from recurra.utils.messages import message_stream
from recurra.utils.progress_line import ProgressLine, is_live


class Progbar:
    """Print how far a loop is, its speed, and running means of its values.

    target : number of steps, or None if unknown
    width : of the bar, in characters
    verbose : 0 silent, 1 a bar that is redrawn, 2 one line at the end
    interval : least seconds between two redraws
    stateful_metrics : names of values to show as they are; the others are averaged over the steps
    unit_name : what a step is called
    stream : where to print, ``sys.stdout`` by default. In a terminal the line is redrawn in place; in a file or a pipe
        only the final line is written.

    >>> bar = Progbar(3, verbose=2)
    >>> for step in range(3):
    ...     bar.add(1, values=[("loss", 1.0 / (step + 1))])  # doctest: +ELLIPSIS
    3/3 - ...s/step - loss: 0.6111
    """

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: int = 1,
        interval: float = 0.05,
        stateful_metrics: Iterable[str] | None = None,
        unit_name: str = "step",
        stream: TextIO | None = None,
    ) -> None:
        if verbose not in (0, 1, 2):
            raise ValueError(f"verbose must be 0, 1 or 2, got {verbose!r}")
        self.target, self.width, self.verbose, self.interval = target, width, verbose, interval
        self.stateful_metrics = set(stateful_metrics or ())
        self.unit_name = unit_name
        self._stream = stream
        self._seen = 0
        self._sums: dict[str, list[float]] = {}  # name: [sum of value * steps, steps]
        self._start = time.monotonic()
        self._drawn = -math.inf
        self._shown: ProgressLine | None = None

    def update(
        self, current: int, values: Iterable[tuple[str, Any]] | None = None, finalize: bool | None = None
    ) -> None:
        """Say that `current` steps are done.

        values : pairs of a name and its value over the steps since the last call
        finalize : whether this ends the loop; None means ``current >= target``
        """
        done = (self.target is not None and current >= self.target) if finalize is None else finalize
        steps = max(current - self._seen, 1)
        for name, value in values or ():
            number = float(np.mean(value))
            total = self._sums.setdefault(name, [0.0, 0])
            if name in self.stateful_metrics:
                total[:] = [number, 1]
            else:
                total[0] += number * steps
                total[1] += steps
        self._seen = current
        if self.verbose == 0 or (self.verbose == 2 and not done):
            return
        now = time.monotonic()
        stream = self._stream or message_stream()
        live = self.verbose == 1 and is_live(stream)
        if not done and (not live or now - self._drawn < self.interval):
            return
        self._drawn = now
        line = self._line(current, now - self._start, done)
        if not live:
            stream.write(line + "\n")
            stream.flush()
            return
        if self._shown is None:
            self._shown = ProgressLine(stream)
        if done:
            self._shown.end(line)
            self._shown = None
        else:
            self._shown.show(line)

    def add(self, n: int, values: Iterable[tuple[str, Any]] | None = None) -> None:
        """Say that `n` more steps are done."""
        self.update(self._seen + n, values)

    def _line(self, current: int, seconds: float, done: bool) -> str:
        per_step = seconds / max(current, 1)
        if self.target:
            parts = [f"{current:{len(str(self.target))}d}/{self.target}"]
            if self.verbose == 1:
                filled = min(self.width, int(self.width * current / self.target))
                parts[0] += " " + "━" * filled + "─" * (self.width - filled)
        else:
            parts = [f"{current}/unknown"]
        left = per_step * (self.target - current) if self.target and not done else seconds
        parts[0] += f" {clock(left)}" if self.verbose == 1 else ""
        parts.append(
            f"{duration(per_step)}/{self.unit_name}"
            if self.verbose == 1
            else f"{clock(seconds)} {duration(per_step)}/{self.unit_name}"
        )
        for name, (total, steps) in self._sums.items():
            mean = total / max(steps, 1)
            parts.append(f"{name}: {mean:.4f}" if abs(mean) > 1e-3 else f"{name}: {mean:.4e}")
        return " - ".join(parts)


def clock(seconds: float) -> str:
    """``"7s"``, ``"1:07"`` or ``"2:01:07"``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes}:{rest:02d}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def duration(seconds: float) -> str:
    """A short duration: ``"12us"``, ``"3ms"`` or ``"2s"``."""
    if seconds >= 1 or seconds == 0:
        return f"{seconds:.0f}s"
    return f"{seconds * 1e3:.0f}ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f}us"
