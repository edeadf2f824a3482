"""Boston housing: 506 districts with 13 numbers each, and the median price of a house there in thousands of dollars.

They are not part of this package: they are downloaded once from Keras's address, or read from a local path.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recurra.datasets.npz import read_parts
from recurra.datasets.sources import KERAS, check_split, locate

Array = NDArray[Any]

_FILE = (KERAS + "boston_housing.npz", "f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5")


def load_data(
    path: str | os.PathLike[str] = "boston_housing.npz", test_split: float = 0.2, seed: int = 113
) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """The districts, shuffled, float64 (samples, 13), and their prices, float64 (samples,).

    path : of a copy of Keras's boston_housing.npz; or the name under which the download is kept in the cache
    test_split : the share that is for testing;  seed : of the shuffle
    returns : ``(x_train, y_train), (x_test, y_test)``
    raises : ConnectionError without a network, saying which file to put where; ValueError for a file of another kind
    """
    check_split(test_split)
    x, y = read_parts(locate(path, *_FILE), "x", "y")
    order = np.arange(len(x))
    np.random.RandomState(seed).shuffle(order)
    first = int(len(x) * (1 - test_split))
    return (x[order[:first]], y[order[:first]]), (x[order[first:]], y[order[first:]])
