"""Gradients of every layer against differences, in float64: inputs, weights and states."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import gradcheck, layers, ops
from tests.support import recurrent_layers, window_layers

B, T, I, H = 3, 4, 2, 5
RANDOM = np.random.RandomState(6)
X = RANDOM.standard_normal((B, T, I))
ROWS = RANDOM.standard_normal((B, I))
MASK = np.array([[True, True, False, True], [False, True, True, False], [True, False, False, False]])
PAIR = [X, RANDOM.standard_normal((B, 3, I))]
SAME = [X, RANDOM.standard_normal((B, T, I))]
F64 = {"dtype": "float64"}


def recurrent() -> list[Any]:
    found = []
    for kind in ("LSTM", "GRU", "SimpleRNN"):
        for options in (
            {},
            {"return_sequences": True, "return_state": True, "go_backwards": True},
            {"return_state": True, "activation": "softsign"},
            {"return_sequences": True, "dropout": 0.4, "recurrent_dropout": 0.3},
            {"return_sequences": True, "zero_output_for_mask": True, "use_bias": False},
        ):
            found.append(pytest.param(kind, options, id=f"{kind}-{'-'.join(options) or 'plain'}"))
    found.append(pytest.param("GRU", {"reset_after": False, "return_sequences": True}, id="GRU-reset-before"))
    return found


class Same:
    """Gives a layer's dropout the same masks at each call, so that differences can be taken."""

    def __init__(self, layer: Any) -> None:
        self.layer = layer

    def __call__(self, *inputs: Any, **kwargs: Any) -> Any:
        for one in self.layer._flatten_layers():
            if hasattr(one, "seed_generator"):
                one.seed_generator.state = (17, 0)
        x, *states = inputs
        if states:
            kwargs["initial_state"] = states
        return self.layer(x, **kwargs)


def randomized(layer: Any, x: Any, **call: Any) -> Any:
    layer(x, **call)
    layer.set_weights([w + 0.3 * RANDOM.standard_normal(w.shape) for w in layer.get_weights()])
    return layer


@pytest.mark.parametrize(("kind", "options"), recurrent())
@pytest.mark.parametrize("mask", [None, MASK], ids=["", "mask"])
def test_recurrent(kind: str, options: dict[str, Any], mask: Any) -> None:
    layer = randomized(getattr(layers, kind)(H, **options, **F64), X)
    states = [RANDOM.standard_normal((B, H)) for _ in layer.state_size]
    call = {"mask": mask, "training": True}
    assert gradcheck(Same(layer), [X, *states], variables=layer.trainable_variables, kwargs=call)


LAYERS: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "RNN": (lambda: layers.RNN([layers.LSTMCell(H, **F64), layers.GRUCell(3, **F64)], **F64), X, {"mask": MASK}),
    "Bidirectional": (
        lambda: layers.Bidirectional(layers.GRU(H, return_sequences=True, **F64), merge_mode="mul", **F64), X,
        {"mask": MASK},
    ),
    "TimeDistributed": (
        lambda: layers.TimeDistributed(layers.BatchNormalization(**F64), **F64), X, {"training": True},
    ),
    "Dense": (lambda: layers.Dense(H, activation="gelu", **F64), X, {}),
    "Activation": (lambda: layers.Activation("tanh", **F64), X, {}),
    "ReLU": (lambda: layers.ReLU(0.8, 0.1, 0.05, **F64), X, {}),
    "LeakyReLU": (lambda: layers.LeakyReLU(**F64), X, {}),
    "ELU": (lambda: layers.ELU(**F64), X, {}),
    "PReLU": (lambda: layers.PReLU("ones", **F64), X, {}),
    "Softmax": (lambda: layers.Softmax(axis=(1, 2), **F64), X, {}),
    "Masking": (lambda: layers.Masking(**F64), X, {}),
    "Flatten": (lambda: layers.Flatten("channels_first", **F64), X, {}),
    "Reshape": (lambda: layers.Reshape((-1,), **F64), X, {}),
    "Permute": (lambda: layers.Permute((2, 1), **F64), X, {}),
    "RepeatVector": (lambda: layers.RepeatVector(3, **F64), ROWS, {}),
    "Lambda": (lambda: layers.Lambda(lambda x: ops.exp(x) * x, **F64), X, {}),
    "Dropout": (lambda: layers.Dropout(0.5, **F64), X, {"training": True}),
    "SpatialDropout1D": (lambda: layers.SpatialDropout1D(0.5, **F64), X, {"training": True}),
    "SpatialDropout2D": (lambda: layers.SpatialDropout2D(0.5, **F64), X[:, :, None], {"training": True}),
    "SpatialDropout3D": (lambda: layers.SpatialDropout3D(0.5, **F64), X[:, :, None, None], {"training": True}),
    "GaussianNoise": (lambda: layers.GaussianNoise(0.5, **F64), X, {"training": True}),
    "GaussianDropout": (lambda: layers.GaussianDropout(0.5, **F64), X, {"training": True}),
    "AlphaDropout": (lambda: layers.AlphaDropout(0.3, **F64), X, {"training": True}),
    "LayerNormalization": (lambda: layers.LayerNormalization([1, 2], **F64), X, {}),
    "GroupNormalization": (lambda: layers.GroupNormalization(1, **F64), X, {}),
    "RMSNormalization": (lambda: layers.RMSNormalization([1, 2], **F64), X, {}),
    "UnitNormalization": (lambda: layers.UnitNormalization(1, **F64), X, {}),
    "BatchNormalization": (lambda: layers.BatchNormalization(**F64), X, {"training": True, "mask": MASK}),
    "GlobalAveragePooling1D": (lambda: layers.GlobalAveragePooling1D(**F64), X, {"mask": MASK}),
    "GlobalMaxPooling1D": (lambda: layers.GlobalMaxPooling1D(**F64), X, {"valid": MASK}),
    **window_layers.GRADIENTS,
    "Add": (lambda: layers.Add(**F64), SAME, {}),
    "Subtract": (lambda: layers.Subtract(**F64), SAME, {}),
    "Multiply": (lambda: layers.Multiply(**F64), [*SAME, ROWS], {}),
    "Average": (lambda: layers.Average(**F64), SAME, {}),
    "Maximum": (lambda: layers.Maximum(**F64), SAME, {}),
    "Minimum": (lambda: layers.Minimum(**F64), SAME, {}),
    "Concatenate": (lambda: layers.Concatenate(1, **F64), PAIR, {}),
    "Dot": (lambda: layers.Dot((2, 2), normalize=True, **F64), PAIR, {}),
    "Attention": (lambda: layers.Attention(True, "concat", 0.3, **F64), PAIR, {"training": True}),
    "AdditiveAttention": (lambda: layers.AdditiveAttention(**F64), PAIR, {"mask": [MASK, MASK[:, :3]]}),
    "BilinearAttention": (
        lambda: layers.BilinearAttention(0.3, **F64), [*PAIR, RANDOM.standard_normal((B, 3, 4))],
        {"use_causal_mask": True, "return_attention_scores": True, "training": True},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYERS)
