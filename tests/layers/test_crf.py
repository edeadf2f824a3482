"""The CRF layer: against pytorch-crf's equations, in models, with masks, in files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra import Input, Model, gradcheck
from recurra.layers import CRF, LSTM, Bidirectional, Embedding, Masking, deserialize, serialize
from recurra.optimizers import Adam
from recurra.saving import load_model
from recurra.utils import set_random_seed


def made(units: int = 4, features: int = 6, **options: Any) -> CRF:
    layer = CRF(units, chain_initializer="random_normal", boundary_initializer="random_normal", **options)
    layer.build((None, None, features))
    random = np.random.RandomState(units)
    layer.set_weights([random.standard_normal(w.shape) for w in layer.get_weights()])
    return layer


def pytorch_crf(layer: CRF, scores: Any, tags: Any, mask: Any) -> Any:
    """`CRF._compute_score` minus `CRF._compute_normalizer` of pytorch-crf, batch_first, masks that end rows."""
    start, end, pairs = (
        w.numpy().astype(np.float64) for w in (layer.left_boundary, layer.right_boundary, layer.chain_kernel)
    )
    e, y, m = scores.astype(np.float64).transpose(1, 0, 2), tags.T, mask.T
    rows = np.arange(e.shape[1])
    score = start[y[0]] + e[0, rows, y[0]]
    alpha = start + e[0]
    for t in range(1, len(e)):
        score += (pairs[y[t - 1], y[t]] + e[t, rows, y[t]]) * m[t]
        step = np.log(np.exp(alpha[:, :, None] + pairs + e[t][:, None, :]).sum(1))
        alpha = np.where(m[t][:, None], step, alpha)
    score += end[y[m.sum(0) - 1, rows]]
    return score - np.log(np.exp(alpha + end).sum(1))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_log_likelihood_of_pytorch_crf(dtype: str) -> None:
    random = np.random.RandomState(1)
    layer = made(dtype=dtype)
    x = random.standard_normal((3, 5, 6)).astype(dtype)
    mask = np.arange(5) < np.array([[5], [1], [3]])
    labels = random.randint(0, 4, (3, 5))
    scores = layer(x, mask=mask)
    assert scores.dtype == dtype
    found = layer.log_likelihood(scores, labels, mask)
    expected = pytorch_crf(layer, np.asarray(scores), labels, mask)
    np.testing.assert_allclose(found, expected, rtol=1e-5 if dtype == "float32" else 1e-12)
    values = layer.loss(labels, scores)  # with the mask that the scores carry
    assert values.shape == (3, 5)
    np.testing.assert_allclose(np.asarray(values).sum(1), -expected, rtol=1e-5)
    np.testing.assert_allclose(np.asarray(values)[2, :3], -expected[2] / 3, rtol=1e-5)
    assert not np.asarray(values)[~mask].any()


def test_gradients_of_inputs_and_weights() -> None:
    layer = made(dtype="float64")
    random = np.random.RandomState(2)
    x, labels = random.standard_normal((3, 5, 6)), random.randint(0, 4, (3, 5))
    mask = random.rand(3, 5) < 0.7
    assert gradcheck(lambda x: layer.log_likelihood(layer(x), labels, mask), [x], variables=layer.trainable_variables)


def test_decode_and_marginals() -> None:
    layer = made()
    random = np.random.RandomState(3)
    x, mask = random.standard_normal((3, 5, 6)).astype("float32"), random.rand(3, 5) < 0.6
    scores = layer(x)
    labels = layer(x, mask=mask, decode=True)
    assert labels.dtype == np.int32
    np.testing.assert_array_equal(labels, layer.decode(scores, mask))
    assert (labels != layer.decode(scores)).any()
    best = layer.log_likelihood(scores, labels, mask)
    for _ in range(20):
        other = np.where(random.rand(3, 5) < 0.3, random.randint(0, 4, (3, 5)), labels)
        assert (layer.log_likelihood(scores, other, mask) <= best + 1e-5).all()
    marginals = layer.marginals(scores, mask)
    np.testing.assert_allclose(marginals.sum(-1), mask, atol=1e-5)


def network(mask_zero: bool = True) -> tuple[Model, Model, CRF]:
    set_random_seed(5)
    words = Input((None,), dtype="int32")
    x = Embedding(30, 12, mask_zero=mask_zero)(words)
    hidden = Bidirectional(LSTM(5, return_sequences=True))(x)
    crf = CRF(4)
    return Model(words, crf(hidden)), Model(words, crf(hidden, decode=True)), crf


def sentences() -> tuple[Any, Any]:
    """A label is that of the word before it: what transitions are for."""
    random = np.random.RandomState(4)
    x = random.randint(1, 30, (60, 7))
    y = np.concatenate([np.zeros((60, 1), int), x[:, :-1] % 4], 1)
    x[np.arange(7) >= random.randint(2, 8, (60, 1))] = 0
    return x, y


def test_fit_evaluate_predict() -> None:
    model, tagger, crf = network()
    x, y = sentences()
    model.compile(Adam(0.01), loss=crf.loss, metrics=[crf.accuracy])
    before = model.evaluate(x, y, verbose=0, return_dict=True)
    model.fit(x, y, epochs=30, batch_size=8, verbose=0)
    after = model.evaluate(x, y, batch_size=60, verbose=0, return_dict=True)
    assert after["loss"] < 0.7 * before["loss"]
    labels = tagger.predict(x, verbose=0)
    assert labels.shape == x.shape
    np.testing.assert_allclose((labels == y)[x > 0].mean(), after["accuracy"], rtol=1e-6)
    each = -np.asarray(crf.log_likelihood(model.predict(x, verbose=0), y, x > 0))
    np.testing.assert_allclose(each.sum() / (x > 0).sum(), after["loss"], rtol=1e-5)


def test_labels_at_masked_steps_do_not_count() -> None:
    model, _, crf = network()
    x, y = sentences()
    model.compile("sgd", loss=crf.loss, metrics=[crf.accuracy])
    expected = model.evaluate(x, y, verbose=0)
    np.testing.assert_array_equal(model.evaluate(x, np.where(x > 0, y, -1), verbose=0), expected)


def test_sample_weights_weigh_sentences() -> None:
    model, _, crf = network()
    x, y = sentences()
    model.compile("sgd", loss=crf.loss)
    weights = np.zeros(60)
    weights[:8] = 60 / 8
    all_words, some_words = (x > 0).sum(), (x[:8] > 0).sum()
    weighted = model.evaluate(x, y, sample_weight=weights, batch_size=60, verbose=0)
    alone = model.evaluate(x[:8], y[:8], batch_size=8, verbose=0)
    np.testing.assert_allclose(weighted * all_words / (60 / 8), alone * some_words, rtol=1e-5)


def test_files(tmp_path: Path) -> None:
    model, tagger, crf = network()
    x, y = sentences()
    model.compile("adam", loss=crf.loss)
    model.fit(x, y, verbose=0)
    for number, one in enumerate((model, tagger)):
        one.save(tmp_path / f"{number}.keras")
        loaded = load_model(tmp_path / f"{number}.keras", compile=False)
        np.testing.assert_array_equal(loaded.predict(x, verbose=0), one.predict(x, verbose=0))
    again = load_model(tmp_path / "0.keras", compile=False)
    again.compile("adam", loss=again.layers[-1].loss)
    assert again.evaluate(x, y, verbose=0) == model.evaluate(x, y, verbose=0)
    with pytest.raises(ValueError, match="compile=False loads the model alone"):
        load_model(tmp_path / "0.keras")


def test_configuration() -> None:
    layer = CRF(3, use_bias=False, chain_regularizer="l2", boundary_initializer="ones", name="tags")
    again = deserialize(serialize(layer))
    assert again.get_config() == layer.get_config()
    again.build((None, None, 5))
    assert [tuple(w.shape) for w in again.weights] == [(5, 3), (3, 3), (3,), (3,)]
    plain = CRF(3, use_kernel=False, use_boundary=False)
    x = np.ones((2, 4, 3), "float32")
    np.testing.assert_array_equal(plain(x), x)
    assert [w.name for w in plain.weights] == ["chain_kernel"]


def test_symbolic_shapes() -> None:
    x = Masking()(Input((None, 5)))
    crf = CRF(3)
    assert crf(x).shape == (None, None, 3)
    decoded = crf(x, decode=True)
    assert (decoded.shape, decoded.dtype) == ((None, None), "int32")


def test_errors() -> None:
    with pytest.raises(ValueError, match=r"size C = 3, where use_kernel is False, got \(None, None, 5\)"):
        CRF(3, use_kernel=False)(Input((None, 5)))
    with pytest.raises(ValueError, match="has no transitions yet"):
        CRF(3).decode(np.zeros((1, 2, 3)))
    with pytest.raises(ValueError, match="units"):
        CRF(0)
