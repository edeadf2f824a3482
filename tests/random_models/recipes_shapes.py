"""Layers that only move numbers about, and any functions: Lambda, and operations on symbols."""

from __future__ import annotations

import re
from typing import Any

from tests.random_models import pools
from tests.random_models.generator import Builder
from tests.random_models.recipes import recipe, some
from tests.random_models.spec import Call, Value


@recipe("Flatten", 0.5)
def _flatten(b: Builder) -> bool:
    value = b.pick((2, 3))
    if value is None:
        return False
    size = 1
    for one in value.shape:
        size *= one
    b.add([value], [(size,)], Call("layers.Flatten", some(b, 0.3, data_format="'channels_first'")))
    return True


@recipe("Reshape", 0.5)
def _reshape(b: Builder) -> bool:
    value = b.pick((1, 2, 3), fits=lambda v: 0 not in v.shape)
    if value is None:
        return False
    size = 1
    for one in value.shape:
        size *= one
    factor = b.random.choice([k for k in range(1, size + 1) if size % k == 0])
    shape = b.random.choice(((size,), (factor, size // factor), (factor, 1, size // factor)))
    target = (-1, *shape[1:]) if b.chance(0.3) else shape
    b.add([value], [shape], Call("layers.Reshape", {"target_shape": str(target)}))
    return True


@recipe("Permute", 0.6)
def _permute(b: Builder) -> bool:
    value = b.pick((2, 3))
    if value is None:
        return False
    dims = list(range(1, len(value.shape) + 1))
    b.random.shuffle(dims)
    shape = tuple(value.shape[k - 1] for k in dims)
    b.add([value], [shape], Call("layers.Permute", {"dims": str(tuple(dims))}))
    return True


@recipe("RepeatVector", 0.8)
def _repeat(b: Builder) -> bool:
    value = b.pick((1,))
    if value is None:
        return False
    n = b.random.choice((1, 2, 3, 5, 7))
    b.add([value], [(n, *value.shape)], Call("layers.RepeatVector", {"n": str(n)}))
    return True


# --- functions ----------------------------------------------------------------------------------------------------


def _function(b: Builder, functions: Any) -> tuple[Value, str, tuple[int, ...]] | None:
    ranks, text, rule = b.random.choice(functions)
    # torch has no negative steps; the slope of std at equal numbers is 0 here, NaN there
    if b.limits.in_keras and ("::-1" in text or "ops.std" in text):
        return None
    value = b.pick(ranks, fits=lambda v: 0 not in v.shape)
    if value is None:
        return None
    shape: tuple[int, ...] = eval(rule, {"s": value.shape})
    return None if 0 in shape or len(shape) > 3 else (value, text, shape)


@recipe("Lambda", 2.0)
def _lambda(b: Builder) -> bool:
    found = _function(b, pools.FUNCTIONS + pools.LAMBDA_FUNCTIONS)
    if found is None:
        return False
    value, text, shape = found
    options = {"function": f"lambda x: {text}"}
    if b.limits.in_keras or b.chance(0.3):
        options["output_shape"] = str(shape)
    b.add([value], [shape], Call("layers.Lambda", options))
    return True


@recipe("Operation", 1.0)
def _operation(b: Builder) -> bool:
    """A function of symbols: Operation and GetItem layers in the model."""
    found = _function(b, pools.FUNCTIONS)
    if found is None:
        return False
    value, text, shape = found
    b.add([value], [shape], expression=re.sub(r"\bx\b", value.name, text))
    return True
