"""``recurra answer``: answers to questions about short stories."""

# ruff: noqa: D301 - click takes \b in a docstring for lines that stay as they are
from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recurra.cli.errors import Group
from recurra.cli.options import (
    encoding_option,
    history_option,
    item_bar,
    json_option,
    learning_rate_option,
    open_checkpoint,
    out_option,
    quiet_option,
    refuse_blank,
    resume_options,
    save_training,
    seed_option,
    share_option,
    size_option,
)
from recurra.cli.parallel import jobs_option, predicted
from recurra.cli.plots import LOSSES, check_plot, plot_option
from recurra.cli.results import json_line
from recurra.layers import LAYER_OF_CELL

if TYPE_CHECKING:
    from recurra.tasks.stories import StoryQuestion

_model_file = click.argument("model", type=click.Path(path_type=Path), metavar="MODEL")
_files = click.argument("files", nargs=-1, required=True, type=click.Path(allow_dash=True), metavar="FILE...")


@click.group(cls=Group, short_help="Learn to answer questions about short stories.")
def answer() -> None:
    """Learn to answer questions about short stories, as in the bAbI tasks.

    \b
    Examples:
      recurra answer train qa1_train.txt -o places.rsa
      recurra answer evaluate places.rsa qa1_test.txt
      recurra answer predict places.rsa -s "Mary went to the kitchen." -s "John left." -t "Where is Mary?"
    """


