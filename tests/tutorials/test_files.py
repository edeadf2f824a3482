"""What tutorials keep: models under every kind of name, checkpoints, pickled Tokenizers, drawings."""

from __future__ import annotations

import importlib.util
import pickle

import numpy as np
import pytest

import recurra as keras
from recurra import layers, models
from recurra.callbacks import CSVLogger, EarlyStopping, ModelCheckpoint, ReduceLROnPlateau
from recurra.preprocessing.text import Tokenizer, tokenizer_from_json
from recurra.train import latest_checkpoint
from recurra.utils import plot_model


@pytest.fixture
def data(rng):
    x = rng.integers(1, 9, (40, 6))
    return x, (x.sum(axis=1) > 27).astype("float32")


@pytest.fixture
def model(data):
    keras.utils.set_random_seed(51)
    model = models.Sequential(
        [
            layers.Embedding(9, 4),
            layers.Bidirectional(layers.LSTM(5, dropout=0.2, return_sequences=True)),
            layers.GRU(6),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
    model.fit(*data, epochs=1, verbose=0)
    return model


@pytest.mark.parametrize("name", ["model.h5", "model.keras", "models/rnn"])
def test_save_and_load(name, model, data, tmp_path):
    path = str(tmp_path / name)
    model.save(path)
    loaded = models.load_model(path)
    np.testing.assert_array_equal(loaded.predict(data[0], verbose=0), model.predict(data[0], verbose=0))
    assert loaded.evaluate(*data, verbose=0) == model.evaluate(*data, verbose=0)
    keras.utils.set_random_seed(1)
    first = model.fit(*data, epochs=1, shuffle=False, verbose=0).history["loss"]
    keras.utils.set_random_seed(1)  # the optimizer's state came along
    assert loaded.fit(*data, epochs=1, shuffle=False, verbose=0).history["loss"] == pytest.approx(first, rel=0.05)
    assert int(loaded.optimizer.iterations) == int(model.optimizer.iterations) == 4


def test_architecture_and_weights_apart(model, data, tmp_path):
    (tmp_path / "model.json").write_text(model.to_json())
    model.save_weights(tmp_path / "model.weights.h5")
    loaded = models.model_from_json((tmp_path / "model.json").read_text())
    loaded.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(loaded.predict(data[0], verbose=0), model.predict(data[0], verbose=0))


@pytest.mark.parametrize("ending", ["", ".weights.h5"])
def test_checkpoints(ending, model, data, tmp_path):
    folder = tmp_path / "checkpoints"
    checkpoint = ModelCheckpoint(str(folder / ("ckpt_{epoch}" + ending)), save_weights_only=True)
    model.fit(*data, epochs=3, callbacks=[checkpoint], verbose=0)
    newest = latest_checkpoint(str(folder))
    assert newest is not None and newest.endswith("ckpt_3" + ending)
    other = models.clone_model(model)
    other.load_weights(newest)
    np.testing.assert_array_equal(other.predict(data[0], verbose=0), model.predict(data[0], verbose=0))


def test_the_best_and_the_log(model, data, tmp_path):
    path = str(tmp_path / "best-{epoch:02d}-{val_loss:.4f}.keras")
    callbacks = [
        ModelCheckpoint(path, monitor="val_loss", save_best_only=True, verbose=0),
        EarlyStopping(monitor="val_loss", patience=2),
        ReduceLROnPlateau(monitor="val_loss", factor=0.5, patience=1),
        CSVLogger(str(tmp_path / "log.csv")),
    ]
    history = model.fit(*data, validation_split=0.25, epochs=4, callbacks=callbacks, verbose=0)
    best = int(np.argmin(history.history["val_loss"]))
    name = f"best-{best + 1:02d}-{history.history['val_loss'][best]:.4f}.keras"
    assert (tmp_path / name).exists()
    rows = (tmp_path / "log.csv").read_text().splitlines()
    assert len(rows) == 1 + len(history.epoch) and rows[0].startswith("epoch,")


def test_pickled_tokenizer(tmp_path):
    tokenizer = Tokenizer(num_words=5, oov_token="<OOV>")
    tokenizer.fit_on_texts(["I love my dog", "I love my cat", "You love my dog!"])
    assert tokenizer.word_index["<OOV>"] == 1 and tokenizer.word_index["love"] == 2
    path = tmp_path / "tokenizer.pickle"
    with open(path, "wb") as handle:
        pickle.dump(tokenizer, handle, protocol=pickle.HIGHEST_PROTOCOL)
    with open(path, "rb") as handle:
        loaded = pickle.load(handle)
    said = ["my dog loves me"]
    assert loaded.texts_to_sequences(said) == tokenizer.texts_to_sequences(said) == [[3, 1, 1, 1]]
    again = tokenizer_from_json(tokenizer.to_json())
    assert again.word_counts == tokenizer.word_counts
    again.fit_on_texts(["dog dog dog dog"])
    assert again.word_index["dog"] == 2


@pytest.mark.skipif(importlib.util.find_spec("matplotlib") is None, reason="matplotlib is not installed")
def test_plot_model(model, tmp_path):
    path = tmp_path / "model.png"
    plot_model(model, to_file=str(path), show_shapes=True, show_layer_names=True)
    assert path.read_bytes()[:4] == b"\x89PNG"
