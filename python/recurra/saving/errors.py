"""The one error for files that cannot be read."""

from __future__ import annotations

import json
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class FileFormatError(ValueError):
    """A file is damaged, hostile, of another format, or holds something that recurra does not know."""


@contextmanager
def reading(path: Any, what: str) -> Iterator[None]:
    """Whatever a library says about a damaged file becomes one FileFormatError.

    path : the file, for the message
    what : what it should be, "a .keras archive"

    A missing file or one without permission stays the OSError that it is.
    """
    try:
        yield
    except (FileNotFoundError, PermissionError, IsADirectoryError, FileFormatError):
        raise
    except MemoryError:
        raise FileFormatError(f"{path} asks for more memory than there is: it is damaged, or not {what}") from None
    except (
        OSError, RuntimeError, LookupError, TypeError, ValueError, AttributeError, ArithmeticError, AssertionError,
        EOFError, struct.error, zlib.error, zipfile.BadZipFile, json.JSONDecodeError,
    ) as error:  # fmt: skip
        said = " ".join(str(error).split())[:200]
        raise FileFormatError(f"{path} is damaged, or not {what} ({type(error).__name__}: {said})") from error
