"""Models with lambdas in files: no code in the file, the functions from this process or from the caller."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra import Sequential, layers, ops
from recurra.callbacks import ModelCheckpoint
from recurra.models import load_model

X = np.random.default_rng(2).standard_normal((4, 5, 3)).astype("float32")


def model(factor: float = 2.0) -> Any:
    return Sequential(
        [
            layers.Input((5, 3)),
            layers.Lambda(lambda x: x * factor, name="scaled"),
            layers.LSTM(2),
            layers.Lambda(lambda x: ops.exp(x), output_shape=lambda shape: shape, name="exp"),
        ]
    )


@pytest.mark.parametrize("name", ["m.keras", "m.h5"])
def test_the_process_that_saved_has_the_functions(name: str, tmp_path: Path) -> None:
    first = model()
    with pytest.warns(UserWarning, match="holds a lambda, whose code is not saved"):
        first.save(tmp_path / name)
    expected = first.predict(X, verbose=0)
    np.testing.assert_array_equal(load_model(tmp_path / name).predict(X, verbose=0), expected)
    own = {"scaled": lambda x: x * 0.0}
    assert (load_model(tmp_path / name, custom_objects=own).predict(X, verbose=0) != expected).any()
    with pytest.warns(UserWarning):
        model(3.0).save(tmp_path / "other.keras")  # the same names, other functions, another file
    np.testing.assert_array_equal(load_model(tmp_path / name).predict(X, verbose=0), expected)


@pytest.mark.parametrize("name", ["m.keras", "m.h5"])
def test_another_process_says_what_to_pass(name: str, tmp_path: Path) -> None:
    with pytest.warns(UserWarning):
        model().save(tmp_path / name)
    code = f"from recurra.models import load_model; load_model({str(tmp_path / name)!r})"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 1 and "custom_objects={'scaled': function}" in ran.stderr
    moved = tmp_path / f"moved_{name}"
    (tmp_path / name).rename(moved)
    with pytest.raises(ValueError, match=r"custom_objects=\{'scaled': function\}"):
        load_model(moved)
    given = {"scaled": lambda x: x * 2.0, "exp": lambda x: ops.exp(x)}
    assert load_model(moved, custom_objects=given).predict(X, verbose=0).shape == (4, 2)


def test_checkpoints_of_a_training(tmp_path: Path) -> None:
    trained = model()
    trained.compile("sgd", "mse")
    with pytest.warns(UserWarning):
        trained.fit(X, X[:, 0, :2], epochs=2, verbose=0, callbacks=[ModelCheckpoint(tmp_path / "{epoch}.keras")])
    back = load_model(tmp_path / "2.keras")
    np.testing.assert_array_equal(back.predict(X, verbose=0), trained.predict(X, verbose=0))


def test_a_name_with_two_functions_is_not_guessed(tmp_path: Path) -> None:
    inner = Sequential([layers.Input((2,)), layers.Lambda(lambda x: x + 1.0, name="f")], name="inner")
    outer = Sequential([layers.Input((2,)), layers.Lambda(lambda x: x - 1.0, name="f"), inner])
    with pytest.warns(UserWarning):
        outer.save(tmp_path / "m.keras")
    with pytest.raises(ValueError, match=r"custom_objects=\{'f': function\}"):
        load_model(tmp_path / "m.keras")


def test_another_file_of_the_same_name_has_none(tmp_path: Path) -> None:
    for name in ("a.keras", "b.keras"):
        with pytest.warns(UserWarning):
            model().save(tmp_path / name)
    (tmp_path / "b.keras").replace(tmp_path / "a.keras")  # as if it came from elsewhere
    with pytest.raises(ValueError, match=r"custom_objects=\{'scaled': function\}"):
        load_model(tmp_path / "a.keras")


def test_a_save_that_fails_leaves_the_file_its_functions(tmp_path: Path) -> None:
    first, path = model(), tmp_path / "a.keras"
    with pytest.warns(UserWarning):
        first.save(path)
        with pytest.raises(FileExistsError):
            model(3.0).save(path, overwrite=False)
    np.testing.assert_array_equal(load_model(path).predict(X, verbose=0), first.predict(X, verbose=0))
