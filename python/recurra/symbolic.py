"""Tensors without values: what `Input` returns and layers called on it describe.

A :class:`KerasTensor` knows its shape (None where a size is open), its dtype and the :class:`Node` that made it.
Following the nodes back from a model's outputs gives the graph that the model runs.
"""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from recurra.ops.dispatch import SymbolicOperand
from recurra.tree import PLAIN, leaves, map_structure
from recurra.typing import DType
from recurra.typing import Shape as Shape

_ids = itertools.count()


class KerasHistory(NamedTuple):
    """Where a tensor comes from: the layer, which of its calls, which of the call's outputs."""

    operation: Any
    node_index: int
    tensor_index: int


#: makes the node of an operation: set by ``recurra.layers``, whose layers the nodes belong to
_recorder: Callable[[str, dict[str, Any]], Any] | None = None


def set_recorder(recorder: Callable[[str, dict[str, Any]], Any]) -> None:
    """Let ``recorder(op, values)`` draw operations on symbolic tensors into their graph."""
    global _recorder
    _recorder = recorder


def _record(op: str, values: dict[str, Any]) -> Any:
    """The node of a call of ``recurra.ops.<op>`` with these values of its parameters."""
    if _recorder is None:
        raise RuntimeError(f"{op} on a symbolic tensor needs recurra.layers: import it first")
    return _recorder(op, values)


def _one(op: str) -> Callable[[Any], Any]:
    """The method of an operator with one operand."""
    return lambda self: _record(op, {"x": self})


def _two(op: str, swapped: bool = False) -> Callable[[Any, Any], Any]:
    """The method of an operator with two operands; `swapped`, the tensor is the second."""
    if swapped:
        return lambda self, other: _record(op, {"x1": other, "x2": self})
    return lambda self, other: _record(op, {"x1": self, "x2": other})


class KerasTensor:
    """A place in a graph of layers: a shape, a dtype and a history, no value.

    shape : tuple of int or None (batch first)
    dtype : name of a dtype
    name : for summaries and errors
    """

    _keras_mask: Any = None
    is_symbolic = True
    #: arrays leave their operators to this class: ``array + tensor`` is `__radd__` here
    __array_priority__ = 1000

    def __init__(self, shape: Any, dtype: DType = "float32", name: str | None = None) -> None:
        self.shape: Shape = tuple(None if size is None else int(size) for size in shape)
        self.dtype = str(dtype)
        self.name = name if name is not None else f"keras_tensor_{next(_ids)}"
        self.node: Node | None = None
        self._layer: Any = None  # the node's
        self.index = 0

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def _keras_history(self) -> KerasHistory:
        node = self.node
        if node is None:
            raise AttributeError(f"{self!r} was not made by a layer")
        return KerasHistory(node.layer, node.layer._inbound_nodes.index(node), self.index)

    def __repr__(self) -> str:
        return f"<KerasTensor shape={self.shape}, dtype={self.dtype}, name={self.name}>"

    def _no_value(self, what: str) -> TypeError:
        return SymbolicOperand(
            f"{self!r} has no value yet, so {what}. Use a layer (Lambda takes any function) or a function of "
            "recurra.ops, or pass arrays through the finished model",
            _record,
        )

    def __array__(self, dtype: DType | None = None, copy: Any = None) -> Any:
        raise self._no_value("it cannot become an array")

    def __bool__(self) -> bool:
        raise self._no_value("it is neither true nor false")

    def __float__(self) -> float:
        raise self._no_value("it cannot become a number")

    def __len__(self) -> int:
        raise self._no_value("it has no length")

    def __iter__(self) -> Iterator[Any]:
        raise self._no_value("it cannot be iterated over")

    __add__, __radd__ = _two("add"), _two("add", swapped=True)
    __sub__, __rsub__ = _two("subtract"), _two("subtract", swapped=True)
    __mul__, __rmul__ = _two("multiply"), _two("multiply", swapped=True)
    __truediv__, __rtruediv__ = _two("divide"), _two("divide", swapped=True)
    __pow__, __rpow__ = _two("power"), _two("power", swapped=True)
    __matmul__, __rmatmul__ = _two("matmul"), _two("matmul", swapped=True)
    __and__, __rand__ = _two("logical_and"), _two("logical_and", swapped=True)
    __or__, __ror__ = _two("logical_or"), _two("logical_or", swapped=True)
    # no __eq__, as in Keras: tensors are told apart by identity
    __lt__ = _two("less")
    __le__ = _two("less_equal")
    __gt__ = _two("greater")
    __ge__ = _two("greater_equal")
    __ne__ = _two("not_equal")
    __neg__ = _one("negative")
    __abs__ = _one("abs")
    __invert__ = _one("logical_not")

    def __getitem__(self, key: Any) -> KerasTensor:
        result: KerasTensor = _record("getitem", {"x": self, "key": key})
        return result


