"""A model as the kernels take it, for generation in one call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakKeyDictionary

import numpy as np

from recurra import activations, ops
from recurra._core.select import core
from recurra.autograd import no_grad
from recurra.typing import Array

if TYPE_CHECKING:
    from recurra.generation.sampling import Sampler

States = tuple[tuple[Array | None, ...], ...]

#: the kernels' form of each model, with the versions of the weights that it was made from
_MODELS: WeakKeyDictionary[Any, tuple[Any, Any]] = WeakKeyDictionary()


class CompiledModel:
    """A model of layers that the kernels know: Embedding, recurrent layers, Dense, and a softmax at the end.

    Made by :func:`compile_model`. The weights are the model's own: after further training they are packed anew.

    activations : by the place of a Dense in `steps`, the function that an Activation layer applies to its result
    """

    def __init__(
        self,
        model: Any,
        embedding: Any,
        steps: Sequence[tuple[str, Any]],
        probabilities: bool,
        activations: Mapping[int, str],
    ) -> None:
        self._model, self._embedding, self._steps, self._probabilities = model, embedding, steps, probabilities
        self._activations = dict(activations)
        self._variables = [embedding.embeddings]
        for kind, layer in steps:
            if layer is embedding:
                continue
            names = ("kernel", "bias") if kind == "dense" else layer.kernel_cell.weights
            self._variables += [variable for name in names if (variable := getattr(layer, name)) is not None]
        for layer in (embedding, *(layer for _, layer in steps)):
            if layer.quantization_mode:
                self._variables += [getattr(layer, f"{name}_scale") for name in layer._matrices()]

    @property
    def vocabulary(self) -> int:
        """V."""
        return len(self._embedding.embeddings)

    @property
    def version(self) -> tuple[Any, ...]:
        """Changes whenever a weight does."""
        return tuple((id(variable), variable.version) for variable in self._variables)

    @property
    def initial_states(self) -> States:
        """None, for zeros, for each state of each recurrent layer."""
        return tuple((None,) * len(layer.kernel_cell.states) for kind, layer in self._steps if kind != "dense")

    def handle(self) -> Any:
        """The kernels' form of the model as it is."""
        kinds = [kind for kind, _ in self._steps]
        wanted = (self.version, tuple(kinds), self._probabilities, tuple(self._activations.items()))
        made, handle = _MODELS.get(self._model, (None, None))
        if made != wanted:
            with no_grad():
                weights, given = zip(*(_weights(kind, layer) for kind, layer in self._steps), strict=True)
                functions = [(self._activations.get(i, own), gate) for i, (own, gate) in enumerate(given)]
                table = _array(_table(self._embedding))
                zoneout = [_zoneout(kind, layer) for kind, layer in self._steps]
                handle = core.generation_model(table, kinds, weights, functions, self._probabilities, zoneout)
            _MODELS[self._model] = wanted, handle
        return handle


def _weights(kind: str, layer: Any) -> tuple[list[Any], tuple[str, str]]:
    if kind == "dense" and not hasattr(layer, "kernel"):  # the table of an embedding, backwards
        table = (
            layer.int8_reverse() if layer.quantization_mode else np.ascontiguousarray(np.asarray(layer.embeddings).T)
        )
        return [_array(table), None], ("linear", "sigmoid")
    if kind == "dense":
        arrays = [layer._int8("kernel") if layer.quantization_mode else layer.kernel, layer.bias]
        names = {"activation": activations.kernel_name(layer.activation) or "linear"}  # a softmax is not in the kernel
    else:
        arrays, names = layer._kernel_weights(), layer._kernel_names
    return [_array(array) for array in arrays], (names["activation"], names.get("recurrent_activation", "sigmoid"))


def _zoneout(kind: str, layer: Any) -> list[float] | None:
    """For each state the share of its value that a unit keeps at a step, where there is one."""
    return layer.zoneouts if kind != "dense" and any(layer.zoneouts) else None


def _table(embedding: Any) -> Any:
    return embedding._int8("embeddings") if embedding.quantization_mode else embedding.embeddings


def _array(weight: Any) -> Any:
    """The numbers of a weight; of 8-bit ones, values and scales."""
    if isinstance(weight, tuple):
        return tuple(np.asarray(part) for part in weight)
    return None if weight is None else np.asarray(weight)


