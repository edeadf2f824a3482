"""Models made of symbolic inputs and outputs, and how they are written as configurations and read again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from recurra.models.model import Model
from recurra.models.sequential import Sequential
from recurra.registry import deserialize_keras_object, serialize_keras_object
from recurra.symbolic import KerasTensor, Node, map_symbolic

if TYPE_CHECKING:
    from recurra.layers.base.layer import Layer


class Functional(Model):
    """What ``Model(inputs, outputs)`` makes: layers joined by their calls, with branches and sharing."""

    _keras_module = "keras.src.models.functional"

    def get_config(self) -> dict[str, Any]:
        graph = self._need_graph()
        return {
            "name": self.name,
            "trainable": self.trainable,
            "layers": [_layer_config(self, layer) for layer in graph.layers],
            "input_layers": _places(self, graph.inputs),
            "output_layers": _places(self, graph.outputs),
        }


def _number(model: Model, tensor: KerasTensor) -> int:
    """The number of the call that made `tensor`, among the layer's calls in this model."""
    node = tensor.node
    assert node is not None and model._graph is not None
    return next(i for i, other in enumerate(model._graph.nodes_of(node.layer)) if other is node)


def _places(model: Model, tensors: Any) -> Any:
    def place(tensor: KerasTensor) -> list[Any]:
        assert tensor.node is not None
        kept = isinstance(tensor.node.layer, Functional)  # here Keras counts a model's own graph as its first call
        return [tensor.node.layer.name, kept + _number(model, tensor), tensor.index]

    return map_symbolic(tensors, place)


def _node_config(model: Model, node: Node) -> dict[str, Any]:
    def describe(tensor: KerasTensor) -> dict[str, Any]:
        assert tensor.node is not None
        history = [tensor.node.layer.name, _number(model, tensor), tensor.index]
        return {
            "class_name": "__keras_tensor__",
            "config": {"shape": list(tensor.shape), "dtype": tensor.dtype, "keras_history": history},
        }

    args, kwargs = map_symbolic(node.args, describe), map_symbolic(node.kwargs, describe)
    return {"args": [_plain(value) for value in args], "kwargs": {key: _plain(value) for key, value in kwargs.items()}}


def _plain(value: Any) -> Any:
    if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return serialize_keras_object(value)


def _layer_config(model: Model, layer: Layer) -> dict[str, Any]:
    assert model._graph is not None
    config: dict[str, Any] = serialize_keras_object(layer)
    config["name"] = layer.name
    config["inbound_nodes"] = [_node_config(model, n) for n in model._graph.nodes_of(layer) if n.input_tensors]
    return config


class _NotYet(Exception):
    """A tensor that a call needs has not been made yet."""


