"""Text generation, character after character, with a stateful GRU: train on batches, rebuild for one row, sample."""

from __future__ import annotations

import os

import numpy as np
import pytest

import recurra as keras
from recurra import layers, losses, models
from recurra.callbacks import ModelCheckpoint
from recurra.data import Dataset
from recurra.train import latest_checkpoint

TEXT = "the quick brown fox jumps over the lazy dog. " * 60
SEQ_LENGTH = 20
BATCH_SIZE = 4
EMBEDDING_DIM = 8
RNN_UNITS = 48


def split_input_target(chunk):
    return chunk[:-1], chunk[1:]


def build_model(vocab_size, batch_size, cell):
    recurrent = cell(
        RNN_UNITS,
        return_sequences=True,
        stateful=True,
        recurrent_initializer="glorot_uniform",
    )
    return models.Sequential(
        [
            layers.Embedding(vocab_size, EMBEDDING_DIM, batch_input_shape=[batch_size, None]),
            recurrent,
            layers.Dense(vocab_size),
        ]
    )


def loss(labels, logits):
    return losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)


def generate_text(model, start, char2idx, idx2char, length, temperature, rng):
    input_eval = np.expand_dims([char2idx[s] for s in start], 0)
    generated = []
    model.reset_states()
    for _ in range(length):
        predictions = model(input_eval)
        predictions = np.squeeze(predictions, 0) / temperature
        weights = np.exp(predictions[-1] - predictions[-1].max())
        predicted_id = int(rng.choice(len(weights), p=weights / weights.sum()))
        input_eval = np.expand_dims([predicted_id], 0)
        generated.append(idx2char[predicted_id])
    return start + "".join(generated)


@pytest.mark.parametrize("cell", [layers.GRU, layers.LSTM])
def test_generate_characters(tmp_path, cell, rng):
    keras.utils.set_random_seed(3)
    vocab = sorted(set(TEXT))
    char2idx = {u: i for i, u in enumerate(vocab)}
    idx2char = np.array(vocab)
    text_as_int = np.array([char2idx[c] for c in TEXT])

    char_dataset = Dataset.from_tensor_slices(text_as_int)
    for i in char_dataset.take(3):
        assert idx2char[i] in "the"
    sequences = char_dataset.batch(SEQ_LENGTH + 1, drop_remainder=True)
    for item in sequences.take(1):
        assert "".join(idx2char[item]) == TEXT[: SEQ_LENGTH + 1]
    dataset = sequences.map(split_input_target)
    for input_example, target_example in dataset.take(1):
        assert "".join(idx2char[input_example[1:]]) == "".join(idx2char[target_example[:-1]])
    dataset = dataset.shuffle(1000).batch(BATCH_SIZE, drop_remainder=True)

    model = build_model(len(vocab), BATCH_SIZE, cell)
    model.summary(print_fn=lambda line: None)
    for input_batch, target_batch in dataset.take(1):
        predictions = model(input_batch)
        assert predictions.shape == (BATCH_SIZE, SEQ_LENGTH, len(vocab))
        mean_loss = loss(target_batch, predictions).mean()
        assert mean_loss == pytest.approx(np.log(len(vocab)), abs=0.1)  # it knows nothing yet

    model.compile(optimizer=keras.optimizers.Adam(0.02), loss=loss)
    checkpoint_dir = str(tmp_path / "training_checkpoints")
    checkpoint_prefix = os.path.join(checkpoint_dir, "ckpt_{epoch}")
    checkpoint = ModelCheckpoint(filepath=checkpoint_prefix, save_weights_only=True)
    history = model.fit(dataset, epochs=6, callbacks=[checkpoint], verbose=0)
    assert history.history["loss"][-1] < 0.7 < 1.5 < history.history["loss"][0]

    newest = latest_checkpoint(checkpoint_dir)
    assert newest == os.path.join(checkpoint_dir, "ckpt_6")

    model_one = build_model(len(vocab), batch_size=1, cell=cell)
    model_one.load_weights(newest)
    model_one.build((1, None))
    for a, b in zip(model.get_weights(), model_one.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)

    text = generate_text(model_one, "the ", char2idx, idx2char, 60, 0.3, rng)
    known = set(TEXT.split())
    words = text.split()[:-1]  # the last may be cut off
    assert len(text) == 64
    assert sum(word in known for word in words) > 0.6 * len(words)


def test_the_state_is_what_reset_states_forgets():
    keras.utils.set_random_seed(0)
    model = build_model(7, 1, layers.GRU)
    model.build((1, None))
    ids = np.array([[3, 1, 4, 1, 5]])
    whole = model(ids)
    assert not np.allclose(model(ids), whole)  # it went on from where it was
    model.reset_states()
    first, second = model(ids[:, :2]), model(ids[:, 2:])
    np.testing.assert_allclose(np.concatenate([first, second], axis=1), whole, rtol=1e-5, atol=1e-6)


def test_a_stateful_model_refuses_another_number_of_rows():
    model = build_model(7, 4, layers.LSTM)
    with pytest.raises(ValueError, match="4"):
        model(np.zeros((3, 5), int))


def test_custom_training_loop():
    """The same tutorial's second half: a tape, an optimizer, and states set back by hand."""
    keras.utils.set_random_seed(1)
    vocab = sorted(set(TEXT))
    ids = np.array([vocab.index(c) for c in TEXT[: 4 * 63]])
    windows = ids.reshape(4, 3, 21)
    model = build_model(len(vocab), 4, layers.GRU)
    optimizer = keras.optimizers.Adam(learning_rate=0.02)
    seen = []
    for _ in range(15):
        model.reset_states()
        for step in range(3):
            chunk = windows[:, step]
            with keras.GradientTape() as tape:
                predictions = model(chunk[:, :-1])
                value = keras.ops.mean(loss(chunk[:, 1:], predictions))
            grads = tape.gradient(value, model.trainable_variables)
            optimizer.apply_gradients(zip(grads, model.trainable_variables, strict=True))
            seen.append(float(value))
    assert seen[-1] < 0.5 * seen[0]
