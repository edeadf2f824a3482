"""What libraries say about files that cannot be read, as one FileFormatError."""

from __future__ import annotations

import json
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from recurra.limits import FileFormatError

__all__ = ["FileFormatError", "making", "reading"]


#: what libraries, and classes told to do nonsense, raise
_CAUGHT = (
    OSError, RuntimeError, LookupError, TypeError, ValueError, AttributeError, ArithmeticError, AssertionError,
    EOFError, struct.error, zlib.error, zipfile.BadZipFile, json.JSONDecodeError,
)  # fmt: skip


def _named(error: FileFormatError, path: Any) -> FileFormatError:
    """The same error, with the file's name; or that of the archive whose member `path` is, where it says so."""
    said, archive = str(error), os.path.dirname(str(path))
    if str(path) in said or (archive and said.startswith(f"{archive}: ")):
        return error
    return FileFormatError(f"{path}: {said}")


@contextmanager
def making(path: Any, what: str) -> Iterator[None]:
    """Whatever goes wrong when what a file tells of is made becomes one FileFormatError.

    path : the file, for the message
    what : is made, "the model"
    """
    try:
        yield
    except FileFormatError as error:
        raise _named(error, path) from error.__cause__
    except MemoryError:
        raise FileFormatError(f"{path} asks for more memory than there is") from None
    except _CAUGHT as error:
        kind = "" if type(error) is ValueError else f"{type(error).__name__}: "
        said = " ".join(str(error).split())[:400]
        raise FileFormatError(f"{path}: {what} in it cannot be made: {kind}{said}") from error


@contextmanager
def reading(path: Any, what: str) -> Iterator[None]:
    """Whatever a library says about a damaged file becomes one FileFormatError.

    path : the file, for the message
    what : what it should be, "a .keras archive"

    A missing file or one without permission stays the OSError that it is.
    """
    try:
        yield
    except (FileNotFoundError, PermissionError, IsADirectoryError):
        raise
    except FileFormatError as error:
        raise _named(error, path) from error.__cause__
    except MemoryError:
        raise FileFormatError(f"{path} asks for more memory than there is: it is damaged, or not {what}") from None
    except _CAUGHT as error:
        said = " ".join(str(error).split())[:200]
        raise FileFormatError(f"{path} is damaged, or not {what} ({type(error).__name__}: {said})") from error
