"""TextVectorization inside models, and in their files."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import recurra as keras
from recurra import Input, Model, Sequential, layers, ops
from recurra.data import Dataset
from recurra.layers import LSTM, Dense, Embedding, TextVectorization
from recurra.models import clone_model, load_model
from recurra.saving import FileFormatError
from tests.golden import GOLDEN

TEXTS = ["The cat sat on the mat.", "a dog ate my homework", "the dog sat", "no!"] * 4
LABELS = np.array([1, 0, 1, 0] * 4)


def vectorizer(**arguments: Any) -> TextVectorization:
    made = TextVectorization(**arguments)
    made.adapt(TEXTS)
    return made


def sequential(vectorize: TextVectorization, first: bool) -> Sequential:
    inputs = [Input((1,), dtype="string")] if first else []
    return Sequential([*inputs, vectorize, Embedding(20, 4, mask_zero=True), LSTM(3), Dense(1)])


def functional(vectorize: TextVectorization) -> Model:
    texts, other = Input((1,), dtype="string", name="texts"), Input((2,), name="numbers")
    hidden = LSTM(3)(Embedding(20, 4, mask_zero=True)(vectorize(texts)))
    return Model([texts, other], Dense(1)(ops.concatenate([hidden, other])))


@pytest.mark.parametrize("first", [True, False])
def test_end_to_end(tmp_path: Path, first: bool) -> None:
    keras.utils.set_random_seed(2)
    vectorize = vectorizer(max_tokens=20)
    model = sequential(vectorize, first)
    assert not model.layers[0].supports_masking
    model.compile(keras.optimizers.Adam(0.05), keras.losses.BinaryCrossentropy(from_logits=True), metrics=["accuracy"])
    model.fit(TEXTS, LABELS, epochs=3, verbose=0)
    model.fit(np.array(TEXTS), LABELS, epochs=3, verbose=0)
    batches = Dataset.from_tensor_slices((TEXTS, LABELS)).batch(3)
    model.fit(batches, epochs=5, verbose=0, validation_data=batches)
    loss, accuracy = model.evaluate(TEXTS, LABELS, verbose=0)
    assert loss < 0.4 and accuracy == 1.0
    ids = vectorize(TEXTS)
    expected = Model(*through(model))(ids)
    for given in (TEXTS, np.array(TEXTS), [[text] for text in TEXTS], np.array(TEXTS, object)[:, None]):
        np.testing.assert_allclose(model.predict(given, verbose=0), expected, rtol=1e-5)
        np.testing.assert_allclose(model(given), expected, rtol=1e-5)
    assert model.predict(batches.map(lambda text, label: text), verbose=0).shape == (16, 1)
    for path in (tmp_path / "a.keras", tmp_path / "a.h5"):
        model.save(path)
        again = load_model(path)
        np.testing.assert_allclose(again.predict(TEXTS, verbose=0), expected, rtol=1e-5)
        assert again.layers[0].get_vocabulary() == vectorize.get_vocabulary()
    copy = clone_model(model)
    copy.set_weights(model.get_weights())
    np.testing.assert_allclose(copy.predict(TEXTS, verbose=0), expected, rtol=1e-5)


def through(model: Any) -> tuple[Any, Any]:
    x = Input((None,), dtype="int64")
    y: Any = x
    for layer in model.layers[1:]:
        y = layer(y)
    return x, y


def test_with_other_inputs(tmp_path: Path) -> None:
    model = functional(vectorizer(output_sequence_length=4))
    data = {"texts": np.array(TEXTS, object), "numbers": np.ones((16, 2), "f")}
    model.compile("sgd", "mse")
    model.fit(data, LABELS, verbose=0)
    expected = model.predict(data, verbose=0)
    model.save(tmp_path / "a.keras")
    again = load_model(tmp_path / "a.keras")
    np.testing.assert_allclose(again.predict([data["texts"], data["numbers"]], verbose=0), expected, rtol=1e-6)
    whole = Sequential([vectorizer(), Embedding(20, 4), LSTM(3)])
    outer = Sequential([whole, Dense(2), layers.Activation("softmax")])  # to serve a model that was trained alone
    assert outer.predict(TEXTS, verbose=0).shape == (16, 2)


@pytest.mark.parametrize("mode", ["multi_hot", "count", "tf_idf"])
def test_bags_of_words(tmp_path: Path, mode: str) -> None:
    vectorize = vectorizer(output_mode=mode)
    model = Sequential([Input(shape=(), dtype=str), vectorize, Dense(2)])
    assert model.layers[1].input_shape == (None, vectorize.vocabulary_size())
    model.save(tmp_path / "a.keras")
    np.testing.assert_array_equal(
        load_model(tmp_path / "a.keras").predict(TEXTS, verbose=0), model.predict(TEXTS, verbose=0)
    )


def shout(texts: Any) -> Any:
    return np.char.upper(texts)


def test_functions_come_back_by_name(tmp_path: Path) -> None:
    model = Sequential([vectorizer(standardize=shout, split="character"), Embedding(40, 2)])
    expected = model.predict(TEXTS, verbose=0)
    model.save(tmp_path / "a.keras")
    again = load_model(tmp_path / "a.keras", custom_objects={"shout": shout})
    np.testing.assert_array_equal(again.predict(TEXTS, verbose=0), expected)
    with pytest.raises(FileFormatError, match="the function 'shout' is unknown"):
        load_model(tmp_path / "a.keras")


#: what the script printed
PREDICTIONS = [1.0839450359344482, -1.3135416507720947, 0.9789321422576904]


def test_a_file_of_keras_2() -> None:
    """Made by golden/make_keras2_text.py: the vocabulary is in a file of its own in the archive."""
    path = GOLDEN / "keras2_text.keras"
    model = load_model(path)
    words = ["", "[UNK]", "the", "sat", "dog", "on", "my", "mat", "homework", "cat", "ate", "a"]
    assert model.layers[0].get_vocabulary() == words
    found = model.predict(["the cat sat on the mat", "a dog ate my homework", "the dog sat"], verbose=0)
    np.testing.assert_allclose(found.ravel(), PREDICTIONS, rtol=1e-5)


def test_a_vocabulary_that_does_not_fit(tmp_path: Path) -> None:
    path = GOLDEN / "keras2_text.keras"

    def written(**changes: bytes) -> Path:
        with zipfile.ZipFile(path) as source, zipfile.ZipFile(tmp_path / "a.keras", "w") as target:
            for name in source.namelist():
                target.writestr(name, changes.get(name.rpartition("/")[2].partition(".")[0], source.read(name)))
        return tmp_path / "a.keras"

    with pytest.raises(FileFormatError, match=r"text_vectorization.*vocabulary must have 12 tokens, got 3"):
        load_model(written(vocabulary=b"\n[UNK]\nthe"))
    with pytest.raises(FileFormatError, match=r"vocabulary\.txt is not UTF-8"):
        load_model(written(vocabulary=b"\n[UNK]\n\xff"))
    with zipfile.ZipFile(path) as source:
        config = json.loads(source.read("config.json"))
    config["config"]["layers"][1]["config"].update(output_mode="tf_idf", output_sequence_length=None)
    config["config"]["layers"] = config["config"]["layers"][:2]
    with (
        pytest.warns(UserWarning, match="has no place for"),
        pytest.raises(FileFormatError, match="TF-IDF weights kept beside"),
    ):
        load_model(written(config=json.dumps(config).encode()))


def test_what_does_not_go_together() -> None:
    vectorize = vectorizer()
    with pytest.raises(TypeError, match="takes texts: give its Input dtype='string', got 'float32'"):
        vectorize(Input((1,)))
    with pytest.raises(ValueError, match="ragged=True gives a list of arrays"):
        vectorizer(ragged=True)(Input((1,), dtype="string"))
    with pytest.raises(ValueError, match="dtype must be None, 'string' or the dtype of the numbers"):
        TextVectorization(dtype="int8")
    numbers = Sequential([Input((3,)), Dense(2)])
    with pytest.raises(TypeError, match="x must be an array of numbers, got dtype object: turn texts into ids"):
        numbers.predict(TEXTS, verbose=0)
    texts = Sequential([Input((1,), dtype="string"), vectorize])
    with pytest.raises(TypeError, match="x must hold texts, as the model begins with them, got dtype float64"):
        texts.predict(np.ones((40, 1)), batch_size=8, verbose=0)
    with pytest.raises(TypeError, match="array of numbers"):
        Dense(2)(np.array([["a", "b"]]))
