"""Where a graph begins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from recurra.layers.base.layer import Layer
from recurra.symbolic import KerasTensor, Node
from recurra.typing import DType


class InputLayer(Layer):
    """The beginning of a graph: a symbolic tensor of a given shape.

    shape : without the batch axis, None for open sizes (an int stands for one axis); or
    batch_shape : with the batch axis
    batch_size : the batch's, None if open
    dtype : of the input; ``recurra.config.floatx()`` where None, "string" for texts
    input_shape, batch_input_shape : Keras 2's names of shape and batch_shape
    input_tensor : a KerasTensor whose shape, dtype and name are taken
    """

    def __init__(
        self,
        shape: int | Sequence[int | None] | None = None,
        batch_size: int | None = None,
        dtype: DType | None = None,
        sparse: bool | None = None,
        ragged: bool | None = None,
        batch_shape: Sequence[int | None] | None = None,
        input_tensor: KerasTensor | None = None,
        optional: bool = False,
        name: str | None = None,
        *,
        input_shape: int | Sequence[int | None] | None = None,
        batch_input_shape: Sequence[int | None] | None = None,
        trainable: bool = True,
    ) -> None:
        for key, value in (("sparse", sparse), ("ragged", ragged), ("optional", optional)):
            if value:
                raise ValueError(f"{key}={value!r} is not supported: inputs are dense arrays (pad ragged sequences)")
        if input_tensor is not None:
            batch_shape, dtype = input_tensor.shape, dtype or input_tensor.dtype
        shape = shape if shape is not None else input_shape
        batch_shape = batch_shape if batch_shape is not None else batch_input_shape
        if shape is None and batch_shape is None:
            raise ValueError("an input needs `shape` (without the batch axis) or `batch_shape` (with it)")
        if shape is not None and batch_shape is not None:
            raise ValueError(f"give `shape` or `batch_shape`, not both: got {shape} and {batch_shape}")
        if batch_shape is not None and batch_size is not None:
            raise ValueError(f"batch_shape {batch_shape} holds the batch size already; leave batch_size out")
        super().__init__(name=name, trainable=trainable)
        if dtype:
            self.dtype = "string" if _is_string(dtype) else np.dtype(_name_of(dtype)).name
        if shape is not None:
            batch_shape = (batch_size, *((shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)))
        whole = () if batch_shape is None else tuple(batch_shape)
        self.batch_shape = tuple(None if size is None else _whole(size, whole) for size in whole)
        self._batch_input_shape = self.batch_shape
        self.built = True
        Node(self, (), {}, KerasTensor(self.batch_shape, self.dtype, self.name))

    def call(self, inputs: Any) -> Any:
        return inputs

    def compute_output_shape(self, input_shape: Any = None) -> Any:
        return self.batch_shape

    def get_config(self) -> dict[str, Any]:
        return {
            "batch_shape": self.batch_shape,
            "dtype": self.dtype,
            "sparse": False,
            "ragged": False,
            "name": self.name,
        }


def _whole(size: Any, shape: tuple[Any, ...]) -> int:
    if isinstance(size, (bool, str)) or size != int(size) or size < 0:
        raise ValueError(f"the sizes of an input's shape must be whole numbers or None, got {shape}")
    return int(size)


def _is_string(dtype: DType | None) -> bool:
    return dtype is str or _name_of(dtype) in ("string", "str")


def _name_of(dtype: DType | None) -> Any:
    return dtype["config"]["name"] if isinstance(dtype, dict) else dtype


def Input(
    shape: int | Sequence[int | None] | None = None,
    batch_size: int | None = None,
    dtype: DType | None = None,
    sparse: bool | None = None,
    ragged: bool | None = None,
    batch_shape: Sequence[int | None] | None = None,
    name: str | None = None,
    tensor: KerasTensor | None = None,
    optional: bool = False,
) -> KerasTensor:
    """A symbolic tensor to begin a functional model with.

    shape : without the batch axis, None for open sizes
    batch_size : None for any; batch_shape : the whole shape, instead of these two
    dtype : "float32" unless given; "int32" for ids, "string" for texts (which a ``TextVectorization`` takes)
    name : of the input, which dicts of arrays given to the model are keyed by
    sparse, ragged, optional : not supported, an error unless false

    >>> from recurra.layers import Input
    >>> Input((None, 8)).shape
    (None, None, 8)
    """
    layer = InputLayer(shape, batch_size, dtype, sparse, ragged, batch_shape, tensor, optional, name)
    return layer._inbound_nodes[0].output_tensors[0]
