"""Structures as files: every bit kept, any damage found."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra.state_file import DamagedFileError, read_state, write_state

STATE: dict[str, Any] = {
    "floats": [0.1, -0.0, float("inf"), 1e-320, 2.0**0.5],
    "mixed": (1, None, True, "naïve\n", {3: "int key", "": [], (1, "a"): ()}),
    "arrays": [
        np.arange(6, dtype="f4").reshape(2, 3)[:, ::-1],
        np.zeros((0, 5)),
        np.array([True, False]),
        np.float32(1.5),
        np.array([np.nan, -np.inf], "f8"),
        np.arange(3, dtype=">i2"),
    ],
    "random": random.Random(1).getstate(),
}


def same(a: Any, b: Any) -> bool:
    if isinstance(a, (np.ndarray, np.generic)):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, dict):
        return type(b) is dict and list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and repr(a) == repr(b)


def test_every_bit_comes_back(tmp_path: Path) -> None:
    write_state(tmp_path / "s", STATE)
    assert same(STATE, read_state(tmp_path / "s"))


def test_arrays_can_be_written_to(tmp_path: Path) -> None:
    write_state(tmp_path / "s", np.zeros(3))
    read_state(tmp_path / "s")[0] = 1.0


@pytest.mark.parametrize("value", [object(), np.array(["text"]), {"a": [np.array([object()])]}, b"bytes"])
def test_other_values_are_refused(tmp_path: Path, value: Any) -> None:
    with pytest.raises(TypeError, match=r"state.* must be a plain value or an array to be saved"):
        write_state(tmp_path / "s", value)
    assert list(tmp_path.iterdir()) == []


def test_any_damage_is_found_and_the_file_named(tmp_path: Path) -> None:
    path = tmp_path / "run.state"
    write_state(path, STATE)
    whole = path.read_bytes()
    rng = random.Random(4)
    damaged = [whole[:cut] for cut in (0, 5, 16, 20, 40, len(whole) // 2, len(whole) - 1)] + [whole + b"x"]
    for _ in range(200):
        place = rng.randrange(len(whole))
        damaged.append(whole[:place] + bytes([whole[place] ^ (1 << rng.randrange(8))]) + whole[place + 1 :])
    for content in damaged:
        path.write_bytes(content)
        with pytest.raises(DamagedFileError, match=r"run\.state is damaged"):
            read_state(path)


def test_a_made_up_file_takes_no_memory(tmp_path: Path) -> None:
    import hashlib
    import json

    for state in (
        {"array": ["<f8", [1 << 40], 0]},
        {"array": ["<f8", [-1], 0]},
        {"array": ["|O", [1], 0]},
        {"array": ["<f8", [1], -8]},
        {"array": []},
        {"what": 1},
        {},
        None,
    ):
        text = json.dumps({"state": state} if state is not None else []).encode()
        content = b"recurra state 1\n" + len(text).to_bytes(8, "little") + text
        path = tmp_path / "s"
        path.write_bytes(content + hashlib.sha256(content).digest())
        with pytest.raises(DamagedFileError):
            read_state(path)
