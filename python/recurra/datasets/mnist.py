"""MNIST: 60,000 + 10,000 images of handwritten digits, 28 x 28; a row of an image may be a step of a sequence.

They are not part of this package: they are downloaded once from Keras's address, or read from a local path.
"""

from __future__ import annotations

import os
from typing import Any

from numpy.typing import NDArray

from recurra.datasets.npz import read_parts
from recurra.datasets.sources import KERAS, locate

Array = NDArray[Any]

_FILE = (KERAS + "mnist.npz", "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1")


def load_data(path: str | os.PathLike[str] = "mnist.npz") -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """The images, uint8 (samples, 28, 28), and their digits, uint8 (samples,).

    path : of a copy of Keras's mnist.npz; or the name under which the download is kept in the cache
    returns : ``(x_train, y_train), (x_test, y_test)``
    raises : ConnectionError without a network, saying which file to put where; ValueError for a file of another kind
    """
    x_train, y_train, x_test, y_test = read_parts(locate(path, *_FILE), "x_train", "y_train", "x_test", "y_test")
    return (x_train, y_train), (x_test, y_test)
