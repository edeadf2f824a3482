from __future__ import annotations

import pickle
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from recurra.utils import OneHot, to_categorical

C = 5
ids = hnp.arrays(np.int64, hnp.array_shapes(min_dims=1, max_dims=3, max_side=4), elements=st.integers(0, C - 1))


def dense(values: Any, classes: int = C) -> np.ndarray:
    return np.eye(classes)[np.asarray(values)]


@given(values=ids)
def test_it_stands_for_the_real_array(values: np.ndarray) -> None:
    lazy, real = OneHot(values, C), dense(values)
    assert lazy.shape == real.shape and lazy.ndim == real.ndim and lazy.size == real.size and len(lazy) == len(real)
    assert lazy.dtype == real.dtype == np.float64
    np.testing.assert_array_equal(np.asarray(lazy), real)
    np.testing.assert_array_equal(lazy.numpy(), real)
    np.testing.assert_array_equal(lazy.ids, values)
    assert lazy.num_classes == C
    for mine, other in zip(lazy, real, strict=True):
        np.testing.assert_array_equal(mine, other)
    np.testing.assert_array_equal(np.asarray(lazy, dtype="float32"), real.astype("float32"))


@given(data=st.data(), values=ids)
def test_basic_indexing_is_numpy_s(data: st.DataObject, values: np.ndarray) -> None:
    lazy, real = OneHot(values, C), dense(values)
    key = data.draw(hnp.basic_indices(real.shape, allow_newaxis=True, allow_ellipsis=True))
    got, expected = lazy[key], real[key]
    assert np.shape(got) == expected.shape
    np.testing.assert_array_equal(np.asarray(got), expected)


@given(data=st.data(), values=ids)
def test_advanced_indexing_is_numpy_s(data: st.DataObject, values: np.ndarray) -> None:
    lazy, real = OneHot(values, C), dense(values)
    axes = data.draw(st.integers(1, real.ndim))
    keys = data.draw(hnp.integer_array_indices(real.shape[:axes])) if axes < real.ndim else None
    if keys is None:
        keys = data.draw(hnp.integer_array_indices(real.shape))
    if data.draw(st.booleans()) and len(keys) > 1:
        keys = (slice(None), *keys[1:])
    np.testing.assert_array_equal(np.asarray(lazy[keys]), real[keys])


def test_other_keys() -> None:
    values = np.array([[0, 4, 2], [3, 3, 1]])
    lazy, real = OneHot(values, C), dense(values)
    mask = values > 1
    for key in (
        [1, 0], np.array([True, False]), mask, (mask, slice(1, 3)), (mask, 3), (slice(None), [0, 2], 4),
        (Ellipsis, 3), (Ellipsis, [1, 4]), (0, Ellipsis), (1, 2, -2), None, (None, 1, slice(None), slice(2, 4)),
        np.ones_like(real, bool), (0, slice(None), np.arange(C) > 2), (slice(None), None), (),
    ):  # fmt: skip
        np.testing.assert_array_equal(np.asarray(lazy[key]), real[key], err_msg=str(key))
    for key in ((0, 0, 5), (0, 0, 0, 0), 2, (0, [0], [5]), (Ellipsis, 0, 0, 0, 0)):
        with pytest.raises(IndexError):
            lazy[key]


def test_what_leaves_the_last_axis_whole_stays_lazy() -> None:
    lazy = OneHot(np.arange(12).reshape(3, 4) % C, C)
    for part in (lazy[1:], lazy[[2, 0]], lazy[1], lazy[:, ::2], lazy[..., :], lazy[:, 1, :], lazy[None]):
        assert isinstance(part, OneHot) and part.num_classes == C
    assert isinstance(lazy.reshape(-1, C), OneHot) and lazy.reshape((12, C)).shape == (12, C)
    assert np.shares_memory(lazy[1:].ids, lazy.ids)
    assert type(lazy[1, 2]) is np.ndarray
    assert lazy.reshape(4, 15).shape == (4, 15)


def test_numpy_operations_make_it_real() -> None:
    values = np.array([1, 0, 2])
    lazy, real = OneHot(values, 3), dense(values, 3)
    for got, expected in (
        (lazy * 0.9 + 0.1, real * 0.9 + 0.1),
        (1 - lazy, 1 - real),
        (lazy @ np.arange(3.0), real @ np.arange(3.0)),
        (lazy == real, real == real),
        (np.concatenate([lazy, lazy]), np.concatenate([real, real])),
        (np.log1p(lazy), np.log1p(real)),
        (lazy.sum(axis=0), real.sum(axis=0)),
        (lazy.T, real.T),
        (np.argmax(lazy, axis=-1), values),
        (lazy.argmax(1), values),
        (lazy.argmax(0), real.argmax(0)),
        (np.mean(lazy), np.mean(real)),
    ):
        np.testing.assert_array_equal(got, expected)
    assert lazy.tolist() == real.tolist()
    with pytest.raises(TypeError, match="cannot be changed in place"):
        np.add(real, 1, out=lazy)
    with pytest.raises(AttributeError, match="'OneHot' object has no attribute 'nothing'"):
        _ = lazy.nothing
    with pytest.raises(ValueError, match="copy=False"):
        lazy.__array__(copy=False)


