"""Callbacks, under Keras's names: ``recurra.callbacks.EarlyStopping(patience=3, restore_best_weights=True)``.

Each is loaded when it is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from recurra.callbacks.averaged_weights import SwapEMAWeights
    from recurra.callbacks.backup import BackupAndRestore
    from recurra.callbacks.base import Callback
    from recurra.callbacks.callback_list import CallbackList
    from recurra.callbacks.csv_logger import CSVLogger
    from recurra.callbacks.early_stopping import EarlyStopping
    from recurra.callbacks.gradient_norms import gradient_norms, plot_gradient_norms
    from recurra.callbacks.history import History
    from recurra.callbacks.lambda_callback import LambdaCallback
    from recurra.callbacks.learning_rate import LearningRateScheduler, ReduceLROnPlateau
    from recurra.callbacks.model_checkpoint import ModelCheckpoint
    from recurra.callbacks.monitor import MonitorCallback
    from recurra.callbacks.progress import ProgbarLogger
    from recurra.callbacks.tensorboard import TensorBoard
    from recurra.callbacks.terminate_on_nan import TerminateOnNaN

_HOMES = {
    "SwapEMAWeights": "averaged_weights",
    "BackupAndRestore": "backup",
    "Callback": "base",
    "CallbackList": "callback_list",
    "CSVLogger": "csv_logger",
    "EarlyStopping": "early_stopping",
    "History": "history",
    "LambdaCallback": "lambda_callback",
    "LearningRateScheduler": "learning_rate",
    "ReduceLROnPlateau": "learning_rate",
    "ModelCheckpoint": "model_checkpoint",
    "MonitorCallback": "monitor",
    "ProgbarLogger": "progress",
    "TensorBoard": "tensorboard",
    "TerminateOnNaN": "terminate_on_nan",
    "gradient_norms": "gradient_norms",
    "plot_gradient_norms": "gradient_norms",
}

__all__ = [
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "MonitorCallback",
    "ProgbarLogger",
    "ReduceLROnPlateau",
    "SwapEMAWeights",
    "TensorBoard",
    "TerminateOnNaN",
    "gradient_norms",
    "plot_gradient_norms",
]


if not TYPE_CHECKING:  # a name that is not there is an error to a type checker

    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module 'recurra.callbacks' has no attribute {name!r}")
        value = getattr(import_module(f"recurra.callbacks.{_HOMES[name]}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
