"""``recurra lm perplexity`` and ``recurra lm inspect``: what a model makes of a text."""

# ruff: noqa: D301 - click takes \b in a docstring for lines that stay as they are
from __future__ import annotations

import os
from pathlib import Path

import click

from recurra.cli.inputs import read_text_files
from recurra.cli.options import (
    check_beside,
    encoding_option,
    item_bar,
    json_option,
    quiet_option,
    size_option,
)
from recurra.cli.results import json_line

text_files = click.argument("files", nargs=-1, required=True, type=click.Path(allow_dash=True), metavar="FILE...")
model_file = click.argument("model", type=click.Path(path_type=Path), metavar="MODEL")


@click.command(short_help="Say how well a model predicts a text.")
@model_file
@text_files
@size_option("--streams", 1, "Read so many stretches of a long text side by side: faster, each from a fresh start.")
@click.option(
    "--baseline",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True),
    help="The training text: say beside it how an n-gram model of it does.",
)
@json_option("One JSON object instead of a line of words.")
@encoding_option
@quiet_option
def perplexity(
    model: Path, files: tuple[str, ...], streams: int, baseline: str | None, as_json: bool, encoding: str, quiet: bool
) -> None:
    """Say how well a model predicts a text, by the chain rule over all its tokens.

    A perplexity of 4 means that the model was as unsure, on average, as between 4 equally likely tokens.

    \b
    Examples:
      recurra lm perplexity novel.rlm another.txt
      recurra lm perplexity novel.rlm another.txt --baseline novel.txt
      echo "to be or not to be" | recurra lm perplexity shakespeare.rlm - --json
    """
    from recurra.tasks import LanguageModel

    text = read_text_files(files, encoding)
    reader = LanguageModel.load(model)
    with item_bar(len(text) if reader.level == "char" else 0, " tokens", quiet) as advance:
        found = reader.perplexity(text, streams=streams, progress=advance)
    counted = None if baseline is None else reader.baseline(text, read_text_files((baseline,), encoding))
    if as_json:
        beside = {} if counted is None else {"baseline": counted._asdict()}
        click.echo(json_line({**found._asdict(), **beside}))
        return
    click.echo(
        f"perplexity {found.perplexity:.4g} a token: {found.loss:.4f} nats, {found.bits_per_character:.4f} bits a "
        f"character, over {found.tokens:,} tokens"
    )
    if counted is not None:
        click.echo(f"an n-gram model: perplexity {counted.perplexity:.4g}, {counted.loss:.4f} nats a token")
    if found.unknown:
        click.echo(f"{found.unknown:,} tokens are not in the model's vocabulary and count as unknown ones", err=True)


@click.command(short_help="Print a text coloured by what units of a model hold.")
@model_file
@text_files
@click.option(
    "--unit",
    "units",
    multiple=True,
    metavar="[LAYER:]UNIT",
    help="A unit to show, both counted from 1; may be given several times  [default: picked, see above]",
)
@size_option("--count", 3, "How many units to pick.")
@size_option("--length", 1000, "Tokens of the text to look at.")
@click.option(
    "--html", type=click.Path(path_type=Path), metavar="OUT.html", help="Write a page that shows each token's number."
)
@json_option("One JSON object with all numbers instead of the colours.")
@click.option(
    "--color/--no-color", default=None, help="Colours, or bare text  [default: colours on a terminal without NO_COLOR]"
)
@encoding_option
def inspect(
    model: Path, files: tuple[str, ...], units: tuple[str, ...], count: int, length: int, html: Path | None,
    as_json: bool, color: bool | None, encoding: str,
) -> None:  # fmt: skip
    """Print a text coloured by what single units of a model hold after each token: blue near 1, red near -1.

    A unit's number is tanh of its cell state where the cell has one, else its output. Without --unit, those are picked
    that are far from zero, on either side about equally often, and change their sign seldom, as one that follows
    quotes, lines or words does; of units that do much the same only one.

    \b
    Examples:
      recurra lm inspect novel.rlm novel.txt --length 600
      recurra lm inspect novel.rlm novel.txt --unit 17 --unit 2:40 --html units.html
      head -c 500 novel.txt | recurra lm inspect novel.rlm - --json
    """
    from recurra.files import atomic_write
    from recurra.tasks import LanguageModel
    from recurra.tasks.inspection import inspect_text

    if html is not None:
        check_beside(html, files, model)
    text = read_text_files(files, encoding)
    reader = LanguageModel.load(model)
    found = inspect_text(reader, text, [parse_unit(unit) for unit in units] or None, count=count, length=length)
    if html is not None:
        with atomic_write(html, "w") as file:
            file.write(found.to_html())
    if as_json:
        click.echo(json_line(found.to_dict()))
        return
    if color is None and os.environ.get("NO_COLOR"):
        color = False
    for i, (layer, unit) in enumerate(found.units):
        click.echo(click.style(f"layer {layer}, unit {unit}", bold=True), color=color)
        click.echo(found.coloured(i), color=color)


def parse_unit(text: str) -> tuple[int, int]:
    """(layer, unit) of "layer:unit", or of "unit" in the first layer."""
    layer, colon, unit = text.rpartition(":")
    try:
        return (int(layer) if colon else 1), int(unit)
    except ValueError:
        raise click.BadParameter(
            f"must be UNIT or LAYER:UNIT, two numbers, got {text!r}", param_hint="--unit"
        ) from None
