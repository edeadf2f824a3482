"""Rows that share an id, as TensorFlow counts them."""

from __future__ import annotations

import numpy as np
import pytest

from recurra.compat import tf

X = np.array([[1.0, -2.0], [5.0, 0.5], [-3.0, 4.0], [2.0, 2.0]], "float32")
IDS = [2, 0, 2, -1]
LOW, HIGH = np.finfo("float32").min, np.finfo("float32").max


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sum", [[5, 0.5], [0, 0], [-2, 2]]),
        ("mean", [[5, 0.5], [0, 0], [-1, 1]]),
        ("max", [[5, 0.5], [LOW, LOW], [1, 4]]),
        ("min", [[5, 0.5], [HIGH, HIGH], [-3, -2]]),
    ],
)
def test_segments_in_any_order(name: str, expected: list[list[float]]) -> None:
    found = getattr(tf.math, f"unsorted_segment_{name}")(X, IDS, 3)
    np.testing.assert_array_equal(found.numpy(), np.array(expected, "float32"))
    ascending = getattr(tf.math, f"segment_{name}")(X, [0, 0, 2, 2])
    assert ascending.shape == (3, 2) and not ascending.numpy()[1].any()


def test_segments_have_gradients() -> None:
    x = tf.Variable(X)
    for name, expected in (("mean", [0.5, 1, 0.5, 0]), ("max", [1, 1, 0, 0]), ("min", [0, 1, 1, 0])):
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(getattr(tf.math, f"unsorted_segment_{name}")(x[:, 0], IDS, 3)[::2])
        np.testing.assert_array_equal(tape.gradient(total, x).numpy()[:, 0], expected)


def test_segments_of_whole_numbers() -> None:
    assert tf.math.unsorted_segment_max([3, 9, 4], [1, 0, 1], 2).numpy().tolist() == [9, 4]
