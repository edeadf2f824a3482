"""A layer's place in a graph of symbolic calls."""

from __future__ import annotations

from typing import Any

from recurra.symbolic import Node


class _Shape:
    """Keras 2's ``layer.input_shape`` and ``layer.output_shape``.

    Without ``__set__``, so that layers which set an attribute of that name, as they may in Keras 3, find their own.
    """

    def __init__(self, side: str) -> None:
        self.side = side

    def __get__(self, layer: Any, owner: Any = None) -> Any:
        if layer is None:
            return self
        tensors = getattr(layer, self.side)
        return [tensor.shape for tensor in tensors] if isinstance(tensors, list) else tensors.shape


class GraphAccess:
    """The symbolic input and output of a layer that was called once. Part of :class:`recurra.layers.Layer`."""

    name: str
    _inbound_nodes: list[Node]

    input_shape: Any = _Shape("input")
    output_shape: Any = _Shape("output")

    @property
    def input(self) -> Any:
        """The symbolic input of the layer's only call in a graph (a list where there are several).

        Of an ``InputLayer`` its tensor, as in Keras 2.
        """
        tensors = self._only_node().input_tensors or self._only_node().output_tensors
        return tensors[0] if len(tensors) == 1 else tensors

    @property
    def output(self) -> Any:
        """The symbolic output of the layer's only call in a graph."""
        tensors = self._only_node().output_tensors
        return tensors[0] if len(tensors) == 1 else tensors

    def get_input_at(self, node_index: int) -> Any:
        """The symbolic input of one of the layer's calls, the first being 0 (a list where there are several)."""
        tensors = self._node_at(node_index).input_tensors
        return tensors[0] if len(tensors) == 1 else tensors

    def get_output_at(self, node_index: int) -> Any:
        """The symbolic output of one of the layer's calls, the first being 0."""
        tensors = self._node_at(node_index).output_tensors
        return tensors[0] if len(tensors) == 1 else tensors

    def _node_at(self, index: int) -> Node:
        count = len(self._inbound_nodes)
        if not -count <= index < count:
            raise ValueError(f"{self.name} was called {count} times on symbolic tensors, there is no call {index}")
        return self._inbound_nodes[index]

    def _only_node(self) -> Node:
        if len(self._inbound_nodes) != 1:
            raise AttributeError(
                f"{self.name} must have been called exactly once on symbolic tensors to have one input and output, "
                f"it was called {len(self._inbound_nodes)} times"
            )
        return self._inbound_nodes[0]
