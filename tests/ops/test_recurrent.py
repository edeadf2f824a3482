"""ops.lstm, gru, simple_rnn: what they add to the kernels, and their gradients through the tape."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from recurra import GradientTape, Variable, gradcheck, ops
from recurra._core import cells
from recurra.autograd import RowSparse, Tensor, no_grad
from tests.support.tolerances import assert_close

B, T, I, H, V = 3, 5, 4, 6, 9
CELLS = tuple(cells.CELLS)
NAMED = ("lstm", "gru", "gru_reset_before", "simple_rnn")  # with functions of their own


def _call(cell: str) -> Callable[..., Any]:
    if cell == "gru_reset_before":
        return lambda *args, **kwargs: ops.gru(*args, reset_after=False, **kwargs)
    if cell in NAMED:
        return getattr(ops, cell)
    return lambda x, *weights, initial_state=None, **kwargs: ops.run_cell(cell, x, weights, initial_state, **kwargs)


def _backward(cell: str) -> Callable[..., Any]:
    return getattr(ops, cell.removesuffix("_reset_before") + "_backward") if cell in NAMED else ops.run_cell_backward


def _flat(cell: str, gradients: Any) -> dict[str, Any]:
    """Gradients by name."""
    if cell in NAMED:
        return gradients._asdict()
    kind = cells.CELLS[cell]
    names = [*(f"d{state}0" for state in kind.states), *(f"d{name}" for name in kind.weights)]
    return {"dx": gradients.dx, **dict(zip(names, (*gradients.dstate, *gradients.dweights), strict=True))}


def _weights(cell: str, rng: np.random.Generator, dtype: Any = np.float64) -> list[np.ndarray]:
    return [(0.5 * rng.normal(size=shape)).astype(dtype) for shape in cells.CELLS[cell].shapes(I, H).values()]


def _state(cell: str, rng: np.random.Generator) -> list[np.ndarray]:
    return [rng.normal(size=(B, H)) for _ in cells.CELLS[cell].states]


@pytest.mark.parametrize("cell", CELLS)
def test_gradients_through_the_tape(rng: np.random.Generator, cell: str) -> None:
    call, count = _call(cell), len(_state(cell, rng))
    mask = np.array([[1, 1, 0, 1, 1], [0, 1, 1, 0, 0], [1, 1, 1, 1, 1]], bool)

    weights = len(cells.CELLS[cell].weights)

    def outputs(x: Any, *given: Any, **options: Any) -> Any:
        y, final, cache = call(x, *given[:weights], initial_state=given[weights:] or None, **options)
        assert cache is None
        assert len(final) == count
        return y, final

    x = rng.normal(size=(B, T, I))
    given = [x, *_weights(cell, rng), *_state(cell, rng)]
    gradcheck(outputs, given, kwargs={"mask": mask})
    gradcheck(outputs, given, kwargs={"lengths": [5, 2, 3], "reverse": True, "return_sequences": False})
    unbiased = [w if name != "bias" else None for name, w in zip(cells.CELLS[cell].weights, given[1:], strict=False)]
    gradcheck(outputs, [x, *unbiased], kwargs={"mask": mask, "zero_output_for_mask": True})
    gradcheck(lambda *a: outputs(*a)[0], given)  # nothing uses the state
    gradcheck(lambda *a: outputs(*a)[1], given)  # nothing uses the sequence


@pytest.mark.parametrize("cell", CELLS)
def test_gradients_of_embeddings(rng: np.random.Generator, cell: str) -> None:
    ids = rng.integers(0, V, (B, T))
    table = Variable(rng.normal(size=(V, I)), name="table")
    weights = _weights(cell, rng)
    gradcheck(lambda e, *w: _call(cell)(ids, *w, embeddings=e, lengths=[5, 2, 3])[:2], [table, *weights])
    with GradientTape() as tape:
        y, _, _ = _call(cell)(ids, *weights, embeddings=table, lengths=[1, 2, 0])
    grad = tape.gradient(y, table)
    assert isinstance(grad, RowSparse)
    assert grad.shape == (V, I)
    np.testing.assert_array_equal(grad.ids, np.unique([ids[0, 0], *ids[1, :2]]))
    gradcheck(lambda e: _call(cell)(ids, *weights, embeddings=e * 2.0)[0], [table])  # a table that is computed


@pytest.mark.parametrize("cell", CELLS)
def test_arrays_without_a_tape(rng: np.random.Generator, cell: str) -> None:
    x, weights, state = rng.normal(size=(B, T, I)), _weights(cell, rng), _state(cell, rng)
    y, final, cache = _call(cell)(x, *weights, initial_state=state, training=True)
    assert type(y) is np.ndarray
    dy, dstate = rng.normal(size=y.shape), _state(cell, rng)
    grads = _backward(cell)(cache, dy, dstate)
    sources = [Variable(v) for v in (x, *state, *weights)]
    with GradientTape() as tape:
        xt, *rest = sources
        y2, final2, _ = _call(cell)(xt, *rest[len(state) :], initial_state=rest[: len(state)])
        loss = ops.sum(y2 * dy)
        for s, d in zip(final2, dstate, strict=True):
            loss = loss + ops.sum(s * d)
    np.testing.assert_array_equal(y2.value, y)
    for s, s2 in zip(final, final2, strict=True):
        np.testing.assert_array_equal(s2.value, s)
    expected = tape.gradient(loss, sources)
    found = _flat(cell, grads)
    assert list(found)[:2] == ["dx", "dh0"]
    assert list(found)[-len(weights) :] == [f"d{name}" for name in cells.CELLS[cell].weights]
    for (name, a), b in zip(found.items(), expected, strict=True):
        assert_close(a, b, "gradient", name)
    with pytest.raises(RuntimeError, match="cache"):
        _backward(cell)(cache, dy, dstate)


@pytest.mark.parametrize("cell", CELLS)
def test_need_dx(rng: np.random.Generator, cell: str) -> None:
    cache = _call(cell)(rng.normal(size=(B, T, I)), *_weights(cell, rng), training=True)[2]
    grads = _backward(cell)(cache, np.ones((B, T, H)), need_dx=False)
    assert grads.dx is None
    assert _flat(cell, grads)["dkernel"].any()
    cache = _call(cell)(np.array([[3, 1]]), *_weights(cell, rng), embeddings=np.ones((V, I)), training=True)[2]
    rows = _backward(cell)(cache, np.ones((1, 2, H))).dx
    assert isinstance(rows, RowSparse)
    np.testing.assert_array_equal(rows.ids, [1, 3])


@pytest.mark.parametrize("cell", CELLS)
def test_inference_keeps_nothing(rng: np.random.Generator, cell: str) -> None:
    weights = [Variable(w) for w in _weights(cell, rng)]
    y, _, cache = _call(cell)(rng.normal(size=(B, T, I)), *weights)
    assert cache is None
    assert type(y) is np.ndarray
    with GradientTape() as tape, no_grad():
        y, _, _ = _call(cell)(rng.normal(size=(B, T, I)), *weights)
    assert type(y) is np.ndarray
    assert not tape.nodes
    for w in weights:
        w.trainable = False
    with GradientTape() as tape:
        y, _, _ = _call(cell)(rng.normal(size=(B, T, I)), *weights)
    assert not isinstance(y, Tensor)
    assert not tape.nodes


@pytest.mark.parametrize("cell", CELLS)
def test_what_nobody_asks_for_is_not_computed(
    rng: np.random.Generator, cell: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Constant inputs, frozen weights, and what is not among the sources; the rest keeps its bits."""
    asked: list[Any] = []
    run = ops.cells.core.recurrent_backward

    def backward(cache: Any, dy: Any, dstates: Any, need_dx: bool, need_dweights: Any) -> Any:
        found = run(cache, dy, dstates, need_dx, need_dweights)
        asked.append((need_dx, *need_dweights))
        assert [d is not None for d in (found[0], *found[2])] == list(asked[-1])
        return found

    monkeypatch.setattr(ops.cells.core, "recurrent_backward", backward)
    x, values = rng.normal(size=(B, T, I)), _weights(cell, rng)
    factor = rng.normal(size=(B, T, H))

    def gradients(frozen: int | None, watched: bool, sources: list[int]) -> list[Any]:
        weights = [Variable(w, trainable=n != frozen) for n, w in enumerate(values)]
        with GradientTape() as tape:
            first = tape.watch(x) if watched else x
            loss = ops.sum(ops.sin(_call(cell)(first, *weights)[0]) * factor)
        return tape.gradient(loss, [[first, *weights][n] for n in sources])

    count = len(values)
    everything = gradients(None, True, list(range(count + 1)))
    assert asked.pop() == (True,) * (count + 1)
    for n in range(count):
        found = gradients(n, False, [k + 1 for k in range(count) if k != n])
        assert asked.pop() == (False, *(k != n for k in range(count)))
        for a, b in zip(found, [one for k, one in enumerate(everything[1:]) if k != n], strict=True):
            np.testing.assert_array_equal(a, b)
        (alone,) = gradients(None, True, [n + 1])
        assert asked.pop() == (False, *(k == n for k in range(count)))
        np.testing.assert_array_equal(alone, everything[n + 1])
    (of_x,) = gradients(None, True, [0])
    assert asked.pop() == (True, *[False] * count)
    np.testing.assert_array_equal(of_x, everything[0])


