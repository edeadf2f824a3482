"""Results on standard output."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from recurra.cli.results import json_line


def test_json_that_any_program_reads() -> None:
    def refuse(word: str) -> Any:
        raise AssertionError(word)

    value = {
        "a": float("inf"),
        "b": [float("nan"), -float("inf"), 1.5],
        "c": (2, None, True),
        "d": {"e": np.float64("nan")},
    }
    line = json_line(value)
    assert "\n" not in line
    expected = {"a": None, "b": [None, None, 1.5], "c": [2, None, True], "d": {"e": None}}
    assert json.loads(line, parse_constant=refuse) == expected
    text = "é \ud800 \U0001f600 \n \\"
    line = json_line({"text": text})
    line.encode()
    assert json.loads(line) == {"text": text} and "é" in line
