"""The benches of translation, sums and chat on small files: that they run, and what they count."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from bench.tasks import addition, chat, decoder_steps, translation
from recurra.tasks import ChatBot, Translator

ENGLISH = ("Go on", "Come in", "Sit down", "Look at the big dog", "They read a very long book about the old town today")
FRENCH = ("Continue", "Entre", "Assieds-toi", "Regarde le grand chien", "Ils lisent un long livre sur la vieille ville")


def run(bench: Any, monkeypatch: pytest.MonkeyPatch, *arguments: Any) -> None:
    monkeypatch.setattr(sys, "argv", [bench.__name__, *map(str, arguments)])
    bench.main()


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """The zip file of manythings.org's form: 50 English sentences, some with two translations."""
    rows = []
    for i in range(50):
        rows.append(f"{ENGLISH[i % 5]} {i}.\t{FRENCH[i % 5]} {i}.\tCC-BY 2.0 (France)")
        if i % 3 == 0:
            rows.append(f"{ENGLISH[i % 5]} {i}.\t{FRENCH[i % 5]} {i} !\tCC-BY 2.0 (France)")
    (tmp_path / "tatoeba").mkdir()
    with zipfile.ZipFile(tmp_path / "tatoeba" / "fra-eng.zip", "w") as archive:
        archive.writestr("_about.txt", "about\n")
        archive.writestr("fra.txt", "\n".join(rows) + "\n")
    return tmp_path


def test_no_source_is_on_both_sides(pairs: Path) -> None:
    read = translation.read_pairs(pairs)
    assert len(read) == 67 and read[0] == ("Go on 0.", "Continue 0.")
    train, references = translation.split(read, 12, 3)
    assert len(references) == 12 and not {source for source, _ in train} & set(references)
    assert len(train) + sum(map(len, references.values())) == 67
    assert translation.split(read, 12, 3) == (train, references)


@pytest.mark.parametrize("more", [(), ("--no-attention",), ("--attention", "dot", "--input-feeding", "--pairs", 20)])
def test_translation(pairs: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any, more: Any) -> None:
    pytest.importorskip("sacrebleu")
    sizes = ("--test", 12, "--units", 8, "--embedding", 6, "--vocabulary", 60, "--batch-size", 16, "--epochs", 2)
    run(translation, monkeypatch, pairs, *sizes, "--beam", 2, "--save", pairs / "m.rtr", *more)
    said = capsys.readouterr().out
    assert "12 test sentences" in said and "training: " in said and "peak memory" in said
    assert "beam 1: BLEU" in said and "beam 2: BLEU" in said
    assert "sources of 1 to 4 words (" in said and "sources of 9 to 12 words (" in said
    form = Translator.load(pairs / "m.rtr").form
    assert (form.attention, form.input_feeding) == {0: ("bilinear", False), 1: (None, False), 5: ("dot", True)}[
        len(more)
    ]


def test_addition(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    sources, targets = addition.sums(80, 3, 1)
    assert len(set(sources)) == 80
    for source, target in zip(sources, targets, strict=True):
        a, b = source[::-1].split("+")
        assert int(a) + int(b) == int(target)
    run(addition, monkeypatch, "--train", 80, "--test", 20, "--units", 8, "--epochs", 1, "--seed", 3)
    assert "% of 20 unseen sums exact; parameters" in capsys.readouterr().out


def test_chat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    pytest.importorskip("yaml")
    (tmp_path / "talk.yml").write_text(
        "categories:\n- talk\nconversations:\n- - Hello there\n  - Hi!\n- - Who are you?\n  - A network.\n", "utf-8"
    )
    run(chat, monkeypatch, tmp_path, "--units", 16, "--epochs", 30, "--save", tmp_path / "m.rct")
    said = capsys.readouterr().out
    assert "2 pairs, 2 distinct prompts" in said and "50 of 50 unrelated prompts declined" in said
    assert ChatBot.load(tmp_path / "m.rct").reply("Is it raining in Oslo?").text is None


def test_decoder_steps(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    sizes = ("--units", 8, "--vocabulary", 20, "--rows", 2, "--source", 3, "--target", 4, "--repeats", 1)
    run(decoder_steps, monkeypatch, *sizes)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 8 and lines[1].startswith("None, False: ") and lines[-1].startswith("additive, True: ")
