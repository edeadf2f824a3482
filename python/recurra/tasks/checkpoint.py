"""Checkpoints of a task's training: the run itself, and the settings that it must go on with."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeGuard

from recurra.callbacks import BackupAndRestore
from recurra.random import derive_seed
from recurra.state_file import read_state, write_state
from recurra.typing import PathLike

_SETTINGS = "settings.state"


class _Backup(BackupAndRestore):
    """Writes the settings of a training where it begins: one that is refused before leaves nothing behind."""

    settings: dict[str, Any] | None = None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        super().on_train_begin(logs)
        if self.settings is not None:
            self.backup_dir.mkdir(parents=True, exist_ok=True)
            write_state(self.backup_dir / _SETTINGS, self.settings)

    def holds_run(self) -> bool:
        """Whether a checkpoint is written that a training can go on from."""
        return bool(self._files())


class TrainingCheckpoint:
    r"""A folder from which ``LanguageModel.fit`` and ``SentimentClassifier.fit`` go on exactly where they stopped.

    folder : of its own; made where it is missing
    minutes : a checkpoint is written so often, and after each epoch
    resume : go on from the checkpoint that the folder holds, if it holds one. Otherwise an old one is removed

    Call :meth:`clear` when the trained model is saved.

        >>> import tempfile
        >>> from recurra.tasks import LanguageModel, TrainingCheckpoint
        >>> checkpoint = TrainingCheckpoint(tempfile.mkdtemp(), resume=True)
        >>> lm = LanguageModel(units=4, seed=1)
        >>> history = lm.fit("to be or not to be\n" * 9, epochs=1, batch_size=2, verbose=0, checkpoint=checkpoint)
        >>> checkpoint.found
        True
        >>> checkpoint.clear()
    """

    def __init__(self, folder: PathLike, *, minutes: float = 5.0, resume: bool = False) -> None:
        self.folder, self.resume = Path(folder), resume
        self.callback = _Backup(self.folder, save_minutes=minutes, delete_checkpoint=False)

    @property
    def found(self) -> bool:
        """Whether the folder holds a training that was begun."""
        return (self.folder / _SETTINGS).exists()

    @property
    def resumable(self) -> bool:
        """Whether the folder holds weights that a training goes on with."""
        return self.found and self.callback.holds_run()

    def begin(self, settings: Mapping[str, Any], seed: int | None) -> int:
        """The seed to train with: that of the run to go on with, or `seed`, or a new one.

        The settings are kept from the training's begin on.

        settings : names and values that must be the same when the run is resumed
        raises : ValueError naming the setting that differs
        """
        path = self.folder / _SETTINGS
        own = {**settings, "seed": seed}
        if self.resume and self.found:
            kept = read_state(path)
            for name, value in own.items():
                if kept["settings"].get(name) != value:
                    what = "" if name == "data" else f", {kept['settings'].get(name)!r}, got {value!r}"
                    raise ValueError(
                        f"{name} must be the same as in the training that {self.folder} holds{what}: give the same "
                        "texts, in the same order, and settings to resume it, or remove that folder to start anew"
                    )
            return int(kept["seed"])
        self.clear()
        chosen = derive_seed() if seed is None else seed
        self.callback.settings = {"settings": own, "seed": chosen}
        return chosen

    def clear(self) -> None:
        """Remove what was written, and the folder if nothing else is in it."""
        with suppress(FileNotFoundError):
            (self.folder / _SETTINGS).unlink()
        self.callback.clear()
        for path in self.folder.glob(f".{_SETTINGS}.*.tmp"):
            path.unlink()
        with suppress(OSError):
            self.folder.rmdir()


def is_given(checkpoint: TrainingCheckpoint | None) -> TypeGuard[TrainingCheckpoint]:
    """Whether `checkpoint` is one; TypeError for what is neither that nor None."""
    if checkpoint is not None and not isinstance(checkpoint, TrainingCheckpoint):
        raise TypeError(
            f"checkpoint must be None or a recurra.tasks.TrainingCheckpoint(folder), got {type(checkpoint).__name__}"
        )
    return checkpoint is not None


def checksum(*parts: Any) -> int:
    """A number that tells texts apart."""
    found = 0
    for part in parts:
        found = zlib.crc32(str(part).encode("utf-8", "surrogatepass") + b"\0", found)
    return found
