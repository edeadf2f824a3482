from __future__ import annotations

import itertools
import json
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recurra import Sequential, layers, optimizers
from recurra.data import AUTOTUNE, INFINITE_CARDINALITY, UNKNOWN_CARDINALITY, Dataset, experimental, sliding_windows
from recurra.utils import OneHot, set_random_seed, to_categorical
from tests.golden import GOLDEN, data_cases


def rows(dataset: Dataset) -> list[Any]:
    return [value.tolist() if isinstance(value, np.ndarray) else value for value in dataset]


def test_elements_are_rows() -> None:
    x, y = np.arange(6).reshape(3, 2), ["a", "b", "c"]
    elements = list(Dataset.from_tensor_slices((x, y)))
    assert [(list(a), b) for a, b in elements] == [([0, 1], "a"), ([2, 3], "b"), ([4, 5], "c")]
    (first, *_) = Dataset.from_tensor_slices({"x": x, "pair": (x, [1.5, 2.5, 3.5])})
    assert first["x"].tolist() == [0, 1] and first["pair"][1] == 1.5
    assert rows(Dataset.from_tensor_slices([1, 2])) == [1, 2]
    ragged = list(Dataset.from_tensor_slices([[1], [2, 3]]))
    assert ragged == [[1], [2, 3]]
    assert Dataset.from_tensor_slices(["one text", "two"]).batch(2).__iter__().__next__().dtype == object


