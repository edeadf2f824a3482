"""PyTorch's weights as the kernels take them.

Without gradients, and for single steps, what was converted and packed is kept for as long as the weights hold the same
numbers. A checksum over them is taken in each call: PyTorch's own version counter does not see what is written through
``.data`` or a shared numpy array. In training they are converted in every call, until more calls follow each other than
most updates have, by that counter: a program that evaluates with gradients on. From then on they are kept too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from weakref import ref

import numpy as np
from torch import Tensor, from_numpy

from recurra._core.select import core
from recurra.torch.kinds import Kind

Array = np.ndarray[Any, Any]
Columns = tuple[Array | None, ...]  # kernel, recurrent_kernel, bias; and projection_kernel


class Kept:
    """What is kept of the weights of one direction of a layer."""

    __slots__ = ("arrays", "checksum", "columns", "loop", "memory", "owner", "packed", "repeats", "versions")

    def __init__(self, weights: Sequence[Tensor]) -> None:
        key = id(weights[1])
        self.owner = ref(weights[1], lambda _: _KEPT.pop(key, None))
        self.arrays = [array_of(weight) for weight in weights]  # hold the memory: no other has these addresses
        self.memory = [(weight.data_ptr(), weight.shape, weight.dtype) for weight in weights]
        self.checksum: int | None = None
        self.columns: Columns | None = None  # in the kernels' form
        self.packed: Any = None  # the kernels' cache
        self.versions: list[int] | None = None  # PyTorch's counters of changes, at the last call in training
        self.repeats = 0  # the calls before it that saw the same
        self.loop: Any = None  # a weak reference to the last one: see loops.py
        _KEPT[key] = self

    def fits(self, weights: Sequence[Tensor]) -> bool:
        """Whether the weights are the same memory."""
        if self.owner() is not weights[1] or len(weights) != len(self.memory):
            return False
        for weight, (address, shape, dtype) in zip(weights, self.memory, strict=False):
            if weight.data_ptr() != address or weight.dtype is not dtype or not weight.is_contiguous():
                return False
            if weight.shape != shape:
                return False
        return True


CALLS_OF_AN_UPDATE = 3  # that share weights in many a training program: those of a siamese network, say
_KEPT: dict[int, Kept] = {}  # by the id of weight_hh


class WeightsThatMayBeSwapped:
    """For modules whose weights :class:`Kept` refers to weakly.

    ``torch.utils.swap_tensors`` refuses a tensor with weak references. A module's conversion, and `load_state_dict`,
    swap its parameters under ``torch.__future__.set_swap_module_params_on_conversion(True)``.
    """

    _parameters: dict[str, Any]

    def _apply(self, *args: Any, **kwargs: Any) -> Any:
        self._drop_kept()
        return super()._apply(*args, **kwargs)  # type: ignore[misc,unused-ignore]

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        self._drop_kept()
        super()._load_from_state_dict(*args, **kwargs)  # type: ignore[misc,unused-ignore]

    def _drop_kept(self) -> None:
        for weight in self._parameters.values():
            _KEPT.pop(id(weight), None)


def array_of(tensor: Tensor) -> Array:
    """A tensor's memory as a numpy array; a copy only where it is not contiguous."""
    if tensor.requires_grad:
        tensor = tensor.detach()
    if tensor.is_neg():  # the imaginary part of a conjugate
        tensor = tensor.resolve_neg()
    return (tensor if tensor.is_contiguous() else tensor.contiguous()).numpy()  # type: ignore[no-any-return,unused-ignore]


def kept_of(weights: Sequence[Tensor]) -> Kept:
    """What is kept of these weights, or a new one."""
    kept = _KEPT.get(id(weights[1]))
    return kept if kept is not None and kept.fits(weights) else Kept(weights)


def columns_of(kind: Kind, weights: Sequence[Tensor]) -> Columns:
    """The kernels' ``kernel, recurrent_kernel, bias`` from ``weight_ih, weight_hh`` and, if there are, both biases.

    With a projection ``weight_hr`` is the last, and ``projection_kernel`` too.
    """
    return _columns(kind, kept_of(weights).arrays)


def _columns(kind: Kind, arrays: list[Array]) -> Columns:
    if kind.projects:
        W, U, *biases, V = arrays
        sum_of_biases = biases[0] + biases[1] if biases else None
        return (*(np.ascontiguousarray(array.T) for array in (W, U)), sum_of_biases, np.ascontiguousarray(V.T))
    biased: list[Any] = arrays if len(arrays) == 4 else [*arrays, None, None]
    columns: Columns = core.gate_rows_to_columns(kind.gates, kind.swap, *biased, kind.two_biases)
    return columns


def kept_columns(kind: Kind, weights: Sequence[Tensor], kept: Kept | None = None) -> tuple[Columns, Any]:
    """The same as :func:`columns_of`, and the kernels' cache of packed weights, both kept between calls."""
    kept = kept or kept_of(weights)
    checksum = core.checksum(kept.arrays)
    if kept.columns is None or kept.checksum != checksum:
        kept.checksum, kept.columns, kept.packed = checksum, _columns(kind, kept.arrays), core.packed_weights_cache()
    return kept.columns, kept.packed


def reads_in_place(B: int, T: int) -> bool:
    """Whether a call in training is one that the kernels make without packed weights (sequence/small.hpp).

    Given packed ones they would take another backward pass: of other bits, and slower.
    """
    return B <= 4 and B * T <= 8


def training_columns(kind: Kind, weights: Sequence[Tensor]) -> tuple[Columns, Any]:
    """The same as :func:`kept_columns`, in training: kept only where calls follow each other without an update."""
    kept = kept_of(weights)
    versions = None if weights[1].is_inference() else [weight._version for weight in weights]
    if versions is None or kept.versions != versions:
        kept.versions, kept.repeats = versions, 0
    else:
        kept.repeats += 1
        if kept.repeats >= CALLS_OF_AN_UPDATE:
            return kept_columns(kind, weights)
    return _columns(kind, kept.arrays), None


def needed_columns(kind: Kind, needed: Sequence[bool]) -> list[bool]:
    """Of which of the kernels' weights the gradients are wanted, from those of PyTorch's that want them."""
    biases = needed[2 : -1 if kind.projects else None]
    return [*needed[:2], any(biases), *(needed[-1:] if kind.projects else ())]


def gradients_of(kind: Kind, gradients: Sequence[Any], needed: Sequence[bool]) -> list[Tensor | None]:
    """The way back from :func:`columns_of`, of PyTorch's shapes; None where `needed`, one for each weight, is False."""
    if not any(needed):
        return [None] * len(needed)
    dW, dU, db, *dV = gradients
    if kind.projects:
        rows = [None if d is None else np.ascontiguousarray(d.T) for d in (dW, dU)]
        rows += [db, None if db is None else db.copy()]
    else:
        rows = core.columns_to_gate_rows(kind.gates, kind.swap, dW, dU, db)
    found = [*rows[: len(needed) - len(dV)], *(None if d is None else np.ascontiguousarray(d.T) for d in dV)]
    return [from_numpy(d) if need else None for d, need in zip(found, needed, strict=True)]


def summed_gradients(kind: Kind, steps: Sequence[Any], needed: Sequence[bool]) -> list[Tensor | None]:
    """The same for what steps have left, summed over them."""
    found = core.recurrent_sum_steps(steps, kind.swap, needed_columns(kind, needed))
    return [from_numpy(d) if need else None for d, need in zip(found[: len(needed)], needed, strict=True)]
