"""The reference itself: gradients against differences, and values against PyTorch."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from recurra._core.cells import CELLS as CELL_TABLE
from tests.golden import GOLDEN
from tests.support.recurrent_cases import CELLS, MASKS, Case, Inputs, forward, make_inputs, run
from tests.support.tolerances import assert_close

NUMBERS = GOLDEN / "torch.npz"
EPS = 1e-6


def _loss(core: ModuleType, case: Case, inputs: Inputs) -> float:
    outputs = forward(core, case, inputs.arrays)[:-1]
    return sum(float((y * d).sum()) for y, d in zip(outputs, inputs.upstream.values(), strict=True) if d is not None)


def _differences(core: ModuleType, case: Case, inputs: Inputs, name: str) -> np.ndarray:
    array = inputs[name]
    assert array is not None
    found = np.zeros_like(array)
    for index in np.ndindex(array.shape):
        kept = array[index]
        array[index] = kept + EPS
        high = _loss(core, case, inputs)
        array[index] = kept - EPS
        found[index] = (high - _loss(core, case, inputs)) / (2 * EPS)
        array[index] = kept
    return found


def _check(core: ModuleType, case: Case) -> None:
    inputs = make_inputs(case)
    grads = run(core, case, inputs)
    cell = CELL_TABLE[case.cell]
    names = {f"d{name}": name for name in (*(f"{state}0" for state in cell.states), *cell.weights)}
    names["dx"] = "embeddings" if case.embeddings else "x"
    for grad, name in names.items():
        if grads[grad] is not None and inputs[name] is not None:
            expected = _differences(core, case, inputs, name)
            np.testing.assert_allclose(grads[grad], expected, rtol=1e-5, atol=2e-8, err_msg=grad)


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("cell", CELLS)
def test_gradients(reference: ModuleType, cell: str, mask: str) -> None:
    case = Case(cell, sizes=(2, 4, 1, 3), mask=mask)
    _check(reference, case)
    _check(reference, replace(case, reverse=True, return_sequences=False))
    _check(reference, replace(case, zero_output_for_mask=True, gradients="y"))


@pytest.mark.parametrize("input_dropout", (None, "shared", "gates"))
@pytest.mark.parametrize("recurrent_dropout", (None, "shared", "gates"))
@pytest.mark.parametrize("cell", CELLS)
def test_gradients_under_dropout(
    reference: ModuleType, cell: str, input_dropout: str | None, recurrent_dropout: str | None
) -> None:
    drops = {"input_dropout": input_dropout, "recurrent_dropout": recurrent_dropout}
    _check(reference, Case(cell, sizes=(3, 4, 2, 1), mask="holes", **drops))
    _check(reference, Case(cell, sizes=(1, 2, 3, 2), embeddings=True, bias=False, **drops))


@pytest.mark.parametrize("zoneout", ("number", "units"))
@pytest.mark.parametrize("cell", CELLS)
def test_gradients_under_zoneout(reference: ModuleType, cell: str, zoneout: str) -> None:
    _check(reference, Case(cell, sizes=(3, 4, 1, 2), mask="holes", zoneout=zoneout, recurrent_dropout="gates"))
    _check(reference, Case(cell, sizes=(2, 3, 1, 3), reverse=True, return_sequences=False, zoneout=zoneout))


@pytest.mark.parametrize("gates", ("sigmoid", "hard_sigmoid", "linear"))
@pytest.mark.parametrize("main", ("tanh", "relu", "linear", "sigmoid"))
@pytest.mark.parametrize("cell", CELLS)
def test_gradients_of_activations(reference: ModuleType, cell: str, main: str, gates: str) -> None:
    _check(reference, Case(cell, sizes=(2, 3, 1, 2), activation=main, recurrent_activation=gates, seed=5))


def _golden() -> dict[str, dict[str, np.ndarray]]:
    cases: dict[str, dict[str, np.ndarray]] = {}
    with np.load(NUMBERS) as stored:
        for key in stored.files:
            case, _, name = key.rpartition("/")
            cases.setdefault(case, {})[name] = stored[key]
    return cases


GOLDENS = _golden()
RECURRENT = [name for name in GOLDENS if name.split("-")[0] in ("lstm", "gru", "simple_rnn")]


@pytest.mark.parametrize("name", RECURRENT)
def test_equals_pytorch(core: ModuleType, dtype: np.dtype[Any], name: str) -> None:
    stored = {k: v.astype(dtype) if v.dtype.kind == "f" else v for k, v in GOLDENS[name].items()}
    cell, *options = name.split("-")
    mask = None
    if "lengths" in stored:
        mask = np.arange(stored["x"].shape[1]) < stored["lengths"][:, None]
    case = Case(
        cell,
        dtype.name,
        reverse="reverse" in options,
        zero_output_for_mask=True,  # PyTorch pads outputs with zeros
        activation="relu" if "relu" in options else "tanh",
    )
    inputs = Inputs(
        {k: stored.get(k) for k in ("x", "h0", "c0", "kernel", "recurrent_kernel", "bias")}
        | {"mask": mask, "input_dropout": None, "recurrent_dropout": None, "embeddings": None},
        {k: stored[k] for k in ("dy", "dh", "dc") if k in stored},
    )
    for key, value in run(core, case, inputs).items():
        assert_close(value, stored[key], "framework", key)


def test_there_are_goldens_for_every_cell() -> None:
    assert len(RECURRENT) == 13
