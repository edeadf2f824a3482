"""Generation in one call of the kernels gives what one call of each layer for each token gives."""

from __future__ import annotations

import gc
import itertools
import signal
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from recurra import layers
from recurra.generation import Sampler, beam_search, generate, stream
from recurra.generation.compiled import compile_model
from recurra.layers import LAYER_OF_CELL
from recurra.models import Sequential
from tests.support.generation_networks import PROMPT, V, network, randomized, steps

SAMPLERS = [
    {"temperature": 0},
    {"seed": 3},
    {"seed": 4, "temperature": 0.5, "top_k": 6},
    {"seed": 5, "temperature": 1.6, "top_p": 0.7},
    {"seed": 6, "top_k": 12, "top_p": 0.8, "banned": [2, 9, 9], "repetition_penalty": 1.7},
    {"temperature": 0, "repetition_penalty": 1.3, "banned": [0]},
]


@pytest.mark.parametrize("options", SAMPLERS, ids=str)
@pytest.mark.parametrize("cell", LAYER_OF_CELL)
def test_every_cell_and_sampler(cell: str, options: dict[str, Any]) -> None:
    model = network(cell)
    assert compile_model(model) is not None
    expected = generate(steps(model), PROMPT, length=40, sampler=Sampler(**options))
    np.testing.assert_array_equal(generate(model, PROMPT, length=40, sampler=Sampler(**options)), expected)
    streamed = list(stream(model, PROMPT, length=40, sampler=Sampler(**options)))
    np.testing.assert_array_equal(np.stack(streamed, axis=1), expected)
    assert streamed[0].dtype == np.int32


@pytest.mark.parametrize(
    "last",
    [
        (layers.Dense(V, activation="softmax"),),
        (layers.Dense(11, activation="relu"), layers.Dense(V), layers.Activation("softmax")),
        (
            layers.TimeDistributed(layers.Dense(9, activation="tanh", use_bias=False)),
            layers.Dense(V, activation="sigmoid"),
        ),
        (layers.Dense(11), layers.Dropout(0.4), layers.Activation("tanh"), layers.Dense(V), layers.Softmax()),
        (layers.Identity(), layers.GaussianDropout(0.3), layers.Dense(V), layers.Activation("sigmoid")),
        (layers.ActivityRegularization(l2=0.1), layers.Dense(9), layers.Activation("linear"), layers.Dense(V)),
    ],
)
def test_heads(last: Any) -> None:
    model = network("gru", *last)
    assert compile_model(model) is not None
    expected = generate(steps(model), PROMPT, length=30, sampler=Sampler(seed=2))
    np.testing.assert_array_equal(generate(model, PROMPT, length=30, sampler=Sampler(seed=2)), expected)


def test_layers_around_cells() -> None:
    inner = [layers.LSTMCell(7), layers.GRUCell(9, reset_after=False), layers.SimpleRNNCell(5, activation="relu")]
    bare = layers.LSTM(8, return_sequences=True, use_bias=False, recurrent_activation="hard_sigmoid")
    model = randomized(
        Sequential([layers.Embedding(V, 6), layers.RNN(inner, return_sequences=True), bare, layers.Dense(V)])
    )
    assert compile_model(model) is not None
    expected = generate(steps(model), PROMPT, length=30, sampler=Sampler(seed=2))
    np.testing.assert_array_equal(generate(model, PROMPT, length=30, sampler=Sampler(seed=2)), expected)


def test_float64() -> None:
    model = randomized(
        Sequential(
            [
                layers.Embedding(V, 6, dtype="float64"),
                layers.LSTM(9, return_sequences=True, dtype="float64"),
                layers.Dense(V, dtype="float64"),
            ]
        )
    )
    assert compile_model(model) is not None
    expected = generate(steps(model), PROMPT, length=30, sampler=Sampler(seed=2))
    np.testing.assert_array_equal(generate(model, PROMPT, length=30, sampler=Sampler(seed=2)), expected)


class _Doubled(layers.LSTMCell):
    def call(self, inputs: Any, states: Any, training: bool = False) -> Any:
        h, new = super().call(inputs, states, training)
        return 2 * h, new


