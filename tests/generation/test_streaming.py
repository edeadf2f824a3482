"""The loop between model and sampler."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from recurra.generation import Sampler, generate, stream


def test_greedy_follows_the_argmax(trigrams: Any) -> None:
    before, last, expected = 1, 3, []
    for _ in range(6):
        before, last = last, int(trigrams.table[before, last].argmax())
        expected.append(last)
    made = generate(trigrams, [2, 1, 3], length=6, sampler=Sampler(temperature=0))
    np.testing.assert_array_equal(made, expected)
    assert made.dtype == np.int32 and made.shape == (6,)


def test_rows_are_independent_and_seeded(trigrams: Any) -> None:
    prompt = np.array([[1, 2], [3, 0], [2, 2]])
    made = generate(trigrams, prompt, length=12, sampler=Sampler(seed=3))
    assert made.shape == (3, 12)
    np.testing.assert_array_equal(made, generate(trigrams, prompt, length=12, sampler=Sampler(seed=3)))
    np.testing.assert_array_equal(made[:1], generate(trigrams, prompt[:1], length=12, sampler=Sampler(seed=3)))
    assert not np.array_equal(made, generate(trigrams, prompt, length=12, sampler=Sampler(seed=4)))


def test_stream_gives_tokens_as_they_are_drawn(trigrams: Any) -> None:
    tokens = stream(trigrams, [1, 2], sampler=Sampler(seed=5))
    assert trigrams.steps == 0
    next(tokens)
    assert trigrams.steps == 2  # the prompt alone
    next(tokens)
    assert trigrams.steps == 3
    endless = [int(token[0]) for token in itertools.islice(tokens, 100)]
    assert len(set(endless)) == 4


def test_stream_and_generate_agree(trigrams: Any) -> None:
    made = generate(trigrams, [[1, 2], [0, 3]], length=7, sampler=Sampler(seed=6))
    streamed = list(stream(trigrams, [[1, 2], [0, 3]], length=7, sampler=Sampler(seed=6)))
    np.testing.assert_array_equal(np.stack(streamed, axis=1), made)
    assert trigrams.steps == 2 * (2 + 6)  # the last token is not read


def test_end_id_ends_rows_and_the_whole(trigrams: Any) -> None:
    free = generate(trigrams, [[1, 2], [0, 3], [3, 3]], length=40, sampler=Sampler(seed=7))
    ends = [int(np.flatnonzero(row == 2)[0]) for row in free]
    ended = generate(trigrams, [[1, 2], [0, 3], [3, 3]], length=40, sampler=Sampler(seed=7), end_id=2)
    assert ended.shape[1] == max(ends) + 1
    for row, whole, end in zip(ended, free, ends, strict=True):
        np.testing.assert_array_equal(row[: end + 1], whole[: end + 1])
        assert (row[end:] == 2).all()


def test_length_zero(trigrams: Any) -> None:
    assert generate(trigrams, [1, 2], length=0).shape == (0,)
    assert list(stream(trigrams, [[1], [2]], length=0)) == []


@pytest.mark.parametrize("prompt", [[], [[]], [0.5], [[[1]]], "ab"])
def test_bad_prompts(trigrams: Any, prompt: Any) -> None:
    with pytest.raises(ValueError, match="prompt must"):
        generate(trigrams, prompt, length=3)


def test_negative_length_fails_at_the_call(trigrams: Any) -> None:
    with pytest.raises(ValueError, match="length must be an int >= 0, got -1"):
        stream(trigrams, [1], length=-1)


UNEVEN = [[1, 2, 3], [0], [2, 2], [3, 1, 1], [0, 1, 2, 3, 1]]


def test_prompts_of_several_lengths(trigrams: Any) -> None:
    """Each greedy row is that of its prompt alone; the draws of a row are those of the row's number."""
    sampler = Sampler(temperature=0, repetition_penalty=1.3)
    made = generate(trigrams, UNEVEN, length=9, sampler=sampler)
    assert made.shape == (5, 9) and made.dtype == np.int32
    for prompt, row in zip(UNEVEN, made, strict=True):
        np.testing.assert_array_equal(row, generate(trigrams, prompt, length=9, sampler=sampler))
    streamed = stream(trigrams, [np.array(row) for row in UNEVEN], length=9, sampler=sampler)
    np.testing.assert_array_equal(np.stack(list(streamed), axis=1), made)
    assert generate(trigrams, [[1], [2, 1]], length=0).shape == (2, 0)
    assert generate(trigrams, ([1],), length=2).shape == (1, 2)


@pytest.mark.parametrize("prompt", [[[1, 2], []], [[1, 2], [0.5]], [[1], [2, 3], "ab"], [[1], [[2, 3]]]])
def test_bad_prompts_of_several_lengths(trigrams: Any, prompt: Any) -> None:
    with pytest.raises(ValueError, match="prompt must"):
        generate(trigrams, prompt, length=3)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"length": "5"}, TypeError, "length must be an int >= 0, got '5'"),
        ({"length": 2.5}, ValueError, r"length must be an int >= 0, got 2\.5"),
        ({"length": None}, TypeError, "length must be an int >= 0, got None"),
    ],
)
def test_bad_lengths(trigrams: Any, arguments: Any, error: Any, text: str) -> None:
    with pytest.raises(error, match=text):
        generate(trigrams, [1], **arguments)
    assert generate(trigrams, [1], length=3.0).shape == (3,)  # type: ignore[arg-type]