@given(n=st.integers(0, 20), size=st.integers(1, 7), drop=st.booleans())
def test_batches(n: int, size: int, drop: bool) -> None:
    values = np.arange(2 * n).reshape(n, 2)
    dataset = Dataset.from_tensor_slices((values, np.arange(n))).batch(size, drop_remainder=drop)
    expected = [values[k : k + size] for k in range(0, n, size)]
    expected = [part for part in expected if len(part) == size or not drop]
    assert len(dataset) == len(expected)
    for (x, y), part in zip(dataset, expected, strict=True):
        np.testing.assert_array_equal(x, part)
        np.testing.assert_array_equal(y, part[:, 0] // 2)
        assert np.shares_memory(x, values)  # consecutive rows are a view


steps = st.lists(
    st.one_of(
        st.tuples(st.just("batch"), st.integers(1, 3)),
        st.tuples(st.just("take"), st.integers(-1, 9)),
        st.tuples(st.just("skip"), st.integers(-1, 4)),
        st.tuples(st.just("repeat"), st.integers(0, 3)),
        st.tuples(st.just("map"), st.sampled_from([1, 5])),
        st.tuples(st.just("prefetch"), st.just(AUTOTUNE)),
        st.tuples(st.just("cache"), st.none()),
    ),
    max_size=5,
)


@given(n=st.integers(0, 9), steps=steps, generated=st.booleans())
def test_pipelines_follow_plain_lists(n: int, steps: list[tuple[str, Any]], generated: bool) -> None:
    plain: list[Any] = [np.array([k, -k]) for k in range(n)]
    dataset = Dataset.from_tensor_slices(np.array(plain).reshape(n, 2))
    if generated:
        source = list(plain)
        dataset = Dataset.from_generator(lambda: iter(source), length=n)
    for name, value in steps:
        if name == "batch":
            parts = [plain[k : k + value] for k in range(0, len(plain), value)]
            if any(np.shape(a) != np.shape(b) for part in parts for a, b in itertools.pairwise(part)):
                continue  # batches of unequal batches
            plain, dataset = [np.stack(part) for part in parts], dataset.batch(value)
        elif name == "take":
            plain, dataset = (plain if value == -1 else plain[:value]), dataset.take(value)
        elif name == "skip":
            plain, dataset = ([] if value == -1 else plain[value:]), dataset.skip(value)
        elif name == "repeat":
            plain, dataset = plain * value, dataset.repeat(value)
        elif name == "map":
            plain, dataset = [a * value for a in plain], dataset.map(lambda a, value=value: a * value)
        else:
            dataset = dataset.cache() if name == "cache" else dataset.prefetch(value)
    for _ in range(2):  # every walk is the same
        walked = list(dataset)
        assert len(dataset) == dataset.cardinality() == len(walked) == len(plain)
        for got, expected in zip(walked, plain, strict=True):
            np.testing.assert_array_equal(got, expected)


@given(n=st.integers(0, 30), buffer=st.integers(1, 40), seed=st.integers(0, 3), again=st.booleans())
def test_a_shuffle_is_a_repeatable_permutation(n: int, buffer: int, seed: int, again: bool) -> None:
    def made() -> Dataset:
        return Dataset.from_tensor_slices(np.arange(n)).shuffle(buffer, seed, reshuffle_each_iteration=again)

    dataset = made()
    first, second = rows(dataset), rows(dataset)
    assert sorted(first) == sorted(second) == list(range(n)) and len(dataset) == n
    assert rows(made()) == first
    assert again or first == second
    for place, value in enumerate(first):  # nothing comes before the buffer reaches it
        assert value < place + buffer


def test_a_shuffle_mixes_and_goes_on_mixing() -> None:
    dataset = Dataset.from_tensor_slices(np.arange(10_000)).shuffle(1000, seed=1)
    first, second = np.array(rows(dataset)), np.array(rows(dataset))
    assert (first == second).mean() < 0.01
    assert abs(np.corrcoef(first[:1000], np.arange(1000))[0, 1]) < 0.8
    whole = Dataset.from_tensor_slices(np.arange(10_000)).shuffle(10_000, seed=1)
    assert abs(np.corrcoef(rows(whole), np.arange(10_000))[0, 1]) < 0.05


def test_an_unseeded_shuffle_follows_the_global_seed() -> None:
    def made() -> list[int]:
        return rows(Dataset.from_tensor_slices(np.arange(50)).shuffle(50))

    set_random_seed(3)
    first, second = made(), made()
    assert first != second
    set_random_seed(3)
    assert (made(), made()) == (first, second)


def test_shuffled_batches_are_gathered_at_once() -> None:
    class Counting(np.ndarray):
        reads = 0

        def __getitem__(self, key: Any) -> Any:
            type(self).reads += 1
            return np.asarray(self).__getitem__(key)

    values = np.arange(1000).view(Counting)
    total = sum(len(batch) for batch in Dataset.from_tensor_slices(values).shuffle(1000, seed=0).take(500).batch(50))
    assert total == 500 and Counting.reads == 10


def test_a_text_model_s_pipeline() -> None:
    """Characters into windows, windows into inputs and targets, shuffled batches."""
    text = np.arange(105)
    windows = Dataset.from_tensor_slices(text).batch(11, drop_remainder=True)
    pairs = windows.map(lambda w: (w[:-1], w[1:]), num_parallel_calls=AUTOTUNE)
    batches = pairs.shuffle(100, seed=4).batch(4, drop_remainder=True).prefetch(AUTOTUNE)
    assert len(windows) == 9 and len(batches) == 2
    seen = []
    for x, y in batches:
        assert x.shape == y.shape == (4, 10)
        np.testing.assert_array_equal(x + 1, y)
        seen += (x[:, 0] // 11).tolist()
    assert len(set(seen)) == 8


def test_map_and_filter_spread_tuples() -> None:
    pairs = Dataset.from_tensor_slices((np.arange(5), np.arange(5) * 10))
    assert rows(pairs.map(lambda a, b: a + b)) == [0, 11, 22, 33, 44]
    kept = pairs.filter(lambda a, b: a % 2 == 0)
    assert [int(b) for _, b in kept] == [0, 20, 40]
    assert kept.cardinality() == UNKNOWN_CARDINALITY
    assert [x.tolist() for x in kept.map(lambda a, b: a).batch(2)] == [[0, 2], [4]]
    assert [d["a"] for d in Dataset.from_tensor_slices({"a": [1, 2]}).map(lambda d: {"a": d["a"] + 1})] == [2, 3]


def test_zip() -> None:
    a, b = Dataset.from_tensor_slices(np.arange(4)), Dataset.from_tensor_slices(np.arange(3)).map(lambda v: -v)
    both = Dataset.zip((a, b))
    assert [(int(x), int(y)) for x, y in both] == [(0, 0), (1, -1), (2, -2)] and len(both) == 3
    batch = next(iter(both.batch(2)))
    assert [part.tolist() for part in batch] == [[0, 1], [0, -1]]


def test_without_end() -> None:
    endless = Dataset.from_tensor_slices([1, 2]).repeat()
    assert endless.cardinality() == INFINITE_CARDINALITY and repr(endless) == "<Dataset endless>"
    assert rows(endless.take(5)) == [1, 2, 1, 2, 1] and len(endless.take(5)) == 5
    assert len(endless.batch(3).take(2)) == 2
    with pytest.raises(TypeError, match="the dataset has no end: give steps_per_epoch, or take"):
        len(endless)
    assert rows(Dataset.from_tensor_slices([]).repeat()) == []


def test_generators_start_anew() -> None:
    calls = []

    def source() -> Any:
        calls.append(1)
        yield from range(3)

    dataset = Dataset.from_generator(source)
    assert rows(dataset) == rows(dataset) == [0, 1, 2] and len(calls) == 2
    assert [batch.tolist() for batch in dataset.batch(2)] == [[0, 1], [2]]
    assert list(dataset.as_numpy_iterator()) == [0, 1, 2]
    with pytest.raises(TypeError, match="not known before walking"):
        len(dataset)
    cached = Dataset.from_generator(source).cache()
    assert rows(cached) == rows(cached) and len(calls) == 5
    with pytest.raises(TypeError, match="generator must be a callable"):
        Dataset.from_generator(source())


def test_a_cache_that_was_not_walked_to_the_end_is_not_kept() -> None:
    cached = Dataset.from_tensor_slices(np.arange(5)).cache()
    assert rows(cached.take(2)) == [0, 1]
    assert rows(cached) == [0, 1, 2, 3, 4]


def test_lazy_labels_stay_lazy() -> None:
    labels = to_categorical(np.arange(10) % 4)
    x, y = next(iter(Dataset.from_tensor_slices((np.arange(10), labels)).shuffle(10, seed=1).batch(6)))
    assert isinstance(y, OneHot) and y.shape == (6, 4)
    np.testing.assert_array_equal(y.ids, x % 4)


def test_wrong_arguments() -> None:
    dataset = Dataset.from_tensor_slices(np.arange(3))
    with pytest.raises(ValueError, match="tensors must have the same number of rows, got 2, 3"):
        Dataset.from_tensor_slices(([1, 2], [1, 2, 3]))
    with pytest.raises(ValueError, match="tensors must have at least one axis, got a single number"):
        Dataset.from_tensor_slices(np.array(3))
    for call in (
        lambda: dataset.batch(0),
        lambda: dataset.shuffle(0),
        lambda: dataset.take(-2),
        lambda: dataset.skip(1.5),
        lambda: dataset.repeat(-2),
        lambda: dataset.shuffle(3, seed=-1),
        lambda: dataset.prefetch(-2),
    ):
        with pytest.raises(ValueError, match="must be an integer of at least"):
            call()
    with pytest.raises(ValueError, match="num_parallel_calls must be None, 1 or AUTOTUNE"):
        dataset.map(lambda x: x, num_parallel_calls=4)
    with pytest.raises(ValueError, match=r"the elements must have one shape, got \(1,\), \(2,\); use padded_batch"):
        list(Dataset.from_generator(lambda: [[1], [1, 2]]).batch(2))


@given(n=st.integers(1, 30), length=st.integers(1, 30), stride=st.integers(1, 5), features=st.sampled_from([(), (2,)]))
def test_windows(n: int, length: int, stride: int, features: tuple[int, ...]) -> None:
    tokens = np.arange(n * 2).reshape(n, 2)[(slice(None), *(0 for _ in range(1 - len(features))))]
    if length > n:
        with pytest.raises(ValueError, match=f"length must be at most the number of tokens, {n}, got {length}"):
            sliding_windows(tokens, length, stride)
        return
    windows = sliding_windows(tokens, length, stride)
    expected = np.stack([tokens[start : start + length] for start in range(0, n - length + 1, stride)])
    np.testing.assert_array_equal(windows, expected)
    assert np.shares_memory(windows, tokens) and not windows.flags.writeable


def test_two_hundred_thousand_windows_take_no_memory() -> None:
    tokens = np.arange(200_050, dtype=np.int32) % 977
    tracemalloc.start()
    try:
        windows = sliding_windows(tokens, 51)
        inputs, targets = windows[:, :-1], to_categorical(windows[:, -1], 977)
        total = 0
        for x, y in Dataset.from_tensor_slices((inputs, targets)).shuffle(200_000, seed=0).batch(128).take(50):
            np.testing.assert_array_equal((x[:, -1] + 1) % 977, y.ids)
            total += len(x)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert windows.shape == (200_000, 51) and total == 6400
    assert peak < 60e6  # of which the shuffle's row numbers are the most
    assert sliding_windows([1, 2, 3], 2).dtype == np.int32
    for arguments in ((0,), (2, 0)):
        with pytest.raises(ValueError, match="must be an integer of at least 1"):
            sliding_windows(tokens, *arguments)
    with pytest.raises(ValueError, match="tokens must have at least one axis"):
        sliding_windows(5, 1)


def plain(value: Any) -> Any:
    return [plain(item) for item in value] if isinstance(value, tuple) else np.asarray(value).tolist()


@pytest.mark.parametrize("name", data_cases.CASES)
def test_pipelines_of_tf_data(name: str) -> None:
    expected = json.loads((GOLDEN / "tf_data.json").read_text())[name]
    dataset = data_cases.CASES[name](Dataset)
    for _ in range(2):
        assert [plain(value) for value in dataset] == expected["elements"]
    assert dataset.cardinality() == expected["cardinality"]
    if expected["cardinality"] >= 0:
        assert len(dataset) == len(expected["elements"])


@settings(deadline=None)
@given(
    n=st.integers(0, 20), size=st.integers(1, 6), shift=st.integers(1, 8), stride=st.integers(1, 4), drop=st.booleans()
)
def test_windows_are_slices(n: int, size: int, shift: int, stride: int, drop: bool) -> None:
    windows = Dataset.range(n).window(size, shift, stride, drop)
    expected = [list(range(start, min(start + size * stride, n), stride)) for start in range(0, n, shift)]
    expected = [window for window in expected if len(window) == size or not drop]
    assert [[int(i) for i in window] for window in windows] == expected
    assert len(windows) == len(expected)
    assert all(len(window) == len(wanted) for window, wanted in zip(windows, expected, strict=True))


def test_windows_of_dicts_and_of_what_is_made() -> None:
    rows = Dataset.from_tensor_slices({"a": np.arange(6), "b": np.arange(6) * 2.5})
    (first, _) = rows.window(4, drop_remainder=False)
    assert set(first) == {"a", "b"} and [batch.tolist() for batch in first["b"].batch(3)] == [[0, 2.5, 5], [7.5]]
    generated = Dataset.from_generator(lambda: iter(range(5))).map(lambda n: n * n).window(2, 1, drop_remainder=True)
    assert [batch.tolist() for batch in generated.flat_map(lambda w: w.batch(2))] == [[0, 1], [1, 4], [4, 9], [9, 16]]
    assert generated.cardinality() == UNKNOWN_CARDINALITY
    assert Dataset.range(3).repeat().window(2, 1).cardinality() == INFINITE_CARDINALITY
    with pytest.raises(TypeError, match=r"the elements are datasets \(windows\)"):
        next(iter(Dataset.range(6).window(2).batch(2)))
    with pytest.raises(TypeError, match="map_func must return a Dataset, got ndarray"):
        list(Dataset.range(6).batch(2).flat_map(lambda batch: batch))


def test_padded_batches() -> None:
    texts = Dataset.from_generator(lambda: iter([["a"], ["b", "c"], []])).padded_batch(3)
    assert next(iter(texts)).tolist() == [["a", ""], ["b", "c"], ["", ""]]
    rows = [np.ones((1, 2), "f"), np.ones((3, 1), "f")]
    assert next(iter(Dataset.from_generator(lambda: iter(rows)).padded_batch(2, [None, 4]))).shape == (2, 3, 4)
    named = Dataset.from_generator(lambda: iter([{"x": [1, 2], "y": 3}, {"x": [4], "y": 5}]))
    (batch,) = named.padded_batch(2, padding_values={"x": 9, "y": None})
    assert batch["x"].tolist() == [[1, 2], [4, 9]] and batch["y"].tolist() == [3, 5]
    for given_shapes, message in (
        ([1], r"must be as large as the elements, \(2,\), got \(1,\)"),
        ([None, None], "must have 2 sizes|must have 1 sizes"),
    ):
        with pytest.raises(ValueError, match=message):
            list(Dataset.from_generator(lambda: iter([[1, 2], [3]])).padded_batch(2, given_shapes))
    with pytest.raises(ValueError, match="one entry for each of the 2 parts"):
        list(Dataset.from_tensor_slices((np.ones(2), np.ones(2))).padded_batch(2, [None]))
    with pytest.raises(ValueError, match="the same number of axes"):
        list(Dataset.from_generator(lambda: iter([[1], [[2]]])).padded_batch(2))


def test_small_steps() -> None:
    numbers = Dataset.range(5)
    assert numbers.reduce(np.int64(1), lambda state, n: state + n) == 11
    assert [n.item() for n in numbers.apply(lambda dataset: dataset.skip(3))] == [3, 4]
    assert next(iter(Dataset.range(2, output_type="int32"))).dtype == np.int32
    assert len(Dataset.zip(numbers, numbers.skip(2))) == 3
    assert experimental.AUTOTUNE == AUTOTUNE and experimental.cardinality(numbers) == 5
    assert list(Dataset.from_tensors("text")) == ["text"]
    for wrong in (
        lambda: numbers.shard(2, 2),
        lambda: numbers.window(0),
        lambda: numbers.batch(2, num_parallel_calls=4),
    ):
        with pytest.raises(ValueError, match="must be"):
            wrong()
    with pytest.raises(TypeError, match="datasets must be Datasets, got Dataset, list"):
        Dataset.zip(numbers, [1])


def test_training_on_windows_of_a_series() -> None:
    series = np.sin(np.arange(120) / 5).astype("float32")
    dataset = Dataset.from_tensor_slices(series).window(11, shift=1, drop_remainder=True)
    dataset = dataset.flat_map(lambda window: window.batch(11)).map(lambda window: (window[:-1, None], window[-1:]))
    dataset = dataset.shuffle(50, seed=4).batch(16, drop_remainder=True).prefetch(AUTOTUNE)
    set_random_seed(3)
    model = Sequential([layers.Input((10, 1)), layers.SimpleRNN(8), layers.Dense(1)])
    model.compile(optimizers.Adam(0.01), "mse")
    losses = model.fit(dataset, epochs=6, verbose=0).history["loss"]
    assert losses[-1] < losses[0] / 2


def test_what_has_no_rows_or_is_no_function_is_refused() -> None:
    with pytest.raises(TypeError, match="tensors must be arrays or lists, got int"):
        Dataset.from_tensor_slices(5)
    numbers = Dataset.range(3)
    for method in (numbers.map, numbers.filter, numbers.flat_map):
        with pytest.raises(TypeError, match="must be a function, got 3"):
            method(3)  # type: ignore[arg-type]
