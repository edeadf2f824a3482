"""An encoder and a decoder: the graph for training, single steps, and their agreement."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra import ops
from recurra.autograd import no_grad
from recurra.layers import LAYER_OF_CELL
from recurra.losses import SparseCategoricalCrossentropy
from recurra.optimizers import Adam
from recurra.saving import load_model
from recurra.tasks.encoder_decoder import EncoderDecoder, Form
from recurra.utils import set_random_seed

SOURCE = np.array([[1, 2, 0, 0], [3, 4, 5, 2], [7, 0, 0, 0]], np.int32)
TARGET = np.array([[9, 1, 2, 3, 0], [9, 4, 0, 0, 0], [9, 6, 6, 1, 8]], np.int32)
WANTED = np.array([[1, 2, 3, 10, 0], [4, 10, 0, 0, 0], [6, 6, 1, 8, 10]], np.int32)
FORMS = [(None, False), *[(kind, fed) for kind in ("dot", "bilinear", "additive") for fed in (False, True)]]


def make(cell: str = "lstm", layers: int = 1, attention: Any = "bilinear", fed: bool = False, **more: Any) -> Any:
    set_random_seed(3)
    form = Form(cell, 8, layers, 5, attention, fed, 0.2)
    network = EncoderDecoder(8, 11, form._replace(**more))
    graph = network.graph()
    rng = np.random.default_rng(4)
    for weight in graph.weights:
        weight.assign(0.7 * rng.standard_normal(weight.shape))
    return network, graph


@pytest.mark.parametrize("cell", list(LAYER_OF_CELL))
@pytest.mark.parametrize(("attention", "fed"), FORMS)
def test_steps_give_the_scores_of_the_graph(cell: str, attention: str | None, fed: bool) -> None:
    network, graph = make(cell, 2, attention, fed)
    with no_grad():
        scores = np.asarray(graph({"source": SOURCE, "target": TARGET}, training=False))
    memory, state = network.encode(SOURCE)
    for t, ids in enumerate(TARGET.T):
        found, state = network.step(np.ascontiguousarray(ids), state, memory)
        there = ids > 0
        np.testing.assert_allclose(found[there], scores[there, t], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("attention", "fed"), FORMS)
def test_padding_changes_nothing(attention: str | None, fed: bool) -> None:
    _, graph = make("gru", 2, attention, fed)
    together = np.asarray(graph({"source": SOURCE, "target": TARGET}))
    for row in range(3):
        source, target = SOURCE[row][SOURCE[row] > 0][None], TARGET[row][TARGET[row] > 0][None]
        alone = np.asarray(graph({"source": source, "target": target}))[0]
        np.testing.assert_allclose(together[row, : alone.shape[0]], alone, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("attention", "fed"), FORMS)
def test_the_loss_is_the_mean_over_the_tokens(attention: str | None, fed: bool) -> None:
    _, graph = make("lstm", 1, attention, fed, dropout=0.0)
    graph.compile(Adam(), SparseCategoricalCrossentropy(from_logits=True))
    inputs = {"source": SOURCE, "target": TARGET}
    scores = np.asarray(graph(inputs), np.float64).reshape(-1, 11)
    loss = np.asarray(ops.softmax_cross_entropy(scores, WANTED.ravel()))
    expected = loss[WANTED.ravel() > 0].mean()
    assert graph.evaluate(inputs, WANTED, verbose=0) == pytest.approx(expected, rel=1e-5)
    assert graph.train_on_batch(inputs, WANTED) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("attention", "fed"), FORMS)
def test_the_graph_survives_its_file(attention: str | None, fed: bool, tmp_path: Path) -> None:
    network, graph = make("simple_rnn", 2, attention, fed)
    graph.save(tmp_path / "a.keras")
    again = load_model(tmp_path / "a.keras", compile=False)
    inputs = {"source": SOURCE, "target": TARGET}
    np.testing.assert_array_equal(np.asarray(again(inputs)), np.asarray(graph(inputs)))
    assert set(network.parts) <= {layer.name for layer in again.layers}


@pytest.mark.parametrize(("attention", "fed"), FORMS[1:])
def test_weights_are_those_of_the_source(attention: str, fed: bool) -> None:
    network, _ = make("lstm", 1, attention, fed)
    weights = network.weights(SOURCE, TARGET)
    assert weights.shape == (3, 5, 4)
    np.testing.assert_allclose(weights.sum(axis=2), 1, rtol=1e-5)
    assert (weights[:, :, :][(SOURCE == 0)[:, None].repeat(5, 1)] == 0).all()


def test_several_sequences_share_one_memory() -> None:
    network, _ = make("lstm", 1, None)
    memory, state = network.encode(SOURCE)
    twice = [[[np.repeat(part, 2, axis=0) for part in layer] for layer in state[0]]]
    found, _ = network.step(np.array([1, 2, 3, 4, 5, 6], np.int32), twice, memory)
    one, _ = network.step(np.array([2, 4, 6], np.int32), state, memory)
    np.testing.assert_array_equal(found[1::2], one)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"cell": "rnn"}, "cell must be one of"),
        ({"units": 0}, "units must be an int >= 1"),
        ({"attention": "mean"}, "attention must be None or one of dot, bilinear, additive, got 'mean'"),
        ({"attention": None, "input_feeding": True}, "input_feeding feeds what was attended to"),
        ({"attention": "dot", "units": 7}, "give units divisible by 4, or another attention"),
        ({"dropout": 1.0}, r"dropout must be in \[0, 1\)"),
    ],
)
def test_forms_are_checked(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Form("lstm", 8, 1, 5, "bilinear", False, 0.1)._replace(**change).check()
