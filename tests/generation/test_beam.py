"""Beam search against full enumeration."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from recurra.generation import Sampler, beam_search, generate


def test_a_wide_beam_finds_the_exact_best(trigrams: Any) -> None:
    expected = trigrams.best([3, 1], 4)
    found = beam_search(trigrams, [3, 1], length=4, width=64)
    assert [tuple(beam.ids) for beam in found] == [ids for _, ids in expected[:64]]
    np.testing.assert_allclose([beam.log_probability for beam in found], [p for p, _ in expected[:64]], rtol=1e-12)
    assert all(beam.score == beam.log_probability for beam in found)


def test_width_one_is_greedy(trigrams: Any) -> None:
    (beam,) = beam_search(trigrams, [2, 3], length=9, width=1)
    np.testing.assert_array_equal(beam.ids, generate(trigrams, [2, 3], length=9, sampler=Sampler(temperature=0)))


def test_log_probability_is_the_chain_rule(trigrams: Any) -> None:
    for beam in beam_search(trigrams, [2, 3], length=6, width=3):
        assert beam.log_probability == pytest.approx(trigrams.log_probability([2, 3], tuple(beam.ids)))


@pytest.mark.parametrize("penalty", [0.0, 0.7, 1.0])
def test_end_and_length_penalty_against_enumeration(trigrams: Any, penalty: float) -> None:
    candidates = []
    for n in range(1, 5):
        for ids in itertools.product(range(4), repeat=n):
            if 2 not in ids[:-1] and (ids[-1] == 2 or n == 4):
                candidates.append((trigrams.log_probability([1], ids) / n**penalty, ids))
    candidates.sort(reverse=True)
    found = beam_search(trigrams, [1], length=4, width=200, end_id=2, length_penalty=penalty)
    assert sorted(tuple(beam.ids) for beam in found) == sorted(ids for _, ids in candidates)
    np.testing.assert_allclose([beam.score for beam in found], [score for score, _ in candidates])


def test_it_stops_early_when_nothing_open_can_win(trigrams: Any) -> None:
    found = beam_search(trigrams, [1], length=500, width=4, end_id=2)
    assert trigrams.steps < 50
    assert found[0].ids[-1] == 2


def test_banned(trigrams: Any) -> None:
    for beam in beam_search(trigrams, [0], length=5, width=4, banned=[1, 3]):
        assert set(beam.ids) <= {0, 2}


def test_a_ban_that_leaves_fewer_than_width(trigrams: Any) -> None:
    assert len(beam_search(trigrams, [0], length=2, width=50, banned=[1, 3])) == 4


@pytest.mark.parametrize("width", [1, 3, 200])
@pytest.mark.parametrize("ends", [[2], [0, 2]])
def test_is_complete_says_what_end_id_says(trigrams: Any, width: int, ends: list[int]) -> None:
    wanted = beam_search(trigrams, [1], length=4, width=width, end_id=ends, length_penalty=0.7)
    found = beam_search(
        trigrams, [1], length=4, width=width, is_complete=lambda rows: np.isin(rows[:, -1], ends), length_penalty=0.7
    )
    assert [tuple(beam.ids) for beam in found][:1] == [tuple(beam.ids) for beam in wanted][:1]
    if width == 200:  # no continuation is left out
        assert {tuple(beam.ids) for beam in found} == {tuple(beam.ids) for beam in wanted}


def test_is_complete_of_several_tokens_against_enumeration(trigrams: Any) -> None:
    def ends(ids: tuple[int, ...]) -> bool:
        return ids[-2:] == (3, 1)

    candidates = []
    for n in range(1, 6):
        for ids in itertools.product(range(4), repeat=n):
            if not any(ends(ids[:m]) for m in range(1, n)) and (ends(ids) or n == 5):
                candidates.append((trigrams.log_probability([1], ids) / n**0.5, ids))
    candidates.sort(reverse=True)
    found = beam_search(
        trigrams, [1], length=5, width=2000, length_penalty=0.5, is_complete=lambda rows: [ends(tuple(r)) for r in rows]
    )
    assert {tuple(beam.ids) for beam in found} == {ids for _, ids in candidates}
    np.testing.assert_allclose([beam.score for beam in found], [score for score, _ in candidates])


def test_an_open_beam_stays_wide_where_most_extensions_are_complete(trigrams: Any) -> None:
    found = beam_search(trigrams, [1], length=3, width=4, is_complete=lambda rows: rows[:, -1] != 3, length_penalty=9.0)
    assert (3, 3) in {tuple(beam.ids[:2]) for beam in found}


def test_early_stopping_ends_with_the_first_complete_ones(trigrams: Any) -> None:
    options: dict[str, Any] = {"length": 60, "width": 3, "end_id": 2, "length_penalty": 2.0}
    late = beam_search(trigrams, [1], **options)
    steps, trigrams.steps = trigrams.steps, 0
    early = beam_search(trigrams, [1], **options, early_stopping=True)
    assert trigrams.steps < steps and early[0].score < late[0].score
    assert len(early) == 3 and all(beam.ids[-1] == 2 for beam in early)
    assert [beam.score for beam in early] == sorted((beam.score for beam in early), reverse=True)
    first = beam_search(trigrams, [1], length=60, width=1, end_id=2, early_stopping=True)[0].ids
    greedy = generate(trigrams, [1], length=60, sampler=Sampler(temperature=0), end_id=2)
    np.testing.assert_array_equal(first, greedy)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"early_stopping": "never"}, TypeError, "early_stopping must be True or False, got 'never'"),
        ({"is_complete": 3}, TypeError, "is_complete must be a function of tokens"),
        ({"is_complete": lambda rows: True}, ValueError, r"is_complete must return a bool for each of N = \d+"),
        ({"is_complete": lambda rows: rows[:, -1]}, ValueError, r"got int32 of shape \(\d+,\)"),
    ],
)
def test_bad_endings(trigrams: Any, options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        beam_search(trigrams, [1], length=3, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"length": 0}, "length must be an int >= 1, got 0"),
        ({"width": 2.5}, "width must be an int >= 1, got 2.5"),
        ({"width": 0}, "width must be an int >= 1, got 0"),
        ({"length_penalty": -1.0}, "length_penalty must be >= 0"),
        ({"length_penalty": float("nan")}, "length_penalty must be >= 0 and finite, got nan"),
        ({"length_penalty": float("inf")}, "length_penalty must be >= 0 and finite, got inf"),
        ({"banned": [4]}, "banned must hold ids in"),
        ({"banned": [0, 1, 2, 3]}, "leaves no token"),
    ],
)
def test_bad_options(trigrams: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        beam_search(trigrams, [1], **{"length": 3, **options})


def test_one_row_only(trigrams: Any) -> None:
    with pytest.raises(ValueError, match="one row"):
        beam_search(trigrams, [[1], [2]], length=3)
