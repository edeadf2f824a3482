"""Functions as hooks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from recurra.callbacks.base import Callback


class LambdaCallback(Callback):
    """Functions as hooks: ``LambdaCallback(on_epoch_end=lambda epoch, logs: print(logs["loss"]))``.

    on_epoch_begin, on_epoch_end : called with (epoch, logs)
    on_train_begin, on_train_end : called with (logs)
    on_train_batch_begin, on_train_batch_end : called with (batch, logs); any other hook of Callback by its name too
    """

    def __init__(
        self,
        on_epoch_begin: Callable[..., Any] | None = None,
        on_epoch_end: Callable[..., Any] | None = None,
        on_train_begin: Callable[..., Any] | None = None,
        on_train_end: Callable[..., Any] | None = None,
        on_train_batch_begin: Callable[..., Any] | None = None,
        on_train_batch_end: Callable[..., Any] | None = None,
        **kwargs: Callable[..., Any],
    ) -> None:
        super().__init__()
        hooks = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
            **kwargs,
        }
        for name, function in hooks.items():
            if not name.startswith("on_") or not hasattr(Callback, name):
                raise TypeError(f"LambdaCallback got {name!r}, which is no hook of Callback")
            if function is not None and not callable(function):
                raise TypeError(f"{name} must be a function or None, got {function!r}")
            if function is not None:
                setattr(self, name, function)
