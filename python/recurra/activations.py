"""Activation functions by Keras's names, written with ``recurra.ops``.

Five of them run inside the recurrent kernels: tanh, sigmoid, relu, hard_sigmoid and linear
(:func:`kernel_name` tells). The others work everywhere too, step by step where a recurrent layer uses them.

    >>> import numpy as np
    >>> from recurra import activations
    >>> activations.get("relu")(np.array([-1.0, 2.0]))
    array([0., 2.])
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from recurra import ops
from recurra.registry import Registry
from recurra.typing import ActivationLike, ArrayLike, TensorLike

__all__ = [
    "celu", "deserialize", "elu", "exponential", "gelu", "get", "glu", "hard_shrink", "hard_sigmoid",
    "hard_sigmoid_keras2", "hard_silu", "hard_swish", "hard_tanh", "kernel_name", "leaky_relu", "linear",
    "log_sigmoid", "log_softmax", "mish", "relu", "relu6", "selu", "serialize", "sigmoid", "silu", "soft_shrink",
    "softmax", "softplus", "softsign", "sparse_plus", "sparse_sigmoid", "sparsemax", "squareplus", "swish", "tanh",
    "tanh_shrink", "threshold",
]  # fmt: skip


def linear(x: ArrayLike) -> Any:
    """`x` itself."""
    return x


def tanh(x: ArrayLike) -> Any:
    """The hyperbolic tangent."""
    return ops.tanh(x)


def sigmoid(x: ArrayLike) -> Any:
    """``1 / (1 + exp(-x))``."""
    return ops.sigmoid(x)


def hard_sigmoid(x: ArrayLike) -> Any:
    """``clip(x / 6 + 0.5, 0, 1)``, as in Keras 3 (Keras 2 had ``0.2 * x + 0.5``)."""
    return ops.hard_sigmoid(x)


def hard_sigmoid_keras2(x: TensorLike) -> Any:
    """``clip(0.2 * x + 0.5, 0, 1)``, what Keras 1 and 2 called hard_sigmoid; their files are loaded with it."""
    return ops.hard_sigmoid(x * 1.2)


def relu(x: TensorLike, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Any:
    """``x`` above `threshold`, ``negative_slope * (x - threshold)`` below it, at most `max_value`."""
    if threshold == 0.0:
        y = ops.relu(x) if negative_slope == 0.0 else ops.leaky_relu(x, negative_slope)
    else:
        y = ops.where(_value(x) > threshold, x, negative_slope * (x - threshold))
    return y if max_value is None else ops.minimum(y, max_value)


def leaky_relu(x: ArrayLike, negative_slope: float = 0.2) -> Any:
    """``x`` where positive, ``negative_slope * x`` elsewhere."""
    return ops.leaky_relu(x, negative_slope)


def relu6(x: ArrayLike) -> Any:
    """``min(max(x, 0), 6)``."""
    return ops.minimum(ops.relu(x), 6.0)


def softmax(x: ArrayLike, axis: int = -1) -> Any:
    """``exp(x)`` divided by its sum along `axis`."""
    return ops.softmax(x, axis)


def log_softmax(x: ArrayLike, axis: int = -1) -> Any:
    """The logarithm of :func:`softmax`, computed without overflow."""
    return ops.log_softmax(x, axis)


def elu(x: ArrayLike, alpha: float = 1.0) -> Any:
    """``x`` where positive, ``alpha * (exp(x) - 1)`` elsewhere."""
    return ops.elu(x, alpha)


def celu(x: ArrayLike, alpha: float = 1.0) -> Any:
    """``max(x, 0) + min(0, alpha * (exp(x / alpha) - 1))``."""
    return ops.celu(x, alpha)


def selu(x: ArrayLike) -> Any:
    """The scaled exponential unit that keeps mean 0 and variance 1."""
    return ops.selu(x)


def softplus(x: ArrayLike) -> Any:
    """``log(1 + exp(x))``."""
    return ops.softplus(x)


def softsign(x: ArrayLike) -> Any:
    """``x / (1 + abs(x))``."""
    return ops.softsign(x)


def silu(x: ArrayLike) -> Any:
    """``x * sigmoid(x)``, also called swish."""
    return ops.silu(x)


def hard_silu(x: ArrayLike) -> Any:
    """``x * hard_sigmoid(x)``."""
    return x * ops.hard_sigmoid(x)


def gelu(x: ArrayLike, approximate: bool = False) -> Any:
    """``x * Phi(x)`` with the normal distribution function, or its tanh approximation."""
    return ops.gelu(x, approximate)


def exponential(x: ArrayLike) -> Any:
    """``exp(x)``."""
    return ops.exp(x)


def mish(x: ArrayLike) -> Any:
    """``x * tanh(softplus(x))``."""
    return x * ops.tanh(ops.softplus(x))


def log_sigmoid(x: TensorLike) -> Any:
    """``log(sigmoid(x))``, computed as ``-softplus(-x)``."""
    return -ops.softplus(-x)


def glu(x: ArrayLike, axis: int = -1) -> Any:
    """The first half of `x` along `axis` times the sigmoid of the second half."""
    return ops.glu(x, axis)


def hard_tanh(x: ArrayLike) -> Any:
    """``clip(x, -1, 1)``."""
    return ops.hard_tanh(x)


def tanh_shrink(x: ArrayLike) -> Any:
    """``x - tanh(x)``."""
    return ops.tanh_shrink(x)


def hard_shrink(x: TensorLike, threshold: float = 0.5) -> Any:
    """``x`` where ``abs(x) > threshold``, zero elsewhere."""
    return ops.hard_shrink(x, threshold)


def soft_shrink(x: TensorLike, threshold: float = 0.5) -> Any:
    """``x`` moved towards zero by `threshold`, zero where it is nearer than that."""
    return ops.soft_shrink(x, threshold)


def threshold(x: TensorLike, threshold: float, default_value: float) -> Any:
    """``x`` where above `threshold`, `default_value` elsewhere."""
    return ops.threshold(x, threshold, default_value)


def squareplus(x: ArrayLike, b: float = 4) -> Any:
    """``(x + sqrt(x * x + b)) / 2``."""
    return ops.squareplus(x, b)


def sparse_plus(x: TensorLike) -> Any:
    """0 up to -1, ``(x + 1)**2 / 4`` between -1 and 1, ``x`` from 1 on."""
    return ops.sparse_plus(x)


def sparse_sigmoid(x: ArrayLike) -> Any:
    """0 up to -1, ``(x + 1) / 2`` between -1 and 1, 1 from 1 on."""
    return ops.sparse_sigmoid(x)


def sparsemax(x: ArrayLike, axis: int = -1) -> Any:
    """The point of the simplex that is nearest to `x` along `axis`: it adds up to 1, and many are 0."""
    return ops.sparsemax(x, axis)


swish, hard_swish = silu, hard_silu


def _value(x: ArrayLike) -> Any:
    return x.value if hasattr(x, "value") else np.asarray(x)


_functions = (
    linear, tanh, sigmoid, hard_sigmoid, hard_sigmoid_keras2, relu, leaky_relu, relu6, softmax, log_softmax, elu,
    celu, selu, softplus, softsign, silu, hard_silu, gelu, exponential, mish, log_sigmoid, glu, hard_tanh,
    tanh_shrink, hard_shrink, soft_shrink, threshold, squareplus, sparse_plus, sparse_sigmoid,
    sparsemax,
)  # fmt: skip
_objects: dict[str, Any] = {function.__name__: function for function in _functions}
_objects.update({"swish": silu, "hard_swish": hard_silu})
_registry = Registry("activation", _objects)

_KERNEL_NAMES: dict[Any, str] = {
    tanh: "tanh", sigmoid: "sigmoid", relu: "relu", hard_sigmoid: "hard_sigmoid", linear: "linear",
    ops.tanh: "tanh", ops.sigmoid: "sigmoid", ops.relu: "relu", ops.hard_sigmoid: "hard_sigmoid",
}  # fmt: skip


def kernel_name(activation: ActivationLike) -> str | None:
    """The kernels' name of an activation function; None where the kernels do not have it."""
    try:
        return _KERNEL_NAMES.get(activation)
    except TypeError:  # a callable that cannot be hashed
        return None


def get(identifier: ActivationLike) -> Any:
    """The function for None (linear), a name, a configuration or a callable."""
    return linear if identifier is None else _registry.get(identifier)


def serialize(activation: ActivationLike) -> Any:
    """The name of a built-in function, otherwise a configuration."""
    return _registry.serialize(activation)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The function that a name or a configuration stands for."""
    return linear if config is None else _registry.deserialize(config, custom_objects)
