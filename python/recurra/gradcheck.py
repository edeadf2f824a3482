"""Check gradients against differences: for authors of layers, cells, losses and operations.

>>> import numpy as np
>>> from recurra import gradcheck, ops
>>> gradcheck(lambda x: ops.tanh(x) * x, np.array([0.3, -1.2]))
True
"""
# ruff: noqa: D417  (arguments that belong together are described together)

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from recurra import ops
from recurra.autograd import Array, GradientTape, Tensor, Variable
from recurra.tree import leaves


class GradientError(AssertionError):
    """A gradient differs from the difference quotient. The message says where, and by how much."""


def gradcheck(
    fn: Callable[..., Any],
    inputs: Any = (),
    *,
    variables: Iterable[Variable] | None = None,
    kwargs: Mapping[str, Any] | None = None,
    eps: float = 1e-6,
    rtol: float = 1e-5,
    atol: float = 1e-7,
    elementwise: int = 200,
    seed: int = 0,
) -> bool:
    """Compare the gradients of `fn` with central differences, in float64.

    The loss is ``sum(output * random)``, over all outputs, so that no error can hide in a sum of equal terms. For each
    input and variable with up to `elementwise` elements every element is moved by ±eps; a larger one is moved along
    one random direction.

    Parameters
    ----------
    fn : a layer, or a function of `inputs` written with ``recurra.ops``. Returns an array, or a (nested) list or tuple
        of arrays. It must give the same output each time: seed its dropout.
    inputs : one array or a sequence of them. Floats become float64 and are differentiated; integers, bools, Variables
        and None are given as they are.
    variables : Variables that `fn` uses, to differentiate too. Taken from `fn` itself if it is a layer
        (``fn.trainable_variables``). They must be float64.
    kwargs : more arguments for `fn`, ``{"training": True}`` say
    eps : how far elements are moved
    rtol, atol : allowed difference: atol + rtol * (the greatest gradient of that input)
    elementwise : up to how many elements each one is moved
    seed : of the random weights and directions

    Returns
    -------
    True; an error otherwise

    Raises
    ------
    GradientError : where a gradient is wrong, or `fn` gives another value under a tape than without one
    ValueError : if `fn` is not repeatable, has no float output, or a Variable is not float64
    """
    if not callable(fn):
        raise TypeError(f"fn must be a function or a layer, got {fn!r}")
    given = [inputs] if isinstance(inputs, (np.ndarray, np.generic, Tensor, float)) else list(inputs)
    values = [_movable(value) for value in given]
    options = dict(kwargs or {})
    rng = np.random.default_rng(seed)
    weights: list[Array] = []

    def loss(arguments: Sequence[Any]) -> Any:
        outputs = [leaf for leaf in leaves(fn(*arguments, **options)) if _is_float(leaf)]
        if not outputs:
            raise ValueError("fn must return at least one array of floats")
        for output in outputs[len(weights) :]:
            weights.append(rng.uniform(0.5, 1.5, output.shape) * rng.choice([-1.0, 1.0], output.shape))
        total: Any = 0.0
        for output, weight in zip(outputs, weights, strict=True):
            total = total + ops.sum(output * weight)
        return total

    value = float(loss(values))  # builds a layer, and fixes the weights of the loss
    if not np.isfinite(value):
        raise ValueError(f"fn must give finite values, got {value}")
    if float(loss(values)) != value:
        raise ValueError("fn must give the same output each time: seed its random numbers, and carry no state over")
    chosen = _variables(fn, variables, given)
    with GradientTape() as tape:
        watched = [tape.watch(v) if _is_differentiated(v) else v for v in values]
        taped = loss(watched)
    if not np.isclose(float(taped), value, rtol=1e-12, atol=1e-12):
        raise GradientError(f"fn gives another value under a tape: the loss is {float(taped)!r}, without one {value!r}")
    arrays = [(f"inputs[{k}]", v) for k, v in enumerate(values) if _is_differentiated(v)]
    arrays += [(variable.name, variable.value) for variable in chosen]
    sources = [w for w in watched if isinstance(w, Tensor) and not isinstance(w, Variable)] + chosen
    grads = [None] * len(sources) if not isinstance(taped, Tensor) else tape.gradient(taped, sources)
    for (name, array), grad, source in zip(arrays, grads, sources, strict=True):
        found = np.zeros_like(array) if grad is None else np.asarray(grad)
        if found.shape != array.shape:
            raise GradientError(f"{name}: the gradient must have shape {array.shape}, got {found.shape}")

        def moved(source: Any = source) -> float:
            if isinstance(source, Variable):
                source.touch()
            return float(loss(values))

        _compare(name, array, found, moved, rng, eps, rtol, atol, elementwise)
    return True


