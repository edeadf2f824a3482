"""``tf.ragged``: rows of unequal length, as far as they feed a recurrent layer."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from recurra.autograd import Tensor as Tracked
from recurra.compat.tf.dtypes import as_dtype
from recurra.compat.tf.shapes import TensorShape
from recurra.compat.tf.tensors import EagerTensor, array_of, present

__all__ = ["RaggedTensor", "boolean_mask", "constant", "map_flat_values", "range", "stack"]


class RaggedTensor:
    """Rows of unequal length: a list of arrays, or of RaggedTensors.

    >>> words = RaggedTensor.from_rows([np.array([3, 1]), np.array([4])])
    >>> words.to_tensor().numpy().tolist(), words.row_lengths().numpy().tolist()
    ([[3, 1], [4, 0]], [2, 1])
    """

    def __init__(self, rows: list[Any], dtype: Any = None) -> None:
        self._rows = rows
        kinds = [row.dtype for row in rows if len(row)] or [row.dtype for row in rows] or [np.dtype(np.float32)]
        self.dtype = np.dtype(dtype) if dtype is not None else kinds[0]

    @classmethod
    def from_rows(cls, rows: list[Any]) -> RaggedTensor:
        """A ragged tensor of these rows, arrays or ragged tensors."""
        return cls([row if isinstance(row, RaggedTensor) else array_of(row) for row in rows])

    @classmethod
    def from_row_lengths(
        cls, values: Any, row_lengths: Any, name: str | None = None, validate: bool = True
    ) -> RaggedTensor:
        """`values` cut into rows of these lengths."""
        ends = np.cumsum(array_of(row_lengths))
        return cls([part for part in np.split(array_of(values), ends)[:-1]])

    @classmethod
    def from_row_splits(
        cls, values: Any, row_splits: Any, name: str | None = None, validate: bool = True
    ) -> RaggedTensor:
        """`values` cut where `row_splits` says, from 0 to the end."""
        return cls.from_row_lengths(values, np.diff(array_of(row_splits)))

    @classmethod
    def from_tensor(
        cls, tensor: Any, lengths: Any = None, padding: Any = None, ragged_rank: int = 1, name: str | None = None
    ) -> RaggedTensor:
        """The rows of a tensor without what is behind `lengths`, or without `padding` at their ends."""
        rows = array_of(tensor)
        if lengths is not None:
            sizes = array_of(lengths)
        elif padding is not None:
            kept = rows != array_of(padding)
            sizes = np.array([np.flatnonzero(row)[-1] + 1 if row.any() else 0 for row in kept], int)
        else:
            sizes = np.full(len(rows), rows.shape[1])
        return cls([row[:size] for row, size in zip(rows, sizes, strict=True)])

    def rows(self) -> list[Any]:
        """The rows as arrays, or RaggedTensors."""
        return self._rows

    @property
    def shape(self) -> TensorShape:
        inner = self._rows[0].shape if self._rows else ()
        rest = tuple(inner)[1:]
        return TensorShape((len(self._rows), None, *rest))

    @property
    def ragged_rank(self) -> int:
        inner = self._rows[0] if self._rows else None
        return 1 + (inner.ragged_rank if isinstance(inner, RaggedTensor) else 0)

    @property
    def values(self) -> Any:
        if any(isinstance(row, RaggedTensor) for row in self._rows):
            return RaggedTensor([row for part in self._rows for row in part.rows()])
        return present(np.concatenate(self._rows) if self._rows else np.zeros(0, self.dtype))

    @property
    def flat_values(self) -> Any:
        inner = self.values
        return inner.flat_values if isinstance(inner, RaggedTensor) else inner

    @property
    def row_splits(self) -> Any:
        return present(np.concatenate([[0], np.cumsum([len(row) for row in self._rows])]).astype(np.int64))

    def nrows(self, out_type: Any = np.int64, name: str | None = None) -> Any:
        """How many rows."""
        return present(np.array(len(self._rows), np.int64))

    def row_lengths(self, axis: int = 1, name: str | None = None) -> Any:
        """The length of each row."""
        return present(np.array([len(row) for row in self._rows], np.int64))

    def bounding_shape(self, axis: Any = None, name: str | None = None, out_type: Any = None) -> Any:
        """The shape of the smallest tensor that holds all."""
        found = np.array(self.to_tensor().shape, np.int64)
        return present(found if axis is None else found[axis])

    def to_tensor(self, default_value: Any = None, name: str | None = None, shape: Any = None) -> Any:
        """A tensor with `default_value` (0, or an empty text) behind the rows.

        shape : the sizes to cut or pad to, None for the longest
        """
        filling = (b"" if self.dtype == object else 0) if default_value is None else array_of(default_value)[()]
        rows = [array_of(row.to_tensor(filling)) if isinstance(row, RaggedTensor) else row for row in self._rows]
        axes = max((row.ndim for row in rows), default=1)
        longest = [max((row.shape[k] for row in rows), default=0) for k in range_(axes)]
        if shape is not None:
            wanted = list(shape)[1:]
            longest = [
                size if want is None or want == -1 else int(want) for size, want in zip(longest, wanted, strict=False)
            ]
        made = np.full((len(rows), *longest), filling, self.dtype)
        for place, row in enumerate(rows):
            part = tuple(slice(0, min(size, limit)) for size, limit in zip(row.shape, longest, strict=True))
            made[place][part] = row[part]
        return present(made)

    def to_list(self) -> list[Any]:
        """Nested lists."""
        return [row.to_list() if isinstance(row, RaggedTensor) else row.tolist() for row in self._rows]

    def numpy(self) -> Any:
        """An array of objects, one for each row; rows of equal length make one array."""
        rows = [row.numpy() if isinstance(row, RaggedTensor) else row for row in self._rows]
        if len({row.shape for row in rows}) == 1:
            return np.stack(rows)
        made = np.empty(len(rows), object)
        made[:] = rows
        return made

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Any]:
        return (self[k] for k in range_(len(self._rows)))

    def __getitem__(self, key: Any) -> Any:
        first, rest = (key[0], key[1:]) if isinstance(key, tuple) else (key, ())
        if isinstance(first, Tracked):
            first = int(first)
        if isinstance(first, slice):
            chosen = RaggedTensor(self._rows[first], self.dtype)
            if not rest:
                return chosen
            inner = [row[rest if len(rest) > 1 else rest[0]] for row in chosen.rows()]
            if isinstance(rest[0], slice):
                return RaggedTensor(
                    [row if isinstance(row, RaggedTensor) else array_of(row) for row in inner], self.dtype
                )
            return present(np.stack([array_of(row) for row in inner]))
        row = self._rows[first]
        row = row if isinstance(row, RaggedTensor) else present(row)
        return row[rest if len(rest) > 1 else rest[0]] if rest else row

    def mapped(self, function: Callable[[Any], Any]) -> RaggedTensor:
        """`function` of all the values at once, in the rows that they came in."""
        return map_flat(function, self)

    def reduced(self, function: Callable[[Any, Any], Any], axis: Any) -> Any:
        """``function(values, axis)`` of each row (axis 1), or of all values (None)."""
        inner = 0 if self.ragged_rank > 1 else 1 + max((row.ndim for row in self._rows), default=1)
        along = axis + inner if isinstance(axis, int) and axis < 0 else axis
        if axis is None:
            return present(function(array_of(self.flat_values), None))
        if along != 1 or not inner:
            raise NotImplementedError(f"a ragged tensor is reduced along axis 1, or whole, got axis={axis}")
        with np.errstate(invalid="ignore", divide="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the mean of an empty row is NaN
            return present(np.stack([array_of(function(row, 0)) for row in self._rows]))

    def _with(self, function: Callable[[Any, Any], Any], other: Any) -> RaggedTensor:
        """``function(row, other row)`` of each row; what is no ragged tensor broadcasts."""
        if isinstance(other, RaggedTensor):
            others = other.rows()
        else:
            array = array_of(other)
            others = [array] * len(self) if array.ndim == 0 or len(array) == 1 else list(array)
        if len(others) != len(self._rows):
            raise ValueError(f"ragged tensors of {len(self._rows)} and {len(others)} rows do not fit together")
        rows = [
            row._with(function, one) if isinstance(row, RaggedTensor) else np.asarray(function(row, one))
            for row, one in zip(self._rows, others, strict=True)
        ]
        return RaggedTensor(rows)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        found = self.numpy()
        return found if dtype is None else found.astype(dtype)

    def __repr__(self) -> str:
        return f"<tf.RaggedTensor {self.to_list()}>"


def _operator(function: Callable[[Any, Any], Any], turned: bool = False) -> Any:
    def compute(self: RaggedTensor, other: Any) -> RaggedTensor:
        return self._with((lambda a, b: function(b, a)) if turned else function, other)

    return compute


for _name, _function in {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.true_divide, "floordiv": np.floor_divide,
    "mod": np.mod, "pow": np.power,
}.items():  # fmt: skip
    setattr(RaggedTensor, f"__{_name}__", _operator(_function))
    setattr(RaggedTensor, f"__r{_name}__", _operator(_function, True))
for _name, _function in {
    "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal, "eq": np.equal, "ne": np.not_equal,
}.items():  # fmt: skip
    setattr(RaggedTensor, f"__{_name}__", _operator(_function))
RaggedTensor.__hash__ = object.__hash__  # type: ignore[method-assign]

range_ = range


def joined(values: list[Any], axis: Any) -> RaggedTensor:
    """Ragged tensors, and others of as many rows, one after the other: whole (axis 0), or row by row (axis 1)."""
    parts = [value.rows() if isinstance(value, RaggedTensor) else list(array_of(value)) for value in values]
    if axis == 0:
        return RaggedTensor([row for part in parts for row in part])
    if axis not in (1, -1) or any(isinstance(row, RaggedTensor) for part in parts for row in part):
        raise NotImplementedError(f"tf.concat: ragged tensors are joined along axis 0 or 1, got axis={axis}")
    if len({len(part) for part in parts}) > 1:
        raise ValueError(f"tf.concat: as many rows are needed in each, got {[len(part) for part in parts]}")
    return RaggedTensor([np.concatenate(rows) for rows in zip(*parts, strict=True)])


def with_axis(value: Any, axis: int) -> Any:
    """A ragged tensor, or an array, with an axis of size 1 put in."""
    if not isinstance(value, RaggedTensor):
        return np.expand_dims(value, axis)
    axes = len(value.shape)
    if not -axes - 1 <= axis <= axes:
        raise ValueError(f"tf.expand_dims: axis must be in [{-axes - 1}, {axes}], got {axis}")
    axis += axes + 1 if axis < 0 else 0
    if axis == 0:
        return RaggedTensor([value])
    return RaggedTensor([RaggedTensor([row]) if axis == 1 else with_axis(row, axis - 1) for row in value.rows()])


def boolean_mask(data: Any, mask: Any, name: str | None = None) -> RaggedTensor:
    """What `mask` keeps of each row."""
    chosen = mask.rows() if isinstance(mask, RaggedTensor) else array_of(mask)
    rows = data.rows() if isinstance(data, RaggedTensor) else array_of(data)
    return RaggedTensor([array_of(row)[array_of(kept)] for row, kept in zip(rows, chosen, strict=True)])


def constant(
    pylist: Any,
    dtype: Any = None,
    ragged_rank: Any = None,
    inner_shape: Any = None,
    name: str | None = None,
    row_splits_dtype: Any = None,
) -> Any:
    """A RaggedTensor of nested lists; a tensor where no list is inside."""
    if not any(isinstance(item, (list, tuple, np.ndarray)) for item in pylist):
        array = array_of(list(pylist))
        return EagerTensor(array if dtype is None else array.astype(np.dtype(as_dtype(dtype))))
    deeper = any(isinstance(item, (list, tuple)) for row in pylist for item in row)
    kind = None if dtype is None else np.dtype(as_dtype(dtype))
    if deeper:
        return RaggedTensor([constant(row, dtype) if len(row) else RaggedTensor([], kind) for row in pylist], kind)
    rows = [array_of(list(row)) if kind is None else array_of(list(row)).astype(kind) for row in pylist]
    kinds = [row.dtype for row in rows if len(row)]
    return RaggedTensor([row.astype(kinds[0]) if kinds else row for row in rows], kind)


def stack(values: Any, axis: int = 0, name: str | None = None) -> RaggedTensor:
    """Tensors of unequal length as the rows of a RaggedTensor."""
    if axis != 0:
        raise NotImplementedError(f"tf.ragged.stack: axis must be 0 here, got {axis}")
    return RaggedTensor.from_rows(list(values))


def map_flat(function: Callable[[Any], Any], value: RaggedTensor) -> RaggedTensor:
    """`function` of all the values at once, in the rows that they came in."""
    if any(isinstance(row, RaggedTensor) for row in value.rows()):
        return RaggedTensor([map_flat(function, row) for row in value.rows()])
    lengths = [len(row) for row in value.rows()]
    return RaggedTensor.from_row_lengths(function(value.flat_values), lengths)


def map_flat_values(op: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """``op(*args)`` on the values of the ragged tensors among the arguments, in their rows."""
    form = next(arg for arg in args if isinstance(arg, RaggedTensor))
    flat = [arg.flat_values if isinstance(arg, RaggedTensor) else arg for arg in args]
    return map_flat(lambda _: op(*flat, **kwargs), form)


def range(starts: Any, limits: Any = None, deltas: Any = 1, dtype: Any = None, name: str | None = None) -> RaggedTensor:
    """A row of numbers for each start and limit."""
    first, last = (np.zeros_like(array_of(starts)), starts) if limits is None else (starts, limits)
    ends = np.broadcast_arrays(array_of(first), array_of(last), array_of(deltas))
    rows: list[Any] = []
    for a, b, d in zip(*(np.ravel(end).tolist() for end in ends), strict=True):
        rows.append(np.arange(a, b, d).astype(ends[0].dtype))
    return RaggedTensor(rows)
