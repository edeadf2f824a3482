"""Backward without the gradients of the initial states, and one step that starts from zeros."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

from recurra._core.cells import CELLS

SIZES = [(9, 1, 3, 5), (23, 1, 2, 50), (2, 1, 4, 7), (9, 4, 3, 19), (3, 2, 2, 6)]  # B, T, I, H


def arrays(cell: str, sizes: tuple[int, int, int, int], dtype: Any) -> tuple[Any, list[Any], Any]:
    """x, weights and dy of every step."""
    B, T, I, H = sizes
    kind = CELLS[cell]
    draw = np.random.default_rng([B, T, I, H])
    projected = H + 1 if kind.projects else None
    shapes = kind.shapes(I, H, projected)
    weights = [(draw.standard_normal(shapes[name]) * 0.4).astype(dtype) for name in kind.weights]
    x = draw.standard_normal((B, T, I)).astype(dtype)
    return x, weights, draw.standard_normal((B, T, projected or H)).astype(dtype)


def run(core: ModuleType, cell: str, x: Any, weights: list[Any], dy: Any, dstates: Any, sequences: bool = True) -> Any:
    kind = CELLS[cell]
    states = [None] * len(kind.states)
    y, _, cache = core.recurrent_forward(
        cell, x, states, weights, None, None, None, None, kind.activation, kind.recurrent_activation or "sigmoid",
        False, sequences, False, True, None, None, None,
    )  # fmt: skip
    return y, core.recurrent_backward(cache, dy if sequences else dy[:, -1], dstates, True)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("cell", CELLS)
def test_without_gradients_of_initial_states(core: ModuleType, cell: str, sizes: tuple[int, int, int, int]) -> None:
    x, weights, dy = arrays(cell, sizes, np.float32)
    for sequences in (True, False):
        y, (dx, dstates, dweights) = run(core, cell, x, weights, dy, [None] * len(CELLS[cell].states), sequences)
        assert all(d.any() for d in dstates if d.size)
        other, (same_dx, nothing, same_dweights) = run(core, cell, x, weights, dy, None, sequences)
        assert nothing is None
        np.testing.assert_array_equal(other, y)
        np.testing.assert_array_equal(same_dx, dx)
        for name, one, two in zip(CELLS[cell].weights, same_dweights, dweights, strict=True):
            np.testing.assert_array_max_ulp(one, two, 0) if name != "bias" else np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("cell", ["lstm", "simple_rnn", "peephole_lstm", "cifg_lstm", "gru"])
def test_a_recurrent_kernel_that_is_not_finite(core: ModuleType, cell: str, dtype: Any) -> None:
    """Zeros times infinity is not zero, whatever the loops leave out."""
    x, weights, dy = arrays(cell, (9, 1, 3, 5), dtype)
    weights[1][2, 3] = np.inf
    with np.errstate(invalid="ignore"):
        y = run(core, cell, x, weights, dy, None)[0]
    assert np.isnan(y[:, 0, 3]).all() and np.isfinite(y[:, 0, [0, 1, 2, 4]]).all()


@pytest.mark.parametrize("cell", ["lstm", "simple_rnn"])
def test_upstream_gradients_that_are_not_finite(core: ModuleType, cell: str) -> None:
    x, weights, dy = arrays(cell, (9, 1, 3, 5), np.float32)
    dy[4, 0, 2] = np.inf
    with np.errstate(invalid="ignore"):
        recurrent = run(core, cell, x, weights, dy, None)[1][2][1]
    bad = np.isnan(recurrent).all(axis=0)
    assert bad[2::5].any() and not recurrent[:, ~bad].any() and not bad[[0, 1, 3, 4]].any()
