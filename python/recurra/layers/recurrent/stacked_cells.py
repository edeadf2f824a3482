"""Several cells, each fed by the one before, as one cell."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import signature
from typing import Any

import numpy as np

from recurra.autograd import value_of
from recurra.config import standardize_dtype
from recurra.layers.base.layer import Layer
from recurra.layers.base.symbolic_call import is_shape
from recurra.registry import deserialize_keras_object, is_builtin, serialize_keras_object
from recurra.tree import leaves, map_structure
from recurra.typing import ArrayLike, DType, Shape


class StackedRNNCells(Layer):
    """A cell made of cells: each takes the output of the one before.

    cells : list of cells

    The states are a list with one item, the cell's own state or states, for each cell.
    """

    def __init__(self, cells: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not hasattr(cells, "__iter__"):
            raise ValueError(f"cells must be a list of cells, got {cells!r}")
        cells = list(cells)
        if not cells:
            raise ValueError("cells must hold at least one cell, got an empty list")
        for cell in cells:
            if not callable(getattr(cell, "call", None)) or not hasattr(cell, "state_size"):
                raise ValueError(f"cells must be cells, with call(x, states) and state_size, got {cell!r}")
        self.cells = cells

    @property
    def state_size(self) -> list[Any]:
        return [cell.state_size for cell in self.cells]

    @property
    def output_size(self) -> Any:
        return output_size_of(self.cells[-1])

    @property
    def _float_inputs(self) -> bool:  # type: ignore[override]
        return True

    def build(self, input_shape: Shape) -> None:
        batch = leaves(input_shape, is_leaf=is_shape)[0][0]
        for cell in self.cells:
            if isinstance(cell, Layer) and not cell.built:
                cell.build(input_shape)
                cell.built = True
            input_shape = output_shapes(output_size_of(cell), (batch,))

    def get_initial_state(
        self, batch_size: int | None = None, inputs: ArrayLike | None = None, dtype: DType | None = None
    ) -> list[Any]:
        """Each cell's own initial state: zeros where it does not say.

        inputs, dtype : Keras 2's: what the number of rows and the type are taken from
        """
        rows, kind = initial_rows(self, batch_size, inputs, dtype)
        told = {} if dtype is None else {"dtype": kind}
        return [
            cell.get_initial_state(rows, **told) if is_builtin(type(cell)) else initial_state_of(cell, rows, kind)
            for cell in self.cells
        ]

    def call(self, inputs: Any, states: Any, training: bool = False, **kwargs: Any) -> Any:
        new_states = []
        for cell, state in zip(self.cells, states, strict=True):
            listed = isinstance(state, (list, tuple))
            inputs, new = call_cell(cell, inputs, list(state) if listed else [state], training, **kwargs)
            new_states.append(new if listed or len(new) != 1 else new[0])
        return inputs, new_states

    def compute_output_shape(self, input_shape: Shape) -> Any:
        return output_shapes(self.output_size, (leaves(input_shape, is_leaf=is_shape)[0][0],))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "cells": [serialize_keras_object(cell) for cell in self.cells]}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
        config = dict(config)
        cells = [deserialize_keras_object(cell, custom_objects) for cell in config.pop("cells")]
        return cls(cells, **config)


def is_size(value: Any) -> bool:
    """Whether this part of a `state_size` is one state's: an integer, or a shape (``tf.TensorShape``)."""
    return not isinstance(value, (list, tuple)) or hasattr(value, "as_list")


def axes_of_state(size: Any) -> tuple[int, ...]:
    """The axes of a state of this size behind the batch's."""
    return tuple(size) if isinstance(size, tuple) else (size,)


def output_size_of(cell: Any) -> Any:
    """How many numbers a cell puts out: its `output_size`, or the size of its first state.

    A shape (``tf.TensorShape``) where they have several axes; a list of these for several outputs.
    """
    size = getattr(cell, "output_size", None)
    if size is None:
        size = cell.state_size
        while not is_size(size):
            size = size[0]
    return map_structure(lambda one: _size_of(one, size), size, is_leaf=is_size)


def output_shapes(size: Any, before: Shape) -> Any:
    """The shape, or shapes, of outputs of this :func:`output_size_of`, with the axes `before` in front."""
    return map_structure(lambda one: (*before, *axes_of_state(one)), size, is_leaf=is_size, sequence=tuple)


def _size_of(size: Any, whole: Any) -> Any:
    if isinstance(size, tuple):  # a shape
        return size if len(size) != 1 else int(size[0])
    if not isinstance(size, (int, np.integer)):
        raise ValueError(f"output_size of a cell must be an integer, a shape, or a list of these, got {whole!r}")
    return int(size)


def initial_rows(cell: Layer, batch_size: Any, inputs: Any, dtype: Any) -> tuple[int, str]:
    """How many rows an initial state has, and its type: as said, else those of `inputs` or the cell's own."""
    if batch_size is None and inputs is not None:
        batch_size = inputs.shape[0]
    kind = cell.dtype if dtype is None else standardize_dtype(dtype)
    return (0 if batch_size is None else int(batch_size)), kind


def initial_state_of(cell: Any, batch_size: int | None, dtype: str) -> Any:
    """What a cell starts from: its ``get_initial_state``, or zeros of its `state_size`."""
    own = getattr(cell, "get_initial_state", None)
    if own is not None:
        if not is_builtin(type(cell)) and "dtype" in signature(own).parameters:  # written for Keras 2, which said it
            return own(batch_size=batch_size, dtype=dtype)
        return own(batch_size=batch_size)

    def zeros(size: Any) -> Any:
        return np.zeros((batch_size or 0, *axes_of_state(size)), getattr(cell, "compute_dtype", dtype))

    return map_structure(zeros, cell.state_size, is_leaf=is_size, sequence=list)


def call_cell(cell: Any, inputs: Any, states: list[Any], training: bool, **kwargs: Any) -> tuple[Any, list[Any]]:
    """One step of any cell: its output and its states, as a list."""
    if isinstance(cell, Layer):
        if cell._call_spec.has_training:
            kwargs["training"] = training
        result = cell(inputs, states, **kwargs)
    else:
        result = (cell if callable(cell) else cell.call)(inputs, states, **kwargs)
    if not isinstance(result, (list, tuple)) or len(result) != 2:
        got = f"{len(result)} of them" if isinstance(result, (list, tuple)) else type(value_of(result)).__name__
        raise ValueError(f"{_named(cell)}: call must return two things, (output, new states), got {got}")
    output, new = result
    new = list(new) if isinstance(new, (list, tuple)) else [new]
    if isinstance(states, (list, tuple)) and len(new) != len(states):
        raise ValueError(
            f"{_named(cell)}: call must return {len(states)} new states, as state_size says, got {len(new)}"
        )
    return output, new


def _named(cell: Any) -> str:
    return f"{getattr(cell, 'name', 'the cell')} ({type(cell).__name__})"
