"""LSTM, GRU and SimpleRNN over whole sequences: the kernels on plain arrays, forward and backward.

Axes: B batch, T time, I input features, H units, V vocabulary. Gates stand side by side along the last axis of the
weights, in Keras's order: LSTM i f c o, GRU z r h.

Without a tape, each function returns ``y, state, cache``; with ``training=True`` the cache goes, once, to the backward
function of the same name. Under a :class:`recurra.GradientTape` that follows one of the inputs, y and the states are
Tensors, the tape holds the cache, and None is returned in its place.
"""
# ruff: noqa: D417  (arguments that belong together are described together)

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from recurra.autograd import Array, RowSparse
from recurra.ops.cells import Cache, backward, forward, pair, single
from recurra.typing import ArrayLike


class LSTMGradients(NamedTuple):
    """`dx`: None where not asked for; the RowSparse gradient of the table where `embeddings` were given."""

    dx: Array | RowSparse | None
    dh0: Array
    dc0: Array
    dkernel: Array
    drecurrent_kernel: Array
    dbias: Array | None


class GRUGradients(NamedTuple):
    """`dx`: None where not asked for; the RowSparse gradient of the table where `embeddings` were given."""

    dx: Array | RowSparse | None
    dh0: Array
    dkernel: Array
    drecurrent_kernel: Array
    dbias: Array | None


class SimpleRNNGradients(NamedTuple):
    """`dx`: None where not asked for; the RowSparse gradient of the table where `embeddings` were given."""

    dx: Array | RowSparse | None
    dh0: Array
    dkernel: Array
    drecurrent_kernel: Array
    dbias: Array | None


def lstm(
    x: ArrayLike, kernel: ArrayLike, recurrent_kernel: ArrayLike, bias: ArrayLike | None = None,
    initial_state: Sequence[ArrayLike | None] | None = None, *,
    mask: ArrayLike | None = None, lengths: ArrayLike | None = None, input_dropout: ArrayLike | None = None,
    recurrent_dropout: ArrayLike | None = None, embeddings: ArrayLike | None = None,
    activation: str = "tanh", recurrent_activation: str = "sigmoid",
    reverse: bool = False, return_sequences: bool = True, zero_output_for_mask: bool = False, training: bool = False,
    out: Array | None = None,
) -> tuple[Any, tuple[Any, Any], Cache | None]:  # fmt: skip
    """LSTM over a batch of sequences.

    With σ = `recurrent_activation`, φ = `activation`, ⊙ the elementwise product, at each step::

        i = σ(x·W_i + h·U_i + b_i)      f = σ(x·W_f + h·U_f + b_f)
        g = φ(x·W_c + h·U_c + b_c)      o = σ(x·W_o + h·U_o + b_o)
        c' = f⊙c + i⊙g                  h' = o⊙φ(c')

    Parameters
    ----------
    x : (B, T, I) float32 or float64; with `embeddings` (B, T) integer ids
    kernel : (I, 4H), W;  recurrent_kernel : (H, 4H), U;  bias : (4H,), b, or None. Of x's dtype.
    initial_state : (h, c), each (B, H) or None for zeros
    mask : (B, T) bool; True = use the step. At a step not used the states stay and the output repeats the previous one
        (zeros before the first used step). Any pattern.
    lengths : (B,) integers in [0, T]; short for a mask that uses the first `lengths[b]` steps of row b
    input_dropout : (B, I), or (4, B, I) with one for each gate; multiplies x, the same at all steps
    recurrent_dropout : (B, H), or (4, B, H); multiplies h before U
    embeddings : (V, I), a table whose rows `x` names; the input is ``embeddings[x]``, but no such array is made
    activation, recurrent_activation : "tanh", "sigmoid", "relu", "hard_sigmoid" or "linear"
    reverse : process time from T-1 down to 0; y[:, t] still belongs to x[:, t]
    return_sequences : whether y holds every step, or only the last in processing order
    zero_output_for_mask : whether y is zeros, not a repetition, at steps not used
    training : whether to keep what :func:`lstm_backward` needs
    out : an array of y's shape and dtype for y, which is then returned. Its rows may lie evenly apart, as in
        ``both[:, :, :H]``; it must not share memory with an input

    Returns
    -------
    y : (B, T, H), or (B, H) without `return_sequences`
    state : (h, c), the final states, each (B, H)
    cache : for :func:`lstm_backward`; None without `training`

    Raises
    ------
    ValueError, TypeError : for a wrong shape, dtype, id or name, saying what was expected and what came

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> x, W, U, b = (rng.normal(size=s) for s in [(2, 5, 3), (3, 16), (4, 16), (16,)])
    >>> y, (h, c), cache = lstm(x, W, U, b, lengths=[5, 2], training=True)
    >>> y.shape, bool((y[1, 1] == h[1]).all())
    ((2, 5, 4), True)
    >>> gradients = lstm_backward(cache, dy=np.ones_like(y))
    >>> gradients.dx.shape, gradients.dkernel.shape
    ((2, 5, 3), (3, 16))
    """
    state = (None, None) if initial_state is None else pair(initial_state)
    return forward(
        "lstm", x, state, (kernel, recurrent_kernel, bias), mask, lengths, input_dropout, recurrent_dropout, embeddings,
        activation, recurrent_activation, reverse, return_sequences, zero_output_for_mask, training, out,
    )  # fmt: skip


