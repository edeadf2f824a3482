"""``tf.io``: files as Python reads them, TFRecord files, and the bytes of examples and tensors."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from recurra.compat.tf.io import gfile
from recurra.compat.tf.io.csv_records import decode_csv
from recurra.compat.tf.io.parsing import (
    FixedLenFeature,
    FixedLenSequenceFeature,
    RaggedFeature,
    VarLenFeature,
    parse_example,
    parse_single_example,
    parse_single_sequence_example,
)
from recurra.compat.tf.io.records import TFRecordOptions, TFRecordWriter
from recurra.compat.tf.io.tensors import decode_raw, parse_tensor, serialize_tensor
from recurra.compat.tf.strings import texts_of
from recurra.compat.tf.tensors import EagerTensor, present

__all__ = [
    "FixedLenFeature", "FixedLenSequenceFeature", "RaggedFeature", "TFRecordOptions", "TFRecordWriter", "VarLenFeature",
    "decode_csv", "decode_raw", "gfile", "matching_files", "parse_example", "parse_single_example",
    "parse_single_sequence_example", "parse_tensor", "read_file", "serialize_tensor", "write_file",
]  # fmt: skip
#: functions of ``tf.image`` and ``tf.strings`` that are here too
_ELSEWHERE = {
    "decode_image": "image", "decode_jpeg": "image", "decode_png": "image", "encode_jpeg": "image",
    "encode_png": "image",
}  # fmt: skip


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


def __getattr__(name: str) -> Any:
    if name not in _ELSEWHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"recurra.compat.tf.{_ELSEWHERE[name]}"), name)
