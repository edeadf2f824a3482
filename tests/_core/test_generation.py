"""Tokens from a network in one call, and beam search: every compiled variant against the reference."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from recurra._core.cells import CELLS

NONE = np.zeros(0, np.int32)
V, UNITS, PROJECTED = 19, (21, 11), (9, 14)


class Arrays:
    """A network's arguments: two recurrent layers of one cell with a dense one between, and dense scores.

    h of a cell that projects it has fewer units than c in the first layer, and more in the second.
    """

    def __init__(
        self, cell: str, dtype: Any, *, probabilities: bool = False, zoneout: float = 0.0, seed: int = 0
    ) -> None:
        rng = np.random.default_rng(seed)

        def normal(*shape: int) -> np.ndarray:
            return rng.normal(0.0, 0.6, shape).astype(dtype)

        def layer(inputs: int, units: int, outputs: int) -> list[np.ndarray]:
            return [normal(*shape) for shape in CELLS[cell].shapes(inputs, units, outputs).values()]

        kind = CELLS[cell]
        outputs = PROJECTED if kind.projects else UNITS
        self.sizes = [kind.state_sizes(*sizes) for sizes in zip(UNITS, outputs, strict=True)]
        self.kind = kind
        self.table = normal(V, 7)
        self.layers = [cell, "dense", cell, "dense"]
        first, second = outputs
        self.weights: list[list[np.ndarray | None]] = [
            [*layer(7, UNITS[0], first)],
            [normal(first, 13), normal(13)],
            [*layer(13, UNITS[1], second)],
            [normal(second, V), None],
        ]
        own = (kind.activation, kind.recurrent_activation or "sigmoid")
        self.activations = [own, ("tanh", "sigmoid"), own, ("linear", "sigmoid")]
        self.probabilities = probabilities
        shares = [zoneout, 0.3 * zoneout][: len(kind.states)] if zoneout else None
        self.zoneout = [shares, None, shares, None]

    def model(self, core: ModuleType) -> Any:
        return core.generation_model(
            self.table, self.layers, self.weights, self.activations, self.probabilities, self.zoneout
        )

    def states(self, rows: int, seed: int = 1) -> list[tuple[np.ndarray, ...]]:
        rng = np.random.default_rng(seed)
        return [tuple(rng.normal(size=(rows, size)).astype(self.table.dtype) for size in sizes) for sizes in self.sizes]


def call(core: ModuleType, model: Any, prompt: np.ndarray, states: Any, steps: int = 30, **changes: Any) -> Any:
    options: dict[str, Any] = {
        "ended": None, "seen": None, "steps": steps, "temperature": 0.9, "top_k": 0, "top_p": 1.0,
        "repetition_penalty": 1.0, "banned": NONE, "end_ids": NONE, "seed": 5, "stream": 0,
    }  # fmt: skip
    options.update(changes)
    return core.generate(model, prompt, states, *options.values())


def prompt_of(rows: int, length: int = 4) -> np.ndarray:
    return np.random.default_rng(2).integers(0, V, (rows, length)).astype(np.int32)


def assert_same(found: Any, expected: Any, dtype: Any) -> None:
    tokens, states = found
    np.testing.assert_array_equal(tokens, expected[0])
    assert tokens.dtype == np.int32
    tolerance = 2e-3 if np.dtype(dtype) == np.float32 else 1e-9
    for own, others in zip(states, expected[1], strict=True):
        for part, other in zip(own, others, strict=True):
            np.testing.assert_allclose(part, other, rtol=tolerance, atol=tolerance)
            assert part.dtype == np.dtype(dtype)


@pytest.mark.parametrize("rows", [1, 3, 5, 50])
@pytest.mark.parametrize("zoneout", [0.0, 0.4])
@pytest.mark.parametrize("cell", CELLS)
def test_cells(compiled: ModuleType, reference: ModuleType, cell: str, zoneout: float, rows: int) -> None:
    arrays = Arrays(cell, "float64", zoneout=zoneout)
    prompt, states = prompt_of(rows), arrays.states(rows)
    expected = call(reference, arrays.model(reference), prompt, states, 12)
    assert_same(call(compiled, arrays.model(compiled), prompt, states, 12), expected, "float64")


OPTIONS: dict[str, dict[str, Any]] = {
    "greedy": {"temperature": 0.0},
    "hot": {"temperature": 3.0},
    "top_k": {"top_k": 4},
    "top_k beyond V": {"top_k": V + 5},
    "top_p": {"top_p": 0.6},
    "both": {"top_k": 9, "top_p": 0.8, "temperature": 1.7},
    "banned": {"banned": np.array([3, 0, 7, 7], np.int32), "top_p": 0.9},
    "penalty": {"repetition_penalty": 1.9},
    "penalty below one": {"repetition_penalty": 0.6, "temperature": 0.0},
    "stream": {"stream": 2**40 + 3, "seed": 2**63 + 11},
    "end": {"end_ids": np.array([5, 11], np.int32)},
}


@pytest.mark.parametrize("probabilities", [False, True])
@pytest.mark.parametrize("options", OPTIONS.values(), ids=list(OPTIONS))
def test_choices(
    compiled: ModuleType, reference: ModuleType, dtype: np.dtype[Any], options: dict[str, Any], probabilities: bool
) -> None:
    arrays = Arrays("lstm", dtype, probabilities=probabilities, seed=3)
    prompt, states = prompt_of(4), arrays.states(4)
    expected = call(reference, arrays.model(reference), prompt, states, **options)
    assert_same(call(compiled, arrays.model(compiled), prompt, states, **options), expected, dtype)


@pytest.mark.parametrize("cell", ["gru", "projection_lstm"])
def test_a_row_is_the_same_alone(core: ModuleType, dtype: np.dtype[Any], cell: str) -> None:
    """Bit for bit, states too: products with one, three and many rows add in one order."""
    arrays = Arrays(cell, dtype)
    model, prompt, states = arrays.model(core), prompt_of(5), arrays.states(5)
    tokens, after = call(core, model, prompt, states)
    for rows in (1, 3):
        part, end = call(core, model, prompt[:rows], [tuple(p[:rows] for p in own) for own in states])
        np.testing.assert_array_equal(part, tokens[:rows])
        if core.build_config()["isa"] != "reference":  # numpy's products depend on the number of rows
            for own, whole in zip(end, after, strict=True):
                assert all((a == b[:rows]).all() for a, b in zip(own, whole, strict=True))


@pytest.mark.parametrize("rows", [2, 41])
def test_threads_change_nothing(compiled: ModuleType, rows: int) -> None:
    rng = np.random.default_rng(4)
    H = 160  # enough work for several threads
    table = rng.normal(size=(40, 64)).astype(np.float32)
    weights = [[0.1 * rng.normal(size=s).astype(np.float32) for s in ((64, 4 * H), (H, 4 * H), (4 * H,))]]
    weights.append([rng.normal(size=(H, 40)).astype(np.float32), rng.normal(size=40).astype(np.float32)])
    before, found = compiled.get_num_threads(), []
    for threads in (1, 2, 3):
        compiled.set_num_threads(threads)
        names = [("tanh", "sigmoid"), ("linear", "sigmoid")]
        model = compiled.generation_model(table, ["lstm", "dense"], weights, names, False, [None, None])
        found.append(call(compiled, model, np.zeros((rows, 1), np.int32), [(None, None)], 60))
    compiled.set_num_threads(before)
    for tokens, states in found[1:]:
        np.testing.assert_array_equal(tokens, found[0][0])
        assert all((a == b).all() for a, b in zip(states[0], found[0][1][0], strict=True))


def test_one_call_equals_two(core: ModuleType) -> None:
    arrays = Arrays("layer_norm_lstm", "float64")
    model, prompt, states = arrays.model(core), prompt_of(3), arrays.states(3)
    tokens, after = call(core, model, prompt, states, 9, stream=7, repetition_penalty=1.5)
    first, middle = call(core, model, prompt, states, 4, stream=7, repetition_penalty=1.5)
    seen = np.zeros((3, V), bool)
    np.put_along_axis(seen, np.concatenate([prompt, first[:, :-1]], axis=1).astype(np.int64), True, axis=1)
    before = seen.copy()
    last = np.ascontiguousarray(first[:, -1:])
    second, end = call(core, model, last, middle, 5, stream=11, repetition_penalty=1.5, seen=seen)
    np.testing.assert_array_equal(np.concatenate([first, second], axis=1), tokens)
    np.testing.assert_array_equal(seen, before)
    assert all(
        np.allclose(a, b) for own, other in zip(end, after, strict=True) for a, b in zip(own, other, strict=True)
    )
    nothing, read = call(core, model, prompt[:, :-1], states, 0)
    assert nothing.shape == (3, 0)
    np.testing.assert_array_equal(
        call(core, model, prompt[:, -1:].copy(), read, 9, stream=7)[0][:, 0],
        call(core, model, prompt, states, 9, stream=7)[0][:, 0],
    )


def test_ended_rows_repeat(core: ModuleType) -> None:
    arrays = Arrays("simple_rnn", "float64")
    model, prompt, states = arrays.model(core), prompt_of(4), arrays.states(4)
    free, _ = call(core, model, prompt, states, 200)
    ends = np.array([2, 9], np.int32)
    tokens, _ = call(core, model, prompt, states, 200, end_ids=ends)
    stops = [int(np.flatnonzero(np.isin(row, ends))[0]) for row in free]
    assert tokens.shape == (4, max(stops) + 1)
    for row, whole, stop in zip(tokens, free, stops, strict=True):
        np.testing.assert_array_equal(row[: stop + 1], whole[: stop + 1])
        assert (row[stop:] == whole[stop]).all()
    ended = np.array([False, True, False, True])
    tokens, _ = call(core, model, prompt, states, 6, ended=ended)
    np.testing.assert_array_equal(tokens[ended], np.repeat(prompt[ended, -1:], 6, axis=1))
    np.testing.assert_array_equal(tokens[~ended], free[~ended, :6])
    assert call(core, model, prompt, states, 6, ended=np.ones(4, bool))[0].shape == (4, 1)


@pytest.mark.parametrize(
    ("cell", "zoneout"), [("lstm", 0.3), ("gru_reset_before", 0), ("min_gru", 0.2), ("projection_lstm", 0.1)]
)
@pytest.mark.parametrize("penalty", [0.0, 1.0])
@pytest.mark.parametrize("ends", [NONE, np.array([4, 13], np.int32)])
def test_beams(
    compiled: ModuleType, reference: ModuleType, cell: str, zoneout: float, penalty: float, ends: np.ndarray
) -> None:
    arrays = Arrays(cell, "float64", zoneout=zoneout, seed=8)
    prompt, states = prompt_of(1)[0], arrays.states(1)
    options = (prompt, states, 9, 5, penalty, ends, np.array([1, 6], np.int32))
    found = compiled.beam_search(arrays.model(compiled), *options)
    expected = reference.beam_search(arrays.model(reference), *options)
    assert len(found) == len(expected) == 5
    for (tokens, log_p, score), (other, log_q, other_score) in zip(found, expected, strict=True):
        np.testing.assert_array_equal(tokens, other)
        np.testing.assert_allclose([log_p, score], [log_q, other_score], rtol=1e-9)


def bad_models() -> dict[str, tuple[Callable[[Arrays], Any], type[Exception], str]]:
    def weights(change: Callable[[list[Any]], Any]) -> Callable[[Arrays], Any]:
        return lambda a: change(a.weights)

    return {
        "no cell": (lambda a: a.layers.__setitem__(slice(0, 3), ["dense"] * 3), ValueError, r"weights\[0\]"),
        "a name": (lambda a: a.layers.__setitem__(0, "lstn"), ValueError, r"layers\[0\] must"),
        "count": (lambda a: a.weights.pop(), ValueError, "weights must hold 4 items, got 3"),
        "width": (
            weights(lambda w: w[2].__setitem__(0, w[2][0][:-1])),
            ValueError,
            r"weights\[2\]\[0\] must have shape",
        ),
        "units": (weights(lambda w: w[3].__setitem__(0, w[3][0][:, :-1])), ValueError, "as many units as embeddings"),
        "dtype": (
            weights(lambda w: w[0].__setitem__(1, w[0][1].astype("f4"))),
            TypeError,
            r"weights\[0\]\[1\] must be",
        ),
        "none": (weights(lambda w: w[0].__setitem__(1, None)), TypeError, r"weights\[0\]\[1\] must be"),
        "bias": (
            weights(lambda w: w[0].__setitem__(2, w[0][2][:-1])),
            ValueError,
            r"weights\[0\]\[2\] must have shape",
        ),
        "table": (lambda a: setattr(a, "table", a.table[0]), ValueError, "embeddings must have shape"),
        "activation": (lambda a: a.activations.__setitem__(1, ("sine", "tanh")), ValueError, "must be 'tanh'"),
        "zoneouts": (lambda a: a.zoneout.pop(), ValueError, "zoneout must hold 4 items, got 3"),
        "zoneout": (lambda a: a.zoneout.__setitem__(2, [0.1]), ValueError, r"zoneout\[2\] must hold 2 items, got 1"),
        "share": (lambda a: a.zoneout.__setitem__(2, [0.1, 1.5]), ValueError, r"zoneout\[2\]\[1\] must be a finite"),
        "zoneout of dense": (lambda a: a.zoneout.__setitem__(1, [0.1]), ValueError, r"zoneout\[1\] must be None"),
        "zoneout's type": (lambda a: a.zoneout.__setitem__(0, 0.5), TypeError, r"zoneout\[0\] must be a tuple or list"),
    }


def test_bad_projections(core: ModuleType) -> None:
    for change, text in (
        (lambda w: w.__setitem__(1, w[1][:-1]), r"weights\[0\]\[3\] must have shape"),
        (lambda w: w.__setitem__(1, w[1][:0]), r"weights\[0\]\[1\] must have at least one row"),
        (lambda w: w.__setitem__(3, w[3][:-1]), r"weights\[0\]\[3\] must have shape"),
        (lambda w: w.pop(), r"weights\[0\] must hold 4 items, got 3"),
    ):
        arrays = Arrays("projection_lstm", "float64")
        change(arrays.weights[0])
        with pytest.raises(ValueError, match=text):
            arrays.model(core)
    arrays = Arrays("projection_lstm", "float64")
    h, c = arrays.states(2)[0]
    for states in ((c, c), (h, h)):
        with pytest.raises(ValueError, match=r"states\[0\]\[[01]\] must have shape \(B, [PH]\)"):
            call(core, arrays.model(core), prompt_of(2), [states, arrays.states(2)[1]])


@pytest.mark.parametrize("name", bad_models())
def test_bad_models(core: ModuleType, name: str) -> None:
    change, error, text = bad_models()[name]
    arrays = Arrays("lstm", "float64")
    change(arrays)
    with pytest.raises(error, match=text):
        call(core, arrays.model(core), prompt_of(1), arrays.states(1))


BAD_CALLS: dict[str, tuple[dict[str, Any], str]] = {
    "banned all": ({"banned": np.arange(V, dtype=np.int32)}, "banned leaves no token"),
    "banned": ({"banned": np.array([V], np.int32)}, r"banned must be in \[0, V\)"),
    "end": ({"end_ids": np.array([-1], np.int32)}, r"end_ids must be in \[0, V\)"),
    "steps": ({"steps": -1}, "steps must be"),
    "ended": ({"ended": np.zeros(3, bool)}, "ended must have shape"),
    "seen": ({"seen": np.zeros((2, V + 1), bool)}, "seen must have shape"),
    "temperature": ({"temperature": -0.5}, "temperature must be"),
    "top_p": ({"top_p": 0.0}, "top_p must be"),
    "penalty": ({"repetition_penalty": 0.0}, "repetition_penalty must be"),
}


@pytest.mark.parametrize("name", BAD_CALLS)
def test_bad_calls(core: ModuleType, name: str) -> None:
    changes, text = BAD_CALLS[name]
    arrays = Arrays("lstm", "float64")
    model = arrays.model(core)
    with pytest.raises(ValueError, match=text):
        call(core, model, prompt_of(2), arrays.states(2), **{"steps": 3, **changes})


def test_bad_prompts_states_and_models(core: ModuleType) -> None:
    arrays = Arrays("lstm", "float64")
    model, states = arrays.model(core), arrays.states(2)
    for prompt in (np.array([[V], [0]], np.int32), np.zeros((2, 0), np.int32), np.zeros(2, np.int32)):
        with pytest.raises(ValueError, match="prompt must"):
            call(core, model, prompt, states)
    for wrong in (states[:1], [states[0][:1], states[1]], arrays.states(3)):
        with pytest.raises(ValueError, match="states"):
            call(core, model, prompt_of(2), wrong)
    with pytest.raises(TypeError, match="model must be what generation_model"):
        call(core, object(), prompt_of(2), states)
    with pytest.raises(ValueError, match="width must be"):
        core.beam_search(model, prompt_of(1)[0], arrays.states(1), 3, 0, 0.0, NONE, NONE)


def test_weights_that_diverged(core: ModuleType) -> None:
    arrays = Arrays("lstm", "float32")
    arrays.weights[3][0] = np.full_like(arrays.weights[3][0], np.nan)
    with pytest.raises(ValueError, match="NaN"):
        call(core, arrays.model(core), prompt_of(2), arrays.states(2))


def test_weights_are_those_of_when_the_model_was_made(core: ModuleType) -> None:
    arrays = Arrays("gru", "float64")
    model, prompt, states = arrays.model(core), prompt_of(2), arrays.states(2)
    expected, _ = call(core, model, prompt, states)
    for weights in arrays.weights:
        for array in weights:
            if array is not None:
                array[...] = 0
    np.testing.assert_array_equal(call(core, model, prompt, states)[0], expected)
