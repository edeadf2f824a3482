"""A layer's place in a graph of symbolic calls."""

from __future__ import annotations

from typing import Any

from recurra.models.symbolic import Node


class GraphAccess:
    """The symbolic input and output of a layer that was called once. Part of :class:`recurra.layers.Layer`."""

    name: str
    _inbound_nodes: list[Node]

    @property
    def input(self) -> Any:
        """The symbolic input of the layer's only call in a graph (a list where there are several)."""
        tensors = self._only_node().input_tensors
        return tensors[0] if len(tensors) == 1 else tensors

    @property
    def output(self) -> Any:
        """The symbolic output of the layer's only call in a graph."""
        tensors = self._only_node().output_tensors
        return tensors[0] if len(tensors) == 1 else tensors

    def _only_node(self) -> Node:
        if len(self._inbound_nodes) != 1:
            raise AttributeError(
                f"{self.name} must have been called exactly once on symbolic tensors to have one input and output, "
                f"it was called {len(self._inbound_nodes)} times"
            )
        return self._inbound_nodes[0]
