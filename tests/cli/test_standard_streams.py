"""Commands whose standard streams are closed, full or broken."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from recurra.tasks import LanguageModel
from tests.support.cli_cases import LM_TINY, shell

pytestmark = pytest.mark.skipif(os.name != "posix", reason="streams of POSIX")


@pytest.mark.parametrize("line", ['"$@" 2>&-', '"$@" >&- 2>&- <&-', 'set -o pipefail; "$@" 2>&1 | head -n 1'])
def test_closed_and_broken_streams_end_progress_not_work(folder: Path, tmp_path: Path, line: str) -> None:
    out = tmp_path / "m.rlm"
    result = shell(line, "lm", "train", folder / "verse.txt", "-o", out, *LM_TINY, "--epochs", 9, "--sample", 5)
    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stdout + result.stderr
    assert LanguageModel.load(out).trained["epochs"] >= 1


def test_a_closed_input_is_an_empty_one(review_model: Path) -> None:
    result = shell('"$@" <&-', "sentiment", "predict", review_model)
    assert result.returncode == 2 and result.stderr.startswith("recurra: error: standard input holds no text")


def test_a_closed_output_is_an_error(verse_model: Path) -> None:
    result = shell('"$@" >&-', "lm", "generate", verse_model)
    assert result.returncode == 2 and result.stderr == "recurra: error: standard output: Bad file descriptor\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_output_is_an_error(verse_model: Path) -> None:
    result = shell('"$@" > /dev/full', "lm", "generate", verse_model)
    assert result.returncode == 2
    assert result.stderr == "recurra: error: standard output: No space left on device\n"


@pytest.mark.parametrize("form", ["tsv", "csv", "jsonl"])
def test_halves_of_surrogate_pairs_are_written_as_escapes(review_model: Path, tmp_path: Path, form: str) -> None:
    path = tmp_path / "texts.jsonl"
    path.write_text('{"text": "a \\ud800 film"}\n{"text": "a d\\u00e9j\\u00e0 vu"}\n', encoding="ascii")
    result = shell('"$@"', "sentiment", "predict", review_model, path, "--to", form)
    assert result.returncode == 0, result.stderr
    first, second = result.stdout.splitlines()[-2:]
    assert "a \\ud800 film" in first and "a déjà vu" in second
    if form == "jsonl":
        assert json.loads(first)["text"] == "a \ud800 film"


def test_translations_of_halves_of_surrogate_pairs(run: Any, tmp_path: Path) -> None:
    model, pairs = tmp_path / "m.rtr", "".join(f"one {i % 3}\tun {i % 3}\n" for i in range(9))
    run("translate", "train", "-", "-o", model, "--units", 5, "--embedding", 3, "--epochs", 1, "-q", stdin=pairs)
    path = tmp_path / "texts.jsonl"
    path.write_text('{"text": "one \\ud800"}\n', encoding="ascii")
    for more in ((), ("--json",)):
        result = shell('"$@"', "translate", "predict", model, path, *more)
        assert result.returncode == 0 and result.stdout.count("\n") == 1, result.stderr
