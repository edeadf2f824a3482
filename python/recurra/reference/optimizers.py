"""One step of each optimizer, in place, for lists of parameters and for the rows of a table.

In all of them: g = clip(scale * gradient, ±clip) (no clipping when clip is 0), and a weight_decay first shrinks the
weights, w <- w - lr * weight_decay * w.
"""
# Arithmetic on arrays of any dtype is Any to a type checker:
# mypy: disable-error-code="no-any-return"
# ruff: noqa: D403  (a docstring may begin with a formula)

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from recurra.reference import checks

Array = np.ndarray[Any, Any]


def _matched(params: list[Array], grads: list[Array], scale: Sequence[float], **updated: list[Array] | None) -> None:
    """Check that all lists have as many entries as `params`, its arrays in the same shapes and one dtype."""
    lists = {
        "params": params,
        "grads": grads,
        **{name: arrays for name, arrays in updated.items() if arrays is not None},
    }
    for name, entries in [*lists.items(), ("scale", scale)]:
        if len(entries) != len(params):
            raise ValueError(f"{name} must have one entry for each of the {len(params)} params, got {len(entries)}")
    for k, param in enumerate(params):
        checks.floats(f"params[{k}]", param, params[0].dtype if k else None)
        for name, arrays in lists.items():
            checks.like(f"{name}[{k}]", arrays[k], param, f"params[{k}]")
            if name != "grads":
                checks.inout(f"{name}[{k}]", arrays[k])
        checks.any_number(f"scale[{k}]", scale[k])


def _clipped(grad: Array, scale: float, clip: float) -> Array:
    g = grad * grad.dtype.type(scale)
    return np.clip(g, -clip, clip) if clip > 0 else g


def _prepared(
    params: list[Array], grads: list[Array], lr: float, weight_decay: float, scale: list[float], clip: float
) -> Iterator[tuple[int, Array, Array]]:
    """k, params[k] after weight decay, its gradient scaled and clipped."""
    for k, (w, grad) in enumerate(zip(params, grads, strict=True)):
        g = _clipped(grad, scale[k], clip)
        if weight_decay:
            w -= lr * weight_decay * w
        yield k, w, g


def grad_norm(grads: list[Array]) -> float:
    """sqrt of the sum of the squares of all entries of all arrays, summed in float64."""
    total = 0.0
    for k, grad in enumerate(grads):
        values = np.ascontiguousarray(checks.floats(f"grads[{k}]", grad), dtype=np.float64)  # one order of summation
        total += float(np.square(values).sum())
    return math.sqrt(total)


def sgd_update(
    params: list[Array],
    grads: list[Array],
    moments: list[Array] | None,
    lr: float,
    momentum: float,
    nesterov: bool,
    weight_decay: float,
    scale: list[float],
    clip: float,
) -> None:
    """m <- momentum m - lr g;  w <- w + m, with nesterov w + momentum m - lr g; without moments w - lr g."""
    _matched(params, grads, scale, moments=moments)
    for k, w, g in _prepared(params, grads, lr, weight_decay, scale, clip):
        if moments is None:
            w -= lr * g
            continue
        m = moments[k]
        m[...] = momentum * m - lr * g
        w += momentum * m - lr * g if nesterov else m


def rmsprop_update(
    params: list[Array],
    grads: list[Array],
    v: list[Array],
    moments: list[Array] | None,
    means: list[Array] | None,
    lr: float,
    rho: float,
    momentum: float,
    epsilon: float,
    weight_decay: float,
    scale: list[float],
    clip: float,
) -> None:
    """v <- rho v + (1 - rho) g²;  d = lr g / sqrt(v + epsilon);  w <- w - d.

    centered (means given): a <- rho a + (1 - rho) g, and v - a² stands under the root in place of v.
    with moments: m <- momentum m + d;  w <- w - m.
    """
    _matched(params, grads, scale, v=v, moments=moments, means=means)
    for k, w, g in _prepared(params, grads, lr, weight_decay, scale, clip):
        v[k][...] = rho * v[k] + (1 - rho) * g * g
        variance = v[k]
        if means is not None:
            means[k][...] = rho * means[k] + (1 - rho) * g
            variance = variance - means[k] * means[k]
        step = lr * g / np.sqrt(variance + epsilon)
        if moments is not None:
            moments[k][...] = momentum * moments[k] + step
            step = moments[k]
        w -= step


