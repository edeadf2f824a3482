"""What a classifier says of texts, and how well it does: probabilities, confusion matrix, precision and recall."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from recurra.callbacks.history_plot import require_matplotlib, save_figure
from recurra.tasks.labelled_texts import Label
from recurra.typing import Array


class Prediction(NamedTuple):
    """The most probable label, its probability, and the probability of every label."""

    label: Label
    score: float
    scores: dict[Label, float]


class LabelReport(NamedTuple):
    """How well one label is found.

    precision : the share of the texts given this label that have it; 0 where none was given it
    recall : the share of the texts with this label that were given it; 0 where there is none
    f1 : their harmonic mean, 2PR / (P + R)
    support : how many texts have the label
    """

    precision: float
    recall: float
    f1: float
    support: int


class Evaluation(NamedTuple):
    """Accuracy and mean cross-entropy (nats) over labelled texts.

    confusion : ``confusion[true][predicted]`` counts
    """

    accuracy: float
    loss: float
    examples: int
    confusion: dict[Label, dict[Label, int]]

    @property
    def report(self) -> dict[Label, LabelReport]:
        """Precision, recall, F1 and support of each label."""
        found = {}
        for label, row in self.confusion.items():
            right, support = row[label], sum(row.values())
            given = sum(other[label] for other in self.confusion.values())
            precision = right / given if given else 0.0
            recall = right / support if support else 0.0
            both = precision + recall
            found[label] = LabelReport(precision, recall, 2 * precision * recall / both if both else 0.0, support)
        return found

    @property
    def macro_f1(self) -> float:
        """The mean of the labels' F1."""
        return float(np.mean([label.f1 for label in self.report.values()]))

    def plot(self, path: str | os.PathLike[str] | None = None) -> Any:
        """The confusion matrix as a matplotlib Figure, the shares of each true label as colours, the counts as numbers.

        path : where to save it as well; None saves nothing. Needs the extra ``recurra[plot]``.
        """
        figure = require_matplotlib("Evaluation.plot()")
        names = [str(label) for label in self.confusion]
        counts = np.array([list(row.values()) for row in self.confusion.values()])
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        side, longest = max(2.4, 0.6 * len(names)), max(map(len, names), default=0)
        upright = 0.1 * longest * len(names) < side  # names side by side need some 0.1 inches a character
        space = 0.09 * longest  # inches that the longest name takes beside the matrix
        size = (side + 1.8 + space, side + 0.9 + (0 if upright else 0.7 * space))
        canvas = figure.Figure(figsize=size, layout="constrained")
        axes = canvas.add_subplot()
        image = axes.imshow(shares, vmin=0, vmax=1, cmap="Blues")
        axes.set_xticks(range(len(names)), names, parse_math=False)
        if not upright:
            for label in axes.get_xticklabels():
                label.set(rotation=45, ha="right", rotation_mode="anchor")
        axes.set_yticks(range(len(names)), names, parse_math=False)
        axes.set_xlabel("predicted")
        axes.set_ylabel("true")
        axes.set_title(f"accuracy {self.accuracy:.2%} of {self.examples:,}")
        if len(names) <= 20:
            for row, column in np.ndindex(counts.shape):
                colour = "white" if shares[row, column] > 0.5 else "black"
                axes.text(column, row, f"{counts[row, column]:,}", ha="center", va="center", color=colour)
        canvas.colorbar(image, ax=axes, label="share of the true label")
        if path is not None:
            save_figure(canvas, path, dpi=120)
        return canvas


def evaluation_of(labels: Sequence[Label], targets: Array, scores: Array, losses: Array) -> Evaluation:
    """From the true labels' numbers (N,), the scores (N, classes) and the cross-entropies (N,)."""
    counts = np.zeros((len(labels), len(labels)), np.int64)
    np.add.at(counts, (targets, scores.argmax(axis=1)), 1)
    confusion = {
        true: {label: int(n) for label, n in zip(labels, row, strict=True)}
        for true, row in zip(labels, counts, strict=True)
    }
    return Evaluation(float(np.trace(counts)) / len(targets), float(np.mean(losses)), len(targets), confusion)


def confusion_table(found: Evaluation) -> list[str]:
    """The confusion matrix as lines of text."""
    names = [str(label) for label in found.confusion]
    width = max(map(len, [*names, "true \\ predicted"])) + 2
    cell = max(9, max(map(len, names)) + 2)
    lines = ["true \\ predicted".ljust(width) + "".join(name.rjust(cell) for name in names)]
    for true, row in found.confusion.items():
        lines.append(str(true).ljust(width) + "".join(f"{n:,}".rjust(cell) for n in row.values()))
    return lines


def report_table(found: Evaluation) -> list[str]:
    """Precision, recall, F1 and support of each label as lines of text, and their mean."""
    width = max(map(len, [*map(str, found.confusion), "mean"])) + 2
    lines = ["".ljust(width) + "".join(name.rjust(11) for name in LabelReport._fields)]
    report = found.report
    for label, row in report.items():
        values = "".join(f"{value:11.4f}" for value in row[:3])
        lines.append(f"{label!s:<{width}}{values}{row.support:>11,}")
    means = [float(np.mean([row[i] for row in report.values()])) for i in range(3)]
    lines.append("mean".ljust(width) + "".join(f"{value:11.4f}" for value in means) + f"{found.examples:>11,}")
    return lines
