"""A model as a chain of recorded steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from recurra import layers
from recurra.autograd import Variable
from recurra.layers.base.context import get_mask, set_mask
from recurra.layers.base.layer import Layer
from recurra.layers.base.operation import Operation
from recurra.layers.dense import Dense
from recurra.layers.dropout import Dropout
from recurra.layers.embedding import Embedding
from recurra.registry import is_builtin
from recurra.training.replay.bidirectional import BidirectionalStep
from recurra.training.replay.layers import DenseStep, DropoutStep, RecurrentStep, Settings, Step, TapedStep

#: layers that run other people's code, or look at more than their input
_NEVER = ("Lambda", "AddLoss", "AddMetric", "ActivityRegularization", "RNN", "StackedRNNCells")


class Chain(NamedTuple):
    """A model's layers as steps, and the calls that come after them, under the tape of the loss.

    settings : of the layers that are called under a tape, as far as they matter to the steps
    """

    steps: list[Step]
    tail: list[Callable[[Any], Any]]
    settings: list[Settings]


def _is_plain(layer: Layer) -> bool:
    """Whether a layer and those inside it are built in, compute from their input alone and add nothing to the loss."""
    return all(
        is_builtin(type(one))
        and not hasattr(one, "compile")
        and type(one) not in _never()
        and one.activity_regularizer is None
        and not one._callable_losses
        and "call" not in vars(one)
        and (one.built or isinstance(one, Dropout))
        for one in layer._flatten_layers()
    )


def _never() -> tuple[type, ...]:
    return tuple(getattr(layers, name) for name in _NEVER)


def are_plain(model: Any, found: Sequence[Layer], models: Sequence[Any] = ()) -> bool:
    """Whether all layers of a model are plain, of its dtype, and convert their inputs to it.

    models : those inside it, which add nothing to the loss and convert nothing
    """
    return (
        all(one.activity_regularizer is None and not one._callable_losses and not one.autocast for one in models)
        and all(layer.dtype == model.dtype and _is_plain(layer) for layer in found)
        and not model.autocast
        and all(layer.autocast or isinstance(layer, (Embedding, Operation)) for layer in found)
    )


def step_of(
    layer: Layer, lookup: Embedding | None, need_dx: bool, trained: bool, last: bool, logits: bool
) -> Step | None:
    """A layer's step on arrays; None for one that must be called under a tape.

    lookup : the Embedding whose table it reads
    trained : whether one of its weights, or those of `lookup`, is trained
    last, logits : whether it is the model's last layer, and whether its softmax is left to the loss
    """
    if isinstance(layer, Dropout):
        return DropoutStep(layer, need_dx) if need_dx and not last else None
    if not (trained or need_dx):
        return None
    if RecurrentStep.takes(layer):
        return RecurrentStep(layer, lookup, need_dx)  # type: ignore[arg-type]
    if BidirectionalStep.takes(layer):
        return BidirectionalStep(layer, lookup, need_dx)  # type: ignore[arg-type]
    if isinstance(layer, Dense) and (last or DenseStep.knows(layer.activation)):
        return DenseStep(layer, need_dx, not (last and (logits or not DenseStep.knows(layer.activation))))
    return None


def rest_of(final: Layer, logits: bool) -> list[Callable[[Any], Any]]:
    """What of a model's last layer, if it has a step, that step leaves to the tape of the loss."""
    if not isinstance(final, Dense) or logits or DenseStep.knows(final.activation):
        return []
    return [partial(_activated, final.activation)]


def gains(steps: Sequence[Any]) -> bool:
    """Whether some steps are on arrays."""
    return not all(isinstance(step, DropoutStep) or hasattr(step, "calls") for step in steps)


def chain_of(model: Any, logits: bool) -> Chain | None:
    """The recorded steps of `model`, or None where they cannot be recorded or would gain nothing.

    logits : whether the last layer's softmax is left to the loss
    """
    found = model._chain()
    if found is None or not are_plain(model, found):
        return None
    steps: list[Step] = []
    waiting: list[tuple[Callable[[Any], Any], list[Variable]]] = []
    settings: list[Settings] = []
    trains = False  # whether something before the next step is trained

    def flush() -> None:
        nonlocal waiting, trains
        if waiting:
            variables = [v for _, own in waiting for v in own]
            steps.append(TapedStep([call for call, _ in waiting], variables, trains))
            trains = trains or bool(variables)
            waiting = []

    pairs = list(zip(found, [*found[1:], None], strict=True))
    lookup: Embedding | None = None
    for layer, following in pairs:
        last = following is None
        if isinstance(layer, Embedding) and getattr(following, "takes_embedded_ids", False):
            if waiting or steps:
                return None  # ids that were computed
            lookup = layer
            continue
        own = [v for one in (lookup, layer) if one is not None for v in one.weights if v.trainable]
        needs = trains or any(variables for _, variables in waiting)
        step = step_of(layer, lookup, needs, bool(own), last, logits)
        if step is not None:
            flush()
            lookup = None
        else:
            if lookup is not None:
                waiting.append((lookup.lookup, []))
                lookup = None
            call = partial(layer, training=True, activated=False) if last and logits else partial(layer, training=True)
            waiting.append((call, own))
            settings += [Settings(one, "activity_regularizer") for one in layer._flatten_layers()]
            continue
        steps.append(step)
        trains = trains or any(v.trainable for v in step.variables)
    tail = [call for call, _ in waiting] or rest_of(found[-1], logits)
    return Chain(steps, tail, settings) if gains(steps) else None


def _activated(activation: Callable[[Any], Any], z: Any) -> Any:
    """The rest of a Dense layer."""
    return set_mask(activation(z), get_mask(z))
