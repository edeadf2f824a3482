"""One-hot labels that do not fill the memory: :func:`to_categorical` keeps the ids and makes rows when asked."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import NDArray

from recurra.typing import ArrayLike, DType

Array = NDArray[Any]

_PRINTED = 10_000  # elements up to which str() shows the numbers
_FULL = slice(None)


class OneHot(NDArrayOperatorsMixin):
    """An array of zeros with a single one in each row of the last axis, of which only the ids are stored.

    ids : integers in [0, num_classes), of any shape
    num_classes : length of the last axis
    dtype : of the numbers, float64 unless said

    `shape`, `ndim`, `size`, `len` and `dtype` are those of the array that it stands for. Indexing or slicing anything
    but the last axis gives another OneHot (or, for a single row, a numpy array); ``numpy.asarray`` and every numpy
    operation make the numbers real. Assigning to a part makes it an ordinary array inside, without `ids`.

    >>> labels = OneHot([2, 0, 1], 3)
    >>> labels.shape, labels.dtype, labels.ids
    ((3, 3), dtype('float64'), array([2, 0, 1], dtype=int32))
    >>> labels[0]
    array([0., 0., 1.])
    >>> labels[1:]
    OneHot(ids=array([0, 1], dtype=int32), num_classes=3, dtype=float64)
    """

    __slots__ = ("_dense", "_dtype", "_ids", "_num_classes")
    __array_priority__ = 1.0

    def __init__(self, ids: ArrayLike, num_classes: int, dtype: DType = "float64") -> None:
        self._num_classes = operator.index(num_classes)
        self._dtype: np.dtype[Any] = np.dtype(dtype)
        self._ids: Array = _checked_ids(ids, self._num_classes)
        self._dense: Array | None = None  # once something was assigned

    @classmethod
    def _view(cls, ids: Array, num_classes: int, dtype: np.dtype[Any]) -> OneHot:
        new = cls.__new__(cls)
        new._ids, new._num_classes, new._dtype, new._dense = ids, num_classes, dtype, None
        return new

    @property
    def ids(self) -> Array:
        """The class of each row: int32 (int64 for 2**31 classes or more), shape ``self.shape[:-1]``."""
        if self._dense is not None:
            raise AttributeError("ids: rows were assigned to, they need not be one-hot any more")
        return self._ids

    @property
    def num_classes(self) -> int:
        """Length of the last axis."""
        return self._num_classes

    @property
    def shape(self) -> tuple[int, ...]:
        return (*self._ids.shape, self._num_classes)

    @property
    def ndim(self) -> int:
        return self._ids.ndim + 1

    @property
    def size(self) -> int:
        return self._ids.size * self._num_classes

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._dtype

    @property
    def nbytes(self) -> int:
        """Bytes really held: those of the ids, or of the array that assigning made."""
        return self._ids.nbytes if self._dense is None else self._dense.nbytes

    def __len__(self) -> int:
        return len(self._ids) if self._ids.ndim else self._num_classes

    def __array__(self, dtype: DType | None = None, copy: bool | None = None) -> Array:
        if copy is False:
            raise ValueError("copy=False: a one-hot array is made when it is asked for, it has no memory to share")
        if self._dense is not None:
            return np.array(self._dense, self._dtype if dtype is None else dtype)
        dense = np.zeros((self._ids.size, self._num_classes), self._dtype if dtype is None else dtype)
        dense[np.arange(self._ids.size), self._ids.ravel()] = 1
        return dense.reshape(self.shape)

    def numpy(self) -> Array:
        """The real array."""
        return self.__array__()

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if any(isinstance(out, OneHot) for out in kwargs.get("out", ())):
            raise TypeError("a OneHot cannot be changed in place; take numpy.asarray of it first")
        real = [np.asarray(value) if isinstance(value, OneHot) else value for value in inputs]
        return getattr(ufunc, method)(*real, **kwargs)

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __setitem__(self, key: Any, value: ArrayLike) -> None:
        if self._dense is None:
            self._dense = self.__array__()
        self._dense[key] = value

    def __getitem__(self, key: Any) -> Any:
        if self._dense is not None:
            return self._dense[key]
        keys = key if isinstance(key, tuple) else (key,)
        if any(k is None or (isinstance(k, np.ndarray) and k.dtype == bool and k.ndim > 1) for k in keys):
            return self._wrap(self._ids[keys]) if not self._reaches_classes(keys) else np.asarray(self)[key]
        if any(k is Ellipsis for k in keys):
            at = next(i for i, k in enumerate(keys) if k is Ellipsis)
            missing = self.ndim - (len(keys) - 1)
            if missing < 0:
                raise IndexError(f"too many indices: the array has {self.ndim} axes, got {len(keys) - 1}")
            keys = (*keys[:at], *(_FULL,) * missing, *keys[at + 1 :])
        if len(keys) > self.ndim:
            raise IndexError(f"too many indices: the array has {self.ndim} axes, got {len(keys)}")
        if len(keys) < self.ndim:
            return self._wrap(self._ids[keys])
        *rows, classes = keys
        if isinstance(classes, slice) and classes == _FULL:
            return self._wrap(self._ids[tuple(rows)])
        if isinstance(classes, slice):
            return np.asarray(self._wrap(self._ids[tuple(rows)]))[..., classes]
        if all(isinstance(k, (int, np.integer, slice)) for k in rows):
            # only the rows asked for, with every axis left, so that numpy itself places the axes of the result
            part = [k if isinstance(k, slice) else slice(k, k + 1 or None) for k in rows]
            rest = [_FULL if isinstance(k, slice) else 0 for k in rows]
            key = (*rest, classes)
            return np.asarray(self._wrap(self._ids[tuple(part)]))[key]
        if any(isinstance(k, slice) for k in keys):
            return np.asarray(self)[key]
        wanted = np.asarray(classes)
        if wanted.dtype.kind not in "iu":
            return np.asarray(self)[key]
        if ((wanted < -self._num_classes) | (wanted >= self._num_classes)).any():
            raise IndexError(f"index out of bounds for the last axis, which has {self._num_classes} classes")
        picked = self._ids[tuple(rows)] == np.where(wanted < 0, wanted + self._num_classes, wanted)
        return np.asarray(picked, self._dtype)[()]

    def _reaches_classes(self, keys: tuple[Any, ...]) -> bool:
        """Whether `keys` (with None or boolean masks among them) say something about the last axis."""
        if any(k is Ellipsis for k in keys):
            return True
        used = sum(0 if k is None else k.ndim if isinstance(k, np.ndarray) and k.dtype == bool else 1 for k in keys)
        return used >= self.ndim

    def _wrap(self, ids: ArrayLike) -> Any:
        view = OneHot._view(np.asarray(ids), self._num_classes, self._dtype)
        return view if view._ids.ndim else view.__array__()

    def astype(self, dtype: DType | None, copy: bool = True) -> Any:
        """The same ids standing for numbers of another type (an array, once rows were assigned to)."""
        if self._dense is not None:
            return self._dense.astype(dtype)
        return OneHot._view(self._ids.copy() if copy else self._ids, self._num_classes, np.dtype(dtype))

    def reshape(self, *shape: Any) -> Any:
        """Another shape: lazy where the last axis stays whole, real otherwise."""
        new = tuple(shape[0]) if len(shape) == 1 and not isinstance(shape[0], (int, np.integer)) else shape
        if self._dense is None and new and new[-1] == self._num_classes and self._ids.size:
            return OneHot._view(self._ids.reshape(new[:-1]), self._num_classes, self._dtype)
        return np.asarray(self).reshape(new)

    def argmax(self, axis: int | None = None) -> Any:
        """The class of each row for the last axis, without making the rows."""
        if self._dense is None and axis is not None and axis in (-1, self.ndim - 1):
            return self._ids.astype(np.int64)
        return np.asarray(self).argmax(axis)

    def copy(self) -> Any:
        if self._dense is not None:
            return self._dense.copy()
        return OneHot._view(self._ids.copy(), self._num_classes, self._dtype)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or not hasattr(np.ndarray, name):
            raise AttributeError(f"'OneHot' object has no attribute {name!r}")
        return getattr(np.asarray(self), name)  # sum, mean, T, tolist, …: of the real array

    def __reduce__(self) -> tuple[Any, ...]:
        if self._dense is not None:
            return np.array, (self._dense,)
        return OneHot, (self._ids, self._num_classes, self._dtype.str)

    def __str__(self) -> str:
        return str(np.asarray(self)) if self.size <= _PRINTED else repr(self)

    def __repr__(self) -> str:
        if self._dense is not None:
            return f"OneHot({self._dense!r})"
        return f"OneHot(ids={self._ids!r}, num_classes={self._num_classes}, dtype={self._dtype.name})"


def _checked_ids(ids: ArrayLike, num_classes: int) -> Array:
    given = np.asarray(ids)
    if given.dtype.kind == "f" and given.size:
        odd = ~(np.isfinite(given) & (given == np.trunc(given)))
        if odd.any():
            raise ValueError(f"labels must be whole numbers, got {given[odd].flat[0]!r}")
    elif given.dtype.kind not in "iub" and given.size:
        raise ValueError(f"labels must be integers, got an array of dtype {given.dtype}; map the labels to ids first")
    if given.size:
        low, high = int(given.min()), int(given.max())
        if low < 0 or high >= num_classes:
            raise ValueError(
                f"labels must lie in [0, num_classes) = [0, {num_classes}), got {low if low < 0 else high}"
            )
    small: type[np.signedinteger[Any]] = np.int32 if num_classes <= 2**31 else np.int64
    return given.astype(small)


def to_categorical(x: ArrayLike, num_classes: int | None = None) -> OneHot:
    """One-hot rows of class ids, as Keras gives them but for the memory: the rows are made when they are read.

    x : integers (or floats that are whole) from 0 to ``num_classes - 1``, any shape; a last axis of length 1 is
        dropped unless it is the only one
    num_classes : None takes ``max(x) + 1``

    returns : :class:`OneHot` of shape ``x.shape + (num_classes,)``, float64. ``numpy.asarray`` makes it real; training
        reads its `ids` directly, so that a loss over many classes never sees the zeros.
    raises : ValueError for negative ids, ids of ``num_classes`` or more, numbers that are not whole, an empty `x`
        without `num_classes`. (Keras lets negative ids count from the end and cuts fractions off.)

    >>> import numpy as np
    >>> np.asarray(to_categorical([0, 2, 1], num_classes=3))
    array([[1., 0., 0.],
           [0., 0., 1.],
           [0., 1., 0.]])
    """
    ids = x.ids if isinstance(x, OneHot) and x._dense is None else np.asarray(x)
    if ids.ndim > 1 and ids.shape[-1] == 1:
        ids = ids[..., 0]
    if not num_classes:
        if not ids.size:
            raise ValueError("num_classes must be given when x is empty: there is no largest label to take it from")
        if ids.dtype.kind not in "iubf":
            raise ValueError(f"x must hold integers, got an array of dtype {ids.dtype}; map the labels to ids first")
        largest = ids.max()
        num_classes = int(largest) + 1 if np.isfinite(largest) and largest >= 0 else 1
    return OneHot(ids, num_classes)
