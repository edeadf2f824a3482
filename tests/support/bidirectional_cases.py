"""Models with Bidirectional layers whose training step is recorded."""

from __future__ import annotations

from recurra import layers as L
from tests.support.replay_cases import CLASSES, WORDS, Case, ids, numbers, weight_drop

BIDIRECTIONAL: dict[str, Case] = {
    "bidirectional_sum": Case(
        lambda: [
            numbers(),
            L.Bidirectional(L.GRU(4, return_sequences=True), "sum"),
            L.Bidirectional(L.LSTM(3)),
            L.Dense(1),
        ]
    ),
    "bidirectional_mul": Case(
        lambda: [numbers(), L.Bidirectional(L.GRU(4), "mul"), L.LayerNormalization(), L.Dense(1)]
    ),
    "bidirectional_ave": Case(lambda: [numbers(), L.Bidirectional(L.SimpleRNN(4), "ave"), L.Dense(1)]),
    "bidirectional_of_two_kinds": Case(
        lambda: [
            numbers(),
            L.Bidirectional(
                L.LSTM(4, return_sequences=True, dropout=0.3, recurrent_dropout=0.2),
                backward_layer=L.GRU(3, go_backwards=True, return_sequences=True, dropout=0.2),
            ),
            L.Dense(2, "relu"),
            L.GRU(3),
            L.Dense(1),
        ]
    ),
    "bidirectional_backwards_first": Case(
        lambda: [numbers(), L.Bidirectional(L.LSTM(4, go_backwards=True), backward_layer=L.LSTM(3)), L.Dense(1)]
    ),
    "bidirectional_penalized": Case(
        lambda: [
            ids(),
            L.Embedding(WORDS, 4, embeddings_regularizer="l2"),
            L.Bidirectional(L.LSTM(3, activation="softplus", recurrent_regularizer="l2"), merge_mode="ave"),
            L.Dense(1),
        ],
        words=True,
    ),
    "bidirectional_penalized_table": Case(
        lambda: [
            ids(),
            L.Embedding(WORDS, 4, embeddings_regularizer="l1_l2"),
            L.Bidirectional(L.GRU(3, kernel_regularizer="l2")),
            L.Dense(1),
        ],
        words=True,
    ),
    "bidirectional_stateful": Case(
        lambda: [
            L.Input(batch_shape=(2, 7, 3)),
            L.Bidirectional(L.LSTM(4, stateful=True, return_sequences=True)),
            L.GRU(3, stateful=True, dropout=0.2),
            L.Dense(1),
        ],
        fit={"batch_size": 2, "shuffle": False},
    ),
    "bidirectional_frozen": Case(
        lambda: [numbers(), L.GRU(3, return_sequences=True), L.Bidirectional(L.GRU(4), trainable=False), L.Dense(1)]
    ),
    "bidirectional_tags": Case(
        lambda: [
            ids(),
            L.Embedding(WORDS, 4, mask_zero=True),
            L.Bidirectional(L.LSTM(3, return_sequences=True)),
            L.Bidirectional(L.GRU(2, return_sequences=True)),
            L.Dense(CLASSES, "softmax"),
        ],
        y="step_ids",
        words=True,
        loss="sparse_categorical_crossentropy",
    ),
    "bidirectional_frozen_table": Case(
        lambda: [
            ids(),
            L.Embedding(WORDS, 4, trainable=False),
            L.Bidirectional(L.GRU(3)),
            L.Dense(1, "sigmoid"),
        ],
        y="binary",
        words=True,
        loss="binary_crossentropy",
    ),
    "bidirectional_weight_drop": Case(
        lambda: [
            numbers(),
            L.Bidirectional(weight_drop(L.LSTM(4)), backward_layer=weight_drop(L.GRU(3, go_backwards=True))),
            L.Dense(1),
        ]
    ),
}
