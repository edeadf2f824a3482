"""Files made wrong: plain damage of bytes, and changes that know what the bytes mean."""

from __future__ import annotations

import contextlib
import copy
import functools
import io
import json
import pickle
import pickletools
import random
import struct
import warnings
import zipfile
from collections.abc import Iterable
from typing import Any

VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 3, 10**6, 10**9, 2**31, 2**63, 10**30, 1.5, 1e308, float("nan"), "", "x", "x" * 5000,
    "/etc/passwd", "/dev/zero", "https://example.org/x", "os.system", "eval", "linear", [], {}, [None], [10**9, 3, 4],
    {"class_name": "__lambda__", "config": {"value": "4wEAAAA="}},
    {"module": "os", "class_name": "function", "config": "system", "registered_name": "system"},
    {"module": "keras.utils", "class_name": "get_file", "config": {"origin": "file:///etc/passwd"}},
    {"class_name": "Lambda", "config": {"function": ["4wEAAAA=", None, None], "name": "f"}},
    {"class_name": "__numpy__", "config": {"value": [1.0], "dtype": "O"}},
]  # fmt: skip
NUMBERS = [0, 1, 0x7F, 0x80, 0xFF, 0xFFFF, 2**31 - 1, 2**32 - 1, 2**63, 2**64 - 1]


def plain(data: bytes, chance: random.Random) -> bytes:
    """Flipped bits, other bytes and numbers, cuts, copies and repetitions."""
    result = bytearray(data)
    for _ in range(chance.choice([1, 1, 1, 2, 4, 16])):
        if not result:
            break
        at = chance.randrange(len(result))
        way = chance.randrange(7)
        if way == 0:
            result[at] ^= 1 << chance.randrange(8)
        elif way == 1:
            result[at] = chance.choice([0, 255, chance.randrange(256)])
        elif way == 2:
            width = chance.choice([2, 4, 8])
            result[at : at + width] = (chance.choice(NUMBERS) % 2 ** (8 * width)).to_bytes(width, "little")
        elif way == 3:
            del result[at : at + chance.choice([1, 4, 64, len(result)])]
        elif way == 4:
            other = chance.randrange(len(result))
            length = chance.choice([1, 8, 64, 512])
            result[at : at + length] = result[other : other + length]
        elif way == 5:
            result[at:at] = result[at : at + chance.choice([1, 8, 100])] * chance.choice([1, 2, 50])
        else:
            result[at:at] = bytes(chance.randrange(256) for _ in range(chance.choice([1, 8])))
    return bytes(result)


def _places(value: Any) -> list[tuple[Any, Any]]:
    """All containers in a JSON value with each of their keys."""
    found: list[tuple[Any, Any]] = []
    waiting = [value]
    while waiting:
        item = waiting.pop()
        keys = list(item) if isinstance(item, dict) else list(range(len(item))) if isinstance(item, list) else []
        for key in keys:
            found.append((item, key))
            waiting.append(item[key])
    return found


def json_value(value: Any, chance: random.Random) -> Any:
    """A JSON value with one or a few places changed."""
    for _ in range(chance.choice([1, 1, 1, 2, 5])):
        places = _places(value)
        if not places:
            return copy.deepcopy(chance.choice(VALUES))
        container, key = chance.choice(places)
        old, way = container[key], chance.randrange(8)
        if isinstance(old, str) and old[:1] in "{[" and chance.random() < 0.7:
            container[key] = json.dumps(json_value(json.loads(old), chance))
        elif way < 3:
            container[key] = copy.deepcopy(chance.choice(VALUES))  # later changes are this case's alone
        elif way == 3:
            del container[key]
        elif way == 4:
            other, where = chance.choice(places)
            container[key] = json.loads(json.dumps(other[where])) if where in other or isinstance(other, list) else None
        elif way == 5 and isinstance(container, list):
            text = json.dumps(container)
            container.extend(json.loads(text) * (1 if len(text) > 10_000 else chance.choice([1, 30])))
        elif way == 6 and isinstance(container, dict):
            container[chance.choice(["name", "config", "class_name", "units", "function", "new"])] = old
        else:
            for _ in range(chance.choice([1, 10, 300])):
                old = {"class_name": "Sequential", "config": old} if chance.random() < 0.1 else [old]
            container[key] = old
    return value


def _json_bytes(data: bytes, chance: random.Random) -> bytes:
    try:
        return json.dumps(json_value(json.loads(data), chance)).encode()
    except (IndexError, KeyError, ValueError, RecursionError):
        return plain(data, chance)


