"""HDF5Matrix: rows of a file as numpy would index them."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

import recurra
from recurra.compat.hdf5_matrix import HDF5Matrix


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = np.random.default_rng(0).normal(size=(11, 4, 3))
        file["y"] = np.arange(11.0)[:, None]
    return tmp_path / "a.h5"


def test_indexing(path: Path) -> None:
    with h5py.File(path) as file:
        whole = file["x"][2:9]
    rows = HDF5Matrix(path, "x", start=2, end=9)
    assert len(rows) == 7 and rows.shape == (7, 4, 3) and rows.ndim == 3 and rows.size == 84 and rows.dtype == "float64"
    keys = [0, -1, np.int64(3), slice(2, 5), slice(None), slice(-3, None), slice(None, None, -2), [3, 0, 0, -1]]
    keys += [np.array([5, 1]), np.arange(7) % 2 == 0, []]
    for key in keys:
        right = whole[np.array(key, int) if isinstance(key, list) else key]
        np.testing.assert_array_equal(rows[key], right, err_msg=str(key))
    np.testing.assert_array_equal(np.asarray(rows, "float32"), whole.astype("float32"))
    for wrong in (7, -8, [0, 7], np.array([True])):
        with pytest.raises(IndexError):
            rows[wrong]


def test_normalizer(path: Path) -> None:
    rows = HDF5Matrix(path, "y", end=5, normalizer=lambda y: (y > 2).astype("int8").repeat(2, axis=-1))
    assert rows.shape == (5, 2) and rows.dtype == "int8"
    np.testing.assert_array_equal(rows[1:4], [[0, 0], [0, 0], [1, 1]])


def test_what_is_not_there(path: Path) -> None:
    with pytest.raises(KeyError, match="has no array 'z'; it has x, y"):
        HDF5Matrix(path, "z")
    with pytest.raises(ValueError, match="within the 11 rows"):
        HDF5Matrix(path, "x", start=3, end=12)


def test_fit_reads_it(path: Path) -> None:
    x, y = HDF5Matrix(path, "x"), HDF5Matrix(path, "y")
    results = []
    for data in ((x, y), (np.asarray(x), np.asarray(y))):
        recurra.utils.set_random_seed(1)
        model = recurra.Sequential([recurra.layers.LSTM(5), recurra.layers.Dense(1)])
        model.compile("sgd", "mse")
        results.append(model.fit(*data, batch_size=4, epochs=2, verbose=0).history["loss"])
    assert results[0] == results[1]
