"""Fashion-MNIST: 60,000 + 10,000 images of clothes, 28 x 28, of ten kinds.

They are not part of this package: they are downloaded once from Keras's address, or read from a local folder.
"""

from __future__ import annotations

import gzip
import os
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recurra.datasets.sources import KERAS, locate

Array = NDArray[Any]

_NAMES = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")


def load_data(path: str | os.PathLike[str] | None = None) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """The images, uint8 (samples, 28, 28), and their kinds, uint8 (samples,).

    path : a folder with the four files ``train-images-idx3-ubyte.gz``, ...; None: they are downloaded into the cache
    returns : ``(x_train, y_train), (x_test, y_test)``
    raises : ConnectionError without a network, saying which file to put where; ValueError for a file of another kind
    """
    parts = []
    for name in _NAMES:
        file = f"{name}-ubyte.gz"
        place = file if path is None else os.path.join(os.fspath(path), file)
        parts.append(read_idx(locate(place, KERAS + file, None, subdir=os.path.join("datasets", "fashion-mnist"))))
    x_train, y_train, x_test, y_test = parts
    for x, y in ((x_train, y_train), (x_test, y_test)):
        if x.ndim != 3 or y.shape != x.shape[:1]:
            raise ValueError(f"there must be one label for each image, got shapes {x.shape} and {y.shape}")
    return (x_train, y_train), (x_test, y_test)


def read_idx(path: str) -> Array:
    """The array of bytes in a compressed IDX file: two zeros, 8, the number of axes, their sizes, the bytes.

    raises : ValueError for a damaged file or one of another kind
    """
    try:
        with gzip.open(path, "rb") as file:
            data = file.read()
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path} is not a whole gzip file: {error}") from None
    rank = data[3] if data[:3] == b"\0\0\x08" and len(data) > 3 else 0
    start = 4 + 4 * rank
    shape = np.frombuffer(data[4:start], ">u4").tolist() if rank and len(data) >= start else []
    if len(shape) != rank or not rank or int(np.prod(shape, dtype=object)) != len(data) - start:
        raise ValueError(f"{path} is not an IDX file of bytes")
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)
