"""Convolutions, poolings and the decoders of CTC as ``tf.nn`` has them: of arrays, not layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra import ops
from recurra.compat.tf.operands import operand
from recurra.compat.tf.specs import SparseTensor
from recurra.compat.tf.tensors import array_of, present

__all__ = [
    "avg_pool",
    "batch_normalization",
    "conv1d",
    "conv2d",
    "ctc_beam_search_decoder",
    "ctc_greedy_decoder",
    "max_pool",
]

_FORMATS = {"NWC": "channels_last", "NHWC": "channels_last", "NCW": "channels_first", "NCHW": "channels_first"}


def _format(data_format: str | None, default: str) -> str:
    name = data_format or default
    if name not in _FORMATS:
        raise ValueError(f"data_format must be one of {', '.join(_FORMATS)}, got {name!r}")
    return _FORMATS[name]


def _inner(value: Any, data_format: str, rank: int) -> tuple[int, ...]:
    """One number for each spatial axis, of one number, of `rank`, or of all axes."""
    numbers = tuple(int(one) for one in np.ravel(array_of(value)))
    if len(numbers) == 1:
        return numbers * rank
    if len(numbers) == rank + 2:
        return numbers[1:-1] if data_format == "channels_last" else numbers[2:]
    if len(numbers) != rank:
        raise ValueError(f"strides, sizes and dilations must be one number, {rank} or {rank + 2}, got {numbers}")
    return numbers


def _padding(padding: Any) -> str:
    if padding not in ("SAME", "VALID"):
        raise ValueError(f"padding must be 'SAME' or 'VALID', got {padding!r}")
    return str(padding).lower()


def _convolve(x: Any, filters: Any, strides: Any, padding: Any, data_format: str, dilations: Any, rank: int) -> Any:
    made = ops.conv(
        operand(x),
        operand(filters),
        strides=_inner(strides, data_format, rank),
        padding=_padding(padding),
        data_format=data_format,
        dilation_rate=_inner(1 if dilations is None else dilations, data_format, rank),
    )
    return present(made)


def conv1d(
    input: Any,
    filters: Any,
    stride: Any,
    padding: Any,
    data_format: str = "NWC",
    dilations: Any = None,
    name: str | None = None,
) -> Any:
    """(B, T, C) with filters (width, C, F)."""
    return _convolve(input, filters, stride, padding, _format(data_format, "NWC"), dilations, 1)


def conv2d(
    input: Any,
    filters: Any,
    strides: Any,
    padding: Any,
    data_format: str = "NHWC",
    dilations: Any = None,
    name: str | None = None,
) -> Any:
    """(B, height, width, C) with filters (height, width, C, F)."""
    return _convolve(input, filters, strides, padding, _format(data_format, "NHWC"), dilations, 2)


def _pool(function: Any, x: Any, ksize: Any, strides: Any, padding: Any, data_format: str | None) -> Any:
    x = operand(x)
    rank = len(x.shape) - 2
    layout = _format(data_format, "NWC")
    sizes = (_inner(ksize, layout, rank), _inner(strides, layout, rank))
    return present(function(x, *sizes, padding=_padding(padding), data_format=layout))


def max_pool(
    input: Any, ksize: Any, strides: Any, padding: Any, data_format: str | None = None, name: str | None = None
) -> Any:
    """The largest value in each window."""
    return _pool(ops.max_pool, input, ksize, strides, padding, data_format)


def avg_pool(
    input: Any, ksize: Any, strides: Any, padding: Any, data_format: str | None = None, name: str | None = None
) -> Any:
    """The mean of each window."""
    return _pool(ops.average_pool, input, ksize, strides, padding, data_format)


def batch_normalization(
    x: Any, mean: Any, variance: Any, offset: Any, scale: Any, variance_epsilon: Any, name: str | None = None
) -> Any:
    """``scale * (x - mean) / sqrt(variance + variance_epsilon) + offset``."""
    centred = ops.subtract(operand(x), operand(mean))
    made = ops.divide(centred, ops.sqrt(ops.add(operand(variance), variance_epsilon)))
    made = made if scale is None else ops.multiply(made, operand(scale))
    return present(made if offset is None else ops.add(made, operand(offset)))


def _decoded(inputs: Any, lengths: Any, blank: int, **how: Any) -> tuple[list[SparseTensor], Any]:
    logits = np.swapaxes(array_of(inputs), 0, 1)
    labels, scores = ops.ctc_decode(logits, array_of(lengths), mask_index=blank, **how)
    found = []
    for path in labels:
        places = np.argwhere(path >= 0)
        shape = (len(path), int(places[:, 1].max()) + 1 if len(places) else 0)
        found.append(SparseTensor(places, path[path >= 0].astype(np.int64), shape))
    return found, present(scores)


def ctc_greedy_decoder(
    inputs: Any, sequence_length: Any, merge_repeated: bool = True, blank_index: int | None = None
) -> tuple[list[SparseTensor], Any]:
    """The best class of each step of logits (T, B, C): labels in a list of one, and minus the sum of their logits.

    blank_index : the class that means blank, the last one where None
    """
    blank = -1 if blank_index is None else blank_index
    return _decoded(inputs, sequence_length, blank, strategy="greedy", merge_repeated=merge_repeated)


def ctc_beam_search_decoder(
    inputs: Any, sequence_length: Any, beam_width: int = 100, top_paths: int = 1
) -> tuple[list[SparseTensor], Any]:
    """The `top_paths` most likely labels of logits (T, B, C), and their log probabilities; the last class is blank."""
    return _decoded(inputs, sequence_length, -1, strategy="beam_search", beam_width=beam_width, top_paths=top_paths)
