"""Associative scans, gradients of one's own, and dot-product attention."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import GradientTape, Input, Variable, gradcheck, ops


@pytest.mark.parametrize("axis", [0, 1])
def test_associative_scan(rng: np.random.Generator, axis: int) -> None:
    x = rng.normal(size=(3, 5))
    np.testing.assert_allclose(ops.associative_scan(lambda a, b: a + b, x, axis=axis), np.cumsum(x, axis))
    backwards = np.flip(np.cumsum(np.flip(x, axis), axis), axis)
    np.testing.assert_allclose(ops.associative_scan(lambda a, b: a + b, x, reverse=True, axis=axis), backwards)


def test_a_linear_recurrence_by_a_scan(rng: np.random.Generator) -> None:
    """h = a * h + b, of pairs (a, b)."""
    a, b = rng.uniform(0.5, 1.0, (6, 2)), rng.normal(size=(6, 2))

    def combine(left: Any, right: Any) -> Any:
        return left[0] * right[0], left[1] * right[0] + right[1]

    h, wanted = np.zeros(2), []
    for k in range(6):
        h = a[k] * h + b[k]
        wanted.append(h)
    np.testing.assert_allclose(ops.associative_scan(combine, (a, b))[1], wanted)
    gradcheck(lambda x, y: ops.associative_scan(combine, (x, y))[1], [a, b])


def test_custom_gradient() -> None:
    @ops.custom_gradient
    def doubled(x: Any, y: Any) -> Any:
        return x * y, lambda d: (d * 10.0, d * x)

    x, y = Variable(np.array([1.0, 2.0])), Variable(np.array([3.0, 4.0]))
    with GradientTape() as tape:
        z = ops.sum(doubled(x, y))
    assert z.numpy() == 11
    dx, dy = tape.gradient(z, [x, y])
    np.testing.assert_array_equal(dx, [10, 10])
    np.testing.assert_array_equal(dy, [1, 2])


def _attention(q: Any, k: Any, v: Any, seen: Any, scale: float) -> Any:
    scores = np.where(seen, np.einsum("btnh,bsnh->bnts", q, k) * scale, -np.inf)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return np.einsum("bnts,bsnh->btnh", weights / weights.sum(-1, keepdims=True), v)


@pytest.mark.parametrize("causal", [False, True])
def test_attention(rng: np.random.Generator, causal: bool) -> None:
    q, k, v = (rng.normal(size=shape) for shape in ((2, 5, 4, 3), (2, 6, 4, 3), (2, 6, 4, 7)))
    mask = rng.random((2, 1, 5, 6)) > 0.3
    mask[..., 0] = True
    seen = mask & np.tri(5, 6, dtype=bool) if causal else mask
    found = ops.dot_product_attention(q, k, v, mask=mask, is_causal=causal)
    np.testing.assert_allclose(found, _attention(q, k, v, seen, 3**-0.5), rtol=1e-12)
    gradcheck(lambda *x: ops.dot_product_attention(*x, mask=mask, is_causal=causal), [q, k, v])


def test_attention_of_fewer_heads_of_keys(rng: np.random.Generator) -> None:
    q, k, v = (rng.normal(size=shape) for shape in ((2, 5, 4, 3), (2, 6, 2, 3), (2, 6, 2, 3)))
    whole = (np.repeat(one, 2, 2) for one in (k, v))
    np.testing.assert_allclose(ops.dot_product_attention(q, k, v, scale=0.7), _attention(q, *whole, True, 0.7))
    bias = rng.normal(size=(1, 4, 5, 6))
    capped = ops.dot_product_attention(q, k, v, bias=bias, attn_logits_soft_cap=0.5)
    assert not np.allclose(capped, ops.dot_product_attention(q, k, v, bias=bias))
    symbolic = ops.dot_product_attention(Input((5, 4, 3)), Input((6, 2, 3)), Input((6, 2, 3)))
    assert symbolic.shape == (None, 5, 4, 3)
    for arguments, message in (
        ((q, k[:, :, :1].repeat(3, 2), v), "must divide those of queries"), ((q[0], k, v), "query must have shape"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            ops.dot_product_attention(*arguments)
    with pytest.raises(ValueError, match="flash_attention=True"):
        ops.dot_product_attention(q, k, v, flash_attention=True)
