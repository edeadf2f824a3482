"""The guide's web service under a short load: no errors, and the numbers that the bench prints."""

from __future__ import annotations

import os
import sys

import pytest

from bench.python import service


def test_a_short_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    found = service.load(seconds=1.5, clients=3)
    assert found["errors"] == 0
    assert found["requests"] > 3
    assert 0 < found["p50_ms"] <= found["p99_ms"]
    if sys.platform == "linux":
        assert found["memory_mib_end"] < 1.2 * found["memory_mib_early"]
