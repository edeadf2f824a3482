r"""Tagged sentences in column files: CoNLL-U, and others with a word a line and a blank line behind each sentence.

>>> import io
>>> lines = ["# text = A dog", "1\tA\ta\tDET\tDT\t_\t2\tdet\t_\t_", "2\tdog\tdog\tNOUN\tNN\t_\t0\troot\t_\t_", ""]
>>> sentence = next(read_sentences(lines, CONLLU))
>>> sentence.words, sentence.labels
(['A', 'dog'], ['DET', 'NOUN'])
>>> sentence.with_labels(["X", "Y"], CONLLU).splitlines()[1]
'1\tA\ta\tX\tDT\t_\t2\tdet\t_\t_'

Comments, multiword tokens (1-2), empty nodes (1.1) and all other columns stay as they are.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import sys
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from recurra.limits import SENTENCE
from recurra.typing import PathLike
from recurra.utils.io import display_name, stream_lines

#: CoNLL-U's ten columns by name
CONLLU_COLUMNS = ("id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")
FORMATS = ("conllu", "columns", "text")

_LONGEST = 4 * SENTENCE  # characters of a sentence's lines, with all columns

_PACKED: dict[str, Any] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}


class ColumnFormat(NamedTuple):
    """How sentences are written.

    kind : "conllu", "columns" (separated by tabs, or by spaces where a line has no tab) or "text" (a sentence a line,
        its words separated by spaces; without labels)
    word, label : the columns, from 0; negative ones count from the last
    """

    kind: str
    word: int
    label: int


CONLLU = ColumnFormat("conllu", 1, 3)
COLUMNS = ColumnFormat("columns", 0, -1)
TEXT = ColumnFormat("text", 0, 1)


class Sentence(NamedTuple):
    """One sentence as it stands in a file.

    words, labels : of its words; labels are "" where a line has no such column
    lines : all of its lines, without ends; places : which of them are words
    number : of its first line in the file, from 1
    """

    words: list[str]
    labels: list[str]
    lines: list[str]
    places: list[int]
    number: int

    def with_labels(self, labels: Sequence[str], form: ColumnFormat) -> str:
        """The sentence's lines with these labels in place of its own, and a blank line.

        Of a sentence of plain text: a word and its label, with a tab between, on each line.
        """
        if form.kind == "text":
            rows = [f"{word}\t{label}" for word, label in zip(self.words, labels, strict=True)]
            return "\n".join([*rows, "", ""])
        lines = list(self.lines)
        for place, label in zip(self.places, labels, strict=True):
            separator, fields = _fields(lines[place], form)
            if form.label < 0 and len(fields) < 2:
                fields.append(label)  # the word alone: its label goes behind it
            else:
                fields += ["_"] * (form.label + 1 - len(fields))
                fields[form.label] = label
            lines[place] = separator.join(fields)
        return "\n".join([*lines, "", ""])


def column_format(kind: str, word: str | int | None = None, label: str | int | None = None) -> ColumnFormat:
    """The format by name, with other columns where they are given.

    kind : "conllu", "columns" or "text"
    word, label : a column's number from 1, or -1 for the last one; in CoNLL-U also its name ("xpos")
    raises : ValueError for what is no column
    """
    if kind not in FORMATS:
        raise ValueError(f"format must be one of {', '.join(FORMATS)}, got {kind!r}")
    form = {"conllu": CONLLU, "columns": COLUMNS, "text": TEXT}[kind]
    if kind == "text":
        return form
    found = ColumnFormat(kind, _column(word, form.word, kind, "word"), _column(label, form.label, kind, "label"))
    if found.word == found.label:
        raise ValueError(f"the columns of words and labels must differ, got {word!r} and {label!r}")
    return found


def _column(value: str | int | None, default: int, kind: str, what: str) -> int:
    if value is None:
        return default
    if kind == "conllu" and isinstance(value, str) and value.lower() in CONLLU_COLUMNS:
        return CONLLU_COLUMNS.index(value.lower())
    try:
        number = int(value)
    except ValueError:
        number = 0
    most = len(CONLLU_COLUMNS) if kind == "conllu" else 1000
    if not (number == -1 or 1 <= number <= most):
        names = f" or one of {', '.join(CONLLU_COLUMNS)}" if kind == "conllu" else ""
        raise ValueError(
            f"the column of the {what} must be a number from 1 to {most}, -1 for the last{names}, got {value!r}"
        )
    return number - 1 if number > 0 else number


def format_of(path: PathLike) -> str:
    """The format that a file's name tells of: "conllu", "text" for .txt and standard input, else "columns"."""
    name = os.fspath(path).lower()
    stem, ending = os.path.splitext(name)
    if ending in _PACKED:
        ending = os.path.splitext(stem)[1]
    return {".conllu": "conllu", ".txt": "text"}.get(ending, "text" if name == "-" else "columns")


