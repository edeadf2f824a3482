"""Where batches come from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from recurra.training import sources
from recurra.utils import to_categorical


def test_arrays_in_order_are_views() -> None:
    x = np.arange(22).reshape(11, 2)
    found = list(sources.make_source(x, batch_size=4).epoch(0))
    assert [batch.size for batch in found] == [4, 4, 3]
    assert all(np.shares_memory(batch.x, x) for batch in found)
    np.testing.assert_array_equal(np.concatenate([batch.x for batch in found]), x)


def test_shuffled_epochs_differ_and_repeat() -> None:
    x, y = np.arange(50), np.arange(50) * 10
    source = sources.make_source(x, y, batch_size=7, shuffle=True, seed=5)
    orders = [np.concatenate([batch.x for batch in source.epoch(e)]) for e in (0, 1, 0)]
    assert sorted(orders[0]) == list(range(50))
    assert not np.array_equal(orders[0], orders[1])
    np.testing.assert_array_equal(orders[0], orders[2])
    for batch in source.epoch(3):
        np.testing.assert_array_equal(batch.y, batch.x * 10)


def test_shuffle_of_whole_batches() -> None:
    source = sources.make_source(np.arange(20), batch_size=5, shuffle="batch", seed=1)
    starts = [int(batch.x[0]) for batch in source.epoch(0)]
    assert sorted(starts) == [0, 5, 10, 15]
    assert all(np.array_equal(batch.x, np.arange(batch.x[0], batch.x[0] + 5)) for batch in source.epoch(0))


def test_sliding_windows_are_never_copied_whole() -> None:
    import tracemalloc

    tokens = np.arange(300_000, dtype=np.int32)
    windows = np.lib.stride_tricks.sliding_window_view(tokens, 51)
    source = sources.make_source(windows[:, :50], windows[:, 50], batch_size=64, shuffle=True, seed=1)
    tracemalloc.start()
    for number, batch in enumerate(source.epoch(0)):
        np.testing.assert_array_equal(batch.y, batch.x[:, -1] + 1)
        if number == 20:
            break
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5e6  # the windows in full would be 60 MB


def test_lazy_one_hot_is_cut_by_its_ids() -> None:
    labels = to_categorical(np.arange(9) % 4, 4)
    batch = next(iter(sources.make_source(np.zeros((9, 2)), labels, batch_size=5, shuffle=True, seed=2).epoch(0)))
    assert batch.y.shape == (5, 4)
    assert hasattr(batch.y, "ids")


def test_several_inputs_and_outputs() -> None:
    x = {"a": np.arange(6), "b": np.arange(12).reshape(6, 2)}
    y = [np.arange(6), np.arange(6) * 2]
    batch = list(sources.make_source(x, y, batch_size=4).epoch(0))[1]
    assert batch.size == 2 and list(batch.x) == ["a", "b"] and batch.y[1].tolist() == [8, 10]


def test_generators_go_on_from_epoch_to_epoch() -> None:
    def endless() -> Iterator[Any]:
        n = 0
        while True:
            yield np.full((3, 1), n), np.zeros(3)
            n += 1

    source = sources.make_source(endless())
    assert source.peek() is not None
    assert source.steps is None
    first = source.epoch(0)
    assert [int(next(first).x[0, 0]) for _ in range(3)] == [0, 1, 2]
    assert int(next(source.epoch(1)).x[0, 0]) == 3


def test_lists_of_batches_and_sequence_objects() -> None:
    class Squares:
        ended = 0

        def __len__(self) -> int:
            return 3

        def __getitem__(self, index: int) -> Any:
            if index >= 3:
                raise IndexError
            return np.full((2, 1), index), np.full(2, index * index)

        def on_epoch_end(self) -> None:
            self.ended += 1

    pairs = [(np.zeros((2, 1)), np.ones(2)), (np.zeros((3, 1)), np.ones(3))]
    source = sources.make_source(pairs)
    assert source.steps == 2 and [batch.size for batch in source.epoch(0)] == [2, 3]
    data = Squares()
    source = sources.make_source(data)
    assert source.steps == 3 and [int(batch.y[0]) for batch in source.epoch(0)] == [0, 1, 4]
    source.after_epoch()
    assert data.ended == 1
    shuffled = sources.make_source(data, shuffle=True, seed=3)
    assert sorted(int(batch.y[0]) for batch in shuffled.epoch(0)) == [0, 1, 4]


def test_class_weights_become_sample_weights() -> None:
    source = sources.make_source(np.zeros((5, 1)), np.array([0, 1, 2, 1, 0]), class_weight={0: 2.0, 2: 0.5})
    assert next(iter(source.epoch(0))).weight.tolist() == [2.0, 1.0, 0.5, 1.0, 2.0]
    source = sources.make_source(np.zeros((3, 1)), to_categorical([2, 0, 1]), class_weight={0: 2.0, 2: 0.5})
    assert next(iter(source.epoch(0))).weight.tolist() == [0.5, 2.0, 1.0]
    source = sources.make_source(np.zeros((3, 1)), np.eye(3)[[2, 0, 1]], class_weight={0: 2.0, 2: 0.5})
    assert next(iter(source.epoch(0))).weight.tolist() == [0.5, 2.0, 1.0]


@pytest.mark.parametrize(
    ("x", "y", "kind", "said"),
    [
        (np.zeros((4, 2)), np.zeros(3), ValueError, "same number of samples, got x: 4, y: 3"),
        (np.zeros((0, 2)), np.zeros(0), ValueError, "at least one sample"),
        ([[1, 2], [1]], None, ValueError, "pad_sequences"),
        (np.ones((2, 1)), np.array(["a", "b"]), TypeError, "y must be an array of numbers"),
        ("text", None, TypeError, "Tokenizer"),
        (np.array([[1], None], dtype=object), None, TypeError, "array of objects"),
        (3.0, None, ValueError, r"first axis.*\(a Dataset of single samples is made .*of batches by dataset\.batch"),
        (None, None, ValueError, "must be data"),
        (iter([]), np.zeros(3), ValueError, "y must not be given"),
    ],
)
def test_data_that_is_none(x: Any, y: Any, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said):
        sources.make_source(x, y)


def test_batch_size_must_be_positive() -> None:
    for bad in (0, -1, 2.5, True):
        with pytest.raises(ValueError, match="batch_size must be an int >= 1"):
            sources.make_source(np.zeros((4, 2)), batch_size=bad)


def test_class_weight_is_checked() -> None:
    with pytest.raises(ValueError, match="cannot both be given"):
        sources.make_source(np.zeros((2, 1)), np.zeros(2), np.ones(2), class_weight={0: 1.0})
    with pytest.raises(ValueError, match="class ids"):
        sources.make_source(np.zeros((2, 1)), np.zeros(2), class_weight={"spam": 1.0})
