"""The generation bench's own arithmetic: its table, and that one library alone can be measured."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import recurra
from bench.python.generation import markdown
from bench.python.generation_worker import SIZES, GenerationWorker, Ours, Size


@pytest.fixture(autouse=True)
def same_threads() -> Iterator[None]:
    before = recurra.get_num_threads()
    yield
    recurra.set_num_threads(before)


def result(family: str, rate: float, contended: bool = False) -> dict[str, Any]:
    named = {"size": "small", "threads": 2, "family": family, "contended": contended}
    return {**named, "tokens_per_second": rate, "q1": rate - 1, "q3": rate + 1}


def test_the_table_says_how_many_times_faster() -> None:
    results = [result("recurra", 5000.0), result("onnxruntime", 2000.0, True)]
    results.append({"size": "large", "threads": 2, "family": "recurra", "error": "no memory"})
    table = markdown({"machine": {"cpu": "a machine"}, "results": results})
    assert (
        "| small | 2 | 5,000 (4,999-5,001) | 2,000~ (1,999-2,001) | ONNX Runtime, stepped from Python 2.50× |" in table
    )
    assert "| large | 2 | failed |  |  |" in table


def test_one_call_and_steps_write_the_same() -> None:
    size = Size(5, 7, prompts=3, vocabulary=11)
    prompt = np.arange(3)[:, None]
    once, steps = (Ours(size, 1, compiled).tokens(prompt, 20, 0.8) for compiled in (True, False))
    np.testing.assert_array_equal(once, steps)
    assert [array.shape for array in size.weights()] == [(11, 5), (5, 28), (7, 28), (28,), (7, 11), (11,)]


def test_a_turn_counts_the_tokens_of_all_prompts(monkeypatch: Any) -> None:
    monkeypatch.setitem(SIZES, "tiny", Size(5, 7, prompts=3, vocabulary=11))
    monkeypatch.setattr("os.sched_setaffinity", lambda *_: None, raising=False)
    worker = GenerationWorker("recurra", 1)
    assert np.shape(worker.prepare("tiny")["tokens"]) == (3, 40)
    turn = worker.measure(0.01)
    assert turn["tokens_per_second"] > 0 and {"foreign", "contended"} <= turn["load"].keys()
