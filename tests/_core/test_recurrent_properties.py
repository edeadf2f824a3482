"""What must hold for any recurrent call, whichever implementation answers it."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recurra._core.cells import CELLS as CELL_TABLE
from tests.support.recurrent_cases import (
    CELLS,
    Case,
    Inputs,
    backward,
    every_cell,
    forward,
    h_size,
    make_inputs,
    run,
    take_rows,
)
from tests.support.tolerances import assert_close

sizes = st.tuples(st.integers(1, 7), st.integers(1, 8), st.integers(1, 9), st.integers(1, 35))  # B, T, I, H
WIDE = [(1, 9, 40, 70), (5, 6, 20, 33), (40, 12, 64, 100), (70, 20, 30, 256), (2, 5, 300, 515)]
LONG = [(1, 30, 64, 300), (5, 9, 20, 33), (64, 25, 40, 128), (11, 40, 300, 200), (130, 3, 7, 70), (2, 3, 37, 290)]
WIDTHS = [(12, 7), (12, 22), (12, 28), (12, 46), (70, 9)]  # I, H
EXTRAS: list[dict[str, Any]] = [
    {},
    {"mask": "right"},
    {"mask": "holes", "recurrent_dropout": "gates"},
    {"embeddings": True},
    {"mask": "holes", "zoneout": "units"},
]


def weight_gradients(cell: str) -> list[str]:
    return [f"d{name}" for name in CELL_TABLE[cell].weights]


@st.composite
def cases(draw: st.DrawFn, cell: str, **fixed: Any) -> Case:
    case = Case(
        cell,
        draw(st.sampled_from(["float32", "float64"])),
        draw(sizes),
        reverse=draw(st.booleans()),
        input_dropout=draw(st.sampled_from([None, "shared", "gates"])),
        recurrent_dropout=draw(st.sampled_from([None, "shared", "gates"])),
        bias=draw(st.booleans()),
        seed=draw(st.integers(0, 1000)),
    )
    return replace(case, **fixed)


@pytest.mark.parametrize("cell", CELLS)
@given(data=st.data())
def test_padded_batch_equals_its_sequences(core: ModuleType, cell: str, data: st.DataObject) -> None:
    side = data.draw(st.sampled_from(["right", "left"]))
    case = data.draw(cases(cell, mask=side))
    inputs = make_inputs(case)
    mask = inputs["mask"]
    assert mask is not None
    padded = run(core, case, inputs)
    summed: dict[str, Any] = {}
    for b in range(case.sizes[0]):
        one = take_rows(inputs, slice(b, b + 1))
        valid = mask[b]
        one.arrays["mask"] = None
        one.arrays["x"] = np.ascontiguousarray(one["x"][:, valid])
        dy = one.upstream["dy"]
        # the padding repeats the last output of a sequence: what reaches it there belongs to that output
        late = dy[:, ~valid].sum(axis=1) if (side == "right") != case.reverse else 0 * dy[:, 0]
        one.upstream["dy"] = np.ascontiguousarray(dy[:, valid])
        one.upstream["dy"][:, 0 if case.reverse else -1] += late
        alone = run(core, case, one)
        assert_close(padded["y"][b : b + 1, valid], alone["y"], "recurrent", "y")
        assert_close(padded["dx"][b : b + 1, valid], alone["dx"], "gradient", "dx")
        assert not padded["dx"][b, ~valid].any()
        for name in ("h", "c", "dh0", "dc0"):
            if name in alone:
                assert_close(padded[name][b : b + 1], alone[name], "gradient", name)
        for name in weight_gradients(cell):
            if alone[name] is not None:
                summed[name] = summed.get(name, 0) + alone[name]
    for name, value in summed.items():
        assert_close(padded[name], value, "gradient", name)


@pytest.mark.parametrize("cell", CELLS)
@given(data=st.data())
def test_one_call_equals_two(core: ModuleType, cell: str, data: st.DataObject) -> None:
    case = data.draw(cases(cell, mask=data.draw(st.sampled_from(["none", "holes"])), zero_output_for_mask=True))
    steps = case.sizes[1]
    inputs = make_inputs(case)
    whole = run(core, case, inputs)
    cut = data.draw(st.integers(0, steps))
    if cut in (0, steps):
        return
    parts = [slice(0, cut), slice(cut, steps)]
    if case.reverse:
        parts.reverse()
    halves, caches = [], []
    states = CELL_TABLE[cell].states
    state = [inputs[f"{name}0"] for name in states]
    for part in parts:
        arrays = dict(inputs.arrays)
        arrays["x"] = np.ascontiguousarray(inputs["x"][:, part])
        arrays["mask"] = None if inputs["mask"] is None else np.ascontiguousarray(inputs["mask"][:, part])
        arrays.update(zip([f"{name}0" for name in states], state, strict=True))
        y, *rest, cache = forward(core, case, arrays)
        state = rest
        halves.append((part, y))
        caches.append((part, cache))
    for part, y in halves:
        assert_close(y, whole["y"][:, part], "recurrent", "y")
    for name, value in zip(states, state, strict=True):
        assert_close(value, whole[name], "recurrent", name)
    upstream = dict(inputs.upstream)
    sums: dict[str, Any] = {}
    for part, cache in reversed(caches):
        dy = np.ascontiguousarray(inputs.upstream["dy"][:, part])
        dx, *others = backward(core, case, cache, {**upstream, "dy": dy})
        dstates, dweights = others[: len(states)], others[len(states) :]
        assert_close(dx, whole["dx"][:, part], "gradient", "dx")
        upstream.update(zip([k for k in upstream if k != "dy"], dstates, strict=True))
        for name, value in zip(weight_gradients(cell), dweights, strict=True):
            sums[name] = value if name not in sums or value is None else sums[name] + value
    assert_close(upstream["dh"], whole["dh0"], "gradient", "dh0")
    for name, value in sums.items():
        if value is not None:
            assert_close(value, whole[name], "gradient", name)


@pytest.mark.parametrize("cell", CELLS)
@given(data=st.data())
def test_no_state_equals_zero_state(core: ModuleType, cell: str, data: st.DataObject) -> None:
    case = data.draw(cases(cell, states=False, mask=data.draw(st.sampled_from(["none", "right", "holes"]))))
    inputs = make_inputs(case)
    without = run(core, case, inputs)
    rows, _, _, units = case.sizes
    inputs.arrays["h0"] = np.zeros((rows, h_size(case)), case.dtype)
    if "c" in CELL_TABLE[cell].states:
        inputs.arrays["c0"] = np.zeros((rows, units), case.dtype)
    given_zeros = run(core, case, inputs)
    for name, value in without.items():
        if value is not None:
            np.testing.assert_array_equal(given_zeros[name], value, err_msg=name)


@pytest.mark.parametrize("cell", CELLS)
@given(data=st.data())
def test_reverse_equals_flipped(core: ModuleType, cell: str, data: st.DataObject) -> None:
    case = data.draw(cases(cell, reverse=False, mask=data.draw(st.sampled_from(["none", "right", "holes"]))))
    inputs = make_inputs(case)
    ahead = run(core, case, inputs)
    for name in ("x", "mask"):
        value = inputs[name]
        inputs.arrays[name] = None if value is None else np.ascontiguousarray(value[:, ::-1])
    inputs.upstream["dy"] = np.ascontiguousarray(inputs.upstream["dy"][:, ::-1])
    back = run(core, replace(case, reverse=True), inputs)
    for name, value in ahead.items():
        if value is not None:
            seen = back[name][:, ::-1] if name in ("y", "dx") else back[name]
            assert_close(seen, value, "gradient", name)


@pytest.mark.parametrize("cell", CELLS)
@given(data=st.data())
def test_rows_are_independent_bit_for_bit(compiled: ModuleType, cell: str, data: st.DataObject) -> None:
    case = data.draw(cases(cell, mask=data.draw(st.sampled_from(["none", "right", "holes"]))))
    inputs = make_inputs(case)
    together = run(compiled, case, inputs)
    rows = data.draw(st.lists(st.integers(0, case.sizes[0] - 1), min_size=1, max_size=9))
    some = run(compiled, case, take_rows(inputs, rows))
    for name in ("y", "h", "c"):
        if name in some:
            np.testing.assert_array_equal(some[name], together[name][rows], err_msg=name)


@pytest.mark.parametrize(("cell", "mask", "sizes"), every_cell(["none", "right", "holes"], WIDE))
def test_rows_are_independent_at_real_sizes(compiled: ModuleType, cell: str, mask: str, sizes: tuple) -> None:
    case = Case(cell, "float32", sizes, mask)
    inputs = make_inputs(case)
    together = forward(compiled, case, inputs.arrays, training=False)[:-1]
    for rows in ([0], [sizes[0] - 1], list(range(0, sizes[0], 2)), list(range(min(7, sizes[0])))[::-1]):
        some = forward(compiled, case, take_rows(inputs, rows).arrays, training=len(rows) % 2 == 0)[:-1]
        for a, b in zip(some, together, strict=True):
            np.testing.assert_array_equal(a, b[rows])


@pytest.mark.parametrize("embeddings", [False, True])
@pytest.mark.parametrize("units", [1, 9, 17, 18, 19, 20, 50])
@pytest.mark.parametrize("cell", CELLS)
def test_rows_are_independent_whatever_units_are_left_over(
    compiled: ModuleType, cell: str, units: int, embeddings: bool
) -> None:
    """The units behind the last whole panel have their gates side by side in a batch, and not in a row alone."""
    case = Case(cell, "float32", (13, 7, 1, units), embeddings=embeddings, vocabulary=3)
    inputs = make_inputs(case)
    table = inputs["embeddings" if embeddings else "x"]
    if not CELL_TABLE[cell].row_statistics:  # the norm of an infinite row is NaN
        table[table == table.max()] = np.inf  # of which a gate that does not take x must not see zero times infinity
    together = forward(compiled, case, inputs.arrays, training=True)[:-1]
    assert CELL_TABLE[cell].row_statistics or not np.isfinite(table).all()
    assert np.isfinite(together[0]).mean() > 0.5
    for row in range(case.sizes[0]):
        alone = forward(compiled, case, take_rows(inputs, [row]).arrays, training=False)[:-1]
        for a, b in zip(alone, together, strict=True):
            np.testing.assert_array_equal(a, b[[row]])


@pytest.mark.parametrize(("cell", "extra", "sizes"), every_cell(EXTRAS, LONG))
def test_same_bits_for_any_number_of_threads(
    compiled: ModuleType, cell: str, extra: dict[str, Any], sizes: tuple
) -> None:
    _compare_threads(compiled, Case(cell, "float32", sizes, **extra), (2, 3))


@pytest.mark.parametrize(
    ("cell", "extra", "widths"), every_cell(EXTRAS, [(12, 7), (12, 22), (12, 28), (12, 46), (70, 9)])
)
def test_same_bits_wherever_threads_cut_the_weights_gradients(
    compiled: ModuleType, cell: str, dtype: np.dtype, extra: dict[str, Any], widths: tuple[int, int]
) -> None:
    """Columns of the last panel stand side by side in several blocks, and a thread may begin with any of them; where
    there are fewer blocks than threads, each is cut.
    """
    _compare_threads(compiled, Case(cell, dtype.name, (37, 50, *widths), **extra), (2, 3, 4, 8))


def _compare_threads(compiled: ModuleType, case: Case, numbers: tuple[int, ...]) -> None:
    inputs = make_inputs(case)
    before = compiled.get_num_threads()
    try:
        compiled.set_num_threads(1)
        expected = run(compiled, case, inputs)
        for threads in numbers:
            compiled.set_num_threads(threads)
            found = run(compiled, case, inputs)
            for name, value in expected.items():
                np.testing.assert_array_equal(found[name], value, err_msg=f"{name} with {threads} threads")
    finally:
        compiled.set_num_threads(before)


def _zeroed(inputs: Inputs, name: str) -> Inputs:
    value = inputs[name]
    assert value is not None
    return Inputs({**inputs.arrays, name: np.zeros_like(value)}, inputs.upstream)


@pytest.mark.parametrize("cell", CELLS)
def test_every_input_matters(core: ModuleType, cell: str) -> None:
    """Nothing is accepted and ignored: with any one input zeroed, the output is another."""
    case = Case(cell, mask="holes", input_dropout="gates", recurrent_dropout="gates")
    inputs = make_inputs(case)
    expected = run(core, case, inputs)["y"]
    for name in [name for name, value in inputs.arrays.items() if value is not None]:
        assert not np.array_equal(run(core, case, _zeroed(inputs, name))["y"], expected), name
