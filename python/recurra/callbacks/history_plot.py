"""Drawings of training runs, with matplotlib (extra ``recurra[plot]``)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from recurra.callbacks.figure_fonts import fonts_for
from recurra.files import atomic_write, naming

if TYPE_CHECKING:
    from recurra.callbacks.history import History


def require_matplotlib(purpose: str) -> Any:
    """Matplotlib's ``figure`` module, or an ImportError that names the extra."""
    try:
        import matplotlib.figure as figure
    except ImportError as error:
        raise ImportError(f"{purpose} needs matplotlib: pip install 'recurra[plot]'") from error
    return figure


def save_figure(canvas: Any, path: str | os.PathLike[str], dpi: float) -> None:
    """Write a drawing, whole or not at all, in the format of its ending; as PNG, with that ending, where it has none.

    raises : OSError naming the file
    """
    stem, ending = os.path.splitext(os.fspath(path))
    ending = ending or ".png"
    with fonts_for(canvas), naming(path), atomic_write(stem + ending) as file:
        canvas.savefig(file, format=ending[1:].lower(), dpi=dpi)


def plot_history(history: History, keys: list[str] | None = None, path: str | None = None) -> Any:
    """See :meth:`recurra.callbacks.History.plot`."""
    figure = require_matplotlib("History.plot()")
    curves = {k: v for k, v in history.history.items() if v and np.ndim(v[0]) == 0}
    names = keys or [k for k in curves if not (k.startswith("val_") and k[4:] in curves)]
    if isinstance(keys, str):
        raise TypeError(f"keys must be a list of names such as ['loss'], got {keys!r}; a file's name goes to path=")
    missing = [k for k in names if k not in curves]
    if missing or not names:
        raise ValueError(f"keys must be among {sorted(curves)}, got {missing or names}")
    columns = min(len(names), 3)
    rows = -(-len(names) // columns)
    canvas = figure.Figure(figsize=(4.5 * columns, 3.2 * rows), layout="constrained")
    for i, name in enumerate(names):
        axes = canvas.add_subplot(rows, columns, i + 1)
        for key, label, style in ((name, "training", "-"), (f"val_{name}", "validation", "--")):
            values = curves.get(key)
            if values:
                marker = "o" if len(values) < 30 else None
                axes.plot([e + 1 for e in history.epoch[: len(values)]], values, style, marker=marker, label=label)
        axes.xaxis.get_major_locator().set_params(integer=True)
        if len(history.epoch) == 1:
            axes.set_xticks([history.epoch[0] + 1])
        axes.set_xlabel("epoch")
        axes.set_ylabel(name)
        axes.grid(alpha=0.3)
        if f"val_{name}" in curves:
            axes.legend()
    if path is not None:
        save_figure(canvas, path, dpi=120)
    return canvas
