"""What commands read: text files, and texts with or without labels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

import click

from recurra.cli.options import encoding_option, stdin_is_terminal

Command = TypeVar("Command", bound=Callable[..., Any])


def reading_options(labelled: bool) -> Callable[[Command], Command]:
    """The options that say how files of texts are read: --format, --text, --encoding and, where labelled, --label."""

    def add(command: Command) -> Command:
        command = encoding_option(command)
        if labelled:
            command = click.option(
                "--label", "label_column", default="label", show_default=True, metavar="NAME",
                help="Column (CSV, TSV) or key (JSONL) of the label.",
            )(command)  # fmt: skip
        command = click.option(
            "--text", "text_column", default="text", show_default=True, metavar="NAME",
            help="Column (CSV, TSV) or key (JSONL) of the text.",
        )(command)  # fmt: skip
        plain = "label, tab, text" if labelled else "a text"
        return click.option(
            "--format",
            "file_format",
            type=click.Choice(["csv", "tsv", "jsonl", "text"]),
            help=f'Of the files; "text" holds {plain} on each line  [default: by the file\'s ending, also before .gz, '
            ".bz2 or .xz; text for standard input]",
        )(command)

    return add


def read_text_files(files: Sequence[str], encoding: str) -> str:
    """The files' texts, one after the other; "-" is standard input."""
    from recurra.utils.io import read_text

    return "\n".join(read_text(file, encoding) for file in files)


def read_labelled(
    files: Sequence[str], options: Mapping[str, Any], known: Sequence[str] | None = None
) -> tuple[list[str], list[str]]:
    """Texts and labels of all files.

    known : the labels that may occur; None allows any
    """
    from recurra.utils.io import read_examples

    texts: list[str] = []
    labels: list[str] = []
    for file in files:
        found = read_examples(
            file, text=options["text_column"], label=options["label_column"], format=options["file_format"],
            encoding=options["encoding"], known=known,
        )  # fmt: skip
        texts += found.texts
        labels += found.labels or []
    return texts, labels


def text_batches(files: Sequence[str], options: Mapping[str, Any], size: int) -> Iterator[list[str]]:
    """The files' texts in lists of up to `size`; lines that a person types come one by one, as they are typed."""
    from recurra.utils.io import file_format, read_examples

    for file in files:
        if file_format(file, options["file_format"]) == "text":
            yield from _line_batches(file, options["encoding"], size)
            continue
        texts = read_examples(
            file, text=options["text_column"], label=None, format=options["file_format"], encoding=options["encoding"]
        ).texts
        for at in range(0, len(texts), size):
            yield texts[at : at + size]


def _line_batches(file: str, encoding: str, size: int) -> Iterator[list[str]]:
    from recurra.utils.io import display_name, iter_lines

    typed = file == "-" and stdin_is_terminal()
    lines, some = iter_lines(file, encoding), typed
    while batch := list(islice(lines, 1 if typed else size)):
        some = True
        yield batch
    if not some:
        raise ValueError(f"{display_name(file)} holds no text: give at least one line")
