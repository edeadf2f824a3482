"""The table that ``model.summary()`` prints, in Keras's layout and with its counts."""

from __future__ import annotations

import re
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from recurra.autograd import Variable
from recurra.symbolic import symbolic_leaves
from recurra.utils.messages import message_stream

if TYPE_CHECKING:
    from recurra.layers.base.layer import Layer
    from recurra.models.model import Model


def summarize(
    model: Any,
    line_length: int | None = None,
    positions: Sequence[float] | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: Sequence[str] | None = None,
) -> str:
    """The summary as text; the arguments are those of ``Model.summary``."""
    from recurra.models.sequential import Sequential

    graph = None if isinstance(model, Sequential) else model._graph
    chain = graph is None or graph.is_chain
    if chain:
        length, shares, header, align = 88, [0.45, 0.80, 1.0], ["Layer (type)", "Output Shape", "Param #"], "llr"
    else:
        length, shares, align = 108, [0.3, 0.56, 0.74, 1.0], "llrl"
        header = ["Layer (type)", "Output Shape", "Param #", "Connected to"]
    shares = list(positions or shares)
    if show_trainable:
        length += 12
        shares = [share * 0.9 for share in shares] + [1.0]
        header, align = [*header, "Trainable"], align + "c"
    if len(shares) != len(header):
        raise ValueError(f"positions must have {len(header)} entries, one for each column, got {shares}")
    length = line_length or min(length, shutil.get_terminal_size().columns - 4)
    widths = _widths(length, shares)

    rows: list[list[str]] = []
    layers = model.layers
    waiting = [(layer, 0) for layer in reversed(layers[slice(*_range(layers, layer_range))])]
    while waiting:
        layer, level = waiting.pop()
        prefix = "   " * level + "└ " if level else ""
        fields = [f"{prefix}{layer.name} ({class_shown(layer)})", shape_text(layer), _count(layer)]
        if not chain:
            fields.append(_connections(graph, layer))
        if show_trainable:
            fields.append("-" if not layer.weights else "Y" if layer.trainable else "N")
        rows.append(fields)
        if expand_nested and getattr(layer, "layers", None):
            waiting += [(inner, level + 1) for inner in reversed(layer.layers)]
    return "\n".join([f'Model: "{model.name}"', *_table(header, rows, widths, align), *_totals(model)]) + "\n"


def class_shown(layer: Layer) -> str:
    """The name of a layer's class; of an operation, the name that Keras gives its class ("Add" for ``ops.add``)."""
    return str(getattr(layer, "shown_class", type(layer).__name__))


def _widths(length: int, shares: Sequence[float]) -> list[int]:
    """Widths of the cells, their padding included: the shares of a line, evenly cut down to what borders leave."""
    widths, start = [], 0
    for share in shares:
        width = int(share * length) - start
        start += width
        widths.append(width + 2)
    excess, left = sum(widths) + len(widths) + 1 - length, len(widths)
    for i in range(len(widths)):
        cut = min(widths[i], round(excess / left))
        widths[i] -= cut
        excess, left = excess - cut, left - 1
    if min(widths) < 6:
        raise ValueError(f"line_length {length} leaves a column of the summary less than 4 characters")
    return widths


def _range(layers: Sequence[Any], layer_range: Sequence[str] | None) -> tuple[int, int]:
    if layer_range is None:
        return 0, len(layers)
    if len(layer_range) != 2 or not all(isinstance(name, str) for name in layer_range):
        raise ValueError(f"layer_range must be the names of the first and last layer, got {layer_range!r}")
    first, last = ([i for i, layer in enumerate(layers) if re.match(name, layer.name)] for name in layer_range)
    if not first or not last:
        raise ValueError(f"layer_range {list(layer_range)} must name layers of {[layer.name for layer in layers]}")
    if min(first) > max(last):
        first, last = last, first
    return min(first), max(last) + 1


def _one_shape(shape: Iterable[Any]) -> str:
    return f"({', '.join(map(str, shape))})"


