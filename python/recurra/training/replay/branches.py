"""A model with branches as recorded steps: several inputs, layers that join, outputs that several layers read.

Values are numbered: the inputs first, then the output of each step. A value's gradient is the sum of what the steps
that read it give, the last of them first, as on a tape.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from recurra.layers.embedding import Embedding
from recurra.training.replay.chain import are_plain, gains, rest_of, step_of
from recurra.training.replay.joins import ArrayJoin, TapedJoin
from recurra.training.replay.layers import Settings, TapedStep
from recurra.training.replay.recording import Recording


class Call(NamedTuple):
    """One call of a layer on values.

    sources : the numbers of the values that it reads
    arguments : how it is given several, or constants beside them: by the call's node; None for one value alone
    """

    layer: Any
    sources: list[int]
    arguments: Any


class Branches(NamedTuple):
    """A :class:`.chain.Chain` with branches.

    sources : the numbers of the values that each step reads
    converts : whether each step reads an input that is converted to the model's dtype for it
    end : the number of the value that the loss begins with
    """

    steps: list[Any]
    tail: list[Callable[[Any], Any]]
    settings: list[Settings]
    sources: list[list[int]]
    converts: list[bool]
    end: int


def calls_of(model: Any) -> list[Call] | None:
    """The calls of layers that a model makes, in order; None where some are not plainly values in, one value out."""
    graph = model._graph
    if not model._only_runs_its_graph() or graph.ends:
        return None
    numbers = {id(tensor): number for number, tensor in enumerate(graph.input_tensors)}
    found: list[Call] = []
    for node in graph.nodes:
        outputs = node.output_tensors
        if any(id(tensor) in numbers for tensor in outputs):
            continue
        if len(outputs) != 1 or node.kwargs or not node.args:
            return None
        read, alone = node.input_tensors, len(node.args) == 1 and node.args[0] is node.input_tensors[0]
        found.append(Call(node.layer, [numbers[id(tensor)] for tensor in read], None if alone else node))
        numbers[id(outputs[0])] = len(numbers)
    last = numbers[id(graph._single)]
    return found if found and last == len(numbers) - 1 else None


def branches_of(model: Any, logits: bool) -> Branches | None:
    """The recorded steps of `model`, or None where they cannot be recorded or would gain nothing.

    logits : whether the last layer's softmax is left to the loss
    """
    calls = calls_of(model)
    if calls is None or not are_plain(model, [call.layer for call in calls]):
        return None
    inputs = len(model._graph.input_tensors)
    plan = _Plan(inputs, calls)
    for number, call in enumerate(calls):
        if not plan.add(number, call, logits):
            return None
    return plan.finished(calls[-1].layer, logits)


def takes_ids(layer: Any, table: Embedding) -> bool:
    """Whether a layer's step looks up ids in a table itself."""
    trained = any(v.trainable for one in (layer, table) for v in one.weights)
    embedded = getattr(layer, "takes_embedded_ids", False)
    return embedded and trained and step_of(layer, table, False, True, False, False) is not None