def adam_update(
    params: list[Array],
    grads: list[Array],
    m: list[Array],
    v: list[Array],
    vmax: list[Array] | None,
    lr: float,
    beta1: float,
    beta2: float,
    epsilon: float,
    step: int,
    weight_decay: float,
    scale: list[float],
    clip: float,
) -> None:
    """m <- beta1 m + (1 - beta1) g;  v <- beta2 v + (1 - beta2) g²;  w <- w - alpha m / (sqrt(v) + epsilon).

    alpha = lr sqrt(1 - beta2^step) / (1 - beta1^step), step counted from 1. amsgrad (vmax given): the greatest v so far
    stands under the root.
    """
    _matched(params, grads, scale, m=m, v=v, vmax=vmax)
    if step < 1:
        raise ValueError(f"step must be at least 1, got {step}")
    alpha = lr * math.sqrt(1 - beta2**step) / (1 - beta1**step)
    for k, w, g in _prepared(params, grads, lr, weight_decay, scale, clip):
        m[k][...] = beta1 * m[k] + (1 - beta1) * g
        v[k][...] = beta2 * v[k] + (1 - beta2) * g * g
        second = v[k]
        if vmax is not None:
            second = np.maximum(vmax[k], v[k], out=vmax[k])
        w -= alpha * m[k] / (np.sqrt(second) + epsilon)


def _rows(param: Array, ids: Array, rows: Array, **tables: Array) -> None:
    checks.rank("param", checks.inout("param", checks.floats("param", param)), "(V, I)", 2)
    vocabulary, features = param.shape
    checks.rank("ids", checks.ids("ids", ids, vocabulary), "(U,)", 1)
    checks.shaped("rows", checks.floats("rows", rows, param.dtype), "(U, I)", (len(ids), features))
    for name, table in tables.items():
        checks.shaped(
            name, checks.inout(name, checks.floats(name, table, param.dtype)), "(V, I)", (vocabulary, features)
        )


def sgd_update_rows(param: Array, ids: Array, rows: Array, lr: float, scale: float, clip: float) -> None:
    """``sgd_update`` without moments, of the rows `ids` (distinct) alone."""
    _rows(param, ids, rows)
    param[ids] -= lr * _clipped(rows, scale, clip)


def rmsprop_update_rows(
    param: Array,
    ids: Array,
    rows: Array,
    v: Array,
    last_step: Array,
    step: int,
    lr: float,
    rho: float,
    epsilon: float,
    scale: float,
    clip: float,
) -> None:
    """``rmsprop_update`` of the rows `ids` (distinct) alone, as exact as the dense one.

    A row without gradient would only have seen v <- rho v at each step: v[row] is first multiplied by
    rho^(step - 1 - last_step[row]), then last_step[row] is set to `step`.
    """
    _rows(param, ids, rows, v=v)
    checks.shaped(
        "last_step", checks.inout("last_step", checks.typed("last_step", last_step, np.int64)), "(V,)", param.shape[:1]
    )
    g = _clipped(rows, scale, clip)
    missed = (float(rho) ** (step - 1 - last_step[ids])).astype(param.dtype)
    new = rho * (v[ids] * missed[:, None]) + (1 - rho) * g * g
    v[ids] = new
    last_step[ids] = step
    param[ids] -= lr * g / np.sqrt(new + epsilon)


def adam_update_rows(
    param: Array,
    ids: Array,
    rows: Array,
    m: Array,
    v: Array,
    vmax: Array | None,
    lr: float,
    beta1: float,
    beta2: float,
    epsilon: float,
    step: int,
    weight_decay: float,
    scale: float,
    clip: float,
) -> None:
    """``adam_update`` of a table whose gradient is `rows` at the rows `ids` (distinct) and zero elsewhere."""
    _rows(param, ids, rows, m=m, v=v, **({} if vmax is None else {"vmax": vmax}))
    grad = np.zeros_like(param)
    grad[ids] = rows
    seconds = None if vmax is None else [vmax]
    rest = (lr, beta1, beta2, epsilon, step, weight_decay, [scale], clip)
    adam_update([param], [grad], [m], [v], seconds, *rest)


def adagrad_update_rows(
    param: Array, ids: Array, rows: Array, acc: Array, lr: float, epsilon: float, scale: float, clip: float
) -> None:
    """acc <- acc + g²;  w <- w - lr g / sqrt(acc + epsilon), of the rows `ids` (distinct) alone."""
    _rows(param, ids, rows, acc=acc)
    g = _clipped(rows, scale, clip)
    new = acc[ids] + g * g
    acc[ids] = new
    param[ids] -= lr * g / np.sqrt(new + epsilon)
