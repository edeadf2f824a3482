"""Predictions in several processes: their order, how many wait, and that none outlives the one that started it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from recurra.cli.parallel import predicted
from recurra.tasks import TextClassifier


def test_few_batches_wait(review_model: Path) -> None:
    taken: list[int] = []

    def batches() -> Iterator[list[str]]:
        for i in range(11):
            taken.append(i)
            yield [f"a lovely film {i}", f"a dull bore {i}"][: 1 + i % 2]

    classifier = TextClassifier.load(review_model)
    expected = list(predicted(classifier, review_model, batches(), 1, "predictions"))
    taken.clear()
    found = predicted(classifier, review_model, batches(), 2, "predictions")
    assert next(found) == expected[0] and len(taken) == 4
    assert list(found) == expected[1:]


@pytest.mark.parametrize("jobs", [1, 2])
def test_arguments_and_progress(review_model: Path, jobs: int) -> None:
    batches = [["a lovely film", "a dull bore", "lovely"], ["a film"]]
    done: list[int] = []
    classifier = TextClassifier.load(review_model)
    found = list(predicted(classifier, review_model, batches, jobs, "predictions", done.append, batch_size=2))
    assert [texts for texts, _ in found] == batches and [len(one) for _, one in found] == [3, 1]
    assert done == ([2, 1, 1] if jobs == 1 else [3, 1])


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="asks Linux for the children of a process")
def test_killed_processes_leave_none_behind(review_model: Path) -> None:
    command = [sys.executable, "-m", "recurra", "classify", "predict", os.fspath(review_model), "--jobs", "2"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    streams: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, env=environment, **streams) as process:
        process.stdin.write(b"a lovely film\n" * 3000)
        process.stdin.flush()
        assert process.stdout.readline().startswith(b"pos\t")
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        assert len(children) >= 2
        process.kill()
    end = time.monotonic() + 60
    while alive := [pid for pid in children if running(pid)]:
        assert time.monotonic() < end, f"still running: {alive}"
        time.sleep(0.1)


def running(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
