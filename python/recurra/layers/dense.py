"""The fully connected layer."""

from __future__ import annotations

from typing import Any, ClassVar

from recurra import activations, constraints, initializers, ops, regularizers
from recurra.layers.base.arguments import check_flag, check_positive, refuse
from recurra.layers.base.context import scores_may_wait
from recurra.layers.base.input_spec import InputSpec
from recurra.layers.base.layer import Layer
from recurra.ops.projection import ProjectedScores
from recurra.ops.quantization import int8_dense
from recurra.typing import ActivationLike, ConstraintLike, InitializerLike, RegularizerLike, Shape, TensorLike


class Dense(Layer):
    """``activation(inputs @ kernel + bias)``, over the last axis.

    units : size of the output's last axis
    activation : a name or function; None: linear
    use_bias : whether `bias` is added
    kernel_initializer, bias_initializer : first values of kernel (I, units) and bias (units,)
    kernel_regularizer, bias_regularizer : penalties on them, added to the loss
    activity_regularizer : penalty on the output
    kernel_constraint, bias_constraint : limits on them after each update

    >>> import numpy as np
    >>> from recurra.layers import Dense
    >>> Dense(4)(np.ones((2, 5, 3), "float32")).shape
    (2, 5, 4)
    """

    _float_inputs = True
    int8_matrices: ClassVar[dict[str, int]] = {"kernel": 0}
    supports_masking = True
    _mask_passes = True

    def __init__(
        self,
        units: int,
        activation: ActivationLike = None,
        use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
        kernel_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        activity_regularizer: RegularizerLike = None,
        kernel_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        lora_rank: None = None,
        lora_alpha: None = None,
        quantization_config: None = None,
        **kwargs: Any,
    ) -> None:
        refuse("Dense", lora_rank=lora_rank, lora_alpha=lora_alpha, quantization_config=quantization_config)
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.units = check_positive(units, "units")
        self.activation = activations.get(activation)
        self.use_bias = check_flag(use_bias, "use_bias")
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.input_spec = InputSpec(min_ndim=2)

    def build(self, input_shape: Shape) -> None:
        size = input_shape[-1]
        if size is None:
            raise ValueError(f"{self.name}: the last axis of the input must have a known size, got {input_shape}")
        if self._quantization:
            self._build_int8("kernel", (size, self.units))
        else:
            self.kernel = self.add_weight(
                (size, self.units),
                self.kernel_initializer,
                regularizer=self.kernel_regularizer,
                constraint=self.kernel_constraint,
                name="kernel",
            )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                (self.units,),
                self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
                name="bias",
            )
        self.input_spec = InputSpec(min_ndim=2, axes={-1: size})

    def call(self, inputs: TensorLike, *, activated: bool = True) -> Any:
        """The output; where `activated` is False without the activation, for a loss that takes logits."""
        if self._quantization:
            y = int8_dense(inputs, self._int8("kernel"), self.bias)
        elif not activated and scores_may_wait(self.units) and inputs.dtype == self.kernel.dtype:
            return ProjectedScores(inputs, self.kernel, self.bias)
        else:
            y = ops.dense(inputs, self.kernel, self.bias)
        return self.activation(y) if activated and self.activation is not activations.linear else y

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "units": self.units,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer),
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
            "bias_constraint": constraints.serialize(self.bias_constraint),
        }