def test_rows_may_be_assigned_to() -> None:
    lazy = to_categorical([2, 0, 1, 2], 4)
    part, real = lazy[1:], np.array(lazy)
    lazy[1] = [0.25, 0.25, 0.25, 0.25]
    lazy[2:, 0] = 5.0
    real[1], real[2:, 0] = 0.25, 5.0
    for got, expected in (
        (lazy, real), (lazy[1], real[1]), (lazy[1:, 2], real[1:, 2]), (lazy.copy(), real),
        (lazy.reshape(2, 8), real.reshape(2, 8)),
        (lazy.astype("float32"), real), (lazy.argmax(-1), real.argmax(-1)), (pickle.loads(pickle.dumps(lazy)), real),
        (list(lazy), list(real)), (to_categorical(real.argmax(1), 4), np.eye(4)[real.argmax(1)]),
    ):  # fmt: skip
        np.testing.assert_array_equal(got, expected)
    assert (lazy.shape, lazy.dtype, len(lazy), lazy.nbytes) == (real.shape, real.dtype, 4, real.nbytes)
    assert not hasattr(lazy, "ids") and "0.25" in repr(lazy)
    np.testing.assert_array_equal(part, np.eye(4)[[0, 1, 2]])  # taken before
    with pytest.raises(IndexError):
        lazy[4] = 0


def test_forms() -> None:
    lazy = OneHot([2, 0], 3)
    assert lazy.astype("float32").dtype == np.float32 and np.asarray(lazy.astype("float32")).dtype == np.float32
    again = pickle.loads(pickle.dumps(lazy))
    assert repr(again) == repr(lazy) == "OneHot(ids=array([2, 0], dtype=int32), num_classes=3, dtype=float64)"
    assert str(lazy) == str(np.asarray(lazy)) and str(OneHot(np.zeros(9999, int), 99)).startswith("OneHot(ids=")
    copied = lazy.copy()
    assert not np.shares_memory(copied.ids, lazy.ids) and copied.ids.tolist() == [2, 0]


def test_as_large_as_a_word_model_s_labels() -> None:
    tracemalloc.start()
    try:
        labels = to_categorical(np.arange(207_808) % 12_633, num_classes=12_633)
        assert labels.shape == (207_808, 12_633) and labels.dtype == np.float64 and len(labels) == 207_808
        batch = labels[np.random.default_rng(0).permutation(207_808)[:128]]
        assert np.asarray(batch).sum() == 128
        assert labels[200_000:][:3].ids.tolist() == [200_000 % 12_633 + k for k in range(3)]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 30e6 and labels.nbytes < 1e6


@given(
    values=hnp.arrays(np.int64, hnp.array_shapes(max_dims=3, max_side=4, min_side=1), elements=st.integers(0, 6)),
    classes=st.sampled_from([None, 7, 9]),
)
def test_to_categorical_follows_keras(values: np.ndarray, classes: int | None) -> None:
    lazy = to_categorical(values, classes)
    shape = values.shape[:-1] if values.ndim > 1 and values.shape[-1] == 1 else values.shape
    width = int(values.max()) + 1 if classes is None else classes
    assert lazy.shape == (*shape, width)
    np.testing.assert_array_equal(np.asarray(lazy), np.eye(width)[values.reshape(shape)])


def test_what_to_categorical_takes() -> None:
    assert to_categorical([1.0, 0.0]).ids.tolist() == [1, 0]
    assert to_categorical([True, False]).shape == (2, 2)
    assert to_categorical(2).shape == (3,) and np.asarray(to_categorical(2)).tolist() == [0, 0, 1]
    assert to_categorical([], num_classes=3).shape == (0, 3)
    assert to_categorical(to_categorical([1, 0]), 4).shape == (2, 4)


@pytest.mark.parametrize(
    ("x", "classes", "message"),
    [
        ([0, 3], 3, r"labels must lie in \[0, num_classes\) = \[0, 3\), got 3"),
        ([0, -1], None, "labels must lie in .* got -1"),
        ([0.5], None, "labels must be whole numbers, got .*0.5"),
        ([float("nan")], None, "labels must be whole numbers, got .*nan"),
        ([], None, "num_classes must be given when x is empty"),
        (["a"], None, "x must hold integers, got an array of dtype"),
        (["a"], 3, "labels must be integers, got an array of dtype"),
    ],
)
def test_labels_that_are_none(x: Any, classes: int | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        to_categorical(x, classes)
