"""What tensors do that arrays do not, and the other way round."""

from __future__ import annotations

import copy
import json
import pickle

import numpy as np
import pytest

from recurra.compat import tf
from recurra.compat.tf.shapes import TensorShape


def test_as_people_print_them() -> None:
    x = tf.constant([[1.0, 2.0]])
    assert str(x) == "tf.Tensor([[1. 2.]], shape=(1, 2), dtype=float32)"
    assert repr(x) == "<tf.Tensor: shape=(1, 2), dtype=float32, numpy=array([[1., 2.]], dtype=float32)>"
    assert f"{tf.constant(1.25):.1f} {tf.constant(7)} {x.shape}" == "1.2 7 (1, 2)"
    assert "%.3f" % tf.constant(0.5) == "0.500"  # noqa: UP031
    assert str(tf.constant(["a"])) == "tf.Tensor([b'a'], shape=(1,), dtype=string)"


def test_numbers_and_bytes() -> None:
    assert type(tf.constant(2.5).numpy()) is np.float32 and tf.constant("añ").numpy().decode() == "añ"
    assert json.dumps(float(tf.constant(2.0))) == "2.0" and int(tf.constant(3)) == 3
    assert ["a", "b"][tf.constant(1)] == "b" and list(range(tf.constant(2))) == [0, 1]
    assert np.arange(5)[tf.constant([3, 1])].tolist() == [3, 1]


def test_beside_arrays() -> None:
    x, a = tf.constant([1.0, 2.0]), np.array([3.0, 5.0], "float32")
    for found in (a + x, x + a, np.add(a, x), x * a - a):
        assert isinstance(found, tf.Tensor) and found.dtype == tf.float32
    assert np.exp(x).tolist() == np.exp(np.array([1.0, 2.0], "float32")).tolist()
    assert np.sum(x) == 3.0 and np.mean([x, a]) == 2.75
    assert np.asarray(x).tolist() == [1.0, 2.0] and np.argmax(x) == 1
    a += x
    assert np.asarray(a).tolist() == [4.0, 7.0]


def test_float64_of_numpy_does_not_widen() -> None:
    x = tf.constant([1.0])
    assert (x * 2.5).dtype == tf.float32 and (x * [2.5]).dtype == tf.float32 and (x * 2).dtype == tf.float32


def test_kinds() -> None:
    x = tf.constant([1])
    assert isinstance(x, tf.Tensor) and not isinstance(np.ones(1), tf.Tensor) and tf.is_tensor(x)
    assert isinstance(tf.Variable(1.0), tf.Variable) and not isinstance(tf.Variable(1.0), tf.Tensor)
    assert not tf.is_tensor(np.ones(1)) and tf.is_tensor(tf.Variable(1.0))
    assert [row.numpy() for row in tf.constant([4, 5])] == [4, 5]
    assert (x == None) is False  # noqa: E711


def test_copies() -> None:
    x = tf.constant([[1, 2]])
    for found in (copy.copy(x), copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert type(found) is type(x) and found.numpy().tolist() == [[1, 2]]


def test_variables() -> None:
    v = tf.Variable([[1.0, 2.0]], name="w")
    assert v.shape.as_list() == [1, 2] and v.trainable and v.dtype == tf.float32
    v.assign(v * 3)
    v.assign_sub([[1.0, 1.0]])
    assert v.numpy().tolist() == [[2.0, 5.0]] and (v + 1).numpy().tolist() == [[3.0, 6.0]]
    assert v.read_value().numpy().tolist() == v[:].numpy().tolist()
    assert tf.Variable(3).dtype == tf.int32 and tf.Variable(lambda: tf.zeros(2)).shape == (2,)
    with pytest.raises(ValueError, match="shape"):
        v.assign([1.0])


def test_modules_find_their_variables() -> None:
    class Part(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = tf.Variable(1.0)
            self.fixed = tf.Variable(2.0, trainable=False)

    class Whole(tf.Module):
        def __init__(self) -> None:
            super().__init__(name="whole")
            self.parts = [Part(), Part()]
            self.dense = tf.keras.layers.Dense(2)
            self.dense.build((None, 3))

    whole = Whole()
    assert len(whole.variables) == 6 and len(whole.trainable_variables) == 4 and len(whole.submodules) == 2


def test_shapes() -> None:
    shape = TensorShape([None, 3])
    assert shape.as_list() == [None, 3] and shape.rank == 2 and shape[1:] == (3,) and shape[0] is None
    assert isinstance(shape[1:], TensorShape) and (shape + (4,)).as_list() == [None, 3, 4]  # noqa: RUF005
    assert str(shape) == "(None, 3)" and str(TensorShape([2])) == "(2,)" and repr(shape) == "TensorShape([None, 3])"
    assert shape.is_compatible_with((5, 3)) and not shape.is_compatible_with((5, 4))
    assert shape.merge_with((5, None)) == (5, 3) and TensorShape([2, 3]).num_elements() == 6
    assert TensorShape(None).rank is None and TensorShape(None).is_compatible_with([1, 2])
    with pytest.raises(ValueError, match="incompatible"):
        tf.ones((2, 3)).set_shape([None, 4])


def test_dtypes() -> None:
    assert tf.float32 == np.float32 == np.dtype(tf.float32) and tf.as_dtype("int64") is tf.int64
    assert tf.float32.name == "float32" and tf.int32.as_numpy_dtype is np.int32 and tf.float32.is_floating
    assert np.zeros(2, tf.bool).dtype == bool and tf.constant(["a"]).dtype == tf.string
    assert repr(tf.int8) == "tf.int8" and tf.int32 != tf.int64 and tf.float32 in {tf.float32}
    assert tf.int32.max == 2**31 - 1 and pickle.loads(pickle.dumps(tf.float16)) is tf.float16
    tf.keras.layers.Dense(2, dtype=tf.float32)


def test_zeros_at_the_end_of_texts_stay() -> None:
    assert tf.constant(b"a\0\0").numpy() == b"a\0\0" and tf.constant("\0").numpy() == b"\0"
    assert tf.constant([[b"a\0", "b"], ["\0\0", b""]]).numpy().tolist() == [[b"a\0", b"b"], [b"\0\0", b""]]
    assert tf.strings.length(b"a\0").numpy() == 2
    with pytest.raises(ValueError):
        tf.constant([[b"a"], [b"b", b"c"]])


def test_formats_are_those_of_the_values() -> None:
    one, many, text = tf.constant(1.5), tf.constant([1, 2]), tf.constant("a")
    assert f"{one}|{one:.2f}|{many}|{text}|{tf.constant([2.0]):.1f}" == "1.5|1.50|[1 2]|b'a'|2.0"


def test_unique_names_its_parts() -> None:
    found = tf.unique([7, 3, 7, 9])
    np.testing.assert_array_equal(found.y, [7, 3, 9])
    np.testing.assert_array_equal(found.idx, [0, 1, 0, 2])
    y, idx = found
    assert y is found.y and idx is found.idx
