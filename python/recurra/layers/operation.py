"""Operations on symbolic tensors, as layers without weights: what ``a + b`` and ``a[:, 0]`` put into a graph."""

from __future__ import annotations

from typing import Any

from recurra import ops
from recurra.layers.layer import Layer
from recurra.registration import deserialize_keras_object, serialize_keras_object


class Operation(Layer):
    """One function of ``recurra.ops`` applied to its arguments.

    op : the function's name
    arguments : keyword arguments for it
    """

    supports_masking = True

    def __init__(self, op: str, arguments: dict[str, Any] | None = None, **kwargs: Any) -> None:
        if op.startswith("_") or not callable(getattr(ops, op, None)):
            raise ValueError(f"op must be the name of a function in recurra.ops, got {op!r}")
        kwargs.setdefault("autocast", False)
        if kwargs.get("name") is None:
            from recurra.layers.naming import auto_name

            kwargs["name"] = auto_name(op)
        super().__init__(**kwargs)
        self.op = op
        self.arguments = dict(arguments or {})

    def call(self, *operands: Any) -> Any:
        return getattr(ops, self.op)(*operands, **self.arguments)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "op": self.op, "arguments": serialize_keras_object(self.arguments)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        return cls(**{key: deserialize_keras_object(value) for key, value in config.items()})


class GetItem(Layer):
    """Indexing: ``x[key]``.

    key : integers, slices, None and Ellipsis, or a tuple of them
    """

    def __init__(self, key: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.key = _decode(key)

    def call(self, inputs: Any) -> Any:
        return ops.getitem(inputs, self.key)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "key": _encode(self.key)}


def _encode(key: Any) -> Any:
    if isinstance(key, tuple):
        return {"tuple": [_encode(part) for part in key]}
    if isinstance(key, slice):
        return {"slice": [key.start, key.stop, key.step]}
    return {"ellipsis": True} if key is Ellipsis else key


def _decode(key: Any) -> Any:
    if isinstance(key, dict):
        if "tuple" in key:
            return tuple(_decode(part) for part in key["tuple"])
        return slice(*key["slice"]) if "slice" in key else Ellipsis
    return tuple(_decode(part) for part in key) if isinstance(key, list) else key
