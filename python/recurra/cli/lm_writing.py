"""``recurra lm generate`` and ``recurra lm predict``: what a model writes, and the words that it expects."""

# ruff: noqa: D301 - click takes \b in a docstring for lines that stay as they are
from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recurra.cli.errors import InputError
from recurra.cli.inputs import in_batches
from recurra.cli.lm_reading import model_file
from recurra.cli.options import (
    Integer,
    Number,
    encoding_option,
    item_bar,
    json_option,
    on_command_line,
    quiet_option,
    seed_option,
    size_option,
    stdin_is_terminal,
)
from recurra.cli.parallel import jobs_option, predicted
from recurra.cli.results import json_line

if TYPE_CHECKING:
    from recurra.tasks import LanguageModel


@click.command()
@model_file
@click.option(
    "--prompt",
    "prompts",
    multiple=True,
    metavar="TEXT",
    help='Text to go on from; "-" reads it from standard input. Repeatable: the texts are then made side by side.',
)
@click.option(
    "--length",
    type=Integer(min=0),
    default=500,
    show_default=True,
    help="Tokens to write: characters, words or subwords, as the model was trained.",
)
@click.option(
    "--temperature",
    type=Number(min=0),
    default=0.8,
    show_default=True,
    help="1 writes as the model expects, less plays safer, 0 takes the most probable token each time.",
)
@click.option(
    "--top-k",
    type=Integer(min=0),
    default=0,
    show_default=True,
    help="Choose among the K most probable tokens; 0 for all.",
)
@click.option(
    "--top-p",
    type=Number(0, 1, min_open=True),
    default=1.0,
    show_default=True,
    help="Choose among the most probable tokens that together reach P.",
)
@click.option(
    "--repetition-penalty",
    type=Number(0, min_open=True),
    default=1.0,
    show_default=True,
    help="Above 1, tokens that occurred before become less probable; 1.2 avoids much repetition.",
)
@click.option(
    "--beam",
    type=Integer(min=0),
    default=0,
    metavar="WIDTH",
    help="Search for the most probable continuation instead of drawing one.",
)
@click.option(
    "--length-penalty",
    type=Number(min=0),
    default=1.0,
    show_default=True,
    help="With --beam and --stop: rank by log p / n**A for n tokens; more favours longer ones.",
)
@click.option(
    "--early-stopping",
    is_flag=True,
    help="With --beam and --stop: end as soon as so many texts as the beam is wide have reached a --stop.",
)
@click.option(
    "--stop", multiple=True, metavar="TEXT", help="End a text before TEXT, if that comes before --length; repeatable."
)
@size_option("--count", 1, "How many texts of each prompt.")
@click.option("--echo/--no-echo", default=True, show_default=True, help="Begin with the prompt.")
@json_option("One JSON object a text, when it is whole.")
@encoding_option
@seed_option("the text")
def generate(
    model: Path,
    prompts: tuple[str, ...],
    length: int,
    temperature: float,
    top_k: int,
    top_p: float,
    repetition_penalty: float,
    beam: int,
    length_penalty: float,
    early_stopping: bool,
    stop: tuple[str, ...],
    count: int,
    echo: bool,
    as_json: bool,
    encoding: str,
    seed: int | None,
) -> None:
    """Write text with a trained model, as it comes.

    \b
    Examples:
      recurra lm generate novel.rlm
      recurra lm generate novel.rlm --prompt "It was" --length 200 --temperature 0.5 --seed 7
      recurra lm generate novel.rlm --top-p 0.9 --count 3
      recurra lm generate novel.rlm --prompt "The " --length 40 --beam 8
      recurra lm generate novel.rlm --prompt "The " --beam 8 --stop . --length-penalty 0.7
      recurra lm generate novel.rlm --prompt "He" --prompt "She" --stop . --json
    """
    from recurra.random import derive_seed
    from recurra.tasks import LanguageModel
    from recurra.tasks.stop_texts import check_stop
    from recurra.utils.io import decode, display_name, read_bytes

    drawing = on_command_line("temperature") or on_command_line("seed")
    if beam and (drawing or top_k or top_p < 1 or repetition_penalty != 1):
        raise click.UsageError(
            "--beam searches and draws nothing: leave out --temperature, --top-k, --top-p, --repetition-penalty "
            "and --seed"
        )
    if not beam and (on_command_line("length_penalty") or early_stopping):
        raise click.UsageError("--length-penalty and --early-stopping need --beam: they rank and end a search")
    check_stop(stop)
    if prompts.count("-") > 1:
        raise click.UsageError("--prompt - can be given once: standard input is read to its end")
    prompts = tuple(
        decode(read_bytes("-"), display_name("-"), encoding) if prompt == "-" else prompt for prompt in prompts
    )
    prompts = prompts or ("",)
    writer = LanguageModel.load(model)
    for prompt in prompts:
        warn_of_unknown(writer, prompt)
    pages = Pages(as_json, echo)
    if beam:
        for prompt in prompts:
            best = writer.search(
                prompt, length=length, width=max(beam, count), length_penalty=length_penalty,
                early_stopping=early_stopping, stop=stop,
            )  # fmt: skip
            for found in best[:count]:
                pages.whole({"prompt": prompt, "text": found.text, "score": round(found.score, 6)})
        return
    options: dict[str, Any] = {
        "length": length, "temperature": temperature, "top_k": top_k, "top_p": top_p,
        "repetition_penalty": repetition_penalty, "stop": stop,
    }  # fmt: skip
    first = derive_seed() if seed is None else seed
    for i in range(count):
        own = (first + i) % 2**63
        if len(prompts) == 1 and not as_json:
            pages.streamed(prompts[0], writer.stream(prompts[0], seed=own, **options))
            continue
        for prompt, text in zip(prompts, writer.generate(list(prompts), seed=own, **options), strict=True):
            pages.whole({"prompt": prompt, "text": text, "seed": own})


