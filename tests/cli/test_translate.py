"""``recurra translate``."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from recurra.tasks import Translator

WORDS = {"one": "un", "two": "deux", "big": "grand"}
ROWS = [f"{a} {b}\t{WORDS[b]} {WORDS[a]}\tby me" for a in WORDS for b in WORDS]
TINY = ("--units", 16, "--embedding", 8, "--dropout", 0, "--validation", 0, "--batch-size", 2, "--epochs", 25)
TINY = (*TINY, "--learning-rate", 0.02, "--seed", 1)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("translate") / "pairs.txt"
    path.write_text("\n".join(ROWS) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def model(run: Any, pairs: Path) -> Path:
    out = pairs.with_name("m.rtr")
    run("translate", "train", pairs, "-o", out, *TINY, "-q")
    return out


def test_predict_reads_what_it_is_given(run: Any, model: Path, tmp_path: Path) -> None:
    lines = tmp_path / "lines.txt"
    lines.write_text("one two\nbig big\n")
    expected = "deux un\ngrand grand\n"
    assert run("translate", "predict", model, lines).stdout == expected
    assert run("translate", "predict", model, stdin="one two\nbig big\n").stdout == expected
    assert run("translate", "predict", model, "-t", "one two", "-t", "big big", "--beam", 1).stdout == expected


def test_predict_as_json(run: Any, model: Path) -> None:
    one = json.loads(run("translate", "predict", model, "-t", "one two", "--json").stdout)
    assert one["text"] == "one two" and one["translation"] == "deux un" and one["score"] < 0
    many = json.loads(run("translate", "predict", model, "-t", "one two", "--json", "--best", 2).stdout)
    assert many["translations"][0]["translation"] == "deux un" and len(many["translations"]) == 2


def test_blank_lines_stay_in_their_places(run: Any, model: Path) -> None:
    lines = "\none two\n\n \t\nbig big\n\n"
    assert run("translate", "predict", model, stdin=lines).stdout == "\ndeux un\n\n\ngrand grand\n\n"
    found = [json.loads(one) for one in run("translate", "predict", model, "--json", stdin=lines).stdout.splitlines()]
    assert [one["text"] for one in found] == ["", "one two", "", "", "big big", ""]
    assert [one["translation"] for one in found] == ["", "deux un", "", "", "grand grand", ""]
    assert found[0]["score"] is None and found[1]["score"] < 0
    many = run("translate", "predict", model, "--json", "--best", 2, stdin=lines).stdout.splitlines()
    assert [len(json.loads(one)["translations"]) for one in many] == [0, 2, 0, 0, 2, 0]
    assert "standard input holds no text" in run("translate", "predict", model, stdin="", code=2).stderr


def test_processes_keep_the_order(run: Any, model: Path, tmp_path: Path) -> None:
    path = tmp_path / "many.txt"
    words = list(WORDS)
    texts = [" ".join(words[(i // 3**k) % 3] for k in range(1 + i % 5)) for i in range(700)]
    path.write_text("".join(text + "\n" * (1 + (i % 90 == 7)) for i, text in enumerate(texts)), encoding="utf-8")
    options = ("--json", "--best", 3, "--length-penalty", 0.4, "--beam", 3, "--early-stopping")
    one = run("translate", "predict", model, path, *options).stdout
    assert run("translate", "predict", model, path, *options, "--jobs", 2).stdout == one
    rows = [found for found in map(json.loads, one.splitlines()) if found["text"]]
    assert [found["text"] for found in rows] == texts
    wanted = Translator.load(model).search(texts, beam=3, length_penalty=0.4, early_stopping=True)
    assert [[two["translation"] for two in found["translations"]] for found in rows] == [
        [two.text for two in found] for found in wanted
    ]
    path = tmp_path / "many.csv"
    path.write_text("text\n" + "\n".join(texts) + '\n" "\n', encoding="utf-8")
    said = run("translate", "predict", model, path, "--jobs", 2, code=2)
    assert "line 702: the text is empty" in said.stderr and said.stdout.count("\n") >= 256


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_ctrl_c_ends_all_processes(model: Path) -> None:
    command = [sys.executable, "-m", "recurra", "translate", "predict", os.fspath(model), "--jobs", "2"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    streams: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, env=environment, start_new_session=True, **streams) as process:
        process.stdin.write(b"one two\n" * 1000)
        process.stdin.flush()
        assert process.stdout.readline() == b"deux un\n"
        os.killpg(process.pid, signal.SIGINT)
        process.stdout.read()
        error = process.stderr.read()
        assert process.wait(60) == 130, error
    assert b"Traceback" not in error


def test_evaluate(run: Any, model: Path, pairs: Path) -> None:
    said = run("translate", "evaluate", model, pairs).stdout
    assert "100.00% of 9 texts exactly" in said and "over 9 pairs" in said
    found = json.loads(run("translate", "evaluate", model, pairs, "--json").stdout)
    assert found["exact"] == 1 and found["pairs"] == found["texts"] == 9 and "bleu" not in found


def test_evaluate_asks_for_sacrebleu_before_the_work(
    run: Any, model: Path, pairs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sacrebleu", None)
    monkeypatch.setattr("recurra.tasks.Translator.load", None)  # nothing is read before
    assert "recurra[bleu]" in run("translate", "evaluate", model, pairs, "--bleu", code=2).stderr


def test_evaluate_with_bleu(run: Any, model: Path, pairs: Path) -> None:
    pytest.importorskip("sacrebleu")
    assert "BLEU" in run("translate", "evaluate", model, pairs, "--bleu").stdout


def test_plot(run: Any, model: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    run("translate", "predict", model, "-t", "one two", "--plot", tmp_path / "map.png")
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")


def test_train_takes_every_option(run: Any, tmp_path: Path) -> None:
    out, history = tmp_path / "m.rtr", tmp_path / "h.csv"
    content = "\n".join(
        json.dumps({"a": row.split("\t")[0], "b": row.split("\t")[1]}) for row in [*ROWS, "x " * 30 + "\ty"]
    )
    result = run(
        "translate", "train", "-", "-o", out, "--format", "jsonl", "--source", "a", "--target", "b", "--level", "char",
        "--attention", "additive", "--input-feeding", "--cell", "gru", "--units", 8, "--layers", 2, "--embedding", 4,
        "--dropout", 0.1, "--vocabulary", 30, "--epochs", 2, "--teacher-forcing", 1, 0.5, "--maxlen", 20,
        "--validation", 0.2, "--history", history, stdin=content,
    )  # fmt: skip
    assert "1 pairs of more than 20 tokens were left out" in result.stderr and f"saved {out}" in result.stderr
    assert len(history.read_text().splitlines()) == 3
    found = Translator.load(out)
    assert found.form._asdict() == {
        "cell": "gru", "units": 8, "layers": 2, "embedding": 4, "attention": "additive", "input_feeding": True,
        "dropout": 0.1,
    }  # fmt: skip
    assert (found.level, found.vocabulary_size) == ("char", 30)
    run("translate", "train", "-", "-o", tmp_path / "n.rtr", *TINY, "--attention", "none", "-q", stdin=ROWS[0])
    assert Translator.load(tmp_path / "n.rtr").form.attention is None


def test_subwords(run: Any, pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = (*TINY, "--level", "subword", "--vocabulary", 280, "--units", 32, "--embedding", 16, "--epochs", 60, "-q")
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "tokenizers", None)
        said = run("translate", "train", pairs, "-o", tmp_path / "m.rtr", *options, code=2).stderr
        assert said.strip() == "recurra: error: Subwords need tokenizers: pip install 'recurra[tokenizers]'"
    pytest.importorskip("tokenizers")
    run("translate", "train", pairs, "-o", tmp_path / "m.rtr", *options)
    assert run("translate", "predict", tmp_path / "m.rtr", "-t", "one two").stdout == "deux un\n"
    assert json.loads(run("translate", "evaluate", tmp_path / "m.rtr", pairs, "--json").stdout)["exact"] == 1
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    said = run("translate", "predict", tmp_path / "m.rtr", "-t", "one two", code=2).stderr
    assert said.strip() == "recurra: error: Subwords need tokenizers: pip install 'recurra[tokenizers]'"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("predict", "{model}", "{pairs}", "-t", "one"), "--sentence cannot be given with files"),
        (("predict", "{model}", "-t", "one", "-t", " "), "--sentence must hold at least one word"),
        (("predict", "{model}", "-t", "one", "--best", 2), "--best needs --json"),
        (("predict", "{model}", "-t", "one", "--best", 9, "--json"), "--best needs --json and a --beam"),
        (("predict", "{model}", "--plot", "a.png"), "--plot draws the map of one --sentence"),
        (("predict", "{pairs}", "-t", "one"), "is not a model"),
        (("evaluate", "{model}", "missing.txt"), "missing.txt: there is no such file"),
        (("train", "{pairs}", "-o", "{model}"), "exists already"),
        (("train", "{pairs}", "-o", "{pairs}x", "--units", 7, "--attention", "dot"), "units divisible by 4"),
    ],
)
def test_bad_input_ends_with_one_line(run: Any, model: Path, pairs: Path, arguments: Any, said: str) -> None:
    given = [str(one).format(model=model, pairs=pairs) for one in arguments]
    assert said in run("translate", *given, code=2).stderr