def shape_text(layer: Layer) -> str:
    """The shape or shapes that a layer last gave; "?" where they are not known yet."""
    nodes = layer._inbound_nodes
    if nodes:
        shapes = [tensor.shape for tensor in symbolic_leaves(nodes[-1].outputs)]
    elif layer.built and layer._build_shape is not None:
        try:
            found = layer.compute_output_shape(layer._build_shape)
        except (TypeError, ValueError, AttributeError):
            return "?"
        shapes = [found] if not any(isinstance(item, (list, tuple)) for item in found) else list(found)
    else:
        return "?"
    texts = [_one_shape(shape) for shape in shapes]
    return texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"


def _count(layer: Layer) -> str:
    return f"{layer.count_params():,}" if layer.built else "0 (unbuilt)"


def _connections(graph: Any, layer: Layer) -> str:
    found = []
    for node in graph.nodes_of(layer):
        for tensor in node.input_tensors:
            parent = tensor.node
            if parent is not None:
                number = parent.layer._inbound_nodes.index(parent)
                found.append(f"{parent.layer.name}[{number}][{tensor.index}]")
    return ", ".join(found) or "-"


def _table(header: list[str], rows: list[list[str]], widths: list[int], align: str) -> Iterable[str]:
    def line(left: str, fill: str, middle: str, right: str) -> str:
        return left + middle.join(fill * width for width in widths) + right

    def cells(fields: Sequence[str], bar: str) -> Iterable[str]:
        wrapped = [textwrap.wrap(f, w - 2, drop_whitespace=True) or [""] for f, w in zip(fields, widths, strict=True)]
        wrapped = [
            [f[: len(f) - len(f.lstrip())] + parts[0].lstrip(), *parts[1:]] if parts[0] else parts
            for f, parts in zip(fields, wrapped, strict=True)
        ]
        for i in range(max(map(len, wrapped))):
            texts = []
            for parts, width, side in zip(wrapped, widths, align, strict=True):
                text = parts[i] if i < len(parts) else ""
                place = {"l": text.ljust, "r": text.rjust, "c": text.center}[side]
                texts.append(f" {place(width - 2)} ")
            yield bar + bar.join(texts) + bar

    yield line("┏", "━", "┳", "┓")
    yield from cells(header, "┃")
    yield line("┡", "━", "╇", "┩")
    for i, row in enumerate(rows):
        if i:
            yield line("├", "─", "┼", "┤")
        yield from cells(row, "│")
    yield line("└", "─", "┴", "┘")


def _size(variables: Iterable[Variable]) -> tuple[int, int]:
    found = {id(variable): variable for variable in variables}.values()
    return sum(v.size for v in found), sum(v.value.nbytes for v in found)


def _memory(size: float) -> str:
    for unit in ("B", "KB", "MB", "GB", "TB"):
        if size < 1024:
            return f"{size:.2f} {unit}"
        size /= 1024
    return f"{size:.2f} PB"


def _totals(model: Model) -> Iterable[str]:
    parts = [("Trainable", _size(model.trainable_weights)), ("Non-trainable", _size(model.non_trainable_weights))]
    optimizer = model.optimizer
    if optimizer is not None and optimizer.built:
        parts.append(("Optimizer", _size(optimizer.variables)))
    numbers, sizes = sum(n for _, (n, _) in parts), sum(b for _, (_, b) in parts)
    yield f" Total params: {numbers:,} ({_memory(sizes)})"
    for name, (number, size) in parts:
        yield f" {name} params: {number:,} ({_memory(size)})"


#: for streams that have no box-drawing characters, as a file on Windows
_ASCII = str.maketrans("┏┳┓┡╇┩├┼┤└┴┘━─┃│", "++++++++++++=-||")


def show(text: str) -> None:
    """Print a table; drawn with ASCII where the stream has no other characters."""
    try:
        print(text, file=message_stream())
    except UnicodeEncodeError:
        encoding = sys.stdout.encoding
        print(text.replace("└ ", "` ").translate(_ASCII).encode(encoding, "replace").decode(encoding))
