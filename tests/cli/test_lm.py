"""``recurra lm``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from recurra.tasks import LanguageModel
from tests.support.cli_cases import LM_TINY, VERSE


def test_train_reports_on_standard_error(run: Any, folder: Path, tmp_path: Path) -> None:
    out, history = tmp_path / "m.rlm", tmp_path / "losses.csv"
    result = run("lm", "train", folder / "verse.txt", "-o", out, *LM_TINY, "--history", history)
    assert result.stdout == ""
    assert "epoch 2/2: loss" in result.stderr and f"saved {out}: validation loss" in result.stderr
    assert "nats/character" in result.stderr
    rows = history.read_text(encoding="utf-8").splitlines()
    assert rows[0].split(",")[0] == "epoch" and {"loss", "val_loss"} <= set(rows[0].split(",")) and len(rows) == 3


def test_results_as_json(run: Any, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "m"
    found = json.loads(run("lm", "train", folder / "verse.txt", "-o", out, *LM_TINY, "-q", "--json").stdout)
    assert found == {"model": str(out), **LanguageModel.load(out).trained} and found["epochs"] == 2
    sampled = run("lm", "train", folder / "verse.txt", "-o", out, "-f", *LM_TINY, "-q", "--json", "--sample", 5)
    assert json.loads(sampled.stdout)["model"] == str(out) and sampled.stderr.count("--- epoch") == 2
    generate = ("lm", "generate", out, "--prompt", "Ring", "--length", 9)
    texts = [json.loads(line) for line in run(*generate, "--seed", 4, "--count", 2, "--json").stdout.splitlines()]
    assert [text["seed"] for text in texts] == [4, 5] and all(len(text["text"]) == 9 for text in texts)
    assert run(*generate, "--seed", 5, "--no-echo").stdout == texts[1]["text"] + "\n"
    best = json.loads(run(*generate, "--beam", 2, "--json").stdout)
    (score,) = {round(one.score, 6) for one in LanguageModel.load(out).search("Ring", length=9, width=2)[:1]}
    assert best == {"prompt": "Ring", "text": run(*generate, "--beam", 2, "--no-echo").stdout[:-1], "score": score}


def test_quiet_is_silent(run: Any, folder: Path, tmp_path: Path) -> None:
    result = run("lm", "train", folder / "verse.txt", "-o", tmp_path / "m", *LM_TINY, "-q")
    assert (result.stdout, result.stderr) == ("", "")


def test_same_seed_same_model(run: Any, folder: Path, tmp_path: Path, verse_model: Path) -> None:
    out = tmp_path / "again.rlm"
    run("lm", "train", folder / "verse.txt", "-o", out, *LM_TINY, "--seed", 1, "-q")
    generate = ("lm", "generate", "--seed", 3, "--length", 40)
    assert run(*generate, out).stdout == run(*generate, verse_model).stdout


def test_standard_input_several_files_and_samples(run: Any, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "m"
    result = run(
        "lm", "train", "-", folder / "verse.txt", "-o", out, *LM_TINY, "--sample", 12, "-q", stdin=VERSE.upper()
    )
    assert result.stdout.count("--- epoch") == 2
    assert not LanguageModel.load(out).vocabulary.unknown("RING ring")  # type: ignore[union-attr]


def test_words_and_options(run: Any, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "m"
    options = ["--level", "word", "--cell", "gru", "--layers", 2, "--vocabulary", 12, "--dropout", 0.2, "--seed", 5]
    options += ["--locked-dropout", "--recurrent-dropout", 0.1, "--projection", 3, "--averaging", 0.5]
    run("lm", "train", folder / "verse.txt", "-o", out, *LM_TINY, *options, "-q")
    config = LanguageModel.load(out).get_config()
    expected = {
        "level": "word",
        "cell": "gru",
        "layers": 2,
        "vocabulary_size": 12,
        "dropout": 0.2,
        "locked_dropout": True,
        "recurrent_dropout": 0.1,
        "projection": 3,
        "seed": 5,
        "units": 9,
    }
    assert expected.items() <= config.items()


def test_going_on(run: Any, folder: Path, tmp_path: Path, verse_model: Path) -> None:
    out = tmp_path / "more.rlm"
    train = ("lm", "train", folder / "verse.txt", "--start-from", verse_model, "-o", out, "-q")
    run(*train, "--epochs", 1, "--window", 15, "--batch-size", 3)
    before, after = LanguageModel.load(verse_model), LanguageModel.load(out)
    assert after.units == before.units and after.perplexity(VERSE).loss < before.perplexity(VERSE).loss
    result = run(*train, "--force", "--units", 9, code=2)
    (folder / "greek.txt").write_text("Ring ΑΒΓ\n" * 20, encoding="utf-8")
    other = run("lm", "train", folder / "greek.txt", "--start-from", verse_model, "-o", out, "-q", "-f", "--epochs", 1)
    assert other.stderr == "60 of 180 characters are not in the model's vocabulary, read as unknown\n"
    assert "--units cannot be given with --start-from" in result.stderr


def test_perplexity(run: Any, folder: Path, verse_model: Path) -> None:
    expected = LanguageModel.load(verse_model).perplexity(VERSE * 6)
    text = run("lm", "perplexity", verse_model, folder / "verse.txt").stdout
    assert text.startswith(f"perplexity {expected.perplexity:.4g} a token: {expected.loss:.4f} nats")
    found = json.loads(run("lm", "perplexity", verse_model, "-", "--json", stdin=VERSE * 6).stdout)
    assert found == pytest.approx(expected._asdict())
    result = run("lm", "perplexity", verse_model, "-", "--streams", 2, stdin="Ring §§")
    assert "2 tokens are not in the model's vocabulary" in result.stderr


def test_perplexity_beside_an_n_gram_model(run: Any, folder: Path, verse_model: Path) -> None:
    expected = LanguageModel.load(verse_model).baseline(VERSE * 6, VERSE * 6)
    options = ("lm", "perplexity", verse_model, folder / "verse.txt", "--baseline", folder / "verse.txt")
    assert f"an n-gram model: perplexity {expected.perplexity:.4g}, {expected.loss:.4f} nats" in run(*options).stdout
    found = json.loads(run(*options, "--json").stdout)
    assert found["baseline"]["loss"] == pytest.approx(expected.loss) and found["tokens"] == expected.tokens


def test_bad_input_is_found_before_training(run: Any, folder: Path, tmp_path: Path, verse_model: Path) -> None:
    out = tmp_path / "m.rlm"

    def error(*arguments: Any, stdin: str | None = None) -> str:
        result = run(*arguments, code=2, stdin=stdin)
        assert not out.exists() and result.stdout == ""
        return str(result.stderr)

    train = ("lm", "train", folder / "verse.txt", "-o")
    assert "there is no such file" in error("lm", "train", tmp_path / "none.txt", "-o", out)
    assert "holds no text" in error("lm", "train", "-", "-o", out, stdin=" \n")
    assert "text is too short" in error("lm", "train", "-", "-o", out, stdin="ab")
    (tmp_path / "latin.txt").write_bytes("café".encode("latin-1") * 50)
    assert "byte 0xe9 at offset 3" in error("lm", "train", tmp_path / "latin.txt", "-o", out)
    assert "there is no folder" in error(*train, tmp_path / "no" / "m.rlm")
    assert "must be the name of a file" in error(*train, tmp_path)
    assert "exists already" in error(*train, verse_model)
    assert "--units" in error(*train, out, "--units", 0)
    assert "--dropout" in error(*train, out, "--dropout", 1)
    assert "is not a model that recurra's tasks saved" in error(*train, out, "--start-from", folder / "verse.txt")
    assert "is not a model" in error("lm", "generate", folder / "verse.txt")
    assert "there is no such file" in error("lm", "generate", tmp_path / "none.rlm")
    assert "prompt must be made of characters of the training text" in error(
        "lm", "generate", verse_model, "--prompt", "§"
    )
    assert "Missing option '-o'" in error("lm", "train", folder / "verse.txt")


def test_encoding(run: Any, tmp_path: Path) -> None:
    (tmp_path / "latin.txt").write_bytes("café crème ".encode("latin-1") * 50)
    out = tmp_path / "m"
    run("lm", "train", tmp_path / "latin.txt", "-o", out, *LM_TINY, "--encoding", "latin-1", "-q")
    assert "é" in LanguageModel.load(out).vocabulary._ids  # type: ignore[union-attr]


def test_subwords(run: Any, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = ("--level", "subword", "--vocabulary", 290, "--units", 24, "--embedding", 10, "--epochs", 8, "--seed", 1)
    options = (*options, "--window", 20, "--batch-size", 4, "--learning-rate", 0.03, "-q")
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "tokenizers", None)
        said = run("lm", "train", folder / "verse.txt", "-o", tmp_path / "m.rlm", *options, code=2).stderr
        assert said.strip() == "recurra: error: Subwords need tokenizers: pip install 'recurra[tokenizers]'"
    pytest.importorskip("tokenizers")
    run("lm", "train", folder / "verse.txt", "-o", tmp_path / "m.rlm", *options)
    found = json.loads(run("lm", "perplexity", tmp_path / "m.rlm", folder / "verse.txt", "--json").stdout)
    characters = len((folder / "verse.txt").read_text("utf-8"))
    assert found["characters"] == characters and found["tokens"] < characters / 2 and found["perplexity"] < 280
    text = run("lm", "generate", tmp_path / "m.rlm", "--prompt", "Ring a", "--length", 20, "--temperature", 0).stdout
    assert text.startswith("Ring a")
