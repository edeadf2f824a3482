"""A model with branches as recorded steps.

It may have several inputs and outputs, layers that join, values that several layers read, layers that are called more
than once, and recurrent layers that hand on their states.

Values are numbered: the inputs first, then what each step puts out. A value's gradient is the sum of what the steps
that read it give, the last of them first, as on a tape.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from recurra.layers.embedding import Embedding
from recurra.symbolic import KerasTensor, Node
from recurra.training.replay.bidirectional import BidirectionalStep
from recurra.training.replay.chain import are_plain, gains, rest_of, step_of
from recurra.training.replay.joins import ArrayJoin, TapedJoin
from recurra.training.replay.layers import Settings, Sums, plus
from recurra.training.replay.recording import Recording
from recurra.training.replay.states import BidirectionalStates, StatesStep, first_states_of


class Call(NamedTuple):
    """One call of a layer on values.

    graph : in which it is made
    node : how it is made
    reads : the different tensors that it reads, the first argument's first
    sources : their numbers
    first, outputs : the number of the first of its outputs, and how many there are
    """

    graph: Any
    node: Node
    reads: list[KerasTensor]
    sources: list[int]
    first: int
    outputs: int

    @property
    def alone(self) -> bool:
        """Whether one value is all that is given and all that comes back."""
        node = self.node
        return len(node.args) == 1 and not node.kwargs and node.args[0] is self.reads[0] and self.outputs == 1


class Branches(NamedTuple):
    """A :class:`.chain.Chain` with branches.

    sources : the numbers of the values that each step reads
    converts : whether the first value that each step reads is converted to the model's dtype for it
    firsts : the number of the first value that each step puts out
    ends : the numbers of the values that the loss begins with, one for each output
    """

    steps: list[Any]
    tail: list[Callable[[Any], Any]]
    settings: list[Settings]
    sources: list[list[int]]
    converts: list[bool]
    firsts: list[int]
    ends: list[int]


class Calls:
    """The calls of layers that a model's graph makes, in order, those of models inside it among them.

    found : the calls
    models : the models inside
    count : how many values there are
    """

    def __init__(self) -> None:
        self.found: list[Call] = []
        self.models: list[Any] = []
        self.count = 0

    def collect(self, graph: Any, inputs: list[int]) -> list[int] | None:
        """Add a graph's calls on the values of these numbers; the numbers of its outputs. None where it has others."""
        numbers = {id(tensor): number for tensor, number in zip(graph.input_tensors, inputs, strict=True)}
        for node in graph.nodes:
            outputs = node.output_tensors
            if any(id(tensor) in numbers for tensor in outputs):
                continue
            reads = list({id(tensor): tensor for tensor in node.input_tensors}.values())
            if not node.args or not reads:
                return None
            if _is_model(node.layer):
                made = self._inside(node, numbers)
                if made is None:
                    return None
            else:
                made = list(range(self.count, self.count + len(outputs)))
                sources = [numbers[id(tensor)] for tensor in reads]
                self.found.append(Call(graph, node, reads, sources, self.count, len(outputs)))
                self.count += len(outputs)
            numbers.update((id(tensor), number) for tensor, number in zip(outputs, made, strict=True))
        return [numbers[id(tensor)] for tensor in graph.output_tensors]

    def _inside(self, node: Node, numbers: dict[int, int]) -> list[int] | None:
        """The same for a call of a model on values alone, of as many axes as its inputs have."""
        model = node.layer
        if len(node.args) != 1 or node.kwargs or not model._only_runs_its_graph() or model._graph.ends:
            return None
        given = model._graph.flatten_inputs(node.args[0])
        if not all(
            isinstance(tensor, KerasTensor) and len(tensor.shape) == len(own.shape)
            for tensor, own in zip(given, model._graph.input_tensors, strict=True)
        ):
            return None
        self.models.append(model)
        return self.collect(model._graph, [numbers[id(tensor)] for tensor in given])


def _is_model(layer: Any) -> bool:
    return hasattr(layer, "_only_runs_its_graph")


