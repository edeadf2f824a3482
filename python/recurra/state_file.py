"""A nested structure of plain values and arrays as one file that is whole, or known to be damaged.

    16 bytes   a name and version
    8 bytes    the length of the description
               the description: JSON, in which each array stands for its dtype, shape and place
               the arrays, one after the other
    32 bytes   SHA-256 of all before it

Values are None, bool, int, float, str, lists, tuples, dicts and numpy arrays or scalars; floats keep every bit. Reading
allocates no more than the file's size, and executes nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any

import numpy as np

from recurra.files import FilePath, atomic_write, naming

_MAGIC = b"recurra state 1\n"
_DIGEST = 32
_KINDS = "biufc"


class DamagedFileError(ValueError):
    """A file that was not written whole, or was changed since."""


def write_state(path: FilePath, state: Any) -> None:
    """Write `state`; the file appears under its name when it is whole.

    raises : TypeError naming the place of a value that is none of those above; OSError naming the file
    """
    arrays: list[np.ndarray[Any, Any]] = []
    sizes = [0]
    description = json.dumps({"state": _encode(state, "state", arrays, sizes)}).encode()
    digest = hashlib.sha256()
    part: Any
    with naming(path), atomic_write(path) as file:
        for part in (_MAGIC, len(description).to_bytes(8, "little"), description, *map(_bytes, arrays)):
            digest.update(part)
            file.write(part)
        file.write(digest.digest())


def read_state(path: FilePath) -> Any:
    """What :func:`write_state` wrote.

    raises : DamagedFileError naming the file; OSError where it cannot be read
    """
    with open(path, "rb") as file:
        content = file.read()
    start = len(_MAGIC) + 8
    if not content.startswith(_MAGIC):
        raise DamagedFileError(f"{os.fspath(path)} is damaged, or no checkpoint of recurra's")
    view = memoryview(content)
    if len(content) < start + _DIGEST or hashlib.sha256(view[:-_DIGEST]).digest() != content[-_DIGEST:]:
        raise DamagedFileError(f"{os.fspath(path)} is damaged: its checksum does not fit what it holds")
    length = int.from_bytes(content[len(_MAGIC) : start], "little")
    try:
        description = json.loads(content[start : start + length])
        return _decode(description["state"], view[start + length : -_DIGEST])
    except (ValueError, KeyError, TypeError, IndexError, OverflowError, RecursionError) as error:
        raise DamagedFileError(f"{os.fspath(path)} is damaged: {error}") from None


def _bytes(array: np.ndarray[Any, Any]) -> Any:
    return array.reshape(-1).view(np.uint8).data


def _encode(value: Any, place: str, arrays: list[np.ndarray[Any, Any]], sizes: list[int]) -> Any:
    if value is None or (isinstance(value, (bool, int, float, str)) and not isinstance(value, np.generic)):
        return value
    if isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in _KINDS:
        array = np.array(value, order="C")
        arrays.append(array)
        found = {"array": [array.dtype.str, list(array.shape), sizes[0]]}
        sizes[0] += array.nbytes
        return found
    if isinstance(value, list):
        return [_encode(item, f"{place}[{i}]", arrays, sizes) for i, item in enumerate(value)]
    if isinstance(value, tuple):
        return {"tuple": [_encode(item, f"{place}[{i}]", arrays, sizes) for i, item in enumerate(value)]}
    if isinstance(value, dict):
        return {
            "dict": [
                [_encode(key, place, arrays, sizes), _encode(item, f"{place}[{key!r}]", arrays, sizes)]
                for key, item in value.items()
            ]
        }
    raise TypeError(f"{place} must be a plain value or an array to be saved, got {type(value).__name__}")


def _decode(value: Any, content: memoryview) -> Any:
    if isinstance(value, list):
        return [_decode(item, content) for item in value]
    if not isinstance(value, dict):
        return value
    ((kind, inner),) = value.items()
    if kind == "tuple":
        return tuple(_decode(item, content) for item in inner)
    if kind == "dict":
        return {_decode(key, content): _decode(item, content) for key, item in inner}
    if kind != "array":
        raise ValueError(f"unknown kind of value {kind!r}")
    dtype, shape, start = np.dtype(inner[0]), tuple(inner[1]), inner[2]
    if dtype.kind not in _KINDS:
        raise ValueError(f"arrays of dtype {dtype} are not read")
    count = int(np.prod(shape, dtype=object))
    if min(shape, default=0) < 0 or start < 0 or start + count * dtype.itemsize > len(content):
        raise ValueError(f"an array of shape {shape} does not fit into the file")
    return np.frombuffer(content, dtype, count, start).reshape(shape).copy() if count else np.zeros(shape, dtype)
