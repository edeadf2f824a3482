"""``recurra sentiment``: classifiers of texts."""

# ruff: noqa: D301 - click takes \b in a docstring for lines that stay as they are
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from recurra.cli.inputs import read_labelled, reading_options, text_batches
from recurra.cli.options import (
    history_option,
    item_bar,
    open_checkpoint,
    out_option,
    quiet_option,
    resume_options,
    save_training,
    seed_option,
)
from recurra.cli.results import FORMATS, ResultWriter
from recurra.layers import LAYER_OF_CELL

_model_file = click.argument("model", type=click.Path(path_type=Path), metavar="MODEL")
_files = click.argument("files", nargs=-1, required=True, type=click.Path(allow_dash=True), metavar="FILE...")


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
@_files
@out_option(".rsc")
@reading_options(labelled=True)
@click.option(
    "--cell",
    type=click.Choice(list(LAYER_OF_CELL)),
    default="lstm",
    show_default=True,
    help="The recurrent cell.",
)
@click.option(
    "--units",
    type=click.IntRange(min=1),
    default=32,
    show_default=True,
    help="Size of the recurrent layer, in each direction.",
)
@click.option(
    "--embedding", type=click.IntRange(min=1), default=48, show_default=True, help="Width of a word's vector."
)
@click.option(
    "--dropout",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.5,
    show_default=True,
    help="On word vectors and on what the recurrent layer found.",
)
@click.option("--vocabulary", type=click.IntRange(min=3), default=20_000, show_default=True, help="Most words to know.")
@click.option(
    "--maxlen",
    type=click.IntRange(min=1),
    default=400,
    show_default=True,
    help="Words of a text to read: its first third, and its end.",
)
@click.option("--epochs", type=click.IntRange(min=1), default=3, show_default=True, help="Most passes over the texts.")
@click.option(
    "--patience",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Stop after so many epochs without a better validation loss.",
)
@click.option("--batch-size", type=click.IntRange(min=1), default=64, show_default=True, help="Texts in a step.")
@click.option(
    "--learning-rate",
    type=click.FloatRange(0, min_open=True),
    default=2e-3,
    show_default=True,
    help="Adam's, at the start; falls to a tenth.",
)
@click.option(
    "--validation",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.1,
    show_default=True,
    help="Share of the texts, drawn at random, to hold out.",
)
@history_option
@resume_options
@seed_option("the training")
@quiet_option
def train(
    files: tuple[str, ...],
    out: Path,
    force: bool,
    epochs: int,
    patience: int,
    batch_size: int,
    learning_rate: float,
    validation: float,
    history: Path | None,
    seed: int | None,
    quiet: bool,
    resume: bool,
    checkpoint_minutes: float,
    vocabulary: int,
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

    checkpoint = open_checkpoint(out, force, resume, checkpoint_minutes, files, history)
    texts, labels = read_labelled(files, options)
    model = SentimentClassifier(
        cell=options["cell"], units=options["units"], embedding=options["embedding"], dropout=options["dropout"],
        vocabulary_size=vocabulary, maxlen=options["maxlen"], seed=seed,
    )  # fmt: skip
    record = model.fit(
        texts, labels, validation=validation, epochs=epochs, batch_size=batch_size, learning_rate=learning_rate,
        patience=patience, verbose=0 if quiet else 1,
        checkpoint=checkpoint,
    )  # fmt: skip
    save_training(model, record, out, history, checkpoint, "nats/text", quiet)


@sentiment.command()
@_model_file
@click.argument("files", nargs=-1, type=click.Path(allow_dash=True), metavar="[FILE]...")
@click.option("-t", "--sentence", multiple=True, metavar="TEXT", help="A text to label, instead of files; repeatable.")
@reading_options(labelled=False)
@click.option("--to", type=click.Choice(FORMATS), default="tsv", show_default=True, help="How to print the results.")
@quiet_option
def predict(
    model: Path, files: tuple[str, ...], sentence: tuple[str, ...], to: str, quiet: bool, **options: Any
) -> None:
    """Label texts: print each one's label, the label's probability and the text.

    Without files it reads standard input, one text a line.

    \b
    Examples:
      recurra sentiment predict reviews.rsc -t "I loved it" -t "Not for me"
      cat lines.txt | recurra sentiment predict reviews.rsc
      recurra sentiment predict reviews.rsc new.csv --text body --to jsonl > labelled.jsonl
    """
    from recurra.tasks import SentimentClassifier

    if sentence and files:
        raise click.UsageError("--sentence cannot be given with files")
    classifier = SentimentClassifier.load(model)
    writer = ResultWriter(to)
    for texts in [list(sentence)] if sentence else text_batches(files or ("-",), options, 2048):
        with item_bar(len(texts), " texts", quiet or len(texts) < 2048) as advance:
            found = classifier.predict(texts, progress=advance)
        for text, prediction in zip(texts, found, strict=True):
            writer.write(text, prediction)


@sentiment.command()
@_model_file
@_files
@reading_options(labelled=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table.")
@quiet_option
def evaluate(model: Path, files: tuple[str, ...], as_json: bool, quiet: bool, **options: Any) -> None:
    """Compare a classifier's labels with the true ones.

    \b
    Examples:
      recurra sentiment evaluate reviews.rsc test.csv
      recurra sentiment evaluate reviews.rsc test.jsonl --json
    """
    from recurra.tasks import SentimentClassifier

    classifier = SentimentClassifier.load(model)
    texts, labels = read_labelled(files, options, [str(label) for label in classifier.labels])
    with item_bar(len(texts), " texts", quiet) as advance:
        found = classifier.evaluate(texts, labels, progress=advance)
    if as_json:
        click.echo(json.dumps(found._asdict(), ensure_ascii=False))
        return
    click.echo(f"accuracy {found.accuracy:.2%}, loss {found.loss:.4f} nats/text, over {found.examples:,} texts\n")
    names = [str(label) for label in found.confusion]
    width = max(map(len, [*names, "true \\ predicted"])) + 2
    cell = max(9, max(map(len, names)) + 2)
    click.echo("true \\ predicted".ljust(width) + "".join(name.rjust(cell) for name in names))
    for true, row in found.confusion.items():
        click.echo(str(true).ljust(width) + "".join(f"{n:,}".rjust(cell) for n in row.values()))
