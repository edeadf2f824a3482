"""``recurra tag``: a label for each word."""

# ruff: noqa: D301 - click takes \b in a docstring for lines that stay as they are
from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from recurra.cli.errors import Group
from recurra.cli.options import (
    Integer,
    Number,
    encoding_option,
    history_option,
    item_bar,
    json_option,
    learning_rate_option,
    on_command_line,
    open_checkpoint,
    out_option,
    quiet_option,
    refuse_blank,
    resume_options,
    save_training,
    seed_option,
    share_option,
    size_option,
    stdin_is_terminal,
)
from recurra.cli.parallel import jobs_option, predicted
from recurra.cli.plots import check_plot, plot_option
from recurra.cli.results import json_line
from recurra.layers import LAYER_OF_CELL

if TYPE_CHECKING:
    from recurra.tasks.conll import ColumnFormat, Sentence

Command = TypeVar("Command", bound=Callable[..., Any])

_model_file = click.argument("model", type=click.Path(path_type=Path), metavar="MODEL")
_files = click.argument("files", nargs=-1, required=True, type=click.Path(allow_dash=True), metavar="FILE...")


def column_options(command: Command) -> Command:
    """The options that say how files of sentences are read: --format, --word, --label, --encoding."""
    command = encoding_option(command)
    command = click.option(
        "--label", "label_column", metavar="COLUMN",
        help="Column of the label: a number from 1, -1 for the last; in CoNLL-U a name too (xpos, feats)  [default: "
        "upos in CoNLL-U, else the last; for a trained model those that it was trained on]",
    )(command)  # fmt: skip
    command = click.option(
        "--word", "word_column", metavar="COLUMN",
        help="Column of the word: a number from 1, -1 for the last; in CoNLL-U a name too (lemma)  [default: form in "
        "CoNLL-U, else the first; for a trained model those that it was trained on]",
    )(command)  # fmt: skip
    return click.option(
        "--format",
        "file_format",
        type=click.Choice(["conllu", "columns", "text"]),
        help="Of the files: CoNLL-U; columns with a word a line and a blank line behind a sentence; text with a "
        "sentence a line, words separated by spaces  [default: by the ending, also before .gz, .bz2 or .xz: .conllu, "
        ".txt, others are columns; text for standard input]",
    )(command)


def resolved(file: str, options: dict[str, Any], notes: dict[str, Any]) -> ColumnFormat:
    """How to read a file: as the options say, else with the columns that the model was trained on."""
    from recurra.tasks.conll import column_format, format_of

    kind = options["file_format"] or format_of(file)
    word, label = options["word_column"], options["label_column"]
    if notes.get("format") == kind:
        word, label = word or notes.get("word"), label or notes.get("label")
    return column_format(kind, word, label)


def read_tagged(
    files: Sequence[str], options: dict[str, Any], notes: dict[str, Any]
) -> tuple[list[list[str]], list[list[str]]]:
    """Words and labels of all sentences of some files."""
    from recurra.tasks.conll import read_file

    sentences, labels = [], []
    for file in files:
        form = resolved(file, options, notes)
        if form.kind == "text":
            raise click.UsageError(f"{file}: plain text has no labels: say how it is written with --format")
        for sentence in read_file(file, form, options["encoding"], labelled=True):
            if sentence.words:
                sentences.append(sentence.words)
                labels.append(sentence.labels)
    return sentences, labels


def numbered(column: int) -> int:
    """A column's number as the options have it: from 1, or -1 for the last."""
    return column + 1 if column >= 0 else column


@click.group(cls=Group, short_help="Learn a label for each word: parts of speech, names.")
def tag() -> None:
    """Learn a label for each word: parts of speech, names, or any labels of your own.

    \b
    Examples:
      recurra tag train en-train.conllu -o english.rst --dev en-dev.conllu
      recurra tag evaluate english.rst en-test.conllu
      echo "The old man the boat ." | recurra tag predict english.rst
    """


