"""Edit distances of sparse sequences."""

from __future__ import annotations

import numpy as np
import pytest

from recurra.compat import tf


def sparse(rows: list[list[int]], width: int) -> tf.SparseTensor:
    places = [(row, at) for row, values in enumerate(rows) for at in range(len(values))]
    return tf.SparseTensor(places, [v for values in rows for v in values], (len(rows), width))


def test_distances_of_sequences() -> None:
    said = sparse([[1, 2, 3], [], [4, 4], [5], []], 3)
    true = sparse([[1, 3], [7, 8], [4, 5, 4, 6], [], []], 4)
    distances = tf.edit_distance(said, true, normalize=False)
    assert distances.numpy().tolist() == [1, 2, 2, 1, 0] and distances.dtype == tf.float32
    assert tf.edit_distance(said, true).numpy().tolist() == [0.5, 1, 0.5, np.inf, 0]


def test_places_in_any_order_and_texts() -> None:
    said = tf.SparseTensor([(0, 1, 1), (0, 1, 0), (1, 0, 0)], ["b", "a", "c"], (2, 2, 2))
    true = tf.SparseTensor([(0, 1, 0), (0, 1, 1)], ["a", "b"], (2, 2, 5))
    assert tf.edit_distance(said, true).numpy().tolist() == [[0, 0], [np.inf, 0]]


def test_what_is_refused() -> None:
    with pytest.raises(TypeError, match=r"hypothesis must be a SparseTensor .* got list"):
        tf.edit_distance([[1]], sparse([[1]], 1))
    with pytest.raises(ValueError, match=r"the same sizes but for the last, got \(2, 3\) and \(1, 3\)"):
        tf.edit_distance(sparse([[1], [2]], 3), sparse([[1]], 3))


def test_histograms_and_options() -> None:
    found = tf.histogram_fixed_width([-1.0, 0.0, 1.5, 2.0, 5.0, 15.0], [0.0, 5.0], nbins=5)
    assert found.numpy().tolist() == [2, 1, 1, 0, 2] and found.dtype == tf.int32
    with pytest.raises(ValueError, match=r"value_range must be low < high"):
        tf.histogram_fixed_width([1.0], [2.0, 2.0])
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    assert tf.data.Dataset.range(2).with_options(options).cardinality().numpy() == 2
