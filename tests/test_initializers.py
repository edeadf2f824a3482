"""First values: distributions, shapes, seeds, names, configurations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import initializers, random

SHAPE = (60, 50)


def test_constant_ones() -> None:
    assert not initializers.Zeros()((2, 3)).any()
    assert initializers.Ones()((2, 3), dtype="float64").dtype == np.float64
    np.testing.assert_array_equal(initializers.Constant(2.5)((2, 3)), np.full((2, 3), 2.5, "float32"))
    table = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(initializers.Constant(table)((2, 3)), table.astype("float32"))
    np.testing.assert_array_equal(initializers.get(table)((2, 3)), table.astype("float32"))
    np.testing.assert_array_equal(initializers.Identity(3.0)((2, 4)), 3 * np.eye(2, 4, dtype="float32"))
    with pytest.raises(ValueError, match="needs a shape of 2 axes"):
        initializers.Identity()((2,))


@pytest.mark.parametrize(
    ("name", "deviation", "limit"),
    [
        ("random_normal", 0.05, None),
        ("truncated_normal", 0.05 * 0.87962566, 0.1),
        ("random_uniform", 0.1 / np.sqrt(12), 0.05),
        ("uniform", 0.1 / np.sqrt(12), 0.05),
        ("glorot_uniform", np.sqrt(2 / 110), np.sqrt(6 / 110)),
        ("glorot_normal", np.sqrt(2 / 110), 2 * np.sqrt(2 / 110) / 0.87962566),
        ("he_uniform", np.sqrt(2 / 60), np.sqrt(6 / 60)),
        ("he_normal", np.sqrt(2 / 60), 2 * np.sqrt(2 / 60) / 0.87962566),
        ("lecun_uniform", np.sqrt(1 / 60), np.sqrt(3 / 60)),
        ("lecun_normal", np.sqrt(1 / 60), 2 * np.sqrt(1 / 60) / 0.87962566),
    ],
)
def test_distributions(name: str, deviation: float, limit: Any) -> None:
    values = initializers.get(name)(SHAPE)
    assert values.shape == SHAPE and values.dtype == np.float32
    assert values.mean() == pytest.approx(0.0, abs=4 * deviation / np.sqrt(3000))
    assert values.std() == pytest.approx(deviation, rel=0.06)
    if limit is not None:
        assert np.abs(values).max() <= limit * (1 + 1e-6)


def test_fans() -> None:
    assert initializers.compute_fans((3, 8)) == (3, 8)
    assert initializers.compute_fans((5,)) == (5, 5)
    assert initializers.compute_fans(()) == (1, 1)
    assert initializers.compute_fans((2, 3, 4, 5)) == (24, 30)
    wide = initializers.VarianceScaling(1.0, "fan_in", "uniform", input_axes=[0, 1], output_axes=[2])((4, 5, 100))
    assert np.abs(wide).max() <= np.sqrt(3 / 20) and np.abs(wide).max() > 0.9 * np.sqrt(3 / 20)


def test_scaling_modes() -> None:
    for mode, fan in (("fan_in", 60), ("fan_out", 50), ("fan_avg", 55)):
        values = initializers.VarianceScaling(2.0, mode, "untruncated_normal")(SHAPE)
        assert values.std() == pytest.approx(np.sqrt(2 / fan), rel=0.06)
    for arguments, message in (
        ({"scale": 0}, "scale must be positive"),
        ({"mode": "fan"}, "mode must be"),
        ({"distribution": "beta"}, "distribution must be"),
        ({"input_axes": [0]}, "or neither"),
    ):
        with pytest.raises(ValueError, match=message):
            initializers.VarianceScaling(**arguments)


@pytest.mark.parametrize("shape", [(4, 16), (16, 4), (5, 5), (2, 3, 4)])
def test_orthogonal(shape: tuple[int, ...]) -> None:
    matrix = initializers.Orthogonal(2.0)(shape, dtype="float64").reshape(-1, shape[-1]) / 2.0
    small = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
    np.testing.assert_allclose(small, np.eye(len(small)), atol=1e-12)
    with pytest.raises(ValueError, match="at least 2 axes"):
        initializers.Orthogonal()((3,))


def test_seeds() -> None:
    for kind in ("RandomNormal", "RandomUniform", "TruncatedNormal", "GlorotUniform", "Orthogonal"):
        make = getattr(initializers, kind)
        np.testing.assert_array_equal(make(seed=3)(SHAPE), make(seed=3)(SHAPE))
        assert (make(seed=3)(SHAPE) != make(seed=4)(SHAPE)).any()
        one = make()
        np.testing.assert_array_equal(one(SHAPE), one(SHAPE))  # one seed for each object
        assert (one(SHAPE) != make()(SHAPE)).any()
        drawing = make(seed=random.SeedGenerator(3))
        assert (drawing(SHAPE) != drawing(SHAPE)).any()
        random.set_global_seed(9)
        first = make()(SHAPE)
        random.set_global_seed(9)
        np.testing.assert_array_equal(make()(SHAPE), first)
    with pytest.raises(TypeError, match="seed must be an integer or None, got 'x'"):
        initializers.RandomNormal(seed="x")


def test_names_and_configurations() -> None:
    for name in ("zeros", "ones", "constant", "random_normal", "orthogonal", "identity", "VarianceScaling"):
        one = initializers.get(name)
        again = initializers.deserialize(initializers.serialize(one))
        assert type(again) is type(one) and again.get_config() == one.get_config()
        assert initializers.serialize(one)["module"] == "keras.initializers"
    old = {"class_name": "GlorotUniform", "config": {"seed": 3}}
    assert isinstance(initializers.get(old), initializers.GlorotUniform)
    assert initializers.get({"class_name": "Zeros", "config": {}})((2,)).tolist() == [0, 0]
    keras = {
        "module": "keras.initializers",
        "class_name": "HeNormal",
        "registered_name": None,
        "config": {"seed": None, "input_axes": None, "output_axes": None},
    }
    assert isinstance(initializers.get(keras), initializers.HeNormal)
    assert initializers.get(None) is None and initializers.get(max) is max
    assert isinstance(initializers.get(initializers.Ones), initializers.Ones)
    array = initializers.deserialize(initializers.serialize(initializers.Constant(np.eye(2))))
    np.testing.assert_array_equal(array((2, 2)), np.eye(2))
    with pytest.raises(ValueError, match="unknown initializer 'glorot': expected one of constant, "):
        initializers.get("glorot")
    with pytest.raises(ValueError, match="initializer must be None, a name"):
        initializers.get(3)


def test_one_of_ones_own() -> None:
    class Ramp(initializers.Initializer):
        def __call__(self, shape: Any, dtype: Any = None) -> Any:
            return np.arange(np.prod(shape), dtype=dtype).reshape(shape)

    config = initializers.serialize(Ramp())
    assert config["registered_name"] == "Ramp"
    assert isinstance(initializers.deserialize(config, {"Ramp": Ramp}), Ramp)
    with pytest.raises(TypeError, match="must define __call__"):
        initializers.Initializer()((2,))


def test_fans_along_axes() -> None:
    from recurra.initializers import compute_fans

    assert compute_fans((2, 3, 4, 5)) == (24, 30)
    assert compute_fans((2, 3, 4, 5), input_axes=[0, 2], output_axes=[1, 3]) == (8, 15)
    values = initializers.VarianceScaling(2.0, "fan_in", "uniform", seed=1, input_axes=[1], output_axes=[0])((50, 4))
    assert 0.9 < np.abs(values).max() / np.sqrt(3 * 2.0 / 4) <= 1.0


@pytest.mark.parametrize("name", ["GlorotUniform", "HeNormal", "RandomNormal", "TruncatedNormal", "Orthogonal"])
def test_a_seed_generator_draws_anew(name: str) -> None:
    from recurra.random import SeedGenerator

    made = getattr(initializers, name)(seed=SeedGenerator(7))
    first, second = made((3, 4)), made((3, 4))
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(getattr(initializers, name)(seed=SeedGenerator(7))((3, 4)), first)
