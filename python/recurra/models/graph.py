"""The graph of layer calls between symbolic inputs and outputs: which layers, in which order, and how to run it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from recurra.autograd import Tensor, value_of
from recurra.layers.base.context import set_mask
from recurra.symbolic import KerasTensor, Node, map_symbolic, symbolic_leaves
from recurra.tree import PLAIN, leaves
from recurra.typing import Symbols

if TYPE_CHECKING:
    from recurra.layers.base.layer import Layer


class Graph:
    """The calls that lead from `inputs` to `outputs` (KerasTensors, or lists or dicts of them).

    ends : tensors that each run computes beside the outputs: the losses of ``Model.add_loss``
    nodes : the calls in an order in which they can be made; those that `ends` alone need come last
    layers : the layers, each once, in Keras's order: by depth from the inputs, then as met from the outputs; those
        that `ends` alone need come last
    raises : ValueError where an output cannot be reached from the inputs, or two layers share a name
    """

    def __init__(self, inputs: Symbols, outputs: Symbols, ends: Sequence[KerasTensor] = ()) -> None:
        for argument, value in (("inputs", inputs), ("outputs", outputs)):
            if not symbolic_leaves(value):
                raise TypeError(
                    f"{argument} must be symbolic tensors (from Input and layers called on it), got {value!r}"
                )
        self._set(inputs, outputs, list(ends))
        if len(self._own) != len(self.input_tensors):
            raise ValueError("inputs must be different tensors, got one of them twice")
        self.nodes, self._met = self._collect(self.output_tensors)
        if any(tensor.node is not None and not tensor.node.is_input for tensor in self.input_tensors):
            self._set(*self._with_inputs_of_its_own())
            self.nodes, self._met = self._collect(self.output_tensors)
        self.depths = self._depths()
        self.layers = self._sorted_layers()
        self.main_nodes = list(self.nodes)
        if self.ends:
            self._append_ends()
        names = [layer.name for layer in self.layers]
        doubled = {name for name in names if names.count(name) > 1}
        if doubled:
            raise ValueError(f"layers of one model must have different names, got {sorted(doubled)} more than once")
        self._tensors = [node.output_tensors for node in self.nodes]  # kept, as they are told apart by id
        self._plans: dict[frozenset[int], list[Callable[[list[Any]], None]]] = {}
        self._slots: dict[int, int] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {"inputs": self.inputs, "outputs": self.outputs, "ends": self.ends}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]  # what is kept by identity is made anew for the copies

    def _set(self, inputs: Any, outputs: Any, ends: list[KerasTensor]) -> None:
        self.inputs, self.outputs, self.ends = inputs, outputs, ends
        self.input_tensors = symbolic_leaves(inputs)
        self.output_tensors = symbolic_leaves(outputs)
        one = isinstance(outputs, (list, tuple)) and len(outputs) == 1
        self._given = outputs[0] if one else outputs  # what a call gives: the one output without its list, as in Keras
        self._single = self._given if isinstance(self._given, KerasTensor) else None
        self._own = {id(tensor) for tensor in self.input_tensors}

    def _with_inputs_of_its_own(self) -> tuple[Any, Any, Any]:
        """Inputs, outputs and ends of the same calls, made anew on fresh inputs for those that a layer put out."""
        from recurra.layers.input_layer import Input

        made: dict[int, KerasTensor] = {}
        for tensor in self.input_tensors:
            fresh = tensor.node is None or not tensor.node.is_input
            made[id(tensor)] = Input(batch_shape=tensor.shape, dtype=tensor.dtype) if fresh else tensor
        repeat_calls(self._collect([*self.output_tensors, *self.ends])[0], made)
        inputs, outputs, ends = (
            map_symbolic(value, lambda tensor: made[id(tensor)]) for value in (self.inputs, self.outputs, self.ends)
        )
        return inputs, outputs, ends

    # --- order --------------------------------------------------------------------------------------------------

    def _collect(self, outputs: Sequence[KerasTensor]) -> tuple[list[Node], dict[int, int]]:
        """The nodes, parents before children, and the order in which layers are met from the outputs."""
        done: dict[int, Node] = {}
        met: dict[int, int] = {}
        path: set[int] = set()

        def stop(tensor: KerasTensor) -> bool:
            return id(tensor) in self._own

        for output in outputs:
            stack: list[tuple[KerasTensor, Iterator[KerasTensor] | None]] = [(output, None)]
            while stack:
                tensor, parents = stack.pop()
                node = tensor.node
                if node is None:
                    raise ValueError(f"{tensor!r} was not made by a layer")
                if parents is None:
                    if id(node) in done or id(node) in path:
                        continue
                    met.setdefault(id(node.layer), len(met))
                    path.add(id(node))
                    parents = iter(() if stop(tensor) else node.input_tensors)
                    if node.is_input and not stop(tensor):
                        raise ValueError(
                            f"outputs depend on {tensor.name!r}, which is not among the inputs "
                            f"{[t.name for t in self.input_tensors]}"
                        )
                following = next(parents, None)
                if following is None:
                    path.discard(id(node))
                    done[id(node)] = node
                else:
                    stack.append((tensor, parents))
                    stack.append((following, None))
        return list(done.values()), met

    def _depths(self) -> dict[int, int]:
        """The depth of each node, 0 at the outputs; a layer's nodes lie at least as deep as its deepest one so far."""
        depths: dict[int, int] = {}
        of_layer: dict[int, int] = {}
        for node in reversed(self.nodes):
            depth = max(depths.get(id(node), 0), of_layer.get(id(node.layer), 0))
            of_layer[id(node.layer)] = depths[id(node)] = depth
            if not any(id(tensor) in self._own for tensor in node.output_tensors):
                for parent in node.parents:
                    depths[id(parent)] = max(depth + 1, depths.get(id(parent), 0))
        for tensor in self.input_tensors:
            source = tensor.node
            if source is not None and id(source) not in depths:
                self.nodes.insert(0, source)
                self._met.setdefault(id(source.layer), -1)
                depths[id(source)] = 0
        return depths

    def _sorted_layers(self) -> list[Any]:
        depth_of: dict[int, int] = {}
        layers: dict[int, Any] = {}
        for node in self.nodes:
            layers[id(node.layer)] = node.layer
            depth_of[id(node.layer)] = max(self.depths[id(node)], depth_of.get(id(node.layer), 0))
        return sorted(layers.values(), key=lambda layer: (-depth_of[id(layer)], self._met[id(layer)]))

    def _append_ends(self) -> None:
        """Put the calls and layers that `ends` alone need after all others."""
        known, layers = {id(node) for node in self.nodes}, {id(layer) for layer in self.layers}
        for node in self._collect(self.ends)[0]:
            if id(node) not in known:
                self.nodes.append(node)
            if id(node.layer) not in layers:
                layers.add(id(node.layer))
                self.layers.append(node.layer)

    def nodes_of(self, layer: Layer) -> list[Node]:
        """The calls of `layer` in this graph, in the order in which they were made."""
        own = {id(node) for node in self.nodes}
        return [node for node in layer._inbound_nodes if id(node) in own]

    @property
    def is_chain(self) -> bool:
        """Whether each call follows the one before it, without branches or shared layers."""
        if self.ends:
            return False
        levels: dict[int, int] = {}
        for node in self.nodes:
            depth = self.depths[id(node)]
            levels[depth] = levels.get(depth, 0) + 1
        return (
            all(count == 1 for count in levels.values())
            and all(len(node.input_tensors) <= 1 for node in self.nodes)
            and all(len(self.nodes_of(layer)) == 1 for layer in self.layers)
        )

    # --- running ------------------------------------------------------------------------------------------------

    def _make_plan(self, logits: frozenset[int]) -> list[Callable[[list[Any]], None]]:
        if not self._slots:
            for node in self.nodes:
                for tensor in node.output_tensors:
                    self._slots[id(tensor)] = len(self._slots)
        slots = self._slots
        before_softmax = {id(self.output_tensors[number]) for number in logits}
        plan: list[Callable[[list[Any]], None]] = []
        for node in self.nodes:
            if any(id(tensor) in self._own for tensor in node.output_tensors):
                continue
            call = node.layer.lookup if self._may_wait(node) else node.layer
            if id(node.output_tensors[0]) in before_softmax:
                call = functools.partial(call, activated=False)
            targets = [slots[id(tensor)] for tensor in node.output_tensors]
            first = node.args[0] if len(node.args) == 1 and not node.kwargs else None
            if isinstance(first, KerasTensor) and isinstance(node.outputs, KerasTensor):
                plan.append(_simple_call(call, slots[id(first)], targets[0]))
            elif type(first) is list and isinstance(node.outputs, KerasTensor) and first == node.input_tensors:
                plan.append(_merging_call(call, [slots[id(tensor)] for tensor in first], targets[0]))
            else:
                plan.append(_full_call(call, node, slots, targets))
        return plan

    def _may_wait(self, node: Node) -> bool:
        """Whether an Embedding's vectors need not be gathered, as its only readers take ids and table."""
        output = node.output_tensors[0]
        if not is_embedding(node.layer) or node.kwargs or any(t is output for t in self.output_tensors):
            return False
        readers = [other for other in self.nodes if any(t is output for t in other.input_tensors)]
        return bool(readers) and all(
            getattr(reader.layer, "takes_embedded_ids", False) and reader.args and reader.args[0] is output
            for reader in readers
        )

    def run(self, inputs: Any, mask: Any = None, logits: frozenset[int] = frozenset()) -> Any:
        """The outputs for arrays (or Tensors) in the structure of the inputs, with masks in the same structure.

        logits : the numbers of the outputs that end in a softmax and are wanted without it
        """
        plan = self._plans.get(logits)
        if plan is None:
            plan = self._plans[logits] = self._make_plan(logits)
        values: list[Any] = [None] * len(self._slots)
        for tensor, value in zip(self.input_tensors, self.flatten_inputs(inputs), strict=True):
            values[self._slots[id(tensor)]] = fitted(value, tensor)
        if mask is not None:
            for tensor, one in zip(self.input_tensors, self.flatten_inputs(mask), strict=True):
                place = self._slots[id(tensor)]
                values[place] = with_mask(values[place], one)
        for step in plan:
            step(values)
        slots = self._slots
        if self._single is not None:
            return values[slots[id(self._single)]]
        return map_symbolic(self._given, lambda tensor: values[slots[id(tensor)]])

    def flatten_inputs(self, inputs: Any) -> list[Any]:
        """One value for each input, from an array, a list in order, or a dict by name.

        raises : ValueError where their number or names differ
        """
        names = [tensor.node.layer.name if tensor.node else tensor.name for tensor in self.input_tensors]
        if isinstance(inputs, Mapping):
            keys = list(self.inputs) if isinstance(self.inputs, Mapping) else names
            missing = [key for key in keys if key not in inputs]
            if missing:
                raise ValueError(f"inputs must hold the keys {keys}, got {sorted(map(str, inputs))}")
            return [inputs[key] for key in keys]
        if len(self.input_tensors) == 1:
            if isinstance(inputs, (list, tuple)) and len(inputs) == 1 and hasattr(inputs[0], "shape"):
                return [inputs[0]]
            return [inputs]
        if not isinstance(inputs, (list, tuple)) or len(inputs) != len(names):
            got = f"{len(inputs)} of them" if isinstance(inputs, (list, tuple)) else f"one {type(inputs).__name__}"
            raise ValueError(f"the model takes a list or dict of the inputs {names}, got {got}")
        return list(inputs)

    # --- shapes -------------------------------------------------------------------------------------------------

    def describe(self, inputs: Sequence[KerasTensor]) -> Any:
        """Symbolic outputs for other symbolic inputs. Adds no node to the graph."""
        known = {id(own): KerasTensor(t.shape, t.dtype) for own, t in zip(self.input_tensors, inputs, strict=True)}
        if all(own.shape == t.shape for own, t in zip(self.input_tensors, inputs, strict=True)):
            return map_symbolic(self.outputs, lambda tensor: KerasTensor(tensor.shape, tensor.dtype))
        for node in self.main_nodes:
            if all(id(tensor) in known for tensor in node.output_tensors):
                continue
            args, kwargs = node.fill(lambda tensor: known[id(tensor)])
            found = symbolic_leaves(node.layer.compute_output_spec(*args, **kwargs))
            for tensor, new in zip(node.output_tensors, found, strict=True):
                known[id(tensor)] = new
        return map_symbolic(self.outputs, lambda tensor: known[id(tensor)])


