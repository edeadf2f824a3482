"""Nested structures: walked, mapped, packed."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

from recurra.tree import PLAIN, SEQUENCES, leaves, map_structure, pack, zip_structures


class Pair(NamedTuple):
    x: Any
    y: Any


NEST = {"b": [1, (2, None)], "a": Pair(3, {"c": 4}), "e": []}


def test_order_is_that_of_the_structure() -> None:
    assert leaves(NEST) == [1, 2, 3, 4]
    assert leaves(5) == [5] and leaves(None) == leaves([]) == []


def test_types_stay() -> None:
    doubled = map_structure(lambda x: 2 * x, NEST)
    assert doubled == {"b": [2, (4, None)], "a": Pair(6, {"c": 8}), "e": []}
    assert type(doubled["a"]) is Pair and list(doubled) == ["b", "a", "e"]
    assert map_structure(str, 5) == "5"


def test_sequences_become_lists_where_asked() -> None:
    assert map_structure(str, (1, Pair(2, (3,))), sequence=list) == ["1", ["2", ["3"]]]


def test_what_counts_as_a_leaf() -> None:
    view = MappingProxyType({"a": 1})
    assert leaves([view]) == [1] and leaves([view], PLAIN) == [view]
    assert leaves([1, None, {"a": 2}], SEQUENCES) == [1, None, {"a": 2}]
    assert leaves({"p": [{"kind": "x"}, 2]}, is_leaf=lambda value: "kind" in (value or ())) == [{"kind": "x"}, 2]
    assert map_structure(len, [[1, 2], [[3]]], is_leaf=lambda v: all(isinstance(i, int) for i in v)) == [2, [1]]


def test_pack_is_the_way_back() -> None:
    assert pack(NEST, leaves(NEST)) == NEST
    for values, said in (([1, 2, 3], "fewer"), ([1] * 5, "more")):
        with pytest.raises(ValueError, match=f"one for each of the 4 leaves, got {said}"):
            pack(NEST, values)


def test_zip_structures() -> None:
    other = {"a": Pair(30, {"c": 40}), "b": [10, (20, None)], "e": []}
    assert zip_structures(sum, [NEST, other]) == {"b": [11, (22, None)], "a": Pair(33, {"c": 44}), "e": []}
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        zip_structures(sum, [(1, 2), (1,)])
    with pytest.raises(KeyError, match="b"):
        zip_structures(sum, [{"b": 1}, {"a": 1}])
