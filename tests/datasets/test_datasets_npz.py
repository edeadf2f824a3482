"""mnist, fashion_mnist, cifar10 and boston_housing, from made-up files."""

from __future__ import annotations

import gzip
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra.datasets import boston_housing, cifar10, fashion_mnist, mnist

RANDOM = np.random.RandomState(0)


def images(count: int, *shape: int) -> Any:
    return RANDOM.randint(0, 256, (count, *shape)).astype(np.uint8)


def idx(path: Path, array: Any) -> None:
    head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    with gzip.open(path, "wb") as file:
        file.write(head + array.tobytes())


def test_mnist(tmp_path: Path) -> None:
    parts = {"x_train": images(5, 28, 28), "y_train": images(5), "x_test": images(2, 28, 28), "y_test": images(2)}
    np.savez(tmp_path / "m.npz", **parts)
    (x, y), (a, b) = mnist.load_data(tmp_path / "m.npz")
    for got, name in ((x, "x_train"), (y, "y_train"), (a, "x_test"), (b, "y_test")):
        np.testing.assert_array_equal(got, parts[name])
        assert got.dtype == np.uint8
    np.savez(tmp_path / "bad.npz", **{**parts, "y_test": images(3)})
    with pytest.raises(ValueError, match="has 2 samples but 3 labels"):
        mnist.load_data(tmp_path / "bad.npz")
    np.savez(tmp_path / "less.npz", x_train=parts["x_train"])
    with pytest.raises(ValueError, match="has no y_train, x_test, y_test"):
        mnist.load_data(tmp_path / "less.npz")
    with pytest.raises(FileNotFoundError, match="there is no file"):
        mnist.load_data(tmp_path / "none.npz")


def test_boston_housing(tmp_path: Path) -> None:
    x, y = RANDOM.standard_normal((11, 13)), RANDOM.standard_normal(11)
    np.savez(tmp_path / "b.npz", x=x, y=y)
    order = np.arange(11)
    np.random.RandomState(7).shuffle(order)
    (x_train, y_train), (x_test, y_test) = boston_housing.load_data(tmp_path / "b.npz", 0.25, seed=7)
    np.testing.assert_array_equal(x_train, x[order[:8]])
    np.testing.assert_array_equal(y_train, y[order[:8]])
    np.testing.assert_array_equal(x_test, x[order[8:]])
    np.testing.assert_array_equal(y_test, y[order[8:]])
    with pytest.raises(ValueError, match=r"test_split must be in \[0, 1\), got -0.1"):
        boston_housing.load_data(tmp_path / "b.npz", -0.1)


def test_fashion_mnist(tmp_path: Path) -> None:
    parts = [images(4, 28, 28), images(4), images(3, 28, 28), images(3)]
    names = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
    for name, part in zip(names, parts, strict=True):
        idx(tmp_path / f"{name}-ubyte.gz", part)
    (x, y), (a, b) = fashion_mnist.load_data(tmp_path)
    for got, wanted in zip((x, y, a, b), parts, strict=True):
        np.testing.assert_array_equal(got, wanted)
    idx(tmp_path / "train-labels-idx1-ubyte.gz", images(5))
    with pytest.raises(ValueError, match="one label for each image"):
        fashion_mnist.load_data(tmp_path)


@pytest.mark.parametrize("data", [b"", b"\0\0\x08", b"\0\0\x08\1\0\0\0\5abc", b"\0\0\x0d\1\0\0\0\3abc", b"\0\0\x08\0"])
def test_damaged_idx_files(tmp_path: Path, data: bytes) -> None:
    with gzip.open(tmp_path / "a.gz", "wb") as file:
        file.write(data)
    with pytest.raises(ValueError, match=r"a.gz is not an IDX file of bytes"):
        fashion_mnist.read_idx(str(tmp_path / "a.gz"))
    (tmp_path / "b.gz").write_bytes(b"not gzip")
    with pytest.raises(ValueError, match="is not a whole gzip file"):
        fashion_mnist.read_idx(str(tmp_path / "b.gz"))


def batches(folder: Path, protocol: int, keys: Any = str) -> Any:
    folder.mkdir(parents=True)
    parts = []
    for name in (*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"):
        data, labels = images(2, 3072), RANDOM.randint(0, 10, 2).tolist()
        (folder / name).write_bytes(pickle.dumps({"data": data, "labels": labels, "batch_label": "x"}, protocol))
        parts.append((data, labels))
    return parts


@pytest.mark.parametrize("protocol", [2, 4])
def test_cifar10(tmp_path: Path, protocol: int) -> None:
    parts = batches(tmp_path / "c", protocol)
    (x, y), (a, b) = cifar10.load_data(tmp_path / "c")
    assert (
        x.shape == (10, 32, 32, 3)
        and y.shape == (10, 1)
        and a.shape == (2, 32, 32, 3)
        and x.dtype == y.dtype == np.uint8
    )
    np.testing.assert_array_equal(x[3], parts[1][0][1].reshape(3, 32, 32).transpose(1, 2, 0))
    assert y[:4, 0].tolist() == parts[0][1] + parts[1][1] and b[:, 0].tolist() == parts[5][1]


def test_cifar10_in_the_cache_of_keras(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    batches(tmp_path / "datasets" / "cifar-10-batches-py-target" / "cifar-10-batches-py", 2)
    assert cifar10.load_data()[0][0].shape == (10, 32, 32, 3)


class Evil:
    def __reduce__(self) -> Any:
        return os.system, ("true",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (pickle.dumps({"data": Evil()}), "which is not loaded from a file"),
        (pickle.dumps([1]), "is not a batch of CIFAR-10"),
        (pickle.dumps({"data": images(2, 5), "labels": [1, 2]}), "is not a batch of CIFAR-10"),
        (pickle.dumps({"data": np.zeros((2, 3072)), "labels": [1, 2]}), "an array must be one of bytes"),
        (pickle.dumps({"data": images(2, 3072), "labels": [1]}), "one label for each of 2 images"),
        (b"\x80\x02nothing", "damaged|not loaded|truncated|invalid"),
    ],
)
def test_other_files_than_cifar10(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        cifar10.read_batch(tmp_path / "a")
