"""From the arrays that a Dataset of recurra holds to the tensors that a program is given, and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra import tree
from recurra.autograd import Tensor as Tracked
from recurra.compat.tf.ragged import RaggedTensor
from recurra.compat.tf.specs import RaggedTensorSpec, SparseTensor, TensorSpec
from recurra.compat.tf.tensors import EagerTensor, array_of
from recurra.data import Dataset

#: what holds others in an element
NODES = (tuple, dict)


class RaggedRow(np.ndarray[Any, Any]):
    """A row of a ragged tensor: a batch of such is ragged."""


def to_tensors(element: Any) -> Any:
    """Arrays as tensors; windows, ragged and sparse tensors stay what they are."""
    return tree.map_structure(_to_tensor, element, NODES)


def _to_tensor(leaf: Any) -> Any:
    if isinstance(leaf, (Dataset, RaggedTensor, SparseTensor, EagerTensor)):
        return leaf
    array = array_of(leaf)
    return EagerTensor(array.view(np.ndarray) if isinstance(array, RaggedRow) else array)


def to_arrays(element: Any) -> Any:
    """What a function of the program returned, as recurra's Dataset holds it."""
    if isinstance(element, list):  # as TensorFlow: one tensor of all
        element = array_of(element)
    return tree.map_structure(_to_array, element, NODES)


def _to_array(leaf: Any) -> Any:
    if isinstance(leaf, Tracked):
        return leaf.value
    if isinstance(leaf, (Dataset, RaggedTensor, SparseTensor)) or leaf is None:
        return leaf
    return array_of(leaf)


def rows_of(tensors: Any) -> Any:
    """What ``from_tensor_slices`` was given, with arrays of bytes for texts and rows of objects for ragged tensors."""
    if isinstance(tensors, list):
        tensors = _list(tensors)
    return tree.map_structure(_rows, tensors, NODES)


def _list(items: list[Any]) -> Any:
    """A list is one tensor; lists of unequal lengths stay objects."""
    try:
        return array_of(items)
    except ValueError:
        return items


def _rows(leaf: Any) -> Any:
    if isinstance(leaf, RaggedTensor):
        made = np.empty(len(leaf), object)
        for place, row in enumerate(leaf.rows()):
            made[place] = row if isinstance(row, RaggedTensor) else row.view(RaggedRow)
        return made
    if isinstance(leaf, Tracked):
        return leaf.value
    if isinstance(leaf, list):
        return _list(leaf)
    if hasattr(leaf, "__array__") and hasattr(leaf, "__getitem__") and not isinstance(leaf, np.ndarray):
        return leaf if hasattr(leaf, "ids") else array_of(leaf)  # a lazy one-hot is cut by its ids
    return array_of(leaf)


def holds_ragged(tensors: Any) -> bool:
    """Whether a ragged tensor is among them."""
    return any(isinstance(leaf, RaggedTensor) for leaf in tree.leaves(tensors, NODES))


def stack_ragged(elements: list[Any], always: bool = False) -> Any:
    """A batch of elements in which rows of ragged tensors, or with `always` all rows, make ragged tensors."""
    return tree.zip_structures(lambda column: _stack(column, always), elements, NODES)


def _stack(column: list[Any], always: bool) -> Any:
    if isinstance(column[0], RaggedTensor):
        return RaggedTensor.from_rows(column)
    arrays = [array_of(one) for one in column]
    if isinstance(column[0], RaggedRow) or (always and arrays[0].ndim):
        return RaggedTensor([array.view(np.ndarray) for array in arrays])
    return np.stack(arrays)


def spec_of(element: Any, batched: bool) -> Any:
    """The specification of an element; the first size is open where it may differ."""

    def leaf_spec(leaf: Any) -> Any:
        if isinstance(leaf, Dataset):
            return leaf
        if isinstance(leaf, RaggedTensor):
            return RaggedTensorSpec((None, *leaf.shape[1:]), leaf.dtype, leaf.ragged_rank)
        array = array_of(leaf)
        return TensorSpec((None, *array.shape[1:]) if batched and array.ndim else array.shape, array.dtype)

    return tree.map_structure(leaf_spec, element, NODES)
