from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recurra.utils import iter_lines, read_examples, read_lines, read_text
from recurra.utils.examples import Columns, iter_examples
from recurra.utils.io import file_format


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch) -> Any:
    def feed(content: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content), encoding="ascii"))

    return feed


@given(st.text(st.characters(exclude_characters="\r\0", exclude_categories=["Cs"]), min_size=1))
def test_text_comes_as_it_was_written(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("io") / "text.txt"
    path.write_bytes(text.encode())
    if text.isspace() or not text.lstrip("\ufeff"):
        with pytest.raises(ValueError, match="holds no text"):
            read_text(path)
    else:
        assert read_text(path) == text.removeprefix("\ufeff")


def test_marks_and_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_bytes(b"\xef\xbb\xbfone\r\ntwo\rthree\n\n \nfour")
    assert read_text(path) == "one\ntwo\nthree\n\n \nfour"
    assert read_lines(path) == list(iter_lines(path)) == ["one", "two", "three", "four"]
    assert list(iter_lines(path, blank=True)) == ["one", "two", "three", "", "", "four"]
    path.write_bytes("café".encode("latin-1"))
    assert read_text(path, encoding="latin-1") == "café"


@pytest.mark.parametrize(("ending", "pack"), [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)])
def test_packed_files(tmp_path: Path, ending: str, pack: Any) -> None:
    path = tmp_path / f"reviews.csv{ending}"
    path.write_bytes(pack(b"text,label\nfine,1\n"))
    assert read_examples(path) == (["fine"], ["1"])
    for damaged in (path.read_bytes()[:-9], b"not packed", b""):
        path.write_bytes(damaged)
        if damaged or ending in (".gz", ".xz"):
            with pytest.raises(ValueError, match=r"reviews.csv"):
                read_examples(path)


def test_undecodable_bytes_are_located(tmp_path: Path) -> None:
    path = tmp_path / "latin.txt"
    path.write_bytes(b"one\ntwo\ncaf\xe9 three")
    with pytest.raises(ValueError) as raised:
        read_text(path)
    assert str(raised.value) == (
        f"{path} is not utf-8 text: byte 0xe9 at offset 11 (line 3); convert the file (iconv -f latin1 -t utf-8) "
        "or pass its encoding, such as encoding='latin-1'"
    )
    path.write_bytes("text".encode("utf-16"))
    with pytest.raises(ValueError, match="is not utf-8 text but begins as utf-16: pass encoding='utf-16'"):
        read_text(path)
    assert read_text(path, encoding="utf-16") == "text"
    path.write_bytes(b"PK\0\0")
    with pytest.raises(ValueError, match="byte 0x00 at offset 2; is it a binary file"):
        read_text(path)
    with pytest.raises(ValueError, match="encoding must be a codec that Python knows, such as 'utf-8', got 'klingon'"):
        read_text(path, encoding="klingon")
    path.write_bytes(b"abc")
    with pytest.raises(ValueError, match="is not utf-16 text"):
        read_text(path, encoding="utf-16")


def test_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileNotFoundError, match="there is no such file; give a path, or - for standard input"):
        read_text(tmp_path / "none.txt")
    with pytest.raises(IsADirectoryError, match="is a folder; give the path of a file in it"):
        read_text(tmp_path)
    closed = tmp_path / "closed.txt"
    closed.write_text("x")
    closed.chmod(0)
    if not os.access(closed, os.R_OK):
        with pytest.raises(PermissionError, match="may not be read by this user"):
            read_text(closed)
    for content in (b"", b" \n\t\n"):
        closed.chmod(0o600)
        closed.write_bytes(content)
        with pytest.raises(ValueError, match="holds no text: give a file with at least one character"):
            read_text(closed)


def test_standard_input(stdin: Any) -> None:
    stdin("é one\n\ntwo".encode())
    assert read_text("-") == "é one\n\ntwo"
    stdin("é one\n\ntwo".encode())
    assert list(iter_lines("-")) == ["é one", "two"]
    stdin(b"fine\nbad\xff\n")
    lines = iter_lines("-")
    assert next(lines) == "fine"
    with pytest.raises(ValueError, match="standard input, line 2 is not utf-8 text: byte 0xff at offset 3"):
        next(lines)
    stdin(b"1\tgood film\n0\tbad\n")
    assert read_examples("-") == (["good film", "bad"], ["1", "0"])
    stdin(b'{"text": "good"}\n')
    assert read_examples("-", label=None, format="jsonl") == (["good"], None)
    stdin(b"")
    with pytest.raises(ValueError, match="standard input holds no text"):
        read_text("-")


def test_formats_by_ending() -> None:
    known = {"a.csv": "csv", "a.TSV": "tsv", "b/a.jsonl.xz": "jsonl", "a.ndjson": "jsonl", "a.txt": "text", "a": "text"}
    assert {name: file_format(name) for name in known} == known
    assert file_format("-") == "text" and file_format("a.parquet", "csv") == "csv"
    with pytest.raises(ValueError, match=r"the ending '.parquet' does not say how to read it; give format= one of"):
        file_format("a.parquet")
    with pytest.raises(ValueError, match="format must be one of text, csv, tsv, jsonl, got 'xml'"):
        file_format("a.csv", "xml")


