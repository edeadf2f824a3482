"""``tf.io``: files as Python reads them."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from recurra.compat.tf.io import gfile
from recurra.compat.tf.strings import texts_of
from recurra.compat.tf.tensors import EagerTensor, present

__all__ = ["gfile", "matching_files", "read_file", "write_file"]


def path_of(value: Any) -> str:
    """A path given as a text, bytes, a tensor or a ``pathlib.Path``."""
    if isinstance(value, (str, bytes, os.PathLike)):
        return os.fsdecode(value)
    return os.fsdecode(texts_of(value)[()])


def read_file(filename: Any, name: str | None = None) -> EagerTensor:
    """What the file holds, as bytes."""
    with open(path_of(filename), "rb") as file:
        return EagerTensor(np.array(file.read(), object))


def write_file(filename: Any, contents: Any, name: str | None = None) -> None:
    """Write bytes to a file, whose folder is made if it is missing."""
    path = path_of(filename)
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "wb") as file:
        file.write(contents.encode() if isinstance(contents, str) else bytes(texts_of(contents)[()]))


def matching_files(pattern: Any, name: str | None = None) -> Any:
    """The paths that match, in order."""
    return present(np.array([found.encode() for found in gfile.glob(path_of(pattern))], object))
