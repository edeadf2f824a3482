"""A process that trains one job in one framework: ``python -m bench.python.fit_worker CANDIDATE THREADS``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from bench.python.jobs import JOBS, initial_weights, make_batches
from bench.python.load import Meter, pick_cpus
from bench.python.serve import peak_mib, serve

# Candidate -> what must be importable, and its title.
CANDIDATES: dict[str, tuple[tuple[str, ...], str]] = {
    "recurra": (("recurra",), "recurra"),
    "torch": (("torch",), "PyTorch"),
    "torch-flushed": (("torch",), "PyTorch, denormals flushed"),
    "torch-fused": (("torch",), "PyTorch, denormals flushed, fused Adam"),
    "keras": (("keras", "tensorflow"), "Keras (TensorFlow)"),
    "keras-graph": (("keras", "tensorflow"), "Keras, jit_compile=False"),
}


class FitWorker:
    def __init__(self, candidate: str, threads: int) -> None:
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, pick_cpus(threads))
        self.candidate, self.threads = candidate, threads
        self.job: Any = None

    def prepare(self, job: str, batches: int, imdb: str | None) -> dict[str, Any]:
        """Make the data and the model."""
        what = JOBS[job]
        self.batch = what.batch
        self.x, self.y = make_batches(what, batches, None if imdb is None else Path(imdb))
        self.job = self._make(what, initial_weights(what))
        return {}

    def _make(self, job: Any, weights: list[Any]) -> Any:
        if self.candidate == "recurra":
            import recurra
            from bench.python.fit_keras import KerasJob
            from recurra import callbacks, layers, losses, models, optimizers  # noqa: F401  (recurra loads them lazily)

            recurra.set_num_threads(self.threads)
            return KerasJob(recurra, job, weights)
        if self.candidate.startswith("torch"):
            import torch

            from bench.python.fit_torch import TorchJob

            torch.set_flush_denormal(self.candidate != "torch")
            torch.set_num_threads(self.threads)
            return TorchJob(job, weights, fused=self.candidate == "torch-fused")
        os.environ["KERAS_BACKEND"] = "tensorflow"
        import keras
        import tensorflow as tf

        from bench.python.fit_keras import KerasJob

        tf.config.threading.set_intra_op_parallelism_threads(self.threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        return KerasJob(keras, job, weights, "auto" if self.candidate == "keras" else False)

    def losses(self, steps: int) -> dict[str, Any]:
        rows = steps * self.batch
        return {"losses": self.job.losses(self.x[:rows], self.y[:rows])}

    def fit(self, steps: int) -> dict[str, Any]:
        """Train on that many batches; seconds of each step but the first."""
        rows = steps * self.batch
        meter = Meter()
        walls = self.job.fit(self.x[:rows], self.y[:rows])
        return {"walls": walls, "load": meter.read().as_dict()}

    def memory(self) -> dict[str, Any]:
        return {"peak_mib": peak_mib()}


if __name__ == "__main__":
    sys.exit(serve(lambda: FitWorker(sys.argv[1], int(sys.argv[2]))))