class Pages:
    """Texts on standard output: lines between them, or a JSON object for each."""

    def __init__(self, as_json: bool, echo: bool) -> None:
        self._as_json, self._echo, self._shown = as_json, echo, 0

    def whole(self, found: dict[str, Any]) -> None:
        """A text that is whole."""
        if self._as_json:
            click.echo(json_line(found))
        else:
            self.streamed(found["prompt"], [found["text"]])

    def streamed(self, prompt: str, pieces: Iterable[str]) -> None:
        """A text that comes in pieces."""
        if self._shown:
            click.echo("-" * 60)
        self._shown += 1
        click.echo(prompt if self._echo else "", nl=False)
        for piece in pieces:
            click.echo(piece, nl=False)
        click.echo()


def warn_of_unknown(model: LanguageModel, text: str) -> None:
    """Say which words of a text the model does not know: it reads each of them as the same unknown one."""
    unknown = [] if model.level == "char" or model.vocabulary is None else model.vocabulary.unknown(text)
    if unknown:
        shown = ", ".join(repr(word.strip(" ")) for word in unknown[:5]) + (", ..." if len(unknown) > 5 else "")
        click.echo(f"not in the model's vocabulary, read as unknown: {shown}", err=True)


def readable(model: LanguageModel, lines: Iterable[str]) -> Iterator[str]:
    """The lines, up to one with characters that a model of characters has not learned, which is an error."""
    for line in lines:
        if model.level == "char" and model.vocabulary is not None and (unknown := model.vocabulary.unknown(line)):
            shown = ", ".join(map(repr, unknown[:5])) + (", ..." if len(unknown) > 5 else "")
            raise InputError(f"the text the model was trained on has no {shown}, as in {line[:40]!r}: leave them out")
        yield line


@click.command(short_help="Say what may come next after a text.")
@model_file
@click.argument("file", default="-", type=click.Path(allow_dash=True), metavar="[FILE]")
@click.option("-t", "--text", "texts", multiple=True, metavar="TEXT", help="A text, instead of a file; repeatable.")
@size_option("--count", 5, "Words to name, at most.")
@json_option("A JSON object for each text.")
@encoding_option
@jobs_option
@quiet_option
def predict(
    model: Path, file: str, texts: tuple[str, ...], count: int, as_json: bool, encoding: str, jobs: int, quiet: bool
) -> None:
    """Say what may come next after each line of a file, of standard input, or each --text, the most probable first.

    For a model of characters: what goes up to the end of the word; of words or subwords: the next token. A line of
    output holds the words and their probabilities, tabs between them. The memory does not grow with the file.

    \b
    Examples:
      recurra lm predict novel.rlm -t "It was a dark and"
      recurra lm predict novel.rlm beginnings.txt --count 3 --json > words.jsonl
      echo "To be or not to" | recurra lm predict shakespeare.rlm
    """
    from recurra.tasks import LanguageModel
    from recurra.utils.io import iter_lines

    if texts and file != "-":
        raise click.UsageError("--text cannot be given with a file")
    reader = LanguageModel.load(model)
    if not texts and file == "-" and stdin_is_terminal():
        click.echo("Type a line; Ctrl-D ends.", err=True)
    lines = readable(reader, texts or iter_lines(file, encoding))
    batches = in_batches(lines, 1 if file == "-" and jobs == 1 else 64)
    with item_bar(None, " texts", quiet or file == "-" or sys.stdout.isatty()) as advance:
        for batch, found in predicted(reader, model, batches, jobs, "next_words_of", advance, count=count):
            for text, words in zip(batch, found, strict=True):
                if as_json:
                    listed = [{"word": word, "probability": share} for word, share in words]
                    click.echo(json_line({"text": text, "words": listed}))
                else:
                    click.echo(
                        "\t".join(f"{json.dumps(word, ensure_ascii=False)} {share:.4f}" for word, share in words)
                    )
