"""Callbacks, under Keras's names: ``recurra.callbacks.EarlyStopping(patience=3, restore_best_weights=True)``."""

from recurra.callbacks.averaged_weights import SwapEMAWeights
from recurra.callbacks.backup import BackupAndRestore
from recurra.callbacks.base import Callback
from recurra.callbacks.callback_list import CallbackList
from recurra.callbacks.csv_logger import CSVLogger
from recurra.callbacks.early_stopping import EarlyStopping
from recurra.callbacks.history import History
from recurra.callbacks.lambda_callback import LambdaCallback
from recurra.callbacks.learning_rate import LearningRateScheduler, ReduceLROnPlateau
from recurra.callbacks.model_checkpoint import ModelCheckpoint
from recurra.callbacks.monitor import MonitorCallback
from recurra.callbacks.progress import ProgbarLogger
from recurra.callbacks.tensorboard import TensorBoard
from recurra.callbacks.terminate_on_nan import TerminateOnNaN

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
