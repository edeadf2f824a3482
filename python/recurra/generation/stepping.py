"""One token at a time through a recurrent model, the state in the caller's hands."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import numpy as np

from recurra import ops
from recurra.autograd import no_grad
from recurra.generation.compiled import CompiledModel, calls_of, compile_model, does_nothing
from recurra.tree import map_structure
from recurra.typing import Array

State = Any  # arrays of shape (B, ...), in tuples and lists


@runtime_checkable
class StepModel(Protocol):
    """What generation asks of a model: scores for the next token, and a state that is a value."""

    def initial_state(self, batch_size: int) -> State:
        """The state before the first token: arrays with `batch_size` rows, in tuples and lists."""
        ...

    def step(self, ids: Array, state: State) -> tuple[Array, State]:
        """Read one token in each row.

        ids : (B,) int32
        returns : the scores of the token that follows, (B, V), as log probabilities up to a constant; the new state
        """
        ...


def take_rows(state: State, rows: Array) -> State:
    """The same state with its rows chosen anew: row ``i`` of the result is row ``rows[i]``."""
    taken: State = map_structure(lambda part: np.ascontiguousarray(np.asarray(part)[rows]), state)
    return taken


def as_step_model(model: Any) -> StepModel:
    """`model` itself if it is a :class:`StepModel`, else a :class:`Stepper` through its layers."""
    return model if isinstance(model, StepModel) else Stepper(model)


def compiled_form(steps: StepModel) -> CompiledModel | None:
    """The whole of a step model for the kernels, where there is one."""
    return steps.compiled() if isinstance(steps, Stepper) else None


class Stepper:
    """A ``Sequential`` taken through one token at a time.

    model : token ids (B, T) in, scores or probabilities (B, T, V) or (B, V) out; made of an Embedding, recurrent
        layers that run forward in time, and layers that treat every step alike (Dense, Dropout, normalisations over
        the features, activations, TimeDistributed). A layer that needs more than one step at once is refused by name.

    compiled : whether ``generate``, ``stream`` and ``beam_search`` may make many tokens in one call of the kernels,
        where these know all of the model's layers: an Embedding, recurrent layers and stacks of cells that run in the
        kernels, Dense with an activation of theirs, in the layer or after it, a softmax at the end, and layers that
        do nothing at inference. The tokens are the same; False keeps to one call of each layer for each token, which
        a normalisation, an activation after a recurrent layer or a cell in Python does too

    The weights are the model's own: further training shows at once. Stateful layers keep their stored states; the
    stepper's state is a value of its own.
    """

    def __init__(self, model: Any, *, compiled: bool = True) -> None:
        self.model = model
        self._run: list[Callable[[Any], Any] | None] = []
        self._cells: list[Any] = []
        from recurra.layers import InputLayer

        if not isinstance(getattr(model, "layers", None), (list, tuple)):
            raise TypeError(f"model must be a StepModel or a model of layers, got {model!r:.60}")
        layers = [layer for layer in model.layers if not isinstance(layer, InputLayer)]
        if not layers:
            raise ValueError("model must have layers, got an empty one: add an Embedding, an LSTM and a Dense")
        calls = calls_of(model)
        if calls is None:
            raise ValueError("model must be a chain of calls, each on the result of the one before, got branches")
        for layer, reverse in calls:
            if reverse:
                self._run.append(functools.partial(layer, reverse=True))
            else:
                self._add(layer)
        if not self._cells:
            names = ", ".join(type(layer).__name__ for layer in layers)
            raise ValueError(f"model must have a recurrent layer to carry a state from token to token, got {names}")
        self._from_logits = not _gives_probabilities(layers[-1])
        self._may_compile = compiled and type(self).step is Stepper.step

    def compiled(self) -> CompiledModel | None:
        """The model in one piece for the kernels; None where they do not know all of its layers."""
        return compile_model(self.model) if self._may_compile else None

    def _add(self, layer: Any) -> None:
        from recurra import layers as rooms

        if isinstance(layer, rooms.RNN):
            if layer.go_backwards:
                raise ValueError(f"layer {layer.name!r} reads backwards in time: a token cannot depend on later ones")
            self._cells.append(layer.cell)
            self._run.append(None)
        elif isinstance(layer, rooms.TimeDistributed):
            self._run.append(_inference(layer.layer))
        elif does_nothing(layer):
            pass
        elif isinstance(layer, rooms.Embedding | rooms.Dense | rooms.Activation):
            self._run.append(_inference(layer))
        elif isinstance(layer, _each_step()) and not _reaches_time(layer):
            self._run.append(_as_one_step(layer))
        else:
            raise ValueError(
                f"layer {layer.name!r} ({type(layer).__name__}) cannot be taken one step at a time: use Embedding, "
                "LSTM, GRU, SimpleRNN, RNN, Dense, Activation, Dropout, TimeDistributed, or a normalisation over the "
                "last axis"
            )

    def initial_state(self, batch_size: int) -> State:
        """The recurrent layers' zero states (or what their cells start from), one tuple a layer."""
        if batch_size < 1:
            raise ValueError(f"batch_size must be >= 1, got {batch_size}")
        return tuple(_as_tuple(cell.get_initial_state(batch_size=batch_size)) for cell in self._cells)

    def step(self, ids: Array, state: State) -> tuple[Array, State]:
        """Read one token in each row.

        ids : (B,) int32
        state : from :meth:`initial_state` or the previous step
        returns : log probabilities up to a constant, (B, V); the new state
        """
        value: Any = np.asarray(ids, dtype=np.int32)
        if value.ndim != 1:
            raise ValueError(f"ids must have shape (B,), got {value.shape}")
        states: list[Any] = []
        with no_grad():
            for run in self._run:
                if run is not None:
                    value = run(value)
                    continue
                cell, old = self._cells[len(states)], state[len(states)]
                value, new = cell(value, list(old))
                states.append(_as_tuple(new))
            scores = np.asarray(value)
            if not self._from_logits:
                scores = np.asarray(ops.log(np.maximum(scores, np.finfo(scores.dtype).tiny)))
        return scores, tuple(states)


def _inference(layer: Any) -> Callable[[Any], Any]:
    return lambda value: layer(value)


def _each_step() -> tuple[type, ...]:
    """Layers that compute a step from that step alone, where their axis is not that of the steps."""
    from recurra import layers as rooms

    return (
        rooms.LayerNormalization, rooms.RMSNormalization, rooms.UnitNormalization, rooms.BatchNormalization,
        rooms.Rescaling, rooms.ReLU, rooms.LeakyReLU, rooms.ELU, rooms.Softmax,
    )  # fmt: skip


def _reaches_time(layer: Any) -> bool:
    """Whether an axis of a layer is that of the steps in (B, T, F)."""
    return any(axis % 3 == 1 for axis in np.atleast_1d(getattr(layer, "axis", -1)).tolist())


def _as_one_step(layer: Any) -> Callable[[Any], Any]:
    """A layer made for (B, T, F) on one step (B, F)."""
    return lambda value: layer(np.asarray(value)[:, None])[:, 0]


def _as_tuple(states: Any) -> tuple[Any, ...]:
    return tuple(states) if isinstance(states, (tuple, list)) else (states,)


def _gives_probabilities(layer: Any) -> bool:
    from recurra import activations, ops
    from recurra.layers import Softmax

    inner = getattr(layer, "layer", layer)
    return isinstance(inner, Softmax) or getattr(inner, "activation", None) in (activations.softmax, ops.softmax)
