"""A CSV file of each epoch's logs."""

from __future__ import annotations

import csv
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

import numpy as np

from recurra.callbacks.base import Callback, Logs
from recurra.files import naming, path_name
from recurra.typing import PathLike


class CSVLogger(Callback):
    """Write each epoch's logs as a line of a CSV file: epoch, then the keys in alphabetical order.

    filename : the file; separator : between values
    append : go on with a file that exists, instead of starting over; its columns stay, and what has none is left out
        with a warning
    A value that an epoch does not have is written as NA.
    """

    def __init__(self, filename: PathLike, separator: str = ",", append: bool = False) -> None:
        super().__init__()
        self.filename = path_name(filename, "filename")
        self.separator, self.append = separator, append
        self._file: TextIO | None = None
        self._writer: Any = None
        self._keys: list[str] | None = None
        self._header = True
        self._columns: list[str] | None = None  # of the file that is gone on with
        self._start = 0  # of what this run writes, in bytes

    def state_dict(self) -> dict[str, Any]:
        """What the run has written, and where."""
        if self._file is None:
            return {"start": 0, "text": "", "keys": None}
        with open(self.filename, "rb") as file:
            file.seek(self._start)
            return {"start": self._start, "text": file.read().decode("utf-8"), "keys": self._keys}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Write what the interrupted run had written up to this point, in the place of all that it wrote."""
        if self._file is None:
            return
        self._file.close()
        with open(self.filename, "r+b") as file:
            file.truncate(min(state["start"], os.path.getsize(self.filename)))
        self._file = open(self.filename, "a", newline="", encoding="utf-8")  # noqa: SIM115
        self._start = state["start"]
        self._header = self._start == 0
        if self._header:  # what was in the file was the interrupted run's
            self._columns = None
        with self._written():
            self._file.write(state["text"])
            self._file.flush()
        self._keys = state["keys"]
        if self._keys is not None:
            self._writer = csv.writer(self._file, delimiter=self.separator, lineterminator="\n")

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._header, self._columns = True, None
        self._start = 0
        if self.append and os.path.exists(self.filename):
            self._start = os.path.getsize(self.filename)
            self._header = self._start == 0
            with open(self.filename, newline="", encoding="utf-8", errors="replace") as file:
                first, *others = next(csv.reader(file, delimiter=self.separator), [""])
            self._columns = others if first == "epoch" else None
        self._file = open(self.filename, "a" if self.append else "w", newline="", encoding="utf-8")  # noqa: SIM115
        self._writer, self._keys = None, None

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        logs = logs or {}
        if self._file is None:
            return
        if self._keys is None:
            self._keys = sorted(logs)
            if not any(key.startswith("val_") for key in self._keys):
                self._keys += [f"val_{key}" for key in self._keys]
            if self._columns is not None:
                self._keys = self._columns
                if missing := [key for key in sorted(logs) if key not in self._columns]:
                    warnings.warn(
                        f"CSVLogger: {self.filename} has no column for {', '.join(missing)}, which is not written; its "
                        f"columns are {', '.join(['epoch', *self._columns])}",
                        stacklevel=2,
                    )
        with self._written():
            if self._writer is None:
                self._writer = csv.writer(self._file, delimiter=self.separator, lineterminator="\n")
                if self._header:
                    self._writer.writerow(["epoch", *self._keys])
            self._writer.writerow([epoch, *(_cell(logs.get(key, "NA")) for key in self._keys)])
            self._file.flush()

    @contextmanager
    def _written(self) -> Iterator[None]:
        """An error of the block names the file, which is then closed: of a full disk, say."""
        try:
            with naming(self.filename):
                yield
        except OSError:
            if self._file is not None:
                with suppress(OSError):
                    self._file.close()
                self._file = None
            raise

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self._file is not None:
            with naming(self.filename):
                self._file.close()
            self._file = None


def _cell(value: Any) -> Any:
    return f"[{', '.join(map(str, np.ravel(value)))}]" if np.ndim(value) else value
