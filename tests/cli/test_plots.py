"""``--plot``: a picture of the losses, and what is refused before the work."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli_cases import LM_TINY, REVIEWS, SENTIMENT_TINY


@pytest.mark.parametrize("ending", [".png", ".svg"])
def test_a_training_draws_its_losses(run: Any, folder: Path, tmp_path: Path, ending: str) -> None:
    pytest.importorskip("matplotlib")
    picture = tmp_path / f"losses{ending}"
    run("lm", "train", folder / "verse.txt", "-o", tmp_path / "m", *LM_TINY, "-q", "--plot", picture)
    assert picture.read_bytes()[:4] in (b"\x89PNG", b"<?xm")


def test_what_cannot_be_drawn_is_refused_before_the_training(run: Any, folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    out = tmp_path / "m.png"
    for picture, message in (
        (tmp_path / "losses.txt", "--plot must name a file that ends in .png, .svg, .pdf"),
        (tmp_path / "nowhere" / "losses.png", "cannot be written: there is no folder"),
        (out, "cannot be both this output and"),
    ):
        result = run("lm", "train", folder / "verse.txt", "-o", out, *LM_TINY, "--plot", picture, code=2)
        assert message in result.stderr and not out.exists()


@pytest.mark.parametrize(
    ("group", "size", "lines"),
    [
        ("sentiment", SENTIMENT_TINY, [f"{label}\t{text}" for text, label in REVIEWS]),
        ("translate", ("--units", 5, "--embedding", 4, "--epochs", 2), ["a b\tc d", "b a\td c", "a\tc", "b\td"] * 3),
        ("chat", ("--units", 5, "--embedding", 4, "--epochs", 2), ["a b\tc d", "b a\td c"]),
        ("answer", ("--units", 5, "--embedding", 4, "--epochs", 2), ["1 A is in B.", "2 Where is A?\tB"] * 20),
    ],
)
def test_every_training_draws_its_losses(run: Any, tmp_path: Path, group: str, size: Any, lines: list[str]) -> None:
    pytest.importorskip("matplotlib")
    source, out, picture = tmp_path / "lines.txt", tmp_path / "m", tmp_path / "losses.png"
    source.write_text("\n".join(lines) + "\n", encoding="utf-8")
    run(group, "train", source, "-o", out, *size, "-q", "--plot", picture)
    assert picture.read_bytes()[:4] == b"\x89PNG" and out.exists()


@pytest.mark.parametrize(
    ("group", "file"),
    [
        ("lm", "verse.txt"), ("tag", "tagged.conllu"), ("classify", "reviews.csv"), ("sentiment", "reviews.csv"),
        ("translate", "pairs.txt"), ("chat", "pairs.txt"), ("answer", "stories.txt"),
    ],
)  # fmt: skip
def test_without_matplotlib_the_extra_is_named(
    run: Any, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, group: str, file: str
) -> None:
    plain = builtins.__import__

    def refuse(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return plain(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", refuse)
    out = tmp_path / "m"
    result = run(group, "train", folder / file, "-o", out, "--plot", tmp_path / "a.png", code=2)
    assert "--plot needs matplotlib: pip install 'recurra[plot]'" in result.stderr and not out.exists()
