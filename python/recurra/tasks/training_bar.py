"""How far a training is: a live bar in a terminal, a line now and then in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from tqdm import tqdm

from recurra.callbacks import Callback
from recurra.utils.progress_line import bar, is_live

_QUIET_SECONDS = 15.0


class Progress(Callback):
    """Loss, tokens a second and the time left for the whole training, on standard error.

    In a terminal one bar shows the state of all epochs, and each finished epoch leaves a line above it. Elsewhere there
    is a line for each epoch, and one every 15 seconds within long ones.

    steps, epochs : batches in an epoch, and the most epochs
    tokens : tokens in an epoch
    """

    def __init__(self, steps: int, epochs: int, tokens: int, file: TextIO | None = None) -> None:
        super().__init__()
        self.steps, self.epochs, self.tokens = steps, epochs, tokens
        self.file: TextIO | None = file if file is not None else sys.stderr
        self._bar: Any = None
        self._live = self.file is not None and is_live(self.file)
        self._epoch, self._done = 0, 0
        self._first: int | None = None  # the batches that a resumed training had done before
        self._epoch_first: int | None = None
        self._begun = self._epoch_begun = self._said = 0.0

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._begun = self._said = time.monotonic()
        self._first = None
        if self._live and self.file is not None:
            self._bar = bar(
                self.file,
                total=self.steps * self.epochs,
                dynamic_ncols=True,
                leave=False,
                smoothing=0.05,
                bar_format="{desc} {percentage:3.0f}%|{bar}| {postfix[0]}{remaining} left",
                postfix=[""],
            )

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._epoch, self._epoch_begun, self._epoch_first = epoch + 1, time.monotonic(), None

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._done = (self._epoch - 1) * self.steps + batch + 1
        if self._first is None:
            self._first = self._done - 1
        if self._epoch_first is None:
            self._epoch_first = batch
        now = time.monotonic()
        if now - self._said < (0.1 if self._live else _QUIET_SECONDS):
            return
        self._said = now
        speed = self.tokens * (batch + 1 - self._epoch_first) / self.steps / (now - self._epoch_begun)
        loss = f"loss {(logs or {}).get('loss', float('nan')):.3f}, {_count(speed)} tokens/s"
        if self._bar is not None:
            self._bar.set_description_str(f"epoch {self._epoch}/{self.epochs}", refresh=False)
            self._bar.postfix[0] = f"{loss}, "
            with self._may_break():
                self._bar.update(self._done - self._bar.n)
        else:
            left = (now - self._begun) / (self._done - self._first) * (self.steps * self.epochs - self._done)
            share = 100 * (batch + 1) // self.steps
            self.say(f"epoch {self._epoch}/{self.epochs} {share:3d}%: {loss}, {_duration(left)} left")

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        seconds = time.monotonic() - self._epoch_begun
        shown = {name: value for name, value in (logs or {}).items() if name != "learning_rate"}
        parts = [f"{name.replace('val_', 'validation ')} {value:.4f}" for name, value in shown.items()]
        self.say(f"epoch {epoch + 1}/{self.epochs}: {', '.join(parts)}, {_duration(seconds)}")

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self.close()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """What is printed inside the block stands on lines of its own."""
        if self.file is None:
            yield
            return
        with tqdm.external_write_mode(file=self.file):
            yield

    def close(self) -> None:
        """Take the bar away; harmless when there is none."""
        if self._bar is not None:
            with self._may_break():
                self._bar.close()
            self._bar = None

    def say(self, line: str) -> None:
        """Print a line, above the bar where there is one."""
        if self.file is None:
            return
        with self._may_break():
            if self._bar is not None:
                self._bar.write(line, file=self.file)
            else:
                print(line, file=self.file, flush=True)

    @contextmanager
    def _may_break(self) -> Iterator[None]:
        """A closed stream ends the progress, not the training."""
        try:
            yield
        except (OSError, ValueError):
            if self._bar is not None:
                self._bar.disable, self._bar = True, None
            self.file = None


def _count(number: float) -> str:
    return f"{number:,.0f}" if number < 10_000 else f"{number / 1000:,.0f}k"


def _duration(seconds: float) -> str:
    whole = round(seconds)
    if whole < 100:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02} min"