def lstm_backward(
    cache: Cache, dy: ArrayLike | None = None, dstate: Sequence[ArrayLike | None] | None = None, need_dx: bool = True
) -> LSTMGradients:
    """The gradients of a loss, given those of what :func:`lstm` returned.

    cache : from ``lstm(..., training=True)``; serves one call
    dy : of y's shape, or None for zeros
    dstate : (dh, dc), gradients of the final states, each (B, H) or None
    need_dx : whether the gradient of the input (or table) is wanted; without it, less work

    Raises RuntimeError if the cache was used already.
    """
    dx, dstates, dweights = backward("lstm", cache, dy, (None, None) if dstate is None else pair(dstate), need_dx)
    return LSTMGradients(dx, *dstates, *dweights)


def gru(
    x: ArrayLike, kernel: ArrayLike, recurrent_kernel: ArrayLike, bias: ArrayLike | None = None,
    initial_state: ArrayLike | Sequence[ArrayLike] | None = None, *,
    mask: ArrayLike | None = None, lengths: ArrayLike | None = None, input_dropout: ArrayLike | None = None,
    recurrent_dropout: ArrayLike | None = None, embeddings: ArrayLike | None = None,
    activation: str = "tanh", recurrent_activation: str = "sigmoid", reset_after: bool = True,
    reverse: bool = False, return_sequences: bool = True, zero_output_for_mask: bool = False, training: bool = False,
    out: Array | None = None,
) -> tuple[Any, tuple[Any], Cache | None]:  # fmt: skip
    """GRU over a batch of sequences.

    With σ = `recurrent_activation`, φ = `activation`, at each step::

        z = σ(x·W_z + h·U_z + b_z)      r = σ(x·W_r + h·U_r + b_r)
        n = φ(x·W_h + b_h + r⊙(h·U_h + b'_h))      with reset_after
        n = φ(x·W_h + b_h + (r⊙h)·U_h)             without
        h' = z⊙h + (1 - z)⊙n

    (with `reset_after`, b_z and b_r are the sums of both rows of the bias.)

    Parameters
    ----------
    kernel : (I, 3H);  recurrent_kernel : (H, 3H)
    bias : (2, 3H) with `reset_after`, row 0 added to x·W and row 1, b', to h·U; else (3H,); or None
    initial_state : (h,), or h itself, (B, H), or None for zeros

    The other arguments are those of :func:`lstm`; dropout masks for each gate are (3, B, I) and (3, B, H). Without
    `reset_after`, recurrent dropout multiplies h before the product with r.

    Returns
    -------
    y : (B, T, H), or (B, H) without `return_sequences`
    state : (h,), the final state
    cache : for :func:`gru_backward`; None without `training`

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> x, W, U, b = (rng.normal(size=s) for s in [(2, 5, 3), (3, 12), (4, 12), (2, 12)])
    >>> y, (h,), cache = gru(x, W, U, b, training=True)
    >>> gru_backward(cache, dstate=(np.ones_like(h),)).dbias.shape
    (2, 12)
    """
    return forward(
        "gru" if reset_after else "gru_reset_before", x, (single(initial_state),), (kernel, recurrent_kernel, bias),
        mask, lengths, input_dropout, recurrent_dropout, embeddings,
        activation, recurrent_activation, reverse, return_sequences, zero_output_for_mask, training, out,
    )  # fmt: skip


