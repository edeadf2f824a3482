"""Callbacks, under Keras's names: ``recurra.callbacks.EarlyStopping(patience=3, restore_best_weights=True)``."""

from recurra.training.callback import Callback, CallbackList
from recurra.training.callbacks import CSVLogger, LambdaCallback, LearningRateScheduler, SwapEMAWeights, TerminateOnNaN
from recurra.training.checkpoints import BackupAndRestore, ModelCheckpoint
from recurra.training.history import History
from recurra.training.monitor import EarlyStopping, MonitorCallback, ReduceLROnPlateau
from recurra.training.progress import ProgbarLogger
from recurra.training.tensorboard import TensorBoard

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
]
