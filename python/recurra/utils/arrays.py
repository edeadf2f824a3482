"""Small helpers over arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from recurra.typing import ArrayLike

Array = NDArray[Any]


def normalize(x: ArrayLike, axis: int | None = -1, order: int | float = 2) -> Array:
    """`x` divided by its norm along `axis`; all-zero vectors stay zero.

    x : array of any shape
    axis : along which the norm is taken; None takes the norm of all the elements. (In Keras 3 ``axis=0`` divides along
        the wrong axis; here it means what it says, as in Keras 2.)
    order : of the norm: 1, 2, … or ``numpy.inf``

    >>> normalize([[3.0, 4.0], [0.0, 0.0]])
    array([[0.6, 0.8],
           [0. , 0. ]])
    """
    values = np.asarray(x)
    if values.dtype.kind not in "fiub":
        raise ValueError(f"x must hold numbers, got an array of dtype {values.dtype}")
    if axis is None:
        flat = np.linalg.norm(values.ravel(), order)
        return np.asarray(values / (flat or 1.0))
    norm = np.expand_dims(np.linalg.norm(values, order, axis), axis) if values.ndim else np.abs(values)
    return np.asarray(values / np.where(norm == 0, 1, norm))
