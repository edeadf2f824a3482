"""The front door: Keras's names, and nothing loaded before it is used."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import recurra


def test_names_as_attributes_and_as_modules() -> None:
    for name in recurra.__all__:
        assert getattr(recurra, name) is not None, name
    from recurra.layers import LSTM
    from recurra.models import Sequential

    assert recurra.layers.LSTM is LSTM
    assert recurra.Sequential is recurra.models.Sequential is Sequential
    assert recurra.optimizers.schedules.CosineDecay(0.1, 3)(0) == pytest.approx(0.1)
    assert set(recurra.__all__) <= set(dir(recurra))
    with pytest.raises(AttributeError, match="no attribute 'spam'"):
        _ = recurra.spam


def test_what_is_listed_is_there() -> None:
    for name in dir(recurra):
        assert getattr(recurra, name) is not None, name
    assert not hasattr(recurra, "torch")


def test_importing_loads_nothing_else() -> None:
    code = (
        "import sys, numpy; before = set(sys.modules); import recurra; new = set(sys.modules) - before;"
        "print(sorted(name for name in new if '.' not in name or name.startswith('recurra')))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert eval(found) == ["recurra"] or set(eval(found)) <= {"recurra", "__future__", "typing"}


def test_training_loads_no_optional_package() -> None:
    code = """
import sys, numpy as np, recurra as keras
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
model.compile("adam", "mse", metrics=["mae"])
model.fit(np.zeros((4, 4)), np.zeros((4, 1)), verbose=0, callbacks=[keras.callbacks.EarlyStopping("loss")])
model.summary()
print(sorted({"h5py", "matplotlib", "tensorboardX", "tqdm", "click"} & set(sys.modules)))
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert found.splitlines()[-1] == "[]"


def test_backend() -> None:
    from recurra import Variable, backend

    variable = Variable(np.ones(3))
    backend.set_value(variable, [1.0, 2.0, 3.0])
    assert backend.get_value(variable).tolist() == [1.0, 2.0, 3.0]
    assert backend.floatx() == "float32" and backend.epsilon() == 1e-7 and backend.backend() == "recurra"
    backend.clear_session()
    assert recurra.layers.Dense(1).name == "dense" and recurra.layers.Dense(1).name == "dense_1"
    backend.clear_session()
    assert recurra.layers.Dense(1).name == "dense"
    assert backend.is_keras_tensor(recurra.Input((3,)))
