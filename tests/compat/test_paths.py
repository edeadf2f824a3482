"""The modules that Keras 2's scripts import from, with `keras` replaced by `recurra`."""

from __future__ import annotations

import importlib
import inspect
import pickle
from pathlib import Path

import pytest

import recurra
from recurra import layers
from recurra.compat.paths import PATHS, at, homes, is_package

LINES = [
    "from recurra.layers.core import Dense, Activation, Dropout, Flatten, Lambda, RepeatVector, Permute, Reshape",
    "from recurra.layers.recurrent import LSTM, GRU, SimpleRNN, RNN, LSTMCell, StackedRNNCells",
    "from recurra.layers.embeddings import Embedding",
    "from recurra.layers.wrappers import TimeDistributed, Bidirectional",
    "from recurra.layers.merge import concatenate, add, dot, Concatenate, Add, Multiply",
    "from recurra.layers.noise import GaussianNoise, GaussianDropout, AlphaDropout",
    "from recurra.layers.local import LocallyConnected1D",
    "from recurra.layers.normalization import BatchNormalization",
    "from recurra.layers.pooling import GlobalMaxPooling1D, GlobalAveragePooling1D, MaxPooling1D, MaxPool2D",
    "from recurra.layers.convolutional import Conv1D, Convolution1D, MaxPooling1D, ZeroPadding1D, Conv2D",
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
    "from recurra.layers import CuDNNLSTM, CuDNNGRU, TimeDistributedDense, MaxPool1D, Convolution1D",
    "from recurra.optimizers import adam, rmsprop, sgd, nadam, adagrad, adadelta, adamax",
    "from recurra.backend.tensorflow_backend import set_session, _get_available_gpus, clear_session",
    "from recurra.experimental import PeepholeLSTMCell",
    "from recurra.optimizers.adam_v2 import Adam",
    "from recurra.objectives import mean_squared_error, categorical_crossentropy",
    "from recurra.layers.experimental.preprocessing import TextVectorization",
    "from recurra.engine.topology import Container, Network",
    "from recurra.experimental import CosineDecay",
    "from recurra.initializations import normal, uniform, one, zero, glorot_uniform, orthogonal",
    "from recurra.layers.convolutional import Deconvolution2D, AtrousConvolution1D",
    "from recurra.layers.experimental import SyncBatchNormalization",
    "from recurra.optimizer_v2.adam import Adam",
    "from recurra.utils.io_utils import HDF5Matrix",
    "from recurra.utils.vis_utils import plot_model, model_to_dot",
    "from recurra.utils.visualize_util import plot",
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
    assert recurra.optimizers.legacy.Adam is recurra.optimizers.Adam
    with pytest.raises(ImportError, match="ConvRecurrent2D"):
        exec("from recurra.layers.recurrent import ConvRecurrent2D")


@pytest.mark.parametrize("path", PATHS)
def test_each_entry_is_a_module_with_the_names_of_the_table(path: str) -> None:
    module = importlib.import_module(f"recurra.{path}")
    assert module.__name__ == f"recurra.{path}" and hasattr(module, "__path__") == is_package(path)
    assert module.__all__ == sorted(homes(path)) and set(module.__all__) <= set(dir(module))
    for name, home in homes(path).items():
        assert getattr(module, name) is at(home, name)
    found: dict[str, object] = {}
    exec(f"from recurra.{path} import *", found)
    assert set(homes(path)) == set(found) - {"__builtins__"}
    parent, _, last = f"recurra.{path}".rpartition(".")
    assert getattr(importlib.import_module(parent), last) is module


@pytest.mark.parametrize("path", PATHS)
def test_names_that_an_old_module_does_not_have(path: str) -> None:
    module = importlib.import_module(f"recurra.{path}")
    with pytest.raises(AttributeError, match=rf"module 'recurra\.{path}' has no attribute 'Spam'"):
        module.Spam  # noqa: B018
    with pytest.raises(ImportError, match=rf"cannot import name 'Spam' from 'recurra\.{path}'"):
        exec(f"from recurra.{path} import Spam")
    with pytest.raises(ModuleNotFoundError, match=rf"No module named 'recurra\.{path}\.spam'"):
        importlib.import_module(f"recurra.{path}.spam")


def test_no_file_hides_an_entry() -> None:
    root = Path(recurra.__file__).parent
    for path in PATHS:
        place = root.joinpath(*path.split("."))
        assert not place.exists() and not place.with_suffix(".py").exists()


def test_entries_name_public_modules() -> None:
    for path in PATHS:
        for home in {home for home in homes(path).values() if not home.startswith("recurra.compat.")}:
            module = home.partition(":")[0]
            assert module == "recurra.optimizers.schedules" or (
                module.count(".") == 1 and module.removeprefix("recurra.") in dir(recurra)
            )


def test_classes_keep_the_name_of_their_own_module() -> None:
    for path in PATHS:
        for name, home in homes(path).items():
            value = getattr(importlib.import_module(f"recurra.{path}"), name)
            if inspect.isclass(value):
                written = pickle.dumps(value)
                assert pickle.loads(written) is value and f"recurra.{path}".encode() not in written, (name, home)
