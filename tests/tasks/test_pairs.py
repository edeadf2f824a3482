"""Checks of pairs, and parts without a common source."""

from __future__ import annotations

from typing import Any

import pytest

from recurra.tasks.pairs import check_pairs, split_by_source


def test_no_source_is_in_both_parts() -> None:
    sources = [f"s{i % 13}" for i in range(50)]
    train, held = split_by_source(sources, 0.3, 5)
    assert sorted([*train, *held]) == list(range(50))
    assert not {sources[i] for i in train} & {sources[i] for i in held}
    assert len({sources[i] for i in held}) == 4
    assert split_by_source(sources, 0.3, 5) == (train, held) != split_by_source(sources, 0.3, 6)
    assert split_by_source(sources, 0.0, 5) == (list(range(50)), [])


def test_something_must_be_left_to_train_on() -> None:
    with pytest.raises(ValueError, match=r"validation=0.9 of 2 distinct sources leaves none"):
        split_by_source(["a", "b", "a"], 0.9, 1)


@pytest.mark.parametrize(
    ("sources", "targets", "said"),
    [
        ("ab", ["a", "b"], "sources must be a list"),
        (["a"], ["b", "c"], "targets must be as many as sources, 1, got 2"),
        ([], [], "at least one"),
        (["a", " "], ["b", "c"], r"sources\[1\] is empty"),
        (["a"], [3], r"targets\[0\] must be a str, got int"),
    ],
)
def test_what_is_no_pair_is_refused(sources: Any, targets: Any, said: str) -> None:
    with pytest.raises((TypeError, ValueError), match=said):
        check_pairs(sources, targets)
