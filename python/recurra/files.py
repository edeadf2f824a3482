"""Files that appear whole under their name, or not at all."""

from __future__ import annotations

import errno
import functools
import os
import stat
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

FilePath = str | os.PathLike[str]
#: what the system says when no more can be written
_FULL = {getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EFBIG") if hasattr(errno, name)}


def path_name(path: Any, argument: str = "filepath", other: str = "") -> str:
    """A path given as str, bytes or os.PathLike, as str.

    other : what else the argument may be, for the TypeError
    """
    try:
        return os.fsdecode(path)
    except TypeError:
        raise TypeError(
            f"{argument} must be a path (str, bytes or os.PathLike){other}, got {type(path).__name__}"
        ) from None


def check_target(path: FilePath, overwrite: bool = True) -> Path:
    """Where a file named `path` will really be written; an error if it cannot be, before any work is done.

    Symbolic links are followed, so that the link stays and what it points to is replaced.

    raises : IsADirectoryError, NotADirectoryError, PermissionError; ValueError for a pipe, a socket or a device;
        FileExistsError without `overwrite`
    """
    target = Path(os.path.realpath(os.fspath(path)))
    if target.is_dir():
        raise IsADirectoryError(f"filepath must name a file to write, got the folder {path}: choose another name")
    if target.exists() and not target.is_file():
        raise ValueError(f"{path} must be a file, got a pipe, a socket or a device, which would be replaced by one")
    if target.exists() and not overwrite:
        raise FileExistsError(f"{path} exists and overwrite=False: remove it, or choose another name")
    parent = target.parent
    while not parent.exists():
        parent = parent.parent
    if not parent.is_dir():
        raise NotADirectoryError(f"{path} cannot be written: {parent} is a file, not a folder")
    if not os.access(parent, os.W_OK):
        raise PermissionError(f"{path} cannot be written: no permission to write in the folder {parent}")
    return target


@contextmanager
def atomic_path(path: FilePath, overwrite: bool = True) -> Iterator[Path]:
    """A temporary path beside `path`; what is written there takes the name `path` when the block ends.

    Folders that are missing are made. If the block raises (Ctrl-C included), the temporary file is removed and
    whatever was at `path` stays as it was. What killed processes left of earlier writes is removed too.

    raises : OSError that names `path` where the disk is full
    """
    target = check_target(path, overwrite)
    target.parent.mkdir(parents=True, exist_ok=True)
    _remove_orphans(target)
    prefix = f".{target.name[:100]}.{_namespace()}-{os.getpid()}."
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=prefix, suffix=".tmp")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.chmod(temporary, _mode(target))
        os.replace(temporary, target)
        _sync_folder(target.parent)
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError) and error.errno is not None and is_full(error):
            said = f"{os.strerror(error.errno)}: nothing was written, what was there before is unchanged"
            raise OSError(error.errno, said, os.fspath(path)) from error
        raise


@contextmanager
def naming(path: FilePath) -> Iterator[None]:
    """In the block an error of the system that names no file, as those of writes to a full disk, names `path`."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and error.filename is None:
            error.filename = os.fspath(path)
        raise


def is_full(error: OSError) -> bool:
    """Whether the system says that no more can be written."""
    return error.errno is not None and error.errno in _FULL


@functools.cache
def _namespace() -> str:
    """Digits for the machine, since its start, and the namespace in which numbers of processes hold."""
    parts = [os.uname().nodename] if hasattr(os, "uname") else []
    with suppress(OSError):
        parts.append(os.readlink("/proc/self/ns/pid"))
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii"))
    return f"{zlib.crc32(' '.join(parts).encode()):08x}"


def _remove_orphans(target: Path) -> None:
    """Remove the temporary files of writes to `target` by processes of this machine that are no more."""
    if os.name != "posix":
        return
    start = f".{target.name[:100]}.{_namespace()}-"
    with suppress(OSError):
        for entry in os.scandir(target.parent):
            if entry.name.startswith(start) and entry.name.endswith(".tmp"):
                number = entry.name[len(start) :].split(".", 1)[0]
                if number.isdigit() and not _is_alive(int(number)):
                    with suppress(OSError):
                        os.unlink(entry.path)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _sync_folder(folder: Path) -> None:
    """Make the new name last through a power cut, where the system can."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def atomic_write(
    path: FilePath, mode: str = "wb", *, encoding: str | None = None, overwrite: bool = True
) -> Iterator[IO[Any]]:
    """Open `path` for writing; the file gets its name, and replaces an older one, only when the block ends well.

    path : where the file will be; folders that are missing are made
    mode : "wb" or "w"
    encoding : of a text file; UTF-8 by default
    overwrite : whether an existing file may be replaced; FileExistsError otherwise

        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "note.txt"
        >>> with atomic_write(path, "w") as file:
        ...     _ = file.write("whole")
        >>> path.read_text()
        'whole'
    """
    if mode not in ("w", "wb"):
        raise ValueError(f'mode must be "w" or "wb", got {mode!r}')
    if mode == "w" and encoding is None:
        encoding = "utf-8"
    with atomic_path(path, overwrite) as temporary, open(temporary, mode, encoding=encoding) as file:
        yield file


def _mode(target: Path) -> int:
    """The permissions for the new file: the old one's, or those that open() would give."""
    try:
        return stat.S_IMODE(target.stat().st_mode)
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask
