"""Names that older versions had, as a program finds them."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

import recurra.compat
from recurra.compat import older_names
from recurra.compat.installing import real_packages

pytestmark = pytest.mark.skipif(bool(real_packages()), reason="the real ones are installed")


@pytest.fixture(autouse=True)
def installed():
    recurra.compat.install()
    yield
    recurra.compat.uninstall()


@pytest.mark.parametrize("module", older_names.NAMES)
def test_names_lead_somewhere(module: str) -> None:
    seen = importlib.import_module(f"keras.{module}")
    for name in older_names.NAMES[module]:
        assert getattr(seen, name) is not None
        assert not hasattr(importlib.import_module(f"recurra.{module}"), name), "it is there already"
    with pytest.raises(AttributeError, match="no attribute 'Spam'"):
        _ = seen.Spam


def test_classes_are_the_same() -> None:
    import keras
    from keras.regularizers import l1l2

    from recurra import layers, regularizers

    assert keras.layers.LSTM is layers.LSTM and keras.regularizers.l2 is regularizers.l2
    assert isinstance(l1l2(l1=0.1, l2=0.2), regularizers.L1L2)
    assert keras.layers.regularizers is not None and keras.layers.recurrent.LSTM is layers.LSTM


def test_cell_of_ones_own_on_the_abstract_one() -> None:
    from keras import ops
    from keras.layers import RNN, AbstractRNNCell

    class Sum(AbstractRNNCell):
        state_size = 3
        output_size = 3

        def call(self, inputs, states):
            total = inputs + states[0]
            return total, [total]

    x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32")
    np.testing.assert_allclose(RNN(Sum())(x), x.sum(1), rtol=1e-5)
    assert ops.shape(Sum().get_initial_state(batch_size=4)) == (4, 3)


def test_has_arg() -> None:
    def taking(a, *, b=1, **rest):
        return a

    assert older_names.has_arg(taking, "a") and older_names.has_arg(taking, "b")
    assert not older_names.has_arg(taking, "c") and older_names.has_arg(taking, "c", accept_all=True)
    assert not older_names.has_arg(len, "rest")


def test_a_model_for_many_gpus_is_the_model() -> None:
    from keras.utils import multi_gpu_model

    model = recurra.Sequential()
    with pytest.warns(UserWarning, match="no GPU is here, 2 asked for"):
        assert multi_gpu_model(model, gpus=2) is model


def test_all_of_the_layers_modules_names() -> None:
    found: dict[str, object] = {}
    exec("from keras.layers import *", found)
    assert {"LSTM", "CuDNNLSTM", "CuDNNGRU", "MaxPool1D", "Convolution1D"} <= set(found)
    assert found["CuDNNLSTM"] is found["LSTM"] is recurra.layers.LSTM


def test_the_input_of_an_input_layer() -> None:
    x = recurra.layers.Input((3,))
    model = recurra.Model(x, recurra.layers.Dense(2)(x))
    assert model.layers[0].input is x and model.layers[1].input is x
