"""Bad input: the same type of error from every implementation, naming the argument and what came."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from recurra._core.cells import CELLS as CELL_TABLE
from tests.support.recurrent_cases import CELLS, GATES, Case, backward, forward, h_size, make_inputs

Change = Callable[[dict[str, Any]], Any]

# what to spoil -> (error, the argument that the message must name)
SPOILT: dict[str, tuple[Change, type[Exception], str]] = {
    "x_rank": (lambda a: a.update(x=a["x"][0]), ValueError, "x"),
    "x_list": (lambda a: a.update(x=a["x"].tolist()), TypeError, "x"),
    "x_dtype": (lambda a: a.update(x=a["x"].astype(np.float16)), TypeError, "x"),
    "x_other_float": (lambda a: a.update(x=a["x"].astype(np.float32)), TypeError, ""),
    "x_features": (lambda a: a.update(x=a["x"][..., :-1]), ValueError, "kernel"),
    "kernel_rank": (lambda a: a.update(kernel=a["kernel"][0]), ValueError, "kernel"),
    "kernel_none": (lambda a: a.update(kernel=None), TypeError, "kernel"),
    "kernel_columns": (lambda a: a.update(kernel=a["kernel"][:, :-1]), ValueError, "kernel"),
    "recurrent_rank": (lambda a: a.update(recurrent_kernel=a["recurrent_kernel"][0]), ValueError, "recurrent_kernel"),
    "recurrent_rows": (lambda a: a.update(recurrent_kernel=a["recurrent_kernel"][:-1]), ValueError, "recurrent_kernel"),
    "recurrent_dtype": (
        lambda a: a.update(recurrent_kernel=a["recurrent_kernel"].astype(np.float32)), TypeError, "recurrent_kernel"
    ),
    "bias_shape": (lambda a: a.update(bias=a["bias"][..., :-1]), ValueError, "bias"),
    "bias_dtype": (lambda a: a.update(bias=a["bias"].astype(int)), TypeError, "bias"),
    "h0_shape": (lambda a: a.update(h0=a["h0"][:-1]), ValueError, "h0"),
    "h0_dtype": (lambda a: a.update(h0=a["h0"].astype(np.float32)), TypeError, "h0"),
    "mask_shape": (lambda a: a.update(mask=a["mask"][:, :-1]), ValueError, "mask"),
    "mask_dtype": (lambda a: a.update(mask=a["mask"].astype(np.int64)), TypeError, "mask"),
    "input_dropout_shape": (lambda a: a.update(input_dropout=a["input_dropout"][..., 1:]), ValueError, "input_dropout"),
    "input_dropout_gates": (
        lambda a: a.update(input_dropout=np.repeat(a["input_dropout"], 2, axis=0)), ValueError, "input_dropout"
    ),
    "recurrent_dropout_rank": (
        lambda a: a.update(recurrent_dropout=a["recurrent_dropout"][0, 0]), ValueError, "recurrent_dropout"
    ),
    "no_units": (lambda a: a.update(recurrent_kernel=np.zeros((0, 0))), ValueError, "recurrent_kernel"),
}  # fmt: skip


@pytest.mark.parametrize("spoil", SPOILT)
@pytest.mark.parametrize("cell", CELLS)
def test_bad_argument(core: ModuleType, cell: str, spoil: str) -> None:
    case = Case(cell, mask="holes", input_dropout="gates", recurrent_dropout="gates")
    arrays = dict(make_inputs(case).arrays)
    change, error, name = SPOILT[spoil]
    if name and arrays.get(name) is None and name != "embeddings":
        pytest.skip(f"the cell has no {name}")
    change(arrays)
    with pytest.raises(error, match=rf"\b{name}" if name else None) as info:
        forward(core, case, arrays)
    assert type(info.value) is error
    if "rank" not in spoil:
        assert "got" in str(info.value)


def test_the_shape_message(core: ModuleType) -> None:
    case = Case("lstm", sizes=(3, 5, 4, 8))
    arrays = dict(make_inputs(case).arrays)
    arrays["recurrent_kernel"] = np.zeros((8, 24))
    with pytest.raises(ValueError, match=r"^recurrent_kernel must have shape \(H, 4\*H\) = \(8, 32\), got \(8, 24\)$"):
        forward(core, case, arrays)
    arrays = dict(make_inputs(case).arrays)
    arrays["h0"] = np.zeros((3, 9))
    with pytest.raises(ValueError, match=r"^h0 must have shape \(B, H\) = \(3, 8\), got \(3, 9\)$"):
        forward(core, case, arrays)


@pytest.mark.parametrize("cell", CELLS)
def test_c0_is_checked_too(core: ModuleType, cell: str) -> None:
    if "c" not in CELL_TABLE[cell].states:
        pytest.skip("the cell has no c")
    arrays = dict(make_inputs(Case(cell)).arrays)
    arrays["c0"] = arrays["c0"][:, :-1]
    with pytest.raises(ValueError, match="c0"):
        forward(core, Case(cell), arrays)


@pytest.mark.parametrize("value", [-1, 11])
@pytest.mark.parametrize("cell", CELLS)
def test_id_outside_the_table(core: ModuleType, cell: str, value: int) -> None:
    case = Case(cell, embeddings=True, mask="holes")
    arrays = dict(make_inputs(case).arrays)
    arrays["x"] = arrays["x"].copy()
    arrays["x"][1, 2] = value
    with pytest.raises(ValueError, match=rf"x must be in \[0, V\) = \[0, 11\), got {value}"):
        forward(core, case, arrays)


@pytest.mark.parametrize("cell", CELLS)
def test_ids_must_be_int32_of_rank_2(core: ModuleType, cell: str) -> None:
    case = Case(cell, embeddings=True)
    arrays = dict(make_inputs(case).arrays)
    ids = arrays["x"]
    for wrong, error in ((ids.astype(np.int64), TypeError), (ids.astype(float), TypeError), (ids[0], ValueError)):
        with pytest.raises(error, match="x"):
            forward(core, case, {**arrays, "x": wrong})


@pytest.mark.parametrize("name", ["Tanh", "swish", ""])
@pytest.mark.parametrize("cell", CELLS)
def test_unknown_activation(core: ModuleType, cell: str, name: str) -> None:
    arrays = make_inputs(Case(cell)).arrays
    with pytest.raises(ValueError, match=r"^activation must be 'tanh', .* or 'linear', got"):
        forward(core, Case(cell, activation=name), arrays)
    if CELL_TABLE[cell].recurrent_activation:
        with pytest.raises(ValueError, match=r"^recurrent_activation must be 'tanh', .* or 'linear', got"):
            forward(core, Case(cell, recurrent_activation=name), arrays)


@pytest.mark.parametrize("cell", CELLS)
def test_cache_serves_one_call(core: ModuleType, cell: str) -> None:
    case = Case(cell)
    inputs = make_inputs(case)
    cache = forward(core, case, inputs.arrays)[-1]
    backward(core, case, cache, inputs.upstream)
    with pytest.raises(RuntimeError, match="cache"):
        backward(core, case, cache, inputs.upstream)


@pytest.mark.parametrize("cell", CELLS)
def test_cache_of_another_kind(core: ModuleType, cell: str) -> None:
    case = Case(cell)
    inputs = make_inputs(case)
    for wrong in (None, object(), np.zeros(3)):
        with pytest.raises(TypeError, match="cache"):
            backward(core, case, wrong, inputs.upstream)


@pytest.mark.parametrize("cell", CELLS)
def test_lists_of_states_and_weights(core: ModuleType, cell: str) -> None:
    case, kind = Case(cell), CELL_TABLE[cell]
    arrays = make_inputs(case).arrays
    states = [arrays[f"{name}0"] for name in kind.states]
    weights = [arrays[name] for name in kind.weights]
    rest = (None,) * 4 + ("tanh", "sigmoid", False, True, False, True, None, None, None)
    for name, given in (("states", (states * 3, weights)), ("weights", (states, weights[:-1]))):
        with pytest.raises(ValueError, match=rf"^{name} must hold \d arrays for the cell {cell}, got \d$"):
            core.recurrent_forward(cell, arrays["x"], *given, *rest)
    for name, given in (("states", (None, weights)), ("weights", (states, weights[0]))):
        with pytest.raises(TypeError, match=rf"^{name} must be a tuple or list, got"):
            core.recurrent_forward(cell, arrays["x"], *given, *rest)
    _, _, cache = core.recurrent_forward(cell, arrays["x"], states, weights, *rest)
    with pytest.raises(ValueError, match=r"^dstates must hold"):
        core.recurrent_backward(cache, None, states * 3, True)
    with pytest.raises(ValueError, match=r"^cell must be one of 'lstm', .*, got 'elman'$"):
        core.recurrent_forward("elman", arrays["x"], states, weights, *rest)


@pytest.mark.parametrize("cell", CELLS)
def test_bad_zoneout(core: ModuleType, cell: str) -> None:
    case = Case(cell, zoneout="units")
    arrays = make_inputs(case).arrays
    states = CELL_TABLE[cell].states
    given = [arrays[name] for name in (*(f"{state}0" for state in states), *CELL_TABLE[cell].weights)]
    rest = (None,) * 4 + ("tanh", "sigmoid", False, True, False, False, None, None)

    def run(*zoneout: Any) -> Any:
        return core.recurrent_forward(cell, arrays["x"], given[: len(states)], given[len(states) :], *rest, zoneout)

    for at, state in enumerate(states):
        shares = arrays[f"zoneout_{state}"]
        for value, error in (
            (-0.1, ValueError),
            (1.5, ValueError),
            (float("nan"), ValueError),
            ("much", TypeError),
            (shares[:, 1:], ValueError),
            (shares[0], ValueError),
            (shares.astype(np.float32), TypeError),
        ):
            zoneout: list[Any] = [None] * len(states)
            zoneout[at] = value
            with pytest.raises(error, match=f"^zoneout_{state} must"):
                run(*zoneout)
    with pytest.raises(ValueError, match=r"^zoneout must hold"):
        run(*[None] * len(states), None)


@pytest.mark.parametrize("cell", CELLS)
def test_units_without_a_recurrent_kernel(core: ModuleType, cell: str) -> None:
    kind = CELL_TABLE[cell]
    if kind.has_recurrent_kernel:
        pytest.skip("the cell has a recurrent kernel")
    arrays = make_inputs(Case(cell)).arrays
    name = kind.unit_parameters_name or "kernel"
    for units in (0, 1):
        columns = units if kind.unit_parameters else units * len(kind.gates) + units
        with pytest.raises(ValueError, match=f"^(kernel|{name}) must have"):
            forward(core, Case(cell), {**arrays, name: np.zeros((4, columns))})


@pytest.mark.parametrize("cell", CELLS)
def test_recurrent_dropout_without_a_recurrent_kernel(core: ModuleType, cell: str) -> None:
    if CELL_TABLE[cell].has_recurrent_kernel:
        pytest.skip("the cell has a recurrent kernel")
    arrays = {**make_inputs(Case(cell)).arrays, "recurrent_dropout": np.ones((3, 7))}
    with pytest.raises(ValueError, match=r"^recurrent_dropout must be None: the cell \w+ has no recurrent kernel"):
        forward(core, Case(cell), arrays)


@pytest.mark.parametrize("sequences", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_bad_gradient_leaves_the_cache_usable(core: ModuleType, cell: str, sequences: bool) -> None:
    case = Case(cell, return_sequences=sequences)
    inputs = make_inputs(case)
    cache = forward(core, case, inputs.arrays)[-1]
    rows, steps, _, _ = case.sizes
    units = h_size(case)
    right = (rows, steps, units) if sequences else (rows, units)
    wrong = (rows, units) if sequences else (rows, steps, units)
    for name, value, error in (
        ("dy", np.zeros(wrong), ValueError),
        ("dy", np.zeros(right, np.float32), TypeError),
        ("dh", np.zeros((rows, units + 1)), ValueError),
    ):
        with pytest.raises(error, match=name):
            backward(core, case, cache, {**inputs.upstream, name: value})
    backward(core, case, cache, inputs.upstream)


@pytest.mark.parametrize("cell", CELLS)
def test_gru_bias_has_two_rows_only_with_reset_after(core: ModuleType, cell: str) -> None:
    if not cell.startswith("gru"):
        pytest.skip("about the GRU")
    case = Case(cell)
    arrays = dict(make_inputs(case).arrays)
    units = case.sizes[3]
    arrays["bias"] = np.zeros(GATES[cell] * units) if cell == "gru" else np.zeros((2, GATES[cell] * units))
    with pytest.raises(ValueError, match="bias must have shape"):
        forward(core, replace(case), arrays)


@pytest.mark.parametrize("sequences", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_where_y_may_go(core: ModuleType, cell: str, sequences: bool) -> None:
    case = Case(cell, sizes=(3, 5, 4, 6), return_sequences=sequences)
    arrays = make_inputs(case).arrays
    shape = (3, 5, h_size(case)) if sequences else (3, h_size(case))
    wide = np.zeros((*shape[:-1], 2 * shape[-1]))
    fixed = np.zeros(shape)
    fixed.flags.writeable = False
    for out, error, says in (
        ([0.0], TypeError, "out must be a numpy array, got list"),
        (np.zeros(shape, np.float32), TypeError, "out must be float64"),
        (np.zeros((3, 5, 7)), ValueError, "out must have"),
        (fixed, ValueError, "out must be writable"),
        (wide[..., ::2], ValueError, "out must be aligned, the elements of a row side by side"),
        (np.zeros(shape)[::-1], ValueError, "out must be aligned, the elements of a row side by side"),
        (np.zeros(shape, order="F"), ValueError, "out must be aligned"),
    ):
        with pytest.raises(error, match=f"^{says}"):
            forward(core, case, arrays, out=out)
    for name, array in arrays.items():  # what is read must not be written meanwhile
        if array is None or array.dtype != np.float64 or array.size < fixed.size:
            continue
        shared = np.array(array).reshape(-1)
        out = shared[-fixed.size :].reshape(shape)
        with pytest.raises(ValueError, match=f"^out must not share memory with {name}$"):
            forward(core, case, {**arrays, name: shared.reshape(array.shape)}, out=out)
