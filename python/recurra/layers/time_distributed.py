"""One layer for every time step."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from recurra import ops
from recurra.autograd import value_of
from recurra.layers.base.layer import Layer
from recurra.layers.wrapper import Wrapper
from recurra.typing import Shape, TensorLike

#: layers whose rows know nothing of one another: all steps can be one large batch (a subclass may do otherwise)
_ROW_BY_ROW = (
    "Dense", "Activation", "ReLU", "LeakyReLU", "ELU", "Softmax", "PReLU", "Flatten", "Reshape", "Permute",
    "RepeatVector", "Embedding", "LayerNormalization", "Bidirectional", "Conv1D", "Conv2D", "Conv3D",
    "Conv1DTranspose", "Conv2DTranspose", "DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D",
    "SeparableConv2D", "MaxPooling1D", "MaxPooling2D", "AveragePooling1D", "AveragePooling2D", "ZeroPadding1D",
    "ZeroPadding2D", "Cropping1D", "Cropping2D", "UpSampling1D", "UpSampling2D", "GlobalAveragePooling2D",
    "GlobalMaxPooling2D", "GlobalAveragePooling1D", "GlobalMaxPooling1D", "Masking", "TimeDistributed",
    "Concatenate", "Add", "InputLayer",
)  # fmt: skip


class TimeDistributed(Wrapper):
    """Applies a layer to each time step: x[:, t] for every t.

    layer : the layer; its input has one axis less than this layer's, which is (B, T, ...)

    Called as ``layer(inputs, training=False, mask=None)``; a layer that takes masks gets mask[:, t].

    >>> import numpy as np
    >>> from recurra.layers import Dense, TimeDistributed
    >>> TimeDistributed(Dense(2))(np.ones((3, 5, 4), "float32")).shape
    (3, 5, 2)
    """

    _mask_passes = True
    supports_masking = True

    def _step_shape(self, shape: Any) -> Any:
        if not isinstance(shape, (tuple, list)) or len(shape) < 3:
            raise ValueError(f"{self.name}: inputs must have at least 3 axes (B, T, ...), got shape {shape}")
        return (shape[0], *shape[2:])

    def build(self, input_shape: Shape | None = None) -> None:
        super().build(self._step_shape(input_shape))

    def call(self, inputs: TensorLike, training: bool = False, mask: Any = None, *, activated: bool = True) -> Any:
        """The outputs; `activated` is handed on, to a Dense or Activation layer."""
        self._step_shape(tuple(inputs.shape))
        batch, steps = inputs.shape[:2]
        if mask is not None:
            mask = np.asarray(value_of(mask))
            if mask.shape[:2] != (batch, steps):
                raise ValueError(f"{self.name}: mask must begin with (B, T) = {(batch, steps)}, got {mask.shape}")
        spec = self.layer._call_spec
        options: dict[str, Any] = {"training": training} if spec.has_training else {}
        if not activated:
            options["activated"] = False
        passes_mask = spec.has_mask and mask is not None
        if _row_by_row(self.layer):
            if passes_mask:
                options["mask"] = mask.reshape(batch * steps, *mask.shape[2:])
            flat = self.layer.call(ops.reshape(inputs, (batch * steps, *inputs.shape[2:])), **options)
            return ops.reshape(flat, (batch, steps, *flat.shape[1:]))
        outputs = []
        for t, step in enumerate(ops.unstack(inputs, axis=1)):
            if passes_mask:
                options["mask"] = mask[:, t]
            outputs.append(self.layer.call(step, **options))
        return ops.stack(outputs, axis=1)

    def compute_output_shape(self, input_shape: Shape) -> Any:
        shape = self.layer.compute_output_shape(self._step_shape(input_shape))
        return (shape[0], input_shape[1], *shape[1:])

    def _output_dtype(self, *args: Any, **kwargs: Any) -> str:
        return str(self.layer.dtype)


@functools.cache
def _row_by_row_classes() -> frozenset[type]:
    from recurra import layers  # loads the classes that it is asked for

    return frozenset(getattr(layers, name) for name in (*_ROW_BY_ROW, *layers.LAYER_OF_CELL.values()))


def _row_by_row(layer: Layer) -> bool:
    if layer.stateful or type(layer) not in _row_by_row_classes():
        return False
    return all(_row_by_row(one) or hasattr(one, "state_size") for one in layer._sublayers())
