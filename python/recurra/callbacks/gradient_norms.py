"""How far back in time a gradient reaches: its norm at each step of a sequence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from recurra import ops
from recurra.autograd import GradientTape
from recurra.callbacks.history_plot import require_matplotlib, save_figure
from recurra.typing import Array, ArrayLike


def gradient_norms(layer: Any, x: ArrayLike, *, seed: int = 0) -> Array:
    """The norm of dL/dx[b, t] for each step t, where L is one random direction of the output at the last step.

    In a recurrent network L depends on x[:, t] only through the states between: where the norms fall towards the first
    step as a straight line on a logarithmic scale, the gradient vanishes, and what happened long ago is not learned.

    layer : a recurrent layer, or a model; takes (B, T, I), gives (B, H) or (B, T, H)
    x : (B, T, I) floats
    seed : of the direction, whose norm is 1
    returns : (B, T)

    >>> from recurra.layers import LSTM
    >>> gradient_norms(LSTM(4), np.ones((2, 7, 3), "float32")).shape
    (2, 7)
    """
    if not callable(layer):
        raise TypeError(f"layer must be a layer or a model, got {layer!r}")
    values = np.asarray(x)
    if values.ndim != 3 or values.dtype.kind != "f":
        raise ValueError(f"x must be floats of shape (B, T, I), got shape {values.shape} of {values.dtype}")
    with GradientTape() as tape:
        watched = tape.watch(values)
        y = layer(watched, training=False)
        if y.ndim not in (2, 3):
            raise ValueError(f"layer must give (B, H) or (B, T, H), got {tuple(y.shape)}: choose one output")
        last = y[:, -1] if y.ndim == 3 else y
        direction = np.random.default_rng(seed).normal(size=last.shape)
        direction /= np.linalg.norm(direction, axis=-1, keepdims=True)
        loss = ops.sum(last * direction.astype(last.dtype))
    found = tape.gradient(loss, watched)
    if found is None:
        raise ValueError("layer must compute its output from x with recurra.ops: the gradient does not reach x")
    norms: Array = np.linalg.norm(found, axis=-1)
    return norms


def plot_gradient_norms(norms: Mapping[str, ArrayLike], path: str | None = None) -> Any:
    """Draw gradient norms against the steps before the last one, on a logarithmic scale, a line for each name.

    norms : what :func:`gradient_norms` gave, (B, T), by the name of the layer; the line is the geometric mean over B
    path : write the figure to this file (.png, .svg, .pdf)
    returns : the matplotlib Figure
    raises : ImportError without matplotlib, which comes with the extra ``recurra[plot]``
    """
    if not norms:
        raise ValueError("norms must hold at least one name with its norms, got none")
    figure = require_matplotlib("plot_gradient_norms()")
    canvas = figure.Figure(figsize=(6.5, 3.8), layout="constrained")
    axes = canvas.add_subplot()
    for name, given in norms.items():
        values = np.asarray(given, np.float64)
        if values.ndim != 2 or not values.size:
            raise ValueError(f"norms[{name!r}] must have shape (B, T), got {values.shape}")
        with np.errstate(divide="ignore"):
            mean = np.exp(np.log(values).mean(axis=0))
        axes.semilogy(np.arange(len(mean))[::-1], np.where(mean > 0, mean, np.nan), label=name)
    axes.set_xlabel("steps before the last")
    axes.set_ylabel("norm of the gradient")
    axes.grid(alpha=0.3)
    axes.legend()
    if path is not None:
        save_figure(canvas, path, dpi=120)
    return canvas
