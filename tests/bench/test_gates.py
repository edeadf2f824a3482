from __future__ import annotations

import numpy as np
import pytest

from bench.cells import CELLS
from bench.python import gates
from bench.python.problem import Weights


def weights_of(cell: str, inputs: int = 3, units: int = 2) -> Weights:
    """Each number tells its gate: gate g's columns hold 100 * g + position."""
    kind = CELLS[cell]
    columns = np.concatenate([100.0 * g + np.arange(units) for g in range(len(kind.gates))])
    bias = np.stack([columns + 7, columns + 8]) if kind.biases == 2 else columns + 7
    return Weights(np.arange(inputs)[:, None] * 10 + columns, np.arange(units)[:, None] * 10 + columns, bias)


@pytest.mark.parametrize(("cell", "order"), [("lstm", [0, 1, 2, 3]), ("gru", [1, 0, 2]), ("simple_rnn", [0])])
def test_torch_has_gates_in_its_order(cell: str, order: list[int]) -> None:
    kernel, recurrent, first, second = gates.to_torch(CELLS[cell], weights_of(cell))
    assert kernel.shape == (2 * len(order), 3) and recurrent.shape == (2 * len(order), 2)
    assert [int(row[0]) // 100 for row in kernel[::2]] == order
    assert [int(row[0]) // 100 for row in recurrent[::2]] == order
    assert [int(value) // 100 for value in first[::2]] == order
    assert second.any() == (CELLS[cell].biases == 2)


@pytest.mark.parametrize("cell", ["lstm", "gru", "simple_rnn"])
def test_torch_and_back(cell: str) -> None:
    weights = weights_of(cell)
    back = gates.gradients_from_torch(CELLS[cell], *gates.to_torch(CELLS[cell], weights))
    assert np.array_equal(back.kernel, weights.kernel)
    assert np.array_equal(back.recurrent_kernel, weights.recurrent_kernel)
    assert np.array_equal(back.bias, weights.bias)


@pytest.mark.parametrize(
    ("cell", "order"), [("lstm", [0, 3, 1, 2]), ("gru", [0, 1, 2]), ("gru_reset_before", [0, 1, 2])]
)
def test_onnx_has_gates_in_its_order(cell: str, order: list[int]) -> None:
    kernel, recurrent, biases = gates.to_onnx(CELLS[cell], weights_of(cell))
    assert [int(row[0]) // 100 for row in kernel[::2]] == order
    assert [int(row[0]) // 100 for row in recurrent[::2]] == order
    half = len(biases) // 2
    assert [int(value) // 100 for value in biases[:half:2]] == order
    assert biases[half:].any() == (CELLS[cell].biases == 2)
