"""``recurra classify``: classifiers of texts, with all that they can do."""

# ruff: noqa: D301 - click takes \b in a docstring for lines that stay as they are
from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from recurra.cli.classifier_options import (
    evaluated,
    files_argument,
    given_batches,
    model_argument,
    prediction_options,
    print_predictions,
    sentence_option,
    show_evaluation,
    some_files_argument,
    training_options,
)
from recurra.cli.columns import column_finder, column_options
from recurra.cli.errors import Group, InputError
from recurra.cli.inputs import format_option, read_labelled
from recurra.cli.options import (
    Integer,
    check_beside,
    encoding_option,
    json_option,
    open_checkpoint,
    quiet_option,
    save_training,
    share_option,
)
from recurra.cli.plots import check_plot, plot_option
from recurra.cli.results import json_line
from recurra.files import atomic_write

_json_option = json_option("JSON instead of text.")


@click.group(cls=Group, short_help="Learn which label a text has: a topic, a language, a mood.")
def classify() -> None:
    """Learn which label a text has: topics, languages, moods, folders of mail.

    \b
    Examples:
      recurra classify train reviews.csv -o reviews.rsc
      recurra classify evaluate reviews.rsc held_out.csv --plot confusion.png
      recurra classify explain reviews.rsc -t "A dull film with one good joke."
      recurra classify predict reviews.rsc new.jsonl --jobs 2 > labels.tsv
    """


@classify.command(short_help="Train a classifier on labelled texts.")
@files_argument
@format_option(labelled=True)
@column_options(labelled=True)
@encoding_option
@click.option(
    "--group",
    metavar="NAME",
    help="Column or key that says which texts belong together, such as the phrases of a sentence: texts of one group "
    "are never both trained on and held out.",
)
@training_options(
    click.option(
        "--pooling",
        type=click.Choice(["mean", "max", "last", "attention"]),
        default="max",
        show_default=True,
        help="What becomes of the recurrent layer's outputs over the text.",
    ),
    click.option(
        "--pairs",
        type=Integer(min=0),
        default=200_000,
        show_default=True,
        help="Pairs of neighbouring words with vectors of their own, at most.",
    ),
    share_option("--word-dropout", 0.4, "Share of the words that become unknown in training."),
    share_option(
        "--averaging", 0.99, "Momentum of the moving average of the weights that is kept; 0 keeps the weights."
    ),
    click.option("--vectors", metavar="FILE", help="Pretrained word vectors, in word2vec's or GloVe's text format."),
    click.option(
        "--language-model",
        metavar="FILE",
        help="Start from this language model (recurra lm train) of words or characters, whose cell and units "
        "must be the same.",
    ),
)
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
    group: str | None,
    file_format: str | None,
    encoding: str,
    **options: Any,
) -> None:
    """Train a classifier on labelled texts ("-" is standard input) and write it to FILE.

    CSV and TSV files need a header line; JSONL files hold one object a line. Labels may be any words or whole numbers.
    Some of the texts are held out to stop at the right time; the best weights are kept. Ctrl-C (SIGTERM and SIGHUP too)
    stops after the batch and saves what was learned; --resume goes on exactly there, or where the training was killed.

    \b
    Examples:
      recurra classify train reviews.csv -o reviews.rsc
      recurra classify train mails.jsonl -o mails.rsc --text body --label folder
      recurra classify train phrases.tsv -o moods.rsc --group sentence_id
      recurra classify train reviews.csv -o reviews.rsc --vectors glove.6B.50d.txt.gz --plot losses.png
    """
    from recurra.tasks import TextClassifier

    inputs = [*files, *(options[name] for name in ("vectors", "language_model") if options[name])]
    check_plot(plot, inputs, out, history)
    checkpoint = open_checkpoint(out, force, resume, checkpoint_minutes, inputs, history)
    find = column_finder(text_column, label_column, group, labelled=True, quiet=quiet)
    data = read_labelled(files, {"file_format": file_format, "encoding": encoding}, find=find)
    model = TextClassifier(vocabulary_size=vocabulary, verbose=0 if quiet else 1, **options)
    model.fit(data.texts, data.labels, groups=data.groups, checkpoint=checkpoint)
    save_training(model, model.history_, out, history, checkpoint, "nats/text", quiet, plot, as_json)


