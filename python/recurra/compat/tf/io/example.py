"""``tf.train.Example`` and its parts: named lists of bytes, floats or integers, and the bytes of a record.

A Feature holds one list. Features are ``{name: Feature}``; a SequenceExample has lists of them beside. What is written
is what TensorFlow writes, up to the order of the names.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from recurra.compat.tf.io.wire import bytes_of, field, fields, signed, varint, varints
from recurra.limits import FileFormatError

__all__ = [
    "BytesList", "Example", "Feature", "FeatureList", "FeatureLists", "Features", "FloatList", "Int64List",
    "SequenceExample",
]  # fmt: skip


class _List:
    """Values of one kind."""

    def __init__(self, value: Iterable[Any] = ()) -> None:
        self.value = [self._taken(one) for one in value]

    @staticmethod
    def _taken(one: Any) -> Any:
        raise NotImplementedError

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self.value == other.value

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self).__name__}(value={self.value!r})"


class BytesList(_List):
    """Texts as bytes."""

    @staticmethod
    def _taken(one: Any) -> bytes:
        if hasattr(one, "numpy"):
            one = one.numpy()
        if not isinstance(one, bytes):
            raise TypeError(f"BytesList takes bytes, got {type(one).__name__} {one!r}: encode a text first")
        return one

    def _written(self) -> bytes:
        return b"".join(field(1, one) for one in self.value)


class FloatList(_List):
    """Numbers of 32 bits."""

    @staticmethod
    def _taken(one: Any) -> float:
        return float(np.float32(one))

    def _written(self) -> bytes:
        return field(1, np.array(self.value, "<f4").tobytes()) if self.value else b""


class Int64List(_List):
    """Integers of 64 bits."""

    @staticmethod
    def _taken(one: Any) -> int:
        number = int(one)
        if number != one:
            raise TypeError(f"Int64List takes integers, got {one!r}")
        if not -(1 << 63) <= number < 1 << 63:
            raise ValueError(f"Int64List takes integers of 64 bits, got {number}")
        return number

    def _written(self) -> bytes:
        return field(1, b"".join(map(varint, self.value))) if self.value else b""


_KINDS: dict[str, tuple[int, type[_List]]] = {
    "bytes_list": (1, BytesList), "float_list": (2, FloatList), "int64_list": (3, Int64List)
}  # fmt: skip


class Feature:
    """One list, of one of the three kinds, or none."""

    def __init__(self, **lists: _List) -> None:
        if len(lists) > 1 or not lists.keys() <= _KINDS.keys():
            raise ValueError(f"Feature takes one of {', '.join(_KINDS)}, got {', '.join(sorted(lists))}")
        self._kind = next(iter(lists), None)
        self._list = next(iter(lists.values()), None)
        if self._kind is not None and not isinstance(self._list, _KINDS[self._kind][1]):
            raise TypeError(f"{self._kind} must be a {_KINDS[self._kind][1].__name__}, got {type(self._list).__name__}")

    def __getattr__(self, name: str) -> Any:
        if name not in _KINDS:
            raise AttributeError(f"a Feature has no {name!r}")
        return self._list if name == self._kind else _KINDS[name][1]()

    def WhichOneof(self, group: str) -> str | None:
        """The kind of its list: "bytes_list", "float_list" or "int64_list"."""
        return self._kind

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Feature) and (self._kind, self._list) == (other._kind, other._list)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Feature({self._kind}={self._list!r})" if self._kind else "Feature()"

    def _written(self) -> bytes:
        if self._kind is None or self._list is None:
            return b""
        return field(_KINDS[self._kind][0], self._list._written())  # type: ignore[attr-defined]

    @classmethod
    def _read(cls, data: memoryview) -> Feature:
        made = cls()
        for number, content in fields(data):
            for kind, (place, _) in _KINDS.items():
                if number == place:
                    made._kind, made._list = kind, _read_list(kind, bytes_of(content, kind))
        return made


def _read_list(kind: str, data: memoryview) -> _List:
    """The values of a list, packed or one a field."""
    made = _KINDS[kind][1]()
    for number, content in fields(data):
        if number != 1:
            continue
        if kind == "int64_list":
            many = [content] if isinstance(content, int) else varints(content)
            made.value += [signed(one) for one in many]
            continue
        part = bytes_of(content, kind)
        if kind == "bytes_list":
            made.value.append(bytes(part))
        else:
            if len(part) % 4:
                raise FileFormatError(f"damaged message: {len(part)} bytes of floats")
            made.value += np.frombuffer(part, "<f4").tolist()
    return made


class _Map:
    """Parts by name, as the bytes of a message: field 1 once a part, with name and part in it."""

    _part: Any
    _parts: dict[str, Any]

    def _written(self) -> bytes:
        return b"".join(
            field(1, field(1, name.encode()) + field(2, part._written())) for name, part in self._parts.items()
        )

    def _read_into(self, data: memoryview) -> None:
        for number, content in fields(data):
            if number != 1:
                continue
            name, part = "", self._part()
            for place, inner in fields(bytes_of(content, "an entry")):
                if place == 1:
                    name = bytes(bytes_of(inner, "a name")).decode("utf-8", "replace")
                elif place == 2:
                    part = self._part._read(bytes_of(inner, name))
            self._parts[name] = part

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self._parts == other._parts

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._parts!r})"


class Features(_Map):
    """Features by name: ``Features(feature={"ids": Feature(int64_list=Int64List(value=[3, 1]))})``."""

    _part = Feature

    def __init__(self, feature: dict[str, Feature] | None = None) -> None:
        self.feature = self._parts = dict(feature or {})
        for name, one in self._parts.items():
            if not isinstance(one, Feature):
                raise TypeError(f"Features: {name!r} must be a Feature, got {type(one).__name__}")


class FeatureList:
    """One Feature a step."""

    def __init__(self, feature: Iterable[Feature] = ()) -> None:
        self.feature = list(feature)

    def _written(self) -> bytes:
        return b"".join(field(1, one._written()) for one in self.feature)

    @classmethod
    def _read(cls, data: memoryview) -> FeatureList:
        return cls(Feature._read(bytes_of(content, "a step")) for number, content in fields(data) if number == 1)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FeatureList) and self.feature == other.feature

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"FeatureList({self.feature!r})"


class FeatureLists(_Map):
    """FeatureLists by name."""

    _part = FeatureList

    def __init__(self, feature_list: dict[str, FeatureList] | None = None) -> None:
        self.feature_list = self._parts = dict(feature_list or {})


class _Message:
    """What a record holds: two maps at most."""

    _names: tuple[str, ...]

    def SerializeToString(self) -> bytes:
        """The bytes of the record."""
        made = b""
        for number, name in enumerate(self._names, 1):
            part = getattr(self, name)
            if part._parts:
                made += field(number, part._written())
        return made

    def ParseFromString(self, serialized: bytes) -> int:
        """Take in what a record holds; gives how many bytes it has."""
        for name in self._names:
            getattr(self, name)._parts.clear()
        for number, content in fields(memoryview(serialized)):
            if 1 <= number <= len(self._names):
                name = self._names[number - 1]
                getattr(self, name)._read_into(bytes_of(content, name))
        return len(serialized)

    @classmethod
    def FromString(cls, serialized: Any) -> Any:
        """A record's bytes, or a tensor of them, as a message."""
        made = cls()
        made.ParseFromString(serialized.numpy() if hasattr(serialized, "numpy") else serialized)
        return made

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and all(getattr(self, name) == getattr(other, name) for name in self._names)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in self._names)})"


class Example(_Message):
    """One example: ``Example(features=Features(feature={...})).SerializeToString()``."""

    _names = ("features",)

    def __init__(self, features: Features | None = None) -> None:
        self.features = Features() if features is None else features


class SequenceExample(_Message):
    """One example with features of the whole and lists of features, one a step."""

    _names = ("context", "feature_lists")

    def __init__(self, context: Features | None = None, feature_lists: FeatureLists | None = None) -> None:
        self.context = Features() if context is None else context
        self.feature_lists = FeatureLists() if feature_lists is None else feature_lists
