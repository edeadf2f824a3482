"""Weights stored gate by gate in rows: to the kernels' columns and back, checksums."""

from __future__ import annotations

import itertools
from types import ModuleType
from typing import Any

import numpy as np
import pytest

SIZES = ((3, 5), (1, 1), (17, 33), (70, 9), (130, 257), (2, 0))


def _rows(gates: int, H: int, I: int, dtype: Any) -> list[np.ndarray]:
    rng = np.random.default_rng([gates, H, I])
    shapes = [(gates * H, I), (gates * H, H), (gates * H,), (gates * H,)]
    return [rng.normal(size=shape).astype(dtype) for shape in shapes]


@pytest.mark.parametrize("two_biases", [False, True])
@pytest.mark.parametrize(("gates", "swap"), [(1, False), (3, True), (3, False), (4, False)])
@pytest.mark.parametrize("sizes", SIZES)
def test_columns_as_the_reference(
    compiled: ModuleType, reference: ModuleType, dtype: np.dtype, sizes: Any, gates: int, swap: bool, two_biases: bool
) -> None:
    for count in (2, 4):
        rows = [*_rows(gates, *sizes, dtype)[:count], *[None] * (4 - count)]
        expected = reference.gate_rows_to_columns(gates, swap, *rows, two_biases)
        found = compiled.gate_rows_to_columns(gates, swap, *rows, two_biases)
        back, expected_back = (core.columns_to_gate_rows(gates, swap, *expected) for core in (compiled, reference))
        for one, other in zip((*found, *back), (*expected, *expected_back), strict=True):
            if other is None:
                assert one is None
            else:
                np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(("gates", "swap"), [(1, False), (3, True), (4, False)])
@pytest.mark.parametrize("two_biases", [False, True])
def test_some_of_the_columns(core: ModuleType, dtype: np.dtype, gates: int, swap: bool, two_biases: bool) -> None:
    columns = core.gate_rows_to_columns(gates, swap, *_rows(gates, 5, 3, dtype), two_biases)
    everything = core.columns_to_gate_rows(gates, swap, *columns)
    for given in itertools.product([False, True], repeat=3):
        if not any(given):
            continue
        some = [one if there else None for one, there in zip(columns, given, strict=True)]
        found = core.columns_to_gate_rows(gates, swap, *some)
        for one, other, there in zip(found, everything, (*given, given[2]), strict=True):
            if there:
                np.testing.assert_array_equal(one, other)
            else:
                assert one is None


def test_gates_change_places(core: ModuleType) -> None:
    """r z n of PyTorch are z r n here."""
    W = np.array([[1.0, 2], [3, 4], [5, 6]])
    U, b, c = np.array([[1.0], [2], [3]]), np.array([1.0, 2, 3]), np.array([10.0, 20, 30])
    kernel, recurrent, bias = core.gate_rows_to_columns(3, True, W, U, b, c, True)
    assert kernel.tolist() == [[3, 1, 5], [4, 2, 6]]
    assert recurrent.tolist() == [[2, 1, 3]]
    assert bias.tolist() == [[2, 1, 3], [20, 10, 30]]
    back = core.columns_to_gate_rows(3, True, kernel, recurrent, bias)
    for one, other in zip(back, (W, U, b, c), strict=True):
        np.testing.assert_array_equal(one, other)
    assert core.gate_rows_to_columns(3, False, W, U, b, c, False)[2].tolist() == [11, 22, 33]


@pytest.mark.parametrize(
    ("changed", "error", "text"),
    [
        ({"gates": 5}, ValueError, "gates"),
        ({"gates": 3.0}, TypeError, "gates"),
        ({"swap": 1}, TypeError, "swap"),
        ({"gates": 1, "swap": True}, ValueError, "swap must be False for a cell with one gate"),
        ({"W": np.zeros((6, 5))}, ValueError, r"input_rows must have shape \(G\*H, I\)"),
        (
            {"U": np.zeros((9, 2))},
            ValueError,
            r"recurrent must have shape \(G\*H, H\), H >= 1, with G = 3, got \(9, 2\)",
        ),
        (
            {"U": np.zeros((0, 0))},
            ValueError,
            r"recurrent must have shape \(G\*H, H\), H >= 1, with G = 3, got \(0, 0\)",
        ),
        ({"U": np.zeros(9)}, ValueError, r"recurrent_rows must have shape \(G\*H, H\), got \(9,\)"),
        ({"U": np.zeros((9, 3), np.int32)}, TypeError, "recurrent_rows must be float32 or float64"),
        ({"W": np.zeros((9, 5), np.float32)}, TypeError, "input_rows must be float64"),
        ({"c": None}, ValueError, "input_bias and recurrent_bias must be given together"),
        ({"b": np.zeros(8)}, ValueError, r"input_bias must have shape \(G\*H,\) = \(9,\), got \(8,\)"),
    ],
)
def test_errors(core: ModuleType, changed: dict[str, Any], error: type[Exception], text: str) -> None:
    given = {"gates": 3, "swap": True, "W": np.zeros((9, 5)), "U": np.zeros((9, 3)), "b": np.zeros(9), "c": np.zeros(9)}
    with pytest.raises(error, match=text):
        core.gate_rows_to_columns(*{**given, **changed}.values(), True)


