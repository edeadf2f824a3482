"""Film reviews: imdb.load_data, padding, Embedding and a recurrent layer, validation_split, history."""

from __future__ import annotations

import json

import numpy as np
import pytest

import recurra
from recurra.callbacks import EarlyStopping
from recurra.datasets import imdb
from recurra.layers import GRU, LSTM, Bidirectional, Dense, Embedding, SimpleRNN, SpatialDropout1D
from recurra.losses import BinaryCrossentropy
from recurra.models import Sequential, load_model
from recurra.optimizers import Adam
from recurra.preprocessing import sequence

GOOD, BAD = 10, 11  # words whose ranks tell


@pytest.fixture
def imdb_path(tmp_path):
    """A file like imdb.npz: 200 + 60 reviews of 5 to 30 words, each with one word that says all."""
    rng = np.random.default_rng(5)

    def reviews(n):
        labels = rng.integers(0, 2, n)
        rows = np.empty(n, object)
        for i, label in enumerate(labels):
            row = rng.integers(12, 60, rng.integers(5, 31)).tolist()
            for place in rng.integers(0, len(row), 3):
                row[place] = GOOD if label else BAD
            rows[i] = row
        return rows, labels

    path = tmp_path / "imdb.npz"
    x_train, y_train = reviews(200)
    x_test, y_test = reviews(60)
    np.savez(path, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    return str(path)


@pytest.mark.parametrize(
    "recurrent",
    [lambda: LSTM(16, dropout=0.1), lambda: GRU(16), lambda: Bidirectional(LSTM(8)), lambda: SimpleRNN(12)],
    ids=["LSTM", "GRU", "Bidirectional", "SimpleRNN"],
)
def test_review_classification(imdb_path, recurrent):
    recurra.utils.set_random_seed(11)
    max_features, maxlen = 64, 20
    (x_train, y_train), (x_test, y_test) = imdb.load_data(path=imdb_path, num_words=max_features)
    assert len(x_train) == 200 and len(x_test) == 60
    assert x_train[0][0] == 1  # the start
    x_train = sequence.pad_sequences(x_train, maxlen=maxlen)
    x_test = sequence.pad_sequences(x_test, maxlen=maxlen)
    assert x_train.shape == (200, 20)

    model = Sequential()
    model.add(Embedding(max_features, 16))
    model.add(SpatialDropout1D(0.1))
    model.add(recurrent())
    model.add(Dense(1, activation="sigmoid"))
    model.compile(optimizer=Adam(0.02), loss="binary_crossentropy", metrics=["acc"])
    history = model.fit(x_train, y_train, epochs=8, batch_size=16, validation_split=0.2, verbose=0)
    assert set(history.history) == {"loss", "acc", "val_loss", "val_acc"}
    assert len(history.history["val_acc"]) == 8
    assert max(history.history["val_acc"]) > 0.85
    loss, acc = model.evaluate(x_test, y_test, verbose=0)
    assert acc > 0.85 and loss < 0.5
    one = [model.predict(x_test[i : i + 1], verbose=0)[0, 0] for i in range(4)]
    np.testing.assert_allclose(one, model.predict(x_test, verbose=0)[:4, 0], atol=1e-5)


def test_logits_stacked_bidirectional_and_validation_steps(imdb_path, tmp_path):
    recurra.utils.set_random_seed(12)
    (x_train, y_train), (x_test, y_test) = imdb.load_data(imdb_path, num_words=64)
    x_train = sequence.pad_sequences(x_train, padding="post")
    x_test = sequence.pad_sequences(x_test, padding="post")
    train = recurra.data.Dataset.from_tensor_slices((x_train, y_train)).shuffle(200).batch(16)
    test = recurra.data.Dataset.from_tensor_slices((x_test, y_test)).batch(20)
    model = Sequential(
        [
            Embedding(64, 8, mask_zero=True),
            Bidirectional(LSTM(8, return_sequences=True)),
            Bidirectional(LSTM(4)),
            Dense(8, activation="relu"),
            Dense(1),
        ]
    )
    model.compile(loss=BinaryCrossentropy(from_logits=True), optimizer=Adam(0.02), metrics=["accuracy"])
    stop = EarlyStopping(monitor="val_loss", patience=3, restore_best_weights=True)
    history = model.fit(train, epochs=6, validation_data=test, validation_steps=2, callbacks=[stop], verbose=0)
    assert min(history.history["val_loss"]) < 0.4
    test_loss, test_acc = model.evaluate(test, verbose=0)
    assert test_acc > 0.85 and test_loss < 0.5

    # a review alone, and the same with padding, are the same to a layer that minds the mask
    review = x_test[:1, :8]
    padded = sequence.pad_sequences(review, maxlen=25, padding="post")
    np.testing.assert_allclose(model.predict(padded, verbose=0), model.predict(review, verbose=0), rtol=1e-4, atol=1e-5)

    model.save(tmp_path / "reviews.h5")
    np.testing.assert_array_equal(
        load_model(tmp_path / "reviews.h5").predict(x_test, verbose=0), model.predict(x_test, verbose=0)
    )


def test_words_of_a_review(imdb_path, tmp_path):
    """Decoding: the word index counts from 1, reviews from 4."""
    path = tmp_path / "imdb_word_index.json"
    path.write_text(json.dumps({"good": GOOD, "bad": BAD} | {f"word{i}": i for i in range(12, 60)}))
    word_index = imdb.get_word_index(path=str(path))
    reverse_word_index = {value: key for key, value in word_index.items()}
    (x_train, y_train), _ = imdb.load_data(imdb_path)
    for review, label in zip(x_train[:20], y_train[:20], strict=True):
        words = " ".join(reverse_word_index.get(i - 3, "?") for i in review)
        assert words.startswith("? ")
        assert ("good" in words.split()) == bool(label)


def test_counts_of_parameters():
    model = Sequential([Embedding(88585, 64, input_length=100), SimpleRNN(64), Dense(1, activation="sigmoid")])
    lines: list[str] = []
    model.summary(print_fn=lines.append)
    text = "\n".join(lines)
    assert [layer.count_params() for layer in model.layers] == [5_669_440, 8_256, 65]
    for count in ("5,669,440", "8,256", "5,677,761"):
        assert count in text
