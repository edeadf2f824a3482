"""The record of a training run."""

from __future__ import annotations

import weakref
from typing import Any

from recurra.callbacks.base import Callback, Logs

#: names in Keras 2, by those that are logged
_OLDER = {"learning_rate": "lr", "accuracy": "acc", "val_accuracy": "val_acc"}
_NAMES = {**_OLDER, **{old: new for new, old in _OLDER.items()}}


class Records(dict[str, list[Any]]):
    """Lists by name. ``["lr"]``, ``["acc"]`` and ``["val_acc"]`` also find `learning_rate`, `accuracy`, `val_accuracy`.

    And the other way round. Only the names that were logged are listed.
    """

    def __missing__(self, key: str) -> list[Any]:
        other = _NAMES.get(key)
        if other is not None and dict.__contains__(self, other):
            return dict.__getitem__(self, other)
        raise KeyError(key)

    def __contains__(self, key: object) -> bool:
        return super().__contains__(key) or super().__contains__(_NAMES.get(str(key)))

    def get(self, key: str, default: Any = None) -> Any:
        try:
            return self[key]
        except KeyError:
            return default

    def __reduce__(self) -> Any:
        return Records, (dict(self),)


class History(Callback):
    """What ``fit`` returns.

    history : a list of values, one for each epoch, under each key: "loss", the metrics, "val_loss", "learning_rate" ...
        Keras 2's names "lr", "acc" and "val_acc" find theirs
    epoch : the numbers of these epochs
    params : {"epochs", "steps", "verbose"}
    interrupted : None, or (epoch, batches done) where Ctrl-C ended training. The averages of that part of an epoch
        are in `history`, without validation values
    signal : the number of the signal that ended training, None where none did
    model : the model, None when it is gone: a history, which the model has as ``model.history``, does not keep it
    """

    state_attributes: tuple[str, ...] = ("history", "epoch")

    def __init__(self) -> None:
        super().__init__()
        self.history: dict[str, list[Any]] = Records()
        self.epoch: list[int] = []
        self.interrupted: tuple[int, int] | None = None
        self.signal: int | None = None

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict({**state, "history": Records(state["history"])})

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "history": dict(self.history)}

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
        self.history = Records()
        self.interrupted, self.signal = None, None

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
