"""The bench of the tagger, on an invented tree bank of its form."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.tasks import tagging


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "trees").mkdir()
    for part, nouns in (("train", "dog cat owl cow"), ("dev", "dog cow"), ("test", "cat fox")):
        sentences = [
            f"1\tThe\tthe\tDET\tDT\t_\t2\tdet\t_\t_\n2\t{noun}\t{noun}\tNOUN\tNN\t_\t0\troot\t_\t_\n\n"
            for noun in nouns.split() * 10
        ]
        with gzip.open(tmp_path / "trees" / f"en_ewt-ud-{part}.conllu.gz", "wt", encoding="utf-8") as file:
            file.writelines(sentences)
    (tmp_path / "glove.txt").write_text("dog 1 0 1\nfox 1 0 2\nthe 0 0 1\n", encoding="utf-8")
    return tmp_path


def test_a_row_for_each_seed(data: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    out = data / "m.rst"
    arguments = [data, "--seeds", 1, 2, "--most", 12, "--epochs", 1, "--quiet", "--label", "xpos", "--out", out]
    monkeypatch.setattr(sys, "argv", ["tagging", *map(str, arguments)])
    tagging.main()
    lines = capsys.readouterr().out.splitlines()
    one = ["reading and training", "test"]
    assert [line.split(":")[0] for line in lines] == [*one, "seed 1", *one, "seed 2"]
    assert "xpos of 24 test words" in lines[2] and "dev" in lines[2] and "peak memory" in lines[0]
    assert tagging.SequenceTagger.load(out).labels == ["DT", "NN"]


def test_dev_alone(data: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    (data / "trees" / "en_ewt-ud-test.conllu.gz").unlink()
    (data / "glove.txt").unlink()
    arguments = [data, "--no-test", "--no-vectors", "--epochs", 1, "--quiet"]
    monkeypatch.setattr(sys, "argv", ["tagging", *map(str, arguments)])
    tagging.main()
    assert capsys.readouterr().out.splitlines()[-1].startswith("seed 1: dev ")


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"holds no en_ewt-ud-dev\.conllu"):
        tagging.read_part(tmp_path, "dev", "upos")
