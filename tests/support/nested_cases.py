"""Models made of models whose training step is recorded, or must not be, with data."""

from __future__ import annotations

from typing import Any

from recurra import layers as L
from recurra.models import Model, Sequential
from tests.support.branch_cases import CLASSES, FEATURES, STEPS, WORDS, BranchCase

SPARSE = "sparse_categorical_crossentropy"


def _other() -> Any:
    return L.Input((STEPS,), dtype="int32", name="other")


def _siamese(s: Any, w: Any, e: Any) -> Any:
    """Similarity by a base network that reads both texts."""
    base = Sequential([L.Input((STEPS,)), L.Embedding(WORDS, 4, mask_zero=True), L.LSTM(5, dropout=0.2), L.Dense(3)])
    other = _other()
    return [w, other], L.Dense(1, "sigmoid")(L.Subtract()([base(w), base(other)]))


def _autoencoder(s: Any, w: Any, e: Any) -> Any:
    """An encoder that gives its states, and a decoder from them, as models."""
    x = L.Input((STEPS, FEATURES))
    _, *states = L.LSTM(4, return_state=True)(L.Masking()(x))
    encoder = Model(x, states)
    given = [L.Input((4,)), L.Input((4,)), L.Input((None, FEATURES))]
    y = L.LSTM(4, return_sequences=True)(given[2], initial_state=given[:2])
    decoder = Model(given, L.TimeDistributed(L.Dense(1))(y))
    return s, decoder([*encoder(s), s])


def _one_output_read(s: Any, w: Any, e: Any) -> Any:
    x = L.Input((STEPS, FEATURES))
    h = L.GRU(4)(x)
    inner = Model(x, {"read": L.Dense(3)(h), "not": L.Dense(2, "tanh")(L.LSTM(2)(x))})
    return s, inner(s)["read"]


def _in_turn(s: Any, w: Any, e: Any) -> Any:
    """Models in models, with a mask that goes through all of them."""
    deep = Sequential([L.Input((STEPS, 4)), L.Bidirectional(L.GRU(2, return_sequences=True)), L.Dropout(0.1)])
    inner = Sequential([L.Input((STEPS, 4)), deep, L.LSTM(3, return_sequences=True)])
    read = inner(L.Embedding(WORDS, 4, mask_zero=True)(w))
    return w, L.Dense(CLASSES, "softmax")(L.Concatenate()([read, deep(L.Dense(4)(read))]))


def _frozen(s: Any, w: Any, e: Any) -> Any:
    inner = Sequential([L.Input((STEPS, FEATURES)), L.LSTM(4, return_sequences=True), L.Dense(4, "relu")])
    inner.trainable = False
    return s, L.Dense(1)(L.GRU(3)(inner(s)))


def _penalized(s: Any, w: Any, e: Any) -> Any:
    inner = Sequential([L.Input((STEPS, FEATURES)), L.LSTM(4, kernel_regularizer="l2"), L.BatchNormalization()])
    return s, L.Dense(1)(L.Add()([inner(s), inner(L.Dense(FEATURES)(s))]))


def _gives_its_input(s: Any, w: Any, e: Any) -> Any:
    x = L.Input((STEPS, FEATURES))
    same, h = Model(x, [x, L.GRU(3)(x)])(L.Dense(FEATURES)(s))
    return s, L.Dense(1)(L.Concatenate()([L.GRU(2)(same), h]))


def _more_axes(s: Any, w: Any, e: Any) -> Any:
    inner = Sequential([L.Input((STEPS, 1)), L.GRU(3)])
    return s, L.Dense(1)(inner(L.GlobalAveragePooling1D("channels_first")(s)))


def _activity(s: Any, w: Any, e: Any) -> Any:
    inner = Sequential([L.Input((STEPS, FEATURES)), L.GRU(3, activity_regularizer="l2")])
    return s, L.Dense(1)(inner(s))


class Doubled(Model):
    """Not only its graph."""

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        return super().call(inputs) * 2.0


def _own_class(s: Any, w: Any, e: Any) -> Any:
    x = L.Input((STEPS, FEATURES))
    return s, L.Dense(1)(Doubled(x, L.GRU(3)(x))(s))


NESTED: dict[str, BranchCase] = {
    "siamese": BranchCase(_siamese, "binary", "binary_crossentropy", compile={"metrics": ["accuracy"]}),
    "autoencoder": BranchCase(_autoencoder, "steps"),
    "one_output_read": BranchCase(_one_output_read, "number", lambda y, p: (p[:, 0] - y[:, 0]) ** 2),
    "in_turn": BranchCase(_in_turn, "step_ids", SPARSE),
    "frozen": BranchCase(_frozen),
    "penalized": BranchCase(_penalized, "number", lambda y, p: (p[:, 0] - y[:, 0]) ** 2),
    "gives_its_input": BranchCase(_gives_its_input),
    "more_axes": BranchCase(_more_axes, replays=False),
    "activity": BranchCase(_activity, replays=False),
    "own_class": BranchCase(_own_class, replays=False),
}
