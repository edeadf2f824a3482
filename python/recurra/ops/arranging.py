"""Arrays turned, stacked, split and multiplied out, windows, choices: numpy's rarer names, beside shaping.py."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from recurra import config
from recurra.autograd import Array, Tensor
from recurra.ops import arrays as A
from recurra.ops import math as M
from recurra.ops import shaping as S
from recurra.ops.common import array_of, axes_of, constant_of
from recurra.ops.dispatch import operation
from recurra.ops.products import tensordot
from recurra.typing import ArrayLike, DType


def tri(N: int, M: int | None = None, k: int = 0, dtype: DType | None = None) -> Array:
    """(N, M) with ones on and below the k-th diagonal; M is N unless given."""
    return np.tri(N, M, k, dtype or config.floatx())


def geomspace(
    start: float, stop: float, num: int = 50, endpoint: bool = True, dtype: DType | None = None, axis: int = 0
) -> Array:
    """`num` numbers from `start` to `stop`, each a fixed factor from the last."""
    made = np.geomspace(array_of(start), array_of(stop), num, endpoint, axis=axis)
    return np.asarray(made).astype(dtype or config.floatx())


@operation
def empty_like(x: ArrayLike, dtype: DType | None = None) -> Any:
    """An array of x's shape without any certain content."""
    return np.empty_like(array_of(x), dtype)


def bartlett(x: int) -> Array:
    """A triangular window of `x` numbers."""
    return np.bartlett(int(x)).astype(config.floatx())


def blackman(x: int) -> Array:
    """Blackman's window of `x` numbers."""
    return np.blackman(int(x)).astype(config.floatx())


def hamming(x: int) -> Array:
    """Hamming's window of `x` numbers."""
    return np.hamming(int(x)).astype(config.floatx())


def hanning(x: int) -> Array:
    """Hann's window of `x` numbers."""
    return np.hanning(int(x)).astype(config.floatx())


def kaiser(x: int, beta: float) -> Array:
    """Kaiser's window of `x` numbers."""
    return np.kaiser(int(x), float(array_of(beta))).astype(config.floatx())


@operation
def dstack(xs: Sequence[Any]) -> Any:
    """Behind one another: along the third axis."""
    return S.concatenate([_three_axes(x) for x in xs], 2)


def _three_axes(x: ArrayLike) -> Any:
    shape = array_of(x).shape
    if len(shape) > 2:
        return x
    return S.reshape(x, (*shape, 1) if len(shape) == 2 else (1, -1, 1))


