"""Runs the command line in this process, standard output and standard error apart in every version of click."""

from __future__ import annotations

import inspect
from typing import Any

from click.testing import CliRunner

# Before click 8.2 the two are mixed unless this is asked for; since then it cannot be asked for.
_APART: dict[str, Any] = {"mix_stderr": False} if "mix_stderr" in inspect.signature(CliRunner).parameters else {}


def runner() -> CliRunner:
    """A runner whose results have `stdout` and `stderr`; `output` holds both from click 8.2 on, before it `stdout`."""
    return CliRunner(**_APART)
