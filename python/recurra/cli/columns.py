"""Which columns of a file hold the text and the label, where no option says so."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import click

from recurra.cli.errors import InputError
from recurra.cli.standard_streams import say
from recurra.utils.examples import Columns

TEXT = ("text", "sentence", "review", "comment", "content", "message", "body", "tweet", "document", "phrase", "title")
LABEL = ("label", "sentiment", "class", "category", "polarity", "target", "rating", "stars", "topic", "tag")


def column_finder(
    text: str | None, label: str | None, group: str | None, *, labelled: bool, quiet: bool, plain: bool = False
) -> Callable[[str], Callable[[list[str]], Columns]]:
    """What ``iter_examples`` asks for the columns of a file, by the file's name.

    text, label, group : names that were given, or None: of text and label the only column that is called as one may be
    labelled : whether a label is wanted
    quiet : whether the columns that were found stay unsaid
    plain : whether the columns "text" and "label" are taken where others may be meant too
    """

    def of_file(name: str) -> Callable[[list[str]], Columns]:
        def choose(there: list[str]) -> Columns:
            if not there:  # a plain text file
                return Columns(text or "text", (label or "label") if labelled else None, group)
            found = Columns(
                text or _only(name, there, "text", TEXT, plain),
                (label or _only(name, there, "label", LABEL, plain)) if labelled else None,
                group,
            )
            if found.text == found.label:
                raise InputError(f"{name}: text and label must be different columns, got {found.text!r} for both")
            taken = [f"text from {found.text!r}"] if text is None else []
            taken += [f"label from {found.label!r}"] if labelled and label is None else []
            if taken and not quiet:
                say(f"{name}: {', '.join(taken)}")
            return found

        return choose

    return of_file


def _only(name: str, there: Sequence[str], what: str, names: Sequence[str], plain: bool) -> str:
    """The one column that is called like a text or a label; where `plain`, first that of exactly this name."""
    if plain and what in there:
        return what
    found = [column for column in there if column.strip().lower() in names]
    if len(found) == 1:
        return found[0]
    listed = ", ".join(map(repr, there[:12])) + (", ..." if len(there) > 12 else "")
    if found:
        which = " and ".join(map(repr, found))
        raise InputError(f"{name}: the {what} may be in the columns {which}: say which with --{what} NAME")
    raise InputError(
        f"{name}: no column is called like a {what} ({', '.join(names[:4])}, ...), there are {listed or 'none'}: say "
        f"which one it is with --{what} NAME{_other_separator(there)}"
    )


def _other_separator(there: Sequence[str]) -> str:
    """What to say of a first row that is one name because something else separates the columns."""
    if len(there) == 1 and "\t" in there[0]:
        return "; it holds tabs: is it --format tsv?"
    if len(there) == 1 and (found := next((mark for mark in ";|" if mark in there[0]), "")):
        return f"; it holds {found!r}: columns are separated by commas, or by tabs with --format tsv"
    return ""


def column_options(labelled: bool) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """``--text`` and, where labelled, ``--label``, each found where it is left out."""

    def add(command: Callable[..., None]) -> Callable[..., None]:
        if labelled:
            command = click.option(
                "--label", "label_column", metavar="NAME",
                help="Column (CSV, TSV) or key (JSONL) of the label  [default: the only one called label, sentiment, "
                "class, category, ...]",
            )(command)  # fmt: skip
        return click.option(
            "--text", "text_column", metavar="NAME",
            help="Column (CSV, TSV) or key (JSONL) of the text  [default: the only one called text, sentence, review, "
            "comment, ...]",
        )(command)  # fmt: skip

    return add
