"""Several callbacks as one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from recurra.callbacks.base import Callback, Logs
from recurra.callbacks.history import History
from recurra.callbacks.progress import ProgbarLogger


def _overrides(callback: Callback, *names: str) -> bool:
    return any(
        getattr(type(callback), name, None) is not getattr(Callback, name) or name in vars(callback) for name in names
    )


class CallbackList(Callback):
    """Several callbacks as one. Batch hooks that no callback overrides cost nothing."""

    def __init__(
        self,
        callbacks: Iterable[Callback] | Callback | None = None,
        add_history: bool = False,
        add_progbar: bool = False,
        model: Any = None,
        **params: Any,
    ) -> None:
        super().__init__()
        if isinstance(callbacks, CallbackList):
            found = list(callbacks.callbacks)
        elif callbacks is None:
            found = []
        elif isinstance(callbacks, (list, tuple)):
            found = [callback for callback in callbacks if callback is not None]
        else:
            found = [callbacks]  # type: ignore[list-item]
        for callback in found:
            if isinstance(callback, type):
                raise TypeError(f"callbacks must hold objects, got the class {callback.__name__}: call it")
            if not hasattr(callback, "on_epoch_end"):
                raise TypeError(f"callbacks must hold Callback objects, got {callback!r}")
        self.callbacks: list[Callback] = found
        if add_progbar and not any(isinstance(c, ProgbarLogger) for c in found):
            self.callbacks.append(ProgbarLogger())
        self.history: Any = None
        for callback in found:
            if isinstance(callback, History):
                self.history = callback
        if add_history and self.history is None:
            self.history = History()
            self.callbacks.append(self.history)
        if model is not None:
            self.set_model(model)
        if params:
            self.set_params(params)
        self.train_begin = self._wanting("on_train_batch_begin", "on_batch_begin")
        self.train_end = self._wanting("on_train_batch_end", "on_batch_end")
        self.test_begin = self._wanting("on_test_batch_begin")
        self.test_end = self._wanting("on_test_batch_end")
        self.predict_begin = self._wanting("on_predict_batch_begin")
        self.predict_end = self._wanting("on_predict_batch_end")

    def _wanting(self, *names: str) -> list[Callback]:
        return [c for c in self.callbacks if not isinstance(c, Callback) or _overrides(c, *names)]

    def append(self, callback: Callback) -> None:
        self.__init__([*self.callbacks, callback], model=self.model, **self.params)  # type: ignore[misc]

    def set_params(self, params: Mapping[str, Any] | None) -> None:
        super().set_params(params)
        for callback in self.callbacks:
            callback.set_params(params)

    def set_model(self, model: Any) -> None:
        super().set_model(model)
        if self.history is not None:
            model.history = self.history
        for callback in self.callbacks:
            callback.set_model(model)

    def __iter__(self) -> Any:
        return iter(self.callbacks)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        for callback in self.callbacks:
            callback.on_train_begin({} if logs is None else logs)

    def on_train_end(self, logs: Logs | None = None) -> None:
        for callback in self.callbacks:
            callback.on_train_end({} if logs is None else logs)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        for callback in self.callbacks:
            callback.on_epoch_begin(epoch, {} if logs is None else logs)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        for callback in self.callbacks:
            callback.on_epoch_end(epoch, {} if logs is None else logs)

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        for callback in self.train_begin:
            callback.on_train_batch_begin(batch, {} if logs is None else logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        for callback in self.train_end:
            callback.on_train_batch_end(batch, {} if logs is None else logs)

    def on_test_begin(self, logs: Logs | None = None) -> None:
        for callback in self.callbacks:
            callback.on_test_begin({} if logs is None else logs)

    def on_test_end(self, logs: Logs | None = None) -> None:
        for callback in self.callbacks:
            callback.on_test_end({} if logs is None else logs)

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        for callback in self.test_begin:
            callback.on_test_batch_begin(batch, {} if logs is None else logs)

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        for callback in self.test_end:
            callback.on_test_batch_end(batch, {} if logs is None else logs)

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        for callback in self.callbacks:
            callback.on_predict_begin({} if logs is None else logs)

    def on_predict_end(self, logs: Logs | None = None) -> None:
        for callback in self.callbacks:
            callback.on_predict_end({} if logs is None else logs)

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        for callback in self.predict_begin:
            callback.on_predict_batch_begin(batch, {} if logs is None else logs)

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        for callback in self.predict_end:
            callback.on_predict_batch_end(batch, {} if logs is None else logs)
