"""The end of a training that makes no progress."""

from __future__ import annotations

from typing import Any

from recurra.callbacks.base import Logs, say
from recurra.callbacks.monitor import MonitorCallback


class EarlyStopping(MonitorCallback):
    """Stop when the monitored quantity has not improved for `patience` epochs.

    monitor : a key of the logs, "val_loss"
    mode : "min", "max", or "auto": losses go down, metrics where they say
    min_delta : smaller changes are no improvement
    verbose : 1 says so
    baseline : only values that beat it count as progress
    restore_best_weights : at the end of training go back to the weights of the best epoch (also where training was
        not stopped early)
    start_from_epoch : watch from this epoch on
    """

    state_attributes: tuple[str, ...] = ("wait", "stopped_epoch", "best_epoch", "best", "best_weights")

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, None, min_delta)
        self.patience, self.verbose, self.baseline = patience, verbose, baseline
        self.restore_best_weights, self.start_from_epoch = restore_best_weights, start_from_epoch
        self.wait = 0
        self.stopped_epoch = 0
        self.best_epoch = 0
        self.best_weights: list[Any] | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        super().on_train_begin(logs)
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best = None
        self.best_weights = None

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        current = self._value(logs)
        if current is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self.best_weights, self.best_epoch = self.model.get_weights(), epoch
        self.wait += 1
        if self._is_improvement(current, self.best):
            self.best, self.best_epoch = current, epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            if self.baseline is None or self._is_improvement(current, self.baseline):
                self.wait = 0
            return
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self.stopped_epoch > 0 and self.verbose:
            say(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.restore_best_weights:
            self.restore()

    def restore(self) -> None:
        """Give the model the weights of the best epoch, where they were kept."""
        if self.best_weights is None:
            return
        if self.verbose:
            say(f"Restoring the weights of the best epoch: {self.best_epoch + 1}")
        self.model.set_weights(self.best_weights)
