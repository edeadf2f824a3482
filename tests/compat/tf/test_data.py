"""tf.data: tensors for elements, specifications, and what from_generator and the verbs refuse."""

from __future__ import annotations

import numpy as np
import pytest

import recurra
from recurra.compat import tf


def listed(dataset) -> list:
    return [element.numpy().tolist() for element in dataset]


def test_elements_are_tensors() -> None:
    rows = np.arange(6, dtype="float32").reshape(3, 2)
    for x, y in tf.data.Dataset.from_tensor_slices((rows, ["a", "b", "c"])).batch(2).take(1):
        assert x.shape.as_list() == [2, 2] and y.numpy().tolist() == [b"a", b"b"]
    for element in tf.data.Dataset.from_tensor_slices({"x": [1, 2], "y": [[1.0], [2.0]]}):
        assert sorted(element) == ["x", "y"] and element["y"].dtype == tf.float32
        break
    assert list(tf.data.Dataset.from_tensor_slices(["a"]).as_numpy_iterator()) == [b"a"]


def test_functions_are_given_tensors() -> None:
    seen = []
    numbers = tf.data.Dataset.range(4)
    numbers.map(lambda n: seen.append(type(n)) or n, num_parallel_calls=8, deterministic=False).batch(4).take(1).map(
        lambda batch: seen.append(batch.shape.as_list()) or batch
    ).reduce(0, lambda state, batch: state)
    assert seen[-1] == [4] and all(issubclass(kind, tf.Tensor) or kind.__name__ == "EagerTensor" for kind in seen[:4])
    pairs = tf.data.Dataset.zip((numbers, numbers.skip(1))).map(lambda a, b: {"sum": a + b, "both": tf.stack([a, b])})
    assert [int(one["sum"]) for one in pairs] == [1, 3, 5]
    assert [tuple(map(int, one)) for one in numbers.map(lambda n: [n, n * 2]).take(2)] == [(0, 0), (1, 2)]
    assert numbers.map(lambda n: [n, n * 2]).element_spec == (tf.TensorSpec((), tf.int64),) * 2  # as TensorFlow 2.21
    assert listed(numbers.map(lambda n: {"two": [n, n * 2]}).map(lambda one: one["two"]).take(2)) == [[0, 0], [1, 2]]


def test_specifications() -> None:
    data = tf.data.Dataset.from_tensor_slices((np.ones((5, 3), "float32"), ["a"] * 5))
    assert data.element_spec == (tf.TensorSpec((3,), tf.float32), tf.TensorSpec((), tf.string))
    assert data.batch(2).element_spec[0].shape.as_list() == [None, 3]
    assert data.batch(2, drop_remainder=True).element_spec[0].shape.as_list() == [2, 3]
    assert data.batch(2).unbatch().element_spec == data.element_spec
    ragged = tf.data.Dataset.from_tensor_slices(tf.ragged.constant([[1], [2, 3]])).batch(2)
    assert isinstance(ragged.element_spec, tf.RaggedTensorSpec)
    assert [data.repeat().cardinality().numpy(), data.filter(lambda a, b: True).cardinality().numpy()] == [-1, -2]


