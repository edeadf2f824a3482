"""Where each weight of a model lives in a file: Keras 3's paths.

Keras walks a model's attributes. Layers of a Sequential or functional model are found under ``layers/``, by the snake
case of their class with a counter for each class; layers inside a layer under the attribute that holds them
(``layers/lstm/cell``, ``layers/bidirectional/forward_layer/cell``, ``layers/rnn/cell/cells/gru_cell``). The layers
here may be built otherwise inside: :func:`_named_parts` says, class by class, under which names Keras would find them.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from recurra.autograd import Variable
from recurra.naming import to_snake_case
from recurra.registry import is_builtin


class Entry(NamedTuple):
    """One object that has weights of its own (or could have).

    path : of its group in the file, "" for the model itself
    name : the layer's or optimizer's name
    variables : its own, in Keras's order
    owner : the layer, or the optimizer
    """

    path: str
    name: str
    variables: list[Variable]
    owner: Any


def walk(model: Any) -> Iterator[Entry]:
    """The model and all layers below it, each once, at the path where Keras 3 visits it first.

    The optimizer is left out; its path is "optimizer".
    """
    yield from _visit(model, "", set())


def _visit(layer: Any, path: str, seen: set[int]) -> Iterator[Entry]:
    if id(layer) in seen:
        return
    seen.add(id(layer))
    yield Entry(path, layer.name, layer._file_variables(), layer)
    for attribute, value in _parts(layer):
        below = f"{path}/{attribute}" if path else attribute
        if _is_layer(value):
            yield from _visit(value, below, seen)
        elif isinstance(value, (list, tuple, dict)):
            yield from _visit_container(value, below, seen, set())


def _visit_container(container: Any, path: str, seen: set[int], containers: set[int]) -> Iterator[Entry]:
    if id(container) in containers:
        return
    containers.add(id(container))
    counts: dict[str, int] = {}
    for value in container.values() if isinstance(container, dict) else container:
        if _is_layer(value):
            if value.is_operation:
                continue  # arithmetic in the graph: no layer in Keras
            name = to_snake_case(type(value).__name__)
        elif isinstance(value, (list, tuple, dict)):
            name = "container"
        else:
            continue
        count = counts.get(name, -1) + 1
        counts[name] = count
        below = f"{path}/{name}_{count}" if count else f"{path}/{name}"
        if name == "container" and not _is_layer(value):
            yield from _visit_container(value, below, seen, containers)
        else:
            yield from _visit(value, below, seen)


def _parts(layer: Any) -> Iterator[tuple[str, Any]]:
    """The attributes below which layers are found, in the order in which Keras looks at them."""
    own = _own_parts(type(layer))
    for attribute in own:
        yield attribute, getattr(layer, attribute, None)
    if not is_builtin(type(layer)):
        yield from _attributes(layer, set(own))


def _own_parts(kind: type) -> tuple[str, ...]:
    parts = _named_parts()
    return next((parts[base] for base in kind.__mro__ if base in parts), ())


@cache
def _named_parts() -> dict[type, tuple[str, ...]]:
    """The attributes of built-in classes that hold layers, as Keras 3 names them."""
    from recurra.layers import RNN, Bidirectional, InputFeedingDecoder, MultiHeadAttention, StackedRNNCells, Wrapper
    from recurra.models import Sequential
    from recurra.models.functional import Functional

    return {
        RNN: ("cell",),
        StackedRNNCells: ("cells",),
        Bidirectional: ("backward_layer", "forward_layer"),
        Wrapper: ("layer",),
        InputFeedingDecoder: ("parts",),
        MultiHeadAttention: ("key_dense", "output_dense", "query_dense", "value_dense", "_gate_dense"),
        Sequential: ("layers",),
        Functional: ("layers",),
    }


def _attributes(layer: Any, done: set[str]) -> Iterator[tuple[str, Any]]:
    """The attributes of a user's class: public ones by name, then private ones; `layers` of a model among them."""
    from recurra.models import Model

    names = set(vars(layer)) - _inherited() - done
    if isinstance(layer, Model):
        names = (names | {"layers"}) - done
    for name in sorted(names, key=lambda name: f"~{name}" if name.startswith("_") else name):
        if name.startswith("__") or name == "optimizer":
            continue
        yield name, getattr(layer, name, None)


@cache
def _inherited() -> frozenset[str]:
    """The attributes that a plain layer or model has, where no user's layer is looked for."""
    from recurra.layers import Layer
    from recurra.models import Model

    names = set(dir(Layer(name="plain"))) | set(dir(Model(name="plain")))
    return frozenset(names - {"layers"})


def _is_layer(value: Any) -> bool:
    from recurra.layers import Layer

    return isinstance(value, Layer)
