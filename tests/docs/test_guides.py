"""The guides in python/docs/: every block of code runs, in the order of the page, and prints what the page shows."""

from __future__ import annotations

import csv
import re
import shlex
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

import recurra
from bench.tasks.story_generator import story_lines
from recurra.cli.root import cli
from recurra.datasets import sentences
from tests.support.runner import runner

PAGES = Path(__file__).parents[2] / "python" / "docs" / "pages"
GUIDES = sorted(PAGES.glob("*.md"))
FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.M | re.S)

pytestmark = pytest.mark.skipif(not GUIDES, reason="the guides are not beside the tests")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a reader might sit: a few small files, and the command `recurra`."""
    monkeypatch.chdir(tmp_path)
    train, test = sentences.load_data()
    verse = "".join(f"ROMEO:\n{text}\n\n" for text in train[0])
    (tmp_path / "shakespeare.txt").write_text(verse, "utf-8")
    (tmp_path / "other.txt").write_text(verse[:500], "utf-8")
    numbers = {"one": "un", "two": "deux", "three": "trois"}
    pairs = [f"{a} and {b}\t{numbers[a]} et {numbers[b]}\n" for a in numbers for b in numbers]
    (tmp_path / "pairs.txt").write_text("".join(pairs), "utf-8")
    (tmp_path / "train.py").write_text("import tensorflow as tf\nlstm = tf.keras.layers.LSTM(8)\n", "utf-8")
    for name, (texts, labels) in {"reviews.csv": train, "held_out.csv": test}.items():
        with (tmp_path / name).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("text", "label"), *zip(texts, labels, strict=True)])
    for part, count in {"train": 40, "test": 20}.items():
        (tmp_path / f"qa_{part}.txt").write_text("\n".join(story_lines("one-fact", count, count)), "utf-8")
    row = "{}\t{}\t_\t{}\t_\t_\t_\t_\t_\t_\n"
    for part, count in {"train": 12, "dev": 3, "test": 3}.items():
        tagged = [("The", "DET"), ("owl", "NOUN"), ("sleeps", "VERB"), (".", "PUNCT")]
        lines = "".join(row.format(i, *word) for i, word in enumerate(tagged, 1))
        (tmp_path / f"en-{part}.conllu").write_text((lines + "\n") * count, "utf-8")
    return tmp_path


def blocks(page: Path) -> list[tuple[str, str]]:
    return FENCE.findall(page.read_text("utf-8"))


def run_python(code: str, names: dict[str, Any], where: str) -> str:
    printed = StringIO()
    with redirect_stdout(printed):
        exec(compile(code, where, "exec"), names)
    return printed.getvalue()


def run_console(lines: str) -> None:
    for line in lines.splitlines():
        match = re.fullmatch(r"\$ (?:echo (.*) \| )?recurra (.*)", line)
        assert match, f"not a command of recurra: {line}"
        stdin = " ".join(shlex.split(match[1])) + "\n" if match[1] else None
        result = runner().invoke(cli, shlex.split(match[2]), input=stdin)
        said = result.stdout + result.stderr
        assert result.exit_code == 0 and said, f"{line}\n{said}\n{result.exception!r}"


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.stem)
def test_guide(page: Path, folder: Path) -> None:
    names: dict[str, Any] = {"__name__": "guide"}
    if page.stem == "pytorch":
        pytest.importorskip("torch")
    threads, printed = recurra.get_num_threads(), ""
    for kind, code in blocks(page):
        if kind == "python":
            printed = run_python(code, names, page.name)
        elif kind == "console":
            run_console(code)
        else:
            assert kind == "text", f"{page.name}: code that is not run, in a block of {kind!r}"
            assert code == printed, f"{page.name} shows {code!r}, printed was {printed!r}"
    assert recurra.get_num_threads() == threads


def test_every_page_is_in_the_navigation() -> None:
    navigation = (PAGES.parent / "mkdocs.yml").read_text("utf-8")
    listed = re.findall(r": ([\w/-]+\.md)$", navigation, re.M)
    assert sorted(listed) == sorted(str(page.relative_to(PAGES).as_posix()) for page in PAGES.rglob("*.md"))


def test_every_public_module_has_entries() -> None:
    text = "".join(page.read_text("utf-8") for page in (PAGES / "api").glob("*.md"))
    shown = set(re.findall(r"^\{\{ names: ([\w.]+) \}\}$", text, re.M))
    modules = {name for name in recurra.__all__ if type(getattr(recurra, name)).__name__ == "module"}
    rooms = {name.split(".")[1] for name in shown if "." in name}
    # the names of autograd are on the front door's page; typing holds aliases, which have no entries
    assert modules - {"autograd", "typing"} <= rooms
