"""Keras's ``.npz`` files of ragged lists, read without running what a pickle may hold."""

from __future__ import annotations

import io
import math
import os
import pickle
import struct
import zipfile
import zlib
from itertools import chain
from tokenize import TokenError
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from recurra.limits import FileFormatError, check_members, check_regular, check_unpacked
from recurra.utils.safe_pickle import restricted_load

Array = NDArray[Any]


def read_npz(path: str | os.PathLike[str]) -> dict[str, Array]:
    """The arrays of an ``.npz`` file: of numbers, or one-dimensional ones of lists of integers.

    numpy stores an array of lists as a pickle. Here a pickle may only say how such an array is put together; one that
    names anything else is refused, and nothing that it names is called.

    raises : FileFormatError (a ValueError) for a damaged file or other content, OSError where it cannot be read
    """
    name = os.fspath(path)
    arrays = {}
    check_regular(path)
    try:
        stored, claimed = os.path.getsize(path), 0
        with zipfile.ZipFile(path) as archive:
            check_members(archive, name)
            for info in archive.infolist():
                if not info.filename.endswith(".npy"):  # passed by, but for a name that is damaged in one of two places
                    archive.open(info).close()
                    continue
                if info.filename[:-4] in arrays:
                    raise FileFormatError(f"{name} holds {info.filename!r} twice: it is damaged")
                claimed += info.file_size
                check_unpacked(info.file_size, info.compress_size, f"{name}: {info.filename}")
                check_unpacked(claimed, stored, name)
                arrays[info.filename[:-4]] = _read_npy(archive.read(info), f"{name}: {info.filename}")
        if not arrays:
            raise FileFormatError(f"{name} holds no arrays: it is damaged or not an .npz file")
    except (FileFormatError, FileNotFoundError, PermissionError, IsADirectoryError):
        raise
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, LookupError, struct.error,
            TypeError, ValueError, OverflowError) as error:  # fmt: skip
        raise FileFormatError(f"{name} is not a whole .npz file: {error}") from None
    except MemoryError:
        raise FileFormatError(f"{name} asks for more memory than there is") from None
    return arrays


def read_parts(path: str | os.PathLike[str], *names: str) -> list[Array]:
    """The arrays `names` of an ``.npz`` file, in pairs of inputs and labels of one length.

    raises : ValueError where one is missing or a pair does not fit
    """
    arrays = read_npz(path)
    missing = [name for name in names if name not in arrays]
    if missing:
        raise ValueError(f"{os.fspath(path)} has no {', '.join(missing)}: it is another file than expected")
    found = [arrays[name] for name in names]
    for x, y in zip(found[::2], found[1::2], strict=True):
        if len(x) != len(y):
            raise ValueError(f"{os.fspath(path)} has {len(x)} samples but {len(y)} labels")
    return found


def _read_npy(data: bytes, name: str) -> Array:
    file = io.BytesIO(data)
    try:
        version = npy.read_magic(file)
        shape, _, dtype = npy.read_array_header_1_0(file) if version[0] == 1 else npy.read_array_header_2_0(file)
        if dtype != np.dtype(object):
            if math.prod(shape) * dtype.itemsize != len(data) - file.tell():
                raise ValueError(
                    f"shape {shape} of {dtype} does not take the {len(data) - file.tell()} bytes there are"
                )
            file.seek(0)
            return np.asarray(npy.read_array(file, allow_pickle=False))
    except (ValueError, TypeError, SyntaxError, RecursionError, TokenError) as error:
        raise FileFormatError(f"{name}: {' '.join(str(error).split())[:200]}") from None
    array = restricted_load(data[file.tell() :], _STAND_INS, name)
    if not isinstance(array, _ObjectArray) or array.items is None:
        raise FileFormatError(f"{name} does not hold an array of lists")
    rows = array.items
    if len(shape) != 1 or len(rows) != shape[0]:
        raise FileFormatError(f"{name}: expected a list for each of {shape} rows, got {len(rows)} lists")
    if (
        set(map(type, rows)) - {list}
        or sum(map(len, rows)) > len(data)
        or set(map(type, chain.from_iterable(rows))) - {int}
    ):
        raise FileFormatError(f"{name} holds something other than lists of integers")
    result = np.empty(len(rows), object)
    result[:] = rows
    return result


class _Inert:
    """Something that a pickle may name but not change."""

    __slots__ = ()

    def __setstate__(self, state: Any) -> None:
        raise pickle.UnpicklingError("the pickle sets a state that is not an array's")


class _NdArray(_Inert):
    """Stands for ``numpy.ndarray``."""

    __slots__ = ()


class _ObjectArray:
    """Stands for an array: keeps the list of its elements."""

    __slots__ = ("items",)

    def __init__(self) -> None:
        self.items: list[Any] | None = None

    def __setstate__(self, state: Any) -> None:
        _version, _shape, _dtype, _fortran, items = state
        if not isinstance(items, list):
            raise pickle.UnpicklingError("an array's elements must be a list")
        self.items = items


class _Reconstruct(_Inert):
    """Stands for numpy's function that makes an empty array to be filled."""

    __slots__ = ()

    def __call__(self, subtype: Any, shape: Any, kind: Any) -> _ObjectArray:
        if subtype is not _NdArray:
            raise pickle.UnpicklingError("only plain arrays are made")
        return _ObjectArray()


class _DType:
    """Stands for ``numpy.dtype``: what an array's elements are is seen from the elements."""

    __slots__ = ()

    def __init__(self, *arguments: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass


class _Encode(_Inert):
    """Stands for ``codecs.encode``, by which old protocols write bytes."""

    __slots__ = ()

    def __call__(self, text: str, encoding: str) -> bytes:
        return str.encode(text, "latin1")


_STAND_INS: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): _NdArray,
    ("numpy", "dtype"): _DType,
    ("numpy.core.multiarray", "_reconstruct"): _Reconstruct(),
    ("numpy._core.multiarray", "_reconstruct"): _Reconstruct(),
    ("_codecs", "encode"): _Encode(),
}