def test_layer(name: str) -> None:
    make, x, call = LAYERS[name]
    layer = randomized(make(), x, **call)

    def run(*inputs: Any, **kwargs: Any) -> Any:
        return Same(layer)(list(inputs) if isinstance(x, list) else inputs[0], **kwargs)

    assert gradcheck(run, x, variables=layer.trainable_variables, kwargs=call)


def test_every_layer_with_a_gradient_is_checked() -> None:
    other = {
        *recurrent_layers.KINDS,  # above, and in recurrent/test_kernel_layer_cells.py
        *(f"{kind}Cell" for kind in recurrent_layers.KINDS), "StackedRNNCells",  # below, and in RNN
        "Embedding", "ReversibleEmbedding",  # ids have none; tables in their own tests
        "Input", "InputLayer", "InputSpec", "Layer", "Merge", "Wrapper", "DropoutRNNCell", "Operation", "GetItem",
        "AddLoss", "AddMetric",  # tests/models/test_model_add_loss.py, test_own_metrics.py
        "CRF", "DistinctSteps",  # test_crf.py, test_distinct_steps.py
        "InputFeedingDecoder",  # test_attention_decoder.py
        "TextVectorization", "StringLookup", "IntegerLookup", "CategoryEncoding",  # texts and integers have none
        "Discretization", "Hashing",  # nor has a choice of a bin
    }  # fmt: skip
    assert {name for name in layers.__all__ if name[0].isupper()} == {*LAYERS, *other}


@pytest.mark.parametrize("kind", recurrent_layers.KINDS)
@pytest.mark.parametrize("activation", ["tanh", "elu"])
def test_cells(kind: str, activation: str) -> None:
    cell = getattr(layers, f"{kind}Cell")(H, activation=activation, **F64)
    sizes = cell.state_size if isinstance(cell.state_size, list) else [cell.state_size]
    states = [RANDOM.standard_normal((B, size)) for size in sizes]
    randomized(cell, ROWS, states=states)

    def run(x: Any, *states: Any) -> Any:
        y, new = cell(x, list(states))
        return [y, *new]

    assert gradcheck(run, [ROWS, *states], variables=cell.trainable_variables)


@pytest.mark.parametrize("fused", [True, False])
def test_embedding_before_a_recurrent_layer(fused: bool) -> None:
    ids = np.array([[1, 2, 2, 0], [5, 1, 4, 4], [3, 0, 0, 2]])
    table = layers.Embedding(7, I, mask_zero=True, **F64)
    layer = randomized(layers.GRU(H, **F64), table(ids))

    def run() -> Any:
        return layer(table.lookup(ids) if fused else table(ids))

    assert gradcheck(run, [], variables=[*table.trainable_variables, *layer.trainable_variables])
