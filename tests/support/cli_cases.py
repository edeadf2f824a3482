"""For the tests of the command line: texts and sizes that train in a moment, and commands in a shell."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import recurra

VERSE = "Ring a ring of roses,\na pocket full of posies,\nashes, ashes,\nwe all fall down.\n\n"
REVIEWS = [
    (f"{text} {i}", label) for i in range(8) for text, label in (("a lovely film", "pos"), ("a dull bore", "neg"))
]
LM_TINY = ["--units", "9", "--embedding", "4", "--epochs", "2", "--window", "15", "--batch-size", "3"]
SENTIMENT_TINY = ["--units", "5", "--embedding", "4", "--batch-size", "4", "--learning-rate", "0.05", "--epochs", "6"]
TAGGED = "\n".join(
    f"1\tThe\tthe\tDET\tDT\t_\t2\tdet\t_\t_\n2\t{noun}\t{noun}\tNOUN\tNN\t_\t0\troot\t_\t_\n"
    for noun in ("dog", "cat", "owl", "cow") * 5
)
TAG_TINY = [
    *("--units", "5", "--layers", "1", "--embedding", "4", "--characters", "3", "--batch-size", "4"),
    *("--learning-rate", "0.05", "--epochs", "6"),
]


def command(*arguments: Any) -> list[str]:
    return [sys.executable, "-m", "recurra", *map(str, arguments)]


def environment() -> dict[str, str]:
    source = str(Path(recurra.__file__).parents[1])
    return {**os.environ, "PYTHONPATH": os.pathsep.join([source, os.environ.get("PYTHONPATH", "")])}


def shell(line: str, *arguments: Any) -> subprocess.CompletedProcess[str]:
    """Run ``recurra arguments`` with the redirections of `line`, in which it stands as "$@"."""
    return subprocess.run(
        ["bash", "-c", line, "recurra", *command(*arguments)], env=environment(), capture_output=True, text=True,
        timeout=120,
    )  # fmt: skip
