"""The record of a training run."""

from __future__ import annotations

import weakref
from typing import Any

from recurra.callbacks.base import Callback, Logs


class History(Callback):
    """What ``fit`` returns.

    history : a list of values, one for each epoch, under each key: "loss", the metrics, "val_loss", "learning_rate" ...
    epoch : the numbers of these epochs
    params : {"epochs", "steps", "verbose"}
    interrupted : None, or (epoch, batches done) where Ctrl-C ended training. The averages of that part of an epoch
        are in `history`, without validation values
    model : the model, None when it is gone: a history, which the model has as ``model.history``, does not keep it
    """

    def __init__(self) -> None:
        super().__init__()
        self.history: dict[str, list[Any]] = {}
        self.epoch: list[int] = []
        self.interrupted: tuple[int, int] | None = None

    @property
    def model(self) -> Any:
        reference = self.__dict__.get("_model")
        return None if reference is None else reference()

    def set_model(self, model: Any) -> None:
        self._model = None if model is None else weakref.ref(model)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_model": self.model}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.set_model(state["_model"])

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.epoch = []
        self.history = {}
        self.interrupted = None

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self.epoch.append(epoch)
        for key, value in (logs or {}).items():
            self.history.setdefault(key, []).append(value)
        if self.model is not None:
            self.model.history = self

    def plot(self, keys: list[str] | None = None, path: str | None = None) -> Any:
        """Draw the curves, training and validation together, one panel for each quantity.

        keys : which ("loss", "accuracy" ...); all by default
        path : write the figure to this file (.png, .svg, .pdf)
        returns : the matplotlib Figure
        raises : ImportError without matplotlib, which comes with the extra ``recurra[plot]``
        """
        from recurra.callbacks.history_plot import plot_history

        return plot_history(self, keys, path)

    def __repr__(self) -> str:
        return f"<History of {len(self.epoch)} epochs: {', '.join(self.history)}>"
