"""Infinities, NaN, huge and tiny numbers: no crash, no spreading to other rows, no change of the program's own mode."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from recurra._core.cells import CELLS as CELL_TABLE
from tests.support.recurrent_cases import CELLS, Case, Inputs, make_inputs, run

# B, T, I, H: the small path, a few rows, a batch with several panels of units
SIZES = [(3, 2, 5, 7), (4, 9, 3, 33), (23, 11, 9, 70), (37, 6, 5, 130)]
PER_ROW = ("y", "h", "c", "dx", "dh0", "dc0")


def _spoiled(inputs: Inputs, name: str, row: int, value: float) -> Inputs:
    """The same call with some of one row's numbers replaced."""
    inputs = Inputs(dict(inputs.arrays), dict(inputs.upstream))
    found = inputs.upstream if name in inputs.upstream else inputs.arrays
    array = np.array(found[name])
    array[row].reshape(-1)[::3] = value
    found[name] = array
    return inputs


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan, 3e38])
def test_a_bad_row_stays_alone(core: ModuleType, cell: str, sizes: tuple[int, int, int, int], value: float) -> None:
    case = Case(cell, "float32", sizes, mask="right", seed=5)
    inputs = make_inputs(case)
    before = core.get_num_threads()
    with np.errstate(all="ignore"):
        clean = run(core, case, inputs)
        row = sizes[0] // 2
        others = np.arange(sizes[0]) != row
        for name in ("x", *(f"{state}0" for state in CELL_TABLE[cell].states), "dy"):
            for threads in (1, 2):
                core.set_num_threads(threads)
                found = run(core, case, _spoiled(inputs, name, row, value))
                for result in PER_ROW:
                    if result in found:
                        np.testing.assert_array_equal(
                            found[result][others], clean[result][others], err_msg=f"{name} to {result}"
                        )
    core.set_num_threads(before)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("cell", CELLS)
def test_nan_is_passed_on_in_its_row(core: ModuleType, cell: str, sizes: tuple[int, int, int, int]) -> None:
    """It is not hidden either: the row's results say that something is wrong."""
    case = Case(cell, "float32", sizes, seed=6)
    with np.errstate(all="ignore"):
        found = run(core, case, _spoiled(make_inputs(case), "x", 1, np.nan))
    assert np.isnan(found["y"][1]).any()
    assert np.isfinite(found["y"][0]).all()


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("cell", CELLS)
def test_saturated_gates_give_finite_results(core: ModuleType, cell: str, sizes: tuple[int, int, int, int]) -> None:
    case = Case(cell, "float32", sizes, seed=7)
    inputs = make_inputs(case)
    for name in ("x", "bias"):
        value = inputs.arrays.get(name)
        if value is not None:
            inputs.arrays[name] = value * np.float32(1e9)
    with np.errstate(all="ignore"):
        found = run(core, case, inputs)
    for name, value in found.items():
        if value is not None:
            assert np.isfinite(value).all(), name


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("sizes", [(3, 2, 5, 7), (64, 40, 32, 128)], ids=str)
def test_denormals_change_nothing_that_matters(
    compiled: ModuleType, cell: str, sizes: tuple[int, int, int, int], rng: np.random.Generator
) -> None:
    """Kernels may take them for zero; the program around them may not."""
    case = Case(cell, "float32", sizes, states=False, bias=False, seed=8)
    inputs = make_inputs(case)

    def tiny(scale: float) -> dict[str, Any]:
        some = replace(case)
        arrays = {**inputs.arrays, "x": inputs["x"] * np.float32(scale)}
        upstream = {k: None if v is None else v * np.float32(scale) for k, v in inputs.upstream.items()}
        before = compiled.get_num_threads()
        try:
            compiled.set_num_threads(2)
            return run(compiled, some, Inputs(arrays, upstream))
        finally:
            compiled.set_num_threads(before)

    assert np.float32(1e-30) * np.float32(1e-10) > 0
    found, zeros = tiny(1e-40), tiny(0.0)
    assert np.float32(1e-30) * np.float32(1e-10) > 0
    for name, value in found.items():
        if value is not None and not CELL_TABLE[cell].row_statistics:
            np.testing.assert_allclose(value, zeros[name], atol=1e-36, err_msg=name)
