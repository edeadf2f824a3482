"""The cross-entropy of logits of any size: losses and gradients beside longer numbers, every variant."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

SCALES = (1e-6, 1e-3, 1.0, 30.0, 1e3, 1e4, 1e6, 1e8)
SHIFTS = (0.0, 1.0, -50.0, 100.0, 1e4, -1e4, 1e6, -1e8)


def exact(logits: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Losses, and probabilities less one at the label."""
    x = logits.astype(np.longdouble)
    shifted = x - x.max(1, keepdims=True)
    rows = np.arange(len(labels))
    e = np.exp(shifted)
    slope = e / e.sum(1, keepdims=True)
    slope[rows, labels] -= 1
    return np.log(e.sum(1)) - shifted[rows, labels], slope


def check(core: ModuleType, logits: np.ndarray, labels: np.ndarray, times: float = 1.0) -> None:
    tiny = times * (2e-6 if logits.dtype == np.float32 else 4e-15)
    loss, slope = exact(logits, labels)
    dloss = np.linspace(-1, 2, len(labels)).astype(logits.dtype)
    found, lse = core.softmax_cross_entropy_forward(logits, labels)
    np.testing.assert_allclose(found, loss, rtol=tiny, atol=tiny)
    dlogits = core.softmax_cross_entropy_backward(logits, labels, lse, dloss)
    np.testing.assert_allclose(dlogits, slope * dloss[:, None], rtol=50 * tiny, atol=30 * tiny)


@pytest.mark.parametrize("classes", [1, 3, 7, 40, 257])
@pytest.mark.parametrize("scale", SCALES)
def test_every_size(core: ModuleType, dtype: np.dtype, scale: float, classes: int) -> None:
    rng = np.random.default_rng([7, classes])
    logits = (scale * rng.normal(size=(29, classes))).astype(dtype)
    check(core, logits, rng.integers(0, classes, 29).astype(np.int32))


@pytest.mark.parametrize("classes", [3, 65])
@pytest.mark.parametrize("shift", SHIFTS)
def test_numbers_beside_each_other_far_from_zero(core: ModuleType, dtype: np.dtype, shift: float, classes: int) -> None:
    """The loss of equal logits is log V, wherever they are: 1.0986 for three."""
    rng = np.random.default_rng([8, classes])
    labels = rng.integers(0, classes, 11).astype(np.int32)
    check(core, (shift + rng.normal(size=(11, classes))).astype(dtype), labels)
    equal = np.full((11, classes), shift, dtype)
    check(core, equal, labels)
    loss, _ = core.softmax_cross_entropy_forward(equal, labels)
    np.testing.assert_allclose(loss, np.log(classes), rtol=1e-6 if dtype == np.float32 else 1e-14)


def test_sums_of_gradients_are_zero(core: ModuleType) -> None:
    """Of probabilities less one: at 1e4 they were off by the rounding of the logarithm, one part in two thousand."""
    rng = np.random.default_rng(9)
    logits = (1e4 + rng.normal(size=(50, 30))).astype(np.float32)
    labels = rng.integers(0, 30, 50).astype(np.int32)
    _, lse = core.softmax_cross_entropy_forward(logits, labels)
    d = core.softmax_cross_entropy_backward(logits, labels, lse, np.ones(50, np.float32))
    assert np.abs(d.sum(1)).max() < 2e-6


def test_minus_infinity_has_weight_zero(core: ModuleType, dtype: np.dtype) -> None:
    rng = np.random.default_rng(10)
    for shift in (0, 1e4):
        logits = (shift + rng.normal(size=(20, 21))).astype(dtype)
        logits[:, ::3] = -np.inf
        check(core, logits, np.full(20, 1, np.int32))
        loss, lse = core.softmax_cross_entropy_forward(logits, np.zeros(20, np.int32))
        assert (loss == np.inf).all() and np.isfinite(lse).all()


def test_infinity_and_nan_are_no_numbers(core: ModuleType, dtype: np.dtype) -> None:
    logits = np.zeros((4, 9), dtype)
    logits[0, 2], logits[1], logits[2, 3] = np.inf, -np.inf, np.nan
    labels = np.array([0, 1, 2, 4], np.int32)
    with np.errstate(invalid="ignore"):
        loss, lse = core.softmax_cross_entropy_forward(logits, labels)
        d = core.softmax_cross_entropy_backward(logits, labels, lse, np.ones(4, dtype))
    assert np.isfinite(loss).tolist() == [False, False, False, True]
    assert np.isfinite(d).all(1).tolist() == [False, False, False, True]
