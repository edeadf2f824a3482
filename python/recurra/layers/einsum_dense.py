"""A dense layer over any axes, written as an einsum."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Any

from recurra import activations, constraints, initializers, ops, regularizers
from recurra.layers.base.arguments import refuse
from recurra.layers.base.layer import Layer
from recurra.typing import ActivationLike, ConstraintLike, InitializerLike, RegularizerLike, Shape, TensorLike


class EinsumDense(Layer):
    """``activation(einsum(equation, inputs, kernel) + bias)``.

    equation : "ab,bc->ac" is a Dense layer on (B, I); the first letter is the batch's. "..." stands for any axes, at
        the beginning ("...x,xy->...y", the batch among them) or at the end of the inputs
    output_shape : the sizes of the output's axes without the batch's and those of "..."; None where one is open
    activation : a name or function; None: linear
    bias_axes : letters of the output for which there is a bias; None: no bias
    kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer, kernel_constraint,
        bias_constraint : as for Dense

    >>> import numpy as np
    >>> from recurra.layers import EinsumDense
    >>> EinsumDense("abc,cd->abd", output_shape=(None, 4), bias_axes="d")(np.ones((2, 5, 3), "float32")).shape
    (2, 5, 4)
    """

    _float_inputs = True

    def __init__(
        self,
        equation: str,
        output_shape: int | Sequence[int | None],
        activation: ActivationLike = None,
        bias_axes: str | None = None,
        kernel_initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
        kernel_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        kernel_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        lora_rank: None = None,
        lora_alpha: None = None,
        quantization_config: None = None,
        **kwargs: Any,
    ) -> None:
        refuse("EinsumDense", lora_rank=lora_rank, lora_alpha=lora_alpha, quantization_config=quantization_config)
        super().__init__(**kwargs)
        self.equation = equation.replace(" ", "")
        self.partial_output_shape = (output_shape,) if isinstance(output_shape, int) else tuple(output_shape)
        self.activation = activations.get(activation)
        self.bias_axes = bias_axes
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        terms, arrow, output = self.equation.partition("->")
        if not arrow or terms.count(",") != 1 or ("..." in terms) != ("..." in output):
            raise ValueError(f'equation must be like "ab,bc->ac" or "...x,xy->...y", got {equation!r}')

    def _plain(self, rank: int) -> tuple[str, str, str]:
        """The terms of the inputs, the kernel and the output, letters in the place of "..."."""
        terms, _, output = self.equation.partition("->")
        inputs, kernel = terms.split(",")
        free = [letter for letter in string.ascii_letters if letter not in self.equation]
        more = rank - len(inputs.replace("...", ""))
        if more < 0 or (more and "..." not in inputs):
            raise ValueError(f"{self.name}: equation {self.equation!r} does not fit inputs of {rank} axes")
        return inputs.replace("...", "".join(free[:more])), kernel, output.replace("...", "".join(free[:more]))

    def _sizes(self, shape: Shape) -> tuple[tuple[str, str, str], dict[str, int | None], Shape]:
        """The terms, the size of each letter, and the output's shape."""
        terms = self._plain(len(shape))
        inputs, _, output = terms
        sizes: dict[str, int | None] = dict(zip(inputs, shape, strict=True))
        hidden = len(shape) - len(self.equation.partition(",")[0].replace("...", ""))
        ends = not self.equation.partition("->")[2].startswith("...") and hidden > 0
        given: list[int | None] = [*self.partial_output_shape, *([None] * hidden if ends else [])]
        wanted = [*[None] * (len(output) - len(given)), *given]
        if len(wanted) != len(output):
            raise ValueError(
                f"{self.name}: output_shape {self.partial_output_shape} has more sizes than {self.equation!r} has axes "
                "behind the batch's"
            )
        for letter, size in zip(output, wanted, strict=True):
            known = sizes.get(letter)
            if known is not None and size is not None and known != size:
                raise ValueError(f"{self.name}: axis {letter!r} of the inputs {shape} must have size {size}")
            sizes[letter] = size if known is None else known
        return terms, sizes, tuple(sizes[letter] for letter in output)

    def build(self, input_shape: Shape) -> None:
        (_, kernel, output), sizes, _ = self._sizes(input_shape)
        unknown = [letter for letter in kernel if sizes.get(letter) is None]
        if unknown:
            raise ValueError(
                f"{self.name}: the size of {unknown} of {self.equation!r} must be known, got {input_shape}"
            )
        self.kernel = self.add_weight(
            tuple(sizes[letter] for letter in kernel),
            self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
            name="kernel",
        )
        self.bias = None
        if self.bias_axes is not None:
            missing = [letter for letter in self.bias_axes if letter not in output]
            if missing:
                raise ValueError(f"{self.name}: bias_axes {self.bias_axes!r} must be axes of the output {output!r}")
            first = min(map(output.index, self.bias_axes), default=len(output))
            shape = tuple(sizes[letter] if letter in self.bias_axes else 1 for letter in output[first:])
            self.bias = self.add_weight(
                shape,
                self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
                name="bias",
            )

    def call(self, inputs: TensorLike) -> Any:
        term, kernel, output = self._plain(len(inputs.shape))
        y = ops.einsum(f"{term},{kernel}->{output}", inputs, self.kernel)
        if self.bias is not None:
            y = ops.add(y, self.bias)
        return y if self.activation is activations.linear else self.activation(y)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return self._sizes(input_shape)[2]

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "output_shape": self.partial_output_shape,
            "equation": self.equation,
            "activation": activations.serialize(self.activation),
            "bias_axes": self.bias_axes,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer),
            "activity_regularizer": regularizers.serialize(self.activity_regularizer),
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
            "bias_constraint": constraints.serialize(self.bias_constraint),
        }
