"""recurrent_backward with need_dweights: what nobody wants is None, and the rest keeps its bits."""

from __future__ import annotations

import itertools
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from recurra._core import cells
from tests.support.recurrent_cases import Case, forward, make_inputs

CELLS = tuple(cells.CELLS)
# Small calls and others; several panels, a folded one; groups of rows; tokens that repeat; a step from zeros.
OPTIONS: dict[str, dict[str, Any]] = {
    "small": {"sizes": (1, 3, 4, 7)},
    "folded": {"sizes": (5, 6, 3, 50), "mask": "any"},
    "panels": {"sizes": (9, 4, 5, 37), "gradients": "state"},
    "rows": {"sizes": (40, 24, 3, 18), "mask": "right", "reverse": True},
    "tokens": {"sizes": (8, 12, 5, 19), "embeddings": True, "vocabulary": 7},
    "masks": {"sizes": (6, 5, 4, 20), "input_dropout": "gates"},
    "shared": {"sizes": (6, 5, 4, 20), "input_dropout": "shared"},
    "step": {"sizes": (7, 1, 6, 21), "states": False, "gradients": "y"},
}


def _inputs(cell: str, option: str, dtype: str) -> tuple[Case, Any]:
    options = dict(OPTIONS[option])
    if option in ("masks", "shared") and cells.CELLS[cell].has_recurrent_kernel:
        options["recurrent_dropout"] = options["input_dropout"]
    case = Case(cell, dtype, **options)
    return case, make_inputs(case)


def _run(core: ModuleType, case: Case, inputs: Any, need_dx: bool, needed: Any, states: bool = True) -> list[Any]:
    *_, cache = forward(core, case, inputs.arrays)
    up = inputs.upstream
    dstates = [up[f"d{state}"] for state in cells.CELLS[case.cell].states] if states else None
    dx, dinitial, dweights = core.recurrent_backward(cache, up["dy"], dstates, need_dx, needed)
    assert (dx is None) == (not need_dx)
    if need_dx and case.embeddings:
        dx = np.concatenate([np.asarray(dx[0], np.float64)[:, None], dx[1]], 1)
    return [dx, *(dinitial or ()), *dweights]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("cell", CELLS)
def test_the_rest_keeps_its_bits(compiled: ModuleType, cell: str, option: str, dtype: str) -> None:
    case, inputs = _inputs(cell, option, dtype)
    count = len(cells.CELLS[cell].weights)
    with_states = option != "step"
    before = compiled.get_num_threads()
    try:
        for threads in (1, 2):
            compiled.set_num_threads(threads)
            everything = _run(compiled, case, inputs, True, None, with_states)
            for needed in itertools.product([False, True], repeat=count):
                for need_dx in (False, True):
                    found = _run(compiled, case, inputs, need_dx, needed, with_states)
                    wanted = [need_dx, *[True] * (len(found) - 1 - count), *needed]
                    for a, b, want in zip(found, everything, wanted, strict=True):
                        if want:
                            np.testing.assert_array_equal(a.view(np.uint8), b.view(np.uint8))
                        else:
                            assert a is None
    finally:
        compiled.set_num_threads(before)


@pytest.mark.parametrize("cell", CELLS)
def test_as_the_reference(core: ModuleType, reference: ModuleType, cell: str) -> None:
    case, inputs = _inputs(cell, "small", "float64")
    count = len(cells.CELLS[cell].weights)
    for needed in itertools.product([False, np.True_], repeat=count):
        found, expected = (_run(one, case, inputs, False, list(needed)) for one in (core, reference))
        for a, b in zip(found, expected, strict=True):
            assert (a is None) == (b is None)
            if a is not None:
                np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def test_a_step_from_zeros_with_infinite_gradients(compiled: ModuleType) -> None:
    """The gradient of the recurrent kernel is NaN where dz is not finite, whether or not that of the bias is wanted."""
    case, inputs = _inputs("lstm", "step", "float32")
    inputs.upstream["dy"][2, 0, 3] = np.inf
    everything = _run(compiled, case, inputs, True, None, False)
    found = _run(compiled, case, inputs, False, (False, True, False), False)
    assert np.isnan(found[2]).any()
    np.testing.assert_array_equal(found[2], everything[2])
    assert found[1] is None and found[3] is None


def test_a_bias_that_was_none(core: ModuleType) -> None:
    case = Case("gru", sizes=(2, 3, 4, 5), bias=False)
    found = _run(core, case, make_inputs(case), False, (False, True, True))
    assert [one is None for one in found] == [True, False, True, False, True]


def test_wrong_needs(core: ModuleType) -> None:
    case, inputs = _inputs("lstm", "small", "float64")
    *_, cache = forward(core, case, inputs.arrays)
    with pytest.raises(ValueError, match=r"need_dweights must hold 3 bools for the cell lstm, got 2"):
        core.recurrent_backward(cache, None, None, True, (True, False))
    with pytest.raises(TypeError, match=r"need_dweights must be a tuple or list, got bool"):
        core.recurrent_backward(cache, None, None, True, True)
    with pytest.raises(TypeError, match=r"need_dweights must be True or False, got int"):
        core.recurrent_backward(cache, None, None, True, (True, 1, False))
    core.recurrent_backward(cache, None, None, True, (True, False, False))  # a refused call used nothing up
