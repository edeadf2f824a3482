"""Names and configurations of objects."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import layers, registry, utils
from recurra.registry import (
    custom_object_scope,
    deserialize_keras_object,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
    serialize_keras_object,
)


class Twice(layers.Layer):
    def __init__(self, factor: float = 2.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, inputs: Any) -> Any:
        return inputs * self.factor


def square(x: Any) -> Any:
    return x * x


def test_plain_values_and_nests() -> None:
    value = {"a": [1, 2.5, None, True, "x"], "b": (1, (2, 3)), "c": np.arange(3.0), "d": np.float32(1.5)}
    written = serialize_keras_object(value)
    again = deserialize_keras_object(written)
    assert again["a"] == value["a"] and again["b"] == (1, (2, 3)) and again["d"] == 1.5
    np.testing.assert_array_equal(again["c"], value["c"])
    with pytest.raises(TypeError, match="neither get_config"):
        serialize_keras_object(object())


def test_builtin_layers_in_the_spellings_of_keras_2_and_3() -> None:
    layer = layers.Dense(3, activation="tanh")
    written = serialize_keras_object(layer)
    assert written["module"] == "keras.layers" and written["class_name"] == "Dense"
    assert written["registered_name"] is None and "build_config" not in written
    layer.build((None, 2))
    assert serialize_keras_object(layer)["build_config"] == {"input_shape": (None, 2)}
    assert deserialize_keras_object(written).get_config() == layer.get_config()
    old = {"class_name": "Dense", "config": {"name": "d", "units": 3, "activation": "tanh", "dtype": "float32"}}
    assert deserialize_keras_object(old).units == 3


def test_custom_classes_are_known_by_scope_argument_or_registration() -> None:
    written = serialize_keras_object(Twice(3.0))
    assert written["registered_name"] == "Twice" and written["config"]["factor"] == 3.0
    with pytest.raises(ValueError, match=r"unknown class 'Twice'.*custom_objects"):
        deserialize_keras_object(written)
    assert deserialize_keras_object(written, {"Twice": Twice}).factor == 3.0
    with custom_object_scope({"Twice": Twice}):
        assert deserialize_keras_object(written).factor == 3.0
    assert get_registered_object("Twice") is None

    @register_keras_serializable("here", "Thrice")
    class Other(Twice):
        pass

    try:
        assert get_registered_name(Other) == "here>Thrice" and get_registered_object("here>Thrice") is Other
        written = serialize_keras_object(Other())
        assert written["registered_name"] == "here>Thrice"
        assert isinstance(deserialize_keras_object(written), Other)
    finally:
        registry.get_custom_objects().pop("here>Thrice")
    with pytest.raises(ValueError, match="needs a get_config method"):
        register_keras_serializable()(int)


def test_functions_by_name() -> None:
    written = serialize_keras_object(square)
    assert written["class_name"] == "function" and written["config"] == "square"
    assert deserialize_keras_object(written, {"square": square}) is square
    with pytest.raises(ValueError, match="unknown function 'square'"):
        deserialize_keras_object(written)
    with pytest.raises(ValueError, match="a lambda has no name"):
        serialize_keras_object(lambda x: x)


def test_no_module_that_a_file_names_is_imported() -> None:
    for name in ("os", "recurra.layers.base.layer"):
        with pytest.raises(ValueError, match="unknown class 'system'"):
            deserialize_keras_object({"module": name, "class_name": "system", "config": {}, "registered_name": None})
    with pytest.raises(ValueError, match="never executed"):
        deserialize_keras_object({"class_name": "__lambda__", "config": {"code": "x"}})


def test_registration_is_in_utils_too() -> None:
    from recurra.utils import CustomObjectScope, get_custom_objects, register_keras_serializable

    @register_keras_serializable(package="backend_test")
    class Registered(Twice):
        pass

    assert get_custom_objects()["backend_test>Registered"] is Registered
    with CustomObjectScope({"Mine": Twice}):
        assert utils.get_registered_object("Mine") is Twice
    assert set(utils.__all__) <= set(dir(utils))
    for attribute in utils.__all__:
        getattr(utils, attribute)
