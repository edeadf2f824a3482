"""Batches of pairs, and teacher forcing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra.tasks.pair_batches import PairBatches
from recurra.typing import Array

START, END = 90, 91


def pairs(count: int = 37) -> tuple[list[Array], list[Array]]:
    rng = np.random.default_rng(3)
    sides = [[rng.integers(2, 80, rng.integers(1, 9)).astype(np.int32) for _ in range(count)] for _ in range(2)]
    return sides[0], sides[1]


def test_a_batch_holds_the_pairs_shifted_and_padded() -> None:
    sources, targets = pairs()
    batches = PairBatches(sources, targets, 5, start=START, end=END, shuffle=True, seed=2)
    seen = []
    for inputs, wanted in batches:
        for source, target, given in zip(inputs["source"], inputs["target"], wanted, strict=True):
            length = np.count_nonzero(given)
            assert (given[length:] == 0).all() and (target[length:] == 0).all()
            assert given[length - 1] == END and target[0] == START
            np.testing.assert_array_equal(target[1:length], given[: length - 1])
            seen.append((source[source > 0].tolist(), given[: length - 1].tolist()))
    assert sorted(seen) == sorted((s.tolist(), t.tolist()) for s, t in zip(sources, targets, strict=True))
    assert batches.tokens == sum(map(len, targets)) + len(targets)


def test_little_is_padding() -> None:
    sources, targets = pairs(400)
    padded = [wanted.size for _, wanted in PairBatches(sources, targets, 20, start=START, end=END)]
    assert sum(padded) < 1.1 * (sum(map(len, targets)) + len(targets))


def test_the_share_of_true_inputs_follows_the_schedule() -> None:
    sources, targets = pairs(300)

    def guess(inputs: dict[str, Array]) -> Array:
        return np.full(inputs["target"].shape, 88, np.int32)

    batches = PairBatches(
        sources, targets, 16, start=START, end=END, shuffle=True, seed=4, forcing=(1.0, 0.6, 0.0), guess=guess
    )
    for share in (1.0, 0.6, 0.0, 0.0):
        own = true = 0
        for inputs, wanted in batches:
            assert (inputs["target"][:, 0] == START).all()
            assert ((inputs["target"] == 0) == (wanted == 0)).all()
            later = inputs["target"][:, 1:]
            own += int((later == 88).sum())
            true += int((later > 0).sum())
        assert abs(own / true - (1 - share)) < 0.05


def test_guesses_stand_one_step_later() -> None:
    def guess(inputs: dict[str, Array]) -> Array:
        return 100 + np.arange(inputs["target"].shape[1], dtype=np.int32)[None].repeat(len(inputs["target"]), 0)

    one = [np.arange(2, 6, dtype=np.int32)]
    batches = PairBatches(one, one, 1, start=START, end=END, forcing=(0.0,), guess=guess)
    ((inputs, _),) = list(batches)
    assert inputs["target"].tolist() == [[START, 100, 101, 102, 103]]


def test_a_pass_is_repeatable_from_its_state() -> None:
    sources, targets = pairs()

    def guess(inputs: dict[str, Array]) -> Array:
        return inputs["target"] % 7 + 2

    def make() -> Any:
        return PairBatches(
            sources, targets, 4, start=START, end=END, shuffle=True, seed=9, forcing=(0.5,), guess=guess
        )  # fmt: skip

    first = make()
    list(first)
    other = make()
    other.load_state_dict(first.state_dict())
    for (a, wanted_a), (b, wanted_b) in zip(first, other, strict=True):
        assert (a["target"] == b["target"]).all() and (wanted_a == wanted_b).all()


def test_both_sides_must_be_as_many() -> None:
    with pytest.raises(ValueError, match="sources must be as many as targets, 2, got 1"):
        PairBatches([np.ones(1, int)], [np.ones(1, int)] * 2, 1, start=8, end=9)