def branches_of(model: Any, logits: frozenset[int]) -> Branches | None:
    """The recorded steps of `model`, or None where they cannot be recorded or would gain nothing.

    logits : the numbers of the outputs whose softmax is left to the loss
    """
    graph = model._graph
    if not model._only_runs_its_graph() or graph.ends:
        return None
    calls = Calls()
    calls.count = len(graph.input_tensors)
    ends = calls.collect(graph, list(range(calls.count)))
    if ends is None or not are_plain(model, [call.node.layer for call in calls.found], calls.models):
        return None
    plan = _Plan(len(graph.input_tensors), calls.found, ends, {ends[number] for number in logits})
    plan.settings += [Settings(one, "activity_regularizer", "call", "_graph") for one in calls.models]
    for number, call in enumerate(calls.found):
        if not plan.add(call, number == len(calls.found) - 1):
            return None
    return plan.finished()


class _Plan:
    """The steps so far.

    place : for each value of the model, its number among those of the steps
    trained : whether something before each of the steps' values is trained
    waiting : the Embedding whose vectors a value of the model stands for, where the steps that read it take the ids
    """

    def __init__(self, inputs: int, calls: list[Call], ends: list[int], logits: set[int]) -> None:
        self.inputs, self.calls, self.ends, self.logits = inputs, calls, ends, logits
        self.place = list(range(self.inputs))
        self.trained = [False] * self.inputs
        self.waiting: dict[int, Embedding] = {}
        self.converts: list[bool] = []
        self.steps: list[Any] = []
        self.sources: list[list[int]] = []
        self.firsts: list[int] = []
        self.settings: list[Settings] = []
        self.tail: list[Callable[[Any], Any]] = []

    def add(self, call: Call, last: bool) -> bool:
        """Make the step of one call. False where there can be none."""
        layer, sources = call.node.layer, [self.place[source] for source in call.sources]
        if isinstance(layer, Embedding) and call.graph._may_wait(call.node):
            readers = [other for other in self.calls if call.first in other.sources]
            if not call.alone or self.trained[sources[0]]:
                return False
            if len(readers) > 1 and not all(self._looks_up(other, call.first, layer) for other in readers):
                return False  # which of them adds up gradients of the table, and which those of vectors, is not known
            self.waiting[call.first] = layer
            self.place.append(sources[0])
            return True
        lookup = self.waiting.get(call.sources[0])
        needs = [self.trained[source] for source in sources]
        own = [v for one in (lookup, layer) if one is not None for v in one.weights if v.trainable]
        scores = call.first in self.logits
        ends_it = last and self.ends == [call.first] and call.outputs == 1
        step = self._on_arrays(call, lookup, needs, bool(own), ends_it, scores)
        if step is None:
            run = partial(layer, training=True, activated=False) if scores else partial(layer, training=True)
            self.settings += [Settings(one, "activity_regularizer") for one in layer._flatten_layers()]
            if ends_it and call.alone and lookup is None:
                self.tail, self.ends = [run], call.sources
                return True
            join = ArrayJoin if ArrayJoin.takes(layer, call.node) else TapedJoin
            step = join(run, call.node, call.reads, own, needs, lookup)
        elif ends_it:
            self.tail = rest_of(layer, scores)
        self.steps.append(step)
        self.sources.append(sources)
        self.converts.append(lookup is None and not isinstance(step, TapedJoin))
        self.firsts.append(len(self.trained))
        self.place += range(len(self.trained), len(self.trained) + call.outputs)
        self.trained += [any(needs) or bool(own)] * call.outputs
        return True

    def _on_arrays(
        self, call: Call, lookup: Embedding | None, needs: list[bool], trained: bool, last: bool, scores: bool
    ) -> Any:
        """The call's step on arrays; None for one that must be made under a tape."""
        layer, node = call.node.layer, call.node
        if call.alone and not (BidirectionalStep.takes(layer) and layer.return_state):
            return step_of(layer, lookup, needs[0], trained, last or scores, scores)
        if not (trained or any(needs)) or node.args[0] is not call.reads[0]:
            return None
        step: Any = None
        if StatesStep.takes(layer, node) and 1 + len(_states(node)) == len(call.reads):
            step = step_of(layer, lookup, needs[0], True, False, False)
            return StatesStep(step, needs)
        if BidirectionalStates.takes(layer, node):
            step = step_of(layer, lookup, needs[0], True, False, False)
            return BidirectionalStates(step, needs)
        return None

    def _looks_up(self, call: Call, value: int, table: Embedding) -> bool:
        """Whether the step of a call looks up ids in a table itself, where they are its first argument alone."""
        layer = call.node.layer
        trained = any(v.trainable for one in (layer, table) for v in one.weights)
        first = call.sources[0] == value and sum(t is call.reads[0] for t in call.node.input_tensors) == 1
        return first and self._on_arrays(call, table, [False] * len(call.reads), trained, False, False) is not None

    def finished(self) -> Branches | None:
        """All of it, if it gains."""
        ends = [self.place[end] for end in self.ends]
        if min(ends) < self.inputs or not gains(self.steps):
            return None
        return Branches(self.steps, self.tail, self.settings, self.sources, self.converts, self.firsts, ends)


