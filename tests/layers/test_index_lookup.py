"""StringLookup, IntegerLookup, CategoryEncoding and Normalization: Keras's results, models, files, errors."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra import layers, models
from recurra.data import Dataset
from recurra.registry import deserialize_keras_object
from recurra.saving import FileFormatError, load_model
from tests.golden import GOLDEN
from tests.golden.lookup_cases import CASES, FLOATS, arrays, plain

WANTED: dict[str, Any] = json.loads((GOLDEN / "lookups.json").read_text("utf-8"))


def made(name: str) -> Any:
    kind, arguments, data, _ = CASES[name]
    layer = getattr(layers, kind)(**arguments)
    if data is not None:
        layer.adapt(arrays(data))
    return layer


@pytest.mark.parametrize("name", list(CASES))
def test_results_of_keras(name: str) -> None:
    layer, inputs, wanted = made(name), arrays(CASES[name][3]), WANTED[name]
    found = plain(layer(inputs))
    assert (found["kind"], found["shape"]) == (wanted["kind"], wanted["shape"])
    if wanted["kind"] == "f":
        np.testing.assert_allclose(found["values"], wanted["values"], rtol=1e-5, atol=1e-5)
    else:
        assert found["values"] == wanted["values"]
    if wanted["vocabulary"] is not None:
        assert layer.get_vocabulary() == wanted["vocabulary"] and layer.vocabulary_size() == len(wanted["vocabulary"])
    assert list(layer.compute_output_shape(inputs.shape)) == wanted["shape"]


@pytest.mark.parametrize("name", [name for name in CASES if "normal" not in name])
def test_configurations_hold_the_vocabulary(name: str) -> None:
    layer, inputs = made(name), arrays(CASES[name][3])
    again = type(layer).from_config(json.loads(json.dumps(layer.get_config())))
    np.testing.assert_array_equal(again(inputs), layer(inputs))
    assert again.get_config() == layer.get_config()


@pytest.mark.parametrize("format", ["a.keras", "a.h5"])
def test_in_a_model_and_its_file(tmp_path: Path, format: str) -> None:
    lookup = layers.StringLookup(vocabulary=["up", "down"], mask_token="")
    texts = layers.Input((3,), dtype="string")
    ids = lookup(texts)
    assert ids.dtype == "int64" and ids.shape == (None, 3)
    x = layers.LSTM(3)(layers.Embedding(lookup.vocabulary_size(), 4, mask_zero=True)(ids))
    model = models.Model(texts, layers.Dense(1)(x))
    model.compile("adam", "mse")
    words = np.array([["up", "down", ""], ["down", "sideways", "up"]], object)
    model.fit(words, np.ones((2, 1)), verbose=0)
    model.save(tmp_path / format)
    again = load_model(tmp_path / format)
    np.testing.assert_array_equal(again.predict(words, verbose=0), model.predict(words, verbose=0))


def test_back_to_texts_after_the_model() -> None:
    characters = ["a", "b", "c"]
    ids_of = layers.StringLookup(vocabulary=characters, mask_token=None)
    texts_of = layers.StringLookup(vocabulary=ids_of.get_vocabulary(), invert=True, mask_token=None)
    ids = ids_of(np.array(list("cab")))
    assert "".join(texts_of(ids)) == "cab"
    assert texts_of(layers.Input((3,), dtype="int64")).dtype == "string"


def test_adapted_to_batches(tmp_path: Path) -> None:
    layer = layers.StringLookup()
    layer.adapt(Dataset.from_tensor_slices(np.array(["b", "a", "b", "c", "c", "b"])).batch(2))
    assert layer.get_vocabulary(include_special_tokens=False) == ["b", "c", "a"]
    layer.adapt([["x", "y"], ["z", "z"]], steps=None)
    assert layer.get_vocabulary() == ["[UNK]", "z", "y", "x"]
    layer.adapt(iter([["x"], ["y"]]), steps=1)
    assert layer.get_vocabulary() == ["[UNK]", "x"]
    (tmp_path / "words.txt").write_text("one\ntwo\n")
    assert layers.StringLookup(vocabulary=tmp_path / "words.txt")(["two", b"one"]).tolist() == [2, 1]


def test_tf_idf_learnt() -> None:
    layer = layers.StringLookup(output_mode="tf_idf")
    layer.adapt([["a", "b"], ["a", "c"], ["a", "a"]])
    idf = np.log(1 + 3 / (1 + np.array([3, 1, 1])))
    found = layer([["a", "a", "c", "q"]])
    np.testing.assert_allclose(found, [[idf.mean(), 2 * idf[0], idf[1], 0]], rtol=1e-6)


def test_counts_with_weights() -> None:
    layer = layers.CategoryEncoding(3, output_mode="count")
    found = layer(np.array([[0, 2, 2]]), count_weights=np.array([[0.5, 1.0, 2.0]]))
    np.testing.assert_allclose(found, [[0.5, 0, 3]])
    assert layer(layers.Input((4,), dtype="int32")).shape == (None, 3)
    assert layers.CategoryEncoding(3)(np.zeros((0, 4), int)).shape == (0, 3)


def test_normalization_of_batches_and_in_a_model(tmp_path: Path) -> None:
    x = arrays(FLOATS)
    whole, parts = layers.Normalization(), layers.Normalization()
    whole.adapt(x)
    parts.adapt(Dataset.from_tensor_slices((x, np.zeros(4))).batch(3))
    np.testing.assert_allclose(parts(x), whole(x), rtol=1e-5, atol=1e-6)
    model = models.Sequential([layers.Input((3, 2)), whole, layers.GRU(2)])
    model.save(tmp_path / "a.keras")
    np.testing.assert_array_equal(load_model(tmp_path / "a.keras").predict(x, verbose=0), model.predict(x, verbose=0))
    given = layers.Normalization(mean=[1.0, 2.0], variance=[4.0, 0.25])
    np.testing.assert_array_equal(layers.Normalization.from_config(given.get_config())(x), given(x))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: layers.StringLookup()(["a"]), "has no vocabulary: call adapt"),
        (lambda: layers.StringLookup(vocabulary=["a", "a"]), "each token once, repeated are ['a']"),
        (lambda: layers.StringLookup(vocabulary=[]), "at least one token"),
        (lambda: layers.StringLookup(vocabulary=["a", ""], mask_token=""), "special tokens only in front"),
        (lambda: layers.StringLookup(vocabulary=["a", "b"], max_tokens=2), "at most max_tokens = 2 tokens"),
        (lambda: layers.StringLookup(vocabulary=["a"], num_oov_indices=0)(["b"]), "'b' is not in the vocabulary"),
        (lambda: layers.StringLookup(num_oov_indices=-1), "num_oov_indices must be at least 0"),
        (lambda: layers.StringLookup(max_tokens=1), "max_tokens must be greater than 1"),
        (lambda: layers.StringLookup(output_mode="ids"), "output_mode must be one of 'int'"),
        (lambda: layers.StringLookup(invert=True, output_mode="count"), "invert=True needs output_mode 'int'"),
        (lambda: layers.StringLookup(pad_to_max_tokens=True), "pad_to_max_tokens=True needs max_tokens"),
        (lambda: layers.StringLookup(sparse=True), "sparse must be False"),
        (lambda: layers.StringLookup(vocabulary=["a"], output_mode="tf_idf"), "idf_weights must be given"),
        (lambda: layers.StringLookup(idf_weights=[1.0]), "idf_weights need output_mode 'tf_idf'"),
        (lambda: layers.StringLookup(vocabulary=["a"]).adapt(["b"]), "the vocabulary was given"),
        (lambda: layers.StringLookup(dtype="int8"), "dtype must be None"),
        (lambda: layers.IntegerLookup(vocabulary_dtype="float32"), "vocabulary_dtype must be"),
        (lambda: layers.CategoryEncoding(3)([[3]]), "inputs must lie in [0, 3), got 3 to 3"),
        (lambda: layers.CategoryEncoding(3)([[0.5]]), "must hold integers, got fractions"),
        (lambda: layers.CategoryEncoding(3)([[1]], count_weights=[[1]]), "count_weights need output_mode 'count'"),
        (lambda: layers.CategoryEncoding(), "num_tokens must be a positive integer"),
        (lambda: layers.Normalization(mean=1.0), "mean and variance must be given both or neither"),
        (lambda: layers.Normalization(mean=[1.0], variance=[1.0, 2.0]), "must have one shape"),
        (lambda: layers.Normalization(mean=[[1.0]], variance=[[1.0]]), "mean may have 1 axes"),
        (lambda: layers.Normalization(axis=3)(arrays(FLOATS)), "axis (3,) is outside of inputs of 3 axes"),
        (lambda: layers.Normalization(mean=1.0, variance=1.0).adapt([[1.0]]), "mean and variance were given"),
        (lambda: layers.Normalization().adapt(np.zeros((0, 2))), "must hold something to adapt to"),
    ],
)
def test_errors(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        call()


def test_wrong_kinds() -> None:
    with pytest.raises(TypeError, match="inputs must hold strings, got 1"):
        layers.StringLookup(vocabulary=["a"])(np.array([1]))
    with pytest.raises(TypeError, match=r"inputs must hold integers, got 1\.5"):
        layers.IntegerLookup(vocabulary=[1])(np.array([1.5]))
    with pytest.raises(TypeError, match="takes string"):
        layers.StringLookup(vocabulary=["a"])(layers.Input((3,)))
    with pytest.raises(TypeError, match="ids must be integers, got dtype float64"):
        layers.StringLookup(vocabulary=["a"], invert=True)(np.array([0.5]))


def test_several_ids_for_unknown_strings(tmp_path: Path) -> None:
    """The ids that TensorFlow's documentation gives for to_hash_bucket_fast, behind the mask's."""
    texts = ["Hello", "b", "TensorFlow", "", "2.x", "a"]
    layer = layers.StringLookup(vocabulary=["a", "b"], num_oov_indices=3, mask_token="")
    assert layer.get_vocabulary() == ["", "[UNK]", "[UNK]", "[UNK]", "a", "b"]
    assert layer(np.array(texts)).tolist() == [1, 5, 3, 0, 3, 4]
    assert layer([b"Hello", b"TensorFlow"]).tolist() == [1, 3]
    model = models.Sequential([layers.Input((6,), dtype="string"), layer])
    model.save(tmp_path / "m.keras")
    again = load_model(tmp_path / "m.keras")
    assert again.predict(np.array([texts]), verbose=0).tolist() == [[1, 5, 3, 0, 3, 4]]
    counts = layers.StringLookup(vocabulary=["a"], num_oov_indices=2, output_mode="count")
    unknown = ["é", "日本語", "x" * 70, "a", "y" * 40, "word " * 5]
    found = counts(np.array([unknown]))
    assert found.shape == (1, 3) and found.sum() == 6 and found[0, 2] == 1


def test_no_file_that_a_configuration_names_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "words"
    path.write_text("one\ntwo\n")
    for kind, values in ((layers.StringLookup, ["a", "b"]), (layers.IntegerLookup, [3, 4])):
        config = {**kind(vocabulary=values).get_config(), "vocabulary": str(path)}
        with pytest.raises(FileFormatError, match="vocabulary must be given as its values"):
            deserialize_keras_object({"class_name": kind.__name__, "config": config})
        with pytest.raises(FileFormatError, match="vocabulary must be given as its values"):
            kind.from_config(config)
