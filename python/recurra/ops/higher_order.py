"""Operations that call a function: scans of associative functions, gradients of your own, attention of heads."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from recurra import tree
from recurra.autograd import record
from recurra.ops import math as M
from recurra.ops import neural
from recurra.ops import shaping as S
from recurra.ops.common import array_of, constant_of, value_of
from recurra.ops.dispatch import operation
from recurra.ops.products import einsum
from recurra.typing import ArrayLike


def associative_scan(f: Callable[[Any, Any], Any], elems: Any, reverse: bool = False, axis: int = 0) -> Any:
    """``elems[0], f(elems[0], elems[1]), f(f(elems[0], elems[1]), elems[2])``, ... along `axis`, computed in turn.

    f : takes and returns what `elems` is: an array, or a structure of arrays; each has one element along `axis`
    """
    leaves = tree.leaves(elems)
    count = array_of(leaves[0]).shape[axis]

    def element(k: int) -> Any:
        return tree.map_structure(lambda x: S.take(x, np.array([k]), axis), elems)

    order = range(count - 1, -1, -1) if reverse else range(count)
    made: list[Any] = []
    for k in order:
        made.append(f(made[-1], element(k)) if made else element(k))
    if reverse:
        made.reverse()
    rows = [tree.leaves(one) for one in made]
    joined = iter([S.concatenate([row[place] for row in rows], axis) for place in range(len(leaves))])
    return tree.map_structure(lambda _: next(joined), elems)


def custom_gradient(f: Callable[..., Any]) -> Callable[..., Any]:
    """``f(*args)``, which returns its value and a function from the value's gradient to those of `args`."""

    @wraps(f)
    def call(*args: Any) -> Any:
        value, gradient = f(*(value_of(one) for one in args))

        def backward(*d: Any) -> tuple[Any, ...]:
            found = gradient(*d)
            return tuple(found) if isinstance(found, (tuple, list)) else (found,)

        return record(tuple(value) if isinstance(value, list) else value, args, backward)

    return call


@operation
def dot_product_attention(
    query: ArrayLike,
    key: ArrayLike,
    value: ArrayLike,
    bias: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    scale: float | None = None,
    is_causal: bool = False,
    flash_attention: bool | None = None,
    attn_logits_soft_cap: float | None = None,
) -> Any:
    """``softmax(scale * Q K^T + bias) V`` for heads (N): query (B, T, N, H), key and value (B, S, K, H).

    K divides N: each head of keys serves as many heads of queries.

    bias, mask : (B or 1, N or 1, T, S); a place whose mask is False is not looked at
    scale : ``1 / sqrt(H)`` unless given
    is_causal : a query looks at no later key
    flash_attention : chooses nothing on a CPU; True is refused
    attn_logits_soft_cap : scores pass through ``cap * tanh(score / cap)``
    """
    if flash_attention:
        raise ValueError("flash_attention=True: there is none on a CPU; leave it out")
    q, k = array_of(query), array_of(key)
    for name, one in (("query", q), ("key", k), ("value", array_of(value))):
        if one.ndim != 4:
            raise ValueError(f"{name} must have shape (B, T, N, H), got {one.shape}")
    times, left = divmod(q.shape[2], k.shape[2])
    if left:
        raise ValueError(f"the heads of keys, {k.shape[2]}, must divide those of queries, {q.shape[2]}")
    if times > 1:
        key, value = S.repeat(key, times, 2), S.repeat(value, times, 2)
    scores = M.multiply(einsum("btnh,bsnh->bnts", query, key), 1 / math.sqrt(q.shape[-1]) if scale is None else scale)
    if attn_logits_soft_cap is not None:
        scores = M.multiply(neural.tanh(M.divide(scores, attn_logits_soft_cap)), attn_logits_soft_cap)
    if bias is not None:
        scores = M.add(scores, bias)
    seen = None if mask is None else np.asarray(constant_of(mask, "dot_product_attention"), bool)
    if is_causal:
        past = np.tri(q.shape[1], k.shape[1], dtype=bool)
        seen = past if seen is None else seen & past
    if seen is not None:
        scores = M.where(seen, scores, np.finfo(array_of(scores).dtype).min)
    return einsum("bnts,bsnh->btnh", neural.softmax(scores, -1), value)
