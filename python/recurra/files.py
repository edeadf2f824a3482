"""Files that appear whole under their name, or not at all."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

FilePath = str | os.PathLike[str]


def check_target(path: FilePath, overwrite: bool = True) -> Path:
    """Where a file named `path` will really be written; an error if it cannot be, before any work is done.

    Symbolic links are followed, so that the link stays and what it points to is replaced.

    raises : IsADirectoryError, NotADirectoryError, PermissionError; FileExistsError without `overwrite`
    """
    target = Path(os.path.realpath(os.fspath(path)))
    if target.is_dir():
        raise IsADirectoryError(f"filepath must name a file to write, got the folder {path}: choose another name")
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
    whatever was at `path` stays as it was.
    """
    target = check_target(path, overwrite)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:100]}.", suffix=".tmp")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.chmod(temporary, _mode(target))
        os.replace(temporary, target)
    except BaseException:
        with suppress(FileNotFoundError):
            temporary.unlink()
        raise


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
