"""The weights' gradients of several calls of one step, summed at once."""

from __future__ import annotations

import itertools
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from recurra._core import cells
from tests.support.recurrent_cases import Case, forward, make_inputs
from tests.support.tolerances import assert_close

PLAIN = ("lstm", "gru", "simple_rnn", "cifg_lstm")
OTHERS = tuple(name for name in cells.CELLS if name not in PLAIN)


def _steps(core: ModuleType, cases: list[Case], need_dx: bool = True) -> tuple[list[Any], list[Any], Any]:
    """The results of each step both ways, and the steps."""
    one_by_one, found, steps = [], [], []
    for case in cases:
        inputs = make_inputs(case)
        dstates = [inputs.upstream[f"d{state}"] for state in cells.CELLS[case.cell].states]
        *_, cache = forward(core, case, inputs.arrays)
        one_by_one.append(core.recurrent_backward(cache, None, dstates, need_dx))
        *_, cache = forward(core, case, inputs.arrays)
        dx, dinitial, step = core.recurrent_backward_step(cache, dstates, need_dx)
        found.append((dx, dinitial))
        steps.append(step)
    return one_by_one, found, steps


@pytest.mark.parametrize("H", [1, 7, 50, 96])
@pytest.mark.parametrize("options", [{}, {"bias": False}, {"states": False}], ids=["all", "no_bias", "zeros"])
@pytest.mark.parametrize("cell", PLAIN)
def test_sums(core: ModuleType, dtype: np.dtype, cell: str, options: dict[str, Any], H: int) -> None:
    """Of small batches and others, each beside the sum of the gradients of each step."""
    cases = [Case(cell, dtype.name, (B, 1, 5, H), gradients="state", seed=B, **options) for B in (1, 3, 9, 40, 1)]
    expected, found, steps = _steps(core, cases)
    for (dx, dinitial, _), (own_dx, own_initial) in zip(expected, found, strict=True):
        for one, other in zip((dx, *dinitial), (own_dx, *own_initial), strict=True):
            np.testing.assert_array_equal(one, other)
    sums = []
    for parts in zip(*(dweights for *_, dweights in expected), strict=True):
        there = parts[0] is not None
        sums.append(sum(part.astype(np.float64) for part in parts).astype(dtype) if there else None)
    gates = len(cells.CELLS[cell].gates)
    for swap in (False, True) if gates > 1 else (False,):
        rows = core.columns_to_gate_rows(gates, swap, *sums)
        for one, other in zip(core.recurrent_sum_steps(steps, swap, None), rows, strict=True):
            assert (one is None) == (other is None)
            if other is not None:
                assert one.dtype == dtype and one.flags.c_contiguous
                assert_close(one, other, "gradient")


@pytest.mark.parametrize("B", [1, 4, 23])
@pytest.mark.parametrize("cell", PLAIN)
def test_one_step_has_the_bits_of_its_gradients(compiled: ModuleType, dtype: np.dtype, cell: str, B: int) -> None:
    case = Case(cell, dtype.name, (B, 1, 6, 37), gradients="state")
    ((_, _, dweights),), _, steps = _steps(compiled, [case])
    gates = len(cells.CELLS[cell].gates)
    expected = compiled.columns_to_gate_rows(gates, False, *dweights)
    for one, other in zip(compiled.recurrent_sum_steps(steps, False, None), expected, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("cell", PLAIN)
def test_the_same_bits_with_any_number_of_threads(compiled: ModuleType, cell: str) -> None:
    cases = [Case(cell, "float32", (B, 1, 70, 130), gradients="state", seed=B) for B in (2, 9, 4, 1)]
    before = compiled.get_num_threads()
    try:
        results = []
        for threads in (1, 2):
            compiled.set_num_threads(threads)
            results.append(compiled.recurrent_sum_steps(_steps(compiled, cases)[2], False, None))
        for one, other in zip(*results, strict=True):
            np.testing.assert_array_equal(one, other)
    finally:
        compiled.set_num_threads(before)


def test_some_of_the_weights(core: ModuleType) -> None:
    for cell in PLAIN:
        _, _, steps = _steps(core, [Case(cell, sizes=(2, 1, 3, 5), gradients="state", seed=n) for n in range(3)], False)
        everything = core.recurrent_sum_steps(steps, False, None)
        for needed in itertools.product([False, True], repeat=3):
            found = core.recurrent_sum_steps(steps, False, needed)
            for one, other, need in zip(found, everything, (*needed, needed[2]), strict=True):
                if need:
                    np.testing.assert_array_equal(one, other)
                else:
                    assert one is None


@pytest.mark.parametrize(
    "case",
    [
        Case("lstm", sizes=(2, 2, 3, 5)),
        Case("gru", sizes=(2, 1, 3, 5), mask="any"),
        Case("simple_rnn", sizes=(2, 1, 3, 5), input_dropout="shared"),
        Case("lstm", sizes=(2, 1, 3, 5), recurrent_dropout="gates"),
        Case("lstm", sizes=(2, 1, 3, 5), zoneout="units"),
        Case("gru", sizes=(2, 1, 3, 5), embeddings=True),
        *(Case(cell, sizes=(2, 1, 3, 5)) for cell in OTHERS),
    ],
    ids=str,
)
def test_other_calls_are_refused(core: ModuleType, case: Case) -> None:
    inputs = make_inputs(case)
    *_, cache = forward(core, case, inputs.arrays)
    dstates = [inputs.upstream[f"d{state}"] for state in cells.CELLS[case.cell].states]
    with pytest.raises(ValueError, match="cache must be that of one step of a cell with plain products"):
        core.recurrent_backward_step(cache, dstates, True)


def test_errors(core: ModuleType) -> None:
    case = Case("lstm", sizes=(2, 1, 3, 5), gradients="state")
    _, _, steps = _steps(core, [case])
    other, double = (
        _steps(core, [one])[2] for one in (Case("lstm", "float32", (2, 1, 3, 5)), Case("lstm", sizes=(2, 1, 4, 5)))
    )
    for wrong in (other, double, _steps(core, [Case("cifg_lstm", sizes=(2, 1, 3, 5))])[2]):
        with pytest.raises(ValueError, match="steps must all be of one cell, dtype and size"):
            core.recurrent_sum_steps([*steps, *wrong], False, None)
    with pytest.raises(ValueError, match="steps must hold at least one step"):
        core.recurrent_sum_steps([], False, None)
    with pytest.raises(TypeError, match="steps must be a tuple or list, got int"):
        core.recurrent_sum_steps(3, False, None)
    with pytest.raises(TypeError, match="steps must hold what recurrent_backward_step returned, got int"):
        core.recurrent_sum_steps([3], False, None)
    with pytest.raises(ValueError, match="swap must be False for a cell with one gate"):
        core.recurrent_sum_steps(_steps(core, [Case("simple_rnn", sizes=(2, 1, 3, 5))])[2], True, None)
    with pytest.raises(ValueError, match="need_dweights must hold 3 bools for the cell lstm, got 1"):
        core.recurrent_sum_steps(steps, False, [True])
    inputs = make_inputs(case)
    *_, cache = forward(core, case, inputs.arrays)
    core.recurrent_backward_step(cache, [None, None], False)
    with pytest.raises(RuntimeError, match="cache was used"):
        core.recurrent_backward_step(cache, [None, None], False)
