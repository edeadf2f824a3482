"""The jobs written for Keras, run by Keras or, with the same lines, by recurra."""

from __future__ import annotations

import time
from itertools import pairwise
from types import ModuleType
from typing import Any

from bench.python.jobs import Job
from bench.python.problem import Array


class KerasJob:
    """A compiled model of ``keras`` (or ``recurra``) and its ``fit``."""

    def __init__(self, keras: ModuleType, job: Job, weights: list[Array], jit_compile: Any = "auto") -> None:
        layers, models = keras.layers, keras.models
        stack = [layers.Input((job.time,)), layers.Embedding(job.vocabulary, job.embedding)]
        for position, units in enumerate(job.units):
            last = position == len(job.units) - 1
            stack.append(layers.LSTM(units, return_sequences=job.every_step or not last))
        if job.dense:
            stack.append(layers.Dense(job.dense, activation="relu"))
        stack.append(layers.Dense(job.outputs))
        self.model = models.Sequential(stack)
        self.model.set_weights(weights)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        if job.outputs == 1:
            loss = keras.losses.BinaryCrossentropy(from_logits=True)
        # Keras's defaults, written out because PyTorch's differ
        optimizer = keras.optimizers.Adam(learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7)
        if job.optimizer == "rmsprop":
            optimizer = keras.optimizers.RMSprop(learning_rate=0.001, rho=0.9, epsilon=1e-7)
        self.model.compile(optimizer, loss, jit_compile=jit_compile)
        self.job = job

        class Clock(keras.callbacks.Callback):  # type: ignore[misc, name-defined, unused-ignore]
            def __init__(self) -> None:
                super().__init__()
                self.times: list[float] = []

            def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
                self.times.append(time.perf_counter())

        self._clock = Clock

    def losses(self, x: Array, y: Array) -> list[float]:
        """The loss of each batch before its update."""
        size = self.job.batch
        return [
            float(self.model.train_on_batch(x[i : i + size], self._labels(y[i : i + size])))
            for i in range(0, len(x), size)
        ]

    def fit(self, x: Array, y: Array) -> list[float]:
        """Seconds of each step but the first, which pays for fit's beginning."""
        clock = self._clock()
        self.model.fit(
            x, self._labels(y), batch_size=self.job.batch, epochs=1, shuffle=False, verbose=0, callbacks=[clock]
        )
        return [b - a for a, b in pairwise(clock.times)]

    def _labels(self, y: Array) -> Array:
        return y[:, None] if self.job.outputs == 1 else y
