"""Text generation with a subclassed model that hands its states in and out, as the newer form of the tutorial does."""

from __future__ import annotations

import numpy as np
import pytest

import recurra as keras
from recurra import data, layers

TEXT = "to be or not to be, that is the question. " * 40


class MyModel(keras.Model):
    def __init__(self, vocab_size, embedding_dim, rnn_units):
        super().__init__()
        self.embedding = layers.Embedding(vocab_size, embedding_dim)
        self.gru = layers.GRU(rnn_units, return_sequences=True, return_state=True)
        self.dense = layers.Dense(vocab_size)

    def call(self, inputs, states=None, return_state=False, training=False):
        x = self.embedding(inputs, training=training)
        if states is None:
            states = self.gru.get_initial_state(x.shape[0])
        x, states = self.gru(x, initial_state=states, training=training)
        x = self.dense(x, training=training)
        return (x, states) if return_state else x


class MyModelOfKeras2(MyModel):
    def call(self, inputs, states=None, return_state=False, training=False):
        if states is None:
            states = self.gru.get_initial_state(self.embedding(inputs))
        return super().call(inputs, states, return_state, training)


class OneStep:
    def __init__(self, model, vocab, rng, temperature=1.0):
        self.model, self.vocab, self.rng, self.temperature = model, vocab, rng, temperature

    def generate_one_step(self, character, states=None):
        input_ids = np.array([[self.vocab.index(character)]])
        logits, states = self.model(inputs=input_ids, states=states, return_state=True)
        logits = logits[0, -1] / self.temperature
        weights = np.exp(logits - logits.max())
        return self.vocab[self.rng.choice(len(weights), p=weights / weights.sum())], states


@pytest.mark.parametrize("kind", [MyModel, MyModelOfKeras2])
def test_generate_with_states(kind, rng, tmp_path):
    keras.utils.set_random_seed(61)
    vocab = sorted(set(TEXT))
    all_ids = np.array([vocab.index(c) for c in TEXT])
    dataset = (
        data.Dataset.from_tensor_slices(all_ids)
        .batch(21, drop_remainder=True)
        .map(lambda sequence: (sequence[:-1], sequence[1:]))
        .shuffle(100)
        .batch(4, drop_remainder=True)
        .prefetch(data.AUTOTUNE)
    )
    model = kind(len(vocab), 8, 48)
    for input_batch, _ in dataset.take(1):
        assert model(input_batch).shape == (4, 20, len(vocab))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(0.02), loss=loss)
    history = model.fit(dataset, epochs=8, verbose=0)
    assert history.history["loss"][-1] < 0.6

    one_step = OneStep(model, vocab, rng, temperature=0.2)
    states, next_char, result = None, "t", ["t"]
    for _ in range(60):
        next_char, states = one_step.generate_one_step(next_char, states=states)
        result.append(next_char)
    words = "".join(result).split()[1:-1]
    assert sum(word in TEXT.split() for word in words) > 0.7 * len(words)

    # one character at a time is the whole text at once
    ids = all_ids[None, :9]
    whole, states = model(ids), None
    for t in range(9):
        step, states = model(ids[:, t : t + 1], states=states, return_state=True)
        np.testing.assert_allclose(step[:, 0], whole[:, t], rtol=1e-4, atol=1e-5)

    model.save_weights(tmp_path / "model.weights.h5")
    other = kind(len(vocab), 8, 48)
    other(ids)
    other.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(other(ids), whole)