def repeat_calls(
    nodes: Sequence[Node], made: dict[int, KerasTensor], layer_for: Callable[[Any], Any] = lambda layer: layer
) -> None:
    """Make the calls of `nodes` whose results are not in `made` on other symbolic tensors, and add their results.

    made : the new tensor for the id of an old one
    layer_for : the layer to call in place of a node's
    """
    for node in nodes:
        if not any(id(tensor) in made for tensor in node.output_tensors):
            args, kwargs = node.fill(lambda tensor: made[id(tensor)])
            outputs = symbolic_leaves(layer_for(node.layer)(*args, **kwargs))
            made.update({id(t): new for t, new in zip(node.output_tensors, outputs, strict=True)})


def is_embedding(layer: Layer) -> bool:
    """Whether `layer` looks up ids in a table, so that a recurrent layer may do that itself."""
    from recurra.layers.embedding import Embedding

    return isinstance(layer, Embedding)


def _simple_call(call: Callable[..., Any], source: int, target: int) -> Callable[[list[Any]], None]:
    def step(values: list[Any]) -> None:
        values[target] = call(values[source])

    return step


def _merging_call(call: Callable[..., Any], sources: list[int], target: int) -> Callable[[list[Any]], None]:
    def step(values: list[Any]) -> None:
        values[target] = call([values[source] for source in sources])

    return step


