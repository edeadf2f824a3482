"""The description of a random model: plain data that is written out as the Python code which builds it.

The code is what runs, so that what a failure prints is what failed. Options are kept as source text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Call:
    """``name(key=value, ...)``. A value is source text, another call, or a list of calls."""

    name: str
    options: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.name}({', '.join(f'{key}={_text(value)}' for key, value in self.options.items())})"


def _text(value: Any) -> str:
    return f"[{', '.join(map(str, value))}]" if isinstance(value, list) else str(value)


@dataclass
class Value:
    """A tensor of the graph.

    shape : without the batch axis
    masked : whether it carries a mask
    kind : "ids", or what the numbers are: "real", "sigmoid", "softmax" (along the last axis), "positive"
    vocabulary : how many ids there are
    """

    name: str
    shape: tuple[int, ...]
    masked: bool = False
    kind: str = "real"
    vocabulary: int = 0


@dataclass
class Node:
    """One call of a layer.

    outputs : names of the values that it gives
    layer : the layer, made here; or
    shares : the first output of the node whose layer is called again; or
    graph : a nested model, made here; with `layer`, the model that stands for "{model}" in its options; or
    expression : source text made of `inputs`, without a layer
    inputs : names; as_list: handed over as a list, even one alone
    states : names of the initial states
    call : further arguments of the call
    targets : what stands left of the ``=``, where it is not just the outputs
    """

    outputs: list[str]
    inputs: list[str]
    layer: Call | None = None
    shares: str | None = None
    graph: Graph | None = None
    expression: str | None = None
    as_list: bool = False
    states: list[str] = field(default_factory=list)
    call: dict[str, str] = field(default_factory=dict)
    targets: str | None = None

    def uses(self) -> list[str]:
        return [*self.inputs, *self.states]

    def lines(self, batch: int | None) -> list[str]:
        targets = self.targets or ", ".join(self.outputs)
        if self.expression is not None:
            return [f"{targets} = {self.expression}"]
        name, made = f"layer_{self.shares or self.outputs[0]}", []
        if self.graph is not None:
            wrapped = "{model}" if self.layer is None else str(self.layer)
            made = [*self.graph.lines(batch), f"{name} = {wrapped.replace('{model}', self.graph.model())}"]
        elif self.layer is not None:
            made = [f"{name} = {self.layer}"]
        listed = self.as_list or len(self.inputs) > 1
        arguments = [f"[{', '.join(self.inputs)}]" if listed else self.inputs[0]]
        if self.states:
            arguments.append(f"initial_state=[{', '.join(self.states)}]")
        arguments += [f"{key}={value}" for key, value in self.call.items()]
        return [*made, f"{targets} = {name}({', '.join(arguments)})"]


@dataclass
class Graph:
    """Inputs, nodes in an order in which they can be built, and outputs.

    sequential : None, or for a chain of layers "input" (with an Input first) or "open" (built by its first batch)
    """

    inputs: list[str]
    nodes: list[Node]
    outputs: list[str]
    values: dict[str, Value]
    sequential: str | None = None

    def is_chain(self) -> bool:
        """Whether each node is a layer of its own that takes the one value made before it and nothing else."""
        if len(self.inputs) != 1 or len(self.outputs) != 1:
            return False
        last = self.inputs[0]
        for node in self.nodes:
            own = node.layer is not None or node.graph is not None
            if not own or node.uses() != [last] or node.as_list or node.call or len(node.outputs) != 1:
                return False
            last = node.outputs[0]
        return last == self.outputs[0] and bool(self.nodes)

    def lines(self, batch: int | None) -> list[str]:
        found = [] if self.sequential == "open" else [self._input(name, batch) for name in self.inputs]
        for node in self.nodes:
            lines = node.lines(batch)
            found += lines[:-1] if self.sequential else lines
        return found

    def _input(self, name: str, batch: int | None) -> str:
        value = self.values[name]
        dtype = ', dtype="int32"' if value.kind == "ids" else ""
        shape = f"shape={value.shape}" if batch is None else f"batch_shape={(batch, *value.shape)}"
        return f"{name} = layers.Input({shape}{dtype})"

    def model(self) -> str:
        """The expression that makes the model, once :meth:`lines` have run."""
        if self.sequential:
            names = [f"layer_{node.outputs[0]}" for node in self.nodes]
            if self.sequential == "input":
                names.insert(0, self.inputs[0])
            return f"models.Sequential([{', '.join(names)}])"
        inputs, outputs = (names[0] if len(names) == 1 else _text(names) for names in (self.inputs, self.outputs))
        return f"models.Model({inputs}, {outputs})"

    def prune(self) -> None:
        """Drop the nodes and inputs that no output needs."""
        needed = set(self.outputs)
        kept = []
        owners = {node.outputs[0]: node for node in self.nodes}
        forced: set[str] = set()
        for node in reversed(self.nodes):
            if needed.intersection(node.outputs) or node.outputs[0] in forced:
                needed.update(node.uses())
                if node.shares is not None:
                    forced.add(node.shares)
                kept.append(node)
        self.nodes = kept[::-1]
        self.inputs = [name for name in self.inputs if name in needed] or self.inputs[:1]
        assert all(node.shares is None or node.shares in owners for node in self.nodes)

    def calls(self) -> list[Call]:
        """All layers that are made, those inside of others too."""
        found: list[Call] = []

        def visit(value: Any) -> None:
            if isinstance(value, Call):
                found.append(value)
                for option in value.options.values():
                    visit(option)
            elif isinstance(value, list):
                for one in value:
                    visit(one)

        for node in self.nodes:
            visit(node.layer)
            if node.graph is not None:
                found += node.graph.calls()
        return found


@dataclass
class Spec:
    """A model, its data and its training.

    batch : rows of a batch; fixed: whether the inputs say so
    rows : rows of the data
    data, targets, weights : source text that draws each input, each output's target and sample weights (or None)
    loss : one loss for each output; loss_weights : None or a list
    mode : "batches" (the same batch twice), "fit" (two epochs, or two batches), "tape" (a loop of one's own)
    """

    seed: int
    dtype: str
    batch: int
    fixed: bool
    rows: int
    graph: Graph
    data: dict[str, str]
    targets: list[str]
    weights: list[str | None]
    loss: list[str]
    loss_weights: list[float] | None
    optimizer: Call
    mode: str

    def source(self) -> str:
        """Code that makes `model` (compiled), `x`, `y` and `sample_weight`."""
        graph = self.graph
        lines = graph.lines(self.batch if self.fixed else None)
        lines.append(f"model = {graph.model()}")
        loss = self.loss[0] if len(self.loss) == 1 else _text(self.loss)
        extra = "" if self.loss_weights is None else f", loss_weights={self.loss_weights}"
        lines.append(f"model.compile(optimizer={self.optimizer}, loss={loss}{extra})")
        lines.append(f"x = {_text([self.data[name] for name in graph.inputs])}")
        lines.append(f"y = {_text(self.targets)}")
        lines.append(f"sample_weight = {'None' if not any(self.weights) else _text(list(self.weights))}")
        if len(graph.inputs) == 1:
            lines.append("x = x[0]")
        if len(graph.outputs) == 1:
            lines += ["y = y[0]", *(["sample_weight = sample_weight[0]"] if any(self.weights) else [])]
        return "\n".join(lines) + "\n"

    def script(self) -> str:
        """The same as a file that runs by itself."""
        return _SCRIPT.format(source=self.source(), seed=self.seed, dtype=self.dtype, mode=self.mode, batch=self.batch)


_SCRIPT = """\
from tests.random_models.run import fill_weights, names_of, train
import recurra

globals().update(names_of("recurra", {dtype!r}, {seed}))
{source}
for key, value in train(model, x, y, sample_weight, mode={mode!r}, batch={batch}, seed={seed}).items():
    print(key, value.ravel()[:6])
"""
