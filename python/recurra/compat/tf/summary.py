"""``tf.summary``: logs for TensorBoard, written with tensorboardX (extra ``recurra[tensorboard]``)."""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra.compat.tf.tensors import array_of

__all__ = ["SummaryWriter", "create_file_writer", "flush", "histogram", "scalar", "text"]

_current: list[SummaryWriter] = []


class SummaryWriter:
    """A file of logs; inside ``with writer.as_default():`` :func:`scalar` and its like write to it."""

    def __init__(self, logdir: Any) -> None:
        try:
            from tensorboardX import SummaryWriter as Writer
        except ImportError as error:
            raise ImportError("tf.summary needs tensorboardX: pip install 'recurra[tensorboard]'") from error
        self._writer = Writer(str(logdir))

    def as_default(self, step: Any = None) -> SummaryWriter:
        """The writer itself, for a ``with`` block."""
        return self

    def __enter__(self) -> SummaryWriter:
        _current.append(self)
        return self

    def __exit__(self, *exc: object) -> None:
        _current.pop()

    def set_as_default(self, step: Any = None) -> None:
        """Write to it from here on."""
        _current[:] = [self]

    def flush(self) -> None:
        """Write what is held back."""
        self._writer.flush()

    def close(self) -> None:
        """Write what is held back and close the file."""
        self._writer.close()


def create_file_writer(
    logdir: Any, max_queue: Any = None, flush_millis: Any = None, filename_suffix: Any = None, name: str | None = None
) -> SummaryWriter:
    """A writer of logs into a folder."""
    return SummaryWriter(logdir)


def _add(method: str, name: str, value: Any, step: Any) -> bool:
    if not _current:
        return False
    getattr(_current[-1]._writer, method)(name, value, None if step is None else int(array_of(step)))
    return True


def scalar(name: str, data: Any, step: Any = None, description: Any = None) -> bool:
    """Log one number."""
    return _add("add_scalar", name, float(array_of(data)), step)


def histogram(name: str, data: Any, step: Any = None, buckets: Any = None, description: Any = None) -> bool:
    """Log a distribution."""
    return _add("add_histogram", name, np.asarray(array_of(data)), step)


def text(name: str, data: Any, step: Any = None, description: Any = None) -> bool:
    """Log a text."""
    found = array_of(data)[()]
    return _add("add_text", name, found.decode() if isinstance(found, bytes) else str(found), step)


def flush(writer: Any = None) -> None:
    """Write what is held back."""
    for one in [writer] if writer is not None else _current:
        one.flush()