def test_errors_of_the_way_back(core: ModuleType) -> None:
    U = np.zeros((3, 9))
    with pytest.raises(ValueError, match=r"kernel must have shape \(I, G\*H\)"):
        core.columns_to_gate_rows(3, True, np.zeros((5, 8)), U, None)
    with pytest.raises(ValueError, match=r"recurrent must have shape \(H, G\*H\), H >= 1, with G = 4, got \(3, 9\)"):
        core.columns_to_gate_rows(4, True, np.zeros((5, 12)), U, None)
    with pytest.raises(ValueError, match="bias must have shape"):
        core.columns_to_gate_rows(3, True, np.zeros((5, 9)), U, np.zeros((3, 9)))
    with pytest.raises(ValueError, match="one of kernel, recurrent_kernel and bias at least must not be None"):
        core.columns_to_gate_rows(3, True, None, None, None)
    with pytest.raises(ValueError, match=r"kernel must have G\*H columns, H >= 1, with G = 3, got \(5, 8\)"):
        core.columns_to_gate_rows(3, True, np.zeros((5, 8)), None, None)
    with pytest.raises(ValueError, match=r"bias must have G\*H columns, H >= 1, with G = 3, got \(0,\)"):
        core.columns_to_gate_rows(3, True, None, None, np.zeros(0))
    with pytest.raises(ValueError, match="bias must have shape"):
        core.columns_to_gate_rows(3, True, np.zeros((5, 9)), None, np.zeros(12))


def test_checksum_sees_every_byte(core: ModuleType) -> None:
    for size in (0, 1, 7, 64, 65, 130):
        array = np.random.default_rng(size).integers(0, 256, size).astype(np.uint8)
        seen = {core.checksum([array])}
        assert seen == {core.checksum((array.copy(), None))}
        for at in range(size):
            for bit in (1, 128):
                array[at] ^= bit
                seen.add(core.checksum([array]))
                array[at] ^= bit
        assert len(seen) == 1 + 2 * size
        assert all(0 <= one < 2**64 for one in seen)


def test_checksum_is_the_sum_that_its_header_describes(compiled: ModuleType) -> None:
    """In every build, whatever instructions it adds with."""
    odd, spread, low = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F), np.uint64(0xFFFFFFFF)

    def checksum(data: np.ndarray, seed: int) -> int:
        blocks = data[: len(data) // 64 * 64].view(np.uint64).reshape(-1, 8)
        with np.errstate(over="ignore"):
            keys = np.uint64(seed) + np.arange(1, 9, dtype=np.uint64) * spread
            mixed = blocks ^ (keys + np.arange(len(blocks), dtype=np.uint64)[:, None] * odd)
            products = (mixed & low) * (mixed >> np.uint64(32))
            sums = np.uint64(seed) + (blocks + products).sum(0, dtype=np.uint64)
            result = np.uint64(len(data))
            for one in sums:
                result = (result ^ one ^ (one >> np.uint64(31))) * odd + (result >> np.uint64(29))
            result ^= result >> np.uint64(32)
        rest = data[len(blocks) * 64 :]
        return checksum(np.pad(rest, (0, 64 - len(rest))), int(result)) if len(rest) else int(result)

    for size in (0, 1, 63, 64, 128, 1000, 70_001):
        data = np.random.default_rng(size).integers(0, 256, size).astype(np.uint8)
        first = checksum(data, 0)
        assert compiled.checksum([data]) == first
        assert compiled.checksum([data, data]) == checksum(data, first)


def test_checksum_sees_the_order(core: ModuleType) -> None:
    a, b = np.arange(64.0), np.arange(64.0) + 1
    assert core.checksum([a, b]) != core.checksum([b, a])
    swapped = a.copy()
    swapped[[3, 11]] = swapped[[11, 3]]
    assert core.checksum([a]) != core.checksum([swapped])
    with pytest.raises(TypeError, match="arrays must be a tuple or list"):
        core.checksum(a)
    with pytest.raises(ValueError, match="arrays must be C-contiguous"):
        core.checksum([a[::2]])
