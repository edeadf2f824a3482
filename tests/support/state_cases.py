"""Models whose layers are called more than once, or hand on states, and whose training step is recorded, with data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from recurra import layers as L
from recurra import ops
from tests.support.branch_cases import CLASSES, EXTRA, STEPS, WORDS, BranchCase

SPARSE = "sparse_categorical_crossentropy"


def translation(kind: Any = L.LSTM, **options: Any) -> Callable[[Any, Any, Any], Any]:
    """Encoder and decoder over words, as in the tutorials."""

    def model(s: Any, w: Any, e: Any) -> Any:
        _, *states = kind(4, return_state=True, **options)(L.Embedding(WORDS, 3, mask_zero=True)(w))
        decoder = kind(4, return_sequences=True, return_state=True, **options)
        y, *_ = decoder(L.Embedding(WORDS, 5, mask_zero=True)(w), initial_state=states)
        return w, L.Dense(CLASSES, "softmax")(y)

    return model


def _deep(s: Any, w: Any, e: Any) -> Any:
    """Two layers on each side, with masks."""
    x = L.Masking()(s)
    x, *first = L.LSTM(4, return_sequences=True, return_state=True)(x)
    x, *second = L.LSTM(3, return_state=True)(x)
    y = L.LSTM(4, return_sequences=True, dropout=0.2)(L.Embedding(WORDS, 2, mask_zero=True)(w), initial_state=first)
    y = L.LSTM(3, return_sequences=True)(y, initial_state=second)
    return [s, w], L.Dense(CLASSES, "softmax")(y)


def _attention(s: Any, w: Any, e: Any) -> Any:
    encoder = L.Bidirectional(L.LSTM(2, return_sequences=True, return_state=True, dropout=0.1))
    read, *states = encoder(L.Embedding(WORDS, 3, mask_zero=True)(w))
    h, c = (L.Concatenate()([states[i], states[i + 2]]) for i in (0, 1))
    y = L.LSTM(4, return_sequences=True)(s, initial_state=[h, c])
    context = L.Attention()([y, read])
    return [w, s], L.Dense(CLASSES, "softmax")(L.Concatenate()([context, y]))


def _one_direction_read(s: Any, w: Any, e: Any) -> Any:
    _, h, c, *_ = L.Bidirectional(L.LSTM(3, return_state=True), merge_mode="sum")(s)
    return s, L.Dense(1)(L.LSTM(3)(s, initial_state=[c, h]))


def _by_position(s: Any, w: Any, e: Any) -> Any:
    _, h = L.GRU(4, return_state=True, go_backwards=True)(s)
    return s, L.Dense(1)(L.Bidirectional(L.GRU(2))(L.GRU(4, return_sequences=True)(s, h)))


def _given_states(s: Any, w: Any, e: Any) -> Any:
    y, h = L.GRU(EXTRA, return_state=True)(s, initial_state=e)
    return [s, e], L.Dense(1)(L.Concatenate()([y, h, e]))


def _states_alone(s: Any, w: Any, e: Any) -> Any:
    _, h, c = L.LSTM(4, return_sequences=True, return_state=True)(s)
    return s, L.Dense(1)(L.Concatenate()([c, L.Dense(2, "tanh")(h)]))


def _frozen(encoder: bool, decoder: bool) -> Callable[[Any, Any, Any], Any]:
    def model(s: Any, w: Any, e: Any) -> Any:
        _, *states = L.LSTM(4, return_state=True, trainable=encoder)(s)
        table = L.Embedding(WORDS, 3, trainable=decoder)
        return [s, w], L.Dense(1)(L.LSTM(4, trainable=decoder)(table(w), initial_state=states))

    return model


def _with_more_arguments(s: Any, w: Any, e: Any) -> Any:
    table = L.Embedding(WORDS, 3, mask_zero=True)
    x = table(w)
    _, h, c = L.LSTM(4, return_state=True)(x, mask=table.compute_mask(w))
    y = L.LSTM(4, return_sequences=True)(s, initial_state=[h, c], training=False)
    return [w, s], L.Dense(1)(L.Bidirectional(L.LSTM(4))(y, initial_state=[h, c, c, h]))


def _one_state_twice(s: Any, w: Any, e: Any) -> Any:
    _, h = L.GRU(3, return_state=True)(s)
    return s, L.Dense(1)(L.LSTM(3)(s, initial_state=[h, h]))


def _other() -> Any:
    return L.Input((STEPS,), dtype="int32", name="other")


def _siamese(s: Any, w: Any, e: Any) -> Any:
    """Similarity of two texts, by one table and one LSTM."""
    other, table, read = _other(), L.Embedding(WORDS, 4, mask_zero=True), L.LSTM(4, dropout=0.2)
    one, two = read(table(w)), read(table(other))
    return [w, other], L.Dense(1, "sigmoid")(L.Concatenate()([ops.abs(one - two), one * two]))


def _siamese_with_penalties(s: Any, w: Any, e: Any) -> Any:
    other, table = _other(), L.Embedding(WORDS, 4, mask_zero=True, embeddings_regularizer="l2")
    read = L.Bidirectional(L.GRU(3, recurrent_dropout=0.2, kernel_regularizer="l1_l2"))
    hidden = L.Dense(4, "tanh", kernel_regularizer="l2")
    found = [hidden(read(table(words))) for words in (w, other)]
    return [w, other], L.Dot(1, normalize=True)(found)


def _every_kind_of_use(s: Any, w: Any, e: Any) -> Any:
    """Layers called two and three times, side by side and one on the other."""
    rnn, dense, drop, norm = L.GRU(3, return_sequences=True), L.Dense(3, "tanh"), L.Dropout(0.3), L.LayerNormalization()
    slow = L.LSTM(3, activation="softplus", return_sequences=True)  # a loop of operations
    x = dense(s)
    for _ in range(3):
        x = norm(drop(dense(rnn(x))))
    x = slow(L.Add()([slow(x), slow(s), L.BatchNormalization()(x)]))
    return s, L.Dense(1)(L.GlobalMaxPooling1D()(x))


def _one_batch_normalization(s: Any, w: Any, e: Any) -> Any:
    norm, attend = L.BatchNormalization(), L.MultiHeadAttention(2, 2)
    x = norm(L.LSTM(3, return_sequences=True)(s))
    x = norm(L.Add()([x, attend(x, x), attend(x, s)]))
    return s, L.Dense(1)(L.LSTM(2)(x))


def _computed_words(s: Any, w: Any, e: Any) -> Any:
    table, read = L.Embedding(WORDS, 4, mask_zero=True), L.LSTM(4)
    return w, L.Dense(1)(L.Concatenate()([read(table(w)), read(table(ops.flip(w, 1)))]))


def _softmax_twice(s: Any, w: Any, e: Any) -> Any:
    head = L.Dense(CLASSES, "softmax")
    x = L.Concatenate()([L.LSTM(CLASSES)(s), L.Dense(CLASSES)(e)])
    return [s, e], head(L.Dense(4)(L.Multiply()([head(L.Dense(4)(x)), L.Dense(CLASSES)(x)])))


def _table_of_readers_of_two_kinds(s: Any, w: Any, e: Any) -> Any:
    x = L.Embedding(WORDS, 4, mask_zero=True)(w)
    return w, L.Dense(1)(L.Concatenate()([L.LSTM(3)(x), L.GlobalAveragePooling1D()(x)]))


STATES: dict[str, BranchCase] = {
    "translation": BranchCase(translation(), "step_ids", SPARSE, compile={"metrics": ["accuracy"]}),
    "translation_with_gru": BranchCase(
        translation(L.GRU, dropout=0.2, recurrent_dropout=0.1), "step_ids", SPARSE, compile={"metrics": ["accuracy"]}
    ),
    "translation_with_simple_rnn": BranchCase(translation(L.SimpleRNN), "step_ids", SPARSE),
    "translation_one_hot": BranchCase(translation(), "one_hot", "categorical_crossentropy"),
    "deep": BranchCase(_deep, "step_ids", SPARSE),
    "attention": BranchCase(_attention, "step_ids", SPARSE, compile={"weighted_metrics": ["accuracy"]}),
    "one_direction_read": BranchCase(_one_direction_read),
    "by_position": BranchCase(_by_position, loss="mae"),
    "given_states": BranchCase(_given_states),
    "states_alone": BranchCase(_states_alone),
    "frozen_encoder": BranchCase(_frozen(False, True)),
    "frozen_decoder": BranchCase(_frozen(True, False)),
    "with_more_arguments": BranchCase(_with_more_arguments, "number"),
    "one_state_twice": BranchCase(_one_state_twice),
    "siamese": BranchCase(_siamese, "binary", "binary_crossentropy", compile={"metrics": ["accuracy"]}),
    "siamese_with_penalties": BranchCase(_siamese_with_penalties),
    "siamese_with_weights": BranchCase(
        _siamese, "binary", "binary_crossentropy", fit={"class_weight": {0: 0.3, 1: 2.0}}
    ),
    "every_kind_of_use": BranchCase(_every_kind_of_use),
    "one_batch_normalization": BranchCase(_one_batch_normalization),
    "computed_words": BranchCase(_computed_words),
    "softmax_twice": BranchCase(_softmax_twice, "ids", SPARSE),
    "table_of_readers_of_two_kinds": BranchCase(_table_of_readers_of_two_kinds),
}
