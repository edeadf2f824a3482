"""A slice of the fuzzer for every reader: an error of ours that names the file, or what was saved."""

from __future__ import annotations

import importlib.util
import random
import sys
import warnings
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks, limits of memory, and /proc")

NAMES = {"keras": 120, "h5": 120, "weights": 120, "packed": 6, "rlm": 120, "rsc": 60, "npz": 200, "json": 200,
         "pickle": 300}  # fmt: skip
if importlib.util.find_spec("torch") is not None:
    NAMES |= {"pt": 100, "old_pt": 100}


@pytest.fixture(scope="module")
def readers() -> Any:
    from bench.fuzz.readers import readers

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return readers()


def test_every_reader_has_its_slice(readers: Any) -> None:
    assert set(readers) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_mutated_files(readers: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from bench.fuzz import run

    monkeypatch.setattr(run, "SECONDS", 30.0)  # a busy machine; the command's own limit is 5
    counts, wrong = run.fuzz(name, readers[name], NAMES[name], seed=3)
    assert not wrong
    assert counts["refused"] > NAMES[name] // 5


def test_what_is_wrong_is_seen(readers: Any, tmp_path: Any) -> None:
    from bench.fuzz import run

    good = readers["json"]

    def endless(path: str) -> Any:
        while True:
            pass

    def large(path: str) -> Any:
        return np.ones(1 << 28)

    def crash(path: str) -> Any:
        import faulthandler
        import os
        import signal

        faulthandler.disable()  # what ends here on purpose is no traceback in the log
        os.kill(os.getpid(), signal.SIGSEGV)

    def other(path: str) -> Any:
        return [1]

    (tmp_path / "f").write_bytes(b"")
    run_seconds, run.SECONDS = run.SECONDS, 1.0
    try:
        said = [
            run.attempt(good._replace(load=load), str(tmp_path / "f"), [2])
            for load in (endless, large, crash, other, lambda path: [2])
        ]
    finally:
        run.SECONDS = run_seconds
    wrong = ["more than 1 seconds", "another exception", "a crash, signal 11", "other content than was saved"]
    assert said == [*wrong, "read"]


def test_no_case_depends_on_those_before() -> None:
    from bench.fuzz import mutations

    def made(number: int) -> Any:
        return mutations._json_bytes(b'{"a": [1, "[2]"], "b": {"c": [[]]}}', random.Random(number))

    first = [made(number) for number in range(40)]
    before = repr(mutations.VALUES)
    for number in range(2000):
        assert len(made(number)) < 10**7
    assert repr(mutations.VALUES) == before and [made(number) for number in range(40)] == first


def test_mutations_are_repeatable(readers: Any) -> None:
    from bench.fuzz import mutations

    for reader in (readers["keras"], readers["pickle"], readers["json"]):
        made = [mutations.plain(reader.good, random.Random(5)) for _ in range(2)]
        assert made[0] == made[1] != reader.good
