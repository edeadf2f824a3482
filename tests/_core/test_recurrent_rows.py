"""Calls whose rows are time-major, or listed without padding: those of the padded batch, in other places."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

from recurra._core.cells import CELLS as CELL_TABLE
from tests.support.recurrent_cases import CELLS, Case, make_inputs, run
from tests.support.tolerances import assert_close

SIZES = ((3, 5, 4, 7), (1, 1, 2, 5), (5, 9, 3, 17), (33, 6, 17, 50), (2, 11, 40, 70))


def _lengths(case: Case) -> np.ndarray:
    B, T = case.sizes[:2]
    lengths = np.random.default_rng(case.seed).integers(0, T + 1, B)
    lengths[B // 2] = T
    return lengths


def _run_rows(core: ModuleType, case: Case, lengths: np.ndarray | None) -> dict[str, Any]:
    """As `run`, on time-major arrays or on the listed rows of a padded batch; arrays are returned batch-major."""
    inputs = make_inputs(case)
    cell, a, up = CELL_TABLE[case.cell], inputs.arrays, inputs.upstream
    B, T = case.sizes[:2]
    rng = np.random.default_rng(3)
    if lengths is None:
        given = (None, None)
        leading, at = (T, B), (np.tile(np.arange(B), T), np.repeat(np.arange(T), B))
    else:
        b, t = np.repeat(np.arange(B), lengths), np.concatenate([np.arange(n) for n in lengths])
        rows = rng.permutation(len(b))
        given, leading, at = (lengths, rows), (len(b),), (np.empty_like(b), np.empty_like(t))
        at[0][rows], at[1][rows] = b, t

    def placed(array: Any) -> Any:
        return None if array is None else np.ascontiguousarray(array[at].reshape(*leading, -1))

    def back(array: Any) -> Any:
        result = np.zeros((B, T, array.shape[-1]), array.dtype)
        result[at] = array.reshape(-1, array.shape[-1])
        return result

    states = [a[f"{state}0"] for state in cell.states]
    size = a["recurrent_kernel"].shape[0] if cell.has_recurrent_kernel else case.sizes[3]
    wide = np.full((*leading, size + 3), np.nan, case.dtype)
    out = wide[..., 1 : 1 + size] if case.seed % 2 else None
    y, final, cache = core.recurrent_forward_rows(
        case.cell, placed(a["x"]), states, [a[name] for name in cell.weights], *given, case.activation,
        case.recurrent_activation, case.reverse, True, None, out,
    )  # fmt: skip
    assert out is None or np.isnan(wide[..., [0, -1]]).all()
    dx, dstates, dweights = core.recurrent_backward(
        cache, placed(up["dy"]), [up[f"d{state}"] for state in cell.states], case.need_dx
    )
    names = ["y", *cell.states, "dx", *(f"d{state}0" for state in cell.states), *(f"d{name}" for name in cell.weights)]
    return dict(zip(names, [back(y), *final, dx if dx is None else back(dx), *dstates, *dweights], strict=True))


@pytest.mark.parametrize("listed", [False, True], ids=["time_major", "listed"])
@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize("sizes", SIZES, ids=lambda sizes: "x".join(map(str, sizes)))
@pytest.mark.parametrize("cell", CELLS)
def test_as_the_padded_batch(
    core: ModuleType, reference: ModuleType, cell: str, dtype: np.dtype, sizes: tuple, reverse: bool, listed: bool
) -> None:
    case = Case(cell, str(dtype), sizes, reverse=reverse, seed=sum(sizes) + reverse)
    lengths = _lengths(case) if listed else None
    inputs = make_inputs(case)
    if lengths is not None:
        inputs.arrays["mask"] = np.arange(sizes[1]) < lengths[:, None]
        inputs.upstream["dy"][~inputs.arrays["mask"]] = 0
    expected, found = run(reference, case, inputs), _run_rows(core, case, lengths)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        if name == "y" and lengths is not None:
            value = value * inputs.arrays["mask"][..., None]
        assert_close(found[name], value, "gradient" if name.startswith("d") else "recurrent", name)


def test_same_bits_as_the_padded_batch(compiled: ModuleType) -> None:
    case = Case("lstm", "float32", (33, 6, 17, 50))
    expected, found = run(compiled, case), _run_rows(compiled, case, None)
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)


def test_unused_gradients(core: ModuleType) -> None:
    case = Case("gru", sizes=(3, 5, 4, 7), gradients="none", need_dx=False)
    found = _run_rows(core, case, _lengths(case))
    assert found["dx"] is None
    assert not any(found[name].any() for name in found if name.startswith("d") and name != "dx")


def _call(core: ModuleType, x: Any, lengths: Any, rows: Any, **changed: Any) -> Any:
    H = 3
    arguments = {
        "states": [None], "weights": [np.zeros((2, H)), np.zeros((H, H)), None], "activation": "tanh",
        "recurrent_activation": "sigmoid", "training": True, "out": None, **changed,
    }  # fmt: skip
    return core.recurrent_forward_rows(
        "simple_rnn", x, arguments["states"], arguments["weights"], lengths, rows, arguments["activation"],
        arguments["recurrent_activation"], False, arguments["training"], None, arguments["out"],
    )  # fmt: skip


def _int64(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


@pytest.mark.parametrize(
    ("lengths", "rows", "error", "text"),
    [
        (_int64(2, 2), None, ValueError, "lengths and rows must be given together"),
        (None, _int64(0, 1, 2, 3), ValueError, "lengths and rows must be given together"),
        (_int64(2, 1), _int64(0, 1, 2, 3), ValueError, "lengths must add up to N = 4, got 3"),
        (_int64(5, -1), _int64(0, 1, 2, 3), ValueError, "lengths must not be negative and add up to N = 4, got 5 at"),
        (_int64(-1, 5), _int64(0, 1, 2, 3), ValueError, "lengths must not be negative and add up to N = 4, got -1 at"),
        (_int64(2, 2), _int64(0, 1, 1, 3), ValueError, "rows must list each row of x, .* got 1 at position 2 again"),
        (_int64(2, 2), _int64(0, 1, 2, 4), ValueError, "rows must list each row of x, .* got 4 at position 3, N = 4"),
        (_int64(2, 2), _int64(0, -1, 2, 3), ValueError, "got -1 at position 1, N = 4"),
        (_int64(2, 2), _int64(0, 1, 2), ValueError, r"rows must have shape \(N,\) = \(4,\), got \(3,\)"),
        (np.array([2, 2], np.int32), _int64(0, 1, 2, 3), TypeError, "lengths must be int64, got int32"),
        (_int64(2, 2), np.arange(4.0), TypeError, "rows must be int64, got float64"),
    ],
)
def test_errors(core: ModuleType, lengths: Any, rows: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        _call(core, np.zeros((4, 2)), lengths, rows)


def test_shapes_of_the_arrays(core: ModuleType) -> None:
    given = _int64(2, 2), _int64(0, 1, 2, 3)
    with pytest.raises(ValueError, match=r"x must have shape \(N, I\), got \(2, 2, 2\)"):
        _call(core, np.zeros((2, 2, 2)), *given)
    with pytest.raises(ValueError, match=r"x must have shape \(T, B, I\), got \(4, 2\)"):
        _call(core, np.zeros((4, 2)), None, None)
    with pytest.raises(ValueError, match=r"h0 must have shape \(B, H\) = \(2, 3\), got \(4, 3\)"):
        _call(core, np.zeros((4, 2)), *given, states=[np.zeros((4, 3))])
    *_, cache = _call(core, np.zeros((4, 2)), *given)
    with pytest.raises(ValueError, match=r"dy must have shape \(N, H\) = \(4, 3\), got \(2, 2, 3\)"):
        core.recurrent_backward(cache, np.zeros((2, 2, 3)), [None], True)
    *_, cache = _call(core, np.zeros((5, 4, 2)), None, None)
    with pytest.raises(ValueError, match=r"dy must have shape \(T, B, H\) = \(5, 4, 3\), got \(4, 5, 3\)"):
        core.recurrent_backward(cache, np.zeros((4, 5, 3)), [None], True)


def test_empty_calls(core: ModuleType) -> None:
    y, (h,), _ = _call(core, np.zeros((0, 2)), _int64(0, 0, 0), _int64(), states=[np.full((3, 3), 0.5)])
    assert y.shape == (0, 3)
    assert (h == 0.5).all()
    y, (h,), _ = _call(core, np.zeros((0, 2)), _int64(), _int64())
    assert y.shape == (0, 3) and h.shape == (0, 3)
    y, (h,), _ = _call(core, np.zeros((0, 4, 2)), None, None, states=[np.full((4, 3), 0.5)])
    assert y.shape == (0, 4, 3) and (h == 0.5).all()


def test_the_caller_may_change_the_rows_before_backward(compiled: ModuleType) -> None:
    lengths, rows = _int64(3, 1), _int64(2, 0, 3, 1)
    weights = [np.ones((2, 3)), np.full((3, 3), 0.1), None]
    x, dy = np.arange(8.0).reshape(4, 2) / 8, np.arange(12.0).reshape(4, 3)
    *_, cache = _call(compiled, x, lengths, rows, weights=weights)
    expected = compiled.recurrent_backward(cache, dy, [None], True)[0]
    *_, cache = _call(compiled, x, lengths, rows, weights=weights)
    rows[:] = 99
    lengths[:] = -1
    np.testing.assert_array_equal(compiled.recurrent_backward(cache, dy, [None], True)[0], expected)
