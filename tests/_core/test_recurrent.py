"""Every compiled variant against the reference: outputs, states and all gradients of every recurrent cell."""

from __future__ import annotations

import itertools
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from recurra._core.cells import CELLS as CELL_TABLE
from tests.support.recurrent_cases import (
    ACTIVATIONS,
    CELLS,
    MASKS,
    Case,
    Inputs,
    assert_same,
    backward,
    compare,
    every_cell,
    forward,
    h_size,
    make_inputs,
    run,
)
from tests.support.tolerances import assert_close

# B, T, I, H: pairwise different; one step, one row, odd sizes, units around and beyond a vector and its multiples.
SIZES = (
    (3, 5, 4, 7),
    (1, 6, 5, 3),
    (4, 1, 3, 9),
    (1, 1, 2, 5),
    (5, 3, 1, 1),
    (2, 4, 7, 16),
    (7, 3, 9, 17),
    (6, 9, 20, 31),
    (13, 4, 33, 40),
    (9, 7, 5, 67),
    (33, 3, 17, 50),
)
LARGE = ((40, 12, 70, 129), (2, 30, 130, 260), (70, 21, 64, 64))


def _mixed() -> list[Case]:
    """Cell x dtype x mask x direction x outputs, in full; everything else drawn at random for each."""
    rng = np.random.default_rng(7)
    flags = (False, True)
    cases = []
    for n, (cell, dtype, mask, reverse, sequences, zero) in enumerate(
        itertools.product(CELLS, ("float32", "float64"), MASKS, flags, flags, flags)
    ):
        drops = (None, "shared", "gates")
        standard = rng.random() < 0.5
        gates = ACTIVATIONS[rng.integers(5)]
        if gates in ("relu", "linear") and SIZES[n % len(SIZES)][1] > 6:
            gates = "hard_sigmoid"  # gates without bounds make states explode within a few steps
        cases.append(
            Case(
                cell, dtype, SIZES[n % len(SIZES)], mask, reverse, sequences, zero,
                input_dropout=drops[rng.integers(3)], recurrent_dropout=drops[rng.integers(3)],
                embeddings=bool(rng.random() < 0.3), bias=bool(rng.random() < 0.75), states=bool(rng.random() < 0.75),
                activation="tanh" if standard else ACTIVATIONS[rng.integers(5)],
                recurrent_activation="sigmoid" if standard else gates,
                gradients=("all", "all", "y", "state", "none")[rng.integers(5)],
                need_dx=bool(rng.random() < 0.8), seed=n,
            )
        )  # fmt: skip
    return cases


@pytest.mark.parametrize("case", _mixed(), ids=str)
def test_mixed(variants: list[ModuleType], reference: ModuleType, case: Case) -> None:
    compare(variants, reference, case)


@pytest.mark.parametrize("sizes", [*SIZES, *LARGE], ids=lambda sizes: "x".join(map(str, sizes)))
@pytest.mark.parametrize("cell", CELLS)
def test_sizes(variants: list[ModuleType], reference: ModuleType, cell: str, dtype: np.dtype, sizes: tuple) -> None:
    compare(variants, reference, Case(cell, dtype.name, sizes))
    compare(variants, reference, Case(cell, dtype.name, sizes, "right", reverse=True, return_sequences=False))
    compare(variants, reference, Case(cell, dtype.name, sizes, "left", embeddings=True))


@pytest.mark.parametrize("gates", ACTIVATIONS)
@pytest.mark.parametrize("main", ACTIVATIONS)
@pytest.mark.parametrize("cell", CELLS)
def test_activations(variants: list[ModuleType], reference: ModuleType, cell: str, main: str, gates: str) -> None:
    if CELL_TABLE[cell].recurrent_activation is None and gates != "sigmoid":
        pytest.skip("the cell has no gates")
    for name in ("float32", "float64"):
        compare(variants, reference, Case(cell, name, (5, 4, 3, 19), activation=main, recurrent_activation=gates))


