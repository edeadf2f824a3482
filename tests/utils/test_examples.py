"""Examples one at a time: chosen columns, groups, and what is read before the end of a file."""

from __future__ import annotations

import gzip
import io
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recurra.utils.examples import Columns, Example, iter_examples, read_examples
from recurra.utils.io import byte_lines, csv_delimiter, decode, decode_pieces, text_lines


def test_columns_are_chosen_from_those_that_are_there(tmp_path: Path) -> None:
    seen: list[list[str]] = []

    def choose(there: list[str]) -> Columns:
        seen.append(there)
        return Columns("b", "a" if there else "label", "c" if there else None)

    (tmp_path / "a.tsv").write_text(" c\ta\tb\n7\tx\tgood\n8\t y \tbad\n", encoding="utf-8")
    (tmp_path / "a.jsonl").write_text(
        '{"a": 1.0, "b": "good", "c": true}\n\n{"c": "d", "b": "bad", "a": "y"}\n', "utf-8"
    )
    (tmp_path / "a.txt").write_text("x\tgood\n", encoding="utf-8")
    assert list(iter_examples(tmp_path / "a.tsv", choose)) == [Example("good", "x", "7"), Example("bad", "y", "8")]
    assert list(iter_examples(tmp_path / "a.jsonl", choose)) == [Example("good", "1", "true"), Example("bad", "y", "d")]
    assert list(iter_examples(tmp_path / "a.txt", choose)) == [Example("good", "x", "")]
    assert seen == [["c", "a", "b"], ["a", "b", "c"], []]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "text,label,g\nx,1,\n", "line 2: the group, 'g', is empty"),
        ("a.csv", "text,label\nx,1\n", "the first row must name a column 'g'"),
        ("a.jsonl", '{"text": "x", "label": 1}\n', "line 1: no key 'g'"),
        ("a.jsonl", '{"text": "x", "label": 1, "g": [2]}\n', "line 1: 'g' must be a string or a number"),
        ("a.txt", "1\tx\n", "a plain text file has no column 'g'"),
    ],
)
def test_groups_that_are_missing(tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=f"{name}.*{message}"):
        list(iter_examples(tmp_path / name, Columns("text", "label", "g")))


def test_what_stands_before_an_error_is_given_first(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    rows = "".join(f"good {i},1\n" for i in range(300_000))  # more than one piece
    path.write_bytes(gzip.compress(b"text,label\n" + rows.encode() + b"caf\xe9,0\n", 1))
    found = iter_examples(path, Columns("text", "label"))
    assert next(found) == Example("good 0", "1", "")
    offset = len("text,label\n") + len(rows) + 3
    with pytest.raises(ValueError, match=rf"byte 0xe9 at offset {offset} \(line 300002\)"):
        list(found)


@given(
    st.text(st.sampled_from("aé\r\n€\U0001f600 "), max_size=40), st.integers(1, 9), st.sampled_from(["utf-8", "utf-16"])
)
def test_pieces_may_be_cut_anywhere(text: str, size: int, encoding: str) -> None:
    data = text.encode(encoding)
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    whole = text.replace("\r\n", "\n").replace("\r", "\n")
    assert "".join(decode_pieces(pieces, "x", encoding)) == whole == decode(data, "x", encoding)


@pytest.mark.parametrize("content", ["", "\n", "a", "a\n", "\na\r\n\r\nb", "a\n\nb\n" * 200_000])
def test_lines(tmp_path: Path, content: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(content.encode())
    plain = content.replace("\r\n", "\n")
    assert list(text_lines(path)) == plain.splitlines(keepends=True)
    assert list(byte_lines(path)) == content.encode().split(b"\n")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content.encode())))
    assert list(text_lines("-")) == plain.splitlines(keepends=True)


def test_standard_input_in_another_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    content: Any = io.BytesIO("text,label\ngut,1\n".encode("utf-16"))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(content))
    assert read_examples("-", format="csv", encoding="utf-16") == (["gut"], ["1"])


@pytest.mark.parametrize(
    ("header", "mark"),
    [("text;label", ";"), ("text,label", ","), ('"text; short",label', ","), ('"text, long";label', ";")],
)
def test_csv_with_semicolons(tmp_path: Path, header: str, mark: str) -> None:
    assert csv_delimiter(header) == mark
    path = tmp_path / "a.csv"
    path.write_text(f'{header}\n"a; b, c{mark}\nd"{mark}x\n"e"{mark}y\n', encoding="utf-8")
    text = header.rpartition(mark)[0].strip('"')
    assert read_examples(path, text=text) == ([f"a; b, c{mark}\nd", "e"], ["x", "y"])


def test_one_column_has_no_separator(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text\na; b\n", encoding="utf-8")
    assert read_examples(path, label=None).texts == ["a; b"]
    path.write_text("text;label\na;b;c\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"line 2: expected 2 columns \(text, label\), got 3"):
        read_examples(path)