def test_need_dweights(rng: np.random.Generator) -> None:
    x, weights = rng.normal(size=(B, T, I)), _weights("indrnn", rng)
    every, some = (
        ops.run_cell_backward(ops.run_cell("indrnn", x, weights, training=True)[2], np.ones((B, T, H)), **options)
        for options in ({}, {"need_dx": False, "need_dweights": (False, True, False)})
    )
    assert some.dx is None and some.dweights[0] is None and some.dweights[2] is None
    np.testing.assert_array_equal(some.dweights[1], every.dweights[1])
    np.testing.assert_array_equal(some.dstate, every.dstate)


def test_layers_that_nothing_asked_for_needs_are_left_out(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    run = ops.cells.core.recurrent_backward
    monkeypatch.setattr(ops.cells.core, "recurrent_backward", lambda *args: calls.append(1) or run(*args))
    x, first, second = rng.normal(size=(B, T, H)), _weights("gru", rng), _weights("gru", rng)
    first[0] = rng.normal(size=(H, 3 * H))
    second[0] = rng.normal(size=(H, 3 * H))

    def gradients(pick: Callable[..., list[Any]]) -> list[Any]:
        lower, upper, head = [Variable(w) for w in first], [Variable(w) for w in second], Variable(np.ones((H, 2)))
        with GradientTape() as tape:
            y = ops.gru(ops.tanh(ops.gru(x, *lower)[0]), *upper)[0]
            loss = ops.sum(ops.sin(ops.matmul(y, head)))
        return tape.gradient(loss, pick(lower, upper, head, y))

    everything = gradients(lambda lower, upper, head, y: [*lower, *upper, head, y])
    assert len(calls) == 2
    for pick, count, expected in [
        (lambda lower, upper, head, y: [head], 0, everything[6:7]),
        (lambda lower, upper, head, y: [y, head], 0, [everything[7], everything[6]]),
        (lambda lower, upper, head, y: [upper[1], head], 1, [everything[4], everything[6]]),
        (lambda lower, upper, head, y: [lower[2]], 2, [everything[2]]),
    ]:
        calls.clear()
        found = gradients(pick)
        assert len(calls) == count
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("cell", CELLS)
def test_lengths_are_a_mask(rng: np.random.Generator, cell: str) -> None:
    x, weights = rng.normal(size=(B, T, I)), _weights(cell, rng)
    mask = np.arange(T) < np.array([[2], [0], [5]])
    for options in ({}, {"reverse": True}, {"zero_output_for_mask": True}):
        a = _call(cell)(x, *weights, lengths=np.array([2, 0, 5]), **options)
        for m in (mask, mask.astype(int), mask.tolist(), mask.astype(np.float32)):
            b = _call(cell)(x, *weights, mask=m, **options)
            np.testing.assert_array_equal(a[0], b[0])
            np.testing.assert_array_equal(a[1][0], b[1][0])


@pytest.mark.parametrize("cell", CELLS)
def test_state_as_one_array_or_in_a_sequence(rng: np.random.Generator, cell: str) -> None:
    x, weights, state = rng.normal(size=(B, T, I)), _weights(cell, rng), _state(cell, rng)
    expected = _call(cell)(x, *weights, initial_state=state)[0]
    np.testing.assert_array_equal(_call(cell)(x, *weights, initial_state=tuple(state))[0], expected)
    if len(state) == 1:
        np.testing.assert_array_equal(_call(cell)(x, *weights, initial_state=state[0])[0], expected)
        with pytest.raises(ValueError, match="sequence of one, got a sequence of 2"):
            _call(cell)(x, *weights, initial_state=state * 2)
    else:
        half = _call(cell)(x, *weights, initial_state=(state[0], None))[0]
        zeros = _call(cell)(x, *weights, initial_state=(state[0], np.zeros((B, H))))[0]
        np.testing.assert_array_equal(half, zeros)
        for wrong in (state[0], state * 2):
            with pytest.raises(ValueError, match=r"pair \(h, c\)"):
                _call(cell)(x, *weights, initial_state=wrong)


@pytest.mark.parametrize("cell", CELLS)
def test_ids_of_any_integer_type(rng: np.random.Generator, cell: str) -> None:
    table, weights = rng.normal(size=(V, I)), _weights(cell, rng)
    ids = rng.integers(0, V, (B, T))
    expected = _call(cell)(ids.astype(np.int32), *weights, embeddings=table)[0]
    for dtype in (np.int64, np.uint8, np.int16):
        np.testing.assert_array_equal(_call(cell)(ids.astype(dtype), *weights, embeddings=table)[0], expected)
    with pytest.raises(ValueError, match=r"x must be in \[0, V\) = \[0, 9\), got \d{10}"):
        _call(cell)(ids + 2**32, *weights, embeddings=table)
    with pytest.raises(TypeError, match="x must be integers, got dtype float64"):
        _call(cell)(ids * 1.0, *weights, embeddings=table)
    with pytest.raises(ValueError, match="embeddings must have shape"):
        _call(cell)(ids, *weights, embeddings=table[0])


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"lengths": [1, 2, 6]}, r"lengths must be in \[0, T\] = \[0, 5\], got 1 to 6"),
        ({"lengths": [1, 2, -1]}, r"lengths must be in \[0, T\]"),
        ({"lengths": [1, 2]}, r"lengths must have shape \(B,\) = \(3,\)"),
        ({"lengths": [1.0, 2.0, 3.0]}, "integers, got .* float"),
        ({"lengths": [1, 2, 3], "mask": np.ones((B, T), bool)}, "must not both be given"),
        ({"mask": np.ones((B, T + 1), bool)}, "mask must have shape"),
        ({"activation": "nope"}, "activation must be"),
    ],
)
@pytest.mark.parametrize("cell", CELLS)
def test_errors(rng: np.random.Generator, cell: str, options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        _call(cell)(rng.normal(size=(B, T, I)), *_weights(cell, rng), **options)


def test_more_errors(rng: np.random.Generator) -> None:
    x, weights = rng.normal(size=(B, T, I)), _weights("lstm", rng)
    with pytest.raises(TypeError, match="mask must be bool, or 0 and 1"):
        ops.lstm(x, *weights, mask=np.full((B, T), 2))
    with pytest.raises(TypeError, match=r"training=True .*got NoneType"):
        ops.lstm_backward(None, np.ones((B, T, H)))
    cache = ops.gru(x, *_weights("gru", rng), training=True)[2]
    with pytest.raises(TypeError, match="cache"):
        ops.lstm_backward(cache, np.ones((B, T, H)))
    with pytest.raises(ValueError, match=r"^cell must be one of 'lstm', .* got 'elman'$"):
        ops.run_cell("elman", x, weights)
    for cell in ("simple_rnn", "indrnn", "min_lstm"):
        with pytest.raises(ValueError, match=f"^recurrent_activation must be None: {cell} has none, got 'tanh'$"):
            ops.run_cell(cell, x, _weights(cell, rng), recurrent_activation="tanh")


@pytest.mark.parametrize("cell", NAMED)
def test_run_cell_is_the_named_function(rng: np.random.Generator, cell: str) -> None:
    x, weights, state = rng.normal(size=(B, T, I)), _weights(cell, rng), _state(cell, rng)
    y, final, cache = _call(cell)(x, *weights, initial_state=state, training=True)
    y2, final2, cache2 = ops.run_cell(cell, x, weights, state, training=True)
    found = ops.run_cell_backward(cache2, y, final2)
    flat = (found.dx, *found.dstate, *found.dweights)
    for a, b in zip((y, *final, *_backward(cell)(cache, y, final)), (y2, *final2, *flat), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("cell", CELLS)
def test_activations_of_a_cell(rng: np.random.Generator, cell: str) -> None:
    """The defaults are those of the table, and both arguments change the result."""
    x, weights, kind = rng.normal(size=(B, T, I)), _weights(cell, rng), cells.CELLS[cell]
    y = ops.run_cell(cell, x, weights)[0]
    np.testing.assert_array_equal(ops.run_cell(cell, x, weights, activation=kind.activation)[0], y)
    assert not np.array_equal(ops.run_cell(cell, x, weights, activation="hard_sigmoid")[0], y)
    if kind.recurrent_activation:
        gate = kind.recurrent_activation
        np.testing.assert_array_equal(ops.run_cell(cell, x, weights, recurrent_activation=gate)[0], y)
        assert not np.array_equal(ops.run_cell(cell, x, weights, recurrent_activation="hard_sigmoid")[0], y)


def test_dropout_masks_reach_the_kernels(rng: np.random.Generator) -> None:
    x, (W, U, b) = rng.normal(size=(B, T, I)), _weights("lstm", rng)
    drop_x = np.where(rng.random((B, I)) < 0.5, 0, 2.0)
    found = ops.lstm(x, W, U, b, input_dropout=drop_x)[0]
    np.testing.assert_allclose(found, ops.lstm(x * drop_x[:, None], W, U, b)[0])
    drop_h = np.where(rng.random((4, B, H)) < 0.5, 0, 2.0)
    gradcheck(lambda *a: ops.lstm(*a, input_dropout=drop_x, recurrent_dropout=drop_h)[0], [x, W, U, b])


@pytest.mark.parametrize("cell", CELLS)
def test_inference_sees_every_change_of_variables(rng: np.random.Generator, cell: str) -> None:
    """Variables' packed weights are kept between calls; a change of any of them must reach the next call."""
    call = _call(cell)
    x = rng.normal(size=(B, T, I))
    variables = [Variable(weights) for weights in _weights(cell, rng)]

    def same_as_arrays() -> None:
        expected = call(x, *(variable.numpy() for variable in variables))[0]
        np.testing.assert_array_equal(call(x, *variables)[0], expected)
        np.testing.assert_array_equal(call(x, *variables)[0], expected)

    same_as_arrays()
    for variable in variables:
        variable.assign(2 * variable.value)
        same_as_arrays()
        variable.assign_sub(np.full(variable.shape, 0.1))
        same_as_arrays()
        variable.value -= 0.05
        same_as_arrays()
        variable.value = np.array(variable.value[::-1], order="C")
        same_as_arrays()
        variable.value[0] = 0.3
        variable.touch()
        same_as_arrays()
    variables[1] = Variable(rng.normal(size=variables[1].shape))  # another, with a version of its own
    same_as_arrays()
    variables = [copy.deepcopy(variable) for variable in variables]
    variables[0].assign_add(np.ones(variables[0].shape))
    same_as_arrays()


def test_variables_of_both_forms_of_the_reset_gate(rng: np.random.Generator) -> None:
    x = rng.normal(size=(B, T, I))
    kernel, recurrent_kernel = (Variable(w) for w in _weights("gru", rng)[:2])
    for reset_after in (True, False, True):
        expected = ops.gru(x, kernel.value, recurrent_kernel.value, reset_after=reset_after)[0]
        found = ops.gru(x, kernel, recurrent_kernel, reset_after=reset_after)[0]
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("state", "got"), [(3, "got int"), (np.zeros((2, 2, 4)), "got ndarray"), ([1], "got 1 of them")]
)
def test_the_state_of_an_lstm_is_a_pair(state: Any, got: str) -> None:
    x, W, U, b = np.zeros((2, 5, 3)), np.zeros((3, 16)), np.zeros((4, 16)), np.zeros(16)
    with pytest.raises(ValueError, match=rf"must be a pair \(h, c\) of arrays, {got}"):
        ops.lstm(x, W, U, b, initial_state=state)
