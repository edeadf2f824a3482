"""Warnings of commands are lines; those of programs that are run are Python's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.cli_cases import LM_TINY, command, environment


def said(*arguments: Any, **more: str) -> str:
    done = subprocess.run(
        command(*arguments), env={**environment(), **more}, capture_output=True, text=True, timeout=120, check=True
    )
    return done.stderr


def test_a_warning_is_one_line(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "m.rlm"
    train = ("lm", "train", folder / "verse.txt", "-o", out, *LM_TINY, "--seed", 1, "-q")
    code = (
        "import sys; from recurra.tasks.fitting import Training; Training.summary = lambda self: sys.exit(9); "
        "from recurra.cli import main; main()"
    )
    cut = subprocess.run([sys.executable, "-c", code, *map(str, train)], env=environment(), check=False, timeout=120)
    assert cut.returncode == 9
    newest = max((tmp_path / "m.rlm.checkpoint").glob("checkpoint-*.state"))
    newest.write_bytes(newest.read_bytes()[:-9])
    line = said(*train, "--resume")
    assert line.startswith(f"recurra: warning: {newest} ") and line.count("\n") == 1 and ".py:" not in line


def test_programs_warn_as_python_does(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text("import warnings\nimport keras\nwarnings.warn('two\\nlines')\n")
    assert f"{program}:3: UserWarning: two\nlines\n" in said("run", "-q", program)
