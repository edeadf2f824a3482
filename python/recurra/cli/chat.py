"""``recurra chat``: answers to prompts."""

# ruff: noqa: D301 - click takes \b in a docstring for lines that stay as they are
from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from recurra.cli.errors import Group
from recurra.cli.inputs import in_batches
from recurra.cli.options import (
    Number,
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
    size_option,
    stdin_is_terminal,
)
from recurra.cli.pair_options import pair_options, read_pair_files
from recurra.cli.parallel import jobs_option, predicted
from recurra.cli.plots import LOSSES, check_plot, plot_option
from recurra.cli.results import json_line

_model_file = click.argument("model", type=click.Path(path_type=Path), metavar="MODEL")
_beam_option = size_option("--beam", 1, "Width of the search for the answer; 1 is greedy.")


@click.group(cls=Group)
def chat() -> None:
    """Learn answers to prompts, and talk.

    \b
    Examples:
      recurra chat train talk.tsv -o talk.rct
      recurra chat talk talk.rct
      echo "Who are you?" | recurra chat talk talk.rct --json
      recurra chat evaluate talk.rct test.tsv
    """


@chat.command(short_help="Train a bot on prompts and answers.")
@click.argument("files", nargs=-1, required=True, type=click.Path(allow_dash=True), metavar="FILE...")
@out_option(".rct")
@pair_options
@size_option("--units", 256, "Size of the decoder's recurrent layers.")
@size_option("--embedding", 128, "Width of a word's vector.")
@size_option("--epochs", 60, "Passes over the pairs.")
@size_option("--batch-size", 32, "Pairs in a step.")
@learning_rate_option(5e-3)
@click.option(
    "--least-similarity",
    type=Number(0, 1),
    default=0.6,
    show_default=True,
    help="Decline prompts that share less than this with every trained one.",
)
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
    units: int,
    embedding: int,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    least_similarity: float,
    plot: Path | None,
    history: Path | None,
    seed: int | None,
    quiet: bool,
    as_json: bool,
    resume: bool,
    checkpoint_minutes: float,
    **options: Any,
) -> None:
    """Train a bot on prompts and answers ("-" is standard input) and write it to FILE.

    A line holds a prompt, a tab and its answer. CSV and JSONL work too, and ChatterBot's YAML files (extra
    recurra[chat]), where each turn answers the one before it. --resume goes on where a training was stopped.

    \b
    Examples:
      recurra chat train talk.tsv -o talk.rct
      recurra chat train english/*.yml -o english.rct --seed 1
    """
    from recurra.tasks import ChatBot

    check_plot(plot, files, out, history)
    checkpoint = open_checkpoint(out, force, resume, checkpoint_minutes, files, history)
    prompts, answers = read_pair_files(files, options)
    bot = ChatBot(units=units, embedding=embedding, least_similarity=least_similarity, seed=seed)
    record = bot.fit(
        prompts, answers, epochs=epochs, batch_size=batch_size, learning_rate=learning_rate,
        verbose=0 if quiet else 1, checkpoint=checkpoint,
    )  # fmt: skip
    save_training(bot, record, out, history, checkpoint, "nats/token", quiet, plot, as_json)


@chat.command(short_help="Answer prompts, a line for each.")
@_model_file
@click.argument("file", default="-", type=click.Path(allow_dash=True), metavar="[FILE]")
@click.option("-t", "--prompt", multiple=True, metavar="TEXT", help="A prompt, instead of a file; repeatable.")
@click.option(
    "--declined",
    default="I do not know what to say to that.",
    show_default=True,
    metavar="TEXT",
    help="What to print where the bot has no answer.",
)
@_beam_option
@json_option("A JSON object for each prompt; the answer may be null.")
@encoding_option
@jobs_option
@quiet_option
def talk(
    model: Path,
    file: str,
    prompt: tuple[str, ...],
    declined: str,
    beam: int,
    as_json: bool,
    encoding: str,
    jobs: int,
    quiet: bool,
) -> None:
    """Answer prompts, a line for each, from standard input, a file or the command line.

    Blank lines are passed over. The memory does not grow with the file. "predict" is another name of this command.

    \b
    Examples:
      recurra chat talk talk.rct
      recurra chat talk talk.rct -t "Who are you?"
      recurra chat talk talk.rct prompts.txt --json > answers.jsonl
      recurra chat talk talk.rct prompts.txt --jobs 2 > answers.txt
    """
    from recurra.limits import SENTENCE
    from recurra.tasks import ChatBot
    from recurra.utils.io import iter_lines

    if prompt and file != "-":
        raise click.UsageError("--prompt cannot be given with a file")
    refuse_blank(prompt, "--prompt")
    bot = ChatBot.load(model)
    typed = not prompt and file == "-" and stdin_is_terminal()
    if typed:
        click.echo("Type a line; Ctrl-D ends.", err=True)
    lines = (line.strip() for line in prompt or iter_lines(file, encoding, longest=SENTENCE) if line.strip())
    batches = in_batches(lines, 1 if file == "-" and jobs == 1 else 64)
    with item_bar(None, " prompts", quiet or file == "-" or sys.stdout.isatty()) as advance:
        for prompts, replies in predicted(bot, model, batches, jobs, "replies", advance, beam=beam):
            for one, reply in zip(prompts, replies, strict=True):
                if as_json:
                    click.echo(json_line({"prompt": one, **reply._asdict()}))
                else:
                    click.echo(declined if reply.text is None else " ".join(reply.text.split("\n")))


chat.add_command(talk, "predict")  # as the other tasks call it


@chat.command(short_help="Compare a bot's answers with the true ones.")
@_model_file
@click.argument("files", nargs=-1, required=True, type=click.Path(allow_dash=True), metavar="FILE...")
@pair_options
@_beam_option
@json_option("All numbers as one JSON object.")
@quiet_option
def evaluate(model: Path, files: tuple[str, ...], beam: int, as_json: bool, quiet: bool, **options: Any) -> None:
    """Compare a bot's answers with the true ones ("-" is standard input).

    All answers to a prompt in the files are right ones.

    \b
    Examples:
      recurra chat evaluate talk.rct talk.tsv
      recurra chat evaluate talk.rct test.jsonl --source prompt --target answer --json
    """
    from recurra.tasks import ChatBot

    bot = ChatBot.load(model)
    prompts, answers = read_pair_files(files, options)
    with item_bar(len(set(prompts)), " prompts", quiet) as advance:
        found = bot.evaluate(prompts, answers, beam=beam, progress=advance)
    if as_json:
        click.echo(json_line(found._asdict()))
        return
    click.echo(
        f"{found.exact:.2%} of {found.prompts:,} prompts answered as told, {found.declined:.2%} declined; "
        f"loss {found.loss:.4f} nats/token over {found.pairs:,} pairs"
    )