class _Output:
    """A tensor that a node put out, not kept alive; made anew where it is asked for when nobody else has it."""

    def __init__(self, tensor: KerasTensor) -> None:
        self.ref = weakref.ref(tensor)
        self.shape, self.dtype, self.name, self.index = tensor.shape, tensor.dtype, tensor.name, tensor.index

    def tensor(self, node: Node) -> KerasTensor:
        tensor = self.ref()
        if tensor is None:
            tensor = KerasTensor(self.shape, self.dtype, self.name)
            tensor.node, tensor.index, tensor._layer = node, self.index, node.layer
            self.ref = weakref.ref(tensor)
        return tensor

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "ref": self.ref()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.ref = _no_tensor if state["ref"] is None else weakref.ref(state["ref"])


def _no_tensor() -> None:
    return None


class Node:
    """One call of a layer on symbolic tensors.

    layer : the layer called
    args, kwargs : the call's arguments, with KerasTensors where values will come
    outputs : what the call returned: a KerasTensor, or a list or tuple of them
    input_tensors, output_tensors : the same, flat

    A tensor keeps its node and layer alive, a layer its nodes, and a node its inputs, but a node neither its layer nor
    its outputs: what is dropped is freed at once, and not by the garbage collector some time later. An output that
    nobody has is made anew when it is asked for. Whoever keeps nodes keeps their layers too.
    """

    def __init__(self, layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any], outputs: Any) -> None:
        self._layer = weakref.ref(layer)
        self.args, self.kwargs = args, kwargs
        self.input_tensors: list[KerasTensor] = symbolic_leaves((args, kwargs))
        for index, tensor in enumerate(symbolic_leaves(outputs)):
            tensor.node, tensor.index, tensor._layer = self, index, layer
        self._outputs = map_symbolic(outputs, _Output)
        layer._inbound_nodes.append(self)

    @property
    def layer(self) -> Any:
        return self._layer()

    @property
    def outputs(self) -> Any:
        return map_structure(
            lambda leaf: leaf.tensor(self) if isinstance(leaf, _Output) else leaf, self._outputs, PLAIN
        )

    @property
    def output_tensors(self) -> list[KerasTensor]:
        return symbolic_leaves(self.outputs)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_layer": self.layer}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._layer = weakref.ref(state["_layer"])

    @property
    def operation(self) -> Any:
        return self.layer

    @property
    def is_input(self) -> bool:
        return not self.input_tensors

    @property
    def parents(self) -> list[Node]:
        """The nodes that made the inputs, each once."""
        nodes: dict[int, Node] = {}
        for tensor in self.input_tensors:
            if tensor.node is not None:
                nodes[id(tensor.node)] = tensor.node
        return list(nodes.values())

    def fill(self, lookup: Callable[[KerasTensor], Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The call's arguments with ``lookup(tensor)`` in place of each KerasTensor."""
        return map_symbolic(self.args, lookup), map_symbolic(self.kwargs, lookup)

    def __repr__(self) -> str:
        return f"<Node of {self.layer.name}: {self.input_tensors} -> {self.output_tensors}>"


def symbolic_leaves(value: Any) -> list[KerasTensor]:
    """The KerasTensors inside nested lists, tuples and dicts, in order."""
    return [leaf for leaf in leaves(value, PLAIN) if isinstance(leaf, KerasTensor)]


def has_symbolic(value: Any) -> bool:
    """Whether a KerasTensor is in `value` (looking into lists, tuples and dicts)."""
    if isinstance(value, (list, tuple)):
        for item in value:  # noqa: SIM110 (a plain loop: it runs at every layer call)
            if has_symbolic(item):
                return True
        return False
    if isinstance(value, dict):
        return any(has_symbolic(item) for item in value.values())
    return isinstance(value, KerasTensor)


def map_symbolic(value: Any, function: Callable[[KerasTensor], Any]) -> Any:
    """`value` with ``function(tensor)`` in place of each KerasTensor."""
    return map_structure(lambda leaf: function(leaf) if isinstance(leaf, KerasTensor) else leaf, value, PLAIN)


def is_keras_tensor(value: Any) -> bool:
    """Whether `value` is a symbolic tensor."""
    return isinstance(value, KerasTensor)
