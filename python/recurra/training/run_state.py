"""All that a running ``fit`` has changed and will look at again: what exact resumption saves and sets.

Weights, optimizer state, states of stateful layers, random streams, running averages, callbacks, and the place in the
data. The structure is one that ``recurra.state_file`` writes.
"""

from __future__ import annotations

import random as python_random
import warnings
import zlib
from typing import Any

import numpy as np

from recurra import random as own_random
from recurra.autograd import Variable, value_of
from recurra.losses.labels import is_one_hot
from recurra.metrics.base import Metric
from recurra.optimizers.base import Optimizer
from recurra.tree import leaves

State = dict[str, Any]


# --- random numbers -------------------------------------------------------------------------------------------------
def generators_of(model: Any) -> list[own_random.SeedGenerator]:
    found: dict[int, own_random.SeedGenerator] = {}
    for layer in model._flatten_layers():
        for value in vars(layer).values():
            for item in value if isinstance(value, (list, tuple)) else (value,):
                if isinstance(item, own_random.SeedGenerator):
                    found[id(item)] = item
    return list(found.values())


def global_random_state() -> State:
    """The state of Python's and numpy's global generators and of recurra's seed."""
    return {
        "own": own_random.get_global_state(),
        "python": python_random.getstate(),
        "numpy": np.random.get_state(),
    }


def set_global_random_state(state: State) -> None:
    """Go back to what :func:`global_random_state` returned."""
    own_random.set_global_state(state["own"])
    python_random.setstate(state["python"])
    np.random.set_state(state["numpy"])


# --- parts of a model -----------------------------------------------------------------------------------------------
def stored_states(model: Any) -> list[Variable]:
    """The states of stateful layers."""
    found: dict[int, Variable] = {}
    for layer in model._flatten_layers():
        if getattr(layer, "stateful", False):
            for variable in leaves(getattr(layer, "states", None)):
                if isinstance(variable, Variable):
                    found.setdefault(id(variable), variable)
    return list(found.values())


def _optimizers(model: Any) -> list[Optimizer]:
    """The compiled optimizer first, then those that the user keeps as attributes of the model."""
    found = {id(model.optimizer): model.optimizer} if model.optimizer is not None else {}
    for value in vars(model).values():
        for item in value if isinstance(value, (list, tuple)) else (value,):
            if isinstance(item, Optimizer):
                found.setdefault(id(item), item)
    return list(found.values())


def _optimizer_state(optimizer: Optimizer, places: dict[int, int]) -> State:
    trained = [places.get(id(variable), -1) for variable in optimizer._trained]
    return {"trained": trained, "state": optimizer.state_dict()} if optimizer.built else {"trained": None}


def _set_optimizer_state(optimizer: Optimizer, state: State, weights: list[Variable]) -> None:
    if state["trained"] is None:
        return
    if not optimizer.built:
        optimizer.build([weights[i] for i in state["trained"]])
    optimizer.load_state_dict(state["state"])


def _metrics(run: Any) -> list[Metric]:
    compiled = run.stepper.compiled
    own = [compiled.tracker, *compiled.loss.trackers]
    return [*own, *(compiled.metrics.metrics if compiled.metrics.built else []), *run.stepper.extra_metrics]


def metric_state(metric: Metric) -> State:
    """The numbers, arrays and variables that a metric keeps as attributes, those of metrics inside it included."""
    found: State = {}
    for name, value in vars(metric).items():
        if isinstance(value, Metric):
            found[name] = metric_state(value)
        elif isinstance(value, Variable):
            found[name] = value.numpy()
        elif isinstance(value, (list, tuple)) and value and all(isinstance(item, Variable) for item in value):
            found[name] = [item.numpy() for item in value]
        elif isinstance(value, (int, float, np.generic)) or (isinstance(value, np.ndarray) and value.dtype != object):
            found[name] = value.copy() if isinstance(value, np.ndarray) else value
    return found


def set_metric_state(metric: Metric, state: State) -> None:
    """Go back to what :func:`metric_state` returned."""
    for name, value in state.items():
        own = getattr(metric, name, None)
        if isinstance(own, Metric):
            set_metric_state(own, value)
        elif isinstance(own, Variable):
            own.assign(value)
        elif isinstance(own, (list, tuple)) and own and isinstance(own[0], Variable):
            for variable, array in zip(own, value, strict=True):
                variable.assign(array)
        else:
            setattr(metric, name, value)


