"""Keras 2's ``model_to_dot``: a model as text for Graphviz."""

from __future__ import annotations

from typing import Any

from recurra.models.plotting import boxes_of

__all__ = ["DotGraph", "model_to_dot"]


class DotGraph:
    """A graph in Graphviz's language; ``dot`` makes a picture of it.

    nodes : of each layer the lines in its box;  edges : from which box to which
    """

    def __init__(self, nodes: list[list[str]], edges: list[tuple[int, int]], rankdir: str, dpi: int) -> None:
        self.nodes, self.edges, self.rankdir, self.dpi = nodes, edges, rankdir, dpi

    def to_string(self) -> str:
        """The text."""
        lines = ["digraph G {", f"rankdir={self.rankdir};", "concentrate=true;", f'dpi="{self.dpi}";']
        for index, texts in enumerate(self.nodes):
            label = "\\n".join(text.replace("\\", "\\\\").replace('"', '\\"') for text in texts)
            lines.append(f'{index} [label="{label}", shape=record];')
        lines += [f"{first} -> {last};" for first, last in self.edges]
        return "\n".join([*lines, "}"]) + "\n"

    def __str__(self) -> str:
        return self.to_string()

    def write(self, path: Any, prog: Any = None, format: str = "raw", encoding: Any = None) -> bool:
        """Write it: the text for "raw" and "dot", else the picture that Graphviz's program makes of it."""
        data = self.create(prog, format)
        with open(path, "wb") as file:
            file.write(data)
        return True

    def create(self, prog: Any = None, format: str = "ps") -> bytes:
        """The picture, made by Graphviz's ``dot``.

        raises : RuntimeError where Graphviz is not installed
        """
        import shutil
        import subprocess

        text = self.to_string().encode()
        if format in ("raw", "dot"):
            return text
        program = shutil.which(prog or "dot")
        if program is None:
            raise RuntimeError(
                f"a picture in the format {format!r} is made by Graphviz's program {prog or 'dot'}, which is not "
                "installed: install Graphviz, or draw with plot_model, which does without it"
            )
        return subprocess.run([program, f"-T{format}"], input=text, capture_output=True, check=True).stdout

    def write_png(self, path: Any, prog: Any = None) -> bool:
        """Write it as PNG."""
        return self.write(path, prog, "png")


def model_to_dot(
    model: Any,
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = True,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 96,
    subgraph: bool = False,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
) -> DotGraph:
    """A built model as a graph for Graphviz; the arguments are those of ``plot_model``.

    subgraph : a part of another graph, which is not made here
    """
    if subgraph:
        raise ValueError("model_to_dot makes whole graphs here: subgraph must be False")
    if rankdir not in ("TB", "LR"):
        raise ValueError(f"rankdir must be 'TB' or 'LR', got {rankdir!r}")
    if not model.built:
        raise ValueError(f"{model.name} is not built yet: call build(input_shape) or fit before drawing it")
    boxes = boxes_of(
        model, show_shapes, show_dtype, show_layer_names, expand_nested, show_layer_activations, show_trainable
    )
    edges = [(parent, index) for index, box in enumerate(boxes) for parent in box.parents]
    return DotGraph([box.lines for box in boxes], edges, rankdir, dpi)
