"""``recurra tag``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from recurra.tasks import SequenceTagger
from tests.cli.test_cli_interrupted import EACH_BATCH, cut_training
from tests.support.cli_cases import TAG_TINY, TAGGED

TRAIN = ("tag", "train")
COLUMNS = "\n\n".join(f"The DT B-A\n{noun} NN I-A" for noun in ("dog", "cat", "owl") * 5) + "\n"


def test_train_reports_on_standard_error(run: Any, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "m.rst"
    result = run(*TRAIN, folder / "tagged.conllu", "-o", out, *TAG_TINY, "--history", tmp_path / "h.csv")
    assert result.stdout == "" and "epoch 1/6: loss" in result.stderr
    assert f"saved {out}: validation loss" in result.stderr and "nats/word, validation accuracy" in result.stderr
    assert (tmp_path / "h.csv").read_text().startswith("epoch,accuracy,loss,val_accuracy,val_loss\n1,")


def test_predict_replaces_the_column(run: Any, folder: Path, tag_model: Path) -> None:
    untagged = TAGGED.replace("DET\t", "_\t").replace("NOUN\t", "_\t") + "\n"
    assert untagged != TAGGED
    for arguments, stdin in (([folder / "tagged.conllu"], None), (["--format", "conllu"], untagged)):
        assert run("tag", "predict", tag_model, *arguments, stdin=stdin).stdout == TAGGED + "\n"


def test_predict_text(run: Any, tag_model: Path, tmp_path: Path) -> None:
    expected = "The\tDET\nfox\tNOUN\n\n"
    assert run("tag", "predict", tag_model, stdin="The fox\n\n").stdout == expected
    assert run("tag", "predict", tag_model, "-t", "The fox", "-t", "The fox").stdout == expected * 2
    path = tmp_path / "a.txt"
    path.write_text("The fox\n", encoding="utf-8")
    lines = run("tag", "predict", tag_model, path, path, "--json").stdout.splitlines()
    assert [json.loads(line) for line in lines] == [{"words": ["The", "fox"], "labels": ["DET", "NOUN"]}] * 2


def test_large_files_are_read_a_part_at_a_time(
    run: Any, tag_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes, predict = [], SequenceTagger.predict

    def counted(self: Any, sentences: Any, **options: Any) -> Any:
        sizes.append(len(sentences))
        return predict(self, sentences, **options)

    monkeypatch.setattr(SequenceTagger, "predict", counted)
    path = tmp_path / "a.txt"
    path.write_text("The dog\n" * 2500, encoding="utf-8")
    assert len(run("tag", "predict", tag_model, path).stdout.splitlines()) == 7500
    assert sizes == [1024, 1024, 452]


def test_jobs_keep_the_order(tag_model: Path, tmp_path: Path) -> None:
    path, empty = tmp_path / "a.conll", "-DOCSTART- X\n\n"
    rows = [f"The\tX\ndog{i}\tX\n\n" for i in range(600)]
    path.write_text(empty + "".join(rows[:300]) + empty * 300 + "".join(rows[300:]) + empty, encoding="utf-8")
    arguments = [sys.executable, "-m", "recurra", "tag", "predict", str(tag_model), str(path)]
    found = [
        subprocess.run([*arguments, *more], capture_output=True, check=True).stdout for more in ((), ("--jobs", "2"))
    ]
    assert found[0] == found[1]
    lines = found[0].decode().splitlines()
    assert [line.split("\t")[0] for line in lines] == [
        line.split("\t")[0] for line in path.read_text("utf-8").splitlines()
    ]
    assert lines[2:4] == ["The\tDET", "dog0\tNOUN"]


def test_evaluate(run: Any, folder: Path, tag_model: Path) -> None:
    result = run("tag", "evaluate", tag_model, folder / "tagged.conllu")
    assert "accuracy 100.00% of 40 words; 20 sentences" in result.stdout and "NOUN" in result.stdout
    found = json.loads(run("tag", "evaluate", tag_model, folder / "tagged.conllu", "--json").stdout)
    assert found["accuracy"] == 1.0 and found["spans"] is None and found["each"]["DET"]["true"] == 20


def test_columns_of_spans(run: Any, tmp_path: Path) -> None:
    path, out = tmp_path / "eng.train", tmp_path / "m.rst"
    path.write_text("-DOCSTART- X O\n\n" + COLUMNS, encoding="utf-8")
    run(*TRAIN, path, "-o", out, "--dev", path, *TAG_TINY, "--seed", 1, "-q")
    both = run(*TRAIN, path, "-o", out, "-f", "--dev", path, "--validation", 0.5, code=2)
    assert "--validation cannot be given with --dev" in both.stderr
    assert type(SequenceTagger.load(out).model.layers[-1]).__name__ == "CRF"
    assert "F1 100.00%" in run("tag", "evaluate", out, path).stdout
    assert json.loads(run("tag", "evaluate", out, path, "--json").stdout)["spans"]["f1"] == 1.0
    written = run("tag", "predict", out, path).stdout
    assert written == path.read_text(encoding="utf-8") + "\n"
    run(*TRAIN, path, "-o", out, "-f", "--label", 2, *TAG_TINY, "--seed", 1, "-q")
    assert SequenceTagger.load(out).labels == ["DT", "NN"]
    assert run("tag", "predict", out, path).stdout == written  # the second column again
    refused = run("tag", "evaluate", out, path, "--label", 9, code=2).stderr
    assert "eng.train, line 3: no label in column 9" in refused


def test_standard_input_and_vectors(run: Any, folder: Path, tmp_path: Path, tag_model: Path) -> None:
    out = tmp_path / "m.rst"
    run(*TRAIN, "-", "--format", "conllu", "-o", out, *TAG_TINY, "--seed", 1, "-q", stdin=TAGGED)
    expected = SequenceTagger.load(tag_model).model.get_weights()
    for one, other in zip(SequenceTagger.load(out).model.get_weights(), expected, strict=True):
        assert (one == other).all()
    vectors = tmp_path / "v.txt"
    vectors.write_text("dog 1 0 1\ncat 1 0 2\nowl 0 0 1\n", encoding="utf-8")
    run(*TRAIN, folder / "tagged.conllu", "-o", out, "-f", *TAG_TINY, "--vectors", vectors, "-q")
    assert SequenceTagger.load(out).model.get_layer("pretrained_vectors").get_weights()[0].shape == (5, 3)


def test_resume(run: Any, folder: Path, tmp_path: Path, tag_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "m.rst"
    train = (*TRAIN, folder / "tagged.conllu", "-o", out, *TAG_TINY, "--seed", 1, "-q", *EACH_BATCH)
    cut_training(monkeypatch, 9, *train)
    assert not out.exists()
    run(*train, "--resume")
    expected = SequenceTagger.load(tag_model).model.get_weights()
    for one, other in zip(SequenceTagger.load(out).model.get_weights(), expected, strict=True):
        assert (one == other).all()


def test_plot(run: Any, folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    train = (*TRAIN, folder / "tagged.conllu", "-o", tmp_path / "m.rst", *TAG_TINY, "-q", "--plot", tmp_path / "p.svg")
    run(*train)
    assert (tmp_path / "p.svg").read_text(encoding="utf-8").count("<svg") == 1


def test_bad_input(run: Any, folder: Path, tmp_path: Path, tag_model: Path, review_model: Path) -> None:
    out = tmp_path / "m.rst"
    assert "plain text has no labels" in run(*TRAIN, "-", "-o", out, code=2, stdin="The dog\n").stderr
    assert (
        "CoNLL-U has 10 columns" in run(*TRAIN, folder / "reviews.tsv", "--format", "conllu", "-o", out, code=2).stderr
    )
    assert "must be a number from 1" in run(*TRAIN, folder / "tagged.conllu", "-o", out, "--label", "x", code=2).stderr
    assert "cannot be given with files" in run("tag", "predict", tag_model, "-t", "a", out, code=2).stderr
    assert "at least one word" in run("tag", "predict", tag_model, "-t", " ", code=2).stderr
    assert (
        "must hold a sequence tagger, got a sentiment classifier"
        in run("tag", "predict", review_model, "-t", "a", code=2).stderr
    )
    assert not out.exists()


@pytest.mark.parametrize("command", [(), ("train",), ("predict",), ("evaluate",)])
def test_help(run: Any, command: tuple[str, ...]) -> None:
    assert "Examples:" in run("tag", *command, "--help").stdout
