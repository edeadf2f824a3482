"""Functional models with branches whose training step is recorded, or must not be, with data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from recurra import layers as L
from recurra import ops
from recurra.models import Model
from recurra.utils import set_random_seed

ROWS, STEPS, FEATURES, WORDS, CLASSES, EXTRA = 22, 7, 3, 11, 5, 2


@dataclass
class BranchCase:
    """A model and how it is compiled.

    model : makes inputs and output from the three inputs of :func:`inputs`
    y : a kind of :func:`labels`, or several in a list or dict
    """

    model: Callable[[Any, Any, Any], tuple[Any, Any]]
    y: Any = "number"
    loss: Any = "mse"
    replays: bool = True
    compile: dict[str, Any] = field(default_factory=dict)
    fit: dict[str, Any] = field(default_factory=dict)


def inputs() -> tuple[Any, Any, Any]:
    """Series, words and numbers."""
    return (
        L.Input((STEPS, FEATURES), name="series"),
        L.Input((STEPS,), dtype="int32", name="words"),
        L.Input((EXTRA,), name="extra"),
    )


def arrays() -> dict[str, np.ndarray]:
    draw = np.random.default_rng(6)
    words = draw.integers(1, WORDS, (ROWS, STEPS))
    words[np.arange(STEPS) >= draw.integers(1, STEPS + 1, ROWS)[:, None]] = 0
    return {
        "series": draw.standard_normal((ROWS, STEPS, FEATURES)),
        "words": words,
        "extra": draw.standard_normal((ROWS, EXTRA)).astype(np.float32),
        "other": np.roll(words, 3, 0),
    }


def labels(kind: Any) -> Any:
    """One array, or those of several outputs."""
    if isinstance(kind, dict):
        return {name: labels(one) for name, one in kind.items()}
    if isinstance(kind, list):
        return [labels(one) for one in kind]
    draw = np.random.default_rng(7)
    return {
        "number": draw.standard_normal((ROWS, 1)).astype(np.float32),
        "ids": draw.integers(0, CLASSES, ROWS),
        "steps": draw.standard_normal((ROWS, STEPS, 1)),
        "step_ids": draw.integers(0, CLASSES, (ROWS, STEPS)),
        "binary": draw.integers(0, 2, (ROWS, 1)),
        "one_hot": np.eye(CLASSES, dtype=np.float32)[draw.integers(0, CLASSES, (ROWS, STEPS))],
    }[kind]


def branching(case: BranchCase, eagerly: bool) -> Any:
    """The compiled model, the same for each call."""
    set_random_seed(3)
    model = Model(*case.model(*inputs()))
    model.compile("adam", case.loss, run_eagerly=eagerly, **case.compile)
    return model


def data(model: Any, form: type = list) -> Any:
    """The arrays of the model's inputs, in a list, or by name, or the only one."""
    known = arrays()
    if form is dict:
        return {name: known[name] for name in model.input_names}
    found = [known[name] for name in model.input_names]
    return found if len(found) > 1 else found[0]


def _two_inputs(s: Any, w: Any, e: Any) -> Any:
    return [s, e], L.Dense(1)(L.Concatenate()([L.LSTM(4)(s), L.Dense(3, "relu")(e)]))


def _three_inputs(s: Any, w: Any, e: Any) -> Any:
    read = L.Bidirectional(L.LSTM(3))(L.Embedding(WORDS, 4, mask_zero=True)(w))
    joined = L.Concatenate()([L.GRU(4, dropout=0.2)(s), read, e])
    return [w, s, e], L.Dense(CLASSES, "softmax")(L.Dropout(0.3)(L.Dense(6, "tanh")(joined)))


def _residual(s: Any, w: Any, e: Any) -> Any:
    h = L.LSTM(4, return_sequences=True)(s)
    for _ in range(2):
        h = L.Add()([h, L.Dropout(0.2)(L.GRU(4, return_sequences=True)(h))])
        h = L.LayerNormalization()(h)
    return s, L.Dense(1)(h)


