"""Python threads and forked children train and predict side by side, and each gets what it would get alone."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from recurra import get_num_threads, layers, set_num_threads
from recurra.models import Sequential

RNG = np.random.default_rng(3)
X = RNG.normal(size=(40, 12, 5)).astype("f4")
Y = RNG.normal(size=(40, 1)).astype("f4")


def model(seed: int) -> Any:
    """Its weights and random streams depend on the seed alone, whichever thread makes it."""
    kind = (layers.LSTM, layers.GRU, layers.SimpleRNN)[seed % 3]
    made = Sequential(
        [layers.Input((12, 5)), kind(30 + seed, return_sequences=True), layers.Bidirectional(kind(9)), layers.Dense(1)]
    )
    rng = np.random.default_rng(seed)
    made.set_weights([rng.normal(size=w.shape, scale=0.2).astype("f4") for w in made.get_weights()])
    return made


def trained(seed: int) -> list[Any]:
    made = model(seed)
    made.compile("adam", "mse")
    made.fit(X, Y, batch_size=8 + seed, epochs=3, shuffle=False, verbose=0)
    return [*made.get_weights(), made.predict(X, verbose=0)]


def at_once(works: list[Callable[[], Any]]) -> list[Any]:
    results: list[Any] = [None] * len(works)
    begin = threading.Barrier(len(works))

    def run(number: int) -> None:
        begin.wait()
        results[number] = works[number]()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive()
    return results


@pytest.fixture(params=[1, 2, 8])
def kernel_threads(request: pytest.FixtureRequest) -> Any:
    before = get_num_threads()
    set_num_threads(request.param)
    yield request.param
    set_num_threads(before)


def assert_same(found: Any, expected: Any) -> None:
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.usefixtures("kernel_threads")
def test_threads_train_models_of_their_own() -> None:
    expected = [trained(seed) for seed in range(6)]
    found = at_once([lambda seed=seed: trained(seed) for seed in range(6)])  # type: ignore[misc]
    for one, other in zip(found, expected, strict=True):
        assert_same(one, other)


@pytest.mark.usefixtures("kernel_threads")
def test_threads_predict_with_one_model_while_others_train() -> None:
    shared = model(7)
    batches = [X[start : start + size] for start, size in ((0, 1), (3, 2), (5, 35), (0, 40), (17, 8))]
    expected = [shared.predict(batch, verbose=0) for batch in batches]
    training = [trained(1), trained(2)]

    def predict(number: int) -> list[Any]:
        return [shared.predict(batches[number], verbose=0) for _ in range(30)]

    works: list[Callable[[], Any]] = [lambda number=number: predict(number) for number in range(5)]  # type: ignore[misc]
    works += [lambda: trained(1), lambda: trained(2)]
    *predicted, one, two = at_once(works)
    for results, wanted in zip(predicted, expected, strict=True):
        for result in results:
            np.testing.assert_array_equal(result, wanted)
    assert_same(one, training[0])
    assert_same(two, training[1])


def test_the_first_prediction_comes_from_many_threads_at_once() -> None:
    """They make the packed weights together."""
    for seed in range(10):
        fresh, again = model(seed), model(seed)
        expected = again.predict(X, verbose=0)
        for found in at_once([lambda fresh=fresh: fresh.predict(X, verbose=0)] * 4):  # type: ignore[misc]
            np.testing.assert_array_equal(found, expected)


def _in_child(seed: int, pipe: Any) -> None:
    pipe.send(trained(seed))
    pipe.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.usefixtures("kernel_threads")
def test_forked_children_train_side_by_side() -> None:
    context: Any = multiprocessing.get_context("fork")
    expected = [trained(seed) for seed in range(3)]
    children = []
    for seed in range(3):
        ours, theirs = context.Pipe(duplex=False)
        child = context.Process(target=_in_child, args=(seed, theirs))
        child.start()
        children.append((child, ours))
    mine = trained(1)
    for (child, pipe), wanted in zip(children, expected, strict=True):
        assert pipe.poll(120)
        assert_same(pipe.recv(), wanted)
        child.join(60)
        assert child.exitcode == 0
    assert_same(mine, expected[1])
