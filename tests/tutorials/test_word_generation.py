"""The next word: n-gram sequences, padded before, labels as one-hot rows, and greedy generation through predict."""

from __future__ import annotations

import numpy as np

import recurra
from recurra.layers import LSTM, Dense, Dropout, Embedding
from recurra.models import Sequential
from recurra.preprocessing.sequence import pad_sequences
from recurra.preprocessing.text import Tokenizer
from recurra.utils import to_categorical

RHYME = """the cat sat on the mat
the dog lay on the log
a bird sang in the tree
my fish swam in the sea
one frog hopped over a stone"""


def get_sequence_of_tokens(corpus, tokenizer):
    tokenizer.fit_on_texts(corpus)
    total_words = len(tokenizer.word_index) + 1
    input_sequences = []
    for line in corpus:
        token_list = tokenizer.texts_to_sequences([line])[0]
        for i in range(1, len(token_list)):
            input_sequences.append(token_list[: i + 1])
    return input_sequences, total_words


def generate_text(seed_text, next_words, model, tokenizer, max_sequence_len):
    for _ in range(next_words):
        token_list = tokenizer.texts_to_sequences([seed_text])[0]
        token_list = pad_sequences([token_list], maxlen=max_sequence_len - 1, padding="pre")
        predicted = np.argmax(model.predict(token_list, verbose=0), axis=-1)
        output_word = ""
        for word, index in tokenizer.word_index.items():
            if index == predicted:
                output_word = word
                break
        seed_text += " " + output_word
    return seed_text


def test_the_next_word():
    recurra.utils.set_random_seed(2)
    tokenizer = Tokenizer()
    corpus = RHYME.lower().split("\n")
    sequences, total_words = get_sequence_of_tokens(corpus, tokenizer)
    assert tokenizer.word_index["the"] == 1
    max_sequence_len = max(len(x) for x in sequences)
    padded = np.array(pad_sequences(sequences, maxlen=max_sequence_len, padding="pre"))
    predictors, label = padded[:, :-1], padded[:, -1]
    label = to_categorical(label, num_classes=total_words)
    assert label.shape == (len(sequences), total_words)

    model = Sequential()
    model.add(Embedding(total_words, 10, input_length=max_sequence_len - 1))
    model.add(LSTM(40))
    model.add(Dropout(0.1))
    model.add(Dense(total_words, activation="softmax"))
    model.compile(loss="categorical_crossentropy", optimizer=recurra.optimizers.Adam(0.03), metrics=["accuracy"])
    history = model.fit(predictors, label, epochs=60, verbose=0)
    assert history.history["loss"][-1] < 0.3 * history.history["loss"][0]
    assert history.history["accuracy"][-1] > 0.85
    assert generate_text("one frog", 4, model, tokenizer, max_sequence_len) == "one frog hopped over a stone"


def test_labels_of_a_large_vocabulary_take_no_room():
    """100,000 words in 2,000 rows would be 1.6 GB as float64 one-hot rows."""
    ids = np.random.default_rng(0).integers(1, 100_000, 2_000)
    label = to_categorical(ids, num_classes=100_000)
    assert label.shape == (2_000, 100_000)
    np.testing.assert_array_equal(np.argmax(label[:5], axis=1), ids[:5])

    model = Sequential([Embedding(100_000, 2, input_length=3), LSTM(2), Dense(100_000, activation="softmax")])
    model.compile(loss="categorical_crossentropy", optimizer="sgd", metrics=["acc"])
    history = model.fit(np.zeros((16, 3), int), label[:16], batch_size=8, verbose=0)
    np.testing.assert_allclose(history.history["loss"], np.log(100_000), rtol=1e-3)
