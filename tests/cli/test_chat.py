"""``recurra chat``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from recurra.tasks import ChatBot

ROWS = ["Hello there\tHi!", "Who are you?\tA network of neurons.", "Do you like tea?\tOnly with lemon."]


@pytest.fixture(scope="module")
def bot(run: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("chat")
    (folder / "talk.tsv").write_text("\n".join(ROWS), encoding="utf-8")
    size = ("--units", 16, "--embedding", 8, "--batch-size", 1, "--learning-rate", 0.01, "--seed", 1)
    result = run("chat", "train", folder / "talk.tsv", "-o", folder / "m.rct", *size, "--history", folder / "h.csv")
    assert "saved" in result.stderr and (folder / "h.csv").exists()
    return folder / "m.rct"


def test_it_answers_a_line_for_each_prompt(run: Any, bot: Path, tmp_path: Path) -> None:
    expected = "Hi!\nI do not know what to say to that.\nA network of neurons.\n"
    prompts = "hello there\n\nIs it raining?\nWho are you?\n"
    assert run("chat", "talk", bot, stdin=prompts).stdout == expected
    (tmp_path / "prompts.txt").write_text(prompts)
    assert run("chat", "talk", bot, tmp_path / "prompts.txt").stdout == expected
    assert run("chat", "talk", bot, "-t", "Is it raining?", "--declined", "?").stdout == "?\n"


def test_json_says_why(run: Any, bot: Path) -> None:
    lines = run("chat", "talk", bot, "--json", stdin="Do you like tea?\nIs it raining?\n").stdout.splitlines()
    known, other = map(json.loads, lines)
    assert known["text"] == "Only with lemon." and known["similarity"] == 1 and known["confidence"] < 0
    assert other["text"] is None and other["similarity"] < 0.6 and other["nearest"]


def test_processes_keep_the_order(run: Any, bot: Path, tmp_path: Path) -> None:
    path = tmp_path / "prompts.txt"
    known = [row.split("\t")[0] for row in ROWS]
    prompts = [known[i % 3] if i % 5 else f"Is it {i}?" for i in range(300)]
    path.write_text("\n\n".join(prompts), encoding="utf-8")
    one = run("chat", "talk", bot, path, "--json").stdout
    assert run("chat", "talk", bot, path, "--json", "--jobs", 2).stdout == one
    assert run("chat", "talk", bot, "--json", stdin=path.read_text()).stdout == one  # line by line
    assert [json.loads(line)["prompt"] for line in one.splitlines()] == prompts
    said = run("chat", "talk", bot, path, "--jobs", 2, "--declined", "?").stdout
    assert said.splitlines()[:4] == ["?", "A network of neurons.", "Only with lemon.", "Hi!"]


def test_bad_input_ends_with_one_line(run: Any, bot: Path, tmp_path: Path) -> None:
    assert "--prompt cannot be given with a file" in run("chat", "talk", bot, "a.txt", "-t", "a", code=2).stderr
    assert "no tab" in run("chat", "train", "-", "-o", tmp_path / "a", stdin="alone\n", code=2).stderr
    assert "must hold a translator, got a chat bot" in run("translate", "predict", bot, "-t", "a", code=2).stderr


def test_evaluate(run: Any, bot: Path, tmp_path: Path) -> None:
    path = tmp_path / "test.tsv"
    path.write_text("\n".join([*ROWS, "Who are you?\tNobody.", "Hello there\tGood day.", "Is it 7?\tNo."]))
    told = run("chat", "evaluate", bot, path).stdout
    assert told.startswith("75.00% of 4 prompts answered as told, 25.00% declined; loss ") and "over 6 pairs" in told
    found = json.loads(run("chat", "evaluate", bot, path, "--json").stdout)
    assert found["exact"] == 0.75 and found["declined"] == 0.25 and (found["prompts"], found["pairs"]) == (4, 6)
    (tmp_path / "wrong.tsv").write_text("Hello there\tBye!\n")
    assert run("chat", "evaluate", bot, tmp_path / "wrong.tsv").stdout.startswith("0.00% of 1 prompts answered")


def test_beam(run: Any, bot: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = ChatBot.load(bot)
    for beam in (1, 3):
        found = json.loads(run("chat", "talk", bot, "-t", "Who is it?", "--json", "--beam", beam).stdout)
        reply = python.reply("Who is it?", beam=beam)._asdict()
        assert {name: found[name] for name in reply} == reply
    (tmp_path / "test.tsv").write_text("\n".join(ROWS))
    widths: list[int] = []
    original = ChatBot.evaluate
    monkeypatch.setattr(ChatBot, "evaluate", lambda *a, **o: [widths.append(o["beam"]), original(*a, **o)][1])
    run("chat", "evaluate", bot, tmp_path / "test.tsv", "--beam", 3)
    assert widths == [3]


def test_predict_is_talk(run: Any, bot: Path) -> None:
    assert run("chat", "predict", bot, "-t", "hello there").stdout == "Hi!\n"