def _full_call(
    call: Callable[..., Any], node: Node, slots: dict[int, int], targets: list[int]
) -> Callable[[list[Any]], None]:
    def step(values: list[Any]) -> None:
        args, kwargs = node.fill(lambda tensor: values[slots[id(tensor)]])
        found = leaves(call(*args, **kwargs), PLAIN)
        for target, value in zip(targets, found, strict=True):
            values[target] = value

    return step


def with_mask(value: Any, mask: Any) -> Any:
    """`value` with `mask` attached, for the layers that read it."""
    return value if mask is None else set_mask(value, np.asarray(value_of(mask)).astype(bool, copy=False))


def fitted(value: Any, tensor: KerasTensor) -> Any:
    """`value` as an array of the shape that `tensor` promises; a last axis of size 1 may be missing or too many.

    raises : ValueError naming the input, the shape expected and the one that came
    """
    if not isinstance(value, (np.ndarray, Tensor)):
        value = np.asarray(value)
    shape, wanted = value.shape, tensor.shape
    if len(shape) == len(wanted):
        for size, got in zip(wanted[1:], shape[1:], strict=True):
            if size is not None and size != got:
                break
        else:
            return value
    elif len(shape) == len(wanted) - 1 and wanted[-1] == 1:
        return value[..., None]
    elif len(shape) == len(wanted) + 1 and shape[-1] == 1:
        return value[..., 0]
    name = tensor.node.layer.name if tensor.node else tensor.name
    said = ", ".join("any" if size is None else str(size) for size in wanted)
    raise ValueError(f"input {name!r} must have shape ({said}), got {tuple(shape)}")