@answer.command(short_help="Train on stories with questions and answers.")
@_files
@out_option(".rsa")
@click.option(
    "--cell", type=click.Choice(list(LAYER_OF_CELL)), default="gru", show_default=True, help="The recurrent cell."
)
@size_option("--units", 32, "Size of the layer that reads a sentence.")
@size_option("--embedding", 32, "Width of a word's vector.")
@size_option("--hops", 2, "Passes over the story; an answer from n facts takes n.")
@share_option("--dropout", 0.0, "On sentences and before the scores.")
@size_option("--vocabulary", 20_000, "Words to know, at most.")
@size_option("--epochs", 20, "Passes over the questions, at most.")
@size_option("--patience", 5, "Stop after so many epochs without a better validation accuracy.")
@size_option("--batch-size", 32, "Questions in a step.")
@learning_rate_option(5e-3)
@share_option("--validation", 0.1, "Share of the stories, drawn at random, to hold out.")
@encoding_option
@plot_option(LOSSES)
@history_option
@resume_options
@seed_option("the training")
@quiet_option
@json_option("Print the result as one JSON object.")
def train(
    files: tuple[str, ...],
    out: Path,
    force: bool,
    vocabulary: int,
    epochs: int,
    patience: int,
    batch_size: int,
    learning_rate: float,
    validation: float,
    encoding: str,
    plot: Path | None,
    history: Path | None,
    resume: bool,
    checkpoint_minutes: float,
    quiet: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Train on stories with questions and answers ("-" is standard input) and write the model to FILE.

    Files are in the format of the bAbI tasks: numbered lines, of which 1 begins a new story; a question is followed by
    a tab and its answer, and perhaps by another tab and the numbers of the lines that tell. Ctrl-C (SIGTERM and SIGHUP
    too) stops after the batch and saves what was learned; --resume goes on exactly there, or where it was killed.

    \b
    Examples:
      recurra answer train qa1_train.txt -o places.rsa
      recurra answer train qa1_train.txt qa2_train.txt -o both.rsa --units 128 --epochs 40
    """
    from recurra.tasks import StoryAnswerer
    from recurra.tasks.stories import read_stories

    check_plot(plot, files, out, history)
    checkpoint = open_checkpoint(out, force, resume, checkpoint_minutes, files, history)
    questions = [one for file in files for one in read_stories(file, encoding=encoding)]
    model = StoryAnswerer(vocabulary_size=vocabulary, **options)
    record = model.fit(
        questions, validation=validation, epochs=epochs, batch_size=batch_size, learning_rate=learning_rate,
        patience=patience, verbose=0 if quiet else 1, checkpoint=checkpoint,
    )  # fmt: skip
    save_training(model, record, out, history, checkpoint, "nats/question", quiet, plot, as_json)


@answer.command(short_help="Answer questions about stories.")
@_model_file
@click.argument("files", nargs=-1, type=click.Path(allow_dash=True), metavar="[FILE]...")
@click.option("-s", "--sentence", multiple=True, metavar="TEXT", help="A sentence of a story, in order; repeatable.")
@click.option("-t", "--question", metavar="TEXT", help="The question about these sentences, instead of files.")
@json_option("An object for each question, with the answer's probability.")
@encoding_option
@jobs_option
@quiet_option
def predict(
    model: Path,
    files: tuple[str, ...],
    sentence: tuple[str, ...],
    question: str | None,
    as_json: bool,
    encoding: str,
    jobs: int,
    quiet: bool,
) -> None:
    """Answer questions: print an answer for each, in the order of the files.

    Without files it reads standard input. In a file a question is a line that ends in a question mark, or that a tab
    follows; answers behind the tab are not looked at. The memory does not grow with the files.

    \b
    Examples:
      recurra answer predict places.rsa -s "Mary went to the kitchen." -t "Where is Mary?"
      recurra answer predict places.rsa stories.txt > answers.txt
      recurra answer predict places.rsa stories.txt --json --jobs 2 > answers.jsonl
    """
    from recurra.tasks import StoryAnswerer
    from recurra.tasks.stories import StoryQuestion

    if files and (sentence or question is not None):
        raise click.UsageError("--sentence and --question cannot be given with files")
    if sentence and question is None:
        raise click.UsageError("--sentence needs a --question about the story")
    refuse_blank(sentence, "--sentence")
    if question is not None:
        refuse_blank([question], "--question")
    answerer = StoryAnswerer.load(model)
    batches = _batches(files or ("-",), encoding, 512 if jobs == 1 else 128)
    if question is not None:
        batches = iter([[StoryQuestion(list(sentence), question)]])
    with item_bar(None, " questions", quiet or question is not None or sys.stdout.isatty()) as advance:
        for asked, found in predicted(answerer, model, batches, jobs, "answers", advance):
            for one, answer in zip(asked, found, strict=True):
                if as_json:
                    result = {"question": one.text, "answer": answer.text, "probability": round(answer.probability, 6)}
                    click.echo(json_line(result))
                else:
                    click.echo(answer.text)


def _batches(files: tuple[str, ...], encoding: str, size: int) -> Iterator[list[StoryQuestion]]:
    from recurra.tasks.stories import iter_stories
    from recurra.utils.io import display_name

    for file in files:
        some = False
        found = iter_stories(file, answered=False, encoding=encoding)
        while batch := list(islice(found, size)):
            some = True
            yield batch
        if not some:
            raise ValueError(
                f"{display_name(file)} holds no question: a line is one where it ends in a question mark, or where a "
                "tab follows"
            )


@answer.command()
@_model_file
@_files
@encoding_option
@json_option("One JSON object.")
@quiet_option
def evaluate(model: Path, files: tuple[str, ...], encoding: str, as_json: bool, quiet: bool) -> None:
    """Compare a model's answers with the true ones.

    \b
    Examples:
      recurra answer evaluate places.rsa qa1_test.txt
      recurra answer evaluate places.rsa qa1_test.txt --json
    """
    from recurra.tasks import StoryAnswerer
    from recurra.tasks.stories import read_stories

    answerer = StoryAnswerer.load(model)
    questions = [one for file in files for one in read_stories(file, encoding=encoding)]
    with item_bar(len(questions), " questions", quiet) as advance:
        found = answerer.evaluate(questions, progress=advance)
    if as_json:
        click.echo(json_line(found._asdict()))
    else:
        click.echo(f"accuracy {found.accuracy:.2%}, loss {found.loss:.4f} nats/question, {found.questions:,} questions")
