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
from recurra._core.cells import CELLS
from recurra.generation import Sampler, Stepper, beam_search, generate, stream
from recurra.generation.compiled import Continuation, compile_model
from recurra.layers import LAYER_OF_CELL
from recurra.models import Sequential

V = 23


def randomized(model: Sequential, seed: int = 0) -> Sequential:
    rng = np.random.default_rng(seed)
    model(np.zeros((1, 2), np.int32))
    model.set_weights([rng.normal(0.0, 0.7, w.shape).astype(w.dtype) for w in model.get_weights()])
    return model


def network(cell: str = "lstm", *last: Any, seed: int = 0, **options: Any) -> Sequential:
    kind = getattr(layers, LAYER_OF_CELL[cell])
    recurrent = [kind(units, return_sequences=True, **options) for units in (13, 18)]
    return randomized(
        Sequential(
            [layers.Embedding(V, 6), recurrent[0], layers.Dropout(0.5), recurrent[1], *(last or (layers.Dense(V),))]
        ),
        seed,
    )


def steps(model: Any) -> Stepper:
    return Stepper(model, compiled=False)


PROMPT = np.random.default_rng(1).integers(0, V, (3, 5))

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
    with pytest.raises(ValueError, match="length must be >= 0, got -2"):
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


def options_of(cell: str) -> dict[str, dict[str, Any]]:
    """What a layer of the cell can be made with that inference sees."""
    kind = CELLS[cell]
    zoneout = {f"zoneout_{state}": share for state, share in zip(kind.states, (0.3, 0.6), strict=False)}
    found = {
        "zoneout": zoneout,
        "zoneout of h": {"zoneout_h": 0.4},
        "stateful": {"stateful": True},
        "dropout": {"dropout": 0.2, "seed": 3},
        "activation": {"activation": "hard_sigmoid", **zoneout},
    }
    if len(kind.states) > 1:
        found["zoneout of c"] = {"zoneout_c": 0.7}
    if kind.biases:
        found["no bias"] = {"use_bias": False}
    if kind.recurrent_activation is not None:
        found["recurrent activation"] = {"recurrent_activation": "hard_sigmoid"}
        if not (kind.unit_parameters or kind.projects):
            found["recurrent activation of Keras 2"] = {"recurrent_activation": "hard_sigmoid_keras2", **zoneout}
    if kind.has_recurrent_kernel:
        found["recurrent dropout"] = {"recurrent_dropout": 0.2}
    if kind.projects:
        found["narrow projection"] = {"projection_units": 3, **zoneout}
        found["wide projection"] = {"projection_units": 37, "zoneout_h": 0.2}
    return found


CASES = [(cell, name) for cell in LAYER_OF_CELL for name in options_of(cell)]


def with_states(model: Stepper | Sequential, rows: int, steps: int) -> tuple[Any, Any]:
    """The tokens of a greedy generation, and the states after them: the compiled form's or the stepwise ones."""
    prompt = np.resize(PROMPT, (rows, 5)).astype(np.int32)
    if isinstance(model, Sequential):
        run = Continuation(compile_model(model), prompt, Sampler(temperature=0))  # type: ignore[arg-type]
        tokens, states = run.tokens(run.model.handle(), steps)
        return tokens, states
    state: Any = model.initial_state(rows)
    tokens: list[Any] = []
    for n in range(prompt.shape[1] + steps - 1):
        scores, state = model.step(prompt[:, n] if n < prompt.shape[1] else tokens[-1], state)
        if n + 1 >= prompt.shape[1]:
            tokens.append(np.argmax(scores, axis=1).astype(np.int32))
    return np.stack(tokens, axis=1), state


@pytest.mark.parametrize("int8", [False, True], ids=["float", "int8"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("cell", "name"), CASES)
def test_every_option_has_the_bits_of_single_steps(cell: str, name: str, dtype: str, int8: bool) -> None:
    kind, options = getattr(layers, LAYER_OF_CELL[cell]), options_of(cell)[name]
    model = Sequential(
        [
            layers.Embedding(V, 6, dtype=dtype),
            kind(13, return_sequences=True, dtype=dtype, **options),
            layers.Dense(9, dtype=dtype, activation="tanh"),
            kind(18, return_sequences=True, dtype=dtype, **options),
            layers.Dense(V, dtype=dtype),
        ]
    )
    randomized(model, seed=len(name))
    if int8:
        model.quantize("int8")
    assert compile_model(model) is not None
    for rows in (1, 3, 7):
        tokens, states = with_states(model, rows, 20)
        expected_tokens, expected = with_states(steps(model), rows, 20)
        np.testing.assert_array_equal(tokens, expected_tokens)
        for own, others in zip(states, expected, strict=True):
            for part, other in zip(own, others, strict=True):
                np.testing.assert_array_equal(part, other)
                assert part.dtype == other.dtype == dtype


def test_stacked_cells_with_zoneout_and_a_projection() -> None:
    inner = [
        layers.ProjectionLSTMCell(11, projection_units=4, zoneout_c=0.2),
        layers.GRUCell(9, zoneout_h=0.5),
        layers.PeepholeLSTMCell(7, zoneout_h=0.1, zoneout_c=0.3),
    ]
    model = randomized(Sequential([layers.Embedding(V, 6), layers.RNN(inner, return_sequences=True), layers.Dense(V)]))
    tokens, _ = with_states(model, 3, 30)
    np.testing.assert_array_equal(tokens, with_states(steps(model), 3, 30)[0])


@pytest.mark.parametrize("cell", LAYER_OF_CELL)
def test_layers_that_read_backwards_are_refused(cell: str) -> None:
    model = network(cell, go_backwards=True)
    with pytest.raises(ValueError, match="reads backwards in time"):
        generate(model, PROMPT, length=3)


@pytest.mark.parametrize(("cell", "options"), [("projection_lstm", {"zoneout_h": 0.3}), ("indrnn", {"zoneout_h": 0.4})])
def test_beams_with_zoneout(cell: str, options: dict[str, Any]) -> None:
    model = network(cell, layers.Dense(V, activation="softmax"), **options)
    found, expected = (beam_search(one, PROMPT[0], length=9, width=5, end_id=3) for one in (model, steps(model)))
    for beam, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(beam.ids, other.ids)
        np.testing.assert_allclose(beam[1:], other[1:], rtol=1e-4, atol=1e-6)