def compile_model(model: Any) -> CompiledModel | None:
    """`model` for the kernels; None where a layer is not one that they know."""
    from recurra import layers as rooms
    from recurra.layers.recurrent.cell import KernelCell
    from recurra.layers.recurrent.stacked_cells import StackedRNNCells

    embedding: Any = None
    steps: list[tuple[str, Any]] = []
    functions: dict[int, str] = {}
    probabilities = False
    calls = calls_of(model)
    if calls is None:
        return None
    for layer, reverse in _flat(calls):
        if probabilities:
            return None  # what follows a softmax is not taken into the kernel
        if embedding is None:
            if not _unchanged(layer, rooms.Embedding) and type(layer) is not rooms.ReversibleEmbedding:
                return None
            embedding = layer
        elif reverse:
            if layer is not embedding or not layer.plain_scores:
                return None
            steps.append(("dense", layer))
        elif isinstance(layer, rooms.RNN):
            cells = layer.cell.cells if type(layer.cell) is StackedRNNCells else [layer.cell]
            for cell in cells:
                known = isinstance(cell, KernelCell) and cell.runs_in_kernel and cell.built
                if not known or type(cell).get_initial_state is not KernelCell.get_initial_state:
                    return None
                steps.append((cell.kernel_cell.name, cell))
        elif _unchanged(layer, rooms.Dense):
            steps.append(("dense", layer))
            probabilities = layer.activation in (activations.softmax, ops.softmax)
            if not probabilities and activations.kernel_name(layer.activation) is None:
                return None
        elif steps and steps[-1][0] == "dense" and _is_softmax(layer):
            probabilities = True
        elif _unchanged(layer, rooms.Activation) and _takes_activation(steps, functions):
            name = activations.kernel_name(layer.activation)
            if name is None:
                return None
            functions[len(steps) - 1] = name
        else:
            return None
    if embedding is None or all(kind == "dense" for kind, _ in steps):
        return None
    if not _built(embedding, steps):
        return None
    return _checked(CompiledModel(model, embedding, steps, probabilities, functions))


def _takes_activation(steps: Sequence[tuple[str, Any]], functions: Mapping[int, str]) -> bool:
    """Whether the last layer is a Dense without a function of its own, which may apply that of an Activation layer."""
    if not steps or steps[-1][0] != "dense" or len(steps) - 1 in functions:
        return False
    return getattr(steps[-1][1], "activation", None) is activations.linear


def _is_softmax(layer: Any) -> bool:
    """Whether a layer is the softmax over the last axis."""
    from recurra import layers as rooms

    if _unchanged(layer, rooms.Softmax):
        return layer.axis in (-1, 2)
    return _unchanged(layer, rooms.Activation) and layer.activation in (activations.softmax, ops.softmax)


def does_nothing(layer: Any) -> bool:
    """Whether a layer hands its input on at inference."""
    from recurra import layers as rooms

    noise = rooms.Dropout | rooms.SpatialDropout1D | rooms.GaussianNoise | rooms.GaussianDropout
    return isinstance(layer, noise) or _unchanged(layer, rooms.Identity)


def calls_of(model: Any) -> list[tuple[Any, bool]] | None:
    """The layers in the order of their calls, and whether each is an embedding called backwards.

    None where layers that are called twice do not follow each other as a chain.
    """
    from recurra.layers import InputLayer, ReversibleEmbedding

    layers = [layer for layer in model.layers if not isinstance(layer, InputLayer)]
    if not any(isinstance(layer, ReversibleEmbedding) for layer in layers) or getattr(model, "_graph", None) is None:
        return [(layer, False) for layer in layers]
    nodes = [node for node in model._graph.nodes if not isinstance(node.layer, InputLayer)]
    for before, node in pairwise(nodes):
        if len(node.input_tensors) != 1 or node.input_tensors[0] is not before.output_tensors[0]:
            return None
    return [(node.layer, node.kwargs.get("reverse") is True) for node in nodes]


def _flat(calls: Sequence[tuple[Any, bool]]) -> Iterator[tuple[Any, bool]]:
    """The layers that do something at inference, those inside of TimeDistributed in its place."""
    from recurra import layers as rooms

    for layer, reverse in calls:
        if isinstance(layer, rooms.InputLayer) or does_nothing(layer):
            continue
        yield (layer.layer if _unchanged(layer, rooms.TimeDistributed) else layer), reverse


def _unchanged(layer: Any, kind: Any) -> bool:
    """Whether `layer` computes what `kind` does."""
    return isinstance(layer, kind) and type(layer).call is kind.call


def _built(embedding: Any, steps: Sequence[tuple[str, Any]]) -> bool:
    return bool(embedding.built and all(layer.built for _, layer in steps))


def _checked(model: CompiledModel) -> CompiledModel | None:
    """`model`, where all weights have one dtype, and there are as many scores as tokens."""
    dtypes = {str(variable.dtype) for variable in model._variables if variable.dtype != np.int8}
    layers = [layer for _, layer in model._steps]
    if len(dtypes) != 1 or not dtypes <= {"float32", "float64"} or {layer.dtype for layer in layers} != dtypes:
        return None
    last = layers[-1]
    return model if last is model._embedding or last.units == model.vocabulary else None