def zipped(data: bytes, chance: random.Random) -> bytes:
    """An archive with one member changed by what it is, left out, doubled, or inflated."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    at = chance.randrange(len(members))
    name, content = members[at]
    way = chance.randrange(12)
    if way == 0:
        del members[at]
    elif way == 1:
        members.append((name, content))
    elif way == 2:
        spaces = 1 << chance.choice([10, 20, 26])
        return _inflated(data, at, spaces, chance.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))
    elif name.endswith(".json"):
        members[at] = (name, _json_bytes(content, chance))
    elif name.endswith(".h5"):
        members[at] = (name, hdf5(content, chance))
    elif name.endswith(".keras"):
        members[at] = (name, zipped(content, chance))
    elif name.endswith(".pkl"):
        members[at] = (name, pickled(content, chance))
    elif name.endswith(".npy"):
        head = content.index(b"\n") + 1
        mutated = pickled(content[head:], chance) if b"|O" in content[:head] else plain(content[head:], chance)
        members[at] = (name, content[:head] + mutated if chance.random() < 0.7 else plain(content, chance))
    else:
        members[at] = (name, plain(content, chance))
    return _archive(members, chance.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))


def _archive(members: Iterable[tuple[str, bytes]], compression: int) -> bytes:
    result = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(result, "w", compression) as archive:
        warnings.simplefilter("ignore")  # of a name that is there twice
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content, compression)
    return result.getvalue()


@functools.lru_cache(maxsize=16)
def _inflated(data: bytes, at: int, spaces: int, compression: int) -> bytes:
    """The archive with so many spaces at the end of one member; kept, as it takes long."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    members[at] = (members[at][0], members[at][1] + b" " * spaces)
    return _archive(members, compression)


def hdf5(data: bytes, chance: random.Random) -> bytes:
    """An HDF5 file with an object renamed, replaced, linked, or an attribute changed."""
    import h5py

    result = io.BytesIO(data)
    with h5py.File(result, "r+") as file:
        names: list[str] = []
        file.visit(names.append)
        name, other = chance.choice(names), chance.choice(names)
        parent, way = file[name].parent, chance.randrange(9)
        if chance.random() < 0.7:
            file.attrs.pop("recurra_names", None)  # the checksum of all names, which nothing gets past
        if way == 0:
            del file[name]
        elif way == 1:
            file.move(name, f"{name}_")
        elif way == 2:
            del file[name]
            parent[name.rpartition("/")[2]] = chance.choice([h5py.SoftLink("/"), h5py.ExternalLink("/etc/passwd", "/")])
        elif way == 3 and name != other and not other.startswith(name + "/"):
            target = file[other]
            del file[name]
            parent[name.rpartition("/")[2]] = target
        elif way < 7 and isinstance(file[name], h5py.Dataset):
            value = file[name][()]
            del file[name]
            kinds = ["f2", "f8", ">f4", "i8", "u1", "S3"]
            changed = [value.astype(chance.choice(kinds)), value.T, value.reshape(-1), value[None], "text"]
            parent.create_dataset(name.rpartition("/")[2], data=chance.choice(changed))
        else:
            texts = [key for key, value in file.attrs.items() if isinstance(value, str) and value[:1] == "{"]
            if texts:
                key = chance.choice(texts)
                file.attrs.pop("recurra_crc32", None)
                changed_text = _json_bytes(file.attrs[key].encode(), chance)
                file.attrs[key] = changed_text.decode("utf-8", "replace").replace("\0", "")[:60_000]
    return result.getvalue()


def pickled(data: bytes, chance: random.Random) -> bytes:
    """A pickle with operations left out, doubled, moved, or of other arguments."""
    try:
        starts = [at for _, _, at in pickletools.genops(data)]
    except ValueError:
        return plain(data, chance)
    parts = [data[at:end] for at, end in zip(starts, [*starts[1:], len(data)], strict=True)]
    for _ in range(chance.choice([1, 2, 5])):
        at, way = chance.randrange(len(parts)), chance.randrange(6)
        if way == 0:
            del parts[at]
        elif way == 1:
            parts.insert(at, parts[at])
        elif way == 2:
            parts.insert(at, chance.choice(parts))
        elif way == 3:
            parts.insert(at, pickle.LONG_BINPUT + struct.pack("<I", chance.choice([2**20, 2**27, 2**31, 2**32 - 1])))
        elif way == 4:
            parts.insert(at, b"c" + chance.choice([b"os\nsystem", b"builtins\neval", b"builtins\nint"]) + b"\n")
        else:
            parts.insert(
                at, chance.choice([b"R", b"b", b"t", b"}", b"]", b"(", b"2", b"\x86", b"\x85", b"s", b"u", b"e"])
            )
        if not parts:
            return b""
    return b"".join(parts)


def pickles(data: bytes, chance: random.Random) -> bytes:
    """Pickles one after the other, and arrays behind them, as PyTorch's older files are, with one pickle changed."""
    starts, file = [0], io.BytesIO(data)
    with contextlib.suppress(ValueError):
        while True:
            for _ in pickletools.genops(file):
                pass
            starts.append(file.tell())
    at = chance.randrange(len(starts) - 1)
    first, last = starts[at], starts[at + 1]
    return data[:first] + pickled(data[first:last], chance) + data[last:]


def aware(ending: str, data: bytes, chance: random.Random) -> bytes:
    """A change that knows the format of files that end so."""
    if ending in (".h5", ".weights.h5"):
        return hdf5(data, chance)
    if ending == ".json":
        return _json_bytes(data, chance)
    if ending == ".pt" and data[:2] != b"PK":
        return pickles(data, chance)
    return pickled(data, chance) if ending == ".pickle" else zipped(data, chance)
