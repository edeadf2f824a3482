"""Pooling: against windows written out, ties, padding, NaN, gradients, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import GradientTape, gradcheck, ops


def test_against_windows(rng: np.random.Generator) -> None:
    x = rng.normal(size=(2, 7, 6, 3))
    view = np.lib.stride_tricks.sliding_window_view(x, (3, 2), (1, 2))[:, ::2, ::3]
    np.testing.assert_array_equal(ops.max_pool(x, (3, 2), (2, 3)), view.max((-1, -2)))
    np.testing.assert_allclose(ops.average_pool(x, (3, 2), (2, 3)), view.mean((-1, -2)), rtol=1e-12)


def test_steps_outside_do_not_count() -> None:
    x = -np.arange(1.0, 6.0).reshape(1, 5, 1)
    np.testing.assert_array_equal(ops.max_pool(x, 2, padding="same").ravel(), [-1, -3, -5])
    np.testing.assert_array_equal(ops.average_pool(x, 2, padding="same").ravel(), [-1.5, -3.5, -5])
    np.testing.assert_array_equal(ops.average_pool(x, 3, 1, "same").ravel(), [-1.5, -2, -3, -4, -4.5])


def test_the_first_of_equal_ones_gets_the_gradient() -> None:
    x = np.array([[[1.0], [3.0], [3.0], [3.0]]])
    with GradientTape() as tape:
        watched = tape.watch(x)
        y = ops.max_pool(watched, 3, 1)
        total = ops.sum(y * np.array([[[2.0], [5.0]]]))
    np.testing.assert_array_equal(tape.gradient(total, watched).ravel(), [0, 7, 0, 0])


def test_nan_is_the_largest() -> None:
    x = np.array([[[1.0], [np.nan], [3.0], [4.0]]])
    np.testing.assert_array_equal(ops.max_pool(x, 2).ravel(), [np.nan, 4])


@pytest.mark.parametrize("pool", [ops.max_pool, ops.average_pool])
def test_gradients(rng: np.random.Generator, pool: Any) -> None:
    for options in ({}, {"padding": "same"}, {"strides": 1}, {"padding": "same", "strides": 3}):
        gradcheck(lambda x, options=options: pool(x, 2, **options), [rng.normal(size=(2, 7, 3))])
    gradcheck(lambda x: pool(x, (2, 3), data_format="channels_first"), [rng.normal(size=(2, 3, 5, 7))])


def test_empty_axes_and_integers() -> None:
    assert ops.max_pool(np.ones((0, 7, 3), "float32"), 2).shape == (0, 3, 3)
    assert ops.average_pool(np.ones((2, 0, 3), "float32"), 2, padding="same").shape == (2, 0, 3)
    assert ops.max_pool(np.arange(6).reshape(1, 6, 1), 2).dtype == np.float32


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: ops.max_pool(x, 8), "a pool that covers 8 steps does not fit into an axis of 7"),
        (lambda x: ops.max_pool(x, 2, padding="causal"), "padding must be 'valid' or 'same', got 'causal'"),
        (lambda x: ops.average_pool(x, 0), "pool_size must be a positive integer"),
        (lambda x: ops.average_pool(x[0], 2), r"at least 3 axes \(B, \*S, C\), got shape \(7, 3\)"),
        (lambda x: ops.max_pool(x, 2, data_format="first"), "data_format must be"),
    ],
)
def test_errors(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(np.ones((2, 7, 3), "float32"))
