"""Ragged tensors in arithmetic, reductions and joins: what TensorFlow 2.21 gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra.compat import tf


def ragged() -> Any:
    return tf.ragged.constant([[1, 2, 3], [], [4]])


def test_arithmetic_row_by_row() -> None:
    rag = ragged()
    assert (rag + 1).to_list() == [[2, 3, 4], [], [5]] and (10 - rag).to_list() == [[9, 8, 7], [], [6]]
    assert (rag * rag).to_list() == [[1, 4, 9], [], [16]] and (rag / 2).to_list() == [[0.5, 1.0, 1.5], [], [2.0]]
    assert (rag + tf.constant([[10], [20], [30]])).to_list() == [[11, 12, 13], [], [34]]
    assert (rag > 2).to_list() == [[False, False, True], [], [True]]
    assert (rag == rag).to_list() == [[True] * 3, [], [True]]
    assert (rag + 1).dtype == tf.int32
    deep = tf.ragged.constant([[[1, 2], [3]], [[4]]])
    assert (deep * 2).to_list() == [[[2, 4], [6]], [[8]]]
    with pytest.raises(ValueError, match="ragged tensors of 3 and 2 rows do not fit together"):
        rag + tf.ragged.constant([[1], [2]])


def test_reductions() -> None:
    rag = ragged()
    assert tf.reduce_sum(rag, axis=1).numpy().tolist() == [6, 0, 4] and int(tf.reduce_max(rag)) == 4
    assert tf.reduce_sum(rag, axis=-1).dtype == tf.int32 and int(tf.reduce_sum(rag)) == 10
    floats = tf.cast(rag, tf.float32)
    assert floats.to_list() == [[1.0, 2.0, 3.0], [], [4.0]] and floats.dtype == tf.float32
    np.testing.assert_array_equal(tf.reduce_mean(floats, axis=1).numpy(), [2.0, np.nan, 4.0])
    vectors = tf.RaggedTensor.from_row_lengths(np.arange(6.0).reshape(3, 2), [2, 1])
    assert tf.reduce_sum(vectors, axis=1).numpy().tolist() == [[2.0, 4.0], [4.0, 5.0]]
    with pytest.raises(NotImplementedError, match="reduced along axis 1, or whole, got axis=0"):
        tf.reduce_sum(rag, axis=0)


def test_joins_and_choices() -> None:
    rag = ragged()
    start, end = tf.fill([3, 1], 8), tf.fill([3, 1], 9)
    assert tf.concat([start, rag, end], axis=1).to_list() == [[8, 1, 2, 3, 9], [8, 9], [8, 4, 9]]
    assert tf.concat([rag, rag[:1]], axis=0).to_list() == [[1, 2, 3], [], [4], [1, 2, 3]]
    assert tf.gather(rag, [2, 0]).to_list() == [[4], [1, 2, 3]]
    assert tf.ragged.boolean_mask(tf.constant([[1, 2], [3, 4]]), [[True, False], [True, True]]).to_list() == [
        [1],
        [3, 4],
    ]
    with pytest.raises(ValueError, match=r"as many rows are needed in each, got \[3, 2\]"):
        tf.concat([rag, rag[:2]], axis=1)
    with pytest.raises(NotImplementedError, match="whole rows can be picked"):
        tf.gather(rag, [0], axis=1)


def test_texts_and_hashes() -> None:
    words = tf.constant(["a", "é"])
    assert (words + "!").numpy().tolist() == [b"a!", "é!".encode()] and ("<" + words).numpy()[0] == b"<a"
    texts = tf.constant(["Hello, World  foo", "", "naïve Café É"])
    assert tf.strings.to_hash_bucket_fast(texts, 10).numpy().tolist() == [1, 3, 6]


def test_types_of_python_numbers() -> None:
    assert tf.range(12.0).dtype == tf.range(0, 1, 0.25).dtype == tf.float32 and tf.range(3).dtype == tf.int32
    assert tf.cumsum([1, 2, 3], reverse=True).dtype == tf.int32
    assert tf.math.divide_no_nan(1.0, 0.0).dtype == tf.math.xlogy(0.0, 0.0).dtype == tf.float32