def test_counts_may_be_tensors() -> None:
    data = tf.data.Dataset.range(10)
    count = tf.constant(4)
    found = (
        data.take(data.cardinality() // 2)
        .batch(count)
        .prefetch(tf.data.AUTOTUNE)
        .cache()
        .with_options(tf.data.Options())
    )
    assert listed(found) == [[0, 1, 2, 3], [4]]
    assert listed(data.shard(3, tf.constant(1)).repeat(tf.constant(1))) == [1, 4, 7]


def test_generators() -> None:
    def rows(stop):
        for k in range(int(stop)):
            yield [k] * (k + 1), {"label": k % 2}

    types, shapes = (tf.int32, {"label": tf.float32}), ([None], {"label": []})
    data = tf.data.Dataset.from_generator(rows, types, shapes, args=[3])
    x, y = list(data)[2]
    assert x.dtype == tf.int32 and y["label"].dtype == tf.float32 and x.numpy().tolist() == [2, 2, 2]
    signature = (tf.TensorSpec([None], tf.int64), {"label": tf.TensorSpec([], tf.int32)})
    assert next(iter(tf.data.Dataset.from_generator(lambda: rows(2), output_signature=signature)))[0].dtype == tf.int64
    with pytest.raises(TypeError, match=r"expected an element of shape \(2,\)"):
        list(tf.data.Dataset.from_generator(lambda: [[1, 2, 3]], tf.int32, [2]))
    with pytest.raises(TypeError, match="expected elements of 3 parts, got 2"):
        list(tf.data.Dataset.from_generator(lambda: [(1, 2)], (tf.int32,) * 3))
    with pytest.raises(TypeError, match="must be a callable"):
        tf.data.Dataset.from_generator([1, 2], tf.int32)


def test_windows_of_pairs() -> None:
    data = tf.data.Dataset.from_tensor_slices((np.arange(5), np.arange(5) * 10)).window(3, 1, drop_remainder=True)
    found = list(data.flat_map(lambda a, b: tf.data.Dataset.zip((a.batch(3), b.batch(3)))))
    assert [(a.numpy().tolist(), b.numpy().tolist()) for a, b in found][1] == ([1, 2, 3], [10, 20, 30])


def test_windows_of_elements_with_one_key() -> None:
    numbers = tf.data.Dataset.range(7)
    found = numbers.group_by_window(lambda n: n % 2, lambda key, window: window.batch(2), 2)
    assert listed(found) == [[0, 2], [1, 3], [4, 6], [5]]
    pairs = tf.data.Dataset.zip((numbers, numbers.map(lambda n: -n)))
    sums = pairs.apply(
        tf.data.experimental.group_by_window(
            lambda a, b: a % 3,
            lambda key, window: window.map(lambda a, b: a * 10 + key),
            window_size_func=lambda key: 2,
        )
    )
    assert listed(sums) == [0, 30, 11, 41, 22, 52, 60]
    with pytest.raises(ValueError, match="one of window_size and window_size_func must be given"):
        numbers.group_by_window(lambda n: n, lambda key, window: window)
    assert listed(tf.data.Dataset.counter(5, 2).take(2)) == [5, 7]


def test_padded_texts_are_bytes() -> None:
    texts = tf.data.Dataset.from_tensor_slices(["a b", "c"]).map(tf.strings.split).padded_batch(2)
    assert next(iter(texts)).numpy().tolist() == [[b"a", b"b"], [b"c", b""]]


def test_buckets() -> None:
    rows = [[1], [2, 2, 2], [3, 3], [4, 4, 4, 4], [5]]
    data = tf.data.Dataset.from_generator(lambda: rows, tf.int32, [None])
    found = data.bucket_by_sequence_length(lambda x: tf.size(x), [3], [2, 1])
    assert sorted(listed(found), key=str) == [[[1, 0], [3, 3]], [[2, 2, 2]], [[4, 4, 4, 4]], [[5]]]
    with pytest.raises(ValueError, match="one more than 1 boundaries"):
        data.bucket_by_sequence_length(lambda x: tf.size(x), [3], [2])


def test_models_train_on_them() -> None:
    model = recurra.Sequential([recurra.layers.LSTM(2), recurra.layers.Dense(1)])
    model.compile("sgd", "mse")
    x, y = np.random.default_rng(0).normal(size=(10, 4, 3)).astype("float32"), np.ones((10, 1), "float32")
    data = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(10, seed=1).batch(4)
    assert len(model.fit(data, epochs=2, validation_data=data, verbose=0).history["val_loss"]) == 2
    assert model.predict(tf.data.Dataset.from_tensor_slices(x).batch(3), verbose=0).shape == (10, 1)


def test_files(tmp_path) -> None:
    for name in ("b.txt", "a.txt"):
        (tmp_path / name).write_text(f"one {name}\ntwo\n")
    paths = tf.data.Dataset.list_files(str(tmp_path / "*.txt"), shuffle=False)
    lines = paths.interleave(tf.data.TextLineDataset, cycle_length=2)
    assert list(lines.as_numpy_iterator()) == [b"one a.txt", b"one b.txt", b"two", b"two"]
    assert list(tf.data.TextLineDataset([str(tmp_path / "a.txt")]).skip(1).as_numpy_iterator()) == [b"two"]
    with pytest.raises(FileNotFoundError, match="no file matches"):
        tf.data.Dataset.list_files(str(tmp_path / "*.csv"))


def test_elements_of_several_datasets() -> None:
    parts = [tf.data.Dataset.range(3), tf.data.Dataset.range(10, 12), tf.data.Dataset.range(20, 24)]
    choice = tf.data.Dataset.from_tensor_slices(np.array([2, 0, 1, 1, 1, 0], "int64"))
    assert list(tf.data.Dataset.choose_from_datasets(parts, choice).as_numpy_iterator()) == [20, 0, 10, 11]
    whole = tf.data.Dataset.choose_from_datasets(parts, choice, stop_on_empty_dataset=False)
    assert list(whole.as_numpy_iterator()) == [20, 0, 10, 11, 1]
    drawn = tf.data.Dataset.sample_from_datasets(parts, seed=3)
    found = [int(n) for n in drawn.as_numpy_iterator()]
    assert sorted(found) == [0, 1, 2, 10, 11, 20, 21, 22, 23] and found != sorted(found)
    assert [n for n in found if n < 10] == [0, 1, 2]
    mixed = tf.data.Dataset.sample_from_datasets([p.repeat() for p in parts], weights=[0.8, 0.2, 0.0], seed=1)
    shares = np.bincount([int(n) // 10 for n in mixed.take(400).as_numpy_iterator()], minlength=3) / 400
    np.testing.assert_allclose(shares, [0.8, 0.2, 0.0], atol=0.07)
    ended = tf.data.Dataset.sample_from_datasets(parts[:2], [0.0, 1.0], stop_on_empty_dataset=True)
    assert list(ended.as_numpy_iterator()) == [10, 11]
    with pytest.raises(ValueError, match="weights must be 3 numbers"):
        tf.data.Dataset.sample_from_datasets(parts, [1.0])