def _unusual() -> dict[str, Sequential]:
    embedding, dense = (lambda: layers.Embedding(V, 6)), (lambda: layers.Dense(V))
    lstm = lambda **options: layers.LSTM(8, return_sequences=True, **options)  # noqa: E731
    return {
        "a cell of one's own": Sequential([embedding(), layers.RNN(_Doubled(8), return_sequences=True), dense()]),
        "an activation of the layer's": Sequential([embedding(), lstm(activation="gelu"), dense()]),
        "an activation of Dense's": Sequential([embedding(), lstm(), layers.Dense(V, activation="gelu")]),
        "an activation after a cell": Sequential([embedding(), lstm(), layers.Activation("relu"), dense()]),
        "two activations": Sequential(
            [embedding(), lstm(), layers.Dense(V, activation="relu"), layers.Activation("tanh")]
        ),
        "an activation that kernels lack": Sequential([embedding(), lstm(), dense(), layers.Activation("gelu")]),
        "a norm": Sequential([embedding(), lstm(), layers.LayerNormalization(), dense()]),
        "more scores than tokens": Sequential([embedding(), lstm(), layers.Dense(V + 4)]),
        "dtypes": Sequential([embedding(), layers.LSTM(8, return_sequences=True, dtype="float64"), dense()]),
    }


@pytest.mark.parametrize("name", _unusual())
def test_other_models_go_step_by_step(name: str) -> None:
    model = randomized(_unusual()[name])
    assert compile_model(model) is None
    sampler = Sampler(temperature=0, banned=range(V, V + 4) if name.startswith("more") else ())
    assert generate(model, PROMPT, length=5, sampler=sampler).shape == (3, 5)


def test_a_sampler_of_ones_own_is_asked() -> None:
    class Last(Sampler):
        def __call__(self, logits: Any, seen: Any = None) -> Any:
            return np.full(len(logits), V - 1, np.int32)

    assert (generate(network(), PROMPT, length=4, sampler=Last()) == V - 1).all()


@pytest.mark.parametrize("end_id", [4, [4, 17, 8], -3, None])
def test_ends(end_id: Any) -> None:
    model, counts, made = network(), [], []
    for one in (model, steps(model)):
        sampler = Sampler(seed=9)
        made.append(generate(one, PROMPT, length=60, sampler=sampler, end_id=end_id))
        counts.append(sampler.draws.stream)
    np.testing.assert_array_equal(*made)
    assert counts[0] == counts[1] == made[0].shape[1]
    assert (made[0].shape[1] < 60) == (end_id in (4, [4, 17, 8]))


def test_a_sampler_that_is_shared() -> None:
    """Two streams in turn with one sampler, and a change of its settings on the way."""
    model, found = network(), []
    for one in (model, steps(model)):
        sampler = Sampler(seed=9)
        first, second = stream(one, PROMPT, sampler=sampler), stream(one, PROMPT[:1], sampler=sampler)
        tokens = [*itertools.islice(first, 9)]
        for turn in range(12):
            tokens += itertools.islice(second, 1 + turn % 3)
            tokens += itertools.islice(first, 1 + turn % 5)
        sampler.temperature = 0.1
        tokens += itertools.islice(first, 10)
        sampler.reset()
        tokens += itertools.islice(second, 10)
        found.append(np.concatenate(tokens))
    np.testing.assert_array_equal(*found)


def test_weights_that_change_between_tokens() -> None:
    """What is already read keeps the state of the old weights; tokens drawn ahead are drawn again."""
    found = []
    for wrap in (lambda model: model, steps):
        model = network()
        tokens = stream(wrap(model), PROMPT, sampler=Sampler(seed=9, repetition_penalty=1.2))
        made = [*itertools.islice(tokens, 20)]
        model.layers[-1].bias.assign(np.linspace(3, -3, V))
        made += itertools.islice(tokens, 10)
        model.layers[1].cell.recurrent_kernel.assign(-np.asarray(model.layers[1].cell.recurrent_kernel))
        made += itertools.islice(tokens, 30)
        found.append(np.stack(made))
    np.testing.assert_array_equal(*found)


def test_models_of_one_size_are_not_mixed_up() -> None:
    models = [network(seed=seed) for seed in range(3)]
    for model in (*models, *models):
        expected = generate(steps(model), PROMPT, length=12, sampler=Sampler(seed=1))
        np.testing.assert_array_equal(generate(model, PROMPT, length=12, sampler=Sampler(seed=1)), expected)


def test_a_model_is_not_kept_alive() -> None:
    model = network()
    generate(model, PROMPT, length=2)
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None


def test_long_prompts() -> None:
    model = network("gru")
    prompt = np.random.default_rng(3).integers(0, V, (2, 2500))
    options = {"seed": 1, "repetition_penalty": 1.1}
    expected = generate(steps(model), prompt, length=6, sampler=Sampler(**options))  # type: ignore[arg-type]
    np.testing.assert_array_equal(generate(model, prompt, length=6, sampler=Sampler(**options)), expected)  # type: ignore[arg-type]


