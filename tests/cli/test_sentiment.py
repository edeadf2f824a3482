"""``recurra sentiment``."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from recurra.tasks import SentimentClassifier
from tests.support.cli_cases import REVIEWS, SENTIMENT_TINY

TRAIN = ("sentiment", "train")


def test_train_reports_on_standard_error(run: Any, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "m.rsc"
    result = run(*TRAIN, folder / "reviews.tsv", "-o", out, *SENTIMENT_TINY)
    assert result.stdout == "" and "epoch 1/6: loss" in result.stderr
    assert f"saved {out}: validation loss" in result.stderr and "validation accuracy" in result.stderr


@pytest.mark.parametrize("form", ["csv", "jsonl", "text"])
def test_every_form_trains_the_same_model(
    run: Any, folder: Path, tmp_path: Path, review_model: Path, form: str
) -> None:
    if form == "csv":
        out = io.StringIO()
        csv.writer(out).writerows([["stars", "body", "by"], *([label, text, "me"] for text, label in REVIEWS)])
        content, options = out.getvalue(), ["--text", "body", "--label", "stars"]
    elif form == "jsonl":
        content = "\n".join(json.dumps({"text": text, "label": label, "id": 1}) for text, label in REVIEWS)
        options = []
    else:
        content, options = "\n".join(f"{label}\t{text}" for text, label in REVIEWS), ["--format", "text"]
    path, model = tmp_path / f"reviews.{'txt' if form == 'text' else form}", tmp_path / "m"
    path.write_text(content, encoding="utf-8")
    run(*TRAIN, path, "-o", model, *SENTIMENT_TINY, *options, "--seed", 1, "-q")
    expected = SentimentClassifier.load(review_model).predict(["a lovely bore"])
    assert SentimentClassifier.load(model).predict(["a lovely bore"]) == expected
    run(*TRAIN, "-", "--format", form, "-o", model, "-f", *SENTIMENT_TINY, *options, "--seed", 1, "-q", stdin=content)
    assert SentimentClassifier.load(model).predict(["a lovely bore"]) == expected


def test_columns_are_found_as_in_classify(run: Any, tmp_path: Path, review_model: Path) -> None:
    path, model = tmp_path / "reviews.csv", tmp_path / "m"
    for header, said in (
        (["Stars", "Review", "by"], "text from 'Review'"),
        (["label", "text", "title"], "text from 'text'"),
    ):
        out = io.StringIO()
        csv.writer(out).writerows([header, *([label, text, "me"] for text, label in REVIEWS)])
        path.write_text(out.getvalue(), encoding="utf-8")
        assert said in run(*TRAIN, path, "-o", model, "-f", *SENTIMENT_TINY, "--seed", 1).stderr
        assert said in run("sentiment", "evaluate", model, path).stderr
        assert run("sentiment", "predict", model, path, "-q").stdout.count("\n") == len(REVIEWS)


def test_predict_prints_label_score_text(run: Any, review_model: Path) -> None:
    predict = ("sentiment", "predict", review_model)
    expected = SentimentClassifier.load(review_model).predict(["a lovely film", "a dull\tbore"])
    text = run(*predict, "-t", "a lovely film", "-t", "a dull\tbore").stdout
    assert text == f"pos\t{expected[0].score:.4f}\ta lovely film\nneg\t{expected[1].score:.4f}\ta dull bore\n"
    assert run(*predict, stdin="a lovely film\n\na dull\tbore\n").stdout == text
    rows = list(csv.reader(io.StringIO(run(*predict, "--to", "csv", stdin='a "lovely", film\n').stdout)))
    assert rows[0] == ["label", "score", "text"] and rows[1][2] == 'a "lovely", film'
    found = json.loads(run(*predict, "--to", "jsonl", "-t", "a lovely film").stdout)
    assert found["label"] == "pos" and found["text"] == "a lovely film" and set(found["scores"]) == {"neg", "pos"}


def test_predict_files(run: Any, folder: Path, tmp_path: Path, review_model: Path) -> None:
    lines = run("sentiment", "predict", review_model, folder / "reviews.tsv").stdout.splitlines()
    assert [line.split("\t")[0] for line in lines] == [label for _, label in REVIEWS]
    (tmp_path / "a.txt").write_text("a lovely film\n", encoding="utf-8")
    (tmp_path / "b.jsonl").write_text('{"body": "a dull bore"}\n', encoding="utf-8")
    assert (
        len(run("sentiment", "predict", review_model, tmp_path / "a.txt", "-", stdin="more\n").stdout.splitlines()) == 2
    )
    found = run("sentiment", "predict", review_model, tmp_path / "b.jsonl", "--text", "body").stdout
    assert found.startswith("neg\t")


def test_evaluate(run: Any, folder: Path, review_model: Path) -> None:
    text = run("sentiment", "evaluate", review_model, folder / "reviews.tsv").stdout
    assert text.startswith("accuracy 100.00%") and "over 16 texts" in text
    assert [line.split() for line in text.splitlines()[-2:]] == [["neg", "8", "0"], ["pos", "0", "8"]]
    found = json.loads(run("sentiment", "evaluate", review_model, folder / "reviews.tsv", "--json").stdout)
    assert found["accuracy"] == 1.0 and found["confusion"]["neg"] == {"neg": 8, "pos": 0}


def test_bad_input_is_found_before_training(run: Any, folder: Path, tmp_path: Path, review_model: Path) -> None:
    out = tmp_path / "m.rsc"

    def error(*arguments: Any, stdin: str | None = None) -> str:
        result = run(*arguments, code=2, stdin=stdin)
        assert not out.exists() and result.stdout == ""
        return str(result.stderr)

    def bad(content: str, form: str = "csv") -> str:
        return error(*TRAIN, "-", "--format", form, "-o", out, stdin=content)

    assert "no column is called like a label" in bad("number,text\n1,good\n")
    assert "line 3: expected 2 columns" in bad("label,text\n1,good\n0\n")
    assert "line 2: the label is empty" in bad("label,text\n,good\n")
    assert "line 3: the text is empty" in bad("label,text\n1,good\n0, \n")
    assert "line 1: not JSON" in bad("label", "jsonl")
    assert "'text' must be a string" in bad('{"text": 3, "label": 1}', "jsonl")
    assert "at least two kinds" in bad("label,text\n1,good\n1,better\n")
    assert "'postive' occurs only once" in bad("label,text\npos,a\nneg,b\npostive,c\npos,d\nneg,e\n")
    assert "does not say how to read it" in error(*TRAIN, folder / "verse.docx", "-o", out)
    assert "exists already" in error(*TRAIN, folder / "reviews.tsv", "-o", review_model)
    evaluate = ("sentiment", "evaluate", review_model, "-", "--format", "csv")
    assert "must be one of 'neg', 'pos', got 'great'" in error(*evaluate, stdin="label,text\ngreat,fun\n")
    assert "must hold a sentiment classifier" in error("sentiment", "predict", make_lm(tmp_path), "-t", "x")
    assert "--sentence cannot be given with files" in error("sentiment", "predict", review_model, "a.txt", "-t", "x")
    assert "holds no text" in error(
        "sentiment", "predict", review_model, "-", "--format", "text", "--encoding", "latin-1", stdin=""
    )


def make_lm(folder: Path) -> Path:
    from recurra.tasks import LanguageModel

    model = LanguageModel(units=3, embedding=2, seed=1)
    model.fit("some text, " * 9, epochs=1, window=7, batch_size=2, verbose=0)
    model.save(folder / "lm.rlm")
    return folder / "lm.rlm"


def test_processes_keep_the_order(run: Any, review_model: Path, tmp_path: Path) -> None:
    path = tmp_path / "many.txt"
    path.write_text("".join(f"a {'lovely film' if i % 3 else 'dull bore'} {i}\n" for i in range(1100)))
    one = run("sentiment", "predict", review_model, path, "--to", "csv").stdout
    assert run("sentiment", "predict", review_model, path, "--to", "csv", "--jobs", 2).stdout == one
    assert [line.split()[-1] for line in one.splitlines()[1:]] == [str(i) for i in range(1100)]
