"""The loop for Python cells: equal to the kernels, whatever the mask, the direction and the way out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import GradientTape, Variable, gradcheck, ops
from tests.support.tolerances import assert_close

B, T, I, H = 3, 5, 4, 6


def _weights(rng: np.random.Generator) -> list[np.ndarray]:
    return [0.5 * rng.normal(size=s) for s in ((I, 4 * H), (H, 4 * H), (4 * H,))]


def _lstm_cell(W: Any, U: Any, b: Any) -> Any:
    def step(x: Any, states: Any) -> Any:
        h, c = states
        i, f, g, o = ops.split(ops.dense(x, W, b) + ops.matmul(h, U), 4, axis=-1)
        c = ops.sigmoid(f) * c + ops.sigmoid(i) * ops.tanh(g)
        h = ops.sigmoid(o) * ops.tanh(c)
        return h, [h, c]

    return step


MASKS = {
    "none": None,
    "right": np.arange(T) < np.array([[5], [2], [3]]),
    "left": np.arange(T) >= np.array([[0], [2], [3]]),
    "holes": np.array([[0, 1, 0, 1, 0], [1, 1, 1, 1, 1], [0, 0, 0, 0, 0]], bool),
}


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("sequences", [False, True])
@pytest.mark.parametrize("zero", [False, True])
def test_equals_the_kernel(rng: np.random.Generator, mask: str, reverse: bool, sequences: bool, zero: bool) -> None:
    x, h, c = rng.normal(size=(B, T, I)), rng.normal(size=(B, H)), rng.normal(size=(B, H))
    sources = [Variable(v) for v in (x, h, c, *_weights(rng))]
    options: dict[str, Any] = {"reverse": reverse, "return_sequences": sequences, "zero_output_for_mask": zero}
    dy = rng.normal(size=(B, T, H) if sequences else (B, H))
    results = []
    for kernel in (True, False):
        with GradientTape() as tape:
            xv, hv, cv, W, U, b = sources
            if kernel:
                y, state, _ = ops.lstm(xv, W, U, b, (hv, cv), mask=MASKS[mask], **options)
            else:
                y, state = ops.rnn(_lstm_cell(W, U, b), xv, [hv, cv], MASKS[mask], **options)
            loss = ops.sum(y * dy) + ops.sum(state[0] * state[1])
        grads = tape.gradient(loss, sources)
        results.append([y.value, state[0].value, state[1].value, *grads])
    for a, b in zip(*results, strict=True):
        assert_close(b, a, "gradient")


def test_arrays_in_arrays_out(rng: np.random.Generator) -> None:
    W, U, b = _weights(rng)
    x, zeros = rng.normal(size=(B, T, I)), np.zeros((B, H))
    y, (h, c) = ops.rnn(_lstm_cell(W, U, b), x, [zeros, zeros], MASKS["holes"])
    assert type(y) is np.ndarray
    expected, (eh, ec), _ = ops.lstm(x, W, U, b, mask=MASKS["holes"])
    for a, e in ((y, expected), (h, eh), (c, ec)):
        assert_close(a, e, "recurrent")


def test_outputs_that_are_not_the_state_and_nested_states(rng: np.random.Generator) -> None:
    def step(x: Any, states: Any) -> Any:
        (a,), b = states
        a, b = a * 0.5 + x, b + ops.sum(x, axis=-1)
        return ops.concatenate([a, ops.expand_dims(b, -1)]), ((a,), b)

    x = rng.normal(size=(B, T, I))
    start = ((rng.normal(size=(B, I)),), rng.normal(size=B))
    y, ((a,), b) = ops.rnn(step, x, start, MASKS["holes"])
    assert y.shape == (B, T, I + 1)
    np.testing.assert_array_equal(y[2], 0)  # never a valid step
    np.testing.assert_array_equal(y[0, 2], y[0, 1])
    np.testing.assert_array_equal(a[2], start[0][0][2])
    np.testing.assert_allclose(b[0], start[1][0] + x[0, [1, 3]].sum())
    gradcheck(lambda v, s, u: ops.rnn(step, v, ((s,), u), MASKS["holes"]), [x, start[0][0], start[1]])


def test_images_over_time(rng: np.random.Generator) -> None:
    x = rng.normal(size=(B, T, 2, 3))
    y, _ = ops.rnn(lambda v, s: (s[0] + v, [s[0] + v]), x, [np.zeros((B, 2, 3))], MASKS["right"], reverse=True)
    np.testing.assert_allclose(y[0], np.cumsum(x[0, ::-1], axis=0)[::-1])
    np.testing.assert_array_equal(y[1, 2:], 0)


def test_errors(rng: np.random.Generator) -> None:
    step = _lstm_cell(*_weights(rng))
    with pytest.raises(ValueError, match=r"x must have shape \(B, T, ...\)"):
        ops.rnn(step, np.zeros(3), [])
    with pytest.raises(ValueError, match=r"mask must have shape \(B, T\) = \(3, 5\), got \(3, 4\)"):
        ops.rnn(step, np.zeros((B, T, I)), [], np.ones((3, 4), bool))