def _states(node: Node) -> list[KerasTensor]:
    return first_states_of(node) or []


class BranchesRecording(Recording):
    """The recorded training step of a model with branches, for batches of one shape."""

    def __init__(self, stepper: Any, branches: Branches, logits: frozenset[int], x: Any, batch: Any) -> None:
        super().__init__(stepper, branches, logits, 0, batch)
        self.model_dtype, graph = stepper.model._numpy_dtype, stepper.model._graph
        self.sources, self.converts, self.ends = branches.sources, branches.converts, branches.ends
        self.single = graph._single is not None
        self.several = [getattr(step, "several", False) for step in branches.steps]
        arrays = graph.flatten_inputs(x)
        self.more_axes = [len(tensor.shape) - a.ndim for tensor, a in zip(graph.input_tensors, arrays, strict=True)]
        self.firsts = branches.firsts
        self._same: list[int] = []  # for each value the number of the first that is the same array
        self._kinds: dict[int, Any] = {}  # for each step whose first value is converted, that value's dtype

    def forward(self, x: Any) -> tuple[Any, Any]:
        values: list[Any] = []
        for value, axes in zip(self.graph.flatten_inputs(x), self.more_axes, strict=True):
            if axes:
                value = value[..., None] if axes > 0 else value[..., 0]
            values.append(value)
        masks: list[Any] = [None] * len(values)
        same = self._same = list(range(len(values)))
        self._kinds = {}
        for number, step in enumerate(self.steps):
            sources = self.sources[number]
            value = values[sources[0]]
            if self.converts[number] and value.dtype is not self.model_dtype:
                self._kinds[number] = value.dtype
                value = value.astype(self.model_dtype)
            if not self.several[number]:
                found, mask = step.forward(value, masks[sources[0]])
                same.append(same[sources[0]] if found is values[sources[0]] else len(same))
                values.append(found)
                masks.append(mask)
                continue
            read = [value, *[values[n] for n in sources[1:]]]
            for found, mask in zip(*step.forward(read, [masks[n] for n in sources]), strict=True):
                same.append(next((same[n] for n in sources if values[n] is found), len(same)))
                values.append(found)
                masks.append(mask)
        if self.single:
            return values[self.ends[0]], masks[self.ends[0]]
        return [values[end] for end in self.ends], [masks[end] for end in self.ends]

    def backward(self, d: Any, sums: Sums) -> None:
        same = self._same
        totals: list[Any] = [None] * len(same)
        for end, one in zip(self.ends, [d] if self.single else d, strict=True):
            totals[same[end]] = plus(totals[same[end]], one)
        for number in range(len(self.steps) - 1, -1, -1):
            step, first = self.steps[number], self.firsts[number]
            sources = [same[n] for n in self.sources[number]]
            stop = self.firsts[number + 1] if number + 1 < len(self.steps) else len(totals)
            ds = [totals[n] if same[n] == n else None for n in range(first, stop)]  # not what gave back what it read
            totals[first:stop] = [None] * len(ds)
            if all(one is None for one in ds):
                continue
            befores = [totals[n] if n not in sources[:k] else None for k, n in enumerate(sources)]
            kind = self._kinds.get(number)
            if kind is not None:
                befores[0] = None
            found = (
                step.backward(ds, sums, befores) if self.several[number] else [step.backward(ds[0], sums, befores[0])]
            )
            if kind is not None:
                found[0] = plus(totals[sources[0]], None if found[0] is None else found[0].astype(kind))
            for k, (source, one) in enumerate(zip(sources, found, strict=True)):
                totals[source] = plus(totals[source], one) if source in sources[:k] else one
