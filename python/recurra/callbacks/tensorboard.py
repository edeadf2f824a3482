"""Logs for TensorBoard, written with tensorboardX (extra ``recurra[tensorboard]``)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from recurra.callbacks.base import Callback, Logs
from recurra.files import naming, path_name
from recurra.typing import PathLike

_QUEUE = 1_000_000


class TensorBoard(Callback):
    """Write losses and metrics where ``tensorboard --logdir`` finds them: folders "train" and "validation".

    log_dir : the folder
    histogram_freq : write histograms of the weights once in so many epochs; 0 for never
    write_graph : write the model's architecture (its summary, as text)
    write_steps_per_second : also write how many batches a second there are
    update_freq : "epoch"; "batch" or a number of batches for values during an epoch too
    write_images, profile_batch, embeddings_freq, embeddings_metadata : Keras's views of weights as images, of its
        profiler and of embeddings are not offered: an error unless they are off

    raises : ImportError without tensorboardX, at the start of training
    """

    state_attributes: tuple[str, ...] = ("_step",)

    def __init__(
        self,
        log_dir: PathLike = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: int | str = "epoch",
        profile_batch: int | Sequence[int] = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: Any = None,
    ) -> None:
        super().__init__()
        refused = {
            "write_images": write_images,
            "profile_batch": profile_batch,
            "embeddings_freq": embeddings_freq,
            "embeddings_metadata": embeddings_metadata,
        }
        for name, value in refused.items():
            if value:
                raise ValueError(f"{name} is not offered: leave it out, got {value!r}")
        if update_freq not in ("epoch", "batch") and (not isinstance(update_freq, int) or update_freq < 1):
            raise ValueError(f"update_freq must be 'epoch', 'batch' or a number of batches, got {update_freq!r}")
        self.log_dir = path_name(log_dir, "log_dir")
        self.histogram_freq, self.write_graph = histogram_freq, write_graph
        self.write_steps_per_second = write_steps_per_second
        self.update_freq = 1 if update_freq == "batch" else update_freq
        self._writers: dict[str, Any] = {}
        self._step = 0
        self._epoch_start = (0.0, 0)

    def _writer(self, part: str) -> Any:
        if part not in self._writers:
            try:
                from tensorboardX import SummaryWriter
            except ImportError as error:
                raise ImportError("TensorBoard needs tensorboardX: pip install 'recurra[tensorboard]'") from error
            # an add must not wait for tensorboardX's thread, which a full disk ends
            self._writers[part] = SummaryWriter(os.path.join(self.log_dir, part), max_queue=_QUEUE)
        return self._writers[part]

    def _add(self, part: str, kind: str, *values: Any) -> None:
        writer = self._writer(part)
        events: Any = getattr(getattr(writer, "file_writer", None), "event_writer", None)
        worker = getattr(events, "_worker", None)
        if worker is not None and not worker.is_alive():
            events._event_queue.cancel_join_thread()  # Python's end would wait for what nobody reads
            folder = os.path.join(self.log_dir, part)
            raise OSError(f"{folder} is not written any longer: tensorboardX has met an error, a full disk perhaps")
        getattr(writer, kind)(*values)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._writer("train")  # also where nothing is written yet: the extra may be missing
        self._step = int(self.model.optimizer.iterations)
        if self.write_graph:
            lines: list[str] = []
            self.model.summary(print_fn=lines.append)
            self._add("train", "add_text", "model", "```\n" + "\n".join(lines) + "\n```", 0)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        import time

        self._epoch_start = (time.perf_counter(), self._step)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._step += 1
        if not isinstance(self.update_freq, str) and self._step % self.update_freq == 0:
            for key, value in (logs or {}).items():
                if np.ndim(value) == 0:
                    self._add("train", "add_scalar", f"batch_{key}", float(value), self._step)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        import time

        for key, value in (logs or {}).items():
            if np.ndim(value) == 0:
                part, name = ("validation", key[4:]) if key.startswith("val_") else ("train", key)
                self._add(part, "add_scalar", f"epoch_{name}", float(value), epoch)
        if self.write_steps_per_second:
            start, before = self._epoch_start
            speed = (self._step - before) / max(time.perf_counter() - start, 1e-9)
            self._add("train", "add_scalar", "epoch_steps_per_second", speed, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            for layer in self.model.layers:
                for i, weight in enumerate(layer.weights):
                    self._add("train", "add_histogram", f"{layer.name}/{weight.name}_{i}", weight.numpy(), epoch)
        for part, writer in self._writers.items():
            with naming(os.path.join(self.log_dir, part)):
                writer.flush()

    def on_train_end(self, logs: Logs | None = None) -> None:
        for part, writer in self._writers.items():
            with naming(os.path.join(self.log_dir, part)):
                writer.close()
        self._writers = {}
