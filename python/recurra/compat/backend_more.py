"""The rarer functions of Keras 2's ``keras.backend``: loops, windows, CTC, random numbers, and what belonged to graphs.

backend.py, which ``recurra.backend`` hands out, has them too.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from recurra import ops, random
from recurra.autograd import Array, Variable, value_of
from recurra.config import epsilon, floatx
from recurra.naming import auto_name
from recurra.typing import ArrayLike, DType

__all__ = [
    "batch_get_value", "batch_set_value", "bias_add", "conv1d", "conv2d", "count_params", "ctc_batch_cost",
    "ctc_decode", "eye", "foldl", "foldr", "get_session", "get_uid", "identity", "in_test_phase", "in_top_k",
    "is_sparse", "manual_variable_initialization", "map_fn", "moving_average_update", "name_scope", "pool2d",
    "print_tensor", "prod", "random_bernoulli", "random_binomial", "rnn", "set_learning_phase", "set_session",
    "slice", "spatial_2d_padding", "temporal_padding", "truncated_normal", "update_add", "update_sub",
]  # fmt: skip


# --- loops --------------------------------------------------------------------------------------------------------


def rnn(
    step_function: Callable[[Any, list[Any]], tuple[Any, list[Any]]],
    inputs: Any,
    initial_states: Sequence[Any],
    go_backwards: bool = False,
    mask: ArrayLike | None = None,
    constants: Sequence[Any] | None = None,
    unroll: bool = False,
    input_length: int | None = None,
    time_major: bool = False,
    zero_output_for_mask: bool = False,
    return_all_outputs: bool = True,
) -> tuple[Any, Any, list[Any]]:
    """A step run over time: ``output, new_states = step_function(inputs[:, t], states)``.

    inputs : (B, T, ...), or (T, B, ...) with `time_major`, which then holds for the outputs too
    initial_states : a list of (B, ...)
    go_backwards : from the last step to the first; outputs stand in the order of processing
    mask : (B, T) or (B, T, 1): where it is False states are carried over and the output is repeated, or zeros with
        `zero_output_for_mask`
    constants : handed to every step, behind the states
    unroll, input_length : how a graph was built, and how long where that was not known; there is no graph here
    return_all_outputs : False keeps the last output alone, with a time axis of size 1
    returns : the last output, all outputs, the last states
    """
    del unroll, input_length
    fixed = list(constants or ())
    x = ops.swapaxes(inputs, 0, 1) if time_major else inputs
    if mask is not None:
        mask = np.asarray(value_of(mask)).astype(bool)
        mask = mask[..., 0] if mask.ndim == 3 else mask
        mask = mask.T if time_major else mask

    def step(now: Any, states: Any) -> tuple[Any, list[Any]]:
        output, new = step_function(now, [*states, *fixed])
        return output, list(new)

    outputs, states = ops.rnn(
        step, x, list(initial_states), mask, reverse=go_backwards, zero_output_for_mask=zero_output_for_mask
    )
    if go_backwards:
        outputs = ops.flip(outputs, 1)
    last = outputs[:, -1]
    if not return_all_outputs:
        outputs = ops.expand_dims(last, 1)
    return last, ops.swapaxes(outputs, 0, 1) if time_major else outputs, list(states)


def map_fn(fn: Callable[[Any], Any], elems: Any, name: str | None = None, dtype: DType | None = None) -> Any:
    """`fn` of each element along the first axis, stacked."""
    made = ops.stack([fn(one) for one in ops.unstack(elems)])
    return made if dtype is None else ops.cast(made, dtype)


def foldl(fn: Callable[[Any, Any], Any], elems: Any, initializer: Any = None, name: str | None = None) -> Any:
    """``fn(... fn(fn(initializer, elems[0]), elems[1]) ...)``; without `initializer` it begins with the first."""
    parts = ops.unstack(elems)
    total = parts.pop(0) if initializer is None else initializer
    for part in parts:
        total = fn(total, part)
    return total


def foldr(fn: Callable[[Any, Any], Any], elems: Any, initializer: Any = None, name: str | None = None) -> Any:
    """As :func:`foldl`, from the last element to the first."""
    return foldl(fn, ops.flip(elems, 0), initializer)


# --- windows ------------------------------------------------------------------------------------------------------


def bias_add(x: Any, bias: Any, data_format: str | None = None) -> Any:
    """X + bias, with one number for each channel, or one for each place and channel.

    x : (B, ..., C), or (B, C, ...) with data_format "channels_first";  bias : (C,) or (..., C)
    """
    rank = len(x.shape)
    if len(bias.shape) not in (1, rank - 1):
        raise ValueError(
            f"bias must have 1 or {rank - 1} axes for x of shape {tuple(x.shape)}, got {tuple(bias.shape)}"
        )
    if data_format == "channels_first" and rank > 2:
        bias = ops.reshape(bias, (-1, *(1,) * (rank - 2))) if len(bias.shape) == 1 else ops.moveaxis(bias, -1, 0)
    return ops.add(x, bias)


def conv1d(
    x: Any, kernel: Any, strides: int = 1, padding: str = "valid", data_format: str | None = None,
    dilation_rate: int = 1,
) -> Any:  # fmt: skip
    """A convolution over time, as ``ops.conv``."""
    return ops.conv(x, kernel, strides, padding, data_format, dilation_rate)


def conv2d(
    x: Any, kernel: Any, strides: Any = (1, 1), padding: str = "valid", data_format: str | None = None,
    dilation_rate: Any = (1, 1),
) -> Any:  # fmt: skip
    """A convolution over two axes, as ``ops.conv``."""
    return ops.conv(x, kernel, strides, padding, data_format, dilation_rate)


def pool2d(
    x: Any, pool_size: Any, strides: Any = (1, 1), padding: str = "valid", data_format: str | None = None,
    pool_mode: str = "max",
) -> Any:  # fmt: skip
    """The largest number ("max") or the mean ("avg") of windows over two axes."""
    if pool_mode not in ("max", "avg"):
        raise ValueError(f"pool_mode must be 'max' or 'avg', got {pool_mode!r}")
    pool = ops.max_pool if pool_mode == "max" else ops.average_pool
    return pool(x, pool_size, strides, padding, data_format)


def temporal_padding(x: Any, padding: Sequence[int] = (1, 1)) -> Any:
    """(B, T, C) with so many zero steps before and after."""
    return ops.pad(x, [(0, 0), tuple(padding), (0, 0)])


def spatial_2d_padding(x: Any, padding: Any = ((1, 1), (1, 1)), data_format: str | None = None) -> Any:
    """(B, H, W, C), or (B, C, H, W), with zeros around."""
    around = [tuple(pair) for pair in padding]
    return ops.pad(x, [(0, 0), (0, 0), *around] if data_format == "channels_first" else [(0, 0), *around, (0, 0)])


# --- CTC ----------------------------------------------------------------------------------------------------------


def ctc_batch_cost(y_true: Any, y_pred: Any, input_length: Any, label_length: Any) -> Any:
    """The CTC loss of each row, (B, 1).

    y_true : (B, L) class ids;  label_length : (B, 1), how many of them count
    y_pred : (B, T, C) probabilities, the last class being the blank;  input_length : (B, 1), how many steps count
    """
    loss = ops.ctc_loss(y_true, ops.log(ops.add(y_pred, epsilon())), label_length, input_length, mask_index=-1)
    return ops.expand_dims(loss, 1)


def ctc_decode(
    y_pred: Any, input_length: Any, greedy: bool = True, beam_width: int = 100, top_paths: int = 1
) -> tuple[list[Array], Array]:
    """The labels that probabilities say: a list of (B, T), -1 behind the last, and log probabilities (B, top_paths).

    y_pred : (B, T, C) probabilities, the last class being the blank;  input_length : (B,), how many steps count
    """
    logits = np.log(np.asarray(value_of(y_pred)) + epsilon())
    labels, scores = ops.ctc_decode(
        logits, input_length, "greedy" if greedy else "beam_search", beam_width, top_paths, mask_index=-1
    )
    return list(labels), scores


# --- numbers ------------------------------------------------------------------------------------------------------


def slice(x: Any, start: Sequence[int], size: Sequence[int]) -> Any:
    """The part of `x` that begins at `start` and has `size`; -1 goes to the end."""
    starts, sizes = (np.asarray(value_of(value)).reshape(-1).tolist() for value in (start, size))
    if len(starts) != len(x.shape) or len(sizes) != len(x.shape):
        raise ValueError(f"start and size must have one number for each axis of x {tuple(x.shape)}")
    ends = [None if n == -1 else first + n for first, n in zip(starts, sizes, strict=True)]
    return ops.getitem(x, tuple(map(builtins.slice, starts, ends)))


def prod(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """The product along an axis."""
    return ops.prod(x, axis, keepdims)


def eye(size: int, dtype: DType | None = None, name: str | None = None) -> Array:
    """The unit matrix."""
    return np.eye(size, dtype=dtype or floatx())


def identity(x: Any, name: str | None = None) -> Any:
    """`x` itself."""
    return x


def in_top_k(predictions: ArrayLike, targets: ArrayLike, k: int) -> Array:
    """Whether the class `targets` (B,) is among the k greatest of `predictions` (B, C)."""
    scores, ids = np.asarray(value_of(predictions)), np.asarray(value_of(targets)).reshape(-1)
    own = np.take_along_axis(scores, ids[:, None], -1)
    found: Array = (scores > own).sum(-1) < k
    return found


def random_binomial(shape: Sequence[int], p: float = 0.0, dtype: DType | None = None, seed: int | None = None) -> Array:
    """1 with probability p, else 0."""
    return (random.uniform(tuple(shape), seed=seed) < p).astype(dtype or floatx())


random_bernoulli = random_binomial


def truncated_normal(
    shape: Sequence[int], mean: float = 0.0, stddev: float = 1.0, dtype: DType | None = None, seed: int | None = None
) -> Array:
    """Numbers from the normal distribution, within two standard deviations."""
    return random.truncated_normal(tuple(shape), mean, stddev, dtype, seed)


def print_tensor(x: Any, message: str = "") -> Any:
    """Print a value and give it back."""
    print(message, value_of(x))
    return x


# --- variables ----------------------------------------------------------------------------------------------------


def update_add(x: Variable, increment: Any) -> Variable:
    """Add to a Variable."""
    return x.assign_add(value_of(increment))


def update_sub(x: Variable, decrement: Any) -> Variable:
    """Subtract from a Variable."""
    return x.assign_sub(value_of(decrement))


def moving_average_update(x: Variable, value: Any, momentum: float) -> Variable:
    """X = momentum * x + (1 - momentum) * value."""
    return x.assign(x.value * momentum + np.asarray(value_of(value)) * (1 - momentum))


def batch_get_value(tensors: Sequence[Any]) -> list[Array]:
    """Copies of the values of several Variables."""
    return [np.array(value_of(one)) for one in tensors]


def batch_set_value(tuples: Sequence[tuple[Variable, Any]]) -> None:
    """Assign to several Variables."""
    for variable, value in tuples:
        variable.assign(value_of(value))


def count_params(x: Any) -> int:
    """How many numbers it has."""
    return ops.size(x)


# --- what belonged to graphs and sessions --------------------------------------------------------------------------


@contextmanager
def name_scope(name: str) -> Iterator[str]:
    """A block whose operations had names that begin with `name`. Operations have no names here."""
    yield name


def is_sparse(tensor: Any) -> bool:
    """False: there are no sparse tensors."""
    return False


def in_test_phase(x: Any, alt: Any, training: bool | None = None) -> Any:
    """`x` outside of training, else `alt`; functions without arguments are called."""
    from recurra.compat.backend import in_train_phase

    return in_train_phase(alt, x, training)


def set_learning_phase(value: int) -> None:
    """Whether layers and models called without `training` train (1) or not (0). fit and predict always say."""
    from recurra.layers.base.context import context

    if value not in (0, 1):
        raise ValueError(f"value must be 0 or 1, got {value!r}")
    context.training = bool(value)


def get_uid(prefix: str = "") -> int:
    """A number that this prefix has not had: 1, 2, ..."""
    last = auto_name(f"uid {prefix}").rpartition("_")[2]
    return int(last) + 1 if last.isdigit() else 1


def set_session(session: Any) -> None:
    """Nothing: there are no sessions, operations compute at once."""


def get_session() -> Any:
    """Raises : RuntimeError, as there are no sessions"""
    raise RuntimeError("there are no sessions: operations compute at once, and K.get_value reads a Variable")


def manual_variable_initialization(value: bool) -> None:
    """Nothing: Variables have their values when they are made."""


def _get_available_gpus() -> list[str]:
    """No GPU is used."""
    return []
