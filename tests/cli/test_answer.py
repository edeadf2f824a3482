"""``recurra answer``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from recurra.tasks import StoryAnswerer

PLACES = ("kitchen", "garden", "office")
TINY = ("--units", 12, "--embedding", 7, "--batch-size", 4, "--epochs", 15, "--learning-rate", 0.02, "--seed", 1)


def stories(count: int) -> str:
    lines = []
    for i in range(count):
        for k in range(1, 1 + i % 3):
            lines.append(f"{k} Mary went to the {PLACES[(i + k) % 3]}.")
        k = 1 + i % 3
        lines += [f"{k} Mary went to the {PLACES[i // 3 % 3]}.", f"{k + 1} Where is Mary? \t{PLACES[i // 3 % 3]}\t{k}"]
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("answer") / "stories.txt"
    path.write_text(stories(60), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def model(run: Any, told: Path) -> Path:
    out = told.with_name("m.rsa")
    result = run("answer", "train", told, "-o", out, *TINY, "--history", told.with_name("h.csv"))
    assert "validation accuracy" in result.stderr and f"saved {out}" in result.stderr
    assert told.with_name("h.csv").read_text().count("\n") >= 2
    return out


def test_evaluate(run: Any, model: Path, told: Path) -> None:
    text = run("answer", "evaluate", model, told).stdout
    assert text.startswith("accuracy ") and text.endswith("60 questions\n")
    found = json.loads(run("answer", "evaluate", model, told, "--json").stdout)
    assert found["accuracy"] > 0.9 and found["questions"] == 60 and found["loss"] > 0
    other = "1 Mary went to Mars.\n2 Where is Mary?\tMars\n"
    assert json.loads(run("answer", "evaluate", model, "-", "--json", stdin=other).stdout)["loss"] is None


def test_predict_reads_what_it_is_given(run: Any, model: Path, told: Path, tmp_path: Path) -> None:
    asked = ("-s", "Mary went to the garden.", "-s", "Mary went to the office.", "-t", "Where is Mary?")
    one = run("answer", "predict", model, *asked).stdout
    assert one == "office\n"
    found = json.loads(run("answer", "predict", model, *asked, "--json").stdout)
    assert found["question"] == "Where is Mary?" and found["answer"] == "office" and 0.5 < found["probability"] <= 1
    assert run("answer", "predict", model, stdin="1 Mary went to the office.\n2 Where is Mary?\n").stdout == "office\n"
    answers = run("answer", "predict", model, told).stdout.splitlines()
    unanswered = tmp_path / "q.txt"
    unanswered.write_text("\n".join(line.split("\t")[0] for line in told.read_text().splitlines()), encoding="utf-8")
    assert run("answer", "predict", model, unanswered).stdout.splitlines() == answers and len(answers) == 60


def test_processes_keep_the_order(run: Any, model: Path, tmp_path: Path) -> None:
    path = tmp_path / "many.txt"
    path.write_text(stories(700), encoding="utf-8")
    one = run("answer", "predict", model, path, "--json").stdout
    assert run("answer", "predict", model, path, "--json", "--jobs", 2).stdout == one
    assert one.count("\n") == 700


def test_train_takes_every_option(run: Any, told: Path, tmp_path: Path) -> None:
    options = ("--cell", "lstm", "--units", 6, "--embedding", 5, "--hops", 3, "--dropout", 0.1, "--vocabulary", 30)
    options = (*options, "--epochs", 1, "--patience", 1, "--validation", 0.2, "--resume", "-q")
    run("answer", "train", told, "-o", tmp_path / "m.rsa", *options)
    found = StoryAnswerer.load(tmp_path / "m.rsa").get_config()
    assert found == {
        "cell": "lstm", "units": 6, "embedding": 5, "hops": 3, "dropout": 0.1, "vocabulary_size": 30, "seed": None
    }  # fmt: skip
    assert not (tmp_path / "m.rsa.checkpoint").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("predict", "{model}", "{told}", "-t", "Who?"), "cannot be given with files"),
        (("predict", "{model}", "-s", "a"), "--sentence needs a --question"),
        (("predict", "{model}", "-t", " "), "--question must hold at least one word"),
        (("predict", "{told}", "-t", "Who?"), "is not a model"),
        (("predict", "{model}", "-"), "standard input holds no question"),
        (("evaluate", "{model}", "-"), "standard input holds no question"),
        (("train", "{told}", "-o", "{model}"), "exists already"),
        (("train", "{told}", "-o", "{told}"), "is the file that is read"),
    ],
)
def test_bad_input_ends_with_one_line(run: Any, model: Path, told: Path, arguments: Any, said: str) -> None:
    given = [str(one).format(model=model, told=told) for one in arguments]
    assert said in run("answer", *given, code=2, stdin="1 Mary left.\n").stderr
