"""PyTorch's weights as the kernels take them.

In training they are converted in every call. Without gradients what was converted and packed is kept with the module's
recurrent weight for as long as all of its weights hold the same numbers. A checksum over them is taken in each call:
PyTorch's own version counter does not see what is written through ``.data`` or a shared numpy array.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor
from torch.utils.weak import WeakIdKeyDictionary

from recurra._core.select import core
from recurra.torch.kinds import Kind

Array = np.ndarray[Any, Any]


class Kept(NamedTuple):
    """Weights of one direction of a layer in the kernels' form."""

    checksum: int
    columns: tuple[Array, Array, Array | None]  # kernel, recurrent_kernel, bias
    packed: Any  # the kernels' cache


_KEPT: Any = WeakIdKeyDictionary()  # weight_hh -> Kept


def array_of(tensor: Tensor) -> Array:
    """A tensor's memory as a numpy array; a copy only where it is not contiguous."""
    tensor = tensor.detach()
    if tensor.is_neg():  # the imaginary part of a conjugate
        tensor = tensor.resolve_neg()
    return (tensor if tensor.is_contiguous() else tensor.contiguous()).numpy()  # type: ignore[no-any-return,unused-ignore]


def columns_of(kind: Kind, weights: Sequence[Tensor]) -> tuple[Array, Array, Array | None]:
    """The kernels' ``kernel, recurrent_kernel, bias`` from ``weight_ih, weight_hh`` and, if there are, both biases."""
    return _columns(kind, [array_of(weight) for weight in weights])


def _columns(kind: Kind, arrays: list[Array]) -> tuple[Array, Array, Array | None]:
    biases = arrays[2:] or (None, None)
    columns: tuple[Array, Array, Array | None] = core.gate_rows_to_columns(
        kind.gates, kind.swap, arrays[0], arrays[1], *biases, kind.two_biases
    )
    return columns


def gradients_of(kind: Kind, gradients: Sequence[Any]) -> list[Any]:
    """The way back from :func:`columns_of`, as arrays of PyTorch's shapes; without biases only two."""
    rows = core.columns_to_gate_rows(kind.gates, kind.swap, *gradients)
    return [array for array in rows if array is not None]


def kept_columns(kind: Kind, weights: Sequence[Tensor]) -> tuple[tuple[Array, Array, Array | None], Any]:
    """The same as :func:`columns_of`, and the kernels' cache of packed weights, both kept between calls."""
    arrays = [array_of(weight) for weight in weights]
    checksum = core.checksum(arrays)
    kept = _KEPT.get(weights[1])
    if kept is None or kept.checksum != checksum:
        kept = _KEPT[weights[1]] = Kept(checksum, _columns(kind, arrays), core.packed_weights_cache())
    return kept.columns, kept.packed
