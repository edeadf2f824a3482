"""``recurra demo``, small."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from recurra.cli import demo
from recurra.tasks import LanguageModel

SMALL = ("--epochs", 1, "--units", 8, "--length", 50)


def test_it_runs_through(run: Any, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "demo.rlm"
    result = run("demo", "--text", folder / "verse.txt", *SMALL, "-o", out, stdin="A joy to use.\n\nTerrible.\n")
    text = result.stdout
    assert "--- after epoch 1" in text and "held-out accuracy" in text and "of 60 sentences" in text
    lines = text.splitlines()
    for sentence in demo.EXAMPLES:
        assert any(line.endswith(sentence) for line in lines)
    assert LanguageModel.load(out).units == 8
    assert "epoch 1/1: loss" in result.stderr


def test_the_default_text_is_there() -> None:
    text, source = demo.read_demo_text(None)
    assert len(text) > 300_000 and "reference" in source


def test_bad_input(run: Any, folder: Path, tmp_path: Path) -> None:
    assert "no such file" in run("demo", "--text", tmp_path / "none", code=2).stderr
    (tmp_path / "wide.txt").write_text("to be or not to be\n" * 9, encoding="utf-16")
    said = run("demo", "--text", tmp_path / "wide.txt", code=2).stderr
    assert said.endswith("begins as utf-16: pass --encoding utf-16\n")
    assert demo.read_demo_text(str(tmp_path / "wide.txt"), "utf-16")[0].startswith("to be")
    assert "exists already" in run("demo", "-o", folder / "verse.txt", code=2).stderr


def test_typed_sentences_until_an_empty_line(monkeypatch: Any, capsys: Any) -> None:
    class Echo:
        def predict(self, texts: list[str]) -> list[Any]:
            from recurra.tasks import Prediction

            return [Prediction("positive", 0.75, {}) for _ in texts]

    answers = iter(["first", " second ", ""])
    monkeypatch.setattr(demo, "stdin_is_terminal", lambda: True)
    monkeypatch.setattr("builtins.input", lambda prompt: next(answers))
    demo.show_predictions(Echo())
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2:] == [" positive  75.0%  first", " positive  75.0%  second"]