def gru_backward(
    cache: Cache,
    dy: ArrayLike | None = None,
    dstate: ArrayLike | Sequence[ArrayLike] | None = None,
    need_dx: bool = True,
) -> GRUGradients:
    """The gradients of a loss, given those of what :func:`gru` returned; as :func:`lstm_backward`, dstate is (dh,)."""
    dx, dstates, dweights = backward("gru", cache, dy, (single(dstate),), need_dx)
    return GRUGradients(dx, *dstates, *dweights)


def simple_rnn(
    x: ArrayLike, kernel: ArrayLike, recurrent_kernel: ArrayLike, bias: ArrayLike | None = None,
    initial_state: ArrayLike | Sequence[ArrayLike] | None = None, *,
    mask: ArrayLike | None = None, lengths: ArrayLike | None = None, input_dropout: ArrayLike | None = None,
    recurrent_dropout: ArrayLike | None = None, embeddings: ArrayLike | None = None,
    activation: str = "tanh",
    reverse: bool = False, return_sequences: bool = True, zero_output_for_mask: bool = False, training: bool = False,
    out: Array | None = None,
) -> tuple[Any, tuple[Any], Cache | None]:  # fmt: skip
    """The simple recurrent network over a batch of sequences: h' = φ(x·W + h·U + b) at each step.

    Parameters
    ----------
    kernel : (I, H), W;  recurrent_kernel : (H, H), U;  bias : (H,), b, or None
    initial_state : (h,), or h itself, (B, H), or None for zeros

    The other arguments are those of :func:`lstm`; dropout masks are (B, I) and (B, H).

    Returns
    -------
    y : (B, T, H), or (B, H) without `return_sequences`
    state : (h,), the final state
    cache : for :func:`simple_rnn_backward`; None without `training`

    >>> import numpy as np
    >>> y, (h,), _ = simple_rnn(np.ones((1, 2, 1)), np.ones((1, 1)), np.ones((1, 1)), activation="linear")
    >>> y[0, :, 0], h
    (array([1., 2.]), array([[2.]]))
    """
    return forward(
        "simple_rnn", x, (single(initial_state),), (kernel, recurrent_kernel, bias), mask, lengths, input_dropout,
        recurrent_dropout, embeddings, activation, "sigmoid", reverse, return_sequences, zero_output_for_mask, training,
        out,
    )  # fmt: skip


def simple_rnn_backward(
    cache: Cache,
    dy: ArrayLike | None = None,
    dstate: ArrayLike | Sequence[ArrayLike] | None = None,
    need_dx: bool = True,
) -> SimpleRNNGradients:
    """The gradients of a loss, given those of what :func:`simple_rnn` returned; dstate is (dh,)."""
    dx, dstates, dweights = backward("simple_rnn", cache, dy, (single(dstate),), need_dx)
    return SimpleRNNGradients(dx, *dstates, *dweights)
