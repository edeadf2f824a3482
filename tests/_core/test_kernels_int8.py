"""Products with 8-bit weights, alone and in every recurrent cell: the compiled variants against the reference.

In float32 a state that differs in its last bit may be rounded to another integer, so there one step is compared at a
time; in float64 the chance of that is nil.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from recurra._core.cells import CELLS as CELL_TABLE
from recurra.ops.quantization import abs_max_quantize
from tests._core.test_generation import Arrays, call
from tests.conftest import load
from tests.support.recurrent_cases import CELLS, MASKS, Case, forward, make_inputs
from tests.support.tolerances import assert_close

MATRICES = ("kernel", "recurrent_kernel")
SIZES = (
    (3, 5, 4, 7),
    (1, 6, 5, 3),
    (4, 1, 0, 9),
    (5, 3, 1, 1),
    (7, 3, 9, 17),
    (13, 4, 33, 40),
    (33, 3, 17, 50),
    (0, 4, 3, 6),
)
LARGE = ((51, 9, 70, 129), (2, 20, 130, 260))


def _inputs(case: Case) -> dict[str, Any]:
    arrays = dict(make_inputs(case).arrays)
    for name in MATRICES:
        if name in arrays:
            arrays[name] = tuple(abs_max_quantize(arrays[name], axis=0))
    return arrays


def _outputs(core: ModuleType, case: Case, arrays: dict[str, Any], packed: Any = None) -> tuple[Any, ...]:
    return forward(core, case, arrays, training=False, packed_weights=packed)[:-1]


def _cases() -> list[Case]:
    flags = (False, True)
    every = itertools.product(CELLS, MASKS, flags, flags)
    cases = [
        Case(
            cell, "float64", SIZES[n % len(SIZES)], mask, reverse, sequences, n % 3 == 0,
            embeddings=n % 4 == 1, vocabulary=5, bias=n % 5 != 0, states=n % 7 != 0, seed=n,
            zoneout=(None, None, "number", "units")[n % 4],
        )
        for n, (cell, mask, reverse, sequences) in enumerate(every)
        if SIZES[n % len(SIZES)][0] or mask in ("none", "full")
    ]  # fmt: skip
    cases += [Case(cell, "float64", sizes, "right", embeddings=True, seed=9) for cell in CELLS for sizes in LARGE]
    return cases


@pytest.mark.parametrize("case", _cases(), ids=str)
def test_cells(compiled: ModuleType, case: Case) -> None:
    arrays = _inputs(case)
    expected = _outputs(load("reference"), case, arrays)
    for actual, wanted in zip(_outputs(compiled, case, arrays), expected, strict=True):
        assert_close(actual, wanted, "recurrent")


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("sizes", [(5, 6, 9, 33), (40, 4, 70, 65)])
def test_steps_in_float32(compiled: ModuleType, cell: str, sizes: tuple[int, int, int, int]) -> None:
    case = Case(cell, "float32", sizes, "holes", seed=3)
    arrays = _inputs(case)
    whole = _outputs(compiled, case, arrays)
    states = [f"{name}0" for name in CELL_TABLE[cell].states]
    # the reset gate times h is quantized within a step
    kind = "framework" if cell != "gru_reset_before" else None
    for t in range(sizes[1]):
        step = {**arrays, "x": arrays["x"][:, t : t + 1], "mask": arrays["mask"][:, t : t + 1]}
        _, *new = _outputs(compiled, case, step)
        for actual, wanted in zip(new, _outputs(load("reference"), case, step)[1:], strict=True):
            if kind:
                assert_close(actual, wanted, kind)
            else:
                assert np.abs(actual - wanted).max() < 0.02
        arrays |= dict(zip(states, new, strict=True))
    for actual, wanted in zip(new, whole[1:], strict=True):
        np.testing.assert_array_equal(actual, wanted)


@pytest.mark.parametrize("cell", CELLS)
def test_rows_and_threads_change_no_bit(compiled: ModuleType, cell: str) -> None:
    case = Case(cell, "float32", (37, 7, 65, 130), "right", seed=4)
    arrays = _inputs(case)
    threads = compiled.get_num_threads()
    try:
        found = []
        for count in (1, 2, 3):
            compiled.set_num_threads(count)
            found.append(_outputs(compiled, case, arrays, compiled.packed_weights_cache()))
        for rows in (slice(5, 6), slice(3, 11), slice(0, 37, 2)):
            few = {
                name: np.ascontiguousarray(value[rows]) if name in ("x", "mask", "h0", "c0") else value
                for name, value in arrays.items()
            }
            for actual, whole in zip(_outputs(compiled, case, few), found[0], strict=True):
                np.testing.assert_array_equal(actual, whole[rows])
    finally:
        compiled.set_num_threads(threads)
    for other in found[1:]:
        for actual, whole in zip(other, found[0], strict=True):
            np.testing.assert_array_equal(actual, whole)


@pytest.mark.parametrize("cell", ["lstm", "gru", "gru_reset_before", "simple_rnn"])
def test_tokens_have_the_bits_of_their_vectors(compiled: ModuleType, cell: str) -> None:
    case = Case(cell, "float32", (6, 9, 11, 21), "right", embeddings=True, vocabulary=4, seed=5)
    arrays = _inputs(case)
    vectors = {**arrays, "x": arrays["embeddings"][arrays["x"]], "embeddings": None}
    for actual, wanted in zip(_outputs(compiled, case, arrays), _outputs(compiled, case, vectors), strict=True):
        np.testing.assert_array_equal(actual, wanted)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("sizes", [(1, 1, 1), (7, 5, 3), (49, 66, 35), (3, 0, 4), (0, 3, 5), (130, 257, 200)])
def test_matmul(compiled: ModuleType, sizes: tuple[int, int, int], dtype: str) -> None:
    M, K, N = sizes
    rng = np.random.default_rng(sizes)
    a = (10.0 ** rng.integers(-6, 6, (M, 1)) * rng.normal(size=(M, K))).astype(dtype)
    a[::3, ::2] = 0
    weights = tuple(abs_max_quantize(rng.normal(size=(K, N)).astype(dtype), axis=0))
    bias = rng.normal(size=N).astype(dtype)
    for given in (None, bias):
        expected = load("reference").int8_matmul(a, weights, given, None)
        np.testing.assert_allclose(
            compiled.int8_matmul(a, weights, given, None), expected, rtol=1e-6 if dtype == "float32" else 1e-14
        )
    packed = compiled.packed_weights_cache()
    whole = compiled.int8_matmul(a, weights, bias, packed)
    for row in range(0, M, 5):
        np.testing.assert_array_equal(compiled.int8_matmul(a[row : row + 1], weights, bias, packed)[0], whole[row])


def test_extreme_values(compiled: ModuleType) -> None:
    """The largest sums: nothing saturates."""
    values = np.full((4099, 3), 127, np.int8)
    values[:, 1] = -127
    values[::2, 2] = -127
    weights = (values, np.full(3, 127, "float32"))
    a = np.ones((6, 4099), "float32")
    a[1] = -1
    a[2, ::2] = -1
    a[3], a[4, 7], a[5, 4000] = 0, np.nan, -np.inf
    with np.errstate(invalid="ignore"):
        expected = load("reference").int8_matmul(a, weights, None, None)
    actual = compiled.int8_matmul(a, weights, None, None)
    np.testing.assert_allclose(actual[:4], expected[:4], rtol=1e-6)
    np.testing.assert_allclose(actual[0], [4099, -4099, -1], rtol=1e-5)
    assert np.isnan(actual[4:]).all()
    assert np.isnan(expected[4:]).all()


def test_weights_of_another_layer_in_the_cache(compiled: ModuleType) -> None:
    weights = tuple(abs_max_quantize(np.ones((3, 4)), axis=0))
    others = tuple(abs_max_quantize(np.ones((3, 5)), axis=0))
    packed = compiled.packed_weights_cache()
    compiled.int8_matmul(np.ones((2, 3)), weights, None, packed)
    with pytest.raises(ValueError, match="packed_weights must belong to these weights alone"):
        compiled.int8_matmul(np.ones((2, 3)), others, None, packed)


def test_errors(core: ModuleType) -> None:
    case = Case("lstm", "float32", (2, 3, 4, 5))
    arrays = _inputs(case)
    values, scales = arrays["kernel"]

    def refuses(match: str, **changes: Any) -> None:
        training = changes.pop("training", False)
        with pytest.raises((ValueError, TypeError), match=match):
            forward(core, replace(case), {**arrays, **changes}, training=training)

    refuses("training must be False", training=True)
    refuses("input_dropout must be None with 8-bit", input_dropout=np.ones((2, 4), "float32"))
    refuses("recurrent_dropout must be None with 8-bit", recurrent_dropout=np.ones((2, 5), "float32"))
    refuses("kernel and recurrent_kernel must both be 8-bit", kernel=np.ones((4, 20), "float32"))
    refuses("must be an array, or .values, scales. of 8-bit weights, got 3 items", kernel=(values, scales, scales))
    refuses(r"kernel\[0\] must be int8, got float32", kernel=(values.astype("float32"), scales))
    refuses(r"kernel\[1\] must be float32 .*, got float64", kernel=(values, scales.astype("float64")))
    refuses(r"kernel\[1\] must have shape .*, got \(19,\)", kernel=(values, scales[:-1].copy()))
    refuses("kernel.* must have shape", kernel=(values[:-1].copy(), scales))
    with pytest.raises(TypeError, match="a must be float32 or float64"):
        core.int8_matmul(np.ones((2, 4), np.int8), (values, scales), None, None)
    with pytest.raises(ValueError, match=r"weights.* must have shape"):
        core.int8_matmul(np.ones((2, 3), "float32"), (values, scales), None, None)
    with pytest.raises(ValueError, match="must have at most 131072 rows, got 131073"):
        deep = np.zeros((131073, 1), np.int8), np.ones(1, "float32")
        core.int8_matmul(np.zeros((1, 131073), "float32"), deep, None, None)


def _quantized(arrays: Arrays, table: bool = True) -> Arrays:
    if table:
        arrays.table = tuple(abs_max_quantize(arrays.table, axis=1))  # type: ignore[assignment]
    for name, weights in zip(arrays.layers, arrays.weights, strict=True):
        names = ("kernel",) if name == "dense" else [n for n in MATRICES if n in arrays.kind.weights]
        for k in range(len(names)):
            weights[k] = tuple(abs_max_quantize(weights[k], axis=0))  # type: ignore[arg-type, assignment]
    return arrays


@pytest.mark.parametrize("table", [True, False])
@pytest.mark.parametrize("cell", [cell for cell in CELLS if not CELL_TABLE[cell].projects])
def test_generation(compiled: ModuleType, cell: str, table: bool) -> None:
    arrays = Arrays(cell, np.float64, probabilities=True)
    states = arrays.states(5)
    _quantized(arrays, table)
    prompt = np.random.default_rng(2).integers(0, 19, (5, 4)).astype(np.int32)
    found = [call(core, arrays.model(core), prompt, states) for core in (compiled, load("reference"))]
    np.testing.assert_array_equal(found[0][0], found[1][0])
    for own, wanted in zip(found[0][1], found[1][1], strict=True):
        for actual, expected in zip(own, wanted, strict=True):
            assert_close(actual, expected, "recurrent")
    alone = call(
        compiled, arrays.model(compiled), prompt[:1], [tuple(part[:1].copy() for part in own) for own in states]
    )
    np.testing.assert_array_equal(alone[0][0], found[0][0][0])


def test_generation_errors(core: ModuleType) -> None:
    arrays = _quantized(Arrays("gru", np.float32))
    arrays.weights[0][0] = np.ones((7, 63), "float32")
    with pytest.raises(ValueError, match=r"weights\[0\]\[0\] and \[1\] must both be 8-bit weights"):
        arrays.model(core)
