"""Gated recurrent unit: one step, and the layer over sequences."""

from __future__ import annotations

from typing import Any

from recurra import ops
from recurra._core.cells import CELLS
from recurra.autograd import Array
from recurra.layers.base.arguments import check_choice, check_flag, given
from recurra.layers.recurrent.cell import KernelCell, column_blocks, gated
from recurra.layers.recurrent.kernel_layer import KernelLayer
from recurra.typing import ActivationLike, ConstraintLike, InitializerLike, RegularizerLike


class GRUCell(KernelCell):
    """One step of a gated recurrent unit.

    With the blocks of kernel W (I, 3*units) and recurrent kernel U (units, 3*units) in the order z, r, h, and
    s = recurrent_activation, a = activation::

        z = s(x W_z + h U_z + b_z)        r = s(x W_r + h U_r + b_r)
        n = a(x W_h + b0_h + r * (h U_h + b1_h))      reset_after=True: bias (2, 3*units), rows for input and state
        n = a(x W_h + b_h + (r * h) U_h)              reset_after=False: bias (3*units,)
        h' = z * h + (1 - z) * n

    z keeps the old state, as in Keras and PyTorch; some papers and tutorials have it the other way round.

    units : size of the state h
    activation, recurrent_activation : names or functions
    use_bias : whether there is a bias
    kernel_initializer, recurrent_initializer, bias_initializer : first values
    kernel_regularizer, recurrent_regularizer, bias_regularizer : penalties, added to the loss
    kernel_constraint, recurrent_constraint, bias_constraint : limits after each update
    dropout, recurrent_dropout : share of the input and of h set to zero in training, the same at all steps of a
        sequence; clamped to [0, 1]; exactly 1 drops nothing, as in Keras
    reset_after : whether the reset gate acts after the product with U or before
    seed : of the dropout masks and of zoneout
    zoneout_h : probability that a unit of h keeps its value at a step in training; at inference its expectation. By
        name
    implementation : 2 draws one input mask for all gates, 1 (and 0, of early versions of Keras 2) one for each;
        recurrent_dropout makes it 1

    Called as ``cell(inputs, h, training=False)`` or with ``[h]``; returns ``(h', h')`` or ``(h', [h'])``.
    """

    kernel_cell = CELLS["gru"]
    _full_rate_is_none = True

    def __init__(
        self,
        units: int,
        activation: ActivationLike = "tanh",
        recurrent_activation: ActivationLike = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        recurrent_initializer: InitializerLike = "orthogonal",
        bias_initializer: InitializerLike = "zeros",
        kernel_regularizer: RegularizerLike = None,
        recurrent_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        kernel_constraint: ConstraintLike = None,
        recurrent_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        reset_after: bool = True,
        seed: int | None = None,
        *,
        implementation: int = 2,
        **kwargs: Any,
    ) -> None:
        super().__init__(**given(locals(), "reset_after", "implementation"))
        self.reset_after = check_flag(reset_after, "reset_after")
        if not reset_after:
            self.kernel_cell = CELLS["gru_reset_before"]
        chosen = check_choice(implementation or 1, "implementation", (1, 2))
        self.implementation = 1 if self.recurrent_dropout else chosen
        self.dropout_mask_count = 3 if self.implementation == 1 else None

    def _step(self, x: Any, states: list[Any], masks: tuple[Array | None, Array | None]) -> tuple[Any, list[Any]]:
        h = states[0]
        kernels, recurrent = column_blocks(self.kernel, 3), column_blocks(self.recurrent_kernel, 3)
        inputs = [ops.matmul(xg, w) for xg, w in zip(gated(x, masks[0], 3), kernels, strict=True)]
        if self.bias is not None:
            bias = self.bias[0] if self.reset_after else self.bias
            inputs = [part + b for part, b in zip(inputs, column_blocks(bias, 3), strict=True)]
        state_bias = column_blocks(self.bias[1], 3) if self.bias is not None and self.reset_after else [None] * 3
        hz, hr, hn = gated(h, masks[1], 3)

        def from_state(state: Any, gate: int) -> Any:
            product = ops.matmul(state, recurrent[gate])
            return product if state_bias[gate] is None else product + state_bias[gate]

        z = self.recurrent_activation(inputs[0] + from_state(hz, 0))
        r = self.recurrent_activation(inputs[1] + from_state(hr, 1))
        n = self.activation(inputs[2] + (r * from_state(hn, 2) if self.reset_after else from_state(r * hn, 2)))
        h = z * h + (1.0 - z) * n
        return h, [h]

    def shared_config(self) -> dict[str, Any]:
        return {**super().shared_config(), "reset_after": self.reset_after}


class GRU(KernelLayer):
    """Gated recurrent unit over sequences; the equations are :class:`GRUCell`'s.

    units : size of the state h and of the output
    activation, recurrent_activation : names or functions; tanh, sigmoid, relu, hard_sigmoid and linear run in the
        kernel, others step by step
    use_bias : whether there is a bias
    kernel_initializer, recurrent_initializer, bias_initializer : first values of kernel (I, 3*units),
        recurrent_kernel (units, 3*units) and bias ((2, 3*units), or (3*units,) without reset_after), blocks z, r, h
    kernel_regularizer, recurrent_regularizer, bias_regularizer : penalties on them; activity_regularizer : on the
        output
    kernel_constraint, recurrent_constraint, bias_constraint : limits after each update
    dropout, recurrent_dropout : share of the inputs and of h set to zero in training, the same at every step
    seed : of the dropout masks and of zoneout
    zoneout_h : probability that a unit of h keeps its value at a step in training; at inference its expectation. By
        name
    return_sequences, return_state, go_backwards, stateful, unroll : see :class:`RNN`
    reset_after : whether the reset gate acts after the product with the recurrent kernel
    use_cudnn : "auto", True or False; there is no such library on a CPU, so it chooses nothing
    implementation, zero_output_for_mask, time_major and what :class:`Layer` takes : by name

    Called as ``layer(sequences, initial_state=None, mask=None, training=False)`` with sequences (B, T, I); returns
    (B, units), or (B, T, units), and with return_state also h (B, units).

    >>> import numpy as np
    >>> from recurra.layers import GRU
    >>> GRU(4)(np.ones((2, 5, 3), "float32")).shape
    (2, 4)
    """

    cell_class = GRUCell

    def __init__(
        self,
        units: int,
        activation: ActivationLike = "tanh",
        recurrent_activation: ActivationLike = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        recurrent_initializer: InitializerLike = "orthogonal",
        bias_initializer: InitializerLike = "zeros",
        kernel_regularizer: RegularizerLike = None,
        recurrent_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        activity_regularizer: RegularizerLike = None,
        kernel_constraint: ConstraintLike = None,
        recurrent_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        reset_after: bool = True,
        use_cudnn: bool | str = "auto",
        *,
        implementation: int = 2,
        **kwargs: Any,
    ) -> None:
        super().__init__(**given(locals(), "use_cudnn"))
        self.use_cudnn = check_choice(use_cudnn, "use_cudnn", ("auto", True, False))
