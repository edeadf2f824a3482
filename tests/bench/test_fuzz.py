"""A slice of the fuzzer for every reader: an error of ours that names the file, or what was saved."""

from __future__ import annotations

import functools
import importlib.util
import os
import pickle
import random
import re
import signal
import sys
import threading
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks, limits of memory, and /proc")

NAMES = {"keras": 120, "h5": 120, "weights": 120, "packed": 6, "rlm": 120, "rsc": 60, "rst": 60, "rtr": 60, "rct": 60,
         "int8": 60, "npz": 200, "json": 200, "pickle": 300}  # fmt: skip
if importlib.util.find_spec("torch") is not None:
    NAMES |= {"pt": 100, "old_pt": 100}


@pytest.fixture(scope="module")
def readers() -> Any:
    from bench.fuzz.readers import reader

    @functools.cache
    def made(name: str) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return reader(name)

    return made


def test_every_reader_has_its_slice() -> None:
    from bench.fuzz import readers

    assert set(readers.NAMES) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_mutated_files(readers: Any, name: str) -> None:
    from bench.fuzz import run

    found = run.fuzz(name, readers(name)._replace(start=None), NAMES[name], seed=3)
    assert not found.wrong
    assert found.counts["refused"] > NAMES[name] // 5
    assert found.counts.total() == NAMES[name]


def test_the_number_of_jobs_and_the_parts_change_nothing(readers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from bench.fuzz import run

    monkeypatch.setattr(run, "EACH", 7)
    whole = run.fuzz("json", readers("json"), 40, seed=3, jobs=2)
    parts = [run.fuzz("json", readers("json"), 20, seed=3, first=first) for first in (0, 20)]
    assert whole.counts == parts[0].counts + parts[1].counts and whole.wrong == []


def test_helpers_that_are_forked_read_what_those_of_users_read(readers: Any) -> None:
    from bench.fuzz import run

    packed = readers("packed")
    forked = run.fuzz("packed", packed, 12, seed=4)
    assert not forked.wrong and forked.counts == run.fuzz("packed", packed._replace(start=None), 12, seed=4).counts


def endless(path: str) -> Any:
    while True:
        pass


def large(path: str) -> Any:
    return np.ones(1 << 28)


def crash(path: str) -> Any:
    import faulthandler

    faulthandler.disable()  # what ends here on purpose is no traceback in the log
    os.kill(os.getpid(), signal.SIGSEGV)


def test_what_is_wrong_is_seen(readers: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bench.fuzz import child, run

    good = readers("json")
    (tmp_path / "f").write_bytes(b"")
    monkeypatch.setattr(child, "SECONDS", 1.0)
    loads = (endless, large, crash, lambda path: [1], lambda path: [2])
    said = [run.attempt(good._replace(load=load), str(tmp_path / "f"), [2]).result for load in loads]
    wrong = ["more than 1 seconds", "another exception, ", "a crash, signal 11", "other content than was saved"]
    assert [text[: len(start)] for text, start in zip(said, wrong, strict=False)] == wrong
    assert said[4] == "read"


def test_a_load_that_waits_is_seen(readers: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bench.fuzz import child, run

    (tmp_path / "f").write_bytes(b"")
    waiting = readers("json")._replace(load=lambda path: time.sleep(600))
    wait = child.Child.start

    def start(self: Any, path: str, compared: bool) -> None:
        monkeypatch.setattr(child, "WAITING", 0.5)
        wait(self, path, compared)

    monkeypatch.setattr(child.Child, "start", start)
    assert run.attempt(waiting, str(tmp_path / "f"), None).result == "waited for more than 0.5 seconds"


KEPT: list[Any] = []


def left_in_use(path: str) -> Any:
    KEPT.append(np.ones(24 << 20))


def left_open(path: str) -> Any:
    KEPT.append(open(path, "rb"))  # noqa: SIM115


def left_registered(path: str) -> Any:
    from recurra.saving import get_custom_objects

    get_custom_objects()["x"] = int


def left_thread(path: str) -> Any:
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()


def left_process(path: str) -> Any:
    if os.fork() == 0:
        time.sleep(5)
        os._exit(0)


def left_file(path: str) -> Any:
    os.close(os.open(path + ".tmp", os.O_CREAT | os.O_WRONLY))


@pytest.mark.parametrize(
    ("load", "said"),
    [
        (left_in_use, "left 1.. MiB more in use"),
        (left_open, "left changed: open files"),
        (left_registered, "left changed: registered objects"),
        (left_thread, "left changed: threads"),
        (left_process, "did what no load needs: os.fork .*|left changed: processes"),
        (left_file, "did what no load needs: open "),
        (lambda path: os.environ.update(X="1"), "did what no load needs: os.putenv .*"),
        (lambda path: os.mkdir(path + ".d"), "did what no load needs: os.mkdir .*"),
        (lambda path: os.system("true"), "did what no load needs: os.system .*"),
        (lambda path: eval("1"), "did what no load needs: exec .*"),
        (lambda path: open("/etc/hostname").close(), "did what no load needs: open .*"),
        (lambda path: pickle.loads(b"cos\nsystem\n."), "did what no load needs: pickle.find_class .*"),
        (lambda path: __import__("recurra").config.set_floatx("float64"), "left changed: configuration"),
        (lambda path: np.random.seed(1), "left changed: random numbers"),
        (lambda path: sys.setrecursionlimit(4321), "left changed: Python's switches"),
    ],
)
def test_what_a_load_does_and_leaves_behind_is_seen(readers: Any, tmp_path: Path, load: Any, said: str) -> None:
    from bench.fuzz import run

    (tmp_path / "f").write_bytes(b"")
    found = run.attempt(readers("json")._replace(load=load), str(tmp_path / "f"), None).result
    assert re.match(said, found), found


def test_a_refusal_that_changes_what_is_read_into_is_seen(readers: Any, tmp_path: Path) -> None:
    from bench.fuzz import run
    from recurra.limits import FileFormatError

    content = [1]

    def load(path: str) -> Any:
        content[0] = 2
        raise FileFormatError(f"{path} is damaged")

    (tmp_path / "f").write_bytes(b"")
    spoiled = readers("json")._replace(load=load, state=lambda: list(content))
    said = run.attempt(spoiled, str(tmp_path / "f"), None).result
    assert said == "refused, yet what it is read into was changed"


def test_what_is_wrong_only_after_other_files_is_told_apart(readers: Any) -> None:
    from bench.fuzz import run

    loads: list[str] = []

    def load(path: str) -> Any:
        loads.append(path)
        return [len(loads) > 5]

    found = run.fuzz("json", readers("json")._replace(load=load, checked=True), 9, seed=3)
    assert found.wrong == ["json seed 3 case 4: other content than was saved; in a process of its own: read"]


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

    for reader in map(readers, ("keras", "pickle", "json")):
        made = [mutations.plain(reader.good, random.Random(5)) for _ in range(2)]
        assert made[0] == made[1] != reader.good