@operation
def array_split(x: ArrayLike, indices_or_sections: int | Sequence[int], axis: int = 0) -> list[Any]:
    """Cut along `axis` into so many parts, the first ones longer by one where it does not divide, or at places."""
    if not isinstance(indices_or_sections, (int, np.integer)):
        return S.split(x, indices_or_sections, axis)
    length, parts = array_of(x).shape[axis], int(indices_or_sections)
    if parts < 1:
        raise ValueError(f"indices_or_sections must be at least 1, got {parts}")
    sizes = [length // parts + (k < length % parts) for k in range(parts)]
    return S.split(x, np.cumsum(sizes)[:-1].tolist(), axis)


@operation
def vsplit(x: ArrayLike, indices_or_sections: int | Sequence[int]) -> list[Any]:
    """Cut along the first axis."""
    return S.split(x, indices_or_sections, 0)


@operation
def hsplit(x: ArrayLike, indices_or_sections: int | Sequence[int]) -> list[Any]:
    """Cut along the second axis, a vector along its only one."""
    return S.split(x, indices_or_sections, 0 if array_of(x).ndim == 1 else 1)


@operation
def dsplit(x: ArrayLike, indices_or_sections: int | Sequence[int]) -> list[Any]:
    """Cut along the third axis."""
    return S.split(x, indices_or_sections, 2)


@operation
def fliplr(x: ArrayLike) -> Any:
    """The second axis in reverse order."""
    return S.flip(x, 1)


@operation
def flipud(x: ArrayLike) -> Any:
    """The first axis in reverse order."""
    return S.flip(x, 0)


@operation
def rot90(array: ArrayLike, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Any:
    """Turned `k` times by 90 degrees, from the first of `axes` towards the second."""
    first, second = (axes_of(one, array_of(array).ndim)[0] for one in axes)
    if first == second:
        raise ValueError(f"axes must be two different ones, got {axes}")
    if k % 2 == 0:
        return S.flip(array, (first, second)) if k % 4 else array
    return (
        S.swapaxes(S.flip(array, second), first, second)
        if k % 4 == 1
        else S.flip(S.swapaxes(array, first, second), second)
    )


@operation
def diagflat(x: ArrayLike, k: int = 0) -> Any:
    """The matrix with the numbers of x on its k-th diagonal."""
    return A.diag(S.ravel(x), k)


@operation
def inner(x1: ArrayLike, x2: ArrayLike) -> Any:
    """Products summed over the last axis of both."""
    if not array_of(x1).ndim or not array_of(x2).ndim:
        return M.multiply(x1, x2)
    return tensordot(x1, x2, [[-1], [-1]])


@operation
def vdot(x1: ArrayLike, x2: ArrayLike) -> Any:
    """The sum of the products of all numbers."""
    return M.sum(M.multiply(S.ravel(x1), S.ravel(x2)))


@operation
def kron(x1: ArrayLike, x2: ArrayLike) -> Any:
    """Blocks: each number of x1 times the whole x2."""
    ndim = max(array_of(x1).ndim, array_of(x2).ndim)
    outer, whole = (_leading_ones(x, ndim) for x in (x1, x2))
    sizes = [n * m for n, m in zip(array_of(outer).shape, array_of(whole).shape, strict=True)]
    spread = S.expand_dims(outer, tuple(range(1, 2 * ndim, 2))) if ndim else outer
    inside = S.expand_dims(whole, tuple(range(0, 2 * ndim, 2))) if ndim else whole
    return S.reshape(M.multiply(spread, inside), sizes)


def _leading_ones(x: ArrayLike, ndim: int) -> Any:
    shape = array_of(x).shape
    return S.reshape(x, (*[1] * (ndim - len(shape)), *shape))


@operation
def cross(
    x1: ArrayLike, x2: ArrayLike, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> Any:
    """The cross product of vectors of three numbers; of two, its third number."""
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = S.moveaxis(x1, axisa, -1), S.moveaxis(x2, axisb, -1)
    sizes = array_of(a).shape[-1], array_of(b).shape[-1]
    if not set(sizes) <= {2, 3}:
        raise ValueError(f"vectors must have 2 or 3 numbers, got {sizes}")
    (a0, a1, a2), (b0, b1, b2) = (_components(one) for one in (a, b))
    third = M.subtract(M.multiply(a0, b1), M.multiply(a1, b0))
    if sizes == (2, 2):
        return third
    first = M.subtract(M.multiply(a1, b2), M.multiply(a2, b1))
    second = M.subtract(M.multiply(a2, b0), M.multiply(a0, b2))
    return S.moveaxis(S.stack([first, second, third], -1), -1, axisc)


def _components(x: Any) -> tuple[Any, Any, Any]:
    parts = S.unstack(x, -1)
    return parts[0], parts[1], parts[2] if len(parts) == 3 else S.zeros_like(parts[0])


@operation
def vander(x: ArrayLike, N: int | None = None, increasing: bool = False) -> Any:
    """The powers of the numbers of a vector, (n, N), falling unless `increasing`."""
    count = array_of(x).shape[0] if N is None else N
    column: Any = S.reshape(x, (-1, 1))
    powers: list[Any] = []
    for k in range(count):
        powers.append(S.ones_like(column) if k == 0 else M.multiply(powers[-1], column))
    if not powers:
        return np.empty((array_of(x).shape[0], 0), array_of(x).dtype)
    return S.concatenate(powers if increasing else powers[::-1], 1)


@operation
def select(condlist: Sequence[Any], choicelist: Sequence[Any], default: ArrayLike = 0) -> Any:
    """For each place the choice of the first condition that holds, else `default`."""
    if len(condlist) != len(choicelist) or not condlist:
        raise ValueError(f"condlist and choicelist must be as long: got {len(condlist)} and {len(choicelist)}")
    found: Any = default
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        found = M.where(condition, choice, found)
    return found


@operation
def argpartition(x: ArrayLike, kth: int, axis: int = -1) -> Any:
    """An order in which the number that belongs to place `kth` stands there, smaller ones before it."""
    return np.argpartition(array_of(x), kth, axis).astype(np.int32)


def unravel_index(indices: ArrayLike, shape: Sequence[int]) -> tuple[Any, ...]:
    """The places, axis by axis, of numbers that count through an array of `shape`."""
    return tuple(np.asarray(one).astype(np.int32) for one in np.unravel_index(array_of(indices), tuple(shape)))


@operation
def cdist(x: ArrayLike, y: ArrayLike) -> Any:
    """Euclidean distances of the rows of `x` (..., N, K) and of `y` (..., M, K): (..., N, M)."""
    apart = M.subtract(S.expand_dims(x, -2), S.expand_dims(y, -3))
    squares = M.sum(M.square(apart), -1)
    same = array_of(squares) == 0  # where the root has no slope
    return M.where(same, 0.0, M.sqrt(M.where(same, 1.0, squares)))


@operation
def saturate_cast(x: ArrayLike, dtype: DType) -> Any:
    """As `dtype`, numbers outside of its range at its nearest end."""
    kind = np.dtype(dtype)
    if kind.kind not in "iu":
        return S.cast(x, dtype)
    v, limits = constant_of(x, "saturate_cast"), np.iinfo(kind)
    if v.dtype.kind == "f":  # the ends may not be floats: compare, do not clip
        whole = np.where((v > limits.min) & (v < limits.max), v, 0).astype(kind)
        return np.where(v >= limits.max, kind.type(limits.max), np.where(v <= limits.min, kind.type(limits.min), whole))
    return np.clip(v, _within(v, limits.min), _within(v, limits.max)).astype(kind)


def _within(v: Array, end: int) -> int:
    own = np.iinfo(v.dtype if v.dtype.kind in "iu" else np.uint8)
    return min(max(end, int(own.min)), int(own.max))


@operation
def multi_hot(
    inputs: ArrayLike, num_classes: int, axis: int = -1, dtype: DType | None = None, sparse: bool = False
) -> Any:
    """Ones at the ids that stand along `axis`, in (..., num_classes)."""
    if sparse:
        raise ValueError("sparse=True: there are no sparse tensors here")
    ids = np.moveaxis(array_of(inputs), axis, -1) if array_of(inputs).ndim else array_of(inputs)[None]
    made = S.one_hot(ids, num_classes, dtype=dtype or config.floatx()).max(axis=-2, initial=0)
    return np.moveaxis(made, -1, axis) if made.ndim > 1 else made


@operation
def get_item(x: ArrayLike, key: Any) -> Any:
    """``x[key]``."""
    return S.getitem(x, key)


def dtype(x: Any) -> str:
    """The name of the type of its numbers."""
    found = getattr(x, "dtype", None)
    return str(array_of(x).dtype if found is None else found)


def is_tensor(x: Any) -> bool:
    """Whether `x` is an array of this library: of numpy, or followed by a tape."""
    return isinstance(x, (np.ndarray, np.generic, Tensor))


def switch(index: ArrayLike, branches: Sequence[Callable[..., Any]], *operands: Any) -> Any:
    """What the branch of that number gives; a number outside counts as the nearest."""
    return branches[min(max(int(array_of(index)), 0), len(branches) - 1)](*operands)


def vectorize(pyfunc: Callable[..., Any], *, excluded: Any = None, signature: str | None = None) -> Callable[..., Any]:
    """`pyfunc` of numbers as one of arrays, called for each place. It has no gradient."""
    made = np.vectorize(pyfunc, excluded=excluded, signature=signature)

    def call(*args: Any, **kwargs: Any) -> Any:
        return made(*(constant_of(one, "vectorize") for one in args), **kwargs)

    return call
