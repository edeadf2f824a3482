"""``recurra classify``."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from recurra.cli.inputs import text_batches
from recurra.tasks import TextClassifier
from tests.support.cli_cases import REVIEWS

TINY = ["--units", "5", "--embedding", "4", "--batch-size", "4", "--learning-rate", "0.05", "--epochs", "12",
        "--word-dropout", "0", "--patience", "12", "--seed", "1"]  # fmt: skip
PROC = Path("/proc/self/task").exists()


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("classify") / "table.csv"
    out = io.StringIO()
    rows = [(label, text, i // 3) for i, (text, label) in enumerate(REVIEWS)]
    csv.writer(out).writerows([["sentiment", "review", "source"], *rows])
    path.write_text(out.getvalue(), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def model(run: Any, table: Path) -> Path:
    out = table.with_name("m.rsc")
    run("classify", "train", table, "-o", out, *TINY, "-q")
    return out


def test_train_says_which_columns_it_took(run: Any, table: Path, tmp_path: Path) -> None:
    out = tmp_path / "m.rsc"
    said = run("classify", "train", table, "-o", out, *TINY, "--history", tmp_path / "h.csv")
    assert said.stdout == "" and f"{table}: text from 'review', label from 'sentiment'" in said.stderr
    assert f"saved {out}: validation loss" in said.stderr and (tmp_path / "h.csv").exists()
    for extra in (["--quiet"], ["--text", "review", "--label", "sentiment"]):
        assert "text from" not in run("classify", "train", table, "-o", out, "-f", *TINY, *extra).stderr


@pytest.mark.parametrize("option", ["--vectors", "--language-model"])
def test_what_is_read_is_never_overwritten(run: Any, table: Path, tmp_path: Path, option: str) -> None:
    start = tmp_path / "start"
    start.write_text("lovely 1 2\n", encoding="utf-8")
    said = run("classify", "train", table, "-o", start, "-f", option, start, code=2).stderr
    assert f"{start} is the file that is read" in said and start.read_text() == "lovely 1 2\n"


def test_every_option_reaches_the_classifier(run: Any, table: Path, tmp_path: Path) -> None:
    out, vectors = tmp_path / "m.rsc", tmp_path / "v.txt"
    vectors.write_text("lovely 1 2 3\ndull -1 -2 -3\n", encoding="utf-8")
    run(
        "classify", "train", table, "-o", out, "--cell", "gru", "--units", 3, "--pooling", "attention", "--pairs", 7,
        "--dropout", 0.25, "--word-dropout", 0.125, "--averaging", 0.5, "--vocabulary", 20, "--maxlen", 9,
        "--vectors", vectors, "--group", "source", "--validation", 0.3, "--epochs", 1, "--seed", 4, "-q",
    )  # fmt: skip
    config = TextClassifier.load(out).get_config()
    assert config == {
        "cell": "gru", "units": 3, "embedding": 3, "pooling": "attention", "pairs": 7, "dropout": 0.25,
        "word_dropout": 0.125, "bidirectional": True, "vocabulary_size": 20, "maxlen": 9, "seed": 4,
    }  # fmt: skip


def test_a_language_model_to_start_from(run: Any, table: Path, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("\n".join(text for text, _ in REVIEWS), encoding="utf-8")
    lm, out = tmp_path / "lm.rlm", tmp_path / "m.rsc"
    run("lm", "train", text, "-o", lm, "--level", "word", "--units", 6, "--embedding", 4, "--epochs", 1, "-q")
    run("classify", "train", table, "-o", out, "--language-model", lm, "--units", 6, "--epochs", 1, "-q")
    assert TextClassifier.load(out).predict(["a lovely film"]).shape == (1,)
    error = run("classify", "train", table, "-o", out, "-f", "--language-model", lm, "--units", 5, "-q", code=2).stderr
    assert "units must be that of the language model, 6, got 5" in error


def test_groups(run: Any, table: Path, tmp_path: Path) -> None:
    out = tmp_path / "m.rsc"
    error = run("classify", "train", table, "-o", out, "--group", "sentiment", code=2).stderr
    assert "the smallest group has 8 of 16 texts, more than are to be held out, 2" in error
    error = run("classify", "train", table, "-o", out, "--group", "who", code=2).stderr
    assert "the first row must name a column 'who', it names sentiment, review, source" in error
    error = run("classify", "train", "-", "-o", out, "--group", "x", code=2, stdin="a\tb\n").stderr
    assert "a plain text file has no column 'x'" in error


def test_predict(run: Any, table: Path, model: Path) -> None:
    lines = run("classify", "predict", model, table, "-q").stdout.splitlines()
    assert [line.split("\t")[0] for line in lines] == [label for _, label in REVIEWS]
    assert run("classify", "predict", model, stdin="a lovely film\n").stdout.startswith("pos\t")
    found = json.loads(run("classify", "predict", model, "--json", "-t", "a dull bore").stdout)
    assert found["label"] == "neg" and set(found["scores"]) == {"neg", "pos"}
    assert "text from 'review'" in run("classify", "predict", model, table).stderr
    error = run("classify", "predict", model, table, "-t", "x", code=2).stderr
    assert "--sentence cannot be given with files" in error


def test_the_older_command_reads_the_same_files(run: Any, model: Path, review_model: Path) -> None:
    assert run("sentiment", "predict", model, "-t", "a lovely film").stdout.startswith("pos\t")
    assert run("classify", "predict", review_model, "-t", "a lovely film").stdout.startswith("pos\t")


def test_processes_keep_the_order(run: Any, model: Path, tmp_path: Path) -> None:
    path = tmp_path / "many.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for i in range(2100):
            file.write(json.dumps({"comment": f"a {'lovely film' if i % 3 else 'dull bore'} {i}"}) + "\n")
    one = run("classify", "predict", model, path, "-q").stdout
    assert run("classify", "predict", model, path, "-q", "--jobs", 2).stdout == one
    assert [line.split()[-1] for line in one.splitlines()] == [str(i) for i in range(2100)]
    path.write_text(path.read_text("utf-8") + '{"comment": " "}\n', encoding="utf-8")
    said = run("classify", "predict", model, path, "-q", "--jobs", 2, code=2)
    assert "line 2101: the text is empty" in said.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("early", [False, pytest.param(True, marks=pytest.mark.skipif(not PROC, reason="needs /proc"))])
def test_ctrl_c_ends_all_processes(model: Path, early: bool) -> None:
    """At the first answer, or while the processes start."""
    command = [sys.executable, "-m", "recurra", "classify", "predict", os.fspath(model), "--jobs", "2"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment,
        start_new_session=True,
    ) as process:  # fmt: skip
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        process.stdin.write(b"a lovely film\n" * 3000)
        process.stdin.flush()
        if early:
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
            while len(children.read_text().split()) < 2:  # the first is multiprocessing's tracker of resources
                time.sleep(0.001)
            time.sleep(0.06)  # within the imports of the processes
        else:
            assert process.stdout.readline().startswith(b"pos\t")
        os.killpg(process.pid, signal.SIGINT)
        process.stdout.read()
        error = process.stderr.read()
        assert process.wait(60) == 130, error
    assert b"Traceback" not in error


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, ending: str) -> None:
    peaks = []
    options = {"file_format": None, "encoding": "utf-8", "text_column": "text"}
    for rows in (1000, 8000):
        path = tmp_path / f"{rows}.{ending}"
        with path.open("w", encoding="utf-8") as file:
            file.write("text,label\n" if ending == "csv" else "")
            for i in range(rows):
                text = f"{i} " + "word " * 400
                file.write(f"{text},1\n" if ending == "csv" else json.dumps({"text": text}) + "\n")
        tracemalloc.start()
        assert sum(len(batch) for batch in text_batches([os.fspath(path)], options, 256)) == rows
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.3 * peaks[0], peaks


def test_evaluate(run: Any, table: Path, model: Path) -> None:
    text = run("classify", "evaluate", model, table).stdout
    assert text.startswith("accuracy 100.00%")
    assert ["pos", "1.0000", "1.0000", "1.0000", "8"] in [line.split() for line in text.splitlines()]
    assert [line.split() for line in text.splitlines()[-2:]] == [["neg", "8", "0"], ["pos", "0", "8"]]
    found = json.loads(run("classify", "evaluate", model, table, "--json").stdout)
    assert found["macro_f1"] == 1.0 and found["report"]["neg"] == {
        "precision": 1.0, "recall": 1.0, "f1": 1.0, "support": 8
    }  # fmt: skip


def test_pictures(run: Any, table: Path, model: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    confusion, losses = tmp_path / "c.png", tmp_path / "h.png"
    run("classify", "evaluate", model, table, "--plot", confusion)
    run("classify", "train", table, "-o", tmp_path / "m.rsc", *TINY, "-q", "--plot", losses)
    assert confusion.read_bytes()[:4] == losses.read_bytes()[:4] == b"\x89PNG"
    error = run("classify", "evaluate", model, table, "--plot", tmp_path / "no" / "c.png", code=2).stderr
    assert "there is no folder" in error
    assert "is the file that is read" in run("classify", "evaluate", model, table, "--plot", table, code=2).stderr
    error = run("classify", "train", table, "-o", tmp_path / "x", "--plot", tmp_path / "x", code=2).stderr
    assert "cannot be both this output and" in error


def test_explain(run: Any, model: Path, table: Path, tmp_path: Path) -> None:
    text = run("classify", "explain", model, "-t", "a dull film, a bore").stdout
    assert text.startswith("neg ") and "a dull film, a bore" in text and "\n  for: " in text
    assert "\x1b" not in text  # not a terminal
    found = json.loads(run("classify", "explain", model, "-t", "a dull bore", "--for", "pos", "--json").stdout)
    assert found["label"] == "pos" and [one["token"] for one in found["tokens"]] == ["a", "dull", "bore"]
    assert found["tokens"][1]["value"] < 0 or found["tokens"][2]["value"] < 0
    html = tmp_path / "e.html"
    assert run("classify", "explain", model, table, "--html", html, "-q").stdout == ""
    assert html.read_text("utf-8").count("<hr>") == 15
    assert "--for must be one of 'neg', 'pos', got 'great'" in run(
        "classify", "explain", model, "-t", "x", "--for", "great", code=2
    ).stderr  # fmt: skip


def test_a_training_goes_on(run: Any, table: Path, tmp_path: Path) -> None:
    out = tmp_path / "m.rsc"
    error = run("classify", "train", table, "-o", out, "--resume", "--checkpoint-minutes", 0, code=2).stderr
    assert "--resume needs checkpoints" in error
    run("classify", "train", table, "-o", out, *TINY, "-q", "--resume")
    assert not out.with_name("m.rsc.checkpoint").exists()


@pytest.mark.parametrize("group", ["classify", "sentiment"])
def test_class_weight(run: Any, tmp_path: Path, group: str) -> None:
    texts = [("a good film", "pos")] * 3 + [("a bad film", "neg")] * 27
    path, out = tmp_path / "few.csv", tmp_path / "m.rsc"
    path.write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in texts), encoding="utf-8")
    train = (group, "train", path, "-o", out, "-f", "--units", 5, "--epochs", 3, "--seed", 1, "-q")
    shares = []
    for more in ((), ("--class-weight", "balanced")):
        run(*train, *more)
        found = json.loads(run(group, "predict", out, "-t", "a good film", "--json").stdout)
        shares.append(found["scores"]["pos"])
    assert shares[0] < shares[1] - 0.02
    assert "--class-weight" in run(*train, "--class-weight", "no", code=2).stderr