def _three_readers(s: Any, w: Any, e: Any) -> Any:
    h = L.Dense(4, "tanh")(s)
    parts = [L.LSTM(3)(h), L.GRU(2)(h), L.SimpleRNN(5)(h), L.GlobalAveragePooling1D()(h)]
    return s, L.Dense(1)(L.Concatenate()(parts))


def _operators(s: Any, w: Any, e: Any) -> Any:
    h = L.LSTM(EXTRA)(s)
    return [s, e], L.Dense(1)(h * 0.5 + ops.tanh(e) * h)


def _attention(s: Any, w: Any, e: Any) -> Any:
    h = L.Bidirectional(L.GRU(3, return_sequences=True))(L.Embedding(WORDS, 4, mask_zero=True)(w))
    return w, L.Dense(1)(L.GlobalAveragePooling1D()(L.Attention()([h, h])))


def _masks_joined(s: Any, w: Any, e: Any) -> Any:
    read = L.Embedding(WORDS, 4, mask_zero=True)(w)
    joined = L.Concatenate()([L.LSTM(3, return_sequences=True)(read), L.Masking()(s)])
    return [w, s], L.Dense(CLASSES, "softmax")(L.GRU(4)(joined))


def _table_read_twice(s: Any, w: Any, e: Any) -> Any:
    read = L.Embedding(WORDS, 4)(w)
    return w, L.Dense(1)(L.Add()([L.LSTM(3)(read), L.GRU(3)(read)]))


def _frozen_branch(s: Any, w: Any, e: Any) -> Any:
    kept = L.Dense(3, "relu", trainable=False)(L.LSTM(4, trainable=False)(s))
    return [s, e], L.Dense(1)(L.Concatenate()([kept, L.GRU(2)(s), L.Dense(2, trainable=False)(e)]))


def _dot_at_the_end(s: Any, w: Any, e: Any) -> Any:
    return [s, e], L.Dot(axes=1)([L.LSTM(4)(s), L.Dense(4, kernel_regularizer="l2")(e)])


def _activation_at_the_end(s: Any, w: Any, e: Any) -> Any:
    h = L.LSTM(4)(s)
    return s, L.Activation("softmax")(L.Dense(CLASSES)(L.Add()([h, L.Dense(4, "gelu")(h)])))


def _own_activation_at_the_end(s: Any, w: Any, e: Any) -> Any:
    return [s, e], L.Dense(1, "softplus")(L.Concatenate()([L.LSTM(4)(s), e]))


def _steps(s: Any, w: Any, e: Any) -> Any:
    repeated = L.RepeatVector(STEPS)(L.Dense(2)(e))
    h = L.GRU(4, return_sequences=True)(L.Concatenate()([s, repeated]))
    return [s, e], L.TimeDistributed(L.Dense(1))(L.Concatenate()([h, s]))


def _shared_layer(s: Any, w: Any, e: Any) -> Any:
    shared = L.LSTM(4)
    return s, L.Dense(1)(L.Concatenate()([shared(s), shared(s * 2.0)]))


def _states_handed_on(s: Any, w: Any, e: Any) -> Any:
    _, h, c = L.LSTM(4, return_state=True)(s)
    return [s, w], L.Dense(1)(L.LSTM(4)(L.Embedding(WORDS, 3)(w), initial_state=[h, c]))


def _added_loss(s: Any, w: Any, e: Any) -> Any:
    h = L.Add()([L.LSTM(4)(s), L.GRU(4)(s)])
    return s, L.Dense(1)(L.ActivityRegularization(l2=0.1)(h))


def _lambda(s: Any, w: Any, e: Any) -> Any:
    return s, L.Dense(1)(L.Add()([L.LSTM(4)(s), L.Lambda(lambda x: x[:, -1, :1])(s)]))


def _residual_attention(s: Any, w: Any, e: Any) -> Any:
    h = L.LSTM(4, return_sequences=True)(s)
    joined = L.Add()([h, L.Attention()([h, h]), L.Dense(4)(h)])
    return s, L.Dense(1)(L.GlobalAveragePooling1D()(joined))


