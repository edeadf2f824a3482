"""A text coloured by the activations of single units of a language model.

After A. Karpathy, J. Johnson and L. Fei-Fei, Visualizing and Understanding Recurrent Networks, 2015.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from recurra.generation import Stepper
from recurra.tasks.arguments import check_text
from recurra.tasks.subwords import Subwords
from recurra.tasks.vocabulary import START, split_text
from recurra.typing import Array

if TYPE_CHECKING:
    from recurra.tasks.language_model import LanguageModel

_ALIKE = 0.7  # the absolute correlation from which two units do the same
_PAGE = """<!DOCTYPE html>
<html><head><meta charset="utf-8"><title>Units of a language model</title>
<style>body {{ font-family: sans-serif; margin: 2em; }} span {{ color: #111; }}
pre {{ font-size: 15px; line-height: 1.5; white-space: pre-wrap; }}</style></head>
<body><p>Blue: near 1. Red: near -1. The number of a token is shown under the pointer.</p>
{parts}
</body></html>
"""


class Inspection(NamedTuple):
    """What chosen units held after each token of a text.

    tokens : the N tokens as text
    units : (layer, unit) of the K units, both from 1
    values : (N, K) in [-1, 1]
    """

    tokens: list[str]
    units: list[tuple[int, int]]
    values: Array

    def coloured(self, number: int) -> str:
        """The text for a terminal, coloured by the unit of this number."""
        import click

        pieces = []
        for token, value in zip(self.tokens, self.values[:, number], strict=True):
            lines = token.split("\n")
            shown = [click.style(line, fg="black", bg=colour(value)) if line else "" for line in lines]
            pieces.append("\n".join(shown))
        return "".join(pieces)

    def to_html(self) -> str:
        """A page of its own, without scripts, with the text once for each unit."""
        parts = []
        for i, (layer, unit) in enumerate(self.units):
            spans = [
                f'<span style="background: rgb{colour(value)}" title="{value:.2f}">{html.escape(token)}</span>'
                for token, value in zip(self.tokens, self.values[:, i], strict=True)
            ]
            parts.append(f"<h3>layer {layer}, unit {unit}</h3>\n<pre dir='auto'>{''.join(spans)}</pre>")
        return _PAGE.format(parts="\n".join(parts))

    def to_dict(self) -> dict[str, Any]:
        """Numbers and names, as JSON takes them."""
        units = [
            {"layer": layer, "unit": unit, "values": [round(float(v), 4) for v in self.values[:, i]]}
            for i, (layer, unit) in enumerate(self.units)
        ]
        return {"tokens": self.tokens, "units": units}


def colour(value: float) -> tuple[int, int, int]:
    """White at 0, blue at 1, red at -1."""
    fade = round(255 - 175 * min(1.0, abs(float(value))))
    return (fade, fade, 255) if value >= 0 else (255, fade, fade)


def inspect_text(
    model: LanguageModel,
    text: str,
    units: Sequence[tuple[int, int]] | None = None,
    *,
    count: int = 3,
    length: int = 1000,
) -> Inspection:
    """What `units` of a trained `model` hold after each of the first `length` tokens of `text`.

    units : (layer, unit), both from 1; None picks `count` with :func:`interesting_units`
    """
    vocabulary = model._trained()
    check_text(text)
    ids = vocabulary.encode(text)[:length]
    if not len(ids):
        raise ValueError("text must not be empty: there is nothing to colour")
    layers = unit_values(model.model, ids)
    if units is None:
        units = interesting_units(layers, count)
    columns = []
    for layer, unit in units:
        if not 1 <= layer <= len(layers) or not 1 <= unit <= layers[layer - 1].shape[1]:
            sizes = ", ".join(str(values.shape[1]) for values in layers)
            raise ValueError(f"units must be LAYER:UNIT in layers of {sizes} units, from 1, got {layer}:{unit}")
        columns.append(layers[layer - 1][:, unit - 1])
    if model.level == Subwords.level:
        tokens = [vocabulary.decode([int(token)]) for token in ids]
    else:
        tokens = split_text(text, model.level)[: len(ids)]  # as they are written, unknown ones too
    return Inspection(tokens, list(units), np.stack(columns, axis=1))


def unit_values(network: Any, ids: Array) -> list[Array]:
    """For each recurrent layer (N, H) in [-1, 1]: tanh(c) after each token, or h for cells without a state c."""
    stepper = Stepper(network)
    state = stepper.initial_state(1)
    _, state = stepper.step(np.array([START], np.int32), state)
    names = [cell.kernel_cell.states for cell in stepper._cells]
    found: list[list[Array]] = [[] for _ in names]
    for token in ids:
        _, state = stepper.step(np.array([token], np.int32), state)
        for values, parts, states in zip(found, state, names, strict=True):
            inside = np.tanh(parts[states.index("c")]) if "c" in states else np.asarray(parts[0])
            values.append(inside[0])
    stacked = [np.stack(values) for values in found]
    return [values / max(1.0, float(np.abs(values).max())) for values in stacked]


def interesting_units(layers: Sequence[Array], count: int) -> list[tuple[int, int]]:
    """The `count` units with the highest mean of |v|, times 4 p (1 - p), times the share of steps without a new sign.

    p is the share of the tokens at which v > 0. A unit whose values correlate with those of a better one is left out,
    while there are others.

    layers : (N, H) values of each layer
    """
    everything = np.concatenate(layers, axis=1)
    positive = everything > 0
    share = positive.mean(axis=0)
    turns = (positive[1:] != positive[:-1]).mean(axis=0) if len(positive) > 1 else np.zeros(everything.shape[1])
    scores = np.abs(everything).mean(axis=0) * 4 * share * (1 - share) * (1 - turns)
    centred = everything - everything.mean(axis=0)
    norms = np.maximum(np.linalg.norm(centred, axis=0), 1e-12)
    order = np.argsort(-scores, kind="stable")
    chosen: list[int] = []
    for place in order:
        like = [abs(centred[:, place] @ centred[:, other]) / (norms[place] * norms[other]) for other in chosen]
        if len(chosen) < count and all(value < _ALIKE for value in like):
            chosen.append(int(place))
    chosen += [int(place) for place in order if int(place) not in chosen][: max(0, count - len(chosen))]
    edges = np.cumsum([0, *(values.shape[1] for values in layers)])
    found = []
    for place in chosen:
        layer = int(np.searchsorted(edges, place, side="right"))
        found.append((layer, place - int(edges[layer - 1]) + 1))
    return found