def by_length(prompts: Sequence[Array]) -> list[tuple[Array, Array]]:
    """The rows of each length, and their tokens as an array."""
    lengths = np.array([len(row) for row in prompts])
    groups = [np.flatnonzero(lengths == length) for length in np.unique(lengths)]
    return [(rows, np.stack([prompts[row] for row in rows.tolist()])) for rows in groups]


class Continuation:
    """A generation that goes on block by block; between blocks, what is read so far and the states before it."""

    def __init__(
        self, model: CompiledModel, prompt: Array | list[Array], sampler: Sampler, end_ids: Sequence[int] = ()
    ) -> None:
        self.model, self.sampler = model, sampler
        self._uneven = prompt if isinstance(prompt, list) else []  # prompts of several lengths, until they are read
        last = np.array([row[-1:] for row in prompt]) if isinstance(prompt, list) else prompt
        self.prompt, self.states = np.ascontiguousarray(last), model.initial_states
        self._end_ids = np.asarray(end_ids, np.int32)
        self._seen: Array | None = None
        if sampler.repetition_penalty != 1.0:
            self._seen = np.zeros((len(prompt), model.vocabulary), bool)
        self.ended = np.zeros(len(prompt), bool)

    @property
    def key(self) -> tuple[Any, ...]:
        """What the tokens of a block follow from, beside the prompt and the number of the draw."""
        return self.model.version, self.sampler.settings, self.sampler.draws.seed

    def tokens(self, handle: Any, count: int) -> tuple[Array, States]:
        """The next `count` tokens of each row, or fewer where all rows end, and the states before the last of them."""
        temperature, top_k, top_p, penalty, banned = self.sampler.settings
        seed, stream = self.sampler.draws.state
        if any(token >= self.model.vocabulary for token in banned):
            raise ValueError(f"banned must hold ids below V = {self.model.vocabulary}, got {max(banned)}")
        if penalty != 1.0 and self._seen is None:
            raise ValueError("repetition_penalty must be set before the first token is drawn")
        made, states = core.generate(
            handle, self.prompt, self.states, self.ended, self._seen, count, temperature, top_k, top_p, penalty,
            np.asarray(banned, np.int32), self._end_ids, seed, stream,
        )  # fmt: skip
        return made, states

    def advance(self, handle: Any, made: Array, states: States | None) -> None:
        """Go on after the tokens `made`. states: those before the last of them, where they are known."""
        read = np.concatenate([self.prompt, made[:, :-1]], axis=1)
        if self._seen is not None:
            np.put_along_axis(self._seen, read.astype(np.int64), True, axis=1)
        if states is None:
            states = self._read(handle, read)
        self.states, self.prompt = states, np.ascontiguousarray(made[:, -1:])
        self.ended |= np.isin(made, self._end_ids).any(axis=1)

    def read_prompt(self, handle: Any, block: int = 1024) -> None:
        """Read a long prompt but for its end, some tokens at a time, so that Ctrl-C is heard."""
        if self._uneven:
            self.states = self._read_uneven(handle, block)
        whole = self.prompt
        for at in range(0, whole.shape[1] - block, block):
            head = whole[:, at : at + block]
            self.states = self._read(handle, head)
            if self._seen is not None:
                np.put_along_axis(self._seen, head.astype(np.int64), True, axis=1)
            self.prompt = whole[:, at + block :]  # a view: a copy at each block would take time that grows with N²
        self.prompt = np.ascontiguousarray(self.prompt)

    def _read_uneven(self, handle: Any, block: int) -> States:
        """The states after all but the last token of prompts of several lengths."""
        prompts, self._uneven = self._uneven, []
        states: Any = None
        for rows, ids in by_length([row[:-1] for row in prompts]):
            part: Any = self.model.initial_states
            for at in range(0, ids.shape[1], block):
                part = self._read(handle, ids[:, at : at + block], part)
            if ids.shape[1] == 0:
                continue  # the initial states are zeros
            if states is None:
                states = [[np.zeros((len(prompts), *one.shape[1:]), one.dtype) for one in own] for own in part]
            for own, others in zip(states, part, strict=True):
                for one, other in zip(own, others, strict=True):
                    one[rows] = other
            if self._seen is not None:
                self._seen[rows[:, None], ids] = True
        return tuple(tuple(own) for own in states)

    def _read(self, handle: Any, ids: Array, states: States | None = None) -> States:
        none = np.zeros(0, np.int32)
        ids, states = np.ascontiguousarray(ids), self.states if states is None else states
        _, states = core.generate(handle, ids, states, None, None, 0, 1.0, 0, 1.0, 1.0, none, none, 0, 0)
        return cast(States, states)
