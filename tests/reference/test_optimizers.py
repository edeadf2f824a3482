"""Optimizer steps against their rules, written one number at a time; rows of a table against the whole table."""

from __future__ import annotations

import math
from types import ModuleType
from typing import Any

import numpy as np
import pytest

LR, DECAY, SCALE, CLIP = 0.1, 0.03, (0.7, 1.3), 0.8
SHAPES = ((3, 4), (5,))


def _lists(rng: np.random.Generator, count: int) -> list[list[np.ndarray]]:
    return [
        [np.abs(rng.normal(size=shape)) if k > 1 else rng.normal(size=shape) for shape in SHAPES] for k in range(count)
    ]


def _each(lists: list[list[np.ndarray]], rule: Any) -> list[list[np.ndarray]]:
    """Apply `rule(k, w, g, *state) -> (w, *state)` to every element, after decay, scale and clip."""
    out = [[a.copy() for a in arrays] for arrays in lists]
    for k in range(len(SHAPES)):
        for index in np.ndindex(SHAPES[k]):
            w, g, *state = (float(arrays[k][index]) for arrays in lists)
            g = min(max(g * SCALE[k], -CLIP), CLIP)
            w -= LR * DECAY * w
            w, *state = rule(w, g, *state)
            for arrays, value in zip([out[0], *out[2:]], [w, *state], strict=True):
                arrays[k][index] = value
    return out


def _same(found: list[list[np.ndarray]], expected: list[list[np.ndarray]]) -> None:
    for arrays, others in zip(found, expected, strict=True):
        for a, b in zip(arrays, others, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-15)


def test_sgd(reference: ModuleType, rng: np.random.Generator) -> None:
    lists = _lists(rng, 2)
    expected = _each(lists, lambda w, g: (w - LR * g,))
    reference.sgd_update(*lists, None, LR, 0.0, False, DECAY, list(SCALE), CLIP)
    _same(lists, expected)


@pytest.mark.parametrize("nesterov", [False, True])
def test_sgd_with_momentum(reference: ModuleType, rng: np.random.Generator, nesterov: bool) -> None:
    def rule(w: float, g: float, m: float) -> tuple[float, ...]:
        m = 0.9 * m - LR * g
        return (w + 0.9 * m - LR * g if nesterov else w + m), m

    lists = _lists(rng, 3)
    expected = _each(lists, rule)
    reference.sgd_update(*lists, LR, 0.9, nesterov, DECAY, list(SCALE), CLIP)
    _same(lists, expected)


@pytest.mark.parametrize("momentum", [None, 0.8])
@pytest.mark.parametrize("centered", [False, True])
def test_rmsprop(reference: ModuleType, rng: np.random.Generator, momentum: float | None, centered: bool) -> None:
    def rule(w: float, g: float, v: float, *state: float) -> tuple[float, ...]:
        state = list(state)
        v = 0.95 * v + 0.05 * g * g
        under = v
        if centered:
            state[-1] = 0.95 * state[-1] + 0.05 * g
            under = v - state[-1] ** 2
        step = LR * g / math.sqrt(under + 0.2)
        if momentum is not None:
            state[0] = step = momentum * state[0] + step
        return w - step, v, *state

    lists = _lists(rng, 3 + (momentum is not None) + centered)
    for a, v in zip(lists[-1], lists[2], strict=True):
        if centered:
            a *= 0.1 * np.sqrt(v)  # a mean cannot exceed the mean square
    expected = _each(lists, rule)
    params, grads, v, *rest = lists
    moments = rest.pop(0) if momentum is not None else None
    means = rest.pop(0) if centered else None
    reference.rmsprop_update(params, grads, v, moments, means, LR, 0.95, momentum or 0.0, 0.2, DECAY, list(SCALE), CLIP)
    _same(lists, expected)


@pytest.mark.parametrize("amsgrad", [False, True])
@pytest.mark.parametrize("step", [1, 7])
def test_adam(reference: ModuleType, rng: np.random.Generator, amsgrad: bool, step: int) -> None:
    alpha = LR * math.sqrt(1 - 0.98**step) / (1 - 0.9**step)

    def rule(w: float, g: float, m: float, v: float, *vmax: float) -> tuple[float, ...]:
        m, v = 0.9 * m + 0.1 * g, 0.98 * v + 0.02 * g * g
        vmax = tuple(max(top, v) for top in vmax)
        return w - alpha * m / (math.sqrt(vmax[0] if vmax else v) + 0.01), m, v, *vmax

    lists = _lists(rng, 5 if amsgrad else 4)
    expected = _each(lists, rule)
    params, grads, m, v, *vmax = lists
    reference.adam_update(
        params, grads, m, v, vmax[0] if vmax else None, LR, 0.9, 0.98, 0.01, step, DECAY, list(SCALE), CLIP
    )
    _same(lists, expected)


def test_grad_norm(reference: ModuleType, rng: np.random.Generator) -> None:
    grads = [rng.normal(size=shape).astype(np.float32) for shape in SHAPES]
    expected = math.sqrt(sum(float(v) ** 2 for g in grads for v in g.reshape(-1)))
    assert reference.grad_norm(grads) == pytest.approx(expected, rel=1e-12)