def read_file(
    path: PathLike, form: ColumnFormat, encoding: str = "utf-8", *, labelled: bool = False
) -> Iterator[Sentence]:
    """The sentences of a file, or of standard input for "-", one after the other; .gz, .bz2 and .xz are unpacked.

    labelled : refuse words without a label
    raises : OSError, or ValueError that names file and line
    """
    name = display_name(path)
    found = False
    for sentence in read_sentences(_lines(path, encoding), form, name):
        if labelled and not all(sentence.labels):
            place = sentence.places[sentence.labels.index("")]
            column = form.label + 1 if form.label >= 0 else -1
            raise ValueError(
                f"{name}, line {sentence.number + place}: no label in column {column} of "
                f"{sentence.lines[place][:60]!r}; pass word=COLUMN and label=COLUMN"
            )
        found = found or bool(sentence.words)
        yield sentence
    if not found:
        raise ValueError(f"{name} holds no sentence: it has no line with a word")


def read_sentences(lines: Iterable[str], form: ColumnFormat, name: str = "lines") -> Iterator[Sentence]:
    """Sentences from lines without ends; `name` is what errors call them."""
    kept: list[str] = []
    first, characters = 1, 0
    for number, line in enumerate(lines, 1):
        if form.kind == "text":
            if line.strip():
                words = line.split()
                yield Sentence(words, [""] * len(words), [line], [], number)
        elif line.strip():
            kept.append(line)
            characters += len(line)
            if characters > _LONGEST:
                raise ValueError(
                    f"{name}, line {first}: a sentence of more than {_LONGEST:,} characters begins here: is there a "
                    "blank line behind each sentence?"
                )
            continue
        elif kept:
            yield from _sentence(kept, form, name, first)
        kept, first, characters = [], number + 1, 0
    if kept:
        yield from _sentence(kept, form, name, first)


def _sentence(lines: list[str], form: ColumnFormat, name: str, first: int) -> Iterator[Sentence]:
    words, labels, places = [], [], []
    for place, line in enumerate(lines):
        if form.kind == "conllu" and line.startswith("#") and "\t" not in line:
            continue
        _, fields = _fields(line, form)
        if form.kind == "conllu":
            if len(fields) != len(CONLLU_COLUMNS):
                raise ValueError(
                    f"{name}, line {first + place}: CoNLL-U has {len(CONLLU_COLUMNS)} columns with tabs between, "
                    f"got {len(fields)}: {line[:60]!r}"
                )
            if not fields[0].isdigit():
                continue  # a multiword token or an empty node
        elif fields[0] == "-DOCSTART-":
            continue
        if not form.word < len(fields):
            raise ValueError(f"{name}, line {first + place}: no word in column {form.word + 1} of {line[:60]!r}")
        words.append(fields[form.word])
        alone = len(fields) < 2 if form.label < 0 else len(fields) <= form.label
        label = "" if alone else fields[form.label]
        labels.append("" if label == "_" and form.kind == "conllu" else label)
        places.append(place)
    yield Sentence(words, labels, lines, places, first)


def _fields(line: str, form: ColumnFormat) -> tuple[str, list[str]]:
    """What separates the columns of a line, and the columns."""
    if form.kind == "conllu" or "\t" in line:
        return "\t", line.split("\t")
    return " ", [field for field in line.split(" ") if field]  # a no-break space is part of a word


def _lines(path: PathLike, encoding: str) -> Iterator[str]:
    """Lines without ends, as they are read."""
    name = display_name(path)
    if os.fspath(path) == "-":
        if sys.stdin is None:
            raise ValueError("standard input is closed: give a file")
        yield from _decoded(sys.stdin.buffer, name, encoding)
        return
    opener = _PACKED.get(os.path.splitext(os.fspath(path))[1].lower(), open)
    try:
        with opener(path, "rb") as file:
            yield from _decoded(file, name, encoding)
    except (EOFError, lzma.LZMAError, zlib.error, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # from the system, not from unpacking
        raise ValueError(f"{name} is damaged or not compressed as its ending says: {error}") from error


def _decoded(stream: Any, name: str, encoding: str) -> Iterator[str]:
    for line in stream_lines(stream, name, encoding, SENTENCE):
        yield line.rstrip("\n")
