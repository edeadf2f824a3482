"""Counter-based random numbers: repeatable, and each row by itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import GradientTape, ops, random
from recurra.random import SeedGenerator


def test_generators_count() -> None:
    one = SeedGenerator(5)
    assert [one.next() for _ in range(3)] == [(5, 0), (5, 1), (5, 2)]
    two = SeedGenerator(5)
    two.state = one.state
    assert two.next() == (5, 3)
    assert SeedGenerator.from_config(one.get_config()).seed == 5
    assert repr(two) == "SeedGenerator(seed=5, stream=4)"


def test_the_global_seed_determines_what_is_unseeded() -> None:
    random.set_global_seed(3)
    first = [SeedGenerator().seed for _ in range(3)]
    state = random.get_global_state()
    later = random.derive_seed()
    random.set_global_seed(3)
    assert [SeedGenerator().seed for _ in range(3)] == first and len(set(first)) == 3
    random.set_global_state(state)
    assert random.derive_seed() == later
    assert random.global_seed() == 3
    for bad, error in ((-1, ValueError), (2**63, ValueError), (1.5, TypeError), (True, TypeError)):
        with pytest.raises(error, match="seed must be"):
            random.set_global_seed(bad)  # type: ignore[arg-type]


@pytest.mark.parametrize("draw", [random.uniform, random.normal, random.truncated_normal])
def test_rows_do_not_depend_on_each_other(draw) -> None:  # type: ignore[no-untyped-def]
    whole, part = draw((9, 4, 5), seed=8), draw((3, 4, 5), seed=8)
    np.testing.assert_array_equal(whole[:3], part)
    assert whole.dtype == np.float32 and draw((2,), dtype="float64", seed=1).dtype == np.float64
    assert (draw((9,), seed=1) != draw((9,), seed=2)).any()
    assert (draw((9,)) != draw((9,))).any()
    assert draw((), seed=1).shape == ()


def test_moments() -> None:
    values = random.uniform((200, 50), -1.0, 3.0, seed=1)
    assert -1.0 <= values.min() < -0.9 and 2.9 < values.max() < 3.0
    values = random.normal((200, 50), 2.0, 0.5, seed=1)
    assert values.mean() == pytest.approx(2.0, abs=0.02) and values.std() == pytest.approx(0.5, abs=0.02)
    values = random.truncated_normal((200, 50), 1.0, 0.5, seed=1)
    assert np.abs(values - 1.0).max() <= 1.0 and values.std() == pytest.approx(0.5 * 0.8796, abs=0.02)


def test_dropout_multiplier() -> None:
    mask = random.dropout_multiplier((100, 40), 0.2, "float64", 4)
    assert set(np.unique(mask)) == {0.0, 1.25} and (mask == 0).mean() == pytest.approx(0.2, abs=0.03)
    assert not random.dropout_multiplier((3, 4), 1.0, "float32", 4).any()


def test_categorical_draws_by_probability() -> None:
    weights = np.array([[0.1, 0.6, 0.3, 0.0], [0.25, 0.0, 0.25, 0.5]])
    with np.errstate(divide="ignore"):
        logits = np.log(weights) + np.array([[500.0], [-500.0]])
    ids = random.categorical(logits, 20_000, seed=3)
    assert ids.shape == (2, 20_000) and ids.dtype == np.int32
    found = np.stack([np.bincount(row, minlength=4) for row in ids]) / 20_000
    np.testing.assert_allclose(found, weights, atol=0.015)
    assert not found[weights == 0].any()
    np.testing.assert_array_equal(ids, random.categorical(logits, 20_000, seed=3))
    assert random.categorical(logits, 2, dtype="int64").dtype == np.int64


def test_categorical_refuses_what_has_no_distribution() -> None:
    with pytest.raises(ValueError, match=r"logits must have shape \(B, V\), got \(3,\)"):
        random.categorical(np.zeros(3), 1)
    with pytest.raises(ValueError, match="NaN"):
        random.categorical(np.array([[0.0, np.nan]]), 1)
    for bad in (-np.inf, np.inf):
        with pytest.raises(ValueError, match="finite"):
            random.categorical(np.full((1, 2), bad), 1)
    with pytest.raises(ValueError, match="num_samples must be >= 0, got -1"):
        random.categorical(np.zeros((1, 2)), -1)


def test_randint_and_shuffle() -> None:
    values = random.randint((300, 7), -2, 3, seed=1)
    assert values.dtype == np.int32 and set(np.unique(values)) == {-2, -1, 0, 1, 2}
    with pytest.raises(ValueError, match="maxval must be above minval = 3, got 3"):
        random.randint((2,), 3, 3)
    x = np.arange(40).reshape(20, 2)
    mixed = random.shuffle(x, seed=4)
    assert (mixed != x).any()
    np.testing.assert_array_equal(mixed[np.argsort(mixed[:, 0])], x)
    assert sorted(random.shuffle(x, axis=1, seed=1)[0]) == [0, 1]


@pytest.mark.parametrize(
    ("draw", "mean", "variance"),
    [
        (lambda shape, **more: random.gamma(shape, 2.5, **more), 2.5, 2.5),
        (lambda shape, **more: random.beta(shape, 2.0, 3.0, **more), 0.4, 0.04),
        (lambda shape, **more: random.binomial(shape, 12, 0.25, **more), 3.0, 2.25),
    ],
)
def test_other_distributions(draw: Any, mean: float, variance: float) -> None:
    x = draw((60, 7, 90), seed=3)
    assert x.shape == (60, 7, 90) and x.dtype == np.float32
    assert x.mean() == pytest.approx(mean, rel=0.02) and x.var() == pytest.approx(variance, rel=0.04)
    np.testing.assert_array_equal(draw((5, 7, 90), seed=3), x[:5])  # a row does not depend on how many there are
    assert (x[0] != x[1]).any() and (draw((60, 7, 90), seed=4) != x).any()
    generator = SeedGenerator(3)
    np.testing.assert_array_equal(draw((60, 7, 90), seed=generator), x)
    assert (draw((60, 7, 90), seed=generator) != x).any()
    assert draw((3,), dtype="float64").dtype == np.float64 and draw(()).shape == () and draw((0, 4)).shape == (0, 4)


def test_parameters_broadcast() -> None:
    shape = (4000, 3)
    means = random.gamma(shape, np.array([0.5, 2.0, 8.0]), seed=1).mean(0)
    np.testing.assert_allclose(means, [0.5, 2.0, 8.0], rtol=0.1)
    trials = random.binomial(shape, np.array([0, 4, 9]), np.array([0.5, 1.0, 0.0]), seed=1)
    assert (trials == [0, 4, 0]).all()


def test_parameters_are_checked() -> None:
    for make, said in (
        (lambda: random.gamma((2,), 0.0), "alpha must be positive, got 0.0"),
        (lambda: random.beta((2,), 1.0, -1.0), "beta must be positive, got -1.0"),
        (lambda: random.binomial((2,), 2.5, 0.5), "counts must be whole numbers"),
        (lambda: random.binomial((2,), 2, 1.5), r"probabilities must be in \[0, 1\], got 1.5"),
        (lambda: random.dropout(np.ones(2), 1.5), r"rate must be a number in \[0, 1\], got 1.5"),
        (lambda: random.dropout(np.ones((2, 3)), 0.5, (2, 2)), r"noise_shape must broadcast to .* \(2, 3\), got"),
    ):
        with pytest.raises(ValueError, match=said):
            make()


def test_dropout() -> None:
    x = np.full((50, 4, 60), 3.0, "float32")
    y = random.dropout(x, 0.25, seed=2)
    assert y.dtype == np.float32 and set(np.unique(y)) == {np.float32(0), np.float32(4)}
    assert (y == 0).mean() == pytest.approx(0.25, abs=0.02)
    shared = random.dropout(x, 0.5, (None, 1, 60), seed=2)
    assert (shared == shared[:, :1]).all() and (shared[0] != shared[1]).any()
    with GradientTape() as tape:
        tracked = tape.watch(x)
        total = ops.sum(random.dropout(tracked, 0.25, seed=2))
    np.testing.assert_array_equal(tape.gradient(total, tracked), y / 3)


def test_shuffle_refuses_an_axis_that_is_not_there() -> None:
    with pytest.raises(ValueError, match="axis must be one of the 2 axes of x, got 2"):
        random.shuffle(np.ones((2, 3)), axis=2)


def test_calls_of_a_function_with_a_seed_are_counted_from_the_last_global_seed(monkeypatch) -> None:
    random.set_global_seed(1)
    counts = [random.count_call(*key) for key in (("a", 3), ("a", 3), ("a", 2), ("b", 3), ("a", 3))]
    assert counts == [0, 1, 0, 0, 2]
    state = random.get_global_state()
    random.set_global_seed(1)
    assert random.count_call("a", 3) == 0
    random.set_global_state(state)
    assert random.count_call("a", 3) == 3
    random.set_global_seed(1)
    monkeypatch.setattr(random, "_CALLS_LIMIT", 2)
    for function in "bac":  # b is the oldest then
        random.count_call(function, 5)
    assert (random.count_call("a", 5), random.count_call("b", 5)) == (1, 0)


def test_seeds_of_calls() -> None:
    def seeds() -> list[int]:
        random.set_global_seed(4)
        calls = [("a", 1), ("a", 1), ("b", 1), ("a", 2), ("a", -3), ("a", np.array([5, 9])), ("a", None)]
        return [random.seed_of_call(*call) for call in calls]

    found = seeds()
    assert (
        found == seeds() and len(set(found)) == 6 and found[0] == found[2] and all(0 <= seed < 2**63 for seed in found)
    )