def _tables(rng: np.random.Generator) -> tuple[np.ndarray, list[tuple[np.ndarray, np.ndarray]]]:
    """A table and five steps' row gradients, some rows in all steps, some in none."""
    steps = []
    for k in range(5):
        ids = np.unique(np.append(rng.choice(9, 3, replace=False), 2)).astype(np.int32)
        steps.append((ids[ids != k + 4], rng.normal(size=(int((ids != k + 4).sum()), 4))))
    return rng.normal(size=(9, 4)), steps


def _dense(ids: np.ndarray, rows: np.ndarray) -> np.ndarray:
    dense = np.zeros((9, 4))
    dense[ids] = rows
    return dense


def test_sgd_rows_equal_the_whole_table(reference: ModuleType, rng: np.random.Generator) -> None:
    table, steps = _tables(rng)
    whole = table.copy()
    for ids, rows in steps:
        reference.sgd_update([whole], [_dense(ids, rows)], None, LR, 0.0, False, 0.0, [0.7], CLIP)
        reference.sgd_update_rows(table, ids, rows, LR, 0.7, CLIP)
    np.testing.assert_allclose(table, whole, rtol=1e-13)


def test_rmsprop_rows_equal_the_whole_table(reference: ModuleType, rng: np.random.Generator) -> None:
    table, steps = _tables(rng)
    whole, v_whole = table.copy(), np.zeros((9, 4))
    v, last = np.zeros((9, 4)), np.zeros(9, np.int64)
    for step, (ids, rows) in enumerate(steps, 1):
        gradient = [_dense(ids, rows)]
        reference.rmsprop_update([whole], gradient, [v_whole], None, None, LR, 0.9, 0.0, 1e-3, 0.0, [0.7], CLIP)
        reference.rmsprop_update_rows(table, ids, rows, v, last, step, LR, 0.9, 1e-3, 0.7, CLIP)
        np.testing.assert_array_equal(last[ids], step)
    np.testing.assert_allclose(table, whole, rtol=1e-12)
    np.testing.assert_allclose(v * 0.9 ** (5 - last)[:, None], v_whole, rtol=1e-12)


def test_adagrad_rows(reference: ModuleType, rng: np.random.Generator) -> None:
    table, steps = _tables(rng)
    whole, acc = table.copy(), np.full((9, 4), 0.1)
    total = acc.copy()
    for ids, rows in steps:
        g = np.clip(0.7 * _dense(ids, rows), -CLIP, CLIP)
        total += g * g
        whole -= LR * g / np.sqrt(total + 1e-3)
        reference.adagrad_update_rows(table, ids, rows, acc, LR, 1e-3, 0.7, CLIP)
    np.testing.assert_allclose(table, whole, rtol=1e-12)
    np.testing.assert_allclose(acc, total, rtol=1e-12)


def test_float32_stays_float32(reference: ModuleType) -> None:
    w, g, m, v = ([np.ones((2, 3), np.float32)] for _ in range(4))
    reference.adam_update(w, g, m, v, None, 1e-3, 0.9, 0.999, 1e-7, 1, 0.0, [1.0], 0.0)
    assert {a[0].dtype for a in (w, m, v)} == {np.dtype(np.float32)}


def test_errors(reference: ModuleType) -> None:
    ones = np.ones((2, 3))
    with pytest.raises(ValueError, match="grads must have one entry for each of the 1 params, got 2"):
        reference.sgd_update([ones], [ones, ones], None, LR, 0.0, False, 0.0, [1.0], 0.0)
    with pytest.raises(ValueError, match=r"grads\[0\] must have the shape of params\[0\]"):
        reference.sgd_update([ones], [np.ones((3, 2))], None, LR, 0.0, False, 0.0, [1.0], 0.0)
    with pytest.raises(TypeError, match=r"grads\[0\] must be float64"):
        reference.sgd_update([ones], [ones.astype(np.float32)], None, LR, 0.0, False, 0.0, [1.0], 0.0)
    frozen = ones.copy()
    frozen.flags.writeable = False
    with pytest.raises(ValueError, match=r"params\[0\] must be writable"):
        reference.sgd_update([frozen], [ones], None, LR, 0.0, False, 0.0, [1.0], 0.0)
    with pytest.raises(ValueError, match=r"params\[0\] must be C-contiguous"):
        reference.sgd_update([np.ones((3, 2)).T], [ones], None, LR, 0.0, False, 0.0, [1.0], 0.0)
    with pytest.raises(ValueError, match="step must be at least 1"):
        reference.adam_update([ones], [ones], [ones], [ones], None, LR, 0.9, 0.99, 1e-7, 0, 0.0, [1.0], 0.0)
    with pytest.raises(ValueError, match=r"ids must be in \[0, V\)"):
        reference.sgd_update_rows(ones, np.array([2], np.int32), np.ones((1, 3)), LR, 1.0, 0.0)
