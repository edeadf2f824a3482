"""The model written to disk as training goes: the best one, or each epoch's."""

from __future__ import annotations

import os
import warnings
from typing import Any

import numpy as np

from recurra.callbacks.base import Logs, say
from recurra.callbacks.monitor import MonitorCallback
from recurra.files import path_name
from recurra.typing import PathLike


def check_save_freq(save_freq: int | str) -> int | str:
    if save_freq != "epoch" and (isinstance(save_freq, bool) or not isinstance(save_freq, int) or save_freq < 1):
        raise ValueError(f"save_freq must be 'epoch' or a number of batches >= 1, got {save_freq!r}")
    return save_freq


class BatchCounter:
    """Counts batches across epochs and says when `freq` of them have passed."""

    def __init__(self, freq: int | str) -> None:
        self.freq = freq
        self._since = 0
        self._last = -1

    @property
    def state(self) -> tuple[int, int]:
        """The batches since the last time, and the number of the last batch. May be assigned."""
        return self._since, self._last

    @state.setter
    def state(self, value: tuple[int, int]) -> None:
        self._since, self._last = value

    def due(self, batch: int) -> bool:
        if isinstance(self.freq, str):
            return False
        self._since += batch + 1 if batch <= self._last else batch - self._last
        self._last = batch
        if self._since >= self.freq:
            self._since = 0
            return True
        return False


class ModelCheckpoint(MonitorCallback):
    """Save the model, or its weights, as training goes.

    filepath : may have places for the epoch (from 1), the batch and logged values:
        ``"run/{epoch:02d}-{val_loss:.2f}.keras"``. A name without an ending (``"run/ckpt_{epoch}"``) is fine too:
        see ``recurra.train.latest_checkpoint``
    monitor, mode, initial_value_threshold : what "best" means, and the value that the first must beat
    save_best_only : only where the monitored quantity improved
    save_weights_only : weights (and the optimizer's state) instead of the whole model
    save_freq : "epoch", or a number of batches
    period : Keras 2's number of epochs from one look at the model to the next
    verbose : 1 says what is saved
    """

    state_attributes: tuple[str, ...] = ("best", "_waited", "_epoch")

    def __init__(
        self,
        filepath: PathLike,
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: int | str = "epoch",
        initial_value_threshold: float | None = None,
        *,
        period: int = 1,
    ) -> None:
        super().__init__(monitor, mode, initial_value_threshold)
        if not isinstance(period, int) or period < 1:
            raise ValueError(f"period must be a number of epochs of at least 1, got {period!r}")
        self.period, self._waited = period, 0
        self.filepath = path_name(filepath)
        if not save_weights_only:  # a slash at the end is of Keras 2's folders: the file has the folder's name
            self.filepath = self.filepath.rstrip("/" + os.sep)
        self.verbose = verbose
        self.save_best_only, self.save_weights_only = save_best_only, save_weights_only
        self.save_freq = check_save_freq(save_freq)
        self._batches = BatchCounter(save_freq)
        self._epoch = 0
        if save_weights_only and self.filepath.endswith(".keras"):
            raise ValueError(
                f"filepath for weights alone must end in .weights.h5, or be a prefix without ending, got {filepath!r}"
            )
        if not save_weights_only and self.filepath.endswith(".weights.h5"):
            raise ValueError(f"filepath {filepath!r} is a name for weights: set save_weights_only=True or use .keras")

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "batches": self._batches.state}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self._batches.state = state["batches"]

    def on_train_begin(self, logs: Logs | None = None) -> None:
        if self.save_best_only:
            super().on_train_begin(logs)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        if self._batches.due(batch):
            self._save(self._epoch, batch, logs or {})

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self._waited += 1
        if self.save_freq == "epoch" and self._waited >= self.period:
            self._waited = 0
            self._save(epoch, None, logs or {})

    def _path(self, epoch: int, batch: int | None, logs: Logs) -> str:
        values = dict(logs)
        if batch is not None:
            values.setdefault("batch", batch + 1)
        try:
            path: str = self.filepath.format(epoch=epoch + 1, **values)
            return path
        except KeyError as error:
            raise KeyError(
                f"filepath {self.filepath!r} asks for {error}, which is not logged; there are: "
                f"epoch, {', '.join(values)}"
            ) from None

    def _wants(self, epoch: int, logs: Logs, path: str) -> bool:
        before = f"\nEpoch {epoch + 1}: "
        if not self.save_best_only:
            if self.verbose:
                say(f"{before}saving model to {path}")
            return True
        current = logs.get(self.monitor)
        if current is None or np.ndim(current) > 0:
            warnings.warn(
                f"ModelCheckpoint cannot tell whether {self.monitor!r} improved: it is "
                f"{'not logged' if current is None else 'not one number'}; the model is saved as it is",
                stacklevel=4,
            )
            return True
        best = "none" if self.best is None else f"{self.best:.5f}"
        if self._is_improvement(current, self.best):
            if self.verbose:
                say(f"{before}{self.monitor} improved from {best} to {current:.5f}, saving model to {path}")
            self.best = current
            return True
        if self.verbose:
            say(f"{before}{self.monitor} did not improve from {best}")
        return False

    def _save(self, epoch: int, batch: int | None, logs: Logs) -> None:
        path = self._path(epoch, batch, logs)
        if not self._wants(epoch, logs, path):
            return
        folder = os.path.dirname(path)
        if folder:
            os.makedirs(folder, exist_ok=True)
        if self.save_weights_only:
            self.model.save_weights(path, overwrite=True)
        else:
            self.model.save(path, overwrite=True)
