"""SIGKILL at random moments of a training, and the same bits at its end."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import recurra

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills child processes that were forked")
def test_five_kills() -> None:
    paths = [str(ROOT), str(Path(recurra.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "RECURRA_NUM_THREADS": "1"}
    if os.access("/dev/shm", os.W_OK):  # many small writes, each synced
        environment["TMPDIR"] = "/dev/shm"
    command = [sys.executable, "-m", "bench.python.kills", "--kills", "5", "--epochs", "4"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    kills, different = re.findall(r"^(\d+) kills, .* (\d+) that differ$", done.stdout, re.MULTILINE)[0]
    assert int(kills) >= 5 and different == "0"
