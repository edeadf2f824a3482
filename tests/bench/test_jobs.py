from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.python import fit, overheads
from bench.python.jobs import JOBS, initial_weights, make_batches


def test_sizes_of_the_jobs() -> None:
    def parameters(name: str) -> int:
        return sum(int(np.prod(shape)) for shape in JOBS[name].weight_shapes())

    assert parameters("characters") == 65 * 256 + 4 * 1024 * (256 + 1024 + 1) + 1025 * 65
    assert parameters("words-10") == 12633 * 50 + 2 * 4 * 50 * 101 + 51 * 100 + 101 * 12633
    assert parameters("words-128") == parameters("words-10")
    assert parameters("sentiment") == 88584 * 32 + 4 * 32 * 65 + 33
    assert [JOBS[name].batch for name in JOBS] == [64, 10, 128, 20, 64]


@pytest.mark.parametrize("name", JOBS)
def test_batches_fit_their_job(name: str) -> None:
    job = JOBS[name]
    x, y = make_batches(job, 2)
    assert x.shape == (2 * job.batch, job.time) and x.dtype == np.int32
    assert x.min() >= 0 and x.max() < job.vocabulary
    assert y.shape == ((2 * job.batch, job.time) if job.every_step else (2 * job.batch,))
    if job.every_step:
        assert np.array_equal(x[:, 1:], y[:, :-1])  # the next character
    if job.outputs == 1:
        assert set(np.unique(y)) == {0, 1}
        padded = x[x[:, 0] == 0]
        assert len(padded) and np.all(padded[:, -1] > 0)  # padded in front
    again, _ = make_batches(job, 2)
    assert np.array_equal(x, again)


def test_weights_start_with_an_open_forget_gate() -> None:
    weights = initial_weights(JOBS["words-10"])
    assert [w.shape for w in weights] == JOBS["words-10"].weight_shapes()
    for bias in (weights[3], weights[6]):
        assert bias.reshape(4, 50).sum(axis=1).tolist() == [0, 50, 0, 0]


def test_reviews_are_padded_and_cut_in_front(tmp_path: Path) -> None:
    texts = np.empty(64, object)
    texts[:] = [[5, 6]] * 63 + [list(range(1, 400))]
    np.savez(tmp_path / "imdb.npz", x_train=texts, y_train=np.arange(64) % 2)
    x, y = make_batches(JOBS["sentiment"], 1, tmp_path / "imdb.npz")
    assert x[0, -4:].tolist() == [0, 1, 8, 9] and y[:2].tolist() == [0, 1]
    assert x[63, 0] == 153 and x[63, -1] == 402
    with pytest.raises(ValueError, match="at least 128 training reviews, got 64"):
        make_batches(JOBS["sentiment"], 2, tmp_path / "imdb.npz")


def test_losses_must_agree() -> None:
    first = {"losses": [1.0, 0.9]}
    fit.check_losses(first, {"losses": [1.001, 0.899]})
    with pytest.raises(ValueError, match="losses must be near"):
        fit.check_losses(first, {"losses": [1.0, 0.8]})
    with pytest.raises(ValueError, match="losses must be near"):
        fit.check_losses(first, {"losses": [1.0, float("nan")]})


def test_contended_turns_are_dropped() -> None:
    def turn(seconds: float, contended: bool) -> dict[str, Any]:
        return {"walls": [seconds] * 3, "load": {"contended": contended}}

    found = fit.timed([turn(0.5, True), turn(0.1, False)])
    assert (found["median_ms"], found["steps"], found["contended"]) == (pytest.approx(100), 3, False)
    assert fit.timed([turn(0.5, True)])["contended"]


def test_table_of_jobs() -> None:
    def result(family: str, **more: Any) -> dict[str, Any]:
        return {"name": "sentiment 1t", "job": "sentiment", "threads": 1, "family": family, **more}

    ours = result("recurra", median_ms=10.0, q1_ms=9.0, q3_ms=11.0, contended=False, peak_mib=80.4)
    torch = result("torch", median_ms=45.0, q1_ms=44.0, q3_ms=46.0, contended=True, peak_mib=400.0)
    text = fit.markdown({"machine": {"cpu": "A CPU"}, "results": [ours, torch, result("keras", error="no")]})
    assert "| sentiment model | 10 (9-11), 80 MiB | 45~ (44-46), 400 MiB | failed | PyTorch 4.50× |" in text


def test_overheads_are_per_call() -> None:
    calls: list[int] = []
    found = overheads.timings(lambda: calls.append(1), calls=50, rounds=4)
    assert len(found) == 4 and len(calls) == 201 and min(found) > 0
    assert overheads.entry("x", [0.001, 0.002, 0.003], 5.0) == {
        "name": "x",
        "family": "recurra",
        "median_ms": 2.0,
        "q1_ms": 1.5,
        "q3_ms": 2.5,
        "target_ms": 5.0,
    }
