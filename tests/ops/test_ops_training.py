"""Ten steps of training with nothing but operations and the tape give PyTorch's losses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import GradientTape, Variable, get_num_threads, ops, set_num_threads
from tests.golden import GOLDEN

NUMBERS = GOLDEN / "torch.npz"


@pytest.mark.parametrize("fused", [True, False])
def test_loss_curve(dtype: np.dtype[Any], fused: bool) -> None:
    with np.load(NUMBERS) as stored:
        g = {key.rpartition("/")[2]: stored[key] for key in stored.files if key.startswith("training/")}
    names = ("table", "kernel", "recurrent_kernel", "bias", "dense_kernel", "dense_bias")
    variables = [Variable(g[name].astype(dtype), name=name) for name in names]
    table, W, U, b, V, d = variables
    momenta = [np.zeros_like(v.value) for v in variables]
    losses = []
    for _ in range(10):
        with GradientTape() as tape:
            if fused:
                y, _, _ = ops.lstm(g["ids"], W, U, b, embeddings=table)
            else:
                y, _, _ = ops.lstm(ops.embedding(table, g["ids"]), W, U, b)
            loss = ops.mean(ops.softmax_cross_entropy(ops.dense(y, V, d), g["labels"]))
        losses.append(float(loss))
        for variable, m, grad in zip(variables, momenta, tape.gradient(loss, variables), strict=True):
            m *= 0.9
            m -= 0.5 * np.asarray(grad)
            variable.assign(variable.value + m)
    assert losses[-1] < losses[0] - 0.2
    np.testing.assert_allclose(losses, g["losses"], rtol=1e-10 if dtype == np.float64 else 2e-4)


def test_a_step_has_the_same_bits_for_any_number_of_threads(rng: np.random.Generator) -> None:
    def normal(*shape: int) -> np.ndarray:
        return (0.2 * rng.normal(size=shape)).astype(np.float32)

    ids, labels = rng.integers(0, 40, (37, 21)), rng.integers(0, 130, (37, 21))
    shapes = [
        (40, 24),
        (24, 4 * 70),
        (70, 4 * 70),
        (4 * 70,),
        (70, 3 * 48),
        (48, 3 * 48),
        (2, 3 * 48),
        (48, 130),
        (130,),
    ]
    variables = [Variable(normal(*shape)) for shape in shapes]
    lengths = rng.integers(0, 22, 37)

    def step() -> list[bytes]:
        with GradientTape() as tape:
            table, W, U, b, W2, U2, b2, V, d = variables
            y, _, _ = ops.lstm(ids, W, U, b, embeddings=table, lengths=lengths)
            y, _, _ = ops.gru(ops.dropout(y, 0.3, seed=4), W2, U2, b2, lengths=lengths, reverse=True)
            weights = ops.softmax(ops.matmul(y, ops.swapaxes(y, 1, 2)))
            y = ops.layer_normalization(y + ops.matmul(weights, y))
            loss = ops.mean(ops.softmax_cross_entropy(ops.dense(y, V, d), labels))
        grads = tape.gradient(loss, variables)
        return [np.asarray(value).tobytes() for value in (loss, *grads)]

    before = get_num_threads()
    try:
        results = []
        for threads in (1, 2, 3):
            set_num_threads(threads)
            results.append(step())
    finally:
        set_num_threads(before)
    assert results[0] == results[1] == results[2]
