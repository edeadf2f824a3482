"""Texts and labels from lists, arrays and tables, and splits that keep groups together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recurra.tasks.labelled_texts import check_labels, check_texts, group_ids, held_out_split


def test_arrays() -> None:
    assert check_texts(np.array(["a b", "c"])) == ["a b", "c"]
    assert check_texts(np.array([["a b"], ["c"], ["d"]], object)) == ["a b", "c", "d"]
    assert check_labels(np.array([True, False]), 2) == [True, False]
    assert [type(label) for label in check_labels(np.array([3, 4]), 2)] == [int, int]
    with pytest.raises(ValueError, match=r"texts must have shape \(N,\), got \(1, 2\)"):
        check_texts(np.array([["a", "b"]]))


def test_what_is_no_list() -> None:
    with pytest.raises(TypeError, match="texts must be a list of strings, got a dict"):
        check_texts({"a": "b"})
    with pytest.raises(TypeError, match="labels must be a list, got one string"):
        check_labels("ab", 2)
    with pytest.raises(TypeError, match=r"texts\[1\] must be a str, got NoneType \(a missing value"):
        check_texts(["a", None])  # type: ignore[list-item]
    with pytest.raises(TypeError, match=r"texts\[0\] must be a str, got float \(a missing value"):
        check_texts([float("nan")])  # type: ignore[list-item]


def test_pandas() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"text": ["a b", "c", "d"], "label": ["x", "y", "x"]}, index=[7, 3, 5])
    assert check_texts(frame["text"]) == check_texts(frame[["text"]]) == ["a b", "c", "d"]
    assert check_labels(frame["label"].astype("category"), 3) == check_labels(frame[["label"]], 3) == ["x", "y", "x"]
    assert group_ids(frame["label"], 3).tolist() == [0, 1, 0]
    with pytest.raises(ValueError, match=r"DataFrame with 2: 'text', 'label'; give one of them, such as frame\['text'"):
        check_texts(frame)
    for missing in (None, pandas.NA):
        column = pandas.Series(["a", missing], dtype="string" if missing is pandas.NA else object)
        with pytest.raises(TypeError, match=r"texts\[1\] must be a str, got .*a missing value"):
            check_texts(column)
        with pytest.raises(ValueError, match=r"labels\[1\] must be .*, got .*a missing value"):
            check_labels(pandas.Series([1, missing], dtype="Int64"), 2)
    with pytest.raises(ValueError, match=r"groups\[0\] is missing"):
        group_ids(pandas.Series([None, "a"]), 2)


@given(st.integers(2, 60), st.floats(0.01, 0.9), st.integers(0, 99), st.integers(2, 12))
def test_groups_are_on_one_side(n: int, share: float, seed: int, kinds: int) -> None:
    groups = np.random.default_rng(seed + 1).integers(0, kinds, n).tolist()
    try:
        train, held_out = held_out_split(n, share, seed, groups)
    except ValueError as error:
        assert "at least two kinds" in str(error) or "the smallest group has" in str(error)
        return
    assert sorted([*train, *held_out]) == list(range(n))
    assert not {groups[i] for i in train} & {groups[i] for i in held_out}
    assert len(held_out) <= round(n * share)
    assert held_out_split(n, share, seed, groups)[1].tolist() == held_out.tolist()
    # as full as whole groups make it: none of the other groups would fit
    room = round(n * share) - len(held_out)
    assert all(groups.count(group) > room for group in {groups[i] for i in train}) or not room


def test_without_groups_the_split_is_exact() -> None:
    train, held_out = held_out_split(37, 0.3, 5)
    assert len(held_out) == 11 and sorted([*train, *held_out]) == list(range(37))
    assert held_out.tolist() != sorted(held_out)
    assert len(held_out_split(37, 0.0, 5)[1]) == 0 == len(held_out_split(3, 0.0, 5, ["a", "a", "a"])[1])


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (["a", "a", "a", "a"], "groups must be of at least two kinds"),
        (["a", "b"], "groups must be as many as texts, 4, got 2"),
        (["a", "a", "b", "b"], "the smallest group has 2 of 4 texts, more than are to be held out, 1"),
        (["a", "", "b", "b"], r"groups\[1\] is missing"),
        (["a", None, "b", "b"], r"groups\[1\] is missing"),
    ],
)
def test_bad_groups(groups: list[Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        held_out_split(4, 0.25, 1, groups)
    with pytest.raises(TypeError, match="groups must be a list of values, one for each text, got one string"):
        held_out_split(4, 0.25, 1, "abcd")
