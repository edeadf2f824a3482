"""The bytes of an HDF5 file that is being written, with the first failure kept until the HDF5 library is done.

Where a write fails, the library prints its own error stack, may fail again when it closes the file, and in some
versions crashes there. It is therefore never told: from the first failure on, writes are accepted, and what it may
want to read again (its own structures, not the arrays) is held in memory. :meth:`Target.close` raises the error.
"""

from __future__ import annotations

import io
import os
from functools import wraps
from typing import Any

#: longer writes after a failure are arrays, which the library does not read again
_STRUCTURE = 1 << 20


def _remembered(method: Any) -> Any:
    """A method that the library calls: what interrupts it (Ctrl-C) is kept, as the library forgets it."""

    @wraps(method)
    def called(self: Target, *args: Any) -> Any:
        try:
            return method(self, *args)
        except BaseException as error:
            self.failure = self.failure or error
            raise

    return called


class Target(io.RawIOBase):
    """What h5py writes to in place of a path.

    file : an unbuffered binary file open for reading and writing, or a BytesIO
    failure : the first error, None while there is none
    """

    def __init__(self, file: Any) -> None:
        super().__init__()
        self._file = file
        self._at = 0
        self._size = 0
        self._kept: list[tuple[int, bytes]] = []
        self.failure: BaseException | None = None

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    @_remembered
    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at

    @_remembered
    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        start, length = self._at, len(view)
        self._at += length
        self._size = max(self._size, self._at)
        if self.failure is None:
            try:
                self._file.seek(start)
                done = 0
                while done < length:
                    done += self._file.write(view[done:])
            except BaseException as error:  # Ctrl-C too
                self.failure = error
        if self.failure is not None and length <= _STRUCTURE:
            self._kept.append((start, bytes(view)))
        return length

    @_remembered
    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        length = max(0, min(len(view), self._size - self._at))
        start, found = self._at, 0
        view[:length] = bytes(length)
        try:
            self._file.seek(start)
            while found < length and (more := self._file.readinto(view[found:length])):
                found += more
        except BaseException as error:
            self.failure = self.failure or error
        for place, data in self._kept:
            first, last = max(start, place), min(start + length, place + len(data))
            if first < last:
                view[first - start : last - start] = data[first - place : last - place]
        self._at += length
        return length

    @_remembered
    def truncate(self, size: int | None = None) -> int:
        self._size = self._at if size is None else size
        if self.failure is None:
            try:
                self._file.truncate(self._size)
            except BaseException as error:
                self.failure = error
        return self._size

    def raise_failure(self) -> None:
        """Raise the first error, if there was one."""
        if self.failure is not None:
            raise self.failure
