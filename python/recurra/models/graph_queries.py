"""What training asks of a model: its inputs by name, the outputs' names and shapes, where a softmax ends it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from recurra import activations
from recurra.layers.base.layer import Layer
from recurra.models.graph import Graph, is_embedding
from recurra.training.structure import default_names, flatten_outputs
from recurra.tree import leaves


class GraphQueries:
    """Answers from the graph, or, without one, from the outputs that were last noted. Part of ``Model``."""

    _graph: Graph | None
    _shape_cache: dict[Any, Any]
    _takes_one_input = False
    _takes_numbers = False  # a model's own call is given numbers and lists of them as they are

    def _knows_outputs(self, x: Any) -> bool:
        """Whether the outputs' shapes for a batch like `x` are known without calling the model."""
        if self._graph is not None:
            return True
        known = self._shape_cache.get(_shape_key(x))
        if known is not None:
            self._shape_cache[None] = known
        return known is not None

    def _note_outputs(self, x: Any, outputs: Any) -> None:
        """Remember what the model, a subclass with its own call, gave for a batch like `x`."""
        flat, names = flatten_outputs(outputs)
        if names is None:
            names = default_names(len(flat))
        shapes: list[Any] = [(None, *np.shape(value)[1:]) for value in flat]
        self._shape_cache[_shape_key(x)] = self._shape_cache[None] = (names, shapes)

    def _static_batch_size(self) -> int | None:
        """The size that every batch must have, for models with a fixed one."""
        shapes = [] if self._graph is None else [tensor.shape for tensor in self._graph.input_tensors]
        sizes = {shape[0] for shape in shapes if shape and shape[0] is not None}
        return sizes.pop() if len(sizes) == 1 else None

    def _build_for_batch(self, x: Any) -> bool:
        """Build without calling, if possible; False if the model must be called on the batch."""
        return False

    def _named_inputs(self, x: Any) -> list[tuple[str, Any, Any, list[Any]]]:
        """For each input: how to call it in an error, the array, its shape, and the Embeddings that read it."""
        graph = self._graph
        if graph is None:
            return []
        arrays = graph.flatten_inputs(x)
        found = []
        for tensor, array in zip(graph.input_tensors, arrays, strict=True):
            name = tensor.node.layer.name if tensor.node else tensor.name
            argument = "x" if len(arrays) == 1 else f"x[{name!r}]"
            readers = [node.layer for node in graph.nodes if any(t is tensor for t in node.input_tensors)]
            embeddings = [layer for layer in readers if is_embedding(layer)]
            if not hasattr(array, "shape"):
                got = type(array).__name__
                if isinstance(array, (list, tuple)):
                    got += f" of {len(array)}, which stands for {len(array)} inputs: numpy.stack makes it one array"
                raise TypeError(f"{argument} must be an array, got {got}")
            found.append((argument, array, tensor.shape, embeddings))
        return found

    def _output_names_and_shapes(self) -> tuple[list[str], list[tuple[int | None, ...]]]:
        """The names and shapes of the outputs; of those last noted where there is no graph."""
        if self._graph is not None:
            return self.output_names, [tensor.shape for tensor in self._graph.output_tensors]  # type: ignore[attr-defined]
        names, shapes = self._shape_cache[None]
        return names, shapes

    def _masked_outputs(self, count: int) -> list[bool]:
        """Whether each of `count` outputs carries a mask; not known, False, where there is no graph."""
        if self._graph is None:
            return [False] * count
        return [getattr(tensor, "_keras_mask", None) is not None for tensor in self._graph.output_tensors]

    def _only_runs_its_graph(self) -> bool:
        """Whether a call runs the graph, and nothing of a class or object of the user's."""
        from recurra.models import Functional, Sequential

        if self._graph is None or type(self) not in (Sequential, Functional):
            return False
        return not any(name in vars(self) for name in ("call", "__call__", "_runs_graph"))

    def _chain(self) -> list[Layer] | None:
        """The layers of a model that only calls each of them once, on what the one before gave; else None."""
        graph = self._graph
        if graph is None or not self._only_runs_its_graph() or graph._single is None:
            return None
        if not graph.is_chain or len(graph.input_tensors) != 1:
            return None
        own = {id(tensor) for tensor in graph.input_tensors}
        nodes = [node for node in graph.nodes if not any(id(tensor) in own for tensor in node.output_tensors)]
        if not nodes or any(len(node.args) != 1 or node.kwargs or len(node.output_tensors) != 1 for node in nodes):
            return None
        before = [graph.input_tensors[0], *(node.output_tensors[0] for node in nodes)]
        if any(node.args[0] is not tensor for node, tensor in zip(nodes, before, strict=False)):
            return None
        return [node.layer for node in nodes]

    def _softmax_outputs(self) -> list[int]:
        """The numbers of the outputs whose last layer ends in a softmax that the loss may take the place of."""
        return self._outputs_of(
            lambda node, graph: ends_in_softmax(node.layer) and len(graph.nodes_of(node.layer)) == 1
        )

    def _score_outputs(self) -> list[int]:
        """The numbers of the outputs that are the products of a linear layer, which the loss may compute."""
        return self._outputs_of(lambda node, graph: ends_in_scores(node.layer))

    def _outputs_of(self, ends: Callable[[Any, Graph], bool]) -> list[int]:
        """The numbers of the outputs that nothing else uses, made by a call for which ``ends(call, graph)`` holds."""
        graph = self._graph
        if graph is None or not self._runs_graph() or type(self).__call__ is not Layer.__call__:  # type: ignore[attr-defined]
            return []
        found = []
        for i, tensor in enumerate(graph.output_tensors):
            if sum(t is tensor for t in graph.output_tensors) > 1:
                continue
            if any(any(t is tensor for t in node.input_tensors) for node in graph.nodes):
                continue
            node = tensor.node
            if node is not None and ends(node, graph):
                found.append(i)
        return found


def ends_in_softmax(layer: Any) -> bool:
    """Whether `layer` is a Dense or Activation (perhaps within TimeDistributed) that ends in a plain softmax."""
    from recurra.layers import Activation, Dense, TimeDistributed

    if type(layer) is TimeDistributed:
        if layer.activity_regularizer is not None:
            return False
        layer = layer.layer
    if type(layer) not in (Dense, Activation) or layer.activity_regularizer is not None:
        return False
    return layer.activation is activations.softmax


def ends_in_scores(layer: Any) -> bool:
    """Whether the last thing that `layer` does is a product with weights, whose result nothing but the loss needs."""
    from recurra.layers import Dense, ReversibleEmbedding

    if type(layer) is ReversibleEmbedding:
        return layer.activity_regularizer is None and layer.plain_scores
    return type(layer) is Dense and layer.activity_regularizer is None and layer.activation is activations.linear


def _shape_key(x: Any) -> Any:
    return None if x is None else tuple(np.shape(leaf)[1:] for leaf in leaves(x))
