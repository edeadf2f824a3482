"""``tf.math``: arithmetic, elementwise functions, comparisons and reductions, over ``recurra.ops`` and numpy.

What has a gradient in ``recurra.ops`` has it here; the rest are of numpy and end a gradient with an error, not with a
wrong value: they refuse tensors that a tape follows.
"""
# ruff: noqa: F401  (the names are TensorFlow's)

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

import numpy as np

from recurra import ops
from recurra.compat.tf.complex_numbers import abs, angle, complex, conj, imag, real
from recurra.compat.tf.no_nan import divide_no_nan, multiply_no_nan, xlogy
from recurra.compat.tf.operands import axes_of, constant_of, operand
from recurra.compat.tf.ordering import (
    TopK,
    argmax,
    argmin,
    argsort,
    bincount,
    confusion_matrix,
    count_nonzero,
    cumprod,
    cumsum,
    cumulative_logsumexp,
    in_top_k,
    invert_permutation,
    segment_max,
    segment_mean,
    segment_min,
    segment_sum,
    sort,
    top_k,
    unsorted_segment_max,
    unsorted_segment_mean,
    unsorted_segment_min,
    unsorted_segment_sum,
    zero_fraction,
)
from recurra.compat.tf.ragged import RaggedTensor
from recurra.compat.tf.tensors import array_of, is_symbolic, present

__all__ = [
    "abs",
    "accumulate_n",
    "acos",
    "add",
    "add_n",
    "angle",
    "argmax",
    "argmin",
    "argsort",
    "asin",
    "atan",
    "atan2",
    "bincount",
    "ceil",
    "complex",
    "confusion_matrix",
    "conj",
    "cos",
    "cosh",
    "count_nonzero",
    "cumprod",
    "cumsum",
    "cumulative_logsumexp",
    "divide",
    "divide_no_nan",
    "equal",
    "erf",
    "exp",
    "expm1",
    "floor",
    "floordiv",
    "floormod",
    "greater",
    "greater_equal",
    "imag",
    "in_top_k",
    "invert_permutation",
    "is_finite",
    "is_inf",
    "is_nan",
    "l2_normalize",
    "less",
    "less_equal",
    "log",
    "log1p",
    "log_sigmoid",
    "log_softmax",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "maximum",
    "minimum",
    "mod",
    "multiply",
    "multiply_no_nan",
    "negative",
    "not_equal",
    "pow",
    "real",
    "reciprocal",
    "reduce_all",
    "reduce_any",
    "reduce_euclidean_norm",
    "reduce_logsumexp",
    "reduce_max",
    "reduce_mean",
    "reduce_min",
    "reduce_prod",
    "reduce_std",
    "reduce_sum",
    "reduce_variance",
    "round",
    "rsqrt",
    "scalar_mul",
    "segment_max",
    "segment_mean",
    "segment_min",
    "segment_sum",
    "sigmoid",
    "sign",
    "sin",
    "sinh",
    "softmax",
    "softplus",
    "softsign",
    "sqrt",
    "square",
    "squared_difference",
    "subtract",
    "tan",
    "tanh",
    "top_k",
    "truediv",
    "unsorted_segment_max",
    "unsorted_segment_mean",
    "unsorted_segment_min",
    "unsorted_segment_sum",
    "xlogy",
    "zero_fraction",
]  # fmt: skip


def _unary(function: Callable[[Any], Any]) -> Callable[..., Any]:
    def compute(x: Any, name: str | None = None) -> Any:
        return present(function(operand(x)))

    return compute


