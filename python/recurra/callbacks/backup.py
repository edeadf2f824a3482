"""Checkpoints of a training run, to go on from as if it had never stopped."""

from __future__ import annotations

import re
import time
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

from recurra.callbacks.base import Callback, Logs
from recurra.callbacks.model_checkpoint import check_save_freq
from recurra.files import path_name
from recurra.state_file import DamagedFileError, read_state, write_state
from recurra.typing import PathLike

_NAME = re.compile(r"checkpoint-(\d{8})\.state")
_TEMPORARY = ".checkpoint-*.state.*.tmp"
_OLDER = ("latest.weights.h5", "training_metadata.json")  # of Keras


class BackupAndRestore(Callback):
    """Write checkpoints as training goes; the same script started again goes on exactly where the last one was written.

    backup_dir : a folder of its own
    save_freq : "epoch", or a number of batches
    double_checkpoint : keep the checkpoint before the last one too, for the case that the last one cannot be read
    delete_checkpoint : remove the checkpoints when training has ended
    save_minutes : write one also when so many minutes have passed since the last

    A checkpoint is one file, which takes its name when it is whole. It holds the weights, the optimizer's state, the
    states of stateful layers, all random streams, the running averages, the state of callbacks (``state_dict()``; a
    callback of your own keeps what it returns there) and the place in the data, so that the run that was killed at any
    moment and started again ends with the same weights, bit for bit, as one that was not. Ctrl-C writes one as well,
    within the validation too, for which a copy of all this is held in memory while it runs.

    Data in arrays, lists, objects with ``__getitem__`` and ``recurra.data`` is found again. Of a generator, or another
    iterable, as many batches are read again as had been read; of an object with ``on_epoch_end`` the ends of epochs are
    repeated. Objects with ``state_dict()`` and ``load_state_dict(state)`` are asked for their state at the start of a
    pass. Where the batch before the checkpoint turns out to be another one than in the run before, a warning says so.
    """

    def __init__(
        self,
        backup_dir: PathLike,
        save_freq: int | str = "epoch",
        double_checkpoint: bool = True,
        delete_checkpoint: bool = True,
        *,
        save_minutes: float | None = None,
    ) -> None:
        super().__init__()
        if not backup_dir:
            raise ValueError(f"backup_dir must name a folder, got {backup_dir!r}")
        if save_minutes is not None and not save_minutes > 0:
            raise ValueError(f"save_minutes must be a number of minutes > 0 or None, got {save_minutes!r}")
        self.backup_dir = Path(path_name(backup_dir, "backup_dir"))
        if self.backup_dir.exists() and not self.backup_dir.is_dir():
            raise NotADirectoryError(f"backup_dir must be a folder, got the file {self.backup_dir}")
        self.save_freq = check_save_freq(save_freq)
        self.double_checkpoint, self.delete_checkpoint = double_checkpoint, delete_checkpoint
        self.save_minutes = save_minutes
        self._since = 0
        self._saved = time.monotonic()

    # --- files ------------------------------------------------------------------------------------------------------
    def _files(self) -> list[tuple[int, Path]]:
        """The checkpoints and their numbers, the newest first."""
        if not self.backup_dir.is_dir():
            return []
        found = [(_NAME.fullmatch(path.name), path) for path in self.backup_dir.iterdir()]
        return sorted(((int(match[1]), path) for match, path in found if match), reverse=True)

    def _remove_temporary(self) -> None:
        for path in self.backup_dir.glob(_TEMPORARY):
            with suppress(FileNotFoundError):
                path.unlink()

    def clear(self) -> None:
        """Remove the checkpoints, and the folder if nothing else is in it."""
        for _, path in self._files():
            path.unlink()
        self._remove_temporary()
        with suppress(OSError):
            self.backup_dir.rmdir()

    def load_run(self) -> tuple[dict[str, Any], str] | None:
        """The newest checkpoint that can be read, and its name; None where there is none.

        A warning names one that is damaged.
        raises : DamagedFileError where there are checkpoints and none can be read
        """
        files = self._files()
        for place, (_, path) in enumerate(files):
            try:
                return read_state(path), str(path)
            except DamagedFileError as error:
                if place == len(files) - 1:
                    raise DamagedFileError(
                        f"{error}; there is no older checkpoint in {self.backup_dir}: remove it to train from the start"
                    ) from None
                warnings.warn(f"{error}; going on from the checkpoint before it", stacklevel=2)
        if any((self.backup_dir / name).exists() for name in _OLDER):
            warnings.warn(
                f"{self.backup_dir} holds a backup that Keras or an older version wrote, from which exact resumption "
                "is not possible: training starts anew. model.load_weights reads its weights",
                stacklevel=2,
            )
        return None

    # --- what fit asks for --------------------------------------------------------------------------------------------
    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._since, self._saved = 0, time.monotonic()
        self._remove_temporary()

    def is_due_after_epoch(self) -> bool:
        """Whether to write a checkpoint where an epoch has ended."""
        return self.save_freq == "epoch"

    def is_due_after(self, batches: int) -> bool:
        """Whether to write a checkpoint after so many further batches."""
        self._since += batches
        if self.save_freq != "epoch" and self._since >= int(self.save_freq):
            return True
        return self.save_minutes is not None and time.monotonic() - self._saved >= 60 * self.save_minutes

    def save_run(self, state: dict[str, Any]) -> None:
        """Write the next checkpoint, then remove those that are not kept.

        raises : OSError naming the file; the checkpoints before it stay
        """
        self.backup_dir.mkdir(parents=True, exist_ok=True)
        files = self._files()
        number = files[0][0] + 1 if files else 1
        write_state(self.backup_dir / f"checkpoint-{number:08}.state", state)
        for _, path in files[1:] if self.double_checkpoint else files:
            path.unlink()
        self._since, self._saved = 0, time.monotonic()

    def on_train_end(self, logs: Logs | None = None) -> None:
        history = getattr(self.model, "history", None)
        if self.delete_checkpoint and getattr(history, "interrupted", None) is None:
            self.clear()
