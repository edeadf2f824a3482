"""The functions of Keras 2's ``keras.backend``; ``recurra.backend`` hands them out (``K.dot``, ``K.argmax``).

Those whose names, defaults and arguments agree are the functions of ``recurra.ops``; the others are defined here with
operations, so that gradients flow through them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from recurra import ops, random
from recurra.activations import relu as _relu
from recurra.autograd import Array, Variable, value_of
from recurra.compat.backend_more import *  # noqa: F403
from recurra.compat.backend_more import __all__ as _more
from recurra.config import floatx
from recurra.ops import (
    abs,
    all,
    any,
    arange,
    binary_crossentropy,
    cast,
    categorical_crossentropy,
    cos,
    dot,
    elu,
    equal,
    exp,
    greater,
    greater_equal,
    hard_sigmoid,
    less,
    less_equal,
    log,
    logsumexp,
    max,
    maximum,
    mean,
    min,
    minimum,
    not_equal,
    ones,
    ones_like,
    reshape,
    round,
    shape,
    sigmoid,
    sign,
    sin,
    softmax,
    softplus,
    softsign,
    sparse_categorical_crossentropy,
    sqrt,
    square,
    squeeze,
    std,
    stop_gradient,
    sum,
    tanh,
    transpose,
    var,
    zeros,
    zeros_like,
)
from recurra.typing import ArrayLike, DType

__all__ = [
    "abs", "all", "any", "arange", "argmax", "argmin", "batch_dot", "batch_flatten", "binary_crossentropy", "cast",
    "cast_to_floatx", "categorical_crossentropy", "clip", "concatenate", "constant", "cos", "cumsum", "dot",
    "dropout", "dtype", "elu", "equal", "eval", "exp", "expand_dims", "flatten", "function", "gather", "get_value",
    "greater", "greater_equal", "hard_sigmoid", "in_train_phase", "int_shape", "l2_normalize", "learning_phase",
    "less", "less_equal", "log", "logsumexp", "max", "maximum", "mean", "min", "minimum", "ndim", "not_equal",
    "one_hot", "ones", "ones_like", "permute_dimensions", "pow", "random_normal", "random_uniform", "relu",
    "repeat", "repeat_elements", "reshape", "reverse", "round", "set_value", "shape", "sigmoid", "sign", "sin",
    "softmax", "softplus", "softsign", "sparse_categorical_crossentropy", "sqrt", "square", "squeeze", "stack",
    "std", "stop_gradient", "sum", "switch", "tanh", "tile", "transpose", "update", "var", "variable", "zeros",
    "zeros_like",
]  # fmt: skip
__all__ += _more

_LETTERS = "acdefghijklmnopqrstuvwxy"


def get_value(x: ArrayLike) -> Array:
    """A copy of the value of a Variable or Tensor."""
    return np.array(value_of(x))


eval = get_value


def set_value(x: Variable, value: ArrayLike) -> None:
    """Assign `value` to a Variable: ``backend.set_value(model.optimizer.learning_rate, 1e-4)``."""
    x.assign(value)


def argmax(x: ArrayLike, axis: int = -1) -> Any:
    """Where the greatest value stands along an axis, the last one by default."""
    return ops.argmax(x, axis)


def argmin(x: ArrayLike, axis: int = -1) -> Any:
    """Where the smallest value stands along an axis, the last one by default."""
    return ops.argmin(x, axis)


def cumsum(x: ArrayLike, axis: int = 0) -> Any:
    """Running sums along an axis, the first one by default."""
    return ops.cumsum(x, axis)


def expand_dims(x: ArrayLike, axis: int = -1) -> Any:
    """With an axis of size 1 put in, at the end by default."""
    return ops.expand_dims(x, axis)


def concatenate(tensors: Sequence[Any], axis: int = -1) -> Any:
    """One after the other along an axis, the last one by default."""
    return ops.concatenate(tensors, axis)


def stack(x: Sequence[Any], axis: int = 0) -> Any:
    """Arrays of one shape along a new axis."""
    return ops.stack(x, axis)


def clip(x: ArrayLike, min_value: ArrayLike, max_value: ArrayLike) -> Any:
    """The values held within [min_value, max_value]."""
    return ops.clip(x, min_value, max_value)


def pow(x: ArrayLike, a: ArrayLike) -> Any:
    """The power x ** a, elementwise."""
    return ops.power(x, a)


def relu(x: Any, alpha: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Any:
    """max(x, 0); `alpha` is the slope below the threshold, `max_value` the ceiling."""
    return _relu(x, negative_slope=alpha, max_value=max_value, threshold=threshold)


def permute_dimensions(x: ArrayLike, pattern: Sequence[int]) -> Any:
    """The axes in another order."""
    return ops.transpose(x, pattern)


def reverse(x: ArrayLike, axes: int | Sequence[int]) -> Any:
    """The values turned round along `axes`."""
    return ops.flip(x, axes)


def flatten(x: ArrayLike) -> Any:
    """All values in one axis."""
    return ops.ravel(x)


def batch_flatten(x: Any) -> Any:
    """(B, ...) as (B, all the rest)."""
    rest = x.shape[1:]
    return ops.reshape(x, (x.shape[0], -1) if None in rest else (-1, math.prod(rest)))


def tile(x: ArrayLike, n: int | Sequence[int]) -> Any:
    """The values, n times along each axis."""
    return ops.tile(x, n)


def repeat(x: ArrayLike, n: int) -> Any:
    """(B, D) as (B, n, D)."""
    return ops.repeat(ops.expand_dims(x, 1), n, 1)


def repeat_elements(x: ArrayLike, rep: int, axis: int) -> Any:
    """Each slice along `axis`, `rep` times over."""
    return ops.repeat(x, rep, axis)


def gather(reference: ArrayLike, indices: ArrayLike) -> Any:
    """Rows of `reference`."""
    return ops.take(reference, indices, axis=0)


def one_hot(indices: ArrayLike, num_classes: int) -> Any:
    """A vector with one 1 for each index."""
    return ops.one_hot(indices, num_classes)


def l2_normalize(x: ArrayLike, axis: int | None = None) -> Any:
    """The vector x divided by its length along `axis` (that of all values without one)."""
    squares = ops.sum(ops.square(x), axis, keepdims=True)
    return ops.divide(x, ops.sqrt(ops.maximum(squares, 1e-12)))


def batch_dot(x: Any, y: Any, axes: int | Sequence[int] | None = None) -> Any:
    """Products of x and y sample by sample, summed over one axis of each.

    x : (B, ...), y : (B, ...)
    axes : an axis for both, or one for each; by default the last of x and the last but one of y (its last if it has
        two). The result has at least two axes.
    """
    if axes is None:
        axes = (x.ndim - 1, y.ndim - 1 if y.ndim == 2 else y.ndim - 2)
    first, second = (axes, axes) if isinstance(axes, int) else axes
    first, second = first % x.ndim, second % y.ndim
    if 0 in (first, second):
        raise ValueError(f"axes must not be those of the samples, got {axes}")
    left = "b" + "".join("z" if k == first else _LETTERS[k] for k in range(1, x.ndim))
    right = "b" + "".join("z" if k == second else _LETTERS[x.ndim + k] for k in range(1, y.ndim))
    out = "b" + "".join(c for c in left[1:] + right[1:] if c != "z")
    result = ops.einsum(f"{left},{right}->{out}", x, y)
    return ops.expand_dims(result, 1) if out == "b" else result


def switch(condition: ArrayLike, then_expression: Any, else_expression: Any) -> Any:
    """The first where the condition holds, else the second; functions without arguments are called."""
    first, second = (e() if callable(e) else e for e in (then_expression, else_expression))
    flags = value_of(condition)
    missing = np.ndim(value_of(first)) - np.ndim(flags)
    return ops.where(np.reshape(flags, np.shape(flags) + (1,) * missing), first, second)


def dropout(
    x: ArrayLike, level: float, noise_shape: Sequence[int | None] | None = None, seed: int | None = None
) -> Any:
    """Values set to 0 with probability `level`, the rest made greater to match."""
    return ops.dropout(x, level, seed=seed, noise_shape=noise_shape)


def ndim(x: ArrayLike) -> int:
    """The number of axes."""
    return int(np.ndim(value_of(x)) if not hasattr(x, "ndim") else x.ndim)


def int_shape(x: ArrayLike) -> tuple[int | None, ...]:
    """The sizes of the axes, None where one is open.

    raises : ShapeNotKnown (a TypeError) for None. A `compute_output_shape` that asks for the shape of what the layer's
        call keeps, as Keras 2 allowed, is then answered by calling the layer on zeros
    """
    if x is None:
        from recurra.layers.base.symbolic_call import ShapeNotKnown

        raise ShapeNotKnown("int_shape: x must be a tensor, got None")
    return tuple(x.shape) if hasattr(x, "shape") else np.shape(x)


def dtype(x: Any) -> str:
    """The name of the type of the values."""
    return str(x.dtype)


def cast_to_floatx(x: ArrayLike) -> Array:
    """An array of the default float type."""
    return np.asarray(value_of(x), floatx())


def variable(value: ArrayLike, dtype: DType | None = None, name: str | None = None, constraint: Any = None) -> Variable:
    """A Variable of the default float type.

    raises : ValueError for a constraint: give it to ``Layer.add_weight``
    """
    if constraint is not None:
        raise ValueError("constraint must be None here: pass constraint= to add_weight of a layer")
    return Variable(np.asarray(value, dtype or floatx()), name=name or "variable")


def constant(
    value: ArrayLike, dtype: DType | None = None, shape: Sequence[int] | None = None, name: str | None = None
) -> Array:
    """An array of the default float type, spread to `shape` if there is one. `name` is for Keras's graphs only."""
    made = np.asarray(value, dtype or floatx())
    return made if shape is None else np.broadcast_to(made, shape).copy()


