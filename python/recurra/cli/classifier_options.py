"""Options of the trainings of classifiers, and what their commands share."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from recurra.cli.options import (
    history_option,
    item_bar,
    learning_rate_option,
    out_option,
    quiet_option,
    resume_options,
    seed_option,
    share_option,
    size_option,
)
from recurra.cli.plots import LOSSES, plot_option
from recurra.layers import LAYER_OF_CELL

Command = TypeVar("Command", bound=Callable[..., Any])

model_argument = click.argument("model", type=click.Path(path_type=Path), metavar="MODEL")
files_argument = click.argument("files", nargs=-1, required=True, type=click.Path(allow_dash=True), metavar="FILE...")
some_files_argument = click.argument("files", nargs=-1, type=click.Path(allow_dash=True), metavar="[FILE]...")
sentence_option = click.option(
    "-t", "--sentence", multiple=True, metavar="TEXT", help="A text to label, instead of files; repeatable."
)

Decorator = Callable[[Any], Any]

_NETWORK: tuple[Decorator, ...] = (
    click.option(
        "--cell", type=click.Choice(list(LAYER_OF_CELL)), default="lstm", show_default=True, help="The recurrent cell."
    ),
    size_option("--units", 48, "Size of the recurrent layer, in each direction."),
    click.option("--embedding", type=click.IntRange(min=1), help="Width of a word's vector  [default: 48]"),
)
_LEARNING: tuple[Decorator, ...] = (
    share_option("--dropout", 0.5, "On word vectors and on what the recurrent layer found."),
    click.option(
        "--vocabulary", type=click.IntRange(min=3), default=30_000, show_default=True, help="Most words to know."
    ),
    size_option("--maxlen", 400, "Words of a text to read: its first third, and its end."),
    size_option("--epochs", 7, "Most passes over the texts."),
    size_option("--patience", 3, "Stop after so many epochs without a better validation accuracy."),
    click.option("--batch-size", type=click.IntRange(min=1), help="Texts in a step  [default: 64, less for few texts]"),
    learning_rate_option(2e-3),
    share_option("--validation", 0.1, "Share of the texts, drawn at random, to hold out."),
)


def training_options(*more: Decorator) -> Callable[[Command], Command]:
    """The options of a training, `more` among those of the network, in the order in which --help shows them."""

    def add(command: Command) -> Command:
        last = (plot_option(LOSSES), history_option, resume_options, seed_option("the training"), quiet_option)
        for option in reversed((out_option(".rsc"), *_NETWORK, *more, *_LEARNING, *last)):
            command = option(command)
        return command

    return add


def show_evaluation(found: Any, as_json: bool, reported: bool) -> None:
    """Print an Evaluation as a table or as JSON; with `reported` also precision, recall and F1 of each label."""
    from recurra.tasks.classification import confusion_table, report_table

    if as_json:
        content = found._asdict()
        if reported:
            content["macro_f1"] = found.macro_f1
            content["report"] = {label: row._asdict() for label, row in found.report.items()}
        click.echo(json.dumps(content, ensure_ascii=False))
        return
    click.echo(f"accuracy {found.accuracy:.2%}, loss {found.loss:.4f} nats/text, over {found.examples:,} texts\n")
    for line in [*([*report_table(found), ""] if reported else []), *confusion_table(found)]:
        click.echo(line)


def evaluated(classifier: Any, texts: list[str], labels: list[str], quiet: bool) -> Any:
    """The classifier's Evaluation, with a bar."""
    with item_bar(len(texts), " texts", quiet) as advance:
        return classifier.evaluate(texts, labels, progress=advance)
