"""Copies of models with new layers and new weights."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from recurra.layers.input_layer import InputLayer
from recurra.layers.wrapper import clone_layer
from recurra.models.functional import Functional
from recurra.models.graph import Graph, repeat_calls
from recurra.models.model import Model
from recurra.models.sequential import Sequential
from recurra.symbolic import KerasTensor, map_symbolic, symbolic_leaves
from recurra.typing import Symbols

if TYPE_CHECKING:
    from recurra.layers.base.layer import Layer


def _copy_layer(layer: Layer) -> Any:
    return clone_layer(layer)


def clone_model(
    model: Any,
    input_tensors: Symbols | None = None,
    clone_function: Callable[[Any], Any] | None = None,
    call_function: Callable[..., Any] | None = None,
    recursive: bool = False,
) -> Any:
    """A model of the same architecture whose layers and weights are new (freshly initialized).

    input_tensors : symbolic tensors to build it on; by default new inputs of the same shapes
    clone_function : makes the new layer for a layer; by default from its configuration
    call_function : ``(layer, *args, **kwargs)``, makes each call in a functional model; by default ``layer(...)``
    recursive : `clone_function` sees the layers of nested models too, instead of the nested models
    raises : ValueError for a subclass with its own ``call``, which only ``from_config`` can copy
    """
    if not hasattr(model, "from_config"):
        raise TypeError(f"model must be a model, got {model!r}")
    copy = clone_function or _copy_layer

    def copied(layer: Layer) -> Any:
        if recursive and isinstance(layer, Model) and (layer._graph is not None or isinstance(layer, Sequential)):
            return clone_model(layer, None, clone_function, call_function, True)
        return copy(layer)

    clones: dict[int, Any] = {}

    def clone_of(layer: Layer) -> Any:
        if id(layer) not in clones:
            clones[id(layer)] = copied(layer)
        return clones[id(layer)]

    if getattr(model, "_callable_losses", ()):
        warnings.warn(
            f"{model.name}: the copy lacks the functions given to add_loss, which compute with the weights of the "
            "original: call add_loss on the copy",
            stacklevel=2,
        )
    if isinstance(model, Sequential):
        if call_function is not None:
            raise ValueError("call_function is for functional models, got a Sequential")
        return _clone_stack(model, input_tensors, clone_of)
    graph = model._graph if isinstance(model, Model) else None
    if graph is None or type(model).call is not Model.call:
        if clone_function is None and input_tensors is None:
            return _copy_layer(model)
        raise ValueError(
            f"{getattr(model, 'name', model)!r} is a subclass with its own call: its layers cannot be copied one by one"
        )
    return _clone_graph(model, graph, input_tensors, clone_of, call_function)


def _clone_stack(model: Sequential, input_tensors: Symbols | None, clone_of: Callable[[Layer], Any]) -> Sequential:
    new = Sequential(name=model.name)
    if input_tensors is not None:
        new.add(symbolic_leaves(input_tensors)[0])
    for layer in model._layers:
        if isinstance(layer, InputLayer):
            if input_tensors is None:
                new.add(_copy_layer(layer))
        else:
            new.add(clone_of(layer))
    if model._ends:
        new._repeat_ends(model._need_graph(), clone_of)
    return new


def _clone_graph(
    model: Model,
    graph: Graph,
    input_tensors: Symbols | None,
    clone_of: Callable[[Layer], Any],
    call_function: Callable[..., Any] | None,
) -> Functional:
    made: dict[int, KerasTensor] = {}
    given = symbolic_leaves(input_tensors) if input_tensors is not None else None
    if given is not None and len(given) != len(graph.input_tensors):
        raise ValueError(f"input_tensors must hold {len(graph.input_tensors)} tensors, got {len(given)}")
    for i, tensor in enumerate(graph.input_tensors):
        if given is not None:
            made[id(tensor)] = given[i]
        else:
            name = tensor.node.layer.name if tensor.node else None
            fresh = InputLayer(batch_shape=tensor.shape, dtype=tensor.dtype, name=name)
            made[id(tensor)] = fresh._inbound_nodes[0].output_tensors[0]

    def layer_for(layer: Layer) -> Any:
        return functools.partial(call_function, clone_of(layer)) if call_function else clone_of(layer)

    def find(tensor: KerasTensor) -> KerasTensor:
        return made[id(tensor)]

    repeat_calls(graph.nodes, made, layer_for)
    copy_of = Functional(map_symbolic(graph.inputs, find), map_symbolic(graph.outputs, find), name=model.name)
    if graph.ends:
        copy_of._add_ends([find(tensor) for tensor in graph.ends])
    return copy_of


def model_from_json(json_string: str, custom_objects: Mapping[str, Any] | None = None) -> Model:
    """The model that ``model.to_json()`` described, with new weights."""
    import json

    from recurra.registry import deserialize_keras_object

    model: Model = deserialize_keras_object(json.loads(json_string), custom_objects)
    if not isinstance(model, Model):
        raise ValueError(f"json_string must describe a model, as model.to_json() does, got {json_string[:60]!r}")
    return model
