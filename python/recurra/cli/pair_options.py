"""Options of the commands that learn from pairs of texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import click

from recurra.cli.options import Integer, Number, encoding_option, learning_rate_option, share_option, size_option
from recurra.layers import LAYER_OF_CELL

Command = TypeVar("Command", bound=Callable[..., Any])
_Option = Callable[[Any], Any]


def _together(*options: _Option) -> Callable[[Command], Command]:
    def add(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def pair_options(command: Command) -> Command:
    """How files of pairs are read: --format, --source, --target, --encoding."""
    return _together(
        click.option(
            "--format", "file_format", type=click.Choice(["tab", "csv", "jsonl", "chatterbot"]),
            help="Of the files  [default: by the file's ending; tab, a pair a line, for others and standard input]",
        ),
        click.option(
            "--source", default="source", show_default=True, metavar="NAME",
            help="Column, named in the first line, or key (JSONL).",
        ),
        click.option(
            "--target", default="target", show_default=True, metavar="NAME",
            help="Column, named in the first line, or key (JSONL).",
        ),
        encoding_option,
    )(command)  # fmt: skip


def read_pair_files(files: Sequence[str], options: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Sources and targets of all files."""
    from recurra.tasks.pair_files import read_pairs

    sources: list[str] = []
    targets: list[str] = []
    for file in files:
        left, right = read_pairs(
            file, format=options["file_format"], source=options["source"], target=options["target"],
            encoding=options["encoding"],
        )  # fmt: skip
        sources += left
        targets += right
    return sources, targets


def network_options(units: int, embedding: int, dropout: float) -> Callable[[Command], Command]:
    """What the network is made of, with these defaults."""
    return _together(
        click.option(
            "--level", type=click.Choice(["word", "char", "subword"]), default="word", show_default=True,
            help="What a token is; subwords need recurra[tokenizers].",
        ),
        click.option(
            "--attention", type=click.Choice(["bilinear", "dot", "additive", "none"]), default="bilinear",
            show_default=True, help="How the decoder looks at the source.",
        ),
        click.option("--input-feeding", is_flag=True, help="Feed what was attended to into the next step; slower."),
        click.option(
            "--cell", type=click.Choice(list(LAYER_OF_CELL)), default="lstm", show_default=True,
            help="The recurrent cell.",
        ),
        size_option("--units", units, "Size of the decoder's layers."),
        size_option("--layers", 1, "Of encoder and decoder each."),
        size_option("--embedding", embedding, "Width of a token's vector."),
        share_option("--dropout", dropout, "On token vectors, between layers and before the scores."),
        click.option(
            "--vocabulary", type=Integer(min=3), default=10_000, show_default=True, help="Tokens to know, at most."
        ),
    )  # fmt: skip


def training_options(epochs: int, learning_rate: float, validation: float) -> Callable[[Command], Command]:
    """How it is trained, with these defaults."""
    return _together(
        size_option("--epochs", epochs, "Passes over the pairs, at most."),
        size_option("--patience", 2, "Stop after so many epochs without a better validation loss."),
        click.option(
            "--batch-size", type=Integer(min=1), help="Pairs in a step  [default: 128, less for few pairs]",
        ),
        learning_rate_option(learning_rate),
        click.option(
            "--teacher-forcing", type=Number(0, 1), nargs=2, default=(1.0, 1.0), show_default=True,
            metavar="FIRST LAST", help="Share of true inputs of the decoder in the first and in the last epoch.",
        ),
        size_option("--maxlen", 100, "Pairs with more tokens on a side are left out."),
        share_option("--validation", validation, "Share of the distinct sources, drawn at random, to hold out."),
    )  # fmt: skip


def beam_options(command: Command) -> Command:
    """How translations are searched for."""
    return _together(
        size_option("--beam", 4, "Width of the search; 1 is greedy."),
        click.option(
            "--length-penalty", type=Number(min=0), default=1.0, show_default=True,
            help="Rank by log p / n**A for n tokens; more favours longer ones.",
        ),
        click.option(
            "--early-stopping", is_flag=True,
            help="End as soon as so many translations as the beam is wide are complete: faster, perhaps worse.",
        ),
    )(command)  # fmt: skip
