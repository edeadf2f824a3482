"""Ten steps of training with nothing but operations and the tape give PyTorch's losses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra import GradientTape, Variable, ops

GOLDEN = Path(__file__).parents[1] / "golden" / "torch.npz"


@pytest.mark.parametrize("fused", [True, False])
def test_loss_curve(dtype: np.dtype[Any], fused: bool) -> None:
    with np.load(GOLDEN) as stored:
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
