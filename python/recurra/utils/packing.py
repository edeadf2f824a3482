"""Batches as ``(x, y, sample_weight)``, and where symbolic tensors come from."""

from __future__ import annotations

from typing import Any

from recurra.symbolic import KerasTensor


def pack_x_y_sample_weight(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """What `fit` takes from a data set: `x` alone, ``(x, y)`` or ``(x, y, sample_weight)``."""
    if sample_weight is not None:
        return x, y, sample_weight
    if y is not None:
        return x, y
    return (x,) if isinstance(x, (list, tuple)) else x


def unpack_x_y_sample_weight(data: Any) -> tuple[Any, Any, Any]:
    """A batch as ``(x, y, sample_weight)``, None for what is not there."""
    if isinstance(data, list):
        data = tuple(data)
    if not isinstance(data, tuple):
        return data, None, None
    if not 1 <= len(data) <= 3:
        raise ValueError(f"a batch must be x, (x,), (x, y) or (x, y, sample_weight), got a tuple of {len(data)}")
    return (*data, *(None,) * (3 - len(data)))


def is_keras_tensor(x: Any) -> bool:
    """Whether `x` is symbolic: an input of a model, or what is computed from one."""
    return isinstance(x, KerasTensor)


def get_source_inputs(tensor: Any) -> list[Any]:
    """The inputs from which a symbolic tensor is computed, each once."""
    if not isinstance(tensor, KerasTensor):
        raise TypeError(f"tensor must be symbolic, as Input(...) gives it, got {type(tensor).__name__}")
    found: list[Any] = []
    seen: set[int] = set()
    waiting = [tensor]
    while waiting:
        one = waiting.pop()
        node = one.node
        if node is None or node.is_input:
            found += [one] if all(one is not other for other in found) else []
        elif id(node) not in seen:
            seen.add(id(node))
            waiting += reversed(node.input_tensors)
    return found
