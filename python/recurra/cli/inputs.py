"""What commands read: text files, and texts with or without labels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from recurra.cli.options import encoding_option, stdin_is_terminal
from recurra.limits import LINE

if TYPE_CHECKING:
    from recurra.utils.examples import Columns

Command = TypeVar("Command", bound=Callable[..., Any])
ColumnFinder = Callable[[str], "Callable[[list[str]], Columns]"]

_CHARACTERS = 4_000_000
"""The most characters in a batch of texts, but for the last text."""


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
        return format_option(labelled)(command)

    return add


def format_option(labelled: bool) -> Callable[[Command], Command]:
    """``--format``, of files of texts."""
    plain = "label, tab, text" if labelled else "a text"
    return click.option(
        "--format",
        "file_format",
        type=click.Choice(["csv", "tsv", "jsonl", "text"]),
        help=f'Of the files; "text" holds {plain} on each line  [default: by the file\'s ending, also before .gz, '
        ".bz2 or .xz; text for standard input]",
    )


def read_text_files(files: Sequence[str], encoding: str) -> str:
    """The files' texts, one after the other; "-" is standard input."""
    from recurra.utils.io import read_text

    return "\n".join(read_text(file, encoding) for file in files)


class Labelled(NamedTuple):
    """Texts with their labels, and with their groups where these were asked for."""

    texts: list[str]
    labels: list[str]
    groups: list[str] | None


def read_labelled(
    files: Sequence[str],
    options: Mapping[str, Any],
    known: Sequence[str] | None = None,
    find: ColumnFinder | None = None,
) -> Labelled:
    """Texts and labels of all files.

    known : the labels that may occur; None allows any
    find : from a file's name to what chooses its columns; None takes those that the options name
    """
    from recurra.utils.examples import iter_examples
    from recurra.utils.io import display_name

    texts: list[str] = []
    labels: list[str] = []
    groups: list[str] = []
    for file in files:
        columns = _named(options, labelled=True) if find is None else find(display_name(file))
        for one in iter_examples(
            file, columns, format=options["file_format"], encoding=options["encoding"], known=known,
            longest=LINE,
        ):  # fmt: skip
            texts.append(one.text)
            labels.append(one.label)
            groups.append(one.group)
    return Labelled(texts, labels, groups if any(groups) else None)


def text_batches(
    files: Sequence[str],
    options: Mapping[str, Any],
    size: int,
    find: ColumnFinder | None = None,
    blank: bool = False,
    longest: int = LINE,
) -> Iterator[list[str]]:
    """The files' texts in lists of up to `size`; lines that a person types come one by one, as they are typed.

    The memory does not grow with the files: a list is shorter where its texts are long.
    find : as in :func:`read_labelled`
    blank : whether blank lines of plain text come too, as empty texts
    longest : the most characters of a text; a longer one is an error that names file and line
    """
    from recurra.utils.examples import iter_examples
    from recurra.utils.io import display_name, file_format

    for file in files:
        if file_format(file, options["file_format"]) == "text":
            yield from _line_batches(file, options["encoding"], size, blank, longest)
            continue
        columns = _named(options, labelled=False) if find is None else find(display_name(file))
        rows = iter_examples(
            file, columns, format=options["file_format"], encoding=options["encoding"], longest=longest
        )
        yield from in_batches((one.text for one in rows), size)


def _named(options: Mapping[str, Any], labelled: bool) -> Columns:
    """The columns that the options name."""
    from recurra.utils.examples import Columns

    return Columns(options["text_column"], options["label_column"] if labelled else None)


def in_batches(texts: Iterable[str], size: int) -> Iterator[list[str]]:
    """Lists of up to `size` texts, shorter where the texts are long."""
    batch: list[str] = []
    characters = 0
    for text in texts:
        batch.append(text)
        characters += len(text)
        if len(batch) == size or characters > _CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch


def _line_batches(file: str, encoding: str, size: int, blank: bool, longest: int) -> Iterator[list[str]]:
    from recurra.utils.io import display_name, iter_lines

    typed = file == "-" and stdin_is_terminal()
    some = typed
    for batch in in_batches(iter_lines(file, encoding, blank, longest), 1 if typed else size):
        some = True
        yield batch
    if not some:
        raise ValueError(f"{display_name(file)} holds no text: give at least one line")
