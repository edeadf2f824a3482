"""tf.function and the loops: Python as it stands, with tensors for arguments."""

from __future__ import annotations

import numpy as np
import pytest

from recurra.compat import tf


def test_functions_run_as_they_stand() -> None:
    calls = []

    @tf.function(jit_compile=True, reduce_retracing=True)
    def double(x, factor=2):
        """Doubles."""
        calls.append(type(x).__name__)
        return x * factor if tf.reduce_sum(x) > 0 else -x

    assert double(np.array([1.0, 2.0], "float32")).numpy().tolist() == [2.0, 4.0]
    assert double(tf.constant([-1.0]), factor=3).numpy().tolist() == [1.0]
    assert calls == ["EagerTensor", "EagerTensor"] and double.__name__ == "double" and double.__doc__ == "Doubles."
    assert double.get_concrete_function(tf.TensorSpec([None]))(np.float32(2)).numpy() == 4.0


def test_methods() -> None:
    class Counter:
        def __init__(self) -> None:
            self.total = tf.Variable(0.0)

        @tf.function
        def add(self, x):
            return self.total.assign_add(x)

    one, other = Counter(), Counter()
    one.add(2.0)
    one.add(3.0)
    assert one.total.numpy() == 5.0 and other.total.numpy() == 0.0


def test_signatures_are_checked() -> None:
    @tf.function(input_signature=[tf.TensorSpec([None, 3], tf.float32)])
    def total(x):
        return tf.reduce_sum(x)

    assert total(np.ones((2, 3), "float32")).numpy() == 6.0
    with pytest.raises(TypeError, match=r"total: expected a tensor of shape \(None, 3\), got \(2, 4\)"):
        total(np.ones((2, 4), "float32"))


def test_tensor_arrays() -> None:
    array = tf.TensorArray(tf.float32, size=2)
    with pytest.raises(ValueError, match="dynamic_size=True"):
        array.write(2, 1.0)
    with pytest.raises(ValueError, match="nothing was written at 0"):
        array.read(0)
    grown = tf.TensorArray(tf.int32, 0, dynamic_size=True).unstack(tf.constant([[1, 2], [3, 4]])).write(2, [5, 6])
    assert grown.concat().numpy().tolist() == [1, 2, 3, 4, 5, 6] and int(grown.size()) == 3
    assert grown.gather([2, 0]).numpy().tolist() == [[5, 6], [1, 2]]


def test_branches() -> None:
    assert tf.case([(tf.constant(False), lambda: 1), (tf.constant(True), lambda: 2)]) == 2
    with pytest.raises(ValueError, match="no condition holds"):
        tf.case([(False, lambda: 1)])
    k, s = tf.while_loop(lambda k, s: True, lambda k, s: (k + 1, s + k), (tf.constant(0), 0), maximum_iterations=4)
    assert int(k) == 4 and int(s) == 6


def test_functions_of_python() -> None:
    found = tf.py_function(lambda x: x.numpy() * 2, [np.array([1, 2])], tf.int64)
    assert found.numpy().tolist() == [2, 4]
    part, number = tf.numpy_function(
        lambda name, k: (np.ones(2) * len(name.decode()), k + 1), [tf.constant("ab"), tf.constant(3)],
        [tf.float32, tf.int64],
    )  # fmt: skip
    assert part.dtype == tf.float32 and part.numpy().tolist() == [2.0, 2.0] and number.dtype == tf.int64
    listed = tf.py_function(lambda text: [len(word) for word in text.numpy().split()], [tf.constant("a bc")], tf.int64)
    assert listed.dtype == tf.int64 and listed.numpy().tolist() == [1, 2]
    (text,) = tf.numpy_function(lambda name: name.upper(), ["ab"], [tf.string])
    assert text.numpy() == b"AB"
    with pytest.raises(ValueError, match="Tout must hold one type for each result, 2, got 1"):
        tf.numpy_function(lambda: (1, 2), [], [tf.int32])
    assert tf.numpy_function(lambda a, b: a + b, [np.ones(2), 1.0], tf.float64).numpy().tolist() == [2.0, 2.0]


def test_print(capsys: pytest.CaptureFixture[str]) -> None:
    tf.print("loss:", tf.constant([1.0, 2.0]), 3, sep="|")
    captured = capsys.readouterr()
    assert captured.err == "loss:|[1. 2.]|3\n" and captured.out == ""