@tag.command(short_help="Train a tagger on labelled sentences.")
@_files
@out_option(".rst")
@column_options
@click.option(
    "--dev", "dev_files", multiple=True, type=click.Path(), metavar="FILE",
    help="Labelled sentences to choose the best epoch by, instead of a share of FILE; repeatable.",
)  # fmt: skip
@share_option("--validation", 0.1, "Share of the sentences, drawn at random, to hold out where there is no --dev.")
@click.option(
    "--vectors", type=click.Path(), metavar="FILE",
    help="Pretrained word vectors as text (word2vec's or GloVe's format, also .gz, .bz2, .xz).",
)  # fmt: skip
@click.option(
    "--cell", type=click.Choice(list(LAYER_OF_CELL)), default="lstm", show_default=True, help="The recurrent cell."
)
@size_option("--units", 200, "Size of each recurrent layer, in each direction.")
@size_option("--layers", 2, "Recurrent layers.")
@size_option("--embedding", 64, "Width of a word's learned vector.")
@click.option(
    "--characters", type=Integer(min=0), default=50, show_default=True,
    help="Size of the layer that reads a word's characters, in each direction; 0 for none.",
)  # fmt: skip
@share_option("--dropout", 0.4, "On what each layer is given.")
@click.option("--locked-dropout", is_flag=True, help="Drop the same features at every word of a sentence.")
@share_option("--recurrent-dropout", 0.0, "On the state inside of each recurrent layer.")
@click.option(
    "--word-dropout", type=Number(min=0), default=0.25, show_default=True, metavar="A",
    help="A word seen N times is read as an unknown one A / (A + N) of the time; N is 0 for rare ones.",
)  # fmt: skip
@click.option(
    "--crf/--no-crf", default=None,
    help="Whether whole sequences of labels are scored together  [default: where they mark spans (BIO)]",
)  # fmt: skip
@size_option("--vocabulary", 50_000, "Words to learn vectors for, at most.")
@click.option(
    "--rare", type=Integer(min=1), default=2, show_default=True, metavar="N",
    help="Words seen less often than N times have no vector of their own.",
)  # fmt: skip
@size_option("--epochs", 15, "Passes over the sentences, at most.")
@size_option("--patience", 5, "Stop after so many epochs without a better validation accuracy.")
@click.option("--batch-size", type=Integer(min=1), help="Sentences in a step  [default: 32, less for few sentences]")
@learning_rate_option(2e-3)
@share_option("--averaging", 0.998, "Momentum of a moving average of the weights, kept in their place; 0 for none.")
@plot_option("losses and accuracies of all epochs")
@history_option
@resume_options
@seed_option("the training")
@quiet_option
@json_option("Print the result as one JSON object.")
def train(
    files: tuple[str, ...],
    out: Path,
    force: bool,
    file_format: str | None,
    word_column: str | None,
    label_column: str | None,
    encoding: str,
    dev_files: tuple[str, ...],
    validation: float,
    vectors: str | None,
    vocabulary: int,
    epochs: int,
    patience: int,
    batch_size: int | None,
    learning_rate: float,
    averaging: float,
    plot: Path | None,
    history: Path | None,
    resume: bool,
    checkpoint_minutes: float,
    seed: int | None,
    quiet: bool,
    as_json: bool,
    **network: Any,
) -> None:
    """Train a tagger on labelled sentences ("-" is standard input) and write it to FILE.

    Files hold a word a line and a blank line behind each sentence, as CoNLL-U and the CoNLL tasks have them. The
    weights of the epoch with the best validation accuracy are kept. Words that the files do not hold are read by their
    characters, and by their pretrained vectors where --vectors has some. Ctrl-C (SIGTERM and SIGHUP too) stops after
    the batch and saves what was learned; --resume goes on exactly there, or where the training was killed.

    \b
    Examples:
      recurra tag train en-train.conllu -o english.rst --dev en-dev.conllu
      recurra tag train en-train.conllu -o fine.rst --label xpos --vectors glove.6B.50d.txt
      recurra tag train eng.train -o names.rst --dev eng.testa
      zcat train.conllu.gz | recurra tag train - --format conllu -o tagger.rst
    """
    from recurra.tasks import SequenceTagger

    if dev_files and on_command_line("validation"):
        raise click.UsageError("--validation cannot be given with --dev, which says what is held out")
    inputs = [*files, *dev_files, *([vectors] if vectors else [])]
    check_plot(plot, inputs, out, history)
    checkpoint = open_checkpoint(out, force, resume, checkpoint_minutes, inputs, history)
    options = {
        "file_format": file_format, "word_column": word_column, "label_column": label_column, "encoding": encoding,
    }  # fmt: skip
    sentences, labels = read_tagged(files, options, {})
    held_out: Any = read_tagged(dev_files, options, {}) if dev_files else validation
    tagger = SequenceTagger(vocabulary_size=vocabulary, seed=seed, **network)
    form = resolved(files[0], options, {})
    tagger.notes = {"format": form.kind, "word": numbered(form.word), "label": numbered(form.label)}
    record = tagger.fit(
        sentences, labels, validation=held_out, vectors=vectors,
        epochs=epochs, batch_size=batch_size, learning_rate=learning_rate, averaging=averaging, patience=patience,
        verbose=0 if quiet else 1, checkpoint=checkpoint,
    )  # fmt: skip
    save_training(tagger, record, out, history, checkpoint, "nats/word", quiet, plot, as_json)


