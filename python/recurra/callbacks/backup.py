"""Backups of a training run, to go on from."""

from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path
from typing import Any

from recurra import random as own_random
from recurra.callbacks.base import Callback, Logs
from recurra.callbacks.model_checkpoint import BatchCounter, check_save_freq
from recurra.files import atomic_write
from recurra.typing import PathLike


class BackupAndRestore(Callback):
    """Write a backup as training goes; the same script started again goes on from it.

    backup_dir : a folder of its own
    save_freq : "epoch" or a number of batches. Training goes on from the start of the epoch that was under way
    double_checkpoint : keep the backup before the last one too, for the case that the last one cannot be read
    delete_checkpoint : remove the folder when training ends

    Beyond what Keras keeps, the backup holds the random state (shuffling, dropout), so that a run backed up at an
    epoch's end repeats exactly what it would have done. Other callbacks' counters start anew.
    """

    def __init__(
        self,
        backup_dir: PathLike,
        save_freq: Any = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ) -> None:
        super().__init__()
        if not backup_dir:
            raise ValueError(f"backup_dir must name a folder, got {backup_dir!r}")
        self.backup_dir = Path(backup_dir)
        self.save_freq = check_save_freq(save_freq)
        self.double_checkpoint, self.delete_checkpoint = double_checkpoint, delete_checkpoint
        self._batches = BatchCounter(save_freq)
        self._epoch = 0
        self._start: dict[str, Any] | None = None

    def _files(self, suffix: str = "") -> tuple[Path, Path]:
        return self.backup_dir / f"latest{suffix}.weights.h5", self.backup_dir / f"training_metadata{suffix}.json"

    def on_train_begin(self, logs: Logs | None = None) -> None:
        for suffix in ("", "_previous"):
            weights, metadata = self._files(suffix)
            if not (weights.exists() and metadata.exists()):
                continue
            try:
                state = json.loads(metadata.read_text(encoding="utf-8"))
                self.model.load_weights(weights)
            except (OSError, ValueError) as error:
                if suffix or not self._files("_previous")[0].exists():
                    raise
                warnings.warn(f"the backup {weights} cannot be read ({error}); using the one before it", stacklevel=3)
                continue
            self.model._initial_epoch = int(state["epoch"])
            restore_random_state(self.model, state.get("random"))
            return

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._epoch = epoch
        self._start = random_state(self.model)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        if self._batches.due(batch):
            self._save(self._epoch, batch + 1, self._start)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self._epoch = epoch + 1
        if self.save_freq == "epoch":
            self._save(epoch + 1, 0, random_state(self.model))

    def _save(self, epoch: int, batch: int, state: Any) -> None:
        self.backup_dir.mkdir(parents=True, exist_ok=True)
        files = self._files()
        if self.double_checkpoint:
            for current, kept in zip(files, self._files("_previous"), strict=True):
                if current.exists():
                    shutil.copyfile(current, kept)
        self.model.save_weights(files[0], overwrite=True)
        with atomic_write(files[1], "w") as file:
            file.write(json.dumps({"epoch": epoch, "batch": batch, "random": state}))

    def on_train_end(self, logs: Logs | None = None) -> None:
        history = getattr(self.model, "history", None)
        interrupted = getattr(history, "interrupted", None) is not None
        if self.delete_checkpoint and not interrupted and self.backup_dir.exists():
            shutil.rmtree(self.backup_dir)


def _generators(model: Any) -> list[own_random.SeedGenerator]:
    found: dict[int, own_random.SeedGenerator] = {}
    for layer in model._flatten_layers():
        for value in vars(layer).values():
            for item in value if isinstance(value, (list, tuple)) else (value,):
                if isinstance(item, own_random.SeedGenerator):
                    found[id(item)] = item
    return list(found.values())


def random_state(model: Any) -> dict[str, Any]:
    """The state of all random numbers that training `model` draws, as JSON can hold it."""
    return {
        "global": own_random.get_global_state(),
        "shuffle": model._shuffle_seed,
        "layers": [list(generator.state) for generator in _generators(model)],
    }


def restore_random_state(model: Any, state: Any) -> None:
    """Go back to what :func:`random_state` returned."""
    if not state:
        return
    own_random.set_global_state(state["global"])
    model._shuffle_seed = state["shuffle"]
    generators = _generators(model)
    if len(generators) == len(state["layers"]):
        for generator, (seed, stream) in zip(generators, state["layers"], strict=True):
            generator.state = (seed, stream)
