"""Arrays of objects: numbers where they are numbers, and errors that say what to do."""

from __future__ import annotations

import datetime
import sys
import types
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from recurra.data import Dataset
from recurra.layers import LSTM, Dense, Embedding, Input, TextVectorization
from recurra.models import Sequential
from recurra.training import sources
from recurra.training.object_arrays import numbers_of_objects


class Column:
    """Texts or numbers with a shape that numpy can read: what pandas' Series is to a model."""

    def __init__(self, values: list[Any]) -> None:
        self.values = np.array(values, object)
        self.shape, self.dtype = self.values.shape, self.values.dtype

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return self.values if dtype is None else self.values.astype(dtype)

    def __len__(self) -> int:
        return len(self.values)


def objects(*values: Any) -> Any:
    array = np.empty(len(values), object)
    array[:] = values
    return array


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (np.array([[1, 0.5, True], [2, 1.0, False]], object), np.array([[1, 0.5, 1], [2, 1, 0]])),
        (np.array([3, np.int8(4)], object), np.array([3, 4])),
        (np.array([True, False], object), np.array([True, False])),
        (objects([1, 2, 3], [4, 5, 6]), np.array([[1, 2, 3], [4, 5, 6]])),
    ],
)
def test_objects_that_are_numbers(given: Any, expected: Any) -> None:
    found = numbers_of_objects(given, "x")
    np.testing.assert_array_equal(found, expected)
    assert found.dtype.kind == expected.dtype.kind


def test_arrays_of_equal_shapes_in_an_array_are_one_array() -> None:
    rows = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32")
    packed = np.empty(2, object)
    packed[0], packed[1] = rows
    np.testing.assert_array_equal(numbers_of_objects(packed, "x"), rows)


@pytest.mark.parametrize(
    ("argument", "given", "said"),
    [
        (
            "x",
            np.array([[1, "b"]], object),
            "x must be an array of numbers, got texts such as 'b': turn texts into ids",
        ),
        ("y", np.array(["a", "b"]), r"texts such as 'a': number them first, classes, y = numpy.unique\(labels"),
        ("y", objects(["a"], ["b"]), "got texts such as 'a'"),
        ("y", objects("1", "2"), "got texts such as '1'"),  # never parsed
        ("y", np.array([1.0, None], object), r"missing values \(None\): fill them, or leave their rows out"),
        ("x", objects([1, 2], [3]), "rows of different lengths: make them equal with recurra.utils.pad_sequences"),
        ("y", np.arange(3).astype("M8[D]"), r"got dtype datetime64\[D\]: turn dates into numbers"),
        ("y", np.arange(3).astype("m8[s]"), r"got dtype timedelta64\[s\]: turn dates"),
        ("x", objects(datetime.date(2020, 1, 2)), r"dates \(date\): turn dates into numbers"),
        ("x", objects(Decimal("1.5")), r"elements of type Decimal: convert it with astype\('float32'\)"),
        ("x", np.array([1j]), "got dtype complex128"),
    ],
)
def test_what_is_no_number_is_named(argument: str, given: Any, said: str) -> None:
    with pytest.raises(TypeError, match=said):
        numbers_of_objects(given, argument)


def test_a_table_of_mixed_columns_is_trained_on() -> None:
    table = np.array([[1, 0.5, True], [2, 1.0, False], [3, 2.0, True]], object)
    histories = []
    for x in (table, table.astype("float32")):
        model = Sequential([Input((3,)), Dense(1, kernel_initializer="ones")])
        model.compile("sgd", "mse")
        histories.append(model.fit(x, np.array([1, 2, 3], object), verbose=0, shuffle=False, epochs=2).history["loss"])
    assert histories[0] == histories[1]


def test_a_column_of_texts_and_a_column_of_lists() -> None:
    words = TextVectorization(max_tokens=9, output_sequence_length=4)
    words.adapt(["a b", "c"])
    model = Sequential([words, Embedding(9, 3), LSTM(2), Dense(1)])
    model.compile("sgd", "mse")
    model.fit(Column(["a b", "c", "b"]), Column([1, 0, 1]), verbose=0)
    assert model.predict(Column(["a b", "c", "b"]), verbose=0).shape == (3, 1)
    ids = Sequential([Embedding(9, 3), LSTM(2)])
    assert ids.predict(Column([[1, 2, 3], [4, 5, 6]]), verbose=0).shape == (2, 2)


def test_a_column_that_is_no_array_is_refused_by_name() -> None:
    class Uneven(Column):
        def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
            return np.array([[1, 2], [3]])

    with pytest.raises(ValueError, match=r"x must be an array, but its rows have different lengths: .*pad_sequences"):
        sources.make_source(Uneven([1, 2]))


def test_a_list_of_arrays_for_a_model_of_one_input() -> None:
    model = Sequential([Input((5, 3)), LSTM(2)])
    rows = [np.zeros((5, 3), "float32") for _ in range(4)]
    with pytest.raises(TypeError, match=r"x must be an array, got list of 4, which stands for 4 inputs: numpy\.stack"):
        model.predict(rows, verbose=0)
    with pytest.raises(ValueError, match=r"got x: 5, 3 \(x is a list of arrays, one for each input.*pad_sequences"):
        model.predict([rows[0], rows[1][:3]], verbose=0)


def test_a_sparse_matrix_is_named() -> None:
    class csr_matrix:
        shape = (2, 2)

        def toarray(self) -> Any: ...

    with pytest.raises(
        TypeError, match=r"x must be an array of numbers, got a sparse csr_matrix: pass its toarray\(\)"
    ):
        sources.make_source(csr_matrix())


def test_missing_values_of_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are known by what they are: an object of the user's own may be of a class of the same name."""
    NAType = type("NAType", (), {})
    NA, NaT, own = NAType(), object(), NAType()
    monkeypatch.setitem(sys.modules, "pandas", types.SimpleNamespace(NA=NA, NaT=NaT))
    for value in (NA, NaT):
        with pytest.raises(TypeError, match="with missing values"):
            numbers_of_objects(objects(1.5, value), "y")
    with pytest.raises(TypeError, match="with elements of type NAType"):
        numbers_of_objects(objects(1.5, own), "y")


@pytest.mark.parametrize("texts", [["a b"] * 4, np.array(["a b"] * 4), np.array([["a", "b"]] * 4)])
@pytest.mark.parametrize("first", [[Embedding(5, 2)], []])
def test_texts_for_a_model_that_is_not_built(texts: object, first: list[Any]) -> None:
    model = Sequential([*first, LSTM(3), Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(TypeError, match=r"x must be an array of numbers, got dtype .* Tokenizer"):
        model.fit(texts, np.ones((4, 1)), verbose=0)


def test_a_dataset_of_single_samples() -> None:
    model = Sequential([LSTM(3), Dense(1)])
    model.compile("sgd", "mse")
    samples = Dataset.from_tensor_slices((np.ones((4, 5, 3), "float32"), np.ones((4, 1))))
    with pytest.raises(ValueError, match=r"got x: 5, y: 1 \(a Dataset of single samples .* dataset.batch\(32\)\)"):
        model.fit(samples, verbose=0)