@tag.command(short_help="Label the words of sentences.")
@_model_file
@click.argument("files", nargs=-1, type=click.Path(allow_dash=True), metavar="[FILE]...")
@click.option("-t", "--sentence", multiple=True, metavar="TEXT", help="Words to label, instead of files; repeatable.")
@column_options
@json_option("An object with words and labels for each sentence, on one line.")
@jobs_option
@quiet_option
def predict(
    model: Path,
    files: tuple[str, ...],
    sentence: tuple[str, ...],
    as_json: bool,
    jobs: int,
    quiet: bool,
    **options: Any,
) -> None:
    """Label the words of sentences, and print them as they came with the label's column replaced.

    Without files it reads standard input, a sentence a line; --format conllu reads CoNLL-U there. Of plain text a word
    and its label are printed on each line. Files of any size are read a part at a time.

    \b
    Examples:
      recurra tag predict english.rst new.conllu > tagged.conllu
      recurra tag predict english.rst -t "The old man the boat ."
      zcat web.conllu.gz | recurra tag predict english.rst --format conllu > tagged.conllu
      recurra tag predict english.rst lines.txt --jobs 2 --json > tagged.jsonl
    """
    from recurra.tasks import SequenceTagger
    from recurra.tasks.conll import TEXT, read_file, read_sentences

    if sentence and files:
        raise click.UsageError("--sentence cannot be given with files")
    tagger = SequenceTagger.load(model)
    sources: list[tuple[ColumnFormat, Iterator[Sentence], int]] = []
    if sentence:
        refuse_blank(sentence, "--sentence")
        sources = [(TEXT, read_sentences(sentence, TEXT), len(sentence))]
    for file in () if sentence else files or ("-",):
        form = resolved(file, options, tagger.notes)
        typed = file == "-" and stdin_is_terminal()
        sources.append((form, read_file(file, form, options["encoding"]), 1 if typed else 1024))
    with item_bar(None, " sentences", quiet or bool(sentence) or sys.stdout.isatty()) as advance:
        for form, found, size in sources:
            waiting: deque[Sentence] = deque()
            batches = _word_batches(found, size if jobs == 1 else min(size, 256), waiting)
            for _, labels in predicted(tagger, model, batches, jobs, "predict", advance):
                for row in labels:
                    while not waiting[0].words:
                        _write(waiting.popleft(), [], form, as_json)
                    _write(waiting.popleft(), row, form, as_json)
            for one in waiting:
                _write(one, [], form, as_json)


def _word_batches(found: Iterator[Sentence], size: int, waiting: deque[Sentence]) -> Iterator[list[list[str]]]:
    """The words of up to `size` sentences at a time; all sentences are put into `waiting`, those without words too."""
    while batch := list(islice(found, size)):
        waiting.extend(batch)
        if words := [one.words for one in batch if one.words]:
            yield words


def _write(sentence: Sentence, labels: list[str], form: ColumnFormat, as_json: bool) -> None:
    if as_json:
        click.echo(json_line({"words": sentence.words, "labels": labels}))
    else:
        click.echo(sentence.with_labels(labels, form), nl=False)


@tag.command(short_help="Compare a tagger's labels with the true ones.")
@_model_file
@_files
@column_options
@json_option("One JSON object instead of a table.")
@quiet_option
def evaluate(model: Path, files: tuple[str, ...], as_json: bool, quiet: bool, **options: Any) -> None:
    """Compare a tagger's labels with the true ones; of BIO labels whole spans, by the rules of conlleval.

    \b
    Examples:
      recurra tag evaluate english.rst en-test.conllu
      recurra tag evaluate names.rst eng.testb --json
    """
    from recurra.tasks import SequenceTagger

    tagger = SequenceTagger.load(model)
    sentences, labels = read_tagged(files, options, tagger.notes)
    with item_bar(len(sentences), " sentences", quiet) as advance:
        found = tagger.evaluate(sentences, labels, progress=advance)
    spans = found.spans
    if as_json:
        each = {name: scores._asdict() for name, scores in found.each.items()}
        whole = {**found._asdict(), "spans": None if spans is None else spans._asdict(), "each": each}
        click.echo(json_line(whole))
        return
    new = "" if found.unknown is None else f", {found.unknown:.2%} of those rare or missing in training"
    click.echo(f"accuracy {found.accuracy:.2%} of {found.words:,} words{new}; {found.sentences:,} sentences")
    if spans is not None:
        click.echo(f"spans: precision {spans.precision:.2%}, recall {spans.recall:.2%}, F1 {spans.f1:.2%}")
    width = max(map(len, [*found.each, "label"])) + 2
    click.echo(f"\n{'label':{width}}precision   recall       F1     true  predicted")
    for name, scores in found.each.items():
        shares = f"{scores.precision:9.2%}{scores.recall:9.2%}{scores.f1:9.2%}"
        click.echo(f"{name:{width}}{shares}{scores.true:9,}{scores.predicted:11,}")