def update(x: Variable, new_x: Any) -> Variable:
    """Assign `new_x` to a Variable."""
    return x.assign(value_of(new_x))


def random_normal(
    shape: Sequence[int], mean: float = 0.0, stddev: float = 1.0, dtype: DType | None = None, seed: int | None = None
) -> Array:
    """Numbers from the normal distribution."""
    return random.normal(tuple(shape), mean, stddev, dtype, seed)


def random_uniform(
    shape: Sequence[int], minval: float = 0.0, maxval: float = 1.0, dtype: DType | None = None, seed: int | None = None
) -> Array:
    """Numbers spread evenly over [minval, maxval)."""
    return random.uniform(tuple(shape), minval, maxval, dtype, seed)


def function(inputs: Sequence[Any], outputs: Sequence[Any]) -> Callable[[Sequence[Any]], list[Any]]:
    """A function from a list of arrays to a list of arrays, along the layers between symbolic tensors.

    inputs, outputs : lists of symbolic tensors, ``K.function([model.input], [model.layers[1].output])``; among the
        inputs may be ``K.learning_phase()``
    returns : called with as many arrays as there are inputs; layers work as they do for prediction, and as in training
        where 1 is given for the learning phase
    """
    from recurra.models import Model

    if not isinstance(inputs, (list, tuple)) or not isinstance(outputs, (list, tuple)):
        raise TypeError("inputs and outputs must be lists of symbolic tensors")
    phases = [place for place, one in enumerate(inputs) if isinstance(one, int)]
    model = Model([one for one in inputs if not isinstance(one, int)], list(outputs))

    def compute(arrays: Sequence[Any]) -> list[Any]:
        if not isinstance(arrays, (list, tuple)) or len(arrays) != len(inputs):
            raise ValueError(f"the function takes one list of {len(inputs)} arrays")
        training = True in [bool(arrays[place]) for place in phases]
        found = model([one for place, one in enumerate(arrays) if place not in phases], training=training)
        return list(found) if isinstance(found, (list, tuple)) else [found]

    return compute


def in_train_phase(x: Any, alt: Any, training: bool | None = None) -> Any:
    """`x` while training, else `alt`; functions without arguments are called.

    training : what the layer's call was given; None asks the call that is running
    """
    chosen = x if (learning_phase() if training is None else training) else alt
    return chosen() if callable(chosen) else chosen


def learning_phase() -> int:
    """1 while a layer or model is being called for training, else 0."""
    from recurra.layers.base.context import context

    return int(bool(context.training))
