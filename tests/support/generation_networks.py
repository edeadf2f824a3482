"""Small networks that generate, with random weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra import layers
from recurra.generation import Stepper
from recurra.layers import LAYER_OF_CELL
from recurra.models import Sequential

V = 23


def randomized(model: Sequential, seed: int = 0) -> Sequential:
    rng = np.random.default_rng(seed)
    model(np.zeros((1, 2), np.int32))
    model.set_weights([rng.normal(0.0, 0.7, w.shape).astype(w.dtype) for w in model.get_weights()])
    return model


def network(cell: str = "lstm", *last: Any, seed: int = 0, **options: Any) -> Sequential:
    kind = getattr(layers, LAYER_OF_CELL[cell])
    recurrent = [kind(units, return_sequences=True, **options) for units in (13, 18)]
    return randomized(
        Sequential(
            [layers.Embedding(V, 6), recurrent[0], layers.Dropout(0.5), recurrent[1], *(last or (layers.Dense(V),))]
        ),
        seed,
    )


def steps(model: Any) -> Stepper:
    return Stepper(model, compiled=False)


PROMPT = np.random.default_rng(1).integers(0, V, (3, 5))
