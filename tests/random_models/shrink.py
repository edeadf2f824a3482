"""Make a failing description small: leave out what can be left out while it still fails."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

from tests.random_models.spec import Call, Graph, Node, Spec

#: options without which a layer cannot be made
_NEEDED = {
    "units", "cell", "cells", "layer", "input_dim", "output_dim", "memory", "rate", "stddev", "axes", "dims", "n",
    "target_shape", "function", "initial_learning_rate", "decay_steps", "decay_rate",
}  # fmt: skip


def shrink(spec: Spec, fails: Callable[[Spec], bool], budget: int = 400) -> Spec:
    """The smallest description found that still fails, after at most `budget` tries."""
    tried = 0
    again = True
    while again:
        again = False
        for candidate in candidates(spec):
            if tried >= budget:
                return spec
            tried += 1
            if fails(candidate):
                spec, again = candidate, True
                break
    return spec


def candidates(spec: Spec) -> Iterator[Spec]:
    """Descriptions that are a little smaller, the boldest first."""
    yield from _fewer_outputs(spec)
    yield from _earlier_outputs(spec)
    yield from _fewer_nodes(spec)
    yield from _plainer_training(spec)
    yield from _plainer_layers(spec)


def _fewer_outputs(spec: Spec) -> Iterator[Spec]:
    count = len(spec.graph.outputs)
    for place in range(count if count > 1 else 0):
        new = copy.deepcopy(spec)
        for parts in (new.graph.outputs, new.targets, new.weights, new.loss, new.loss_weights or [None] * count):
            del parts[place]
        if _prune(new):
            yield new


def _earlier_outputs(spec: Spec) -> Iterator[Spec]:
    """End at what an output is made of, or at the first call of its layer, with another target and loss."""
    makers = {name: node for node in spec.graph.nodes for name in node.outputs}
    for place, output in enumerate(spec.graph.outputs):
        node = makers.get(output)
        for other in (*node.uses(), *filter(None, [node.shares])) if node is not None else ():
            value = spec.graph.values[other]
            if value.kind == "ids" or other not in makers or other in spec.graph.outputs:
                continue
            new = copy.deepcopy(spec)
            new.graph.outputs[place] = other
            new.loss[place] = "losses.MeanSquaredError()"
            new.targets[place] = f"drawing.normal({(spec.rows, *value.shape)}, {spec.dtype!r}, {place + 1})"
            new.weights = [None] * len(new.weights)
            if _prune(new):
                yield new


def _fewer_nodes(spec: Spec) -> Iterator[Spec]:
    """Give what uses a node the node's input, or an input of the model of the same shape."""
    values = spec.graph.values
    for place in range(len(spec.graph.nodes)):
        node = spec.graph.nodes[place]
        for output in node.outputs:
            if values[output].kind == "ids":
                continue
            for other in (*node.uses(), None):
                if other is not None and (values[other].shape != values[output].shape or values[other].kind == "ids"):
                    continue
                new = copy.deepcopy(spec)
                if other is None:
                    if output in new.graph.outputs:
                        continue
                    other = f"{output}_given"
                    if other in values:
                        continue
                    new.graph.values[other] = copy.deepcopy(values[output])
                    new.graph.values[other].name, new.graph.values[other].kind = other, "real"
                    new.graph.inputs.append(other)
                    shape = (spec.rows, *values[output].shape)
                    new.data[other] = f"drawing.normal({shape}, {spec.dtype!r}, {place + 1})"
                _replace(new.graph, output, other)
                if _prune(new):
                    yield new


def _replace(graph: Graph, old: str, new: str) -> None:
    import re

    for node in graph.nodes:
        node.inputs = [new if name == old else name for name in node.inputs]
        node.states = [new if name == old else name for name in node.states]
        if node.expression is not None:
            node.expression = re.sub(rf"\b{old}\b", new, node.expression)
    graph.outputs = [new if name == old else name for name in graph.outputs]


def _prune(spec: Spec) -> bool:
    """Drop what no output needs; whether a model is left."""
    graph = spec.graph
    graph.sequential = None
    owners = {name for node in graph.nodes for name in node.outputs}
    graph.nodes = [node for node in graph.nodes if node.shares is None or node.shares in owners]
    graph.prune()
    spec.data = {name: spec.data[name] for name in graph.inputs if name in spec.data}
    return bool(graph.nodes) and all(name in spec.data for name in graph.inputs)


def _plainer_training(spec: Spec) -> Iterator[Spec]:
    def changed(**parts: Any) -> Spec:
        new = copy.deepcopy(spec)
        for key, value in parts.items():
            setattr(new, key, value)
        return new

    if spec.graph.sequential is not None:
        new = copy.deepcopy(spec)
        new.graph.sequential = None
        yield new
    if any(spec.weights):
        yield changed(weights=[None] * len(spec.weights))
    if spec.loss_weights is not None:
        yield changed(loss_weights=None)
    if spec.mode != "batches" and spec.rows == spec.batch:
        yield changed(mode="batches")
    plain = Call("optimizers.SGD", {"learning_rate": "0.1"})
    if spec.optimizer != plain:
        yield changed(optimizer=plain)
    for key in list(spec.optimizer.options):
        new = copy.deepcopy(spec)
        del new.optimizer.options[key]
        yield new
    for place, loss in enumerate(spec.loss):
        if loss != "losses.MeanSquaredError()" and "classes" not in spec.targets[place]:
            new = copy.deepcopy(spec)
            new.loss[place] = "losses.MeanSquaredError()"
            yield new
    if spec.fixed and not any("stateful" in call.options for call in spec.graph.calls()):
        yield changed(fixed=False)


def _plainer_layers(spec: Spec) -> Iterator[Spec]:
    """Without one option of one layer, the arguments of one call, the second layer of one list."""
    for place, call in enumerate(spec.graph.calls()):
        for key, value in call.options.items():
            new = copy.deepcopy(spec)
            options = new.graph.calls()[place].options
            if key in _NEEDED:
                if isinstance(value, list) and len(value) > 1:
                    options[key] = value[:1]
                    yield new
                continue
            del options[key]
            yield new
    for place, node in enumerate(_nodes(spec.graph)):
        for part in ("states", "call"):
            if getattr(node, part) and not (part == "call" and node.shares):
                new = copy.deepcopy(spec)
                setattr(_nodes(new.graph)[place], part, type(getattr(node, part))())
                yield new


def _nodes(graph: Graph) -> list[Node]:
    found = []
    for node in graph.nodes:
        found.append(node)
        if node.graph is not None:
            found += _nodes(node.graph)
    return found
