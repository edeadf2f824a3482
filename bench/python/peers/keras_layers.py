"""Keras 3 on TensorFlow: the layers themselves in a ``tf.function``, compiled by XLA or run as a graph."""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf

from bench.python.peers import Candidate, keep_reversed
from bench.python.problem import Answer, Problem

LAYERS = {
    "lstm": keras.layers.LSTM,
    "gru": keras.layers.GRU,
    "gru_reset_before": keras.layers.GRU,
    "simple_rnn": keras.layers.SimpleRNN,
}


def prepare(threads: int) -> None:
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def versions() -> dict[str, str]:
    return {"keras": keras.__version__, "tensorflow": tf.__version__}


def candidates(problem: Problem) -> list[Candidate]:
    if problem.cell.name not in LAYERS:
        return []
    found = [_candidate(problem, "XLA", jit=True)]
    if problem.case.time <= 100:  # unrolled by nobody, a graph pays for each step; far behind XLA on long sequences
        found.append(_candidate(problem, "graph", jit=False))
    return found


def _candidate(problem: Problem, setting: str, jit: bool) -> Candidate:
    options = {"return_sequences": True, "return_state": True, "dtype": problem.dtype}
    if problem.cell.name.startswith("gru"):
        options["reset_after"] = problem.cell.biases == 2
    layer = LAYERS[problem.cell.name](problem.case.units, **options)
    if problem.case.bidirectional:
        layer = keras.layers.Bidirectional(layer)
    x, dy = tf.constant(problem.x), tf.constant(problem.dy)
    states = []
    for direction in range(problem.case.directions):
        states += [tf.constant(state[direction]) for state in (problem.h0, problem.c0) if state is not None]
    layer(x, initial_state=states)
    layer.set_weights([a for w in problem.weights for a in (w.kernel, w.recurrent_kernel, w.bias)])

    @tf.function(jit_compile=jit)  # type: ignore[untyped-decorator, unused-ignore]
    def inference() -> Any:
        return layer(x, initial_state=states)

    @tf.function(jit_compile=jit)  # type: ignore[untyped-decorator, unused-ignore]
    def training() -> Any:
        with tf.GradientTape() as tape:
            tape.watch([x, *states])
            y, *final = layer(x, initial_state=states, training=True)
        return y, *final, tape.gradient(y, [x, *states, *layer.trainable_variables], output_gradients=dy)

    run = training if problem.training else inference

    def call() -> Any:
        result = run()
        result[0].numpy()  # waits; a view, no copy
        return result

    def answer(result: Any) -> Answer:
        count = len(states) // problem.case.directions
        y, *final = result[: 1 + len(states)]
        found = {"y": y.numpy()} | _states("hc", final, count)
        if problem.training:
            dx, *rest = result[-1]
            found |= {"dx": dx.numpy()} | _states(("dh0", "dc0"), rest[: len(states)], count)
            weights = [np.asarray(w) for w in rest[len(states) :]]
            names = ("dkernel", "drecurrent_kernel", "dbias")
            parts = [dict(zip(names, weights[i : i + 3], strict=True)) for i in range(0, len(weights), 3)]
            found |= keep_reversed(problem, parts)
        return found

    return Candidate(setting, call, answer)


def _states(names: Any, values: list[Any], count: int) -> Answer:
    """Keras lists the states direction by direction; stack each over the directions."""
    return {name: np.stack([v.numpy() for v in values[i::count]]) for i, name in zip(range(count), names, strict=False)}