@pytest.mark.parametrize("options", [{}, {"end_id": 3}, {"end_id": [3, 8], "length_penalty": 1.0, "banned": [1, 1, 5]}])
def test_beams(options: dict[str, Any]) -> None:
    model = network("lstm", layers.Dense(V, activation="softmax"))
    found = beam_search(model, PROMPT[0], length=11, width=4, **options)
    expected = beam_search(steps(model), PROMPT[0], length=11, width=4, **options)
    assert len(found) == len(expected) == 4
    for beam, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(beam.ids, other.ids)
        np.testing.assert_allclose(beam[1:], other[1:], rtol=1e-4)


def test_errors() -> None:
    model = network()
    with pytest.raises(ValueError, match="banned must hold ids"):
        generate(model, PROMPT, length=3, sampler=Sampler(banned=[V]))
    with pytest.raises(ValueError, match="banned leaves no token"):
        beam_search(model, PROMPT[0], length=3, banned=range(V))
    with pytest.raises(ValueError, match=r"prompt must be in \[0, V\)"):
        generate(model, [[0], [V]], length=3)
    with pytest.raises(ValueError, match="length must be an int >= 0, got -2"):
        generate(model, PROMPT, length=-2)
    with pytest.raises(ValueError, match="end_id must be"):
        generate(model, PROMPT, length=2, end_id=[[1]])  # type: ignore[list-item]
    assert generate(model, PROMPT, length=0).shape == (3, 0)


def test_the_penalty_needs_what_was_seen() -> None:
    with pytest.raises(ValueError, match="seen must be bool of logits' shape"):
        Sampler(repetition_penalty=1.1)(np.zeros((2, 3)))
    with pytest.raises(ValueError, match="repetition_penalty must be a number > 0"):
        Sampler(repetition_penalty=0)
    greedy = Sampler(temperature=0, repetition_penalty=2.0)
    scores, seen = (
        np.array([[1.5, 1.0, 0.2], [-0.5, -0.9, -3.0]]),
        np.array([[True, False, True], [True, False, False]]),
    )
    np.testing.assert_array_equal(greedy(scores, seen), [1, 1])
    assert repr(greedy) == "Sampler(temperature=0.0, top_k=0, top_p=1.0, seed=None, repetition_penalty=2.0)"


@pytest.mark.parametrize("what", ["generate", "stream", "beam", "prompt"])
def test_ctrl_c_ends_it(what: str) -> None:
    model, prompt = network(), PROMPT[0]
    calls: dict[str, Any] = {
        "generate": lambda: generate(model, prompt, length=10**9),
        "stream": lambda: [None for _ in stream(model, prompt)],
        "beam": lambda: beam_search(model, prompt, length=10**7, width=4),
        "prompt": lambda: generate(model, np.resize(prompt, 3 * 10**6), length=1),
    }
    timer = threading.Timer(0.3, lambda: signal.raise_signal(signal.SIGINT))
    timer.start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        calls[what]()
    assert time.monotonic() - began < 30  # a busy machine; the point is that it ends
    timer.join()


def test_threads_share_a_model() -> None:
    model = network()
    expected = [generate(steps(model), PROMPT, length=200, sampler=Sampler(seed=seed)) for seed in range(6)]
    fresh = network()
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda seed: generate(fresh, PROMPT, length=200, sampler=Sampler(seed=seed)), range(6)))
    np.testing.assert_array_equal(found, expected)


def test_prompts_of_several_lengths() -> None:
    """Long ones are read in blocks; what was drawn ahead, ends and penalties are those of single steps."""
    model, rng = network("projection_lstm", zoneout_h=0.2), np.random.default_rng(5)
    prompts = [rng.integers(0, V, n) for n in (3, 1, 1500, 3, 40)]
    for options in ({"seed": 2, "repetition_penalty": 1.4}, {"temperature": 0}):
        made = [
            generate(one, prompts, length=50, sampler=Sampler(**options), end_id=7) for one in (model, steps(model))
        ]
        np.testing.assert_array_equal(*made)
        streamed = stream(model, prompts, length=12, sampler=Sampler(**options))
        expected = generate(steps(model), prompts, length=12, sampler=Sampler(**options))
        np.testing.assert_array_equal(np.stack(list(streamed), axis=1), expected)
    alone = [generate(model, prompt, length=20, sampler=Sampler(temperature=0)) for prompt in prompts]
    np.testing.assert_array_equal(generate(model, prompts, length=20, sampler=Sampler(temperature=0)), alone)
