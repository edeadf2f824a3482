"""``recurra sentiment``: classifiers of texts."""

# ruff: noqa: D301 - click takes \b in a docstring for lines that stay as they are
from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from recurra.cli.classifier_options import (
    evaluated,
    files_argument,
    model_argument,
    sentence_option,
    show_evaluation,
    some_files_argument,
    training_options,
)
from recurra.cli.columns import column_finder, column_options
from recurra.cli.inputs import format_option, read_labelled, text_batches
from recurra.cli.options import (
    encoding_option,
    item_bar,
    json_option,
    open_checkpoint,
    quiet_option,
    refuse_blank,
    save_training,
)
from recurra.cli.parallel import jobs_option, predicted
from recurra.cli.plots import check_plot
from recurra.cli.results import FORMATS, ResultWriter


@click.group()
def sentiment() -> None:
    """Learn to label texts: good or bad, or any labels of your own.

    \b
    Examples:
      recurra sentiment train reviews.csv -o reviews.rsc
      echo "What a waste of time." | recurra sentiment predict reviews.rsc
      recurra sentiment evaluate reviews.rsc more-reviews.csv
    """


@sentiment.command()
@files_argument
@format_option(labelled=True)
@column_options(labelled=True)
@encoding_option
@training_options()
def train(
    files: tuple[str, ...],
    out: Path,
    force: bool,
    history: Path | None,
    plot: Path | None,
    quiet: bool,
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
    save_training(model, record, out, history, checkpoint, "nats/text", quiet, plot)


@sentiment.command()
@model_argument
@some_files_argument
@sentence_option
@format_option(labelled=False)
@column_options(labelled=False)
@encoding_option
@click.option("--to", type=click.Choice(FORMATS), default="tsv", show_default=True, help="How to print the results.")
@json_option("The same as --to jsonl.")
@jobs_option
@quiet_option
def predict(
    model: Path,
    files: tuple[str, ...],
    sentence: tuple[str, ...],
    to: str,
    as_json: bool,
    jobs: int,
    text_column: str | None,
    quiet: bool,
    **options: Any,
) -> None:
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

    if sentence and files:
        raise click.UsageError("--sentence cannot be given with files")
    refuse_blank(sentence, "--sentence")
    classifier = SentimentClassifier.load(model)
    writer = ResultWriter("jsonl" if as_json else to)
    find = column_finder(text_column, None, None, labelled=False, quiet=quiet, plain=True)
    size = 2048 if jobs == 1 else 512
    batches = [list(sentence)] if sentence else text_batches(files or ("-",), options, size, find)
    with item_bar(None, " texts", quiet or bool(sentence) or sys.stdout.isatty()) as advance:
        for texts, found in predicted(classifier, model, batches, jobs, "predict", advance):
            for text, prediction in zip(texts, found, strict=True):
                writer.write(text, prediction)


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
