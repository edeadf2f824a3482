"""Options of the trainings of classifiers, and what their commands share."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import click

from recurra.cli.columns import column_finder, column_options
from recurra.cli.inputs import format_option, text_batches
from recurra.cli.options import (
    Integer,
    encoding_option,
    history_option,
    item_bar,
    json_option,
    learning_rate_option,
    out_option,
    quiet_option,
    refuse_blank,
    resume_options,
    seed_option,
    share_option,
    size_option,
)
from recurra.cli.parallel import jobs_option, predicted
from recurra.cli.plots import LOSSES, plot_option
from recurra.cli.results import FORMATS, ResultWriter, json_line
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
    click.option("--embedding", type=Integer(min=1), help="Width of a word's vector  [default: 48]"),
)
_LEARNING: tuple[Decorator, ...] = (
    share_option("--dropout", 0.5, "On word vectors and on what the recurrent layer found."),
    click.option(
        "--vocabulary", type=Integer(min=3), default=30_000, show_default=True, help="Words to know, at most."
    ),
    size_option("--maxlen", 400, "Words of a text to read: its first third, and its end."),
    size_option("--epochs", 7, "Passes over the texts, at most."),
    size_option("--patience", 3, "Stop after so many epochs without a better validation accuracy."),
    click.option("--batch-size", type=Integer(min=1), help="Texts in a step  [default: 64, less for few texts]"),
    learning_rate_option(2e-3),
    click.option(
        "--class-weight",
        type=click.Choice(["balanced"]),
        help="Let rare labels count as much in training as frequent ones; the epoch of the lowest loss is then kept.",
    ),
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


def prediction_options(command: Command) -> Command:
    """The arguments and options of a prediction, which are what :func:`print_predictions` takes."""
    to = click.option(
        "--to", type=click.Choice(FORMATS), default="tsv", show_default=True, help="How to print the results."
    )
    reading = (format_option(labelled=False), column_options(labelled=False), encoding_option)
    last = (to, json_option("The same as --to jsonl."), jobs_option, quiet_option)
    for option in reversed((model_argument, some_files_argument, sentence_option, *reading, *last)):
        command = option(command)
    return command


def print_predictions(
    kind: Any,
    method: str,
    *,
    model: Path,
    files: tuple[str, ...],
    sentence: tuple[str, ...],
    to: str,
    as_json: bool,
    jobs: int,
    text_column: str | None,
    quiet: bool,
    plain: bool = False,
    **options: Any,
) -> None:
    """Label the texts of files, of standard input or of --sentence, and print the results in their order.

    kind, method : the classifier's class, and what gives a list of its predictions
    plain : as for ``column_finder``
    options : how the files are read
    """
    batches = given_batches(files, sentence, text_column, quiet, options, 2048 if jobs == 1 else 512, plain)
    classifier = kind.load(model)
    writer = ResultWriter("jsonl" if as_json else to)
    with item_bar(None, " texts", quiet or bool(sentence) or sys.stdout.isatty()) as advance:
        for texts, found in predicted(classifier, model, batches, jobs, method, advance):
            for text, prediction in zip(texts, found, strict=True):
                writer.write(text, prediction)


def given_batches(
    files: tuple[str, ...],
    sentence: tuple[str, ...],
    text_column: str | None,
    quiet: bool,
    options: dict[str, Any],
    size: int,
    plain: bool = False,
) -> Iterator[list[str]]:
    """The texts of --sentence, or those of the files or of standard input in lists of up to `size`."""
    if sentence and files:
        raise click.UsageError("--sentence cannot be given with files")
    refuse_blank(sentence, "--sentence")
    if sentence:
        return iter([list(sentence)])
    find = column_finder(text_column, None, None, labelled=False, quiet=quiet, plain=plain)
    return text_batches(files or ("-",), options, size, find)


def show_evaluation(found: Any, as_json: bool, reported: bool) -> None:
    """Print an Evaluation as a table or as JSON; with `reported` also precision, recall and F1 of each label."""
    from recurra.tasks.classification import confusion_table, report_table

    if as_json:
        content = found._asdict()
        if reported:
            content["macro_f1"] = found.macro_f1
            content["report"] = {label: row._asdict() for label, row in found.report.items()}
        click.echo(json_line(content))
        return
    click.echo(f"accuracy {found.accuracy:.2%}, loss {found.loss:.4f} nats/text, over {found.examples:,} texts\n")
    for line in [*([*report_table(found), ""] if reported else []), *confusion_table(found)]:
        click.echo(line)


def evaluated(classifier: Any, texts: list[str], labels: list[str], quiet: bool) -> Any:
    """The classifier's Evaluation, with a bar."""
    with item_bar(len(texts), " texts", quiet) as advance:
        return classifier.evaluate(texts, labels, progress=advance)
