"""Compiled generation with every cell in every option that inference sees, bit for bit, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import layers
from recurra._core.cells import CELLS
from recurra.generation import Sampler, Stepper, beam_search, generate
from recurra.generation.compiled import Continuation, compile_model
from recurra.layers import LAYER_OF_CELL
from recurra.models import Sequential
from tests.support.generation_networks import PROMPT, V, network, randomized, steps


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
