"""Attention maps as pictures, with matplotlib (extra ``recurra[plot]``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from recurra.callbacks.history_plot import require_matplotlib, save_figure
from recurra.typing import PathLike

if TYPE_CHECKING:
    from recurra.tasks.translator import AttentionMap

_SPACES = {" ": "␣", "\n": "⏎", "\t": "⇥"}  # of a model of characters: what would be an empty label


def plot_attention(found: AttentionMap, path: PathLike | None = None) -> Any:
    """The map as a matplotlib Figure: source tokens along the top, target tokens down the side, dark where they meet.

    path : where to write it too, in the format that its ending names
    """
    figure = require_matplotlib("plot_attention()")
    rows, columns = found.weights.shape
    canvas = figure.Figure(figsize=(1.5 + 0.45 * columns, 1.2 + 0.35 * rows), layout="constrained")
    axes = canvas.add_subplot()
    axes.imshow(found.weights, cmap="Greys", vmin=0, vmax=1, aspect="auto")
    source, target = ([_SPACES.get(token, token) for token in tokens] for tokens in (found.source, found.target))
    axes.set_xticks(range(columns), source, rotation=60, ha="left", parse_math=False)
    axes.set_yticks(range(rows), target, parse_math=False)
    axes.set_xlabel("source")
    axes.set_ylabel("target")
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    if path is not None:
        save_figure(canvas, path, dpi=120)
    return canvas
