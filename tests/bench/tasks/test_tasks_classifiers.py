"""The classifiers' benches on small files: that they run, and on which data."""

from __future__ import annotations

import json
import lzma
from pathlib import Path

import pytest

from bench.tasks import imdb, rt_polarity
from bench.tasks.resources import Meter, setting

TINY = ["--threads", "1", "--set", "units", "4", "--set", "embedding", "3", "--set", "epochs", "2"]


def reviews(n: int) -> list[dict[str, object]]:
    words = (["dull", "poor", "flat"], ["warm", "witty", "fresh"])
    return [{"text": f"A {words[i % 2][i % 3]} film, part {i}", "label": i % 2} for i in range(n)]


def test_imdb(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, n in (("imdb_train", 120), ("imdb_test", 30)):
        content = "\n".join(json.dumps(row) for row in reviews(n))
        (tmp_path / f"{name}.jsonl.xz").write_bytes(lzma.compress(content.encode()))
    assert 0 <= imdb.main([str(tmp_path), *TINY]) <= 1
    said = capsys.readouterr().out
    assert "of 30 reviews of the official test set, seed 1" in said and "CPU s, peak memory" in said
    imdb.main([str(tmp_path), *TINY, "--dev"])
    assert "of 24 reviews of the last fifth of the training reviews" in capsys.readouterr().out
    imdb.main([str(tmp_path), *TINY, "--dev", "--limit", "60", "--language-model", "1"])
    assert "language model: " in capsys.readouterr().out
    with pytest.raises(SystemExit, match=r"must hold one file imdb_train\.jsonl, perhaps packed, got 0"):
        imdb.main([str(tmp_path / "none")])


def test_rt_polarity(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for label, name in enumerate(("neg", "pos")):
        lines = [str(row["text"]) for row in reviews(100) if row["label"] == label]
        (tmp_path / f"rt-polarity.{name}").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "v.txt").write_text("dull 1 2 3\nwarm -1 -2 -3\n", encoding="utf-8")
    vectors = ["--vectors", str(tmp_path / "v.txt"), "--folds", "2"]
    assert 0 <= rt_polarity.main([str(tmp_path), *TINY, *vectors]) <= 1
    assert "over 2 folds, seed 1" in capsys.readouterr().out
    rt_polarity.main([str(tmp_path), *TINY, *vectors, "--dev"])
    assert "over 2 development slices" in capsys.readouterr().out


def test_settings_and_costs() -> None:
    assert [setting(text) for text in ("3", "0.5", "max")] == [3, 0.5, "max"]
    cost = Meter().read()
    assert cost.seconds >= 0 and "CPU s" in str(cost)