class _Plan:
    """The steps so far.

    place : for each value of the model, its number among those of the steps
    trained : whether something before each of the steps' values is trained
    waiting : the Embedding whose vectors a value of the model stands for, where the step that reads it takes the ids
    """

    def __init__(self, inputs: int, calls: list[Call]) -> None:
        self.inputs, self.calls = inputs, calls
        self.place = list(range(inputs))
        self.trained = [False] * inputs
        self.waiting: dict[int, Embedding] = {}
        self.converts: list[bool] = []
        self.steps: list[Any] = []
        self.sources: list[list[int]] = []
        self.settings: list[Settings] = []
        self.tail: list[Callable[[Any], Any]] = []
        self.end = 0

    def add(self, number: int, call: Call, logits: bool) -> bool:
        """Make the step of one call. False where there can be none."""
        layer, last = call.layer, number == len(self.calls) - 1
        sources = [self.place[source] for source in call.sources]
        value = self.inputs + number  # of the model
        if isinstance(layer, Embedding):
            if len(sources) != 1 or sources[0] >= self.inputs:
                return False  # ids that were computed
            readers = [other for other in self.calls if value in other.sources]
            if len(readers) == 1 and readers[0].arguments is None and takes_ids(readers[0].layer, layer):
                self.waiting[value] = layer
                self.place.append(sources[0])
                return True
            if any(getattr(other.layer, "takes_embedded_ids", False) for other in readers):
                return False  # the kernels' gradients of the table are added up, not those of its vectors
        lookup = self.waiting.get(call.sources[0])
        own = [v for one in (lookup, layer) if one is not None for v in one.weights if v.trainable]
        needs = [self.trained[source] for source in sources]
        step: Any = None
        alone = call.arguments is None
        if alone:
            step = step_of(layer, lookup, needs[0], bool(own), last, logits)
        converts = step is not None and lookup is None and sources[0] < self.inputs
        if step is None:
            run = partial(layer, training=True, activated=False) if last and logits else partial(layer, training=True)
            self.settings += [Settings(one, "activity_regularizer") for one in layer._flatten_layers()]
            if lookup is not None:
                return False
            if last and alone:
                self.tail, self.end = [run], sources[0]
                return True
            if alone:
                step = TapedStep([run], own, needs[0])
            else:
                join = ArrayJoin if ArrayJoin.takes(layer, call.arguments) else TapedJoin
                step = join(run, call.arguments, own, needs)
        self.steps.append(step)
        self.sources.append(sources)
        self.converts.append(converts)
        self.end = len(self.trained)
        self.place.append(self.end)
        self.trained.append(any(needs) or bool(own))
        return True

    def finished(self, final: Any, logits: bool) -> Branches | None:
        """All of it, if it gains."""
        if self.end < self.inputs or not gains(self.steps):
            return None
        tail = self.tail or rest_of(final, logits)
        return Branches(self.steps, tail, self.settings, self.sources, self.converts, self.end)


class BranchesRecording(Recording):
    """The recorded training step of a model with branches, for batches of one shape."""

    def __init__(self, stepper: Any, branches: Branches, logits: frozenset[int], x: Any, batch: Any) -> None:
        super().__init__(stepper, branches, logits, 0, batch)
        self.model_dtype, graph = stepper.model._numpy_dtype, stepper.model._graph
        self.sources, self.converts, self.end = branches.sources, branches.converts, branches.end
        arrays = graph.flatten_inputs(x)
        self.more_axes = [len(tensor.shape) - a.ndim for tensor, a in zip(graph.input_tensors, arrays, strict=True)]
        self._count = len(arrays) + len(self.steps)

    def forward(self, x: Any) -> tuple[Any, Any]:
        values: list[Any] = []
        for value, axes in zip(self.graph.flatten_inputs(x), self.more_axes, strict=True):
            if axes:
                value = value[..., None] if axes > 0 else value[..., 0]
            values.append(value)
        masks: list[Any] = [None] * len(values)
        for step, sources, converts in zip(self.steps, self.sources, self.converts, strict=True):
            if isinstance(step, TapedJoin):
                value, mask = step.forward([values[n] for n in sources], [masks[n] for n in sources])
            else:
                value = values[sources[0]]
                if converts:
                    value = value.astype(self.model_dtype, copy=False)
                value, mask = step.forward(value, masks[sources[0]])
            values.append(value)
            masks.append(mask)
        return values[self.end], masks[self.end]

    def backward(self, d: Any) -> list[Any]:
        totals: list[Any] = [None] * self._count
        totals[self.end] = d
        gradients: list[Any] = []
        number = self._count
        for step, sources in zip(reversed(self.steps), reversed(self.sources), strict=True):
            number -= 1
            d, totals[number] = totals[number], None
            if d is None:
                gradients.append([None] * len(step.variables))
                continue
            dx, found = step.backward(d)
            gradients.append(found)
            for source, one in zip(sources, dx if isinstance(dx, list) else [dx], strict=True):
                if one is not None:
                    totals[source] = one if totals[source] is None else totals[source] + one
        return gradients
