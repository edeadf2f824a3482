"""Lines of CSV as tensors; the values are those of TensorFlow 2.21."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra.compat import tf


def lists(tensors: Any) -> Any:
    return [(one.dtype.name, one.numpy().tolist() if one.ndim else one.numpy()) for one in tensors]


def test_columns_have_the_types_of_their_defaults() -> None:
    found = tf.io.decode_csv(["1,2.5,x", "4,,y"], [0, 1.5, ""])
    assert lists(found) == [("int32", [1, 4]), ("float32", [2.5, 1.5]), ("object", [b"x", b"y"])]
    assert lists(tf.io.decode_csv("7,8,z", [0, [1.5], [""]])) == [("int32", 7), ("float32", 8.0), ("object", b"z")]
    square = tf.io.decode_csv([["1,2"], ["3,4"]], [tf.int64, tf.constant([], tf.float64)])
    assert lists(square) == [("int64", [[1], [3]]), ("float64", [[2.0], [4.0]])]
    assert lists(tf.io.decode_csv("x", ["int32"])) == [("object", b"x")]


def test_delimiters_quotes_and_choices() -> None:
    found = tf.io.decode_csv("1;2;3", [tf.constant([], tf.int64), [7.0]], field_delim=";", select_cols=[0, 2])
    assert lists(found) == [("int64", 1), ("float32", 3.0)]
    assert lists(tf.io.decode_csv('"a, ""b""",c', ["", ""])) == [("object", b'a, "b"'), ("object", b"c")]
    assert lists(tf.io.decode_csv('"a,b"', ["", ""], use_quote_delim=False)) == [("object", b'"a'), ("object", b'b"')]
    assert np.isnan(tf.io.decode_csv("1,?", [0, np.nan], na_value="?")[1].numpy())


def test_in_a_pipeline_of_lines(tmp_path) -> None:
    (tmp_path / "a.csv").write_text("x,y\n1,0.5\n2,\n3,1.5\n")

    def parse(line):
        fields = tf.io.decode_csv(line, record_defaults=[0.0, tf.constant([2.5])])
        return tf.stack(fields[:-1]), tf.stack(fields[-1:])

    dataset = tf.data.TextLineDataset(str(tmp_path / "a.csv")).skip(1).map(parse).batch(2)
    assert [(x.numpy().tolist(), y.numpy().tolist()) for x, y in dataset] == [
        ([[1.0], [2.0]], [[0.5], [2.5]]),
        ([[3.0]], [[1.5]]),
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("1,2", [0]), r"must have 1 fields, got 2: \['1', '2'\]"),
        (("1,2", [0, 0, 0]), "must have 3 fields, got 2"),
        (("x,2", [0, 0]), r"field 0 must be a valid int32, got 'x' in the record \['x', '2'\]"),
        (("1,3000000000", [0, 0]), "field 1 must be a valid int32"),
        ((",2", [tf.constant([], tf.float32), 0]), "field 0 is empty"),
        (("1", [0, 0], ",", True, "", [0, 3]), r"must have 2 fields|must have"),
    ],
)
def test_records_that_cannot_be_read(arguments: Any, said: str) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match=said):
        tf.io.decode_csv(*arguments)


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match="one for each of 1 select_cols, got 2"):
        tf.io.decode_csv("1,2", [0, 0], select_cols=[1])
    with pytest.raises(ValueError, match=r"at most one value, got shape \(2,\)"):
        tf.io.decode_csv("1", [[0, 0]])