@classify.command(short_help="Label texts.")
@prediction_options
def predict(**options: Any) -> None:
    """Label texts: print each one's label, the label's probability and the text, in the order of the files.

    Without files it reads standard input, one text a line; blank lines are passed over. The memory does not grow
    with the files.

    \b
    Examples:
      recurra classify predict reviews.rsc -t "I loved it" -t "Not for me"
      cat lines.txt | recurra classify predict reviews.rsc
      recurra classify predict reviews.rsc new.csv --jobs 2 --json > labelled.jsonl
    """
    from recurra.tasks import TextClassifier

    print_predictions(TextClassifier, "predictions", **options)


@classify.command(short_help="Compare a classifier's labels with the true ones.")
@model_argument
@files_argument
@format_option(labelled=True)
@column_options(labelled=True)
@encoding_option
@_json_option
@plot_option("the confusion matrix")
@quiet_option
def evaluate(
    model: Path,
    files: tuple[str, ...],
    as_json: bool,
    plot: Path | None,
    text_column: str | None,
    label_column: str | None,
    quiet: bool,
    **options: Any,
) -> None:
    """Compare a classifier's labels with the true ones: accuracy, precision, recall, F1, confusion matrix.

    \b
    Examples:
      recurra classify evaluate reviews.rsc test.csv
      recurra classify evaluate reviews.rsc test.jsonl --json --plot confusion.png
    """
    from recurra.tasks import TextClassifier

    check_plot(plot, files, model)
    classifier = TextClassifier.load(model)
    find = column_finder(text_column, label_column, None, labelled=True, quiet=quiet)
    data = read_labelled(files, options, [str(label) for label in classifier.labels], find)
    found = evaluated(classifier, data.texts, data.labels, quiet)
    if plot is not None:
        found.plot(plot)
    show_evaluation(found, as_json, reported=True)


@classify.command(short_help="Show what each word contributes to a text's label.")
@model_argument
@some_files_argument
@sentence_option
@format_option(labelled=False)
@column_options(labelled=False)
@encoding_option
@click.option("--for", "label", metavar="LABEL", help="The label to explain  [default: each text's most probable one]")
@click.option("--html", type=click.Path(path_type=Path), metavar="FILE", help="Write a page with coloured texts.")
@_json_option
@quiet_option
def explain(
    model: Path,
    files: tuple[str, ...],
    sentence: tuple[str, ...],
    text_column: str | None,
    label: str | None,
    html: Path | None,
    as_json: bool,
    quiet: bool,
    **options: Any,
) -> None:
    """Show what each word of a text contributes to its label: green speaks for it, red against it.

    A word's contribution is how much the log-odds of the label fall when the word is left out. Colours are shown in a
    terminal; the strongest words are named in any case. Without files it reads standard input, one text a line.

    \b
    Examples:
      recurra classify explain reviews.rsc -t "A dull film with one good joke."
      recurra classify explain reviews.rsc some.csv --html explained.html -q
      recurra classify explain reviews.rsc -t "Not bad." --for neg --json
    """
    from recurra.tasks import TextClassifier
    from recurra.tasks.explanation import page

    classifier = TextClassifier.load(model)
    known = {str(name): name for name in classifier.labels}
    if label is not None and label not in known:
        raise InputError(f"--for must be one of {', '.join(map(repr, known))}, got {label!r}")
    if html is not None:
        check_beside(html, files, model)
    pages = []
    for texts in given_batches(files, sentence, text_column, quiet, options, 64):
        for text in texts:
            found = classifier.explain(text, None if label is None else known[label])
            if html is not None:
                pages.append(found)
            if as_json:
                click.echo(json_line(found.to_dict()))
            elif not (quiet and html is not None):
                _show(found)
    if html is not None:
        with atomic_write(html, "w") as file:
            file.write(page(pages))


def _show(found: Any) -> None:
    click.echo(f"{found.label} {found.probability:.1%}: {' '.join(found.to_ansi().split())}")
    for what, words in zip(("for", "against"), found.strongest(), strict=True):
        if words:
            click.echo(f"  {what}: " + ", ".join(f"{word.token.strip()} {word.value:+.2f}" for word in words))
