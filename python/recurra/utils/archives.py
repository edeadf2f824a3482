"""Checksums, archives unpacked safely, and where downloads are kept."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import os
import shutil
import stat
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

from recurra.files import naming
from recurra.limits import FileFormatError, allowing, check_regular, check_unpacked, unpacked

PathLike = str | os.PathLike[str]

_CHUNK = 1 << 20
_ALGORITHMS = {32: "md5", 40: "sha1", 64: "sha256", 128: "sha512"}
_MEMBERS = 1_000_000


def cache_root() -> Path:
    """The folder of downloads: ``$KERAS_HOME``, else ``~/.keras`` where it exists (Keras's own downloads are found
    there), else ``~/.cache/recurra`` (below ``$XDG_CACHE_HOME`` where that is set).
    """
    home = os.environ.get("KERAS_HOME")
    if home:
        return Path(home).expanduser()
    keras = Path.home() / ".keras"
    if keras.is_dir():
        return keras
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "recurra"


def hash_algorithm(digest: str, algorithm: str = "auto") -> str:
    """The name of the hash that `digest` (hexadecimal) belongs to; "auto" goes by its length.

    raises : ValueError where it is none that is known
    """
    if algorithm != "auto":
        if algorithm not in _ALGORITHMS.values():
            raise ValueError(f"hash_algorithm must be auto, {', '.join(_ALGORITHMS.values())}, got {algorithm!r}")
        return algorithm
    if len(digest) not in _ALGORITHMS:
        raise ValueError(f"file_hash must be an md5 (32 digits) or a sha256 (64 digits), got {digest!r}")
    return _ALGORITHMS[len(digest)]


def file_digest(path: PathLike, algorithm: str = "sha256") -> str:
    """The hexadecimal hash of a file's content."""
    hasher = hashlib.new(algorithm, usedforsecurity=False)
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            hasher.update(chunk)
    return hasher.hexdigest()


def matches(path: PathLike, digest: str | None, algorithm: str = "auto") -> bool:
    """Whether the file's hash is `digest`; without a digest, True."""
    return digest is None or file_digest(path, hash_algorithm(digest, algorithm)) == digest.lower()


def extract_archive(
    archive: PathLike, folder: PathLike, archive_format: str | list[str] | None = "auto", max_size: int | None = None
) -> bool:
    """Unpack a zip or tar archive (also .tar.gz, .tar.bz2, .tar.xz) into `folder`, whole or not at all.

    A folder that is there is replaced if this function made it and nobody changed it since; one that holds the same
    files is left as it is.

    archive_format : "auto", "zip", "tar" or a list of these: the kinds tried; None tries none
    max_size : the most bytes that it may unpack to; None for 64 MiB, or 20 times the archive's size where that is more
    returns : whether it was an archive of that kind
    raises : FileFormatError (a ValueError) for a damaged archive, one that unpacks to more, members that would land
        outside `folder` (absolute paths, ``..``), links and devices; FileExistsError for a folder of other files
    """
    if isinstance(archive_format, list):
        kinds = archive_format
    else:
        kinds = ["tar", "zip"] if archive_format == "auto" else [] if archive_format is None else [archive_format]
    if any(kind not in ("tar", "zip") for kind in kinds):
        raise ValueError(f"archive_format must be 'auto', 'tar', 'zip' or None, got {archive_format!r}")
    check_regular(archive)
    source, target = Path(archive), Path(folder)
    for kind in kinds:
        if not (_is_tar(source) if kind == "tar" else zipfile.is_zipfile(source)):
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent))
        try:
            with allowing(max_size), _whole(source):
                (_unpack_tar if kind == "tar" else _unpack_zip)(source, temporary)
            temporary.chmod(0o755)
            _put_in_place(temporary, target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return True
    return False


def _put_in_place(made: Path, target: Path) -> None:
    note = target.with_name(f".{target.name}.extracted")
    if target.exists() or target.is_symlink():
        if not target.is_dir() or target.is_symlink():
            raise FileExistsError(f"{target} is not a folder, and is not replaced by one: remove it first")
        ours = note.is_file() and note.read_text("utf-8") == _listing(target, times=True)
        if not ours and any(target.iterdir()):
            if _listing(target) == _listing(made):
                return
            raise FileExistsError(
                f"{target} exists, and holds files that are not of this archive or were changed: it is not replaced. "
                "Remove it, or choose another fname or cache_dir"
            )
        shutil.rmtree(target)
    os.replace(made, target)
    note.write_text(_listing(target, times=True), "utf-8")


def _listing(folder: Path, times: bool = False) -> str:
    """A hash of the names and sizes of all files below `folder`, with `times` of the times of their changes too.

    Links to files of the folder itself (`link_as_keras2`) do not count.
    """
    hasher = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() and path.resolve().is_relative_to(folder.resolve()):
            continue
        found = path.lstat()
        size = found.st_size if stat.S_ISREG(found.st_mode) else -1
        hasher.update(f"{path.relative_to(folder)} {size} {found.st_mtime_ns if times and size >= 0 else 0}\n".encode())
    return hasher.hexdigest()


@contextmanager
def _whole(archive: Path) -> Iterator[None]:
    """Whatever libraries say about a damaged archive becomes one FileFormatError."""
    try:
        yield
    except FileFormatError:
        raise
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, LookupError,
            UnicodeError, OverflowError, struct.error) as error:  # fmt: skip
        raise FileFormatError(f"{archive} is damaged, or packed in a way that is not known: {error}") from None
    except OSError as error:
        if error.errno is not None:  # the system's own
            raise
        raise FileFormatError(f"{archive} is damaged: {error}") from None
    except MemoryError:
        raise FileFormatError(f"{archive} asks for more memory than there is") from None


class _Counted:
    """A stream of which no more than an archive may unpack to is read or written."""

    def __init__(self, archive: Path, stream: IO[bytes] | None = None) -> None:
        self.archive, self.stored, self.stream = archive, archive.stat().st_size, stream
        self.members = self.count = 0

    def add(self, size: int) -> None:
        self.count += size
        check_unpacked(self.count, self.stored, str(self.archive))

    def read(self, size: int = -1) -> bytes:
        assert self.stream is not None
        data = self.stream.read(size)
        self.count += len(data)
        slack = 1 << 20  # headers, and blocks that are filled up
        if self.count > unpacked(self.stored) + slack + 2048 * self.members:
            check_unpacked(self.count, self.stored, str(self.archive))
        return data

    def member(self) -> None:
        self.members += 1
        if self.members > _MEMBERS:
            raise FileFormatError(f"{self.archive} has more than {_MEMBERS} members: refused")


def _copy(source: IO[bytes], target: Path, counted: _Counted) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with naming(target), open(target, "wb") as file:
        while chunk := source.read(_CHUNK):
            counted.add(len(chunk))
            file.write(chunk)


def link_as_keras2(folder: Path) -> None:
    """Let what was unpacked into `folder` be found where Keras 2 had it: links to it, where nothing else stands.

    Keras 2 unpacked beside the archive (``datasets/aclImdb``); what it then returned was the archive's name without
    ending, which is the folder itself for an archive of one folder of that name (``datasets/flowers/daisy``).
    """
    for entry in list(folder.iterdir()):
        _link(folder.parent / entry.name, entry)
        if entry.is_dir() and entry.name == folder.name:
            for inner in list(entry.iterdir()):
                _link(folder / inner.name, inner)


def _link(place: Path, target: Path) -> None:
    if place.is_symlink() and not place.exists():
        place.unlink()  # of an archive that was unpacked before
    if place.exists():
        return
    try:
        place.symlink_to(os.path.relpath(target, place.parent), target.is_dir())
    except OSError:  # no links here: Windows without the right to make them
        (shutil.copytree if target.is_dir() else shutil.copy2)(target, place)


def _safe_target(folder: Path, member: str, archive: Path) -> Path:
    path = PurePosixPath(member.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or (path.parts and ":" in path.parts[0]):
        raise FileFormatError(
            f"{archive}: the member {member!r} would land outside the folder; do not trust this archive"
        )
    return folder.joinpath(*path.parts)


def _unpack_zip(archive: Path, folder: Path) -> None:
    counted = _Counted(archive)
    with zipfile.ZipFile(archive) as source:
        check_unpacked(sum(info.file_size for info in source.infolist()), counted.stored, str(archive))
        for info in source.infolist():
            counted.member()
            target = _safe_target(folder, info.filename, archive)
            mode = info.external_attr >> 16
            if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise FileFormatError(f"{archive}: the member {info.filename!r} is a link or a device: not unpacked")
            if info.is_dir():
                target.mkdir(parents=True, exist_ok=True)
                continue
            with source.open(info) as member:
                _copy(member, target, counted)


_PACKED: dict[bytes, Callable[[Path], Any]] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}


@contextmanager
def _tar(archive: Path) -> Iterator[tuple[tarfile.TarFile, _Counted]]:
    """The archive, read as a stream from front to back, so that nothing of it is read that was not counted."""
    with open(archive, "rb") as file:
        start = file.read(6)
    opened = next((function for magic, function in _PACKED.items() if start.startswith(magic)), None)
    with opened(archive) if opened else open(archive, "rb") as stream:
        if opened:
            stream.peek(1)  # tarfile would take a damaged start for no archive
        counted = _Counted(archive, stream)
        with tarfile.open(fileobj=cast("IO[bytes]", counted), mode="r|") as source:
            yield source, counted


def _is_tar(archive: Path) -> bool:
    try:
        with allowing(None), _tar(archive):
            return True
    except FileFormatError:
        raise
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise FileFormatError(f"{archive} is damaged: {error}") from None
    except (tarfile.TarError, ValueError):
        return False


def _unpack_tar(archive: Path, folder: Path) -> None:
    written = _Counted(archive)
    with _tar(archive) as (source, read):
        for info in source:
            written.member()
            read.member()
            target = _safe_target(folder, info.name, archive)
            if info.isdir():
                target.mkdir(parents=True, exist_ok=True)
            elif info.isreg():
                check_unpacked(written.count + info.size, written.stored, str(archive))
                member = source.extractfile(info)
                assert member is not None  # a regular file always has content
                with member:
                    _copy(member, target, written)
            else:
                raise FileFormatError(f"{archive}: the member {info.name!r} is a link or a device: not unpacked")
        while read.read(_CHUNK):  # to the end, where the checksum is
            pass