def _binary(function: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    def compute(x: Any, y: Any, name: str | None = None) -> Any:
        return present(function(*_alike(operand(x), operand(y))))

    return compute


def _alike(x: Any, y: Any) -> tuple[Any, Any]:
    """A list beside a float tensor in the tensor's type."""
    if isinstance(x, (int, float)) and isinstance(y, (int, float)):
        return array_of(x), array_of(y)
    if _is_int_list(x, y):
        return x.astype(y.dtype), y
    return (x, y.astype(x.dtype)) if _is_int_list(y, x) else (x, y)


def _is_int_list(x: Any, beside: Any) -> builtins.bool:
    """Whether `x` was a list of integers, beside a float tensor."""
    kind = getattr(getattr(beside, "dtype", None), "kind", "")
    return type(x) is np.ndarray and x.dtype == np.int32 and kind == "f" and not isinstance(beside, np.generic)


def _constant(function: Callable[..., Any], called: str) -> Callable[..., Any]:
    def compute(x: Any, name: str | None = None) -> Any:
        return present(function(constant_of(x, called)))

    return compute


def _reduction(function: Callable[..., Any]) -> Callable[..., Any]:
    def compute(input_tensor: Any, axis: Any = None, keepdims: builtins.bool = False, name: str | None = None) -> Any:
        if isinstance(input_tensor, RaggedTensor):
            return input_tensor.reduced(lambda part, along: function(part, along, keepdims), axes_of(axis))
        return present(function(operand(input_tensor), axes_of(axis), keepdims))

    return compute


add, subtract, multiply = _binary(ops.add), _binary(ops.subtract), _binary(ops.multiply)


divide = truediv = _binary(ops.divide)


maximum, minimum, pow = _binary(ops.maximum), _binary(ops.minimum), _binary(ops.power)


squared_difference = _binary(lambda x, y: ops.square(ops.subtract(x, y)))


negative, square, sqrt = _unary(ops.negative), _unary(ops.square), _unary(ops.sqrt)


exp, log, log1p, sin, cos = _unary(ops.exp), _unary(ops.log), _unary(ops.log1p), _unary(ops.sin), _unary(ops.cos)


sigmoid, tanh, softplus, softsign = _unary(ops.sigmoid), _unary(ops.tanh), _unary(ops.softplus), _unary(ops.softsign)


erf, log_sigmoid, sign, floor = _unary(ops.erf), _unary(ops.log_sigmoid), _unary(ops.sign), _unary(ops.floor)


round = _unary(ops.round)


rsqrt = _unary(lambda x: ops.divide(1.0, ops.sqrt(x)))


reciprocal = _unary(lambda x: ops.divide(1.0, x))


expm1 = _unary(lambda x: ops.subtract(ops.exp(x), 1.0))


sinh = _unary(lambda x: ops.multiply(0.5, ops.subtract(ops.exp(x), ops.exp(ops.negative(x)))))


cosh = _unary(lambda x: ops.multiply(0.5, ops.add(ops.exp(x), ops.exp(ops.negative(x)))))


tan = _unary(lambda x: ops.divide(ops.sin(x), ops.cos(x)))


ceil, is_inf = _constant(np.ceil, "math.ceil"), _constant(np.isinf, "math.is_inf")


asin, acos, atan = (
    _constant(f, f"math.{n}") for f, n in ((np.arcsin, "asin"), (np.arccos, "acos"), (np.arctan, "atan"))
)


is_nan, is_finite = _unary(ops.isnan), _unary(ops.isfinite)


less, less_equal, greater = _binary(ops.less), _binary(ops.less_equal), _binary(ops.greater)


greater_equal = _binary(ops.greater_equal)


logical_and, logical_or, logical_not = _binary(ops.logical_and), _binary(ops.logical_or), _unary(ops.logical_not)


logical_xor = _binary(lambda x, y: np.logical_xor(array_of(x), array_of(y)))


reduce_sum, reduce_mean = _reduction(ops.sum), _reduction(ops.mean)


reduce_max, reduce_min = _reduction(ops.max), _reduction(ops.min)


reduce_std, reduce_variance = _reduction(ops.std), _reduction(ops.var)


reduce_all, reduce_any = _reduction(ops.all), _reduction(ops.any)


reduce_logsumexp = _reduction(ops.logsumexp)


reduce_euclidean_norm = _reduction(lambda x, axis, keep: ops.sqrt(ops.sum(ops.square(x), axis, keep)))


def reduce_mean_of_integers(x: Any, axis: Any, keepdims: builtins.bool) -> Any:
    """The mean of integers is an integer, rounded towards zero, as in TensorFlow."""
    if not is_symbolic(x):
        array = array_of(x)
        if array.dtype.kind in "iu":
            return np.trunc(np.mean(array, axis=axis, keepdims=keepdims)).astype(array.dtype)
    return ops.mean(x, axis, keepdims)


def reduce_sum_in_kind(x: Any, axis: Any, keepdims: builtins.bool) -> Any:
    """The sum in the type of what is summed: numpy widens int32."""
    total = ops.sum(x, axis, keepdims)
    if isinstance(total, (np.ndarray, np.generic)) and total.dtype.kind == "i":
        return total.astype(array_of(x).dtype)
    return total


reduce_mean, reduce_sum = _reduction(reduce_mean_of_integers), _reduction(reduce_sum_in_kind)


def reduce_prod(input_tensor: Any, axis: Any = None, keepdims: builtins.bool = False, name: str | None = None) -> Any:
    """The product of the values."""
    x = constant_of(input_tensor, "reduce_prod")
    return present(np.prod(x, axis=axes_of(axis), keepdims=keepdims, dtype=x.dtype))


def equal(x: Any, y: Any, name: str | None = None) -> Any:
    """Where x == y; texts and bytes are the same."""
    return _compare(ops.equal, x, y)


def not_equal(x: Any, y: Any, name: str | None = None) -> Any:
    """Where x != y."""
    return _compare(ops.not_equal, x, y)


def _compare(function: Callable[[Any, Any], Any], x: Any, y: Any) -> Any:
    if is_symbolic(x, y):
        return function(x, y)
    return present(np.asarray(function(array_of(x), array_of(y))))


def floordiv(x: Any, y: Any, name: str | None = None) -> Any:
    """X // y."""
    return present(np.floor_divide(constant_of(x, "math.floordiv"), constant_of(y, "math.floordiv")))


def mod(x: Any, y: Any, name: str | None = None) -> Any:
    """X % y, with the sign of y."""
    return present(np.mod(constant_of(x, "math.mod"), constant_of(y, "math.mod")))


floormod = mod


def atan2(y: Any, x: Any, name: str | None = None) -> Any:
    """The angle of (x, y)."""
    return present(np.arctan2(constant_of(y, "math.atan2"), constant_of(x, "math.atan2")))


def scalar_mul(scalar: Any, x: Any, name: str | None = None) -> Any:
    """Scalar * x."""
    return multiply(scalar, x)


def add_n(inputs: Any, name: str | None = None) -> Any:
    """The sum of several tensors of one shape."""
    total = operand(inputs[0])
    for one in inputs[1:]:
        total = ops.add(total, operand(one))
    return present(total)


accumulate_n = add_n


def l2_normalize(x: Any, axis: Any = None, epsilon: float = 1e-12, name: str | None = None, dim: Any = None) -> Any:
    """`x` divided by its length along `axis`."""
    x = operand(x)
    squares = ops.sum(ops.square(x), axes_of(dim if axis is None else axis), keepdims=True)
    return present(ops.divide(x, ops.sqrt(ops.maximum(squares, epsilon))))


def softmax(logits: Any, axis: int = -1, name: str | None = None) -> Any:
    """exp(x) / sum(exp(x)) along an axis."""
    return present(ops.softmax(operand(logits), axis=-1 if axis is None else axis))


def log_softmax(logits: Any, axis: int = -1, name: str | None = None) -> Any:
    """The logarithm of :func:`softmax`."""
    return present(ops.log_softmax(operand(logits), axis=-1 if axis is None else axis))
