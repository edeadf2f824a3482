"""HDF5 files: opened for reading by a reader that trusts nothing, written by h5py."""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import numpy as np

from recurra.autograd import Array
from recurra.saving import h5copy
from recurra.saving.file_errors import FileFormatError, reading
from recurra.saving.h5reader import CHECKSUM, MAGIC, NAMES, Dataset, Group, Reader, Unusual, checksum
from recurra.saving.h5target import Target

__all__ = [
    "HEADER_LIMIT",
    "MAGIC",
    "NAMES",
    "Dataset",
    "Group",
    "attribute",
    "check_texts",
    "create",
    "dataset",
    "group",
    "groups_with_arrays",
    "has",
    "open_hdf5",
    "read",
    "read_names",
    "write",
    "write_names",
    "write_texts",
]

#: an attribute must fit into an object header
HEADER_LIMIT = 64512

# --- reading ----------------------------------------------------------------------------------------------------------


@contextmanager
def open_hdf5(source: Any, label: str) -> Iterator[Group]:
    """The root group of an HDF5 file; whatever is wrong with the file is one FileFormatError.

    source : a path or a BytesIO
    label : what errors call it
    """
    with reading(label, "an HDF5 file"):
        if isinstance(source, io.BytesIO):
            yield _root(source, label)
        else:
            with open(source, "rb") as file:
                yield _root(file, label)


def _root(file: Any, label: str) -> Group:
    try:
        root = Reader(file, label).root
        names = _names(root)
    except Unusual as unusual:
        file.seek(0)
        root = Reader(io.BytesIO(h5copy.copied(file.read(), label, str(unusual))), label).root
        names = _names(root)
    assert isinstance(root, Group)
    expected = root.attrs.get(NAMES)
    if expected is not None and _of_names(names) != expected:
        raise FileFormatError(
            f"{label}: the names of its groups and arrays do not match their checksum: it is damaged. If they were "
            f"changed on purpose, remove the root's attribute {NAMES!r}"
        )
    return root


def _names(root: Group | Dataset) -> list[list[Any]]:
    """Paths of all groups and arrays, with the lists of names that groups have as attributes.

    Each group and array is visited once, so that whatever is unusual shows before anything is used.
    """
    found: list[list[Any]] = []
    seen: set[int] = set()
    waiting: list[Group | Dataset | None] = [root]
    while waiting:
        item = waiting.pop()
        if not isinstance(item, Group):
            continue
        lists = {name: value for name, value in item.attrs.items() if isinstance(value, list)}
        found.append([item.name, sorted(item.links()), lists])
        for name, address in item.links().items():
            if address is not None and address not in seen:
                seen.add(address)
                waiting.append(item.get(name))
    return found


def _of_names(names: list[list[Any]]) -> str:
    return f"{zlib.crc32(json.dumps(sorted(names), sort_keys=True).encode()):08x}"


def groups_with_arrays(root: Group) -> list[str]:
    """The paths, ``a/b``, of all groups that hold an array directly."""
    found: list[str] = []
    seen: set[int] = set()
    waiting: list[tuple[str, Group]] = [("", root)]
    while waiting:
        path, group = waiting.pop()
        for name, address in group.links().items():
            if address is None or address in seen:
                continue
            seen.add(address)
            item = group.get(name)
            if isinstance(item, Group):
                waiting.append((f"{path}/{name}" if path else name, item))
            elif path not in found[-1:]:
                found.append(path)
    return sorted(set(found))


def _child(parent: Group, name: str) -> Group | Dataset:
    """What `name` (a path with ``/``) stands for below `parent`."""
    current: Group | Dataset | None = parent
    for part in name.split("/"):
        if not part or part in (".", ".."):
            raise FileFormatError(f"{parent.label}: {name!r} is not a path inside the file")
        current = current.get(part) if isinstance(current, Group) else None
        if current is None:
            raise FileFormatError(f"{parent.label}: there is no {name!r} in {parent.name!r}")
    assert current is not None
    return current


def has(parent: Group, name: str) -> bool:
    """Whether there is a group or an array `name` below `parent`."""
    current: Group | Dataset | None = parent
    for part in name.split("/"):
        current = current.get(part) if isinstance(current, Group) else None
    return current is not None


def group(parent: Group, name: str) -> Group:
    """The group `name` below `parent`."""
    found = _child(parent, name)
    if not isinstance(found, Group):
        raise FileFormatError(f"{parent.label}: {name!r} must be a group, got an array")
    return found