def _compare(
    name: str, array: Array, found: Array, loss: Callable[[], float], rng: np.random.Generator,
    eps: float, rtol: float, atol: float, elementwise: int,
) -> None:  # fmt: skip
    """Move `array` where it stands, put it back, and compare."""
    if array.size > elementwise:
        direction = rng.normal(size=array.shape)
        before = array.copy()
        array += eps * direction
        high = loss()
        array[...] = before - eps * direction
        low = loss()
        array[...] = before
        loss()
        expected, got = (high - low) / (2 * eps), float((found * direction).sum())
        allowed = atol + rtol * max(float(np.abs(found).max()) * np.sqrt(array.size), abs(expected))
        if not abs(got - expected) <= allowed:
            raise GradientError(
                f"{name} {array.shape}: along a random direction the gradient gives {got:.9g}, the difference quotient "
                f"{expected:.9g} (allowed {allowed:.2g})"
            )
        return
    expected_all = np.zeros_like(array)
    for index in np.ndindex(array.shape):
        kept = array[index]
        array[index] = kept + eps
        high = loss()
        array[index] = kept - eps
        low = loss()
        array[index] = kept
        expected_all[index] = (high - low) / (2 * eps)
    loss()
    if not array.size:
        return
    allowed = atol + rtol * max(float(np.abs(expected_all).max()), 1e-2)
    wrong = ~(np.abs(found - expected_all) <= allowed)
    if wrong.any():
        gap = np.where(wrong, np.abs(np.nan_to_num(found - expected_all, nan=np.inf)), -1.0).reshape(-1)
        lines = [
            f"  at {tuple(int(i) for i in np.unravel_index(k, array.shape))}: gradient {found.reshape(-1)[k]:.9g}, "
            f"difference quotient {expected_all.reshape(-1)[k]:.9g}"
            for k in np.argsort(-gap)[: min(5, int(wrong.sum()))]
        ]
        raise GradientError(
            f"{name} {array.shape}: {int(wrong.sum())} of {array.size} elements of the gradient are wrong "
            f"(allowed {allowed:.2g}); the worst:\n" + "\n".join(lines)
        )


def _movable(value: Any) -> Any:
    """A float array as float64 that may be changed; anything else as it is."""
    if value is None or isinstance(value, Variable):
        return value
    array = np.array(value.value if isinstance(value, Tensor) else value, order="C")
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def _is_differentiated(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def _variables(fn: Any, variables: Iterable[Variable] | None, inputs: Sequence[Any]) -> list[Variable]:
    """The Variables to differentiate, each once."""
    found = list(getattr(fn, "trainable_variables", ())) if variables is None else list(variables)
    found += [value for value in inputs if isinstance(value, Variable)]
    distinct = list({id(v): v for v in found}.values())
    for variable in distinct:
        if variable.dtype != np.float64:
            raise ValueError(
                f"{variable.name} must be float64 for differences to mean anything, got {variable.dtype}: "
                'make the layer with dtype="float64"'
            )
    return distinct


def _is_float(value: Any) -> bool:
    return getattr(value, "dtype", None) is not None and np.dtype(value.dtype).kind == "f"


class _CallableModule(ModuleType):
    """``recurra.gradcheck`` is the function, also after ``import recurra.gradcheck`` has put this module there."""

    def __call__(self, *args: Any, **kwargs: Any) -> bool:
        return gradcheck(*args, **kwargs)


sys.modules[__name__].__class__ = _CallableModule
