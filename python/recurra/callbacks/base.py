"""The base of callbacks."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from recurra.utils.messages import message_stream

Logs = dict[str, Any]


def say(text: str) -> None:
    """Print what a callback has to tell; a closed or broken stream does not end the training."""
    with suppress(OSError, ValueError):
        print(text, file=message_stream())


class Callback:
    """Base class: override what you want to be told of.

    model : the model being trained; ``model.stop_training = True`` ends training after the epoch's batch
    params : {"epochs", "steps", "verbose"}

    `logs` holds the averages so far: "loss", the metrics, and at an epoch's end "val_loss" and so on.

    ``BackupAndRestore`` keeps what :meth:`state_dict` returns: the attributes named in `state_attributes`, which hold
    plain values or arrays and change as training goes. A callback of your own names its counters there.
    """

    state_attributes: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.params: dict[str, Any] = {}
        self._model: Any = None

    @property
    def model(self) -> Any:
        return self.__dict__.get("_model")

    def set_params(self, params: Mapping[str, Any] | None) -> None:
        self.params = dict(params or {})

    def set_model(self, model: Any) -> None:
        self._model = model

    def state_dict(self) -> dict[str, Any]:
        """What the callback has to remember when training is interrupted and resumed."""
        return {name: getattr(self, name) for name in self.state_attributes}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to what :meth:`state_dict` returned. Called after :meth:`on_train_begin`."""
        for name in self.state_attributes:
            setattr(self, name, state[name])

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Called when fit begins."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Called when fit ends, also when it is interrupted."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Called before epoch `epoch` (from 0)."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Called after epoch `epoch`, its validation included."""

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Older name of :meth:`on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Older name of :meth:`on_train_batch_end`."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Called before a training batch (from 0 in each epoch)."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Called after a training batch."""
        self.on_batch_end(batch, logs)

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Called when an evaluation (or validation) begins."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Called when it ends."""

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Called before a batch of an evaluation."""

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Called after a batch of an evaluation."""

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Called when predict begins."""

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """Called when predict ends."""

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Called before a batch of predict."""

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Called after a batch of predict."""
