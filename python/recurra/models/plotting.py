"""Drawings of models, made with matplotlib alone: no Graphviz on the system is needed (extra ``recurra[plot]``)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from recurra.callbacks.history_plot import require_matplotlib, save_figure
from recurra.models.model import Model
from recurra.models.sequential import Sequential
from recurra.models.summary import class_shown, shape_text
from recurra.symbolic import symbolic_leaves
from recurra.typing import PathLike

if TYPE_CHECKING:
    from recurra.layers.base.layer import Layer

_CHAR, _LINE, _GAP_X, _GAP_Y = 0.085, 0.22, 0.35, 0.45  # inches


@dataclass
class Box:
    """One layer in the drawing: lines of text, where it lies, and the boxes that feed it.

    Without lines it is no layer, but keeps a place free for an edge that passes its level; `passed` is then the size of
    the level along the edge.
    """

    lines: list[str]
    parents: list[int] = field(default_factory=list)
    level: int = 0
    x: float = 0.0
    y: float = 0.0
    passed: float = 0.0

    @property
    def width(self) -> float:
        return max(map(len, self.lines), default=0) * _CHAR + 0.3

    @property
    def height(self) -> float:
        return len(self.lines) * _LINE + 0.14


def plot_model(
    model: Model,
    to_file: PathLike | None = "model.png",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    **unknown: Any,
) -> Any:
    """Draw the layers of a built model and how they are connected.

    to_file : .png, .svg or .pdf, or None for no file
    show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable : what to write into the boxes
    rankdir : "TB" from top to bottom, "LR" from left to right
    expand_nested : draw the layers of models within the model
    dpi : dots per inch of a .png
    returns : the matplotlib Figure (a notebook shows it)
    raises : ImportError without matplotlib, ValueError for a model that is not built
    """
    if unknown:
        raise TypeError(f"plot_model got unknown argument(s): {', '.join(sorted(unknown))}")
    if rankdir not in ("TB", "LR"):
        raise ValueError(f"rankdir must be 'TB' or 'LR', got {rankdir!r}")
    if not hasattr(model, "built"):
        raise TypeError(f"model must be a model, got {model!r}")
    if not model.built:
        raise ValueError(f"{model.name} is not built yet: call build(input_shape) or fit before drawing it")
    figure = require_matplotlib("plot_model")

    boxes = boxes_of(
        model, show_shapes, show_dtype, show_layer_names, expand_nested, show_layer_activations, show_trainable
    )
    _place(boxes, rankdir)
    width, height = max(b.x + b.width / 2 for b in boxes), max(b.y + b.height / 2 for b in boxes)
    canvas = figure.Figure(figsize=(width + 0.2, height + 0.2), dpi=dpi)
    axes = canvas.add_axes((0, 0, 1, 1))
    axes.set_xlim(-0.1, width + 0.1)
    axes.set_ylim(height + 0.1, -0.1)
    axes.set_axis_off()
    _draw(axes, boxes, rankdir)
    if to_file is not None:
        save_figure(canvas, to_file, dpi)
    return canvas


def boxes_of(
    model: Model,
    show_shapes: bool,
    show_dtype: bool,
    show_layer_names: bool,
    expand_nested: bool,
    show_layer_activations: bool,
    show_trainable: bool,
) -> list[Box]:
    """The layers of a built model with what is written of each, parents first."""

    def describe(layer: Layer) -> list[str]:
        kind = class_shown(layer)
        lines = [f"{layer.name} ({kind})" if show_layer_names else kind]
        activation = getattr(layer, "activation", None)
        if show_layer_activations and activation is not None:
            lines.append(f"activation: {getattr(activation, '__name__', activation)}")
        if show_dtype:
            lines.append(f"dtype: {layer.dtype}")
        if show_shapes:
            lines += [f"in:  {_input_shapes(layer)}", f"out: {shape_text(layer)}"]
        if show_trainable and layer.weights:
            lines.append("trainable" if layer.trainable else "frozen")
        return lines

    return list(_boxes(model, describe, expand_nested))


def _input_shapes(layer: Layer) -> str:
    nodes = layer._inbound_nodes
    if not nodes:
        return "?"
    shapes = [f"({', '.join(map(str, t.shape))})" for t in nodes[-1].input_tensors]
    return ", ".join(shapes) or shape_text(layer)


def _boxes(model: Model, describe: Any, expand: bool) -> Iterator[Box]:
    """The boxes of `model`, parents first."""
    found: list[Box] = []

    def add(inner: Any, feeding: list[int]) -> list[int]:
        """Draw the layers of `inner`, fed by the boxes `feeding`; returns the boxes of its outputs."""
        graph = inner._graph
        if graph is None:
            last = feeding
            for layer in inner.layers:
                last = one(layer, last)
            return last
        made: dict[int, list[int]] = {}
        for node in graph.nodes:
            own_input = any(t is i for t in node.output_tensors for i in graph.input_tensors)
            if (own_input and feeding and not isinstance(inner, Sequential)) or (own_input and feeding):
                outputs = feeding
            else:
                parents = [p for t in node.input_tensors for p in made.get(id(t), [])]
                outputs = one(node.layer, parents)
            for tensor in node.output_tensors:
                made[id(tensor)] = outputs
        return [p for tensor in symbolic_leaves(graph.outputs) for p in made[id(tensor)]]

    def one(layer: Layer, parents: list[int]) -> list[int]:
        if expand and isinstance(layer, Model):
            return add(layer, parents)
        found.append(Box(describe(layer), list(dict.fromkeys(parents))))
        return [len(found) - 1]

    add(model, [])
    return iter(found)


def _add_passing(boxes: list[Box]) -> None:
    """Add a box without lines wherever an edge passes a level, so that no edge runs through a layer."""
    for box in list(boxes):
        for number, parent in enumerate(box.parents):
            while boxes[parent].level + 1 < box.level:
                boxes.append(Box([], [parent], boxes[parent].level + 1))
                parent = len(boxes) - 1
            box.parents[number] = parent


def _place(boxes: list[Box], rankdir: str) -> None:
    """Levels by the longest way from an input; within a level in the order of the parents' middles."""
    for box in boxes:
        box.level = max((boxes[p].level + 1 for p in box.parents), default=0)
    _add_passing(boxes)
    levels: dict[int, list[Box]] = {}
    for box in boxes:
        levels.setdefault(box.level, []).append(box)
    down = rankdir == "TB"

    def across(box: Box) -> float:
        return box.width if down else box.height

    def along(box: Box) -> float:
        return box.height if down else box.width

    gap_across, gap_along = (_GAP_X, _GAP_Y) if down else (_GAP_Y, _GAP_X + 0.2)
    widest = max(sum(map(across, row)) + gap_across * (len(row) - 1) for row in levels.values())
    start = 0.0
    for number in sorted(levels):
        row = levels[number]

        def middle(box: Box) -> float:
            centres = [boxes[p].x if down else boxes[p].y for p in box.parents]
            return sum(centres) / len(centres) if centres else widest / 2

        row.sort(key=middle)
        depth = max(map(along, row))
        free = widest - sum(map(across, row)) - gap_across * (len(row) - 1)
        at = free / 2
        for box in row:
            place, deep = at + across(box) / 2, start + depth / 2
            box.x, box.y = (place, deep) if down else (deep, place)
            box.passed = 0.0 if box.lines else depth
            at += across(box) + gap_across
        start += depth + gap_along


