"""A small model of each kind, trained once, and a runner."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from recurra.cli.root import cli
from tests.support.cli_cases import LM_TINY, REVIEWS, SENTIMENT_TINY, TAG_TINY, TAGGED, VERSE
from tests.support.runner import runner

Run = Callable[..., Result]


@pytest.fixture(scope="session")
def run() -> Run:
    """Run the command line in this process; `code` is the exit code that is expected."""

    def call(*arguments: Any, code: int = 0, stdin: str | None = None) -> Result:
        result = runner().invoke(cli, [str(a) for a in arguments], input=stdin)
        said = f"{result.stdout}{result.stderr}\n{result.exception!r}"
        assert result.exit_code == code, f"exit code {result.exit_code}: {said}"
        assert "Traceback" not in result.stderr
        return result

    return call


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli")
    (folder / "verse.txt").write_text(VERSE * 6, encoding="utf-8")
    lines = ["label\ttext", *(f"{label}\t{text}" for text, label in REVIEWS)]
    (folder / "reviews.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "tagged.conllu").write_text(TAGGED + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def verse_model(run: Run, folder: Path) -> Path:
    out = folder / "verse.rlm"
    run("lm", "train", folder / "verse.txt", "-o", out, *LM_TINY, "--seed", 1, "-q")
    return out


@pytest.fixture(scope="session")
def review_model(run: Run, folder: Path) -> Path:
    out = folder / "reviews.rsc"
    run("sentiment", "train", folder / "reviews.tsv", "-o", out, *SENTIMENT_TINY, "--seed", 1, "-q")
    return out


@pytest.fixture(scope="session")
def tag_model(run: Run, folder: Path) -> Path:
    out = folder / "tagged.rst"
    run("tag", "train", folder / "tagged.conllu", "-o", out, *TAG_TINY, "--seed", 1, "-q")
    return out