# --- callbacks ------------------------------------------------------------------------------------------------------
def _callback_states(callbacks: Any) -> list[tuple[str, Any]]:
    return [(type(c).__name__, c.state_dict()) for c in callbacks if hasattr(c, "state_dict")]


def _set_callback_states(callbacks: Any, states: list[tuple[str, Any]]) -> None:
    """Give each callback the state of the first that is left of its class."""
    rest = list(states)
    for callback in callbacks:
        if not hasattr(callback, "load_state_dict"):
            continue
        name = type(callback).__name__
        place = next((i for i, (kind, _) in enumerate(rest) if kind == name), None)
        if place is not None:
            callback.load_state_dict(rest.pop(place)[1])
        elif callback.state_dict():
            warnings.warn(f"the checkpoint holds no state of {name}, which starts afresh", stacklevel=2)


# --- data -----------------------------------------------------------------------------------------------------------
def fingerprint(batch: Any) -> int:
    """A checksum of a batch's arrays."""
    found = 0
    for part in (batch.x, batch.y, batch.weight):
        for leaf in leaves(part):
            array = np.asarray(leaf.ids if is_one_hot(leaf) else value_of(leaf))
            content = repr(array.tolist()).encode() if array.dtype == object else np.ascontiguousarray(array).tobytes()
            found = zlib.crc32(f"{array.dtype}{array.shape}".encode() + content, found)
    return found


# --- the whole ------------------------------------------------------------------------------------------------------
def run_state(run: Any, epoch: int, batch: int, trained: bool = False) -> State:
    """What ``run``, a :class:`recurra.training.loop.Fit`, needs to go on from before batch `batch` of `epoch`.

    trained : whether that is the end of the epoch's batches, before its validation
    """
    model = run.model
    weights = model.weights
    places = {id(variable): i for i, variable in enumerate(weights)}
    return {
        "epoch": epoch,
        "batch": batch,
        "trained": trained,
        "steps": run.steps,
        "stop": bool(model.stop_training),
        "shuffle": model._shuffle_seed,
        "weights": [variable.numpy() for variable in weights],
        "states": [variable.numpy() for variable in stored_states(model)],
        "optimizers": [_optimizer_state(optimizer, places) for optimizer in _optimizers(model)],
        "generators": [generator.state for generator in generators_of(model)],
        "metrics": [metric_state(metric) for metric in _metrics(run)] if batch else None,
        "logs": dict(run.last),
        "data": run.data.state(),
        "callbacks": _callback_states(run.callbacks),
        "random": global_random_state(),
    }


def check_fits(run: Any, state: State, name: str) -> None:
    """ValueError naming the checkpoint where it is not of this model."""
    own = [variable.shape for variable in run.model.weights]
    found = [array.shape for array in state["weights"]]
    if own != found:
        raise ValueError(
            f"{name} is of another model: it holds {len(found)} weights of the shapes {found[:4]}..., this model has "
            f"{len(own)} of the shapes {own[:4]}...; remove it, or train the model that it is of"
        )
    counts = (
        ("optimizers", len(_optimizers(run.model))),
        ("generators", len(generators_of(run.model))),
        ("states", len(stored_states(run.model))),
    )
    for key, count in counts:
        if len(state[key]) != count:
            raise ValueError(
                f"{name} is of another model: it holds {len(state[key])} {key}, this model has {count}; remove it, or "
                "train the model that it is of"
            )


def set_run_state(run: Any, state: State) -> None:
    """Set all but the place in the data, which :meth:`RunData.restore` finds."""
    model = run.model
    weights = model.weights
    for variable, value in zip(weights, state["weights"], strict=True):
        variable.assign(value)
    for variable, value in zip(stored_states(model), state["states"], strict=True):
        variable.assign(value)
    for optimizer, found in zip(_optimizers(model), state["optimizers"], strict=True):
        _set_optimizer_state(optimizer, found, weights)
    for generator, found in zip(generators_of(model), state["generators"], strict=True):
        generator.state = found
    if state["metrics"] is not None:
        for metric, found in zip(_metrics(run), state["metrics"], strict=True):
            set_metric_state(metric, found)
    run.last = dict(state["logs"])
    model.stop_training = state["stop"]
    _set_callback_states(run.callbacks, state["callbacks"])
    set_global_random_state(state["random"])
