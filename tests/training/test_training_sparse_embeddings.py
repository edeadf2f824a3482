"""Gradients of embeddings that reach some rows alone: the same numbers as dense ones, wherever they are used."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra.layers import LSTM, Dense, Embedding, Input
from recurra.losses import SparseCategoricalCrossentropy
from recurra.models import Model, Sequential
from recurra.optimizers import SGD, Adagrad, Adam, AdamW, RMSprop
from recurra.utils import set_random_seed
from tests.support.fit_cases import words


@pytest.mark.parametrize(
    "make",
    [
        lambda: SGD(0.3),
        lambda: RMSprop(0.05),
        lambda: Adagrad(0.2),
        lambda: Adam(0.02, amsgrad=True),
        lambda: AdamW(0.02, weight_decay=0.1),
    ],
)
@pytest.mark.parametrize("clip", [{}, {"clipnorm": 0.05}, {"global_clipnorm": 0.1}, {"clipvalue": 0.002}])
def test_sparse_embedding_updates_equal_dense_ones(make: Any, clip: dict[str, float]) -> None:
    x = words(30, vocabulary=11)
    y = (x[:, 0] > 5).astype(int)
    found = []
    for rows in (True, False):
        set_random_seed(6)
        model = Sequential([Embedding(40, 5, dtype="float64"), LSTM(4, dtype="float64"), Dense(2, dtype="float64")])
        optimizer = make()
        for key, value in clip.items():
            setattr(optimizer, key, value)
        if not rows:
            optimizer.takes_rows = lambda weight_decay: False
        seen: list[bool] = []
        plain = optimizer.update_rows

        def spy(*args: Any, plain: Any = plain, seen: list[bool] = seen) -> None:
            seen.append(True)
            plain(*args)

        optimizer.update_rows = spy
        model.compile(optimizer, SparseCategoricalCrossentropy(from_logits=True))
        model.fit(x, y, epochs=3, batch_size=4, verbose=0)
        assert bool(seen) is rows
        found.append((model.get_weights(), optimizer.get_weights()))
    for one, two in zip(*found, strict=True):
        for a, b in zip(one, two, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("why", ["momentum", "decay", "ema", "regularizer", "tied"])
def test_where_sparse_updates_would_be_wrong_the_dense_one_is_made(why: str) -> None:
    from recurra.layers import ReversibleEmbedding

    x = words()
    found = []
    for rows in (True, False):
        set_random_seed(6)
        settings = {"momentum": {"momentum": 0.5}, "decay": {"weight_decay": 0.1}, "ema": {"use_ema": True}}
        optimizer = SGD(0.3, **settings.get(why, {}))
        if why == "tied":
            ids = Input((None,), dtype="int32")
            table = ReversibleEmbedding(14, 4, dtype="float64")
            outputs = table(LSTM(4, return_sequences=True, dtype="float64")(table(ids)), reverse=True)
            model: Any = Model(ids, outputs)
        else:
            regularizer = "l2" if why == "regularizer" else None
            model = Sequential(
                [
                    Embedding(14, 4, dtype="float64", embeddings_regularizer=regularizer),
                    LSTM(4, return_sequences=True, dtype="float64"),
                    Dense(14, dtype="float64"),
                ]
            )
        if not rows:
            optimizer.takes_rows = lambda weight_decay: False  # type: ignore[method-assign]
        model.compile(optimizer, SparseCategoricalCrossentropy(from_logits=True))
        model.fit(x, x, epochs=2, batch_size=5, verbose=0)
        found.append(model.get_weights())
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-14)


def test_lazy_adam_moves_only_the_rows_in_the_batch() -> None:
    model = Sequential([Embedding(40, 5), LSTM(4), Dense(2)])
    model.compile("lazy_adam", SparseCategoricalCrossentropy(from_logits=True))
    model.build((None, 6))
    before = model.layers[0].get_weights()[0]
    x = words(vocabulary=11)
    model.fit(x, x[:, 0] % 2, epochs=2, verbose=0)
    moved = np.abs(model.layers[0].get_weights()[0] - before).max(axis=1) > 0
    assert moved[:11].all() and not moved[11:].any()
    first = np.abs(model.layers[0].get_weights()[0] - before)[:11].max()
    assert 1e-3 < first < 3e-3  # two steps of about the learning rate, as Adam makes
