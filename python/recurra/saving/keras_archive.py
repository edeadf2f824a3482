"""The ``.keras`` archive: an uncompressed zip of metadata.json, config.json and model.weights.h5.

Only these three members, and vocabularies that Keras adds under ``assets``, are ever read, into memory and up to a
size; nothing is unpacked into the file system.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from recurra.saving.file_errors import FileFormatError, reading
from recurra.saving.hdf5 import Group, open_hdf5

METADATA, CONFIG, WEIGHTS = "metadata.json", "config.json", "model.weights.h5"
#: the version of Keras whose format is written
KERAS_VERSION = "3.15.1"
_JSON_LIMIT = 1 << 28
_RATIO = 1000  # deflate reaches 1032 on zeros; weights and JSON stay far below

Source = str | os.PathLike[str] | IO[bytes]


def write_archive(file: IO[bytes], config: dict[str, Any], weights: bytes | memoryview) -> None:
    """Write a whole archive into an open binary file."""
    metadata = {"keras_version": KERAS_VERSION, "date_saved": datetime.now().strftime("%Y-%m-%d@%H:%M:%S")}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(METADATA, json.dumps(metadata))
        archive.writestr(CONFIG, json.dumps(config))
        archive.writestr(WEIGHTS, weights)


class Archive:
    """A .keras archive (or a folder with the same files) being read.

    major : the major version of the Keras that wrote it
    """

    def __init__(self, source: Source) -> None:
        self.label = str(source) if isinstance(source, (str, os.PathLike)) else str(getattr(source, "name", source))
        self._folder = Path(source) if isinstance(source, (str, os.PathLike)) and os.path.isdir(source) else None
        self._zip: zipfile.ZipFile | None = None
        if self._folder is None:
            with reading(self.label, "a .keras archive"):
                self._zip = zipfile.ZipFile(source)

    def close(self) -> None:
        if self._zip is not None:
            self._zip.close()

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def has(self, name: str) -> bool:
        """Whether there is a member of this name."""
        if self._folder is not None:
            return (self._folder / name).is_file()
        assert self._zip is not None
        return name in self._zip.namelist()

    def member(self, name: str, limit: int | None = None) -> bytes:
        """The bytes of one member, checked against its checksum."""
        with reading(self.label, "a .keras archive"):
            if self._folder is not None:
                return (self._folder / name).read_bytes()
            assert self._zip is not None
            found = [info for info in self._zip.infolist() if info.filename == name]
            if len(found) != 1:
                raise FileFormatError(
                    f"{self.label} is not a .keras archive: it must hold {name} once, it holds it {len(found)} times"
                )
            info = found[0]
            if info.file_size > _RATIO * max(info.compress_size, 1000) or (limit and info.file_size > limit):
                raise FileFormatError(
                    f"{self.label}: {name} claims {info.file_size} bytes, stored in {info.compress_size}: refused"
                )
            with self._zip.open(info) as file:
                data = file.read(info.file_size)
                if file.read(1):
                    raise FileFormatError(f"{self.label}: {name} is longer than it says")
        if len(data) != info.file_size:
            raise FileFormatError(f"{self.label}: {name} must have {info.file_size} bytes, got {len(data)}")
        return data

    def json(self, name: str) -> dict[str, Any]:
        """A member as a JSON object."""
        data = self.member(name, _JSON_LIMIT)
        with reading(self.label, "a .keras archive"):
            result = parse(data)
            if not isinstance(result, dict):
                raise FileFormatError(f"{self.label}: {name} must hold an object, got a {type(result).__name__}")
        return result

    @property
    def major(self) -> int:
        return major_version(self.json(METADATA).get("keras_version"), 3)

    @contextmanager
    def weights(self) -> Iterator[Group]:
        """The root group of the weights."""
        data = self.member(WEIGHTS)
        with open_hdf5(io.BytesIO(data), f"{self.label}/{WEIGHTS}") as file:
            yield file


def parse(data: str | bytes) -> Any:
    """JSON from a file."""
    return json.loads(data)


def major_version(text: Any, default: int) -> int:
    """3 for "3.15.1"."""
    first = str(text or "").split(".", 1)[0]
    return int(first) if first.isascii() and first.isdigit() and len(first) < 3 else default