@pytest.mark.parametrize("recurrent_dropout", (None, "shared", "gates"))
@pytest.mark.parametrize("input_dropout", (None, "shared", "gates"))
@pytest.mark.parametrize("embeddings", (False, True))
@pytest.mark.parametrize("cell", CELLS)
def test_dropouts(
    variants: list[ModuleType],
    reference: ModuleType,
    cell: str,
    dtype: np.dtype,
    embeddings: bool,
    input_dropout: str | None,
    recurrent_dropout: str | None,
) -> None:
    for mask in ("none", "holes"):
        case = Case(
            cell, dtype.name, (6, 5, 9, 21), mask, embeddings=embeddings,
            input_dropout=input_dropout, recurrent_dropout=recurrent_dropout,
        )  # fmt: skip
        compare(variants, reference, case)
        compare(variants, reference, replace(case, bias=False, reverse=True))


@pytest.mark.parametrize("zoneout", ("number", "units"))
@pytest.mark.parametrize("mask", ("none", "holes", "empty_rows"))
@pytest.mark.parametrize("cell", CELLS)
def test_zoneout(
    variants: list[ModuleType], reference: ModuleType, cell: str, dtype: np.dtype, mask: str, zoneout: str
) -> None:
    for sizes in ((6, 5, 9, 21), (1, 4, 3, 7), (37, 50, 12, 24), (2, 3, 4, 70)):
        case = Case(cell, dtype.name, sizes, mask, zoneout=zoneout)
        compare(variants, reference, case)
        compare(variants, reference, replace(case, reverse=True, return_sequences=False, states=False))
        compare(variants, reference, replace(case, embeddings=True, recurrent_dropout="gates", gradients="state"))


@pytest.mark.parametrize("cell", CELLS)
def test_zoneout_at_its_ends(core: ModuleType, cell: str) -> None:
    """A share of 0 is no zoneout, to the bit of a batch; one of 1 leaves the states as they were."""
    case = Case(cell, sizes=(5, 4, 3, 7))
    inputs = make_inputs(case)
    plain = run(core, case, inputs)
    states, given = CELL_TABLE[cell].states, inputs.arrays
    for share in (0, 1):
        kept = {f"zoneout_{state}": np.full((5, 4, given[f"{state}0"].shape[1]), float(share)) for state in states}
        found = run(core, case, Inputs({**given, **kept}, inputs.upstream))
        for name in states if share else plain:
            np.testing.assert_array_equal(found[name], given[f"{name}0"] if share else plain[name])


@pytest.mark.parametrize("cell", CELLS)
def test_long_ragged_batch(variants: list[ModuleType], reference: ModuleType, cell: str, dtype: np.dtype) -> None:
    for mask in ("right", "left", "holes"):
        compare(variants, reference, Case(cell, dtype.name, (37, 50, 12, 24), mask, zero_output_for_mask=True))


GROUPED = [(25, 67, 6, 20), (31, 61, 33, 50), (53, 39, 9, 35)]
EXTRAS = [{}, {"embeddings": True}, {"input_dropout": "gates", "recurrent_dropout": "gates"}]


@pytest.mark.parametrize(
    ("cell", "sizes", "mask", "extra"), every_cell(GROUPED, ["none", "nearly_full", "left"], EXTRAS)
)
def test_rows_in_groups(
    variants: list[ModuleType], reference: ModuleType, cell: str, dtype: np.dtype, mask: str, extra: dict[str, Any],
    sizes: tuple[int, int, int, int],
) -> None:  # fmt: skip
    """Enough rows for groups that have sums of their own, whatever the number of threads."""
    case = Case(cell, dtype.name, sizes, mask, reverse=mask != "none", zero_output_for_mask=True, **extra)
    compare(variants, reference, case, threads=(1, 3))


@pytest.mark.parametrize("sizes", [(23, 19, 6, 37), (3, 70, 5, 530)], ids=str)
@pytest.mark.parametrize("cell", CELLS)
def test_masks_of_gates_over_many_steps(
    variants: list[ModuleType], reference: ModuleType, cell: str, sizes: tuple[int, int, int, int]
) -> None:
    """More rows than a pass of the weights' gradient takes, and more units than a part of its operand."""
    compare(
        variants, reference, Case(cell, sizes=sizes, mask="holes", input_dropout="gates", recurrent_dropout="gates")
    )


@pytest.mark.parametrize("sequences", [False, True])
@pytest.mark.parametrize("sizes", [(1, 1, 3, 6), (2, 3, 4, 5), (1, 9, 7, 21), (13, 1, 9, 40), (21, 11, 6, 50)], ids=str)
@pytest.mark.parametrize("cell", CELLS)
def test_rows_of_y_and_dy_may_lie_apart(
    core: ModuleType, cell: str, dtype: np.dtype, sizes: tuple[int, int, int, int], sequences: bool
) -> None:
    """The same bits as with arrays of their own, and what lies between the rows stays as it was."""
    B, T, _, _ = sizes
    for mask in ("none", "holes"):
        case = Case(cell, dtype.name, sizes, mask, reverse=mask == "holes", return_sequences=sequences)
        inputs, H = make_inputs(case), h_size(case)
        for training in (False, True):
            y, *states = forward(core, case, inputs.arrays, training)
            wide = np.full((B, T, 3 + H + 2) if sequences else (B, 3 + H + 2), 7, dtype)
            out = wide[..., 3 : 3 + H]
            got, *same = forward(core, case, inputs.arrays, training, out=out)
            assert got is out
            np.testing.assert_array_equal(got, y)
            assert (wide[..., :3] == 7).all() and (wide[..., 3 + H :] == 7).all()
            for ours, theirs in zip(same[:-1], states[:-1], strict=True):
                np.testing.assert_array_equal(ours, theirs)
        apart = np.full(wide.shape, np.nan, dtype)
        apart[..., 3 : 3 + H] = inputs.upstream["dy"]
        expected = backward(core, case, states[-1], inputs.upstream)
        gradients = backward(core, case, same[-1], {**inputs.upstream, "dy": apart[..., 3 : 3 + H]})
        for ours, theirs in zip(gradients, expected, strict=True):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("cell", CELLS)
