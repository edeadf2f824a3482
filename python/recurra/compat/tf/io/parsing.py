"""From the bytes of examples to tensors: ``tf.io.parse_single_example`` and the descriptions that it is given."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from recurra.compat.tf.dtypes import as_dtype
from recurra.compat.tf.io.example import Example, Feature, SequenceExample
from recurra.compat.tf.ragged import RaggedTensor
from recurra.compat.tf.shapes import TensorShape
from recurra.compat.tf.specs import SparseTensor
from recurra.compat.tf.strings import texts_of
from recurra.compat.tf.tensors import array_of, present

__all__ = [
    "FixedLenFeature", "FixedLenSequenceFeature", "RaggedFeature", "VarLenFeature", "parse_example",
    "parse_single_example", "parse_single_sequence_example",
]  # fmt: skip


class FixedLenFeature(NamedTuple):
    """As many values as `shape` has; `default_value` where the feature is missing."""

    shape: Any
    dtype: Any
    default_value: Any = None


class VarLenFeature(NamedTuple):
    """Any number of values: a SparseTensor."""

    dtype: Any


class FixedLenSequenceFeature(NamedTuple):
    """Any number of rows of `shape`."""

    shape: Any
    dtype: Any
    allow_missing: bool = False
    default_value: Any = None


class RaggedFeature(NamedTuple):
    """Any number of values: a tensor, ragged in a batch."""

    dtype: Any
    value_key: str | None = None


_KINDS = {"float32": "float_list", "int64": "int64_list", "string": "bytes_list"}


def _values(found: Feature | None, dtype: Any, name: str) -> Any:
    """The values as an array, None where there are none."""
    kind = as_dtype(dtype)
    if kind.name not in _KINDS:
        raise ValueError(f"{name}: the dtype of a feature is float32, int64 or string, got {kind.name}")
    wanted = _KINDS[kind.name]
    given = None if found is None else found.WhichOneof("kind")
    if found is None or given is None:
        return None
    if given != wanted:
        raise ValueError(f"{name}: the description says {kind.name}, the example has a {given}")
    made = np.empty(len(getattr(found, wanted).value), np.dtype(kind))
    made[:] = getattr(found, wanted).value
    return made


def _sizes(shape: Any) -> tuple[int, ...]:
    return tuple(int(size) for size in TensorShape(shape).as_list())


def _fixed(values: Any, feature: FixedLenFeature, name: str) -> Any:
    shape = _sizes(feature.shape)
    if values is None:
        if feature.default_value is None:
            raise ValueError(f"{name}: the example has no such feature, and its description no default_value")
        default = array_of(feature.default_value).astype(np.dtype(as_dtype(feature.dtype)))
        return np.broadcast_to(default.reshape(shape) if default.size > 1 else default, shape)
    if values.size != int(np.prod(shape)):
        raise ValueError(f"{name}: shape {shape} takes {int(np.prod(shape))} values, the example has {values.size}")
    return values.reshape(shape)


def _rows(values: Any, feature: FixedLenSequenceFeature, name: str) -> Any:
    shape = _sizes(feature.shape)
    if values is None:
        if not feature.allow_missing:
            raise ValueError(f"{name}: the example has no such feature, and allow_missing is not set")
        values = np.empty(0, np.dtype(as_dtype(feature.dtype)))
    size = int(np.prod(shape))
    if values.size % max(size, 1):
        raise ValueError(f"{name}: rows of shape {shape} have {size} values each, the example has {values.size}")
    return values.reshape(-1, *shape)


def _parse(found: dict[str, Feature], features: dict[str, Any]) -> dict[str, Any]:
    """Each feature as an array; what may have any length, or is missing, as rows."""
    made = {}
    for name, feature in features.items():
        values = _values(found.get(getattr(feature, "value_key", None) or name), feature.dtype, name)
        if isinstance(feature, FixedLenFeature):
            made[name] = _fixed(values, feature, name)
        elif isinstance(feature, FixedLenSequenceFeature):
            made[name] = _rows(values, feature, name)
        elif isinstance(feature, (VarLenFeature, RaggedFeature)):
            made[name] = np.empty(0, np.dtype(as_dtype(feature.dtype))) if values is None else values
        else:
            raise TypeError(f"{name}: no description of a feature: {feature!r}")
    return made


def _sparse(rows: list[Any]) -> SparseTensor:
    """Rows of unequal length."""
    places = [(row, place) for row, values in enumerate(rows) for place in range(len(values))]
    shape = (len(rows), max((len(values) for values in rows), default=0))
    return SparseTensor(np.array(places, np.int64).reshape(-1, 2), np.concatenate(rows), shape)


def parse_single_example(
    serialized: Any, features: dict[str, Any], example_names: Any = None, name: str | None = None
) -> dict[str, Any]:
    """The features of one example, by name: tensors, and a SparseTensor for a VarLenFeature."""
    found = Example.FromString(bytes(texts_of(serialized)[()])).features.feature
    made: dict[str, Any] = {}
    for key, values in _parse(found, features).items():
        if isinstance(features[key], VarLenFeature):
            made[key] = SparseTensor(np.arange(len(values))[:, None], values, (len(values),))
        else:
            made[key] = present(np.array(values))
    return made


def parse_example(
    serialized: Any, features: dict[str, Any], example_names: Any = None, name: str | None = None
) -> dict[str, Any]:
    """The features of a batch of examples; rows of a FixedLenSequenceFeature are filled to the longest."""
    parsed = [
        _parse(Example.FromString(bytes(one)).features.feature, features) for one in texts_of(serialized).reshape(-1)
    ]
    made: dict[str, Any] = {}
    for key, feature in features.items():
        rows = [one[key] for one in parsed]
        dtype = np.dtype(as_dtype(feature.dtype))
        if isinstance(feature, VarLenFeature):
            made[key] = _sparse(rows) if rows else SparseTensor(np.empty((0, 2)), np.empty(0, dtype), (0, 0))
        elif isinstance(feature, RaggedFeature):
            made[key] = RaggedTensor.from_rows([present(row) for row in rows])
        elif isinstance(feature, FixedLenSequenceFeature):
            steps = max((len(row) for row in rows), default=0)
            filling = (b"" if dtype.kind == "O" else 0) if feature.default_value is None else feature.default_value
            whole = np.full((len(rows), steps, *_sizes(feature.shape)), filling, dtype)
            for place, row in enumerate(rows):
                whole[place, : len(row)] = row
            made[key] = present(whole)
        else:
            made[key] = present(np.stack(rows) if rows else np.empty((0, *_sizes(feature.shape)), dtype))
    return made


def parse_single_sequence_example(
    serialized: Any,
    context_features: dict[str, Any] | None = None,
    sequence_features: dict[str, Any] | None = None,
    example_name: Any = None,
    name: str | None = None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The features of the whole and those of each step, of one SequenceExample."""
    data = bytes(texts_of(serialized)[()])
    found = SequenceExample.FromString(data)
    context = Example()
    context.features = found.context
    wholes = parse_single_example(context.SerializeToString(), context_features or {})
    steps: dict[str, Any] = {}
    for key, feature in (sequence_features or {}).items():
        listed = found.feature_lists.feature_list.get(key)
        dtype = np.dtype(as_dtype(feature.dtype))
        if listed is None and not getattr(feature, "allow_missing", True):
            raise ValueError(f"{key}: the example has no such list, and allow_missing is not set")
        empty = np.empty(0, dtype)
        rows = [_values(one, feature.dtype, key) for one in (listed.feature if listed is not None else [])]
        rows = [empty if row is None else row for row in rows]
        if isinstance(feature, FixedLenSequenceFeature):
            whole = np.concatenate([empty, *rows])
            shape = _sizes(feature.shape)
            if any(row.size != int(np.prod(shape)) for row in rows):
                raise ValueError(f"{key}: each step takes {int(np.prod(shape))} values, of shape {shape}")
            steps[key] = present(whole.reshape(-1, *shape))
        elif isinstance(feature, VarLenFeature):
            steps[key] = _sparse(rows) if rows else SparseTensor(np.empty((0, 2)), empty, (0, 0))
        elif isinstance(feature, RaggedFeature):
            steps[key] = RaggedTensor.from_rows([present(row) for row in rows])
        else:
            raise TypeError(f"{key}: a list of steps takes no {type(feature).__name__}")
    return wholes, steps
