"""Pairs of texts from files."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path
from typing import Any

import pytest

from recurra.tasks.pair_files import read_pairs

FOUND = (["one", "two, or so"], ["un", "deux\u202f!"])


@pytest.mark.parametrize(
    ("name", "content", "options"),
    [
        ("a.txt", "one\tun\tCC-BY\n\ntwo, or so\tdeux\u202f!\n", {}),
        ("a.tsv", "one\tun\r\ntwo, or so\tdeux\u202f!", {}),
        ("a.tsv", "source\ttarget\none\tun\ntwo, or so\tdeux\u202f!", {}),
        ("a.tsv", "by\tfr\ten\nme\tun\tone\nme\tdeux\u202f!\ttwo, or so\n", {"source": "en", "target": "fr"}),
        ("a.csv", 'en,fr\none,un\n"two, or so",deux\u202f!\n', {"source": "en", "target": "fr"}),
        ("a.jsonl", '{"source": "one", "target": "un"}\n{"source": "two, or so", "target": "deux\u202f!"}\n', {}),
        ("a", '{"q": "one", "a": "un"}\n{"q": "two, or so", "a": "deux\u202f!"}', {
            "format": "jsonl", "source": "q", "target": "a",
        }),
    ],
)  # fmt: skip
def test_every_form(tmp_path: Path, name: str, content: str, options: dict[str, Any]) -> None:
    (tmp_path / name).write_bytes(content.encode())
    assert read_pairs(tmp_path / name, **options) == FOUND
    (tmp_path / f"{name}.gz").write_bytes(gzip.compress(content.encode()))
    assert read_pairs(tmp_path / f"{name}.gz", **options) == FOUND


def test_each_turn_answers_the_one_before_it(tmp_path: Path) -> None:
    pytest.importorskip("yaml")
    path = tmp_path / "a.yml"
    path.write_text("categories:\n- a\nconversations:\n- - Yes\n  - 1963\n  - 'No'\n- a lone text\n- - A\n  - B\n")
    assert read_pairs(path) == (["Yes", "1963", "A"], ["1963", "No", "B"])
    path.write_text("conversations: !!python/object/apply:os.getcwd []\n")
    with pytest.raises(ValueError, match="holds no pairs"):  # nothing is called
        read_pairs(path)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.txt", "one\tun\ntwo\n", "line 2: must be source, tab, target"),
        ("a.tsv", "by\tsource\ttarget\nme\tone\n", "line 2: must have 3 columns, got 2"),
        ("a.txt", "\none\tun\n \ntwo\n", "line 4: must be source, tab, target"),
        ("a.jsonl", "\n\n[1]\n", "line 3: must be an object"),
        ("a.txt", "one\t \n", "line 1: the target must be a text that is not empty"),
        ("a.txt", "\n", "holds no text"),
        ("a.csv", "a,b\n1,2\n", "must have the columns 'source' and 'target', got a, b"),
        ("a.csv", "source,target\n1\n", r"line 2: expected 2 columns \(source, target\), got 1: "),
        ("a.csv", f'source,target\n"{"x" * 1_000_001}",y\n', r"a.csv, line 2: not CSV: field larger than field limit"),
        ("a.txt", "one\t" + "x" * 1_000_001, "a.txt, line 1: a line of more than 1,000,000 characters is not read"),
        ("a.txt", "\none\t" + "x" * 2_000_000, "a.txt, line 2: a line of more than 2,000,000 characters is not read"),
        ("a.jsonl", "[1]\n", "line 1: must be an object with the keys 'source' and 'target'"),
        ("a.jsonl", "{\n", "line 1: must be a JSON object"),
        ("a.jsonl", '{"source": 3, "target": "a"}\n', "line 1: the source must be a text that is not empty, got 3"),
    ],
)
def test_what_is_no_pair_is_named(tmp_path: Path, name: str, content: str, said: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=said):
        read_pairs(tmp_path / name)


def test_the_format_is_checked(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="format must be one of tab, csv, jsonl, chatterbot, got 'xml'"):
        read_pairs(tmp_path / "a", format="xml")


def test_a_long_field_of_a_table(tmp_path: Path) -> None:
    limit = csv.field_size_limit()
    (tmp_path / "a.csv").write_text(f"source,target\n{'x ' * 400_000},y\n")
    assert read_pairs(tmp_path / "a.csv") == (["x " * 400_000], ["y"])
    assert csv.field_size_limit() == limit


def test_names_of_columns_are_not_ignored(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("one\tun\n")
    with pytest.raises(ValueError, match="line 1: must hold the names 'en' and 'target' between tabs"):
        read_pairs(tmp_path / "a.tsv", source="en")


@pytest.mark.parametrize("mark", [",", ";"])
def test_separators_of_csv(tmp_path: Path, mark: str) -> None:
    path = tmp_path / "pairs.csv"
    lines = ["id;source;target", '1;"one; two, three";un', "", '2;"four";"cinq, ""six"";\nsept"']
    path.write_text("\n".join(lines).replace(";", mark) + "\n", encoding="utf-8-sig")
    assert read_pairs(path) == ([f"one{mark} two, three", "four"], ["un", f'cinq, "six"{mark}\nsept'])
    for row, got in ((f"3{mark}five{mark}six{mark} seven", 4), (f"3{mark}five", 2)):
        path.write_text(f"id{mark}source{mark}target\n{row}\n", encoding="utf-8")
        expected = rf"line 2: expected 3 columns \(id, source, target\), got {got}: a text that holds '{mark}' stands"
        with pytest.raises(ValueError, match=expected):
            read_pairs(path)


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.tsv"])
def test_source_and_target_are_different_columns(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text('{"text": "a", "target": "b"}\n')
    with pytest.raises(ValueError, match="source and target must be different columns, got 'text' for both"):
        read_pairs(tmp_path / name, source="text", target="text")