def test_inference_equals_training(core: ModuleType, cell: str, dtype: np.dtype) -> None:
    case = Case(cell, dtype.name, (6, 7, 10, 33), "holes")
    arrays = make_inputs(case).arrays
    *kept, cache = forward(core, case, arrays, training=True)
    *light, nothing = forward(core, case, arrays, training=False)
    assert cache is not None
    assert nothing is None
    for a, b in zip(kept, light, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("cell", CELLS)
def test_results_are_new_arrays(core: ModuleType, cell: str, dtype: np.dtype) -> None:
    case = Case(cell, dtype.name, mask="empty_rows", return_sequences=False)
    inputs = make_inputs(case)
    before = {k: None if v is None else v.copy() for k, v in inputs.arrays.items()}
    found = [*forward(core, case, inputs.arrays)]
    cache = found.pop()
    found += [g for g in backward(core, case, cache, inputs.upstream) if g is not None]
    for k, value in enumerate(found):
        assert value.flags.c_contiguous
        assert value.flags.writeable
        for other in [v for v in inputs.arrays.values() if v is not None] + found[:k]:
            assert not np.may_share_memory(value, other)
    for name, value in inputs.arrays.items():
        np.testing.assert_array_equal(value, before[name])


@pytest.mark.parametrize("cell", CELLS)
def test_masked_steps_may_hold_anything(core: ModuleType, cell: str, dtype: np.dtype) -> None:
    case = Case(cell, dtype.name, mask="holes")
    inputs = make_inputs(case)
    clean = run(core, case, inputs)
    x, mask = inputs["x"], inputs["mask"]
    assert x is not None
    assert mask is not None
    x[~mask] = np.nan
    spoilt = run(core, case, inputs)
    for name, value in clean.items():
        np.testing.assert_array_equal(spoilt[name], value, err_msg=name)


@pytest.mark.parametrize("cell", CELLS)
def test_embeddings_equal_their_rows(core: ModuleType, cell: str, dtype: np.dtype) -> None:
    case = Case(cell, dtype.name, (5, 8, 6, 18), "holes", embeddings=True)
    inputs = make_inputs(case)
    table, ids, mask = inputs["embeddings"], inputs["x"], inputs["mask"]
    assert table is not None
    assert ids is not None
    assert mask is not None
    tokens = run(core, case, inputs)
    plain_case = replace(case, embeddings=False)
    inputs.arrays.update(x=table[ids], embeddings=None)
    plain = run(core, plain_case, inputs)
    expected = np.zeros_like(table)
    np.add.at(expected, ids[mask], plain.pop("dx")[mask])
    assert_close(tokens.pop("dx"), expected, "gradient")
    for name, value in plain.items():
        assert_close(tokens[name], value, "gradient" if name.startswith("d") else "recurrent", name)


@pytest.mark.parametrize("vocabulary", (2, 12, 4000))  # all tokens repeat; many; hardly any
@pytest.mark.parametrize("mask", ("none", "holes"))
@pytest.mark.parametrize("cell", CELLS)
def test_repeated_tokens(
    variants: list[ModuleType], reference: ModuleType, cell: str, dtype: np.dtype, mask: str, vocabulary: int
) -> None:
    compare(variants, reference, Case(cell, dtype.name, (7, 9, 5, 19), mask, embeddings=True, vocabulary=vocabulary))
    per_gate = Case(
        cell, dtype.name, (7, 9, 5, 19), mask, embeddings=True, vocabulary=vocabulary, recurrent_dropout="gates"
    )
    compare(variants, reference, per_gate)


@pytest.mark.parametrize("masks", ("none", "holes", "dropout", "zoneout"))
@pytest.mark.parametrize("sizes", ((7, 9, 5, 19), (1, 1, 5, 19), (3, 2, 6, 34)))
@pytest.mark.parametrize("cell", CELLS)
def test_packed_weights_give_the_same_bits(
    core: ModuleType, cell: str, dtype: np.dtype, sizes: tuple[int, int, int, int], masks: str
) -> None:
    case = Case(cell, dtype.name, sizes, "holes" if masks == "holes" else "none")
    if masks == "dropout":
        case = replace(case, input_dropout="shared", recurrent_dropout="shared")
    if masks == "zoneout":
        case = replace(case, zoneout="units")
    arrays = make_inputs(case).arrays
    expected = forward(core, case, arrays, training=False)[:-1]
    packed = core.packed_weights_cache()
    for _ in range(3):  # few tokens: packed from the second call on
        for found, value in zip(forward(core, case, arrays, False, packed)[:-1], expected, strict=True):
            np.testing.assert_array_equal(found, value)


def test_packed_weights_of_another_layer(compiled: ModuleType) -> None:
    case = Case("lstm", sizes=(7, 9, 5, 19))
    packed = compiled.packed_weights_cache()
    forward(compiled, case, make_inputs(case).arrays, False, packed)
    for other in (replace(case, cell="gru"), replace(case, dtype="float32"), replace(case, sizes=(7, 9, 5, 20))):
        with pytest.raises(ValueError, match="weights of another cell, dtype or size"):
            forward(compiled, other, make_inputs(other).arrays, False, packed)
    with pytest.raises(TypeError, match=r"packed_weights must be None or what packed_weights_cache\(\) returned, got"):
        forward(compiled, case, make_inputs(case).arrays, False, "weights")


@pytest.mark.parametrize("cell", CELLS)
def test_no_gradient_gives_zeros(core: ModuleType, cell: str, dtype: np.dtype) -> None:
    case = Case(cell, dtype.name, gradients="none")
    found = run(core, case)
    for name, value in found.items():
        if name.startswith("d"):
            assert value is not None
            assert not value.any(), name


@pytest.mark.parametrize("cell", CELLS)
def test_strided_inputs_are_read_right(core: ModuleType, cell: str, dtype: np.dtype) -> None:
    case = Case(cell, dtype.name, mask="holes")
    inputs = make_inputs(case)
    expected = run(core, case, inputs)
    for name, value in inputs.arrays.items():
        inputs.arrays[name] = None if value is None else np.asfortranarray(value)
    for name, value in inputs.upstream.items():
        inputs.upstream[name] = None if value is None else np.asfortranarray(value)
    found = run(core, case, inputs)
    for name, value in expected.items():
        assert_close(found[name], value, "gradient", name)


@pytest.mark.parametrize("sizes", [(3, 0, 4, 5), (0, 3, 4, 5), (0, 0, 2, 3)], ids=str)
@pytest.mark.parametrize("cell", CELLS)
def test_nothing_to_do(
    variants: list[ModuleType], reference: ModuleType, cell: str, dtype: np.dtype, sizes: tuple
) -> None:
    """No steps: the state stays, its gradient passes through, the last output is zeros. No rows: empty arrays."""
    for sequences in (True, False):
        compare(variants, reference, Case(cell, dtype.name, sizes, return_sequences=sequences))
        compare(variants, reference, Case(cell, dtype.name, sizes, "full", embeddings=True, return_sequences=sequences))


@pytest.mark.parametrize("sizes", [(2, 4, 0, 5), (3, 1, 0, 5), (4, 9, 0, 21), (7, 6, 0, 9), (1, 13, 0, 1)], ids=str)
@pytest.mark.parametrize("cell", CELLS)
def test_no_input_features(
    variants: list[ModuleType], reference: ModuleType, cell: str, dtype: np.dtype, sizes: tuple
) -> None:
    """What is left is the bias and the state; so in few and in many rows and steps, which take different paths."""
    for bias in (True, False):
        for embeddings in (True, False):
            compare(variants, reference, Case(cell, dtype.name, sizes, "holes", bias=bias, embeddings=embeddings))
            case = Case(cell, dtype.name, sizes, recurrent_dropout="gates", bias=bias, embeddings=embeddings)
            compare(variants, reference, case)


@pytest.mark.parametrize("sizes", [(1, 1, 1, 1), (1, 9, 1, 1), (2, 1, 3, 1), (9, 1, 1, 3), (5, 8, 1, 1)], ids=str)
@pytest.mark.parametrize("cell", CELLS)
def test_sizes_of_one(
    variants: list[ModuleType], reference: ModuleType, cell: str, dtype: np.dtype, sizes: tuple
) -> None:
    for options in ({}, {"mask": "right"}, {"input_dropout": "gates"}, {"embeddings": True}, {"bias": False}):
        for sequences in (True, False):
            compare(variants, reference, Case(cell, dtype.name, sizes, return_sequences=sequences, **options))


@pytest.mark.parametrize("size", (60.0, 600.0, 6000.0))
@pytest.mark.parametrize("cell", CELLS)
def test_saturated_gates(
    variants: list[ModuleType], reference: ModuleType, cell: str, dtype: np.dtype, size: float
) -> None:
    """Inputs from which every gate opens or closes fully, some of them beyond where exp overflows."""
    case = Case(cell, dtype.name, (4, 5, 3, 7))
    inputs = make_inputs(case)
    inputs.arrays["kernel"] = np.sign(inputs["kernel"]) * size
    expected = run(reference, case, inputs)
    assert all(value is not None and np.isfinite(value).all() for value in expected.values())
    results = {compiled.__name__: run(compiled, case, inputs) for compiled in variants}
    for found in (expected, *results.values()):
        found["dx"] = found["dx"] / dtype.type(size)  # a product with the kernel
    for name, actual in results.items():
        assert_same(actual, expected, name)


def test_min_lstm_with_both_gates_closed(core: ModuleType, dtype: np.dtype) -> None:
    """Only the difference of the gates counts where f and i are about exp(zf) and exp(zi)."""
    zf, zi, h0 = (
        np.array(values, dtype)[None] for values in ([-900, -902, -3000, -60], [-901, -900, -2000, -61], [4] * 4)
    )
    case = Case("min_lstm", dtype.name, (1, 1, 1, 4), activation="linear", bias=False)
    arrays = make_inputs(case).arrays
    arrays.update(x=np.ones((1, 1, 1), dtype), kernel=np.hstack([zf, zi, np.full((1, 4), 7, dtype)]), h0=h0)
    share = 1 / (1 + np.exp(np.minimum(zf - zi, 50).astype(np.float64)))
    assert_close(forward(core, case, arrays)[0][0], (4 + 3 * share).astype(dtype), "recurrent", "y")
