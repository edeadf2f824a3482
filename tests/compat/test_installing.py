"""install() lets TensorFlow's and Keras's imports give recurra; uninstall() undoes all of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import recurra
import recurra.compat
from recurra.compat.foreign import ROOTS, stand_in
from recurra.compat.installing import real_packages

pytestmark = pytest.mark.skipif(bool(real_packages()), reason="the real ones are installed")


@pytest.fixture
def installed():
    recurra.compat.install()
    yield
    recurra.compat.uninstall()


IMPORTS = {
    "import tensorflow as x": "recurra.compat.tf",
    "import tensorflow.compat.v2 as x": "recurra.compat.tf",
    "import tensorflow.compat.v1 as x": "recurra.compat.tf.compat.v1",
    "from tensorflow import keras as x": "recurra.compat.keras",
    "import keras as x": "recurra.compat.keras",
    "import tf_keras as x": "recurra.compat.keras",
    "import tensorflow.keras.backend as x": "recurra.backend",
    "from keras import layers as x": "recurra.layers",
    "import tensorflow.python.keras.layers as x": "recurra.layers",
    "from keras.src import models as x": "recurra.models",
    "import keras.layers.core as x": "recurra.layers.core",
    "from tensorflow.keras.preprocessing import text as x": "recurra.preprocessing.text",
    "from keras_preprocessing import sequence as x": "recurra.preprocessing.sequence",
    "import keras.preprocessing.sequence as x": "recurra.preprocessing.sequence",
    "from tensorflow import data as x": "recurra.compat.tf.data",
    "import tensorflow.io.gfile as x": "recurra.compat.tf.io.gfile",
    "import tensorflow.keras.optimizers as x": "recurra.optimizers",
}


@pytest.mark.parametrize("line", IMPORTS)
def test_modules(line: str, installed: None) -> None:
    space: dict[str, object] = {}
    exec(line, space)
    home = getattr(space["x"], "_home", space["x"])  # a view of a module whose functions compute
    assert home is sys.modules[IMPORTS[line]]


NAMES = {
    "from tensorflow.keras.layers import LSTM as x": recurra.layers.LSTM,
    "from tensorflow.python.keras.layers import GRU as x": recurra.layers.GRU,
    "from keras.models import Sequential as x": recurra.Sequential,
    "from keras.layers.recurrent import LSTM as x": recurra.layers.LSTM,
    "from keras.layers.embeddings import Embedding as x": recurra.layers.Embedding,
    "from keras.engine.topology import Layer as x": recurra.Layer,
    "from tensorflow.keras.optimizers.legacy import Adam as x": recurra.optimizers.Adam,
    "from keras.utils.np_utils import to_categorical as x": recurra.utils.to_categorical,
    "from keras_preprocessing.text import Tokenizer as x": recurra.preprocessing.text.Tokenizer,
    "from keras import Input as x": recurra.Input,
    "import tensorflow as tf; x = tf.keras.Model": recurra.Model,
    "import tensorflow as tf; x = tf.optimizers.Adam": recurra.optimizers.Adam,
    "import tensorflow as tf; x = tf.compat.v1.keras.layers.LSTM": recurra.layers.LSTM,
}


@pytest.mark.parametrize("line", NAMES)
def test_names(line: str, installed: None) -> None:
    space: dict[str, object] = {}
    exec(line, space)
    assert space["x"] is NAMES[line]


def test_versions_say_both(installed: None) -> None:
    import keras
    import tensorflow as tf

    assert tf.__version__.startswith("2.") and keras.__version__.startswith("3.")
    assert recurra.__version__ in tf.__version__ and recurra.__version__ in keras.__version__
    assert tf.__version__ == tf.version.VERSION and keras.version() == keras.__version__


def test_modules_are_loaded_once(installed: None) -> None:
    before = {name for name in sys.modules if name.startswith("recurra.layers")}
    import keras.layers.recurrent
    import tensorflow.keras.layers.recurrent

    assert tensorflow.keras.layers.recurrent is recurra.layers.recurrent is keras.layers.recurrent
    assert {name for name in sys.modules if name.startswith("recurra.layers")} - before <= {"recurra.layers.recurrent"}


@pytest.mark.parametrize("name", ["tensorflow.contrib", "keras.spam", "keras.layers.spam", "tensorflow._spam"])
def test_missing_modules(name: str, installed: None) -> None:
    with pytest.raises(ModuleNotFoundError, match=f"No module named '{name}': recurra stands in for"):
        __import__(name)
    assert stand_in(name) is None


def test_missing_modules_that_say_what_to_do(installed: None) -> None:
    with pytest.raises(ModuleNotFoundError, match="is of TensorFlow 1's graphs, which recurra does not run: write"):
        __import__("tensorflow.contrib.rnn")
    with pytest.raises(ModuleNotFoundError, match="no models of images: compute their features once"):
        __import__("keras.applications.vgg16")


def test_uninstall_undoes_it() -> None:
    import numpy as np

    path, call = list(sys.meta_path), recurra.Layer.__call__
    operators = {name: recurra.Variable.__dict__.get(name) for name in ("__add__", "shape", "get_shape")}
    recurra.compat.install()
    recurra.compat.install()
    assert recurra.compat.installed()
    import tensorflow.keras.layers

    made = tensorflow.keras.layers.LSTM(3)
    assert made(np.ones((2, 4, 5), "float32")).numpy().shape == (2, 3)
    assert recurra.Input((4, 5)).shape.as_list() == [None, 4, 5]
    recurra.compat.uninstall()
    recurra.compat.uninstall()
    assert not recurra.compat.installed()
    assert sys.meta_path == path and recurra.Layer.__call__ is call
    assert not [name for name in sys.modules if name.partition(".")[0] in ROOTS]
    assert operators == {name: recurra.Variable.__dict__.get(name) for name in operators}
    assert type(made(np.ones((2, 4, 5), "float32"))) is np.ndarray
    assert type(recurra.Input((4, 5)).shape) is tuple
    with pytest.raises(ModuleNotFoundError):
        import keras  # noqa: F401


def test_nothing_is_loaded_without_install() -> None:
    code = (
        "import recurra.compat, sys; print([m for m in sys.modules if m.startswith(('recurra.compat.tf.', 'numpy'))])"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


REAL = """
import sys
sys.path.insert(0, {folder!r})
import recurra.compat
try:
    recurra.compat.install()
except ImportError as error:
    assert "tensorflow" in str(error) and "force" in str(error), error
else:
    raise AssertionError("a real one was replaced")
import tensorflow
assert tensorflow.REAL and "tensorflow" in sys.modules
real = tensorflow
recurra.compat.install(force=True)
import tensorflow
assert tensorflow is recurra.compat.tf
recurra.compat.uninstall()
import tensorflow
assert tensorflow is real
"""


def test_a_real_one_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "tensorflow").mkdir()
    (tmp_path / "tensorflow" / "__init__.py").write_text("REAL = True\n")
    subprocess.run([sys.executable, "-c", REAL.format(folder=str(tmp_path))], check=True)


def test_a_folder_of_that_name_is_no_package(tmp_path: Path) -> None:
    (tmp_path / "keras").mkdir()
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import recurra.compat; recurra.compat.install()"
    code += "; import keras; keras.Model"
    subprocess.run([sys.executable, "-c", code], check=True)
