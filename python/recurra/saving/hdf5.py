"""HDF5 files that others wrote: groups, arrays and names, read without following them anywhere else.

h5py reads links to other files, data stored in other files and arrays that claim any size. Here a link is refused,
data must lie in the file itself, and an array is looked at (its shape, its dtype) before one byte of it is read.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from recurra.autograd import Array
from recurra.saving.errors import FileFormatError

#: an attribute must fit into an object header
HEADER_LIMIT = 64512
#: what one array may take, where nothing says how large it should be
LIMIT = 1 << 32
MAGIC = b"\x89HDF\r\n\x1a\n"


def h5py() -> Any:
    """The h5py module, imported when it is first needed."""
    try:
        import h5py
    except ImportError:
        raise ImportError("reading and writing .keras and .h5 files needs h5py: pip install h5py") from None
    return h5py


def child(parent: Any, name: str) -> Any:
    """The group or dataset `name` (a path with ``/``) below `parent`, reached through hard links only.

    raises : FileFormatError for links and for names that lead nowhere
    """
    lib = h5py()
    current = parent
    for part in name.split("/"):
        if not part or part in (".", ".."):
            raise FileFormatError(f"{parent.file.filename}: {name!r} is not a path inside the file")
        if not isinstance(current, lib.Group) or part not in current:
            raise FileFormatError(f"{parent.file.filename}: there is no {name!r} in {parent.name!r}")
        kind = current.get(part, getclass=True, getlink=True)
        if kind is not lib.HardLink:
            raise FileFormatError(f"{parent.file.filename}: {name!r} is a {kind.__name__}, which is not followed")
        current = current[part]
    return current


def has(parent: Any, name: str) -> bool:
    """Whether `name` can be reached from `parent` without following links."""
    try:
        child(parent, name)
    except FileFormatError:
        return False
    return True


def group(parent: Any, name: str) -> Any:
    """The group `name` below `parent`."""
    found = child(parent, name)
    if not isinstance(found, h5py().Group):
        raise FileFormatError(f"{parent.file.filename}: {name!r} must be a group, got a {type(found).__name__}")
    return found


def dataset(parent: Any, name: str) -> Any:
    """The dataset `name` below `parent`: numbers, stored in this file, of a size that its storage can hold."""
    found = child(parent, name)
    where = f"{parent.file.filename}: {name!r}"
    if not isinstance(found, h5py().Dataset):
        raise FileFormatError(f"{where} must be an array, got a {type(found).__name__}")
    if found.external or found.is_virtual:
        raise FileFormatError(f"{where} keeps its data in another file, which is not followed")
    if found.shape is None or found.dtype.kind not in "fiub":
        raise FileFormatError(f"{where} must hold numbers, got dtype {found.dtype}")
    claimed, stored = found.size * found.dtype.itemsize, found.id.get_storage_size()
    if found.chunks is None and stored not in (claimed, 0):
        raise FileFormatError(f"{where} claims {claimed} bytes, but {stored} are stored")
    if claimed > LIMIT and claimed > 1000 * stored:
        raise FileFormatError(f"{where} claims {claimed} bytes, but only {stored} are stored")
    return found


def read(parent: Any, name: str) -> Array:
    """The array `name` below `parent`."""
    found = dataset(parent, name)
    return np.asarray(found[()])


def write(parent: Any, name: str, value: Any) -> None:
    """Store `value` as the dataset `name` below `parent`, contiguous and little-endian, as Keras does."""
    array = np.asarray(value)
    parent.create_dataset(name, data=array.astype(array.dtype.newbyteorder("<"), copy=False))


def text(value: Any) -> str:
    """An attribute's string, stored as UTF-8, bytes or an array of one."""
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.reshape(-1)[0]
    if isinstance(value, bytes):
        return value.decode("utf-8")
    if isinstance(value, str):
        return str(value)
    raise FileFormatError(f"an attribute must hold text, got {type(value).__name__}")


def attribute(parent: Any, name: str) -> str | None:
    """The text attribute `name`, None if there is none."""
    return text(parent.attrs[name]) if name in parent.attrs else None


def read_names(parent: Any, name: str) -> list[str]:
    """The list of names in the attribute `name`, or in its parts ``name0, name1, ...``."""
    if name in parent.attrs:
        parts = [parent.attrs[name]]
    else:
        parts = []
        while f"{name}{len(parts)}" in parent.attrs:
            parts.append(parent.attrs[f"{name}{len(parts)}"])
        if not parts:
            raise FileFormatError(f"{parent.file.filename}: {parent.name!r} has no list of {name}")
    return [text(item) for part in parts for item in np.asarray(part).reshape(-1)]


def write_names(parent: Any, name: str, names: Iterable[str]) -> None:
    """Store a list of names as an attribute, in parts if it is too long for one."""
    encoded = [item.encode("utf-8") for item in names]
    longest = max(map(len, encoded), default=0)
    if longest > HEADER_LIMIT:
        raise ValueError(f"{name}: a name takes {longest} bytes, at most {HEADER_LIMIT} can be stored")
    if not encoded:
        parent.attrs[name] = np.zeros(0)
        return
    per_part = max(1, HEADER_LIMIT // longest)
    if len(encoded) <= per_part:
        parent.attrs[name] = np.array(encoded)
        return
    for index, start in enumerate(range(0, len(encoded), per_part)):
        parent.attrs[f"{name}{index}"] = np.array(encoded[start : start + per_part])


def count_numbers(file: Any) -> int:
    """How many numbers the arrays of an open file hold; one that claims far more than is stored counts little."""
    total = 0

    def add(_: str, item: Any) -> None:
        nonlocal total
        if isinstance(item, h5py().Dataset) and item.shape is not None:
            total += min(int(item.size), 1000 * int(item.id.get_storage_size()))

    file.visititems(add)
    return total
