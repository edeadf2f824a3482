"""The cross-entropy of projected rows: the bits of a product followed by a loss, in blocks, for every gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import GradientTape, Variable, gradcheck, ops
from recurra.ops import projection
from recurra.ops.projection import ProjectedScores
from tests.support.tolerances import assert_same_bits


def _operands(rng: np.random.Generator, dtype: Any, rows: int, size: int, classes: int) -> tuple[Any, ...]:
    x = rng.normal(size=(rows, size)).astype(dtype)
    kernel = rng.normal(size=(size, classes)).astype(dtype)
    return x, kernel, rng.normal(size=classes).astype(dtype), rng.integers(0, classes, rows)


def _gradients(run: Any, values: list[Any], d: Any) -> tuple[Any, list[Any]]:
    variables = [Variable(value) for value in values]
    with GradientTape() as tape:
        loss = run(*variables)
    return np.asarray(loss.value), tape.gradient(loss, variables, d)


@pytest.mark.parametrize("rows", [1, 5, 256, 257, 512, 700])
@pytest.mark.parametrize("known", [False, True, "another"])
@pytest.mark.parametrize("transposed", [False, True])
def test_bits_of_a_product_and_a_loss(
    rng: np.random.Generator, dtype: np.dtype, monkeypatch: pytest.MonkeyPatch, rows: int, known: Any, transposed: bool
) -> None:
    monkeypatch.setattr(projection, "_SCORES", 19 * 256)  # blocks of 256 rows
    x, kernel, bias, labels = _operands(rng, dtype, rows, 6, 19)
    d = rng.normal(size=rows).astype(dtype)
    upstream = None if not known else d if known is True else d + 1
    table = np.ascontiguousarray(kernel.T) if transposed else kernel

    def fused(x: Any, kernel: Any, bias: Any) -> Any:
        return ops.projected_cross_entropy(x, kernel, bias, labels, transposed=transposed, upstream=upstream)

    def plain(x: Any, kernel: Any, bias: Any) -> Any:
        return ops.softmax_cross_entropy(ops.dense(x, kernel, bias), labels)

    loss, (dx, dkernel, dbias) = _gradients(fused, [x, table, bias], d)
    expected, (dx_expected, dkernel_expected, dbias_expected) = _gradients(plain, [x, kernel, bias], d)
    assert_same_bits(loss, expected)
    assert_same_bits(ops.projected_cross_entropy(x, table, bias, labels, transposed=transposed), expected)
    assert_same_bits(dx, dx_expected)
    assert_same_bits(dbias, dbias_expected)
    assert_same_bits(dkernel.T if transposed else dkernel, dkernel_expected)


def test_gradients_against_differences(rng: np.random.Generator) -> None:
    x, kernel, bias, labels = _operands(rng, np.float64, 6, 3, 5)
    x, labels = x.reshape(2, 3, 3), labels.reshape(2, 3)
    gradcheck(lambda x, k, b: ops.projected_cross_entropy(x, k, b, labels), [x, kernel, bias])
    gradcheck(lambda x, k: ops.projected_cross_entropy(x, k, None, labels, transposed=True), [x, kernel.T.copy()])
    gradcheck(lambda x: ops.projected_cross_entropy(x, kernel, bias, labels), x)


def test_losses_held_within_bounds_pass_no_gradient(rng: np.random.Generator) -> None:
    x, kernel, bias, labels = _operands(rng, np.float64, 40, 3, 5)
    raw = ops.projected_cross_entropy(x, kernel, bias, labels)
    low, high = np.quantile(raw, [0.3, 0.7])

    def run(x: Any) -> Any:
        return ops.projected_cross_entropy(x, kernel, bias, labels, bounds=(low, high))

    loss, (dx,) = _gradients(run, [x], np.ones(40))
    np.testing.assert_array_equal(loss, np.clip(raw, low, high))
    outside = (raw < low) | (raw > high)
    assert outside.sum() == 24
    np.testing.assert_array_equal(np.any(dx != 0, axis=1), ~outside)


def test_no_rows(dtype: np.dtype) -> None:
    empty, labels = np.zeros((0, 3), dtype), np.zeros(0, np.int32)
    values = [empty, np.ones((3, 5), dtype), np.ones(5, dtype)]
    loss, (dx, dkernel, dbias) = _gradients(
        lambda x, k, b: ops.projected_cross_entropy(x, k, b, labels), values, np.zeros(0, dtype)
    )
    assert loss.shape == (0,) and dx.shape == (0, 3)
    np.testing.assert_array_equal(dkernel, np.zeros((3, 5)))
    np.testing.assert_array_equal(dbias, np.zeros(5))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"kernel": np.zeros((4, 5))}, ValueError, r"kernel must have shape \(K, V\) with K = x's last axis"),
        ({"kernel": np.zeros((3, 5)), "transposed": True}, ValueError, r"kernel must have shape \(V, K\)"),
        ({"labels": [0, 5]}, ValueError, r"labels must be in \[0, V\) = \[0, 5\), got 5"),
        ({"labels": [0, 1, 2]}, ValueError, "labels must have x's shape without its last axis"),
        ({"labels": [0.0, 1.0]}, TypeError, "labels must be integers"),
    ],
)
def test_errors(change: dict[str, Any], error: type, message: str) -> None:
    given = {"x": np.zeros((2, 3)), "kernel": np.zeros((3, 5)), "bias": None, "labels": [0, 4], **change}
    with pytest.raises(error, match=message):
        ops.projected_cross_entropy(**given)


@pytest.mark.parametrize("transposed", [False, True])
def test_waiting_scores_are_computed_for_whoever_asks(rng: np.random.Generator, transposed: bool) -> None:
    x, kernel, bias, labels = _operands(rng, np.float64, 7, 3, 5)
    wanted = [Variable(x), Variable(kernel.T.copy() if transposed else kernel), Variable(bias)]
    with GradientTape() as tape:
        scores = ProjectedScores(wanted[0] * 2.0, wanted[1], wanted[2], transposed)
        assert scores.shape == (7, 5) and scores.ndim == 2 and scores.size == 35 and len(scores) == 7
        loss = ops.sum(ops.softmax_cross_entropy(scores, labels)) + ops.sum(scores.cross_entropy(labels))
    found = tape.gradient(loss, wanted)
    with GradientTape() as tape:
        kernel_used = ops.transpose(wanted[1]) if transposed else wanted[1]
        scores = ops.dense(wanted[0] * 2.0, kernel_used, wanted[2])
        loss = 2.0 * ops.sum(ops.softmax_cross_entropy(scores, labels))
    for got, expected in zip(found, tape.gradient(loss, wanted), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-12)
    np.testing.assert_allclose(
        ProjectedScores(x, wanted[1], wanted[2], transposed).value, 0.5 * scores.value + 0.5 * bias
    )