def dataset(parent: Group, name: str) -> Dataset:
    """The array `name` below `parent`, not read yet."""
    found = _child(parent, name)
    if not isinstance(found, Dataset):
        raise FileFormatError(f"{parent.label}: {name!r} must be an array, got a group")
    found.check()
    return found


def read(parent: Group, name: str) -> Array:
    """The values of the array `name` below `parent`."""
    return dataset(parent, name).read()


def attribute(parent: Group, name: str) -> str | None:
    """The text attribute `name`, None if there is none."""
    if name not in parent.attrs:
        return None
    value = parent.attrs[name]
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, str):
        raise FileFormatError(f"{parent.label}: the attribute {name!r} of {parent.name!r} must hold text")
    return value


def read_names(parent: Group, name: str) -> list[str]:
    """The list of names in the attribute `name`, or in its parts ``name0, name1, ...``."""
    parts = [name] if name in parent.attrs else []
    while not parts or parts[-1] != name:
        if f"{name}{len(parts)}" not in parent.attrs:
            break
        parts.append(f"{name}{len(parts)}")
    if not parts:
        raise FileFormatError(f"{parent.label}: {parent.name!r} has no list of {name}")
    result: list[str] = []
    for part in parts:
        value = parent.attrs[part]
        if value is None:
            raise FileFormatError(f"{parent.label}: the attribute {part!r} of {parent.name!r} must hold names")
        result.extend([value] if isinstance(value, str) else value)
    return result


# --- writing ----------------------------------------------------------------------------------------------------------


@contextmanager
def create(target: Any) -> Iterator[Any]:
    """A new h5py file at a path or in a BytesIO. h5py is imported here, when it is first needed.

    A checksum of all names in it is its last attribute, which Keras does not look at.

    raises : the OSError of the system where the file cannot be written, when the block ends at the latest
    """
    try:
        import h5py
    except ImportError:
        raise ImportError("writing .keras and .h5 files needs h5py: pip install h5py") from None
    with ExitStack() as stack:
        plain = target if isinstance(target, io.BytesIO) else stack.enter_context(open(target, "wb+", buffering=0))
        sink = Target(plain)
        try:
            with h5py.File(sink, "w") as file:
                yield file
                file.flush()
                if sink.failure is None:
                    with suppress(Unusual):  # a file that is read by a process of its own has no such checksum
                        file.attrs[NAMES] = np.bytes_(_of_names(_names(Reader(sink, "what was written").root)))
        except Exception as error:
            raise _cause(error) from None
        finally:
            sink.raise_failure()  # whatever the HDF5 library made of it


def _cause(error: BaseException) -> BaseException:
    """What a signal or a lack of memory raised within the HDF5 library, which then fails for another reason."""
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, MemoryError) or not isinstance(found, Exception):
            return found
        found = found.__context__
    return error


def write(parent: Any, name: str, value: Any) -> None:
    """Store `value` as the dataset `name` below an h5py group, contiguous and little-endian, as Keras does.

    Its checksum is an attribute, which Keras does not look at.
    """
    array = np.asarray(value)
    array = array.astype(array.dtype.newbyteorder("<"), copy=False)
    item = parent.create_dataset(name, data=array)
    stored = np.dtype(np.uint8) if array.dtype == bool else array.dtype
    found = checksum(np.ascontiguousarray(array).tobytes(), stored, array.shape, name.rpartition("/")[2])
    item.attrs[CHECKSUM] = np.bytes_(found)


def write_texts(file: Any, texts: Mapping[str, str]) -> None:
    """Store texts as attributes of an h5py group, with one checksum for all of them."""
    for name, text in texts.items():
        file.attrs[name] = text
    file.attrs[CHECKSUM] = np.bytes_(_of_texts(texts))


def check_texts(parent: Group, names: Iterable[str]) -> None:
    """Raise if the text attributes `names`, those that are there, do not match their checksum; without one they do."""
    expected = parent.attrs.get(CHECKSUM)
    texts = {name: attribute(parent, name) or "" for name in names if name in parent.attrs}
    if expected is not None and _of_texts(texts) != expected:
        raise FileFormatError(
            f"{parent.label}: {', '.join(texts)} of {parent.name!r} do not match their checksum: the file is damaged. "
            f"If they were changed on purpose, remove the attribute {CHECKSUM!r}"
        )


def _of_texts(texts: Mapping[str, str]) -> str:
    return f"{zlib.crc32(json.dumps(dict(sorted(texts.items()))).encode()):08x}"


def write_names(parent: Any, name: str, names: Iterable[str]) -> None:
    """Store a list of names as an attribute of an h5py group, in parts if it is too long for one."""
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
