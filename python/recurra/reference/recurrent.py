"""The recurrent layers' entry points: each cell given to the one time loop."""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra.reference import checks
from recurra.reference.cells import LSTM, GRUResetAfter, GRUResetBefore, SimpleRNN
from recurra.reference.sequence import Cache, backward, forward

Array = np.ndarray[Any, Any]


class PackedWeightsCache:
    """What the compiled kernels fill with packed weights; nothing is packed here."""


def packed_weights_cache() -> PackedWeightsCache:
    """A place for one layer's packed weights."""
    return PackedWeightsCache()


def lstm_forward(
    x: Array,
    h0: Array | None,
    c0: Array | None,
    kernel: Array,
    recurrent_kernel: Array,
    bias: Array | None,
    mask: Array | None,
    input_dropout: Array | None,
    recurrent_dropout: Array | None,
    embeddings: Array | None,
    activation: str,
    recurrent_activation: str,
    reverse: bool,
    return_sequences: bool,
    zero_output_for_mask: bool,
    training: bool,
    packed_weights: PackedWeightsCache | None,
    out: Array | None,
) -> tuple[Array, Array, Array, Cache | None]:
    """LSTM over time: y, final h, final c, cache."""
    inputs = {
        "x": x, "h0": h0, "c0": c0, "kernel": kernel, "recurrent_kernel": recurrent_kernel, "bias": bias, "mask": mask,
        "input_dropout": input_dropout, "recurrent_dropout": recurrent_dropout, "embeddings": embeddings,
    }  # fmt: skip
    y, (h, c), cache = forward(
        LSTM(), x, (h0, c0), kernel, recurrent_kernel, bias, mask, input_dropout, recurrent_dropout, embeddings,
        activation, recurrent_activation, reverse, return_sequences, zero_output_for_mask, training,
    )  # fmt: skip
    return checks.placed("out", out, y, inputs), h, c, cache


def lstm_backward(
    cache: Cache, dy: Array | None, dh: Array | None, dc: Array | None, need_dx: bool
) -> tuple[Any, Array, Array, Array, Array, Array | None]:
    """dx, dh0, dc0, dkernel, drecurrent_kernel, dbias."""
    dx, (dh0, dc0), dW, dU, db = backward("lstm", cache, dy, (dh, dc), need_dx)
    return dx, dh0, dc0, dW, dU, db


def gru_forward(
    x: Array,
    h0: Array | None,
    kernel: Array,
    recurrent_kernel: Array,
    bias: Array | None,
    mask: Array | None,
    input_dropout: Array | None,
    recurrent_dropout: Array | None,
    embeddings: Array | None,
    activation: str,
    recurrent_activation: str,
    reset_after: bool,
    reverse: bool,
    return_sequences: bool,
    zero_output_for_mask: bool,
    training: bool,
    packed_weights: PackedWeightsCache | None,
    out: Array | None,
) -> tuple[Array, Array, Cache | None]:
    """GRU over time: y, final h, cache."""
    inputs = {
        "x": x, "h0": h0, "kernel": kernel, "recurrent_kernel": recurrent_kernel, "bias": bias, "mask": mask,
        "input_dropout": input_dropout, "recurrent_dropout": recurrent_dropout, "embeddings": embeddings,
    }  # fmt: skip
    y, (h,), cache = forward(
        GRUResetAfter() if reset_after else GRUResetBefore(), x, (h0,), kernel, recurrent_kernel, bias,
        mask, input_dropout, recurrent_dropout, embeddings,
        activation, recurrent_activation, reverse, return_sequences, zero_output_for_mask, training,
    )  # fmt: skip
    return checks.placed("out", out, y, inputs), h, cache


def gru_backward(
    cache: Cache, dy: Array | None, dh: Array | None, need_dx: bool
) -> tuple[Any, Array, Array, Array, Array | None]:
    """dx, dh0, dkernel, drecurrent_kernel, dbias."""
    dx, (dh0,), dW, dU, db = backward("gru", cache, dy, (dh,), need_dx)
    return dx, dh0, dW, dU, db


def simple_rnn_forward(
    x: Array,
    h0: Array | None,
    kernel: Array,
    recurrent_kernel: Array,
    bias: Array | None,
    mask: Array | None,
    input_dropout: Array | None,
    recurrent_dropout: Array | None,
    embeddings: Array | None,
    activation: str,
    reverse: bool,
    return_sequences: bool,
    zero_output_for_mask: bool,
    training: bool,
    packed_weights: PackedWeightsCache | None,
    out: Array | None,
) -> tuple[Array, Array, Cache | None]:
    """SimpleRNN over time: y, final h, cache."""
    inputs = {
        "x": x, "h0": h0, "kernel": kernel, "recurrent_kernel": recurrent_kernel, "bias": bias, "mask": mask,
        "input_dropout": input_dropout, "recurrent_dropout": recurrent_dropout, "embeddings": embeddings,
    }  # fmt: skip
    y, (h,), cache = forward(
        SimpleRNN(), x, (h0,), kernel, recurrent_kernel, bias, mask, input_dropout, recurrent_dropout, embeddings,
        activation, "linear", reverse, return_sequences, zero_output_for_mask, training,
    )  # fmt: skip
    return checks.placed("out", out, y, inputs), h, cache


def simple_rnn_backward(
    cache: Cache, dy: Array | None, dh: Array | None, need_dx: bool
) -> tuple[Any, Array, Array, Array, Array | None]:
    """dx, dh0, dkernel, drecurrent_kernel, dbias."""
    dx, (dh0,), dW, dU, db = backward("simple_rnn", cache, dy, (dh,), need_dx)
    return dx, dh0, dW, dU, db
