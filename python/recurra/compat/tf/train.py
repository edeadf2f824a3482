"""``tf.train``: checkpoints of models, optimizers and variables, examples, and TensorFlow 1's optimizers.

A checkpoint is one HDF5 file, ``<prefix>-<number>.weights.h5``: a group for each object that the Checkpoint was given.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from recurra.autograd import Variable as Weight
from recurra.compat.tf.io.example import (
    BytesList,
    Example,
    Feature,
    FeatureList,
    FeatureLists,
    Features,
    FloatList,
    Int64List,
    SequenceExample,
)
from recurra.compat.tf.making import shape_of
from recurra.compat.tf.tensors import array_of
from recurra.compat.tf.variables import Module
from recurra.files import atomic_path
from recurra.optimizers import Optimizer
from recurra.saving import hdf5
from recurra.saving.checkpoints import file_of, latest_checkpoint, record

__all__ = [
    "BytesList", "Checkpoint", "CheckpointManager", "CheckpointStatus", "Example", "Feature", "FeatureList",
    "FeatureLists", "Features", "FloatList", "Int64List", "SequenceExample", "latest_checkpoint", "list_variables",
]  # fmt: skip


class CheckpointStatus:
    """What :meth:`Checkpoint.restore` gives: everything was restored already."""

    def expect_partial(self) -> CheckpointStatus:
        """Nothing is left to warn of."""
        return self

    def assert_consumed(self) -> CheckpointStatus:
        """Everything was restored."""
        return self

    def assert_existing_objects_matched(self) -> CheckpointStatus:
        """Everything was restored."""
        return self

    def initialize_or_restore(self, session: Any = None) -> None:
        """Everything was restored."""


def _variables(value: Any) -> list[Weight]:
    """The variables of an object, in a fixed order."""
    if isinstance(value, Weight):
        return [value]
    if isinstance(value, Optimizer):
        return list(value.variables)
    if isinstance(value, (Module, Checkpoint)):
        return list(value.variables) if isinstance(value, Module) else value._all()
    if isinstance(value, (list, tuple)):
        return [one for item in value for one in _variables(item)]
    if isinstance(value, dict):
        return [one for key in sorted(value) for one in _variables(value[key])]
    if hasattr(value, "weights"):
        return list(value.weights)
    raise TypeError(f"tf.train.Checkpoint keeps models, layers, optimizers and variables, got {type(value).__name__}")


class Checkpoint:
    """Saves and restores the variables of what it is given by name: ``Checkpoint(optimizer=…, encoder=…)``."""

    def __init__(self, root: Any = None, **kwargs: Any) -> None:
        self._tracked = {**({} if root is None else {"root": root}), **kwargs}
        for name, value in kwargs.items():
            setattr(self, name, value)
        for value in self._tracked.values():
            _variables(value)
        self.save_counter = 0

    def _all(self) -> list[Weight]:
        return [one for name in sorted(self._tracked) for one in _variables(self._tracked[name])]

    def save(self, file_prefix: Any, options: Any = None) -> str:
        """Write ``<file_prefix>-<number>``, counting from 1, and note that it is the latest."""
        self.save_counter += 1
        return self.write(f"{os.fspath(file_prefix)}-{self.save_counter}", latest=True)

    def write(self, file_prefix: Any, options: Any = None, *, latest: bool = False) -> str:
        """Write under this prefix."""
        prefix = str(os.fspath(file_prefix))
        path = file_of(prefix)
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as temporary, hdf5.create(temporary) as file:
            file.attrs["save_counter"] = str(self.save_counter)
            for name, value in self._tracked.items():
                group = file.create_group(name)
                for place, variable in enumerate(_variables(value)):
                    hdf5.write(group, str(place), variable.value)
        if latest:
            record(prefix)
        return prefix

    def restore(self, save_path: Any, options: Any = None) -> CheckpointStatus:
        """Set the variables to what was saved; nothing happens where `save_path` is None, as in TensorFlow.

        raises : FileNotFoundError where there is no such checkpoint; ValueError where it is damaged or what it holds
            does not fit, and then no variable is changed
        """
        if save_path is None:
            return CheckpointStatus()
        path = file_of(os.fspath(save_path))
        if not path.is_file():
            raise FileNotFoundError(f"{path}: there is no such checkpoint")
        plan: list[tuple[Weight, Any]] = []
        with hdf5.open_hdf5(path, str(path)) as file:
            counter = int(hdf5.attribute(file, "save_counter") or 0)
            for name, value in self._tracked.items():
                plan += self._fitting(file, name, value, str(path))
        for variable, array in plan:
            variable.assign(array)
        self.save_counter = counter
        return CheckpointStatus()

    read = restore

    def _fitting(self, file: hdf5.Group, name: str, value: Any, path: str) -> list[tuple[Weight, Any]]:
        if name not in file:
            raise ValueError(f"{path} holds nothing for {name!r}, but {', '.join(map(repr, file))}")
        group, own = hdf5.group(file, name), _variables(value)
        if len(group) != len(own):
            if isinstance(value, Optimizer) and not value.built:
                return []  # it was not used yet: what it keeps of variables is not known
            raise ValueError(
                f"{path}: {name!r} has {len(own)} variables, the file holds {len(group)} arrays for it; "
                "call the model, or build() it, before restore"
            )
        found = []
        for place, variable in enumerate(own):
            data = hdf5.dataset(group, str(place))
            if tuple(data.shape) != tuple(variable.value.shape):
                raise ValueError(
                    f"{path}: {name}/{variable.name} must have shape {variable.value.shape}, got {data.shape}"
                )
            found.append((variable, data.read()))
        return found


class CheckpointManager:
    """Keeps the newest `max_to_keep` checkpoints of a folder.

    raises : ValueError where they would be named by time
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        directory: Any,
        max_to_keep: int | None = 5,
        keep_checkpoint_every_n_hours: Any = None,
        checkpoint_name: str = "ckpt",
        step_counter: Any = None,
        checkpoint_interval: Any = None,
        init_fn: Any = None,
    ) -> None:
        if keep_checkpoint_every_n_hours is not None:
            raise NotImplementedError("CheckpointManager: keep_checkpoint_every_n_hours is not here, use max_to_keep")
        self.checkpoint, self.directory = checkpoint, os.fspath(directory)
        self._limit, self._name, self._init = max_to_keep, checkpoint_name, init_fn
        os.makedirs(self.directory, exist_ok=True)

    @property
    def checkpoints(self) -> list[str]:
        """The prefixes that are kept, the oldest first."""
        ending = ".weights.h5"
        found = []
        for path in Path(self.directory).glob(f"{self._name}-*{ending}"):
            number = path.name.removesuffix(ending).rpartition("-")[2]
            if number.isdigit():
                found.append((int(number), str(path).removesuffix(ending)))
        return [prefix for _, prefix in sorted(found)]

    @property
    def latest_checkpoint(self) -> str | None:
        """The newest prefix, None if there is none."""
        return self.checkpoints[-1] if self.checkpoints else None

    def save(self, checkpoint_number: Any = None, check_interval: bool = True, options: Any = None) -> str:
        """Write the next checkpoint, and remove the oldest beyond the limit."""
        kept = self.checkpoints
        if checkpoint_number is not None:
            self.checkpoint.save_counter = int(array_of(checkpoint_number)) - 1
        elif kept and self.checkpoint.save_counter == 0:
            self.checkpoint.save_counter = int(kept[-1].rpartition("-")[2])
        made = self.checkpoint.save(os.path.join(self.directory, self._name))
        for prefix in self.checkpoints[: -self._limit] if self._limit else []:
            file_of(prefix).unlink()
        return made

    def restore_or_initialize(self) -> str | None:
        """Restore the newest; without one call `init_fn`. Gives the prefix."""
        latest = self.latest_checkpoint
        if latest is not None:
            self.checkpoint.restore(latest)
        elif self._init is not None:
            self._init()
        return latest


def list_variables(ckpt_dir_or_file: Any) -> list[tuple[str, list[int]]]:
    """The names and shapes of what a checkpoint holds."""
    path = file_of(latest_checkpoint(ckpt_dir_or_file) or os.fspath(ckpt_dir_or_file))
    with hdf5.open_hdf5(path, str(path)) as file:
        groups = {name: hdf5.group(file, name) for name in file}
        return [
            (f"{name}/{key}", list(shape_of(hdf5.dataset(group, key).shape)))
            for name, group in groups.items()
            for key in group
        ]


def __getattr__(name: str) -> Any:
    from recurra import optimizers

    older = {
        "AdamOptimizer": "Adam", "GradientDescentOptimizer": "SGD", "RMSPropOptimizer": "RMSprop",
        "AdagradOptimizer": "Adagrad", "MomentumOptimizer": "SGD",
    }  # fmt: skip
    if name in older:
        return getattr(optimizers, older[name])
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
