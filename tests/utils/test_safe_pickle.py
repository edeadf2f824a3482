from __future__ import annotations

import pickle
from collections import OrderedDict

import pytest

from recurra.utils.safe_pickle import restricted_load


def test_plain_values_are_loaded() -> None:
    value = {"a": [1, 2.5, None, True, "é", b"b", (3, frozenset({4}))], "b": {5}}
    for protocol in range(3, pickle.HIGHEST_PROTOCOL + 1):
        content = pickle.dumps({"a": value["a"][:6]}, protocol)  # type: ignore[index]
        assert restricted_load(content, {}, "it") == {"a": value["a"][:6]}  # type: ignore[index]


def test_named_stand_ins_take_the_place() -> None:
    content = pickle.dumps(OrderedDict(a=1), 2)
    assert restricted_load(content, {("collections", "OrderedDict"): dict}, "it") == {"a": 1}
    with pytest.raises(pickle.UnpicklingError, match=r"it names collections.OrderedDict, which is not loaded"):
        restricted_load(content, {}, "it")


def test_damage_is_told_apart_from_nothing() -> None:
    for content in (b"", b"\x80", pickle.dumps([1])[:-2], b"\x80\x05."):
        with pytest.raises(pickle.UnpicklingError, match=r"^it"):
            restricted_load(content, {}, "it")
