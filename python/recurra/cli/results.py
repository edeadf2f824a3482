"""Predictions on standard output, in the form that was asked for."""

from __future__ import annotations

import csv
import json
import sys
from typing import Any

import click

FORMATS = ("tsv", "csv", "jsonl")


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
            click.echo(json.dumps(result, ensure_ascii=False))
