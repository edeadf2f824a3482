"""Predictions on standard output, in the form that was asked for."""

from __future__ import annotations

import csv
import json
import math
import sys
from typing import Any

import click

FORMATS = ("tsv", "csv", "jsonl")


def json_line(value: Any) -> str:
    """`value` as JSON that any program reads, on one line: numbers that are not finite are null.

    >>> json_line({"loss": float("inf"), "text": "é"})
    '{"loss": null, "text": "é"}'
    """
    text = json.dumps(_finite(value), ensure_ascii=False, default=str)
    return text.encode("utf-8", "backslashreplace").decode()  # halves of surrogate pairs become JSON's escapes


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


class ResultWriter:
    """One line for each text.

    form : "tsv" (label, score, text; tabs and line ends in the text become spaces), "csv" (the same with a header,
        quoted where needed) or "jsonl" (an object with the probability of every label)
    """

    def __init__(self, form: str) -> None:
        self.form = form
        if form == "csv":
            self._csv = csv.writer(sys.stdout, lineterminator="\n")
            self._csv.writerow(["label", "score", "text"])

    def write(self, text: str, prediction: Any) -> None:
        """Print the prediction for `text`."""
        if self.form == "csv":
            self._csv.writerow([prediction.label, f"{prediction.score:.4f}", text])
        elif self.form == "tsv":
            click.echo(f"{prediction.label}\t{prediction.score:.4f}\t{' '.join(text.split())}")
        else:
            scores = {str(label): round(p, 6) for label, p in prediction.scores.items()}
            result = {"label": prediction.label, "score": round(prediction.score, 6), "scores": scores, "text": text}
            click.echo(json_line(result))
