from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import recurra.utils
from recurra.preprocessing.sequence import pad_sequences
from tests.support.keras_text import golden

sides = st.sampled_from(["pre", "post"])


@pytest.mark.parametrize("case", golden()["padding"], ids=str)
def test_rows_are_keras_s(case: Any) -> None:
    sequences, arguments, expected = case
    result = pad_sequences(sequences, **arguments)
    assert result.dtype == arguments.get("dtype", "int32")
    np.testing.assert_array_equal(result, expected)


@given(
    sequences=st.lists(st.lists(st.integers(-9, 99), max_size=6), min_size=1, max_size=6),
    maxlen=st.none() | st.integers(1, 8),
    padding=sides,
    truncating=sides,
    value=st.integers(-3, 3),
    arrays=st.booleans(),
)
def test_rows_follow_the_definition(
    sequences: list[list[int]], maxlen: int | None, padding: str, truncating: str, value: int, arrays: bool
) -> None:
    given_as: Any = [np.array(sequence, np.int64) for sequence in sequences] if arrays else sequences
    result = pad_sequences(given_as, maxlen, padding=padding, truncating=truncating, value=value)
    length = max(map(len, sequences)) if maxlen is None else maxlen
    assert result.shape == (len(sequences), length) and result.dtype == np.int32
    for row, sequence in zip(result.tolist(), sequences, strict=True):
        kept = sequence[-length:] if truncating == "pre" else sequence[:length]
        kept = kept if length else []
        filling = [value] * (length - len(kept))
        assert row == (filling + kept if padding == "pre" else kept + filling)


@given(
    sequences=st.lists(st.lists(st.floats(-1e6, 1e6), max_size=5), min_size=1, max_size=5),
    dtype=st.sampled_from(["int32", "int64", "float32", "float64"]),
)
def test_numbers_are_cast_as_numpy_casts_them(sequences: list[list[float]], dtype: str) -> None:
    result = pad_sequences(sequences, dtype=dtype, padding="post")
    for row, sequence in zip(result, sequences, strict=True):
        np.testing.assert_array_equal(row[: len(sequence)], np.asarray(sequence, dtype=dtype))


@given(
    lengths=st.lists(st.integers(0, 4), min_size=1, max_size=4).filter(any), features=st.integers(1, 3), padding=sides
)
def test_steps_may_have_a_shape(lengths: list[int], features: int, padding: str) -> None:
    draw = np.random.default_rng(1)
    sequences = [draw.normal(size=(length, features, 2)) for length in lengths]
    result = pad_sequences(sequences, dtype="float64", padding=padding, value=-1.5)
    assert result.shape == (len(lengths), max(lengths), features, 2)
    for row, sequence in zip(result, sequences, strict=True):
        inside = slice(len(row) - len(sequence), None) if padding == "pre" else slice(len(sequence))
        np.testing.assert_array_equal(row[inside], sequence)
        assert (np.delete(row, np.arange(len(row))[inside], axis=0) == -1.5).all()


def test_defaults() -> None:
    assert pad_sequences([[1], [2, 3], [4, 5, 6]], maxlen=2).tolist() == [[0, 1], [2, 3], [5, 6]]
    assert pad_sequences([[1.9], [-1.9, 2]]).tolist() == [[0, 1], [-1, 2]]  # floats are cut
    assert pad_sequences([[], []]).shape == (2, 0)
    assert pad_sequences([], maxlen=3).shape == (0, 3)
    assert pad_sequences([[], [1]], value=7).tolist() == [[7], [1]]
    assert pad_sequences(np.array([[1, 2], [3, 4]]), maxlen=3).tolist() == [[0, 1, 2], [0, 3, 4]]


def test_strings_need_object() -> None:
    result = pad_sequences([["a"], ["b", "c"]], dtype=object, value="<pad>", padding="post")
    assert result.tolist() == [["a", "<pad>"], ["b", "c"]]
    with pytest.raises(ValueError, match="dtype must be object for a value that is a string"):
        pad_sequences([["a"]], value="<pad>")


@pytest.mark.parametrize(
    ("sequences", "arguments", "message"),
    [
        ([1, 2], {}, "sequences must be a list of sequences, but element 0 is 1"),
        ([[1], 2], {}, "element 1 is 2"),
        (iter([[1]]), {}, "sequences must be a list of sequences, got list_iterator"),
        ([], {}, "sequences is empty: give maxlen"),
        ([[1]], {"padding": "left"}, "padding must be 'pre' or 'post', got 'left'"),
        ([[1]], {"truncating": "end"}, "truncating must be 'pre' or 'post', got 'end'"),
        ([[1]], {"maxlen": -1}, "maxlen must be an integer of at least 0 or None, got -1"),
        ([[1]], {"maxlen": 2.0}, "maxlen must be an integer"),
        ([[[1, 2]], [[1, 2, 3]]], {}, "sequence 1 has steps of shape \\(3,\\)"),
        ([[1, 2], [[3]]], {}, "sequence 1 has steps of shape \\(1,\\)"),
        ([[1, 2], ["x"]], {}, "must hold numbers, as dtype is int32, got 'x' in sequence 1: turn texts into ids"),
    ],
)
def test_what_cannot_be_padded(sequences: Any, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        pad_sequences(sequences, **arguments)


@pytest.mark.parametrize(
    ("sequences", "kind", "said"),
    [
        (["abc", "d"], ValueError, "dtype is int32, got 'abc' in sequence 0: turn texts into ids with a Tokenizer"),
        ([[1, 2], ["x", 3]], ValueError, "got 'x' in sequence 1: .*or pass dtype=object"),
        ([[4], [1, None]], TypeError, "got None in sequence 1: leave it out"),
    ],
)
def test_what_is_no_number_is_named(sequences: Any, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said):
        pad_sequences(sequences)


def test_utils_has_it_too() -> None:
    assert recurra.utils.pad_sequences is pad_sequences