def functional_from_config(cls: Any, config: dict[str, Any]) -> Any:
    """The model that ``Functional.get_config`` (or Keras 2 or 3) described, with new layers.

    raises : ValueError where the calls cannot be put in an order
    """
    layers: dict[str, Any] = {}
    waiting: list[tuple[str, list[Any]]] = []
    for entry in config["layers"]:
        layer = deserialize_keras_object({k: v for k, v in entry.items() if k not in ("inbound_nodes", "name")})
        name = entry.get("name") or entry["config"]["name"]
        layers[name] = layer
        calls = entry.get("inbound_nodes") or []
        if calls:
            waiting.append((name, list(calls)))

    def find(name: str, number: int, index: int, kept: tuple[type, ...] = ()) -> KerasTensor:
        if name not in layers:
            raise ValueError(f"the configuration names a layer {name!r} that it does not hold")
        layer = layers[name]
        number -= 1 if isinstance(layer, kept) and number > 0 else 0
        made = calls_made.get(name, []) if not _is_input(layer) else layer._inbound_nodes
        if len(made) <= number:
            raise _NotYet
        tensor: KerasTensor = made[number].output_tensors[index]
        return tensor

    calls_made: dict[str, list[Node]] = {}
    while waiting:
        later: list[tuple[str, list[Any]]] = []
        progress = False
        for name, calls in waiting:
            layer = layers[name]
            while calls:
                try:
                    args, kwargs = _arguments(calls[0], find)
                except _NotYet:
                    break
                layer(*args, **kwargs)
                calls_made.setdefault(name, []).append(layer._inbound_nodes[-1])
                calls.pop(0)
                progress = True
            if calls:
                later.append((name, calls))
        if not progress and later:
            raise ValueError(f"the configuration's calls depend on each other in a circle: {[n for n, _ in later]}")
        waiting = later

    try:
        inputs, outputs = (_tensors(config[key], find) for key in ("input_layers", "output_layers"))
    except _NotYet:
        raise ValueError("the configuration's inputs or outputs name a call that it does not hold") from None
    if any(isinstance(call, (list, tuple)) for entry in config["layers"] for call in entry.get("inbound_nodes") or []):
        # Keras 2 writes one tensor as a list too
        inputs = inputs[0] if isinstance(inputs, list) and len(inputs) == 1 else inputs
        outputs = outputs[0] if isinstance(outputs, list) and len(outputs) == 1 else outputs
    rest = {
        k: v for k, v in config.items() if k not in ("layers", "input_layers", "output_layers", "name", "trainable")
    }
    for key in ("dtype", "build_input_shape"):
        rest.pop(key, None)
    kind = Functional if cls is Model else cls
    model = kind(inputs, outputs, name=config.get("name"), **rest)
    adding = [node for name, nodes in calls_made.items() if _looks_on(layers[name]) for node in nodes]
    if adding:
        model._add_ends([tensor for node in adding for tensor in node.output_tensors])
    if config.get("trainable") is False:
        model.trainable = False
    return model


def _tensors(places: Any, find: Callable[..., KerasTensor]) -> Any:
    if isinstance(places, Mapping):
        return {key: _tensors(value, find) for key, value in places.items()}
    if len(places) == 3 and isinstance(places[0], str):
        return find(places[0], places[1], places[2], (Functional,))
    return [_tensors(place, find) for place in places]


def _is_input(layer: Layer) -> bool:
    from recurra.layers.input_layer import InputLayer

    return isinstance(layer, InputLayer)


def _looks_on(layer: Layer) -> bool:
    from recurra.layers.add_loss import AddLoss
    from recurra.layers.add_metric import AddMetric

    return isinstance(layer, (AddLoss, AddMetric))


def _arguments(call: Any, find: Any) -> tuple[list[Any], dict[str, Any]]:
    """The arguments of one call: Keras 3's ``{"args", "kwargs"}``, or Keras 2's list of places."""
    if isinstance(call, Mapping):
        return [_revive(value, find) for value in call.get("args", [])], {
            key: _revive(value, find) for key, value in call.get("kwargs", {}).items()
        }
    places = call if call and isinstance(call[0], (list, tuple)) else [call]
    found = [find(place[0], place[1], place[2], (Functional, Sequential)) for place in places]
    kwargs = dict(places[0][3]) if len(places[0]) > 3 else {}
    revived = {key: _revive_place(value, find) for key, value in kwargs.items()}
    return [found[0] if len(found) == 1 else found], revived


def _revive(value: Any, find: Any) -> Any:
    """An argument in a Keras 3 configuration."""
    if isinstance(value, Mapping):
        if value.get("class_name") == "__keras_tensor__":
            return find(*value["config"]["keras_history"])
        if value.get("class_name") == "__tuple__":
            return tuple(_revive(item, find) for item in value["items"])
        if "class_name" in value:
            return deserialize_keras_object(value)
        return {key: _revive(item, find) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_revive(item, find) for item in value]
    return value


def _revive_place(value: Any, find: Any) -> Any:
    """A tensor given by keyword in a Keras 2 configuration: ``[name, node, index]``, or a list of these."""
    if isinstance(value, list) and len(value) in (3, 4) and isinstance(value[0], str) and isinstance(value[1], int):
        return find(*value[:3], kept=(Functional, Sequential))
    if isinstance(value, list) and value and all(isinstance(item, list) for item in value):
        return [_revive_place(item, find) for item in value]
    return value
