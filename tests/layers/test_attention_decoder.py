"""A decoder that is fed what it attended to."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra.autograd import GradientTape
from recurra.layers import InputFeedingDecoder
from recurra.layers.attention_decoder import ATTENTIONS
from recurra.typing import Array

B, T, S, E, M, H, W = 3, 4, 5, 2, 6, 6, 7


def arrays(states: int) -> tuple[Array, Array, list[Array], Array]:
    rng = np.random.default_rng(1)
    mask = np.arange(S) < np.array([[5], [2], [3]])
    start = [rng.standard_normal((B, H)) for _ in range(states)]
    return rng.standard_normal((B, T, E)), rng.standard_normal((B, S, M)), start, mask


def softmax(x: Array) -> Array:
    e = np.exp(x - x.max(-1, keepdims=True))
    found: Array = e / e.sum(-1, keepdims=True)
    return found


def gru(x: Array, h: Array, weights: list[Array]) -> Array:
    kernel, recurrent, bias = weights

    def sigmoid(v: Array) -> Array:
        return 1 / (1 + np.exp(-v))

    a, b = x @ kernel + bias[0], h @ recurrent + bias[1]
    z, r = sigmoid(a[:, :H] + b[:, :H]), sigmoid(a[:, H : 2 * H] + b[:, H : 2 * H])
    new: Array = z * h + (1 - z) * np.tanh(a[:, 2 * H :] + r * b[:, 2 * H :])
    return new


def expected(layer: Any, x: Array, memory: Array, state: Array, mask: Array) -> Array:
    """The equations, step by step, in numpy."""
    weights = {name: [np.asarray(w) for w in part.weights] for name, part in layer.parts.items()}
    fed, rows = np.zeros((B, W)), []
    for t in range(T):
        state = gru(np.concatenate([x[:, t], fed], -1), state, weights["decoder_0"])
        if layer.attention == "dot":
            scores = np.einsum("bh,bsh->bs", state, memory) / np.sqrt(memory.shape[-1])
        elif layer.attention == "bilinear":
            scores = np.einsum("bh,hm,bsm->bs", state, weights["attention"][0], memory) / np.sqrt(memory.shape[-1])
        else:
            sums = np.tanh((state @ weights["query"][0])[:, None] + memory @ weights["key"][0])
            scores = sums @ weights["attention"][0]
        context = np.einsum("bs,bsm->bm", softmax(np.where(mask, scores, -1e9)), memory)
        kernel, bias = weights["combination"]
        fed = np.tanh(np.concatenate([context, state], -1) @ kernel + bias)
        rows.append(fed)
    return np.stack(rows, 1)


def randomize(layer: Any) -> None:
    rng = np.random.default_rng(2)
    for weight in layer.weights:
        weight.assign(0.5 * rng.standard_normal(weight.shape))


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_it_follows_the_equations(attention: str) -> None:
    x, memory, states, mask = arrays(1)
    layer = InputFeedingDecoder("gru", H, 1, attention, W, dtype="float64")
    layer(x, memory, states, mask=[None, mask])
    randomize(layer)
    found = layer(x, memory, states, mask=[None, mask])
    np.testing.assert_allclose(found, expected(layer, x, memory, states[0], mask), rtol=0, atol=1e-10)


def test_masked_steps_of_the_memory_do_not_matter() -> None:
    x, memory, states, mask = arrays(4)
    layer = InputFeedingDecoder("lstm", H, 2, "additive", W, dtype="float64")
    first = layer(x, memory, states, mask=[None, mask])
    other = layer(x, np.where(mask[..., None], memory, 9.0), states, mask=[None, mask])
    np.testing.assert_allclose(first, other, atol=1e-12)


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_gradients_are_those_of_central_differences(attention: str) -> None:
    x, memory, states, mask = arrays(2)
    layer = InputFeedingDecoder("lstm", H, 1, attention, W, dtype="float64")
    layer(x, memory, states, mask=[None, mask])
    randomize(layer)
    rng = np.random.default_rng(3)
    factor = rng.standard_normal((B, T, W))
    with GradientTape() as tape:
        loss = (layer(x, memory, states, mask=[None, mask]) * factor).sum()
    gradients = tape.gradient(loss, layer.trainable_weights)
    for weight, gradient in zip(layer.trainable_weights, gradients, strict=True):
        direction = rng.standard_normal(weight.shape)
        value, sums = np.array(weight), []
        for step in (1e-6, -1e-6):
            weight.assign(value + step * direction)
            sums.append(float((np.asarray(layer(x, memory, states, mask=[None, mask])) * factor).sum()))
        weight.assign(value)
        assert abs((sums[0] - sums[1]) / 2e-6 - float((np.asarray(gradient) * direction).sum())) < 1e-6


def test_the_configuration_makes_the_same_layer() -> None:
    layer = InputFeedingDecoder("min_gru", 4, 2, "bilinear", 3, name="fed")
    again = InputFeedingDecoder.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    assert list(again.parts) == ["decoder_0", "decoder_1", "attention", "combination"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("lstm", 0, 1, "dot", 3), "units must be a positive integer"),
        (("lstm", 4, 1.5, "dot", 3), "layers must be a positive integer"),
        (("lstm", 4, 1, "mean", 3), "attention must be one of 'dot', 'bilinear', 'additive'"),
        (("rnn", 4, 1, "dot", 3), "cell must be one of"),
        (("lstm", 4, 1, "dot", -3), "width must be a positive integer"),
    ],
)
def test_arguments_are_checked(arguments: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        InputFeedingDecoder(*arguments)