def write(folder: Path, name: str, content: str) -> Path:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return path


def test_tables(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", 'id,label,text\n1,pos,"well, ""quite"" good\nreally"\n2, neg ,bad\n\n')
    assert read_examples(path) == (['well, "quite" good\nreally', "bad"], ["pos", "neg"])
    assert read_examples(path, text="label", label="id") == (["pos", " neg "], ["1", "2"])
    assert read_examples(path, label=None).labels is None
    tabs = write(tmp_path, "a.tsv", 'review\tstars\nso "so"\t3\n'.replace('"', ""))
    assert read_examples(tabs, text="review", label="stars") == (["so so"], ["3"])
    long = write(tmp_path, "long.csv", f"text,label\n{'x ' * 200_000},1\n")
    assert len(read_examples(long).texts[0]) == 400_000


def test_json_lines(tmp_path: Path) -> None:
    rows = [
        {"text": "a", "label": 1},
        {"text": "b", "label": 1.0},
        {"label": True, "text": "c"},
        {"text": "d", "label": "1"},
    ]
    path = write(tmp_path, "a.jsonl", "\n".join(map(json.dumps, rows)) + "\n\n")
    assert read_examples(path) == (["a", "b", "c", "d"], ["1", "1", "true", "1"])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "", "the first row must name a column 'text', it names nothing"),
        ("a.csv", "review,label\nx,1\n", "the first row must name a column 'text', it names review, label"),
        ("a.csv", "text,score\nx,1\n", "must name a column 'label', it names text, score"),
        ("a.csv", "text,label\nx,1,2\n", "line 2: expected 2 columns \\(text, label\\), got 3"),
        ("a.csv", 'text,label\n"x,1\n', "line 2: not CSV: unexpected end of data"),
        ("a.csv", "text,label\n ,1\n", "line 2: the text is empty"),
        ("a.csv", "text,label\nx,\n", "line 2: the label is empty"),
        ("a.csv", "text,label\n", "holds no examples"),
        ("a.jsonl", '{"text": "x", "label": 1}\n{"text"\n', "line 2: not JSON: Expecting ':' delimiter"),
        ("a.jsonl", "[1]\n", "line 1: expected a JSON object, got list"),
        ("a.jsonl", '{"review": "x"}\n', "line 1: no key 'text'; the keys are 'review'"),
        ("a.jsonl", '{"text": 3, "label": 1}\n', "line 1: 'text' must be a string, got 3"),
        ("a.jsonl", '{"text": "x", "label": null}\n', "line 1: 'label' must be a string or a number, got None"),
        ("a.jsonl", "[" * 100_000, "line 1: not an example: it is nested too deeply"),
        ("a.txt", "1\tx\n\nno label\n", "line 3: expected label, tab, text, got 'no label'"),
        ("a.txt", "\n\n", "holds no examples"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, name: str, content: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"{name}.*{message}"):
        read_examples(write(tmp_path, name, content))


def test_a_closed_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    for read in (read_text, lambda name: list(iter_lines(name))):
        with pytest.raises(ValueError, match="standard input is closed: give a file"):
            read("-")


@pytest.mark.parametrize("ending", ["", "\n", "\r\n", "\nshort\n"])
@pytest.mark.parametrize("length", [0, 1, 6, 7, 8, 9, 29, 30, 31, 64])
@pytest.mark.parametrize("piece", [3, 7, 1 << 20])
@pytest.mark.parametrize("typed", [False, True])
def test_lines_that_are_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str, length: int, piece: int, typed: bool
) -> None:
    monkeypatch.setattr("recurra.utils.io._PIECE", piece)
    path = write(tmp_path, "a.txt", "first\n" + "\N{GRINNING FACE}" * length + ending)
    expected = ["first", *(["\N{GRINNING FACE}" * length] if length else []), *(["short"] if "short" in ending else [])]
    if typed:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(Path(path).read_bytes())))
    name = "-" if typed else path
    if length <= 7:
        assert list(iter_lines(name, longest=7)) == expected
        return
    shown = "standard input" if typed else re.escape(str(path))
    with pytest.raises(ValueError, match=f"{shown}, line 2: a line of more than 7 characters is not read"):
        list(iter_lines(name, longest=7))


def test_texts_that_are_too_long(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", 'text,label\nx,1\n"one\ntwo\nthree",2\n')
    with pytest.raises(ValueError, match=r"a.csv, line 5: a line of more than 12 characters is not read"):
        list(iter_examples(path, Columns("text", "label"), longest=12))
    assert [one.text for one in iter_examples(path, Columns("text", "label"), longest=13)] == ["x", "one\ntwo\nthree"]
