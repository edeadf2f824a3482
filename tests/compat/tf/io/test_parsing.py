"""Examples as tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra.compat import tf


def record(**features: Any) -> bytes:
    made = {}
    for name, values in features.items():
        array = np.asarray(values, object if values and isinstance(values[0], bytes) else None)
        if array.dtype == object:
            made[name] = tf.train.Feature(bytes_list=tf.train.BytesList(value=array.tolist()))
        elif array.dtype.kind == "f":
            made[name] = tf.train.Feature(float_list=tf.train.FloatList(value=array.tolist()))
        else:
            made[name] = tf.train.Feature(int64_list=tf.train.Int64List(value=array.tolist()))
    return tf.train.Example(features=tf.train.Features(feature=made)).SerializeToString()


RECORDS = [record(ids=[1, 2, 3], x=[0.5, 1.5, 2.5, 3.5], t=[b"a"]), record(ids=[4], x=[1.0, 2.0], t=[b"bc"], y=[7])]
FEATURES = {
    "ids": tf.io.VarLenFeature(tf.int64),
    "t": tf.io.FixedLenFeature([], tf.string),
    "x": tf.io.FixedLenSequenceFeature([2], tf.float32, allow_missing=True),
    "y": tf.io.FixedLenFeature([1], tf.int64, default_value=-1),
}


def test_one_example() -> None:
    found = tf.io.parse_single_example(tf.constant(RECORDS[0]), FEATURES)
    assert tf.sparse.to_dense(found["ids"]).numpy().tolist() == [1, 2, 3]
    assert found["t"].numpy() == b"a" and found["t"].shape.as_list() == []
    assert found["x"].numpy().tolist() == [[0.5, 1.5], [2.5, 3.5]] and found["x"].dtype == tf.float32
    assert found["y"].numpy().tolist() == [-1] and found["y"].dtype == tf.int64
    ragged = tf.io.parse_single_example(RECORDS[0], {"r": tf.io.RaggedFeature(tf.int64, value_key="ids")})
    assert ragged["r"].numpy().tolist() == [1, 2, 3]


def test_a_batch() -> None:
    found = tf.io.parse_example(tf.constant(RECORDS), FEATURES | {"r": tf.io.RaggedFeature(tf.int64, "ids")})
    assert tf.sparse.to_dense(found["ids"]).numpy().tolist() == [[1, 2, 3], [4, 0, 0]]
    assert found["t"].numpy().tolist() == [b"a", b"bc"] and found["y"].numpy().tolist() == [[-1], [7]]
    assert found["x"].numpy().tolist() == [[[0.5, 1.5], [2.5, 3.5]], [[1, 2], [0, 0]]]
    assert found["r"].to_list() == [[1, 2, 3], [4]]


def test_a_pipeline_of_records(tmp_path: Any) -> None:
    path = str(tmp_path / "a.tfrecord")
    with tf.io.TFRecordWriter(path) as writer:
        for one in RECORDS:
            writer.write(one)

    def read(one):
        found = tf.io.parse_single_example(one, FEATURES)
        return tf.sparse.to_dense(found["ids"]), found["y"][0]

    ids, y = next(iter(tf.data.TFRecordDataset(path).map(read, num_parallel_calls=4).padded_batch(2)))
    assert ids.numpy().tolist() == [[1, 2, 3], [4, 0, 0]] and y.numpy().tolist() == [-1, 7]


def test_sequences() -> None:
    step = [tf.train.Feature(int64_list=tf.train.Int64List(value=values)) for values in ([1, 2], [3, 4], [5, 6])]
    lists = tf.train.FeatureLists(feature_list={"w": tf.train.FeatureList(feature=step)})
    context = tf.train.Features(feature={"n": tf.train.Feature(int64_list=tf.train.Int64List(value=[3]))})
    data = tf.train.SequenceExample(context=context, feature_lists=lists).SerializeToString()
    wholes, steps = tf.io.parse_single_sequence_example(
        data,
        {"n": tf.io.FixedLenFeature([], tf.int64)},
        {"w": tf.io.FixedLenSequenceFeature([2], tf.int64), "v": tf.io.VarLenFeature(tf.float32)},
    )
    assert int(wholes["n"]) == 3 and steps["w"].numpy().tolist() == [[1, 2], [3, 4], [5, 6]]
    assert steps["v"].shape.as_list() == [0, 0]
    with pytest.raises(ValueError, match="z: the example has no such list"):
        tf.io.parse_single_sequence_example(data, {}, {"z": tf.io.FixedLenSequenceFeature([], tf.int64)})


def test_descriptions_that_do_not_fit() -> None:
    def parse(**features: Any) -> Any:
        return tf.io.parse_single_example(RECORDS[0], features)

    with pytest.raises(ValueError, match="ids: the description says float32, the example has a int64_list"):
        parse(ids=tf.io.FixedLenFeature([3], tf.float32))
    with pytest.raises(ValueError, match=r"ids: shape \(2,\) takes 2 values, the example has 3"):
        parse(ids=tf.io.FixedLenFeature([2], tf.int64))
    with pytest.raises(ValueError, match="z: the example has no such feature"):
        parse(z=tf.io.FixedLenFeature([2], tf.int64))
    with pytest.raises(ValueError, match=r"z: .* allow_missing"):
        parse(z=tf.io.FixedLenSequenceFeature([2], tf.int64))
    with pytest.raises(ValueError, match=r"rows of shape \(2,\) have 2 values each, the example has 3"):
        parse(ids=tf.io.FixedLenSequenceFeature([2], tf.int64))
    with pytest.raises(ValueError, match="float32, int64 or string, got int32"):
        parse(ids=tf.io.FixedLenFeature([3], tf.int32))
    with pytest.raises(TypeError, match="no description"):
        parse(ids=tf.TensorSpec([3], tf.int64))
