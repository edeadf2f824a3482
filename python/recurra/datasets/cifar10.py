"""CIFAR-10: 50,000 + 10,000 colour images, 32 x 32, of ten kinds.

They are not part of this package: they are downloaded once from their authors' address, or read from a local folder.
"""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recurra.utils.archives import cache_root
from recurra.utils.download import get_file
from recurra.utils.safe_pickle import restricted_load

Array = NDArray[Any]

_ADDRESS = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
_DIGEST = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
_FOLDER = "cifar-10-batches-py"
_BATCHES = (*(f"data_batch_{k}" for k in range(1, 6)), "test_batch")


def load_data(path: str | os.PathLike[str] | None = None) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """The images, uint8 (samples, 32, 32, 3), and their kinds, uint8 (samples, 1).

    path : the folder ``cifar-10-batches-py`` that the archive holds; None: it is in the cache, or downloaded into it
    returns : ``(x_train, y_train), (x_test, y_test)``
    raises : ConnectionError without a network, saying which file to put where; ValueError for files of another kind
    """
    folder = _folder() if path is None else Path(path)
    parts = [read_batch(folder / name) for name in _BATCHES]
    x, y = (np.concatenate([part[k] for part in parts[:-1]]) for k in (0, 1))
    return (x, y), parts[-1]


def _folder() -> Path:
    """The folder of the batches, where Keras 2 or 3 left it, or where the download is unpacked."""
    root = cache_root() / "datasets"
    for place in (root / _FOLDER, root / "cifar-10-batches-py-target" / _FOLDER):
        if (place / _BATCHES[-1]).is_file():
            return place
    return Path(get_file("cifar-10-batches-py-target", _ADDRESS, extract=True, file_hash=_DIGEST)) / _FOLDER


def read_batch(path: Path) -> tuple[Array, Array]:
    """The images and labels of one file, which is a pickle: only arrays of bytes and plain values are read from it.

    raises : ValueError for a file of another kind, FileNotFoundError where there is none
    """
    try:
        found = restricted_load(path.read_bytes(), _STAND_INS, str(path))
    except pickle.UnpicklingError as error:
        raise ValueError(str(error)) from None
    data, labels = (found.get(key) if isinstance(found, dict) else None for key in ("data", "labels"))
    pixels = data.value if isinstance(data, _Bytes) else None
    if pixels is None or pixels.ndim != 2 or pixels.shape[1] != 3072 or not isinstance(labels, list):
        raise ValueError(f"{path} is not a batch of CIFAR-10: it must hold data (samples, 3072) and labels")
    if len(labels) != len(pixels) or not all(type(label) is int and 0 <= label < 256 for label in labels):
        raise ValueError(f"{path} must hold one label for each of {len(pixels)} images")
    images = np.ascontiguousarray(pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
    return images, np.array(labels, np.uint8)[:, None]


class _NdArray:
    """Stands for ``numpy.ndarray``."""

    __slots__ = ()


class _Bytes:
    """Stands for an array: keeps its bytes in its shape."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value: Array | None = None

    def __setstate__(self, state: Any) -> None:
        _version, shape, dtype, fortran, data = state
        raw = data.encode("latin1") if isinstance(data, str) else data
        if not isinstance(dtype, _DType) or dtype.name != "u1" or not isinstance(raw, bytes):
            raise pickle.UnpicklingError("an array must be one of bytes")
        self.value = np.frombuffer(raw, np.uint8).reshape(shape, order="F" if fortran else "C")


class _DType:
    """Stands for ``numpy.dtype``."""

    __slots__ = ("name",)

    def __init__(self, name: Any = None, *arguments: Any) -> None:
        self.name = name

    def __setstate__(self, state: Any) -> None:
        pass


def _reconstruct(subtype: Any, shape: Any, kind: Any) -> _Bytes:
    """Stands for numpy's function that makes an empty array to be filled."""
    if subtype is not _NdArray:
        raise pickle.UnpicklingError("only plain arrays are made")
    return _Bytes()


def _encode(text: str, encoding: str) -> bytes:
    """Stands for ``codecs.encode``, by which old protocols write bytes."""
    return str.encode(text, "latin1")


_STAND_INS: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): _NdArray,
    ("numpy", "dtype"): _DType,
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("_codecs", "encode"): _encode,
}
