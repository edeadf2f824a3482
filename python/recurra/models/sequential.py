"""A stack of layers, each fed by the one before."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from recurra.layers.base.layer import Layer
from recurra.layers.input_layer import InputLayer
from recurra.models.graph import Graph, fitted, is_embedding, repeat_calls, with_mask
from recurra.models.model import Model
from recurra.models.open_lengths import builds_alike
from recurra.registry import custom_object_scope, deserialize_keras_object, serialize_keras_object
from recurra.symbolic import KerasTensor


class Sequential(Model):
    """Layers one after another.

    layers : the layers, perhaps beginning with ``Input(shape)`` or with a layer that says its `input_shape`
    name : "sequential" (numbered) where None

    Without a known input shape the weights are made at the first call, ``build`` or ``fit``.

    >>> import numpy as np
    >>> from recurra.layers import Dense, Input, LSTM
    >>> from recurra.models import Sequential
    >>> model = Sequential([Input((None, 8)), LSTM(16), Dense(1)])
    >>> model.predict(np.zeros((4, 5, 8), "float32")).shape
    (4, 1)
    """

    _adding_many = False
    _takes_one_input = True
    _top: KerasTensor | None = None

    def __init__(
        self,
        layers: Iterable[Layer | KerasTensor] | None = None,
        trainable: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, trainable=trainable, **kwargs)
        self._layers: list[Layer] = []
        self._steps: list[Any] | None = None
        self._assumed_ids = False
        self._ends: list[KerasTensor] = []
        self._ends_layers: list[Layer] = []
        if layers is not None and not isinstance(layers, (list, tuple)):
            raise TypeError(f"layers must be a list of layers, got {layers!r}")
        for layer in layers or []:
            self.add(layer)

    # --- the stack ----------------------------------------------------------------------------------------------

    def add(self, layer: Layer | KerasTensor, rebuild: bool = True) -> None:
        """Put a layer (or an ``Input``) on top.

        rebuild : connect it at once where the input's shape is known, as always here
        """
        if isinstance(layer, KerasTensor):
            if layer.node is None or not isinstance(layer.node.layer, InputLayer):
                raise ValueError(f"only Input tensors can be added to a Sequential model, got {layer!r}")
            layer = layer.node.layer
        if not isinstance(layer, Layer):
            raise TypeError(f"a Sequential model is made of layers, got {layer!r} of type {type(layer).__name__}")
        if isinstance(layer, InputLayer):
            if self._layers:
                raise ValueError(f"an Input must come first; {self.name} has {len(self._layers)} layers already")
        elif not self._layers:
            shape = getattr(layer, "_batch_input_shape", None)
            if shape is None and isinstance(layer, Model) and layer._graph is not None:
                tensors = layer._graph.input_tensors
                if len(tensors) == 1:
                    self._layers.append(InputLayer(batch_shape=tensors[0].shape, dtype=tensors[0].dtype))
            elif shape is not None:
                self._layers.append(InputLayer(batch_shape=shape, dtype=_input_dtype(layer)))
        if any(layer.name == other.name for other in self._layers):
            raise ValueError(
                f"layers of one model must have different names, {layer.name!r} is there already"
                f"{': a layer can be in a Sequential model once' if layer in self._layers else ''}"
            )
        self._layers.append(layer)
        if len(self._layers) > 1 and isinstance(self._layers[0], InputLayer):
            self._connect(layer)
        elif isinstance(layer, InputLayer):
            self._steps = None
        else:
            self.built, self._graph, self._steps = False, None, None

    def _add_all(self, layers: Iterable[Layer]) -> None:
        """Add many layers, and make the graph once."""
        self._adding_many = True
        try:
            for layer in layers:
                self.add(layer)
        finally:
            self._adding_many, top, self._top = False, self._top, None
        if top is not None:
            self._set_outputs(top)

    def pop(self, rebuild: bool = True) -> Any:
        """Take the top layer off and return it."""
        if not self._layers:
            raise ValueError(f"{self.name} has no layers to take off")
        layer = self._layers.pop()
        layer._inbound_nodes = [node for node in layer._inbound_nodes if not self._is_own(node)]
        self.built, self._graph, self._steps = False, None, None
        if len(self._layers) > 1 and isinstance(self._layers[0], InputLayer):
            outputs = self._layers[-1]._inbound_nodes[-1].outputs
            self._set_outputs(outputs)
        return layer

    def _is_own(self, node: Any) -> bool:
        return self._graph is not None and any(node is other for other in self._graph.nodes)

    def _input_tensor(self) -> KerasTensor:
        return self._layers[0]._inbound_nodes[0].output_tensors[0]

    def _connect(self, layer: Layer) -> None:
        """Call the new top layer on the symbolic output so far."""
        if self._top is not None:
            below = self._top
        else:
            below = self._input_tensor() if self._graph is None else self._graph.outputs
        outputs = layer(below)
        if isinstance(outputs, (list, tuple)) and len(outputs) == 1:
            outputs = outputs[0]  # of a model that was given its one output in a list
        if not isinstance(outputs, KerasTensor):
            self._layers.pop()
            raise ValueError(
                f"layers in a Sequential model give one tensor, but {layer.name} gives {len(list(outputs))}: "
                "use the functional Model(inputs, outputs)"
            )
        self._set_outputs(outputs)

    def _set_outputs(self, outputs: KerasTensor) -> None:
        if self._adding_many:
            self._top = outputs
            return
        self._graph = Graph(self._input_tensor(), outputs, self._ends)
        self._ends_layers = [layer for layer in self._graph.layers if layer not in self._layers] if self._ends else []
        self._steps = None
        self.built = True

    def _runs_graph(self) -> bool:
        return type(self).call is Sequential.call

    def _add_ends(self, ends: list[KerasTensor]) -> None:
        self._ends = [*self._ends, *ends]
        self._set_outputs(self._need_graph().outputs)

    def _repeat_ends(self, graph: Graph, layer_for: Callable[[Any], Any]) -> None:
        """Compute what `graph`, of a stack of the same form, computes for its losses.

        layer_for : the layer to call in place of one of that graph
        """
        made: dict[int, KerasTensor] = {}
        for node, new in zip(graph.main_nodes, self._need_graph().main_nodes, strict=True):
            made.update({id(t): n for t, n in zip(node.output_tensors, new.output_tensors, strict=True)})
        repeat_calls(graph.nodes, made, layer_for)
        self._add_ends([made[id(tensor)] for tensor in graph.ends])

    @property
    def layers(self) -> list[Any]:
        """The layers, without the input."""
        return [layer for layer in self._layers if not isinstance(layer, InputLayer)]

    # --- building and calling -----------------------------------------------------------------------------------

    def build(self, input_shape: Any = None) -> None:
        """Make the weights for inputs of this shape, with the batch axis; None where a size is open."""
        if not self._layers:
            raise ValueError(f"{self.name} has no layers: add some before building")
        if self._graph is not None:
            self.built = True
            if self._assumed_ids and input_shape is not None:
                self._assumed_ids = False
                self._reconnect(tuple(input_shape))
            return
        if isinstance(self._layers[0], InputLayer):
            self.built = len(self._layers) > 1
            return
        if input_shape is None:
            raise ValueError(f"{self.name} does not know the shape of its input: build((None, ...)) or add an Input")
        stack = list(self._layers)
        first = InputLayer(batch_shape=tuple(input_shape), dtype=_input_dtype(stack[0]))
        self._layers = [first]
        self._graph = None
        try:
            for layer in stack:
                self._layers.append(layer)
                self._connect(layer)
        except BaseException:
            self._layers, self._graph, self.built = stack, None, False
            raise

    def _build_for_ids(self) -> None:
        """Build an unbuilt stack that starts with an Embedding: that takes ids (B, T), as Keras 2 took for granted."""
        if self.built or not self._layers or not is_embedding(self._layers[0]):
            return
        nodes = [list(layer._inbound_nodes) for layer in self._layers]
        try:
            self.build((None, None))
            self._assumed_ids = True
        except (TypeError, ValueError):  # a layer that must know the length: the first batch will tell
            for layer, kept in zip(self._layers, nodes, strict=True):
                layer._inbound_nodes = kept

    def _build_for(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._build_for_batch(args[0])

    def _build_for_batch(self, x: Any) -> bool:
        import numpy as np

        if isinstance(x, (list, tuple, dict)) and len(x) == 1:
            x = next(iter(x.values())) if isinstance(x, dict) else x[0]
        shape = np.shape(x)
        batch = shape[0] if any(getattr(layer, "stateful", False) for layer in self._flatten_layers()) else None
        inferred = bool(self._layers) and not isinstance(self._layers[0], InputLayer)
        self.build((batch, *shape[1:]))
        if inferred:
            self._open_lengths()
        return self._graph is not None

    def _open_lengths(self) -> None:
        """Accept other lengths than the first batch's where the layers do: nobody said that all are the same.

        The weights are there already, so only shapes are worked out anew, and those of the batch stay if that fails.
        """
        shape = self._input_tensor().shape
        lengths = len(shape) - (1 if hasattr(self._layers[1], "lookup") else 2)  # after ids: no axis of features
        if lengths > 0 and self._graph is not None:
            self._reconnect((shape[0], *(None for _ in range(lengths)), *shape[1 + lengths :]))

    def _reconnect(self, shape: tuple[int | None, ...]) -> None:
        """Work out the shapes anew for inputs of `shape`; those before stay if a layer cannot take it."""
        stack, graph, dtype = self._layers, self._graph, self._input_tensor().dtype
        assert graph is not None
        nodes = [list(layer._inbound_nodes) for layer in stack[1:]]
        for layer in stack[1:]:
            layer._inbound_nodes = [node for node in layer._inbound_nodes if not self._is_own(node)]
        self._layers, self._graph = [InputLayer(batch_shape=shape, dtype=dtype, name=stack[0].name)], None
        ends, self._ends = self._ends, []
        try:
            for layer in stack[1:]:
                self._layers.append(layer)
                self._connect(layer)
                node = layer._inbound_nodes[-1]
                if node.outputs.shape[-1] is None:
                    raise ValueError(f"{layer.name} makes features of a length")
                if not builds_alike(layer, node.input_tensors[0].shape):
                    raise ValueError(f"{layer.name} has weights for one length")
            if ends:
                self._repeat_ends(graph, lambda layer: layer)
        except Exception:  # whatever a layer says to a length that is open: Flatten, weights for each step
            self._layers, self._ends = stack, ends
            for layer, kept in zip(stack[1:], nodes, strict=True):
                layer._inbound_nodes = kept
            self._set_outputs(graph.outputs)

    def _make_steps(self) -> list[Any]:
        steps: list[Any] = []
        stack = self.layers
        for layer, following in zip(stack, [*stack[1:], None], strict=True):
            waits = is_embedding(layer) and getattr(following, "takes_embedded_ids", False)
            steps.append(layer.lookup if waits else layer)
        return steps

    def call(self, inputs: Any, training: Any = None, mask: Any = None, *, logits: frozenset[int] = frozenset()) -> Any:
        if self._ends:
            return self._need_graph().run(inputs, mask, logits)
        if self._graph is not None:
            values = self._graph.flatten_inputs(inputs)[0]
            inputs = fitted(values, self._graph.input_tensors[0])
            if mask is not None:
                inputs = with_mask(inputs, self._graph.flatten_inputs(mask)[0])
        if self._steps is None:
            self._steps = self._make_steps()
        if logits:
            *steps, last = self._steps
            for step in steps:
                inputs = step(inputs)
            return last(inputs, activated=False)
        for step in self._steps:
            inputs = step(inputs)
        return inputs

    # --- configuration ------------------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config["layers"] = [serialize_keras_object(layer) for layer in self._layers]
        if self._graph is not None:
            config["build_input_shape"] = self._graph.input_tensors[0].shape
        return config

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any] | list[Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Sequential:
        """A new model of new layers. Keras 2's list of layers is understood."""
        if isinstance(config, (list, tuple)):
            config = {"layers": config}
        if "layers" not in config:
            raise ValueError(f"config must have the entry 'layers', got the entries {sorted(config)}")
        model = cls(name=config.get("name"), trainable=config.get("trainable", True) is not False)
        with custom_object_scope(custom_objects or {}):
            model._add_all(deserialize_keras_object(layer) for layer in config["layers"])
        shape = config.get("build_input_shape") or config.get("batch_input_shape")
        if model._graph is None and shape and len(model._layers) and not isinstance(shape, Mapping):
            model.build(tuple(shape))
        return model


def _input_dtype(layer: Layer) -> str:
    while isinstance(layer, Sequential) and layer.layers:
        layer = layer.layers[0]
    dtype: Any = getattr(layer, "_input_dtype", None) or getattr(layer, "dtype", "float32")
    return str(dtype)
