"""Children that are forked while other threads compute find no lock held and compute as the parent does."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_forks_under_load() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.fork_under_load", "--forks", "40"],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    assert "40 forks, 0 failed" in done.stdout
