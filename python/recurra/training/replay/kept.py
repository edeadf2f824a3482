"""The recordings of a compiled model, kept from one ``fit`` or ``train_on_batch`` to the next."""

from __future__ import annotations

import threading
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from recurra.autograd import Array, thread_state
from recurra.ops.projection import ProjectedScores
from recurra.training.replay.branches import Branches, BranchesRecording, branches_of
from recurra.training.replay.chain import Chain, chain_of
from recurra.training.replay.recording import Recording
from recurra.training.structure import flatten_outputs

if TYPE_CHECKING:
    from recurra.training.step import Stepper

_TRAINABLE = attrgetter("trainable")
MOST_SHAPES = 256  #: shapes of batches for which a recording is kept


class Recordings:
    """The recorded steps for one model, loss and optimizer as they are, by the batches' shapes."""

    def __init__(self, stepper: Stepper) -> None:
        model = stepper.model
        self.possible = bool(stepper.trainable) and not (
            model.run_eagerly or stepper.callable_losses or model._overrides("compute_loss")
        )
        compiled = stepper.compiled
        # A step holds what its forward cached for its backward: each thread has steps of its own.
        self._settings = (
            self.possible,
            threading.get_ident(),
            [name for name in ("call", "__call__", "_runs_graph") if name in vars(model)],
            (stepper.fused, stepper.scores, stepper.scores_wait),
            list(compiled.loss.weights),
            bool(compiled.metrics.metrics),
        )
        self._parts: list[list[Any]] = [
            [model._graph, compiled.optimizer],
            stepper.trainable,
            [variable.regularizer for variable in stepper.penalized],
            compiled.loss.losses,
        ]
        self._known: dict[Any, Recording] = {}
        self._chains: dict[frozenset[int], Chain | Branches] = {}  # by the outputs whose softmax is left to the loss

    def is_like(self, other: Recordings) -> bool:
        """Whether both are for the same objects, in the same settings."""
        return self._settings == other._settings and all(
            len(mine) == len(others) and all(a is b for a, b in zip(mine, others, strict=True))
            for mine, others in zip(self._parts, other._parts, strict=True)
        )

    def find(self, stepper: Stepper, x: Any, y: Any, weight: Any) -> Recording | None:
        """The recorded step for a batch, if there is one and the model is what it was."""
        if not self.possible or thread_state.tape is not None:
            return None
        key = _key(x, y, weight)
        found = None if key is None else self._known.get(key)
        if found is None:
            return None
        if not all(map(_TRAINABLE, stepper.trainable)):
            return None
        if found.is_current(stepper.model):
            return found
        self._known.clear()
        self._chains.clear()
        return None

    def learn(self, stepper: Stepper, x: Any, y: Any, weight: Any, outputs: Any, logits: frozenset[int]) -> None:
        """Record the step for batches like this one, which the ordinary step was just made for."""
        key = _key(x, y, weight) if self.possible else None
        if key is None or key in self._known or not all(variable.trainable for variable in stepper.trainable):
            return
        model = stepper.model
        if logits not in self._chains:
            # scores of many classes are made block by block: never whole
            in_blocks = any(isinstance(one, ProjectedScores) for one in flatten_outputs(outputs)[0])
            chain = None if model._loss_owners or in_blocks else _recorded(model, logits)
            if chain is None:
                self.possible = False
                return
            self._chains[logits] = chain
        if len(self._known) >= MOST_SHAPES:
            self._known.clear()
        chain, batch = self._chains[logits], (y, weight, outputs)
        if isinstance(chain, Branches):
            self._known[key] = BranchesRecording(stepper, chain, logits, x, batch)
        elif type(x) is np.ndarray:
            self._known[key] = Recording(stepper, chain, logits, _axes(model, x), batch)


def _key(x: Any, y: Any, weight: Any) -> Any:
    """What batches must have in common; None for those that are not recorded."""
    if type(x) is type(y) is np.ndarray and weight is None:  # the commonest
        return (x.shape, x.dtype, y.shape, y.dtype) if x.dtype.kind in "biuf" and x.size else None
    arrays: Any = (x,)
    names: tuple[Any, ...] = ()
    if type(x) is list or type(x) is tuple:
        arrays = x
    elif type(x) is dict:
        arrays, names = x.values(), tuple(x)
    for array in arrays:
        if type(array) is not np.ndarray or array.dtype.kind not in "biuf" or not array.size:
            return None
    kinds = tuple([(array.shape, array.dtype) for array in arrays])
    try:
        return kinds, names, _kind(y), _kind(weight)
    except AttributeError:
        return None


def _kind(value: Any) -> Any:
    """What is alike in labels, or weights, of one or of several outputs. AttributeError for other things."""
    if value is None:
        return None
    if type(value) is list or type(value) is tuple:
        return tuple([_kind(one) for one in value])
    if type(value) is dict:
        return tuple([(name, _kind(one)) for name, one in value.items()])
    return type(value), value.shape, value.dtype


def _recorded(model: Any, logits: frozenset[int]) -> Chain | Branches | None:
    """The recorded steps of a model, if there are any."""
    chain = model._chain()
    if chain is None or any(hasattr(layer, "_chain") for layer in chain):
        return branches_of(model, logits)
    return chain_of(model, bool(logits))


def _axes(model: Any, x: Array) -> int:
    return len(model._graph.input_tensors[0].shape) - x.ndim


def recordings_for(stepper: Stepper) -> Recordings:
    """Those that the compiled model keeps, if they were made for a stepper like this one, else new ones."""
    found, kept = Recordings(stepper), stepper.compiled.recordings
    if kept is not None and kept.is_like(found):
        return kept
    stepper.compiled.recordings = found
    return found
