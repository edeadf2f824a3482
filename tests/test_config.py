"""Settings of the process."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from recurra import config


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    floatx, epsilon = config.floatx(), config.epsilon()
    yield
    config.set_floatx(floatx)
    config.set_epsilon(epsilon)


def test_floatx() -> None:
    assert config.floatx() == "float32"
    config.set_floatx("float64")
    assert config.floatx() == "float64" == config.standardize_dtype(None)
    with pytest.raises(ValueError, match="must be 'float32' or 'float64', got 'float16'"):
        config.set_floatx("float16")


def test_epsilon() -> None:
    assert config.epsilon() == 1e-7
    config.set_epsilon(1e-3)
    assert config.epsilon() == 1e-3
    for bad in (0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="epsilon must be a positive number"):
            config.set_epsilon(bad)


def test_dtypes_in_all_spellings() -> None:
    policy = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float64"}, "registered_name": None}
    for spelled in ("float64", np.float64, np.dtype("float64"), policy):
        assert config.standardize_dtype(spelled) == "float64"
    for wrong in ("int32", np.int8, {"config": {}}, object()):
        with pytest.raises(ValueError, match="dtype must be"):
            config.standardize_dtype(wrong)
    assert config.backend() == "recurra" and config.image_data_format() == "channels_last"


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """As at the start of a program."""
    for name, value in (("_said_half", False), ("_policy", None), ("_floatx", "float32")):
        monkeypatch.setattr(config, name, value)


@pytest.mark.parametrize("name", ["mixed_float16", "mixed_bfloat16", "float16", "bfloat16"])
def test_half_precision_is_float32_with_one_notice(fresh: None, name: str) -> None:
    import warnings

    import recurra

    with pytest.warns(UserWarning, match=f"{name}: a CPU gains nothing from half precision"):
        recurra.mixed_precision.set_global_policy(name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        layer = recurra.layers.LSTM(2)
        assert layer.dtype == "float32" and recurra.layers.Dense(3, dtype=name).dtype == "float32"
        policy = config.dtype_policy()
        assert (policy.name, policy.compute_dtype, policy.variable_dtype) == (name, "float32", "float32")
        recurra.mixed_precision.set_global_policy(recurra.mixed_precision.Policy("float64"))
    assert config.floatx() == "float64" and config.dtype_policy().name == "float64"
    config.set_floatx("float32")
    assert config.dtype_policy().name == "float32" and "float32" in repr(config.dtype_policy())


def test_arrays_in_half_precision_are_computed_in_float32() -> None:
    from recurra import layers, losses, models, ops

    x = np.random.RandomState(0).standard_normal((4, 5, 3)).astype(np.float16)
    y = layers.GRU(2)(x)
    assert y.dtype == np.float32 and ops.softmax(x).dtype == np.float32
    single = losses.mean_squared_error(x.astype(np.float32), x[::-1].astype(np.float32))
    half = losses.mean_squared_error(x, x[::-1])
    assert half.dtype == np.float32
    np.testing.assert_allclose(half, single, rtol=1e-6)
    model = models.Sequential([layers.Input((5, 3)), layers.LSTM(2), layers.Dense(1)])
    model.compile("sgd", "mse")
    assert np.isfinite(model.fit(x, np.ones((4, 1), np.float16), verbose=0).history["loss"][0])
    assert ops.cast(x, "bfloat16").dtype == np.float32 and ops.cast(x, "float16").dtype == np.float16


def test_tracebacks_are_whole() -> None:
    config.disable_traceback_filtering()
    assert not config.is_traceback_filtering_enabled()
    with pytest.warns(UserWarning, match="tracebacks stay whole"):
        config.enable_traceback_filtering()
    assert not config.is_traceback_filtering_enabled()
