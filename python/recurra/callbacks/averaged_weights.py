"""The moving average of the weights, for evaluation."""

from __future__ import annotations

from recurra.callbacks.base import Callback, Logs


class SwapEMAWeights(Callback):
    """Evaluate and predict with the moving average of the weights, train on with the weights themselves.

    For optimizers made with ``use_ema=True``.

    swap_on_epoch : also while other callbacks see the end of an epoch, so that ModelCheckpoint saves the averages
    """

    state_attributes: tuple[str, ...] = ("_averaged",)

    def __init__(self, swap_on_epoch: bool = False) -> None:
        super().__init__()
        self.swap_on_epoch = swap_on_epoch
        self._averaged = False

    def _swap(self, averaged: bool) -> None:
        if self._averaged is not averaged:
            self.model.optimizer.swap_averages()
            self._averaged = averaged

    def on_train_begin(self, logs: Logs | None = None) -> None:
        if not self.model.optimizer.use_ema:
            raise ValueError("SwapEMAWeights needs an optimizer made with use_ema=True")

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._swap(False)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self.swap_on_epoch:
            self._swap(True)

    def before_finalize(self) -> None:
        """Called when fit is about to put the averages in the place of the weights."""
        self._swap(False)

    def on_test_begin(self, logs: Logs | None = None) -> None:
        self._swap(True)

    def on_test_end(self, logs: Logs | None = None) -> None:
        self._swap(False)

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        self._swap(True)

    def on_predict_end(self, logs: Logs | None = None) -> None:
        self._swap(False)