def _residual_bidirectional(s: Any, w: Any, e: Any) -> Any:
    h = L.LSTM(4, return_sequences=True)(s)
    joined = L.Add()([h, L.Bidirectional(L.GRU(2, return_sequences=True))(h), L.Dense(4)(h)])
    return s, L.Dense(1)(L.GlobalAveragePooling1D()(joined))


def _nothing_dropped(s: Any, w: Any, e: Any) -> Any:
    h = L.LSTM(4, return_sequences=True)(s)
    same = L.Activation("linear")(L.Dropout(0.0)(h))
    joined = L.Add()([L.Dense(4)(h), L.Dense(4)(same), L.Dense(4)(h), same, L.Dense(4, "tanh")(same)])
    return s, L.Dense(1)(L.GlobalAveragePooling1D()(joined))


def _one_array_by_two_names(s: Any, w: Any, e: Any) -> Any:
    h = L.LSTM(4, return_sequences=True)(s)
    same = L.Activation("linear")(h)
    kept = L.Dropout(0.0)(h)
    parts = [L.Add()([h, same, kept]), L.Attention()([h, kept]), L.Multiply()([same, h, kept]), L.Dense(4)(kept)]
    joined = L.Concatenate()([*parts, h, same])
    return s, L.Dense(1)(L.GlobalAveragePooling1D()(joined))


def _a_gradient_that_ends(s: Any, w: Any, e: Any) -> Any:
    h = L.LSTM(4, return_sequences=True)(s)
    return s, L.Dense(1)(L.GRU(3)(L.Add()([ops.stop_gradient(h), L.Dense(4)(h), h])))


def _joined_in_time(s: Any, w: Any, e: Any) -> Any:
    h = L.GRU(FEATURES, return_sequences=True)(s)
    joined = L.Concatenate(axis=1)([h, s, L.Dense(FEATURES)(h), h])
    return s, L.Dense(1)(L.LSTM(3)(joined))


def _sums(s: Any, w: Any, e: Any) -> Any:
    h = L.LSTM(EXTRA)(s)
    wide = L.Add()([h, h, e, L.Dense(EXTRA)(e)])
    return [s, e], L.Dense(1)(L.Add()([wide, L.Dense(1)(h)]))  # the second broadcasts


BRANCHES: dict[str, BranchCase] = {
    "joined_in_time": BranchCase(_joined_in_time),
    "sums": BranchCase(_sums),
    "two_inputs": BranchCase(_two_inputs),
    "three_inputs": BranchCase(
        _three_inputs, "ids", "sparse_categorical_crossentropy", compile={"metrics": ["accuracy"]}
    ),
    "residual": BranchCase(_residual, "steps", compile={"metrics": ["mae"]}),
    "three_readers": BranchCase(_three_readers, loss="mae"),
    "operators": BranchCase(_operators),
    "attention": BranchCase(_attention),
    "masks_joined": BranchCase(_masks_joined, "ids", "sparse_categorical_crossentropy"),
    "table_read_twice": BranchCase(_table_read_twice),
    "frozen_branch": BranchCase(_frozen_branch),
    "dot_at_the_end": BranchCase(_dot_at_the_end),
    "activation_at_the_end": BranchCase(_activation_at_the_end, "ids", "sparse_categorical_crossentropy"),
    "own_activation_at_the_end": BranchCase(_own_activation_at_the_end, loss="huber"),
    "steps": BranchCase(_steps, "steps"),
    "sample_weights": BranchCase(_two_inputs, fit={"sample_weight": np.linspace(0.2, 2.0, ROWS)}),
    "shared_layer": BranchCase(_shared_layer),
    "states_handed_on": BranchCase(_states_handed_on),
    "residual_attention": BranchCase(_residual_attention),
    "residual_bidirectional": BranchCase(_residual_bidirectional),
    "nothing_dropped": BranchCase(_nothing_dropped),
    "one_array_by_two_names": BranchCase(_one_array_by_two_names),
    "a_gradient_that_ends": BranchCase(_a_gradient_that_ends),
    "added_loss": BranchCase(_added_loss, replays=False),
    "lambda": BranchCase(_lambda, replays=False),
}
