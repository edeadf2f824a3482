"""Samplers: what may be drawn, how often, and that draws repeat."""

from __future__ import annotations

import numpy as np
import pytest

from recurra.generation import Sampler
from recurra.utils import set_random_seed

LOGITS = np.log(np.array([[0.4, 0.05, 0.3, 0.15, 0.1], [0.02, 0.5, 0.08, 0.1, 0.3]]))


def draws(sampler: Sampler, logits: np.ndarray = LOGITS, count: int = 4000) -> np.ndarray:
    return np.stack([sampler(logits) for _ in range(count)])


def frequencies(ids: np.ndarray) -> np.ndarray:
    return np.stack([np.bincount(column, minlength=5) / len(ids) for column in ids.T])


def test_greedy_takes_the_highest_and_the_lowest_id_on_ties() -> None:
    logits = np.array([[0.0, 3.0, 3.0, 1.0], [2.0, -1.0, 0.5, 1.0]], np.float32)
    np.testing.assert_array_equal(Sampler(temperature=0)(logits), [1, 0])
    assert Sampler(temperature=0)(logits).dtype == np.int32


def test_temperature_one_draws_the_distribution() -> None:
    np.testing.assert_allclose(frequencies(draws(Sampler(seed=3))), np.exp(LOGITS), atol=0.03)


@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_temperature_is_a_power_of_the_distribution(temperature: float) -> None:
    expected = np.exp(LOGITS / temperature)
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(frequencies(draws(Sampler(temperature, seed=4))), expected, atol=0.03)


def test_top_k_keeps_the_k_most_probable_in_proportion() -> None:
    expected = np.array([[0.4, 0, 0.3, 0.15, 0], [0, 0.5, 0, 0.1, 0.3]])
    expected /= expected.sum(axis=1, keepdims=True)
    seen = frequencies(draws(Sampler(top_k=3, seed=5)))
    np.testing.assert_allclose(seen, expected, atol=0.03)
    assert (seen[expected == 0] == 0).all()


def test_top_p_keeps_the_smallest_set_that_reaches_p() -> None:
    # Row 0 reaches 0.75 with 0.4 + 0.3 + 0.15, row 1 with 0.5 + 0.3
    expected = np.array([[0.4, 0, 0.3, 0.15, 0], [0, 0.5, 0, 0, 0.3]])
    expected /= expected.sum(axis=1, keepdims=True)
    seen = frequencies(draws(Sampler(top_p=0.75, seed=6)))
    np.testing.assert_allclose(seen, expected, atol=0.03)
    assert (seen[expected == 0] == 0).all()


def test_top_p_counts_what_temperature_and_top_k_leave() -> None:
    # top_k=3 leaves (0.4, 0.3, 0.15) / 0.85: the first alone holds 0.47; of row 1, 0.5 / 0.9 = 0.56
    np.testing.assert_array_equal(draws(Sampler(top_k=3, top_p=0.45, seed=7), count=50), [[0, 1]] * 50)
    # A high temperature flattens: the same top_p then needs more tokens
    assert len(np.unique(draws(Sampler(temperature=50.0, top_p=0.45, seed=7), count=200)[:, 0])) == 3


def test_a_tiny_top_p_is_greedy() -> None:
    np.testing.assert_array_equal(draws(Sampler(top_p=1e-9, seed=8), count=20), [[0, 1]] * 20)


@pytest.mark.parametrize("options", [{}, {"top_k": 2}, {"top_p": 0.9}, {"temperature": 0}])
def test_banned_ids_are_never_drawn(options: dict[str, float]) -> None:
    seen = draws(Sampler(**options, seed=9, banned=[0, 1]), count=400)  # type: ignore[arg-type]
    assert set(np.unique(seen)) <= {2, 3, 4}
    assert seen.dtype == np.int32


@pytest.mark.parametrize("options", [{"top_k": 4}, {"top_p": 0.8}, {"banned": [2]}])
def test_seeded_draws_repeat_and_differ_by_seed(options: dict[str, object]) -> None:
    first = draws(Sampler(seed=10, **options), count=40)  # type: ignore[arg-type]
    np.testing.assert_array_equal(first, draws(Sampler(seed=10, **options), count=40))  # type: ignore[arg-type]
    assert not np.array_equal(first, draws(Sampler(seed=11, **options), count=40))  # type: ignore[arg-type]


def test_reset_repeats_and_a_row_does_not_depend_on_the_others() -> None:
    sampler = Sampler(seed=12)
    first = draws(sampler, count=30)
    sampler.reset()
    np.testing.assert_array_equal(draws(sampler, count=30), first)
    alone = draws(Sampler(seed=12), LOGITS[:1], count=30)
    np.testing.assert_array_equal(alone[:, 0], first[:, 0])


def test_unseeded_draws_follow_the_global_seed() -> None:
    def some() -> np.ndarray:
        set_random_seed(5)
        return draws(Sampler(), count=30)

    np.testing.assert_array_equal(some(), some())


def test_float32_and_odd_layouts_are_accepted() -> None:
    wide = np.asfortranarray(np.repeat(LOGITS.astype(np.float32), 2, axis=0))[::2]
    np.testing.assert_array_equal(Sampler(temperature=0)(wide), [0, 1])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": -0.1}, "temperature must be a finite number >= 0, got -0.1"),
        ({"temperature": float("nan")}, "temperature must be a finite number >= 0, got nan"),
        ({"top_k": -1}, "top_k must be an int >= 0"),
        ({"top_k": 1.5}, "top_k must be an int >= 0"),
        ({"top_p": 0.0}, r"top_p must be in \(0, 1\]"),
        ({"top_p": 1.1}, r"top_p must be in \(0, 1\]"),
        ({"banned": [-1]}, "banned must hold ids >= 0, got -1"),
        ({"seed": -3}, "seed must be in"),
        ({"temperature": float("inf")}, "temperature must be a finite number >= 0, got inf"),
        (
            {"repetition_penalty": 1e-300},
            "repetition_penalty must be a number > 0 .1 changes nothing., in .1e-06, 1e.06.",
        ),
        ({"repetition_penalty": 1e300}, "repetition_penalty must be a number > 0"),
        ({"repetition_penalty": float("nan")}, "repetition_penalty must be a number > 0"),
    ],
)
def test_bad_options(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Sampler(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["temperature", "top_k", "top_p", "repetition_penalty"])
@pytest.mark.parametrize("value", ["hot", None, [1, 2]])
def test_options_of_other_types(name: str, value: object) -> None:
    with pytest.raises(TypeError, match=f"{name} must be .*, got "):
        Sampler(**{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("logits", "message"),
    [
        (np.zeros(4), r"logits must be a float array of shape \(B, V\), got float64 \(4,\)"),
        (np.zeros((2, 3), int), r"got int64 \(2, 3\)"),
        (np.full((1, 3), np.nan), "NaN"),
    ],
)
def test_bad_logits(logits: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Sampler()(logits)


def test_a_ban_outside_or_of_all_of_the_vocabulary() -> None:
    with pytest.raises(ValueError, match="banned must hold ids below V = 5, got 7"):
        Sampler(banned=[7])(LOGITS)
    with pytest.raises(ValueError, match="leaves no token"):
        Sampler(banned=range(5))(LOGITS)
