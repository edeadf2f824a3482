"""``recurra lm quantize`` and ``recurra sentiment quantize``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from recurra.tasks import LanguageModel, SentimentClassifier
from tests.support.cli_cases import LM_TINY


def _perplexity(run: Any, model: Path, text: Path, *options: Any) -> float:
    return float(json.loads(run("lm", "perplexity", model, text, "--json", "-q", *options).stdout)["perplexity"])


def test_language_model(run: Any, folder: Path, tmp_path: Path, verse_model: Path) -> None:
    out = tmp_path / "small.rlm"
    result = run("lm", "quantize", verse_model, "-o", out)
    assert result.stdout == ""
    assert f"saved {out}: {out.stat().st_size:,} bytes, from {verse_model.stat().st_size:,}" in result.stderr
    plain, small = (_perplexity(run, model, folder / "verse.txt") for model in (verse_model, out))
    assert small == pytest.approx(plain, rel=0.005)
    assert small != plain
    assert _perplexity(run, out, folder / "verse.txt", "--streams", 3) == pytest.approx(plain, rel=0.2)
    generate = ("lm", "generate", out, "--seed", 3, "--length", 40)
    assert run(*generate).stdout == run(*generate).stdout
    model = LanguageModel.load(out)
    assert model.model.layers[0].dtype_policy == "int8_from_float32"
    model.save(tmp_path / "again.rlm")
    assert _perplexity(run, tmp_path / "again.rlm", folder / "verse.txt") == small
    with pytest.raises(ValueError, match="needs float weights"):
        model.fit("more text to learn, and some more of it, and more")


def test_refused(run: Any, folder: Path, tmp_path: Path, verse_model: Path, review_model: Path) -> None:
    out = tmp_path / "small.rlm"
    run("lm", "quantize", verse_model, "-o", out, "-q")
    assert "exists" in run("lm", "quantize", verse_model, "-o", out, code=2).stderr
    assert "quantized already" in run("lm", "quantize", out, "-o", tmp_path / "twice.rlm", code=2).stderr
    assert "must hold a language model" in run("lm", "quantize", review_model, "-o", tmp_path / "x", code=2).stderr
    run("lm", "quantize", out, "-f", "-o", out, code=2)
    run("lm", "train", folder / "verse.txt", "-f", "-o", tmp_path / "y.rlm", *LM_TINY, "-q")


def test_sentiment(run: Any, folder: Path, tmp_path: Path, review_model: Path) -> None:
    out = tmp_path / "small.rsc"
    result = run("sentiment", "quantize", review_model, "-o", out, "-q")
    assert (result.stdout, result.stderr) == ("", "")
    evaluate = ("sentiment", "evaluate", "--json", "-q")
    plain, small = (json.loads(run(*evaluate, model, folder / "reviews.tsv").stdout) for model in (review_model, out))
    assert small["accuracy"] == plain["accuracy"]
    assert SentimentClassifier.load(out).model.layers[-1].quantization_mode == "int8"


def test_untrained() -> None:
    with pytest.raises(ValueError, match="must be trained before quantize"):
        LanguageModel().quantize()