def _draw(axes: Any, boxes: list[Box], rankdir: str) -> None:
    for box in boxes:
        for parent in (boxes[p] for p in box.parents):
            if rankdir == "TB":
                tail = (parent.x, parent.y + (parent.passed or parent.height) / 2)
                head = (box.x, box.y - (box.passed or box.height) / 2)
            else:
                tail = (parent.x + (parent.passed or parent.width) / 2, parent.y)
                head = (box.x - (box.passed or box.width) / 2, box.y)
            if box.lines:
                axes.annotate("", xy=head, xytext=tail, arrowprops={"arrowstyle": "->", "color": "0.3", "lw": 1.0})
            else:
                end = (head[0], head[1] + box.passed) if rankdir == "TB" else (head[0] + box.passed, head[1])
                axes.plot(*zip(tail, head, end, strict=True), color="0.3", lw=1.0, solid_joinstyle="round")
    from matplotlib.patches import FancyBboxPatch

    for box in (box for box in boxes if box.lines):
        corner = (box.x - box.width / 2, box.y - box.height / 2)
        axes.add_patch(
            FancyBboxPatch(
                corner,
                box.width,
                box.height,
                boxstyle="round,pad=0,rounding_size=0.06",
                facecolor="#eef3fa",
                edgecolor="#3b5b8c",
                linewidth=1.0,
            )
        )
        for i, line in enumerate(box.lines):
            y = corner[1] + 0.07 + _LINE * (i + 0.5)
            axes.text(
                box.x, y, line, ha="center", va="center", family="monospace", fontsize=8.5,
                weight="bold" if i == 0 else "normal",
            )  # fmt: skip
