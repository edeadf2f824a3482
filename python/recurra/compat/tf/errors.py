"""``tf.errors``: exceptions that programs catch."""

from __future__ import annotations

__all__ = [
    "InvalidArgumentError", "NotFoundError", "OpError", "OutOfRangeError", "ResourceExhaustedError",
    "UnimplementedError",
]  # fmt: skip


class OpError(Exception):
    """The base of all."""

    @property
    def message(self) -> str:
        return str(self)


class InvalidArgumentError(OpError, ValueError):
    """A value that an operation cannot take."""


class OutOfRangeError(OpError, IndexError):
    """Beyond the end of the data."""


class NotFoundError(OpError, FileNotFoundError):
    """A file that is not there."""


class ResourceExhaustedError(OpError, MemoryError):
    """No memory is left."""


class UnimplementedError(OpError, NotImplementedError):
    """Something that is not here."""
