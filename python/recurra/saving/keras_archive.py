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

from recurra.limits import check_json, check_members, check_regular, check_unpacked
from recurra.saving.file_errors import FileFormatError, reading
from recurra.saving.hdf5 import Group, open_hdf5

METADATA, CONFIG, WEIGHTS = "metadata.json", "config.json", "model.weights.h5"
#: the version of Keras whose format is written
KERAS_VERSION = "3.15.1"

Source = str | os.PathLike[str] | IO[bytes]


def write_archive(file: IO[bytes], config: dict[str, Any], weights: bytes) -> None:
    """Write a whole archive into an open binary file."""
    metadata = {"keras_version": KERAS_VERSION, "date_saved": datetime.now().strftime("%Y-%m-%d@%H:%M:%S")}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(METADATA, json.dumps(metadata))
        archive.writestr(CONFIG, json.dumps(config))
        archive.writestr(WEIGHTS, weights)


class Archive:
    """A .keras archive (or a folder with the same files) being read.

    what : "a .keras archive", or what else of the same build it is, for errors
    major : the major version of the Keras that wrote it
    """

    def __init__(self, source: Source, what: str = "a .keras archive") -> None:
        self.what, self._unpacked = what, 0
        self.label = str(source) if isinstance(source, (str, os.PathLike)) else str(getattr(source, "name", source))
        self._folder = Path(source) if isinstance(source, (str, os.PathLike)) and os.path.isdir(source) else None
        self._zip: zipfile.ZipFile | None = None
        if self._folder is None:
            if isinstance(source, (str, os.PathLike)):
                check_regular(source)
            with reading(self.label, what):
                self._zip = zipfile.ZipFile(source)
                assert self._zip.fp is not None
                check_members(self._zip, self.label)
                self._stored = self._zip.fp.seek(0, os.SEEK_END)

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

    def member(self, name: str) -> bytes:
        """The bytes of one member, checked against its checksum and the limits of ``recurra.limits``."""
        with reading(self.label, self.what):
            if self._folder is not None:
                return self._from_folder(self._folder / name)
            assert self._zip is not None
            found = [info for info in self._zip.infolist() if info.filename == name]
            if len(found) != 1:
                raise FileFormatError(
                    f"{self.label} is not {self.what}, or it is damaged: it must hold {name} once, it holds it "
                    f"{len(found)} times"
                )
            info = found[0]
            stored = min(info.compress_size, self._stored)
            check_unpacked(info.file_size, stored, f"{self.label}: {name}")
            self._unpacked += info.file_size
            check_unpacked(self._unpacked, self._stored, f"{self.label}: what is read of it")
            with self._zip.open(info) as file:
                data = file.read(info.file_size)
                if file.read(1):
                    raise FileFormatError(f"{self.label}: {name} is longer than it says")
        if len(data) != info.file_size:
            raise FileFormatError(f"{self.label}: {name} must have {info.file_size} bytes, got {len(data)}")
        return data

    def _from_folder(self, path: Path) -> bytes:
        if not path.is_file():  # a device or a pipe would give without end, or wait
            raise FileFormatError(f"{self.label} is not {self.what}: {path.name} in it is not a file")
        return path.read_bytes()

    def json(self, name: str) -> dict[str, Any]:
        """A member as a JSON object."""
        data = self.member(name)
        check_json(data, f"{self.label}: {name}")
        with reading(self.label, self.what):
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
