"""Translation: encoder and decoder with teacher forcing, greedy decoding, with and without attention."""

from __future__ import annotations

import numpy as np
import pytest

import recurra as keras
from recurra import Model, ops
from recurra.layers import (
    GRU,
    LSTM,
    AdditiveAttention,
    Attention,
    Bidirectional,
    Concatenate,
    Dense,
    Embedding,
    Input,
    RepeatVector,
    TimeDistributed,
)
from recurra.models import Sequential, load_model
from recurra.preprocessing.sequence import pad_sequences

START, END = 1, 2


def word_pairs(n, rng):
    """The "translation" is the sentence backwards, each word with a word of its own."""
    source = [rng.integers(3, 9, rng.integers(2, 5)).tolist() for _ in range(n)]
    target = [[START, *(w + 1 for w in reversed(words)), END] for words in source]
    return source, target


@pytest.fixture(scope="module")
def pairs():
    source, target = word_pairs(300, np.random.default_rng(17))
    return source, pad_sequences(source, padding="post"), pad_sequences(target, padding="post")


@pytest.mark.filterwarnings("ignore:.*the mask attached to the input is handed on")  # all the same: padding comes last
def test_encoder_decoder_with_states(pairs, tmp_path):
    """Train one model, then take it apart: an encoder that gives states, a decoder of one step."""
    keras.utils.set_random_seed(21)
    _, source, target = pairs
    latent_dim, num_tokens = 32, 11

    encoder_inputs = Input(shape=(None,))
    x = Embedding(num_tokens, 12, mask_zero=True)(encoder_inputs)
    _, state_h, state_c = LSTM(latent_dim, return_state=True)(x)
    encoder_states = [state_h, state_c]
    decoder_inputs = Input(shape=(None,))
    decoder_embedding = Embedding(num_tokens, 12, mask_zero=True)
    decoder_lstm = LSTM(latent_dim, return_sequences=True, return_state=True)
    decoder_outputs, _, _ = decoder_lstm(decoder_embedding(decoder_inputs), initial_state=encoder_states)
    decoder_dense = Dense(num_tokens, activation="softmax")
    decoder_outputs = decoder_dense(decoder_outputs)
    model = Model([encoder_inputs, decoder_inputs], decoder_outputs)

    model.compile(optimizer=keras.optimizers.Adam(0.02), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit([source, target[:, :-1]], target[:, 1:], batch_size=30, epochs=22, verbose=0)
    assert history.history["loss"][-1] < 0.4 < 2 < history.history["loss"][0]

    model.save(tmp_path / "s2s.keras")
    same = load_model(tmp_path / "s2s.keras")
    np.testing.assert_array_equal(
        same.predict([source, target[:, :-1]], verbose=0), model.predict([source, target[:, :-1]], verbose=0)
    )

    encoder_model = Model(encoder_inputs, encoder_states)
    state_inputs = [Input(shape=(latent_dim,)), Input(shape=(latent_dim,))]
    outputs, h, c = decoder_lstm(decoder_embedding(decoder_inputs), initial_state=state_inputs)
    decoder_model = Model([decoder_inputs, *state_inputs], [decoder_dense(outputs), h, c])

    def decode_sequence(input_seq):
        states_value = encoder_model.predict(input_seq, verbose=0)
        token, decoded = START, []
        while token != END and len(decoded) < 8:
            output_tokens, h, c = decoder_model.predict([np.array([[token]]), *states_value], verbose=0)
            token = int(np.argmax(output_tokens[0, -1, :]))
            decoded.append(token)
            states_value = [h, c]
        return decoded

    right = sum(decode_sequence(source[i : i + 1]) == [t for t in target[i, 1:] if t] for i in range(30))
    assert right > 18


@pytest.mark.filterwarnings("ignore:.*the mask attached to the input is handed on")
@pytest.mark.parametrize("attention", [Attention, AdditiveAttention])
def test_attention(attention, pairs):
    keras.utils.set_random_seed(22)
    _, source, target = pairs
    encoder_inputs, decoder_inputs = Input((None,), dtype="int32"), Input((None,), dtype="int32")
    encoded, forward, backward = Bidirectional(GRU(12, return_sequences=True, return_state=True))(
        Embedding(11, 10, mask_zero=True)(encoder_inputs)
    )
    state = Concatenate()([forward, backward])
    decoded = GRU(24, return_sequences=True)(Embedding(11, 10, mask_zero=True)(decoder_inputs), initial_state=state)
    context, scores = attention()([decoded, encoded], return_attention_scores=True)
    merged = Concatenate(axis=-1)([decoded, context])
    outputs = Dense(11, activation="softmax")(Dense(24, activation="tanh")(merged))
    model = Model([encoder_inputs, decoder_inputs], outputs)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.optimizer.learning_rate = 0.02
    history = model.fit([source, target[:, :-1]], target[:, 1:], epochs=12, batch_size=30, verbose=0)
    assert history.history["accuracy"][-1] > 0.9

    look = Model(model.inputs, scores)
    weights = look.predict([source, target[:, :-1]], verbose=0)
    assert weights.shape == (len(source), target.shape[1] - 1, source.shape[1])
    np.testing.assert_allclose(weights.sum(-1), 1, rtol=1e-5)
    assert weights[np.broadcast_to((source == 0)[:, None], weights.shape)].max() < 1e-6  # padding is not looked at

    # greedy decoding: everything so far goes in, the last word comes out
    words = source[:1]
    so_far = [START]
    while so_far[-1] != END and len(so_far) < 8:
        so_far.append(int(model.predict([words, np.array([so_far])], verbose=0)[0, -1].argmax()))
    assert so_far[1:] == [t for t in target[0, 1:] if t]


class BahdanauAttention(keras.layers.Layer):
    """As a subclass, with the loop over target words outside."""

    def __init__(self, units):
        super().__init__()
        self.W1, self.W2, self.V = Dense(units), Dense(units), Dense(1)

    def call(self, query, values):
        score = self.V(ops.tanh(self.W1(ops.expand_dims(query, 1)) + self.W2(values)))
        attention_weights = ops.softmax(score, axis=1)
        return ops.sum(attention_weights * values, axis=1), attention_weights


class Decoder(Model):
    def __init__(self, vocab_size, units):
        super().__init__()
        self.embedding = Embedding(vocab_size, 10)
        self.gru = GRU(units, return_sequences=True, return_state=True)
        self.fc = Dense(vocab_size)
        self.attention = BahdanauAttention(units)

    def call(self, x, hidden, enc_output):
        context_vector, attention_weights = self.attention(hidden, enc_output)
        x = ops.concatenate([ops.expand_dims(context_vector, 1), self.embedding(x)], axis=-1)
        output, state = self.gru(x)
        return self.fc(ops.reshape(output, (-1, output.shape[2]))), state, attention_weights


class Encoder(Model):
    def __init__(self, vocab_size, units):
        super().__init__()
        self.embedding = Embedding(vocab_size, 10)
        self.gru = GRU(units, return_sequences=True, return_state=True)

    def call(self, x):
        return self.gru(self.embedding(x))


def test_attention_with_a_tape(pairs, tmp_path):
    keras.utils.set_random_seed(23)
    _, source, target = pairs
    encoder, decoder = Encoder(11, 20), Decoder(11, 20)
    optimizer = keras.optimizers.Adam(0.02)
    loss_object = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="none")

    def loss_function(real, pred):
        mask = np.not_equal(real, 0).astype("float32")
        return ops.mean(loss_object(real, pred) * mask)

    def train_step(inp, targ):
        loss = 0
        with keras.GradientTape() as tape:
            enc_output, hidden = encoder(inp)
            for t in range(1, targ.shape[1]):
                predictions, hidden, _ = decoder(np.expand_dims(targ[:, t - 1], 1), hidden, enc_output)
                loss += loss_function(targ[:, t], predictions)
        variables = encoder.trainable_variables + decoder.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return float(loss) / targ.shape[1]

    losses = []
    for _ in range(8):
        losses += [train_step(source[i : i + 30], target[i : i + 30]) for i in range(0, 300, 30)]
    assert losses[-1] < 0.6 * losses[0]

    encoder.save_weights(tmp_path / "encoder.weights.h5")
    other = Encoder(11, 20)
    other(source[:1])
    other.load_weights(tmp_path / "encoder.weights.h5")
    np.testing.assert_array_equal(other(source)[1], encoder(source)[1])


def test_repeat_vector(pairs):
    keras.utils.set_random_seed(24)
    _, source, target = pairs
    model = Sequential(
        [
            Embedding(11, 10, input_length=source.shape[1], mask_zero=True),
            Bidirectional(LSTM(20)),
            RepeatVector(target.shape[1]),
            LSTM(24, return_sequences=True),
            TimeDistributed(Dense(11, activation="softmax")),
        ]
    )
    model.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy")
    labels = target.reshape(*target.shape, 1)
    history = model.fit(source, labels, epochs=10, batch_size=30, validation_split=0.1, verbose=0)
    assert history.history["val_loss"][-1] < 0.6 * history.history["val_loss"][0]
    assert model.predict(source[:2], verbose=0).shape == (2, target.shape[1], 11)
