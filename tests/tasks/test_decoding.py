"""Beam search over many sources at once."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

from recurra.tasks.decoding import decode
from recurra.typing import Array
from tests.tasks.test_encoder_decoder import SOURCE, make

START, END = 9, 10


def log_p(network: Any, source: Array, tokens: Any) -> float:
    """The joint log probability of `tokens` and the end, one token at a time."""
    memory, state = network.encode(source[source > 0][None])
    total, before = 0.0, START
    for token in [*tokens, END]:
        scores, state = network.step(np.array([before], np.int32), state, memory)
        row = scores[0].astype(np.float64)
        total += row[token] - row.max() - np.log(np.exp(row - row.max()).sum())
        before = token
    return float(total)


@pytest.mark.parametrize("length_penalty", [0.0, 0.7, 1.0])
@pytest.mark.parametrize(("attention", "fed"), [(None, False), ("additive", False), ("dot", True)])
def test_a_wide_beam_finds_every_output(attention: str | None, fed: bool, length_penalty: float) -> None:
    network, _ = make("gru", 1, attention, fed)
    banned = np.array([0, 1, 2, 3, 4, 5, START])
    found = decode(
        network, SOURCE, start=START, end=END, length=3, width=60, length_penalty=length_penalty, banned=banned
    )
    for source, outputs in zip(SOURCE, found, strict=True):
        every = [tokens for n in range(4) for tokens in product([6, 7, 8], repeat=n)]
        expected = sorted((-log_p(network, source, t) / -((len(t) + 1) ** length_penalty), t) for t in every)[::-1]
        assert len(outputs) == len(every)
        for output, (score, tokens) in zip(outputs[:5], expected, strict=False):
            assert tuple(output.ids) == tokens
            assert output.score == pytest.approx(score, rel=1e-4)
            assert output.log_probability == pytest.approx(log_p(network, source, tokens), rel=1e-4)


@pytest.mark.parametrize("width", [1, 3])
def test_a_source_is_decoded_as_it_is_alone(width: int) -> None:
    network, _ = make("lstm", 2, "bilinear")
    together = decode(network, SOURCE, start=START, end=END, length=7, width=width)
    for source, outputs in zip(SOURCE, together, strict=True):
        alone = decode(network, source[source > 0][None], start=START, end=END, length=7, width=width)[0]
        assert [one.ids.tolist() for one in outputs] == [one.ids.tolist() for one in alone]
        np.testing.assert_allclose([o.score for o in outputs], [o.score for o in alone], rtol=1e-4)


def test_width_one_is_greedy() -> None:
    network, _ = make("lstm", 1, "dot")
    for source, (output,) in zip(SOURCE, decode(network, SOURCE, start=START, end=END, length=6), strict=True):
        memory, state = network.encode(source[source > 0][None])
        before = START
        tokens: list[int] = []
        while len(tokens) < 6:
            scores, state = network.step(np.array([before], np.int32), state, memory)
            before = int(scores[0].argmax())
            if before == END:
                break
            tokens.append(before)
        assert output.ids.tolist() == tokens


def test_a_vocabulary_smaller_than_the_beam_is_enough() -> None:
    network, _ = make("gru", 1, "bilinear")
    banned = np.array([0, 1, 2, 3, 4, 5, 6, 7, START])
    found = decode(network, SOURCE, start=START, end=END, length=2, width=50, banned=banned)
    assert sorted(one.ids.tolist() for one in found[0]) == [[], [8], [8, 8]]


class Chain:
    """After token t a network that is nearly sure of t + 1, and of the end after token 5; else the end is likelier."""

    def encode(self, source: Array) -> tuple[Any, Any]:
        memory, state = make()[0].encode(source)
        return memory, state

    def step(self, ids: Array, state: Any, memory: Any) -> tuple[Array, Any]:
        scores = np.zeros((len(ids), END + 1), np.float32)
        scores[:, END] = 1.0
        for row, token in enumerate(ids):
            after = 1 if token == START else token + 1
            scores[row, END if after > 5 else after] = 9.0
        return scores, state


@pytest.mark.parametrize("length_penalty", [0.0, 1.0])
def test_short_outputs_do_not_end_the_search_for_a_better_long_one(length_penalty: float) -> None:
    banned = np.array([0, START])
    for width in (2, 3, 4):
        found = decode(
            Chain(), SOURCE, start=START, end=END, length=8, width=width, length_penalty=length_penalty, banned=banned
        )  # type: ignore[arg-type]
        for outputs in found:
            assert outputs[0].ids.tolist() == [1, 2, 3, 4, 5] and len(outputs) == width


@pytest.mark.parametrize("length_penalty", [0.0, 1.0])
def test_early_stopping_ends_with_enough_complete_outputs(length_penalty: float) -> None:
    options: dict[str, Any] = {"start": START, "end": END, "length": 8, "length_penalty": length_penalty}
    for width in (2, 4):
        found = decode(Chain(), SOURCE, width=width, banned=np.array([0, START]), early_stopping=True, **options)  # type: ignore[arg-type]
        for outputs in found:
            assert len(outputs) == width and max(len(one.ids) for one in outputs) < 5
    network, _ = make("gru", 1, "dot")
    greedy = decode(network, SOURCE, **options, early_stopping=True)
    assert [one.ids.tolist() for (one,) in greedy] == [
        one.ids.tolist() for (one,) in decode(network, SOURCE, **options)
    ]
    with pytest.raises(TypeError, match="early_stopping must be True or False, got 'never'"):
        decode(network, SOURCE, **options, early_stopping="never")  # type: ignore[arg-type]


def test_no_sources_have_no_outputs() -> None:
    network, _ = make()
    assert decode(network, np.zeros((0, 3), np.int32), start=START, end=END, length=2) == []
