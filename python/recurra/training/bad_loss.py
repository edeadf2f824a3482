"""Where a loss that is no number comes from: the layer whose output first went bad."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from recurra import random
from recurra.autograd import Variable, no_grad, value_of
from recurra.training.run_state import generators_of, stored_states
from recurra.tree import leaves


def is_finite(value: Any) -> bool:
    """Whether an array or number holds neither NaN nor infinity; what holds no floats is finite."""
    array = np.asarray(value_of(value))
    return array.dtype.kind != "f" or bool(np.isfinite(array).all())


@contextmanager
def _unchanged(model: Any) -> Iterator[None]:
    """Random streams, states and untrained weights are after the block what they were before it."""
    variables: list[Variable] = [*model.non_trainable_weights, *stored_states(model)]
    held = [(variable, variable.numpy()) for variable in variables]
    generators = [(generator, generator.state) for generator in generators_of(model)]
    seed = random.get_global_state()
    try:
        yield
    finally:
        for variable, value in held:
            variable.assign(value)
        for generator, state in generators:
            generator.state = state
        random.set_global_state(seed)


def _watched(layer: Any, found: list[str]) -> Callable[..., Any]:
    call = layer.call

    def watched(*args: Any, **kwargs: Any) -> Any:
        outputs = call(*args, **kwargs)
        if not found and not all(is_finite(leaf) for leaf in leaves(outputs) if hasattr(leaf, "dtype")):
            found.append(layer.name)
        return outputs

    return watched


def source_of_bad_loss(model: Any, x: Any) -> str:
    """What went bad first when `model` was called on the batch `x`, in words."""
    for layer in model._flatten_layers():
        for variable in layer._own_variables():
            if variable.trainable and not is_finite(variable):
                return f"the weights {variable.name!r} of layer {layer.name!r} are not finite"
    states = [
        layer.name
        for layer in model._flatten_layers()
        if getattr(layer, "stateful", False)
        and not all(is_finite(state) for state in leaves(getattr(layer, "states", None)) if isinstance(state, Variable))
    ]
    found: list[str] = []
    layers = model._flatten_layers(include_self=False)
    with _unchanged(model), no_grad(), np.errstate(all="ignore"):
        for variable in stored_states(model):
            if not is_finite(variable):
                variable.assign(np.zeros(variable.shape, variable.dtype))
        try:
            for layer in layers:
                layer.__dict__["call"] = _watched(layer, found)
            model(x, training=True)
        finally:
            for layer in layers:
                layer.__dict__.pop("call", None)
    if found:
        return f"the output of layer {found[0]!r} is the first that is not finite"
    if states:
        return f"the states of layer {states[0]!r} are the first that are not finite"
    return "all layers' outputs are finite, the loss function's value is not"
