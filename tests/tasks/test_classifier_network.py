"""The classifier's networks: pooling under masks, against numpy, and what a file's network must be like."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra.limits import FileFormatError
from recurra.saving import load_model
from recurra.tasks.classifier_network import PAIRS_SCALE, POOLINGS, Form, check_classifier, classifier_network
from recurra.utils import set_random_seed


def form(**changes: Any) -> Form:
    return Form(11, 0, 3, "lstm", 4, 5, "mean", 0.3, True)._replace(**changes)


def ids() -> np.ndarray:
    rows = [[3, 7, 1, 2, 9, 4], [5, 2, 8, 0, 0, 0], [6, 0, 0, 0, 0, 0]]
    return np.array(rows, np.int32)


def made(shape: Form) -> Any:
    set_random_seed(3)
    network = classifier_network(shape)
    rng = np.random.default_rng(4)
    network.set_weights([rng.normal(size=w.shape).astype("float32") for w in network.get_weights()])
    return network


@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_pooling_is_over_the_texts_own_words(pooling: str, bidirectional: bool) -> None:
    network = made(form(pooling=pooling, bidirectional=bidirectional))
    together = network.predict_on_batch(ids())
    for row, expected in zip(ids(), together, strict=True):
        alone = row[row > 0][None]
        np.testing.assert_allclose(network.predict_on_batch(alone)[0], expected, rtol=1e-5, atol=1e-6)
        x = np.asarray(network.get_layer("words")(alone))
        layer = network.get_layer("recurrent")
        read = np.asarray(layer(x))
        if pooling == "last":
            pooled = read
        elif pooling == "mean":
            pooled = read.mean(axis=1)
        elif pooling == "max":
            pooled = read.max(axis=1)
        else:
            a = network.get_layer("attention").get_weights()
            scores = np.tanh(read @ a[0] + a[1]) @ network.get_layer("attention_scores").get_weights()[0]
            weights = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
            pooled = (weights * read).sum(axis=1)
        kernel, bias = network.get_layer("labels").get_weights()
        np.testing.assert_allclose((pooled @ kernel + bias)[0], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_pairs_stand_beside_what_is_pooled(pooling: str) -> None:
    shape = form(pooling=pooling, pairs=7)
    network = made(shape)
    pairs = np.array([[1, 4, 2, 6, 1, 3], [1, 5, 1, 0, 0, 0], [1, 0, 0, 0, 0, 0]], np.int32)
    found = network.predict_on_batch([ids(), pairs])
    table = network.get_layer("pairs").get_weights()[0]
    kernel = network.get_layer("labels").get_weights()[0][-5:]
    other = pairs.copy()
    other[1, 1] = 2
    moved = network.predict_on_batch([ids(), other])
    np.testing.assert_array_equal(moved[[0, 2]], found[[0, 2]])
    np.testing.assert_allclose(
        moved[1] - found[1], (table[2] - table[5]) * PAIRS_SCALE / 3 @ kernel, rtol=1e-3, atol=1e-5
    )


@pytest.mark.parametrize("pairs", [0, 7])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_a_file_holds_the_network_that_it_says(tmp_path: Path, pooling: str, pairs: int) -> None:
    shape = form(pooling=pooling, pairs=pairs)
    network = made(shape)
    network.save(tmp_path / "n.keras")
    again = load_model(tmp_path / "n.keras", compile=False)
    inputs = [ids(), np.minimum(ids(), 6)] if pairs else ids()
    np.testing.assert_array_equal(again.predict_on_batch(inputs), network.predict_on_batch(inputs))
    check_classifier("f.rsc", again, shape)
    changes: list[dict[str, Any]] = [
        {"vocabulary": 12}, {"classes": 2}, {"units": 10**12}, {"embedding": 6}, {"cell": "gru"},
        {"bidirectional": False}, {"pairs": pairs + 1}, *({"pooling": other} for other in POOLINGS if other != pooling),
    ]  # fmt: skip
    for change in changes:
        with pytest.raises(FileFormatError, match=r"f\.rsc"):
            check_classifier("f.rsc", again, shape._replace(**change))
