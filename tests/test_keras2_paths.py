"""The modules that Keras 2's scripts import from, with `keras` replaced by `recurra`."""

from __future__ import annotations

import importlib

import pytest

import recurra
from recurra import layers

LINES = [
    "from recurra.layers.core import Dense, Activation, Dropout, Flatten, Lambda, RepeatVector, Permute, Reshape",
    "from recurra.layers.recurrent import LSTM, GRU, SimpleRNN, RNN, LSTMCell, StackedRNNCells",
    "from recurra.layers.embeddings import Embedding",
    "from recurra.layers.wrappers import TimeDistributed, Bidirectional",
    "from recurra.layers.merge import concatenate, add, dot, Concatenate, Add, Multiply",
    "from recurra.layers.noise import GaussianNoise, GaussianDropout",
    "from recurra.layers.normalization import BatchNormalization",
    "from recurra.layers.pooling import GlobalMaxPooling1D, GlobalAveragePooling1D",
    "from recurra.layers.advanced_activations import LeakyReLU, PReLU, ELU",
    "from recurra.engine.topology import Layer, InputSpec, Input",
    "from recurra.engine.base_layer import Layer, InputSpec",
    "from recurra.engine.training import Model",
    "from recurra.engine.input_layer import Input, InputLayer",
    "from recurra.engine import Layer, InputSpec, Model",
    "from recurra.utils.np_utils import to_categorical, normalize",
    "from recurra.utils.vis_utils import plot_model",
    "from recurra.utils.data_utils import get_file, Sequence",
    "from recurra.utils.generic_utils import get_custom_objects, CustomObjectScope, Progbar",
    "from recurra.optimizers.legacy import SGD, RMSprop, Adam, Adagrad, Nadam",
    "from recurra.layers import CuDNNLSTM, CuDNNGRU",
]


@pytest.mark.parametrize("line", LINES)
def test_import_lines(line: str) -> None:
    found: dict[str, object] = {}
    exec(line, found)
    module, names = line.removeprefix("from ").split(" import ")
    assert set(names.split(", ")) <= set(found)
    home = importlib.import_module(module)
    for name in getattr(home, "__all__", ()):
        assert hasattr(home, name)


def test_they_are_the_same_objects() -> None:
    from recurra.engine.topology import Layer
    from recurra.layers.core import Dense
    from recurra.layers.recurrent import LSTM
    from recurra.utils.np_utils import to_categorical

    assert Dense is layers.Dense and LSTM is layers.LSTM is layers.CuDNNLSTM and Layer is recurra.Layer
    assert layers.GRU is layers.CuDNNGRU and to_categorical is recurra.utils.to_categorical
    with pytest.raises(ImportError, match="ConvRecurrent2D"):
        exec("from recurra.layers.recurrent import ConvRecurrent2D")
