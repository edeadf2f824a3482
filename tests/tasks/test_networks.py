"""Language networks with tied weights, embedding dropout and weight drop: trained, saved, loaded, generating."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra.generation import Sampler, Stepper, generate
from recurra.generation.compiled import compile_model
from recurra.layers import Embedding
from recurra.tasks import LanguageModel
from recurra.tasks.networks import language_network
from recurra.training.run_state import generators_of

TEXT = "ring a ring of roses,\na pocket full of posies,\nashes, ashes,\nwe all fall down.\n\n" * 12


def _trained(**options: Any) -> LanguageModel:
    model = LanguageModel(seed=3, **{"units": 9, "embedding": 5, **options})
    model.fit(TEXT, epochs=8, window=15, batch_size=4, learning_rate=0.03, verbose=0)
    return model


@pytest.mark.parametrize(
    "options",
    [
        {"tied": True},
        {"tied": True, "embedding": 9},
        {"tied": True, "cell": "projection_lstm", "layers": 2},
        {"tied": True, "locked_dropout": True, "embedding_dropout": 0.2, "weight_drop": 0.3},
        {"embedding_dropout": 0.2, "weight_drop": 0.3, "cell": "gru"},
    ],
)
def test_saved_loaded_and_generating(tmp_path: Path, options: dict[str, Any]) -> None:
    model = _trained(**options)
    path = tmp_path / "m.rlm"
    model.save(path)
    again = LanguageModel.load(path)
    assert again.get_config() == model.get_config()
    assert again.perplexity(TEXT) == model.perplexity(TEXT)
    assert model.perplexity(TEXT).perplexity < 12
    text = model.generate("ring", length=40, seed=7)
    assert again.generate("ring", length=40, seed=7) == text
    ids = np.arange(3, 9, dtype=np.int32)[None]
    greedy = Sampler(temperature=0.0)
    by_layer = generate(Stepper(model.model, compiled=False), ids, length=30, sampler=greedy)
    np.testing.assert_array_equal(generate(Stepper(model.model), ids, length=30, sampler=greedy), by_layer)
    if options.get("cell") != "projection_lstm":
        assert compile_model(model.model) is not None


def test_tied_weights_are_one_table() -> None:
    sizes = {"cell": "lstm", "units": 7, "layers": 1, "embedding": 5, "dropout": 0.0}
    shapes = [w.shape for w in language_network(31, **sizes, tied=True).weights]
    assert shapes == [(31, 5), (5, 28), (7, 28), (28,), (7, 5)]


@pytest.mark.parametrize(("option", "dropped"), [("embedding_dropout", 31 * 5), ("weight_drop", 7 * 28)])
def test_what_a_step_drops(rng: np.random.Generator, option: str, dropped: int) -> None:
    sizes = {"cell": "lstm", "units": 7, "layers": 1, "embedding": 5, "dropout": 0.0}
    network = language_network(31, **sizes, **{option: 0.5})
    ids = rng.integers(0, 31, (3, 8)).astype(np.int32)
    assert len(generators_of(network)) == 1 + (option == "embedding_dropout")  # a checkpoint holds their places
    plain = np.asarray(network(ids, training=False))
    first, second = (np.asarray(network(ids, training=True)) for _ in range(2))
    assert np.abs(first - plain).max() > 1e-3 and np.abs(first - second).max() > 1e-3
    np.testing.assert_array_equal(np.asarray(network(ids, training=False)), plain)
    assert dropped in [w.size if hasattr(w, "size") else 0 for w in network.get_weights()]


def test_a_dropped_token_is_dropped_wherever_it_stands() -> None:
    layer = Embedding(40, 6)
    layer.drop_tokens(0.5, seed=2)
    ids = np.tile(np.arange(40, dtype=np.int32), (3, 2))
    vectors = np.asarray(layer(ids, training=True)).reshape(6, 40, 6)
    table = np.asarray(layer.embeddings)
    gone = np.all(vectors[0] == 0, axis=1)
    assert 5 < gone.sum() < 35
    for copy in vectors:
        np.testing.assert_allclose(copy, np.where(gone[:, None], 0, 2 * table), rtol=1e-6)
    np.testing.assert_array_equal(np.asarray(layer(ids[0, :40])), table)


def test_refused() -> None:
    with pytest.raises(ValueError, match="projection must be None where tied is True"):
        LanguageModel(tied=True, projection=4)
    with pytest.raises(ValueError, match="weight_drop must be 0: the cell indrnn has no recurrent kernel"):
        LanguageModel(cell="indrnn", weight_drop=0.1)
    with pytest.raises(ValueError, match=r"embedding_dropout must be in \[0, 1\)"):
        LanguageModel(embedding_dropout=1.0)
