"""``recurra sentiment``: classifiers of texts."""

# ruff: noqa: D301 - click takes \b in a docstring for lines that stay as they are
from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from recurra.cli.classifier_options import (
    evaluated,
    files_argument,
    model_argument,
    prediction_options,
    print_predictions,
    show_evaluation,
    training_options,
)
from recurra.cli.columns import column_finder, column_options
from recurra.cli.errors import Group
from recurra.cli.inputs import format_option, read_labelled
from recurra.cli.options import (
    encoding_option,
    json_option,
    open_checkpoint,
    quiet_option,
    save_training,
)
from recurra.cli.plots import check_plot


@click.group(cls=Group)
def sentiment() -> None:
    """Learn to label texts: good or bad, or any labels of your own.

    \b
    Examples:
      recurra sentiment train reviews.csv -o reviews.rsc
      echo "What a waste of time." | recurra sentiment predict reviews.rsc
      recurra sentiment evaluate reviews.rsc more-reviews.csv
    """


@sentiment.command(short_help="Train a classifier on labelled texts.")
@files_argument
@format_option(labelled=True)
@column_options(labelled=True)
@encoding_option
@training_options()
@json_option("Print the result as one JSON object.")
def train(
    files: tuple[str, ...],
    out: Path,
    force: bool,
    history: Path | None,
    plot: Path | None,
    quiet: bool,
    as_json: bool,
    resume: bool,
    checkpoint_minutes: float,
    vocabulary: int,
    text_column: str | None,
    label_column: str | None,
    file_format: str | None,
    encoding: str,
    **options: Any,
) -> None:
    """Train a classifier on labelled texts ("-" is standard input) and write it to FILE.

    CSV and TSV files need a header line; JSONL files hold one object a line. Labels may be any words or whole numbers:
    pos/neg, 0/1, 1 to 5. Some of the texts are held out to stop at the right time; the best weights are kept.
    Ctrl-C (SIGTERM and SIGHUP too) stops after the batch and saves what was learned; --resume goes on exactly there, or
    where the training was killed.

    \b
    Examples:
      recurra sentiment train reviews.csv -o reviews.rsc
      recurra sentiment train mails.jsonl -o mails.rsc --text body --label folder
      zcat tweets.tsv.gz | recurra sentiment train - --format tsv -o tweets.rsc --maxlen 60
      recurra sentiment train reviews.csv -o reviews.rsc --resume
    """
    from recurra.tasks import SentimentClassifier

    check_plot(plot, files, out, history)
    checkpoint = open_checkpoint(out, force, resume, checkpoint_minutes, files, history)
    find = column_finder(text_column, label_column, None, labelled=True, quiet=quiet, plain=True)
    data = read_labelled(files, {"file_format": file_format, "encoding": encoding}, find=find)
    model = SentimentClassifier(vocabulary_size=vocabulary, verbose=0 if quiet else 1, **options)
    record = model.fit(data.texts, data.labels, checkpoint=checkpoint)
    save_training(model, record, out, history, checkpoint, "nats/text", quiet, plot, as_json)


@sentiment.command(short_help="Label texts.")
@prediction_options
def predict(**options: Any) -> None:
    """Label texts: print each one's label, the label's probability and the text.

    Without files it reads standard input, one text a line; blank lines are passed over. The memory does not grow
    with the files.

    \b
    Examples:
      recurra sentiment predict reviews.rsc -t "I loved it" -t "Not for me"
      cat lines.txt | recurra sentiment predict reviews.rsc
      recurra sentiment predict reviews.rsc new.csv --text body --json > labelled.jsonl
    """
    from recurra.tasks import SentimentClassifier

    print_predictions(SentimentClassifier, "predict", plain=True, **options)


@sentiment.command()
@model_argument
@files_argument
@format_option(labelled=True)
@column_options(labelled=True)
@encoding_option
@json_option("One JSON object instead of a table.")
@quiet_option
def evaluate(
    model: Path,
    files: tuple[str, ...],
    as_json: bool,
    text_column: str | None,
    label_column: str | None,
    quiet: bool,
    **options: Any,
) -> None:
    """Compare a classifier's labels with the true ones.

    \b
    Examples:
      recurra sentiment evaluate reviews.rsc test.csv
      recurra sentiment evaluate reviews.rsc test.jsonl --json
    """
    from recurra.tasks import SentimentClassifier

    classifier = SentimentClassifier.load(model)
    find = column_finder(text_column, label_column, None, labelled=True, quiet=quiet, plain=True)
    data = read_labelled(files, options, [str(label) for label in classifier.labels], find)
    show_evaluation(evaluated(classifier, data.texts, data.labels, quiet), as_json, reported=False)
