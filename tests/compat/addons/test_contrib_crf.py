"""The CRF of keras_contrib: likelihoods, labels, masks, files."""

from __future__ import annotations

from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import recurra.compat
from recurra.compat.installing import real_packages
from recurra.layers import LSTM, Embedding, Input
from recurra.models import Model, load_model

pytestmark = pytest.mark.skipif(bool(real_packages()), reason="the real ones are installed")

B, T, C = 5, 4, 3
X = np.random.RandomState(1).randint(1, 9, (B, T))
X[0, 2:] = X[3, 1:] = 0
IDS = np.random.RandomState(2).randint(0, C, (B, T))
ONE_HOT = np.eye(C)[IDS]


@pytest.fixture(autouse=True)
def installed():
    recurra.compat.install()
    yield
    recurra.compat.uninstall()


def tagger(mask_zero: bool = True, loss: Any = None, metrics: Any = None, **options: Any) -> tuple[Any, Any]:
    from keras_contrib.layers import CRF

    words = Input((T,))
    crf = CRF(C, boundary_initializer="normal", bias_initializer="normal", **options)
    hidden = LSTM(6, return_sequences=True)(Embedding(9, 5, mask_zero=mask_zero)(words))
    model = Model(words, crf(hidden))
    model.compile("adam", loss or crf.loss_function, metrics=metrics or [crf.accuracy])
    return model, crf


def by_hand(model: Any, crf: Any, row: int, length: int) -> tuple[float, tuple[int, ...]]:
    """-log p of a row's labels, and its best path, from all paths."""
    hidden = Model(model.inputs, crf.input)(X[row : row + 1])
    kernel, bias, chain, left, right = (np.asarray(crf.get_weights()[k], float) for k in order(crf))
    scores = np.asarray(hidden, float)[0] @ kernel + bias

    def score(path: Any) -> float:
        steps = sum(scores[t, label] for t, label in enumerate(path))
        return steps + sum(chain[a, b] for a, b in pairwise(path)) + left[path[0]] + right[path[-1]]

    paths = list(product(range(C), repeat=length))
    all_scores = np.array([score(path) for path in paths])
    loss = np.log(np.exp(all_scores).sum()) - score(tuple(IDS[row, :length]))
    return float(loss), paths[int(all_scores.argmax())]


def order(crf: Any) -> list[int]:
    names = [weight.name for weight in crf.weights]
    return [names.index(name) for name in ("kernel", "bias", "chain_kernel", "left_boundary", "right_boundary")]


@pytest.mark.parametrize("mask_zero", [True, False])
def test_loss_is_that_of_whole_rows_and_outputs_are_labels(mask_zero: bool) -> None:
    model, crf = tagger(mask_zero)
    lengths = (X > 0).sum(1) if mask_zero else np.full(B, T)
    expected = [by_hand(model, crf, row, lengths[row]) for row in range(B)]
    loss = model.evaluate(X, ONE_HOT, batch_size=2, verbose=0)[0]
    accuracy = model.evaluate(X, ONE_HOT, batch_size=B, verbose=0)[1]
    np.testing.assert_allclose(loss, np.mean([one for one, _ in expected]), rtol=1e-5)
    found = model.predict(X, verbose=0)
    assert found.shape == (B, T, C)
    right, steps = 0, 0
    for row, (_, path) in enumerate(expected):
        assert found[row, : len(path)].argmax(-1).tolist() == list(path)
        assert sorted(np.unique(found[row, : len(path)])) == [0, 1]
        right, steps = right + sum(np.array(path) == IDS[row, : len(path)]), steps + len(path)
    assert accuracy == pytest.approx(right / steps)


def test_training_and_names_of_history() -> None:
    model, _ = tagger()
    before = model.get_weights()
    history = model.fit(X, ONE_HOT, batch_size=3, epochs=8, validation_data=(X, ONE_HOT), verbose=0).history
    assert {"loss", "crf_viterbi_accuracy", "val_crf_viterbi_accuracy"} <= set(history)
    assert history["loss"][-1] < history["loss"][0] and history["val_loss"][-1] < history["val_loss"][0]
    assert all((old != new).any() for old, new in zip(before, model.get_weights(), strict=True))


def test_functions_of_losses_and_metrics() -> None:
    from keras_contrib.losses import crf_loss
    from keras_contrib.metrics import crf_viterbi_accuracy

    model, crf = tagger(loss=crf_loss, metrics=[crf_viterbi_accuracy], sparse_target=True)
    one = model.evaluate(X, IDS[..., None], verbose=0)
    model.compile("adam", crf.loss_function, metrics=[crf.accuracy])
    assert one == model.evaluate(X, IDS[..., None], verbose=0)


def test_marginals() -> None:
    model, _ = tagger(mask_zero=False, test_mode="marginal")
    np.testing.assert_allclose(model.predict(X, verbose=0).sum(-1), 1.0, rtol=1e-5)


@pytest.mark.parametrize("name", ["m.h5", "m.keras"])
def test_files(name: str, tmp_path: Path) -> None:
    from keras_contrib.layers import CRF
    from keras_contrib.losses import crf_loss
    from keras_contrib.metrics import crf_viterbi_accuracy

    model, _ = tagger(activation="tanh")
    model.fit(X, ONE_HOT, verbose=0)
    model.save(tmp_path / name)
    known = {"CRF": CRF, "crf_loss": crf_loss, "crf_viterbi_accuracy": crf_viterbi_accuracy}
    back = load_model(tmp_path / name, custom_objects=known)
    np.testing.assert_array_equal(back.predict(X, verbose=0), model.predict(X, verbose=0))
    assert back.evaluate(X, ONE_HOT, verbose=0) == model.evaluate(X, ONE_HOT, verbose=0)


def test_what_is_not_there() -> None:
    from keras_contrib.layers import CRF

    with pytest.raises(ValueError, match="learn_mode must be 'join', which is the default, got 'marginal'"):
        CRF(3, learn_mode="marginal")
    with pytest.raises(ValueError, match="test_mode must be one of"):
        CRF(3, test_mode="best")
    with pytest.raises(
        ModuleNotFoundError, match=r"'keras_contrib\.callbacks': it is not installed, and recurra has of "
    ):
        import keras_contrib.callbacks
    recurra.compat.uninstall()
    with pytest.raises(ModuleNotFoundError, match=r"No module named 'keras_contrib'$"):
        import keras_contrib.layers  # noqa: F401
    recurra.compat.install()
