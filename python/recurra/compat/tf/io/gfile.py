"""``tf.io.gfile``: files and folders of this machine."""

from __future__ import annotations

import glob as _glob
import os
import shutil
from collections.abc import Iterator
from typing import IO, Any

__all__ = [
    "GFile",
    "copy",
    "exists",
    "glob",
    "isdir",
    "listdir",
    "makedirs",
    "mkdir",
    "remove",
    "rename",
    "rmtree",
    "walk",
]


def GFile(name: Any, mode: str = "r") -> IO[Any]:
    """``open``, texts as UTF-8."""
    return open(name, mode, encoding=None if "b" in mode else "utf-8")


def exists(path: Any) -> bool:
    """Whether there is such a file or folder."""
    return os.path.exists(path)


def isdir(path: Any) -> bool:
    """Whether it is a folder."""
    return os.path.isdir(path)


def glob(pattern: Any) -> list[str]:
    """The paths that match, in order."""
    patterns = pattern if isinstance(pattern, (list, tuple)) else [pattern]
    return sorted(found for one in patterns for found in _glob.glob(os.fspath(one)))


def listdir(path: Any) -> list[str]:
    """The names in a folder."""
    return os.listdir(path)


def makedirs(path: Any) -> None:
    """Make a folder and those above it."""
    os.makedirs(path, exist_ok=True)


def mkdir(path: Any) -> None:
    """Make a folder."""
    os.mkdir(path)


def remove(path: Any) -> None:
    """Remove a file."""
    os.remove(path)


def rmtree(path: Any) -> None:
    """Remove a folder and what is in it."""
    shutil.rmtree(path)


def copy(src: Any, dst: Any, overwrite: bool = False) -> None:
    """Copy a file.

    raises : FileExistsError where `dst` is there and `overwrite` is not set
    """
    if os.path.exists(dst) and not overwrite:
        raise FileExistsError(f"{os.fspath(dst)} is there already: overwrite=True")
    shutil.copy(src, dst)


def rename(src: Any, dst: Any, overwrite: bool = False) -> None:
    """Move a file.

    raises : FileExistsError where `dst` is there and `overwrite` is not set
    """
    if os.path.exists(dst) and not overwrite:
        raise FileExistsError(f"{os.fspath(dst)} is there already: overwrite=True")
    os.replace(src, dst)


def walk(top: Any, topdown: bool = True, onerror: Any = None) -> Iterator[tuple[str, list[str], list[str]]]:
    """``os.walk``."""
    return os.walk(top, topdown, onerror)
