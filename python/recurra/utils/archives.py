"""Checksums, archives unpacked safely, and where downloads are kept."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tarfile
import tempfile
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any

PathLike = str | os.PathLike[str]

_CHUNK = 1 << 20
_ALGORITHMS = {32: "md5", 40: "sha1", 64: "sha256", 128: "sha512"}
_UNPACKED_LIMIT = 1 << 40  # bytes; beyond it an archive is taken for a trap


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


def extract_archive(archive: PathLike, folder: PathLike, archive_format: str | list[str] | None = "auto") -> bool:
    """Unpack a zip or tar archive (also .tar.gz, .tar.bz2, .tar.xz) into `folder`, replacing it, whole or not at all.

    archive_format : "auto", "zip", "tar" or a list of these: the kinds tried; None tries none
    returns : whether it was an archive of that kind
    raises : ValueError for members that would land outside `folder` (absolute paths, ``..``), for links and devices
    """
    if isinstance(archive_format, list):
        kinds = archive_format
    else:
        kinds = ["tar", "zip"] if archive_format == "auto" else [] if archive_format is None else [archive_format]
    if any(kind not in ("tar", "zip") for kind in kinds):
        raise ValueError(f"archive_format must be 'auto', 'tar', 'zip' or None, got {archive_format!r}")
    for kind in kinds:
        if kind == "tar" and tarfile.is_tarfile(archive):
            unpack: Any = _unpack_tar
        elif kind == "zip" and zipfile.is_zipfile(archive):
            unpack = _unpack_zip
        else:
            continue
        target = Path(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent))
        try:
            unpack(Path(archive), temporary)
            temporary.chmod(0o755)
            if target.exists():
                shutil.rmtree(target)
            os.replace(temporary, target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return True
    return False


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
        raise ValueError(f"{archive}: the member {member!r} would land outside the folder; do not trust this archive")
    return folder.joinpath(*path.parts)


def _unpack_zip(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as source:
        if sum(info.file_size for info in source.infolist()) > _UNPACKED_LIMIT:
            raise ValueError(f"{archive}: unpacked it would be over {_UNPACKED_LIMIT >> 40} TiB")
        for info in source.infolist():
            target = _safe_target(folder, info.filename, archive)
            mode = info.external_attr >> 16
            if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise ValueError(f"{archive}: the member {info.filename!r} is a link or a device: not unpacked")
            if info.is_dir():
                target.mkdir(parents=True, exist_ok=True)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            with source.open(info) as member, open(target, "wb") as file:
                shutil.copyfileobj(member, file, _CHUNK)


def _unpack_tar(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as source:
        for info in source:
            target = _safe_target(folder, info.name, archive)
            if info.isdir():
                target.mkdir(parents=True, exist_ok=True)
            elif info.isreg():
                target.parent.mkdir(parents=True, exist_ok=True)
                member = source.extractfile(info)
                assert member is not None  # a regular file always has content
                with member, open(target, "wb") as file:
                    shutil.copyfileobj(member, file, _CHUNK)
            else:
                raise ValueError(f"{archive}: the member {info.name!r} is a link or a device: not unpacked")
