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
