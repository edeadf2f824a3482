"""The end of a training whose loss is no number."""

from __future__ import annotations

import numpy as np

from recurra.callbacks.base import Callback, Logs, say


class TerminateOnNaN(Callback):
    """Stop training when the loss is NaN or infinite.

    raise_error : raise RuntimeError instead
    """

    def __init__(self, raise_error: bool = False) -> None:
        super().__init__()
        self.raise_error = raise_error

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        loss = (logs or {}).get("loss")
        if loss is None or np.isfinite(loss):
            return
        if self.raise_error:
            raise RuntimeError(f"the loss is {loss} after batch {batch}")
        say(f"Batch {batch}: the loss is {loss}, training ends")
        self.model.stop_training = True
