"""A trained task as one file: a zip of its description, its vocabulary and its model in Keras's format.

    recurra.json      {"format": 1, "task": "language_model", "config": {...}}
    vocabulary.json   the Tokenizer
    model.keras       the network, which `recurra.saving.load_model` and Keras read too

The file appears under its name once it is whole: a crash, a full disk or Ctrl-C leaves the old file, or none. Reading
one executes nothing from it.
"""

from __future__ import annotations

import json
import os
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from recurra.files import atomic_path

if TYPE_CHECKING:
    from recurra.models.model import Model

FORMAT = 1
NAMES = {"language_model": "language model", "sentiment": "sentiment classifier"}


class Archive(NamedTuple):
    """What a model file holds: `config` of the task, its `vocabulary` as JSON text, and the loaded `model`."""

    task: str
    config: dict[str, Any]
    vocabulary: str
    model: Any


def write_archive(
    path: str | os.PathLike[str], task: str, config: dict[str, Any], vocabulary: str, model: Model
) -> None:
    """Write the file whole, or not at all."""
    target = Path(path)
    description = {"format": FORMAT, "task": task, "config": config}
    check_destination(target)
    with atomic_path(target) as whole, tempfile.TemporaryDirectory(prefix="recurra-") as folder:
        network = Path(folder) / "model.keras"
        model.save(network)
        with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("recurra.json", json.dumps(description, indent=1, ensure_ascii=False))
            archive.writestr("vocabulary.json", vocabulary)
            archive.write(network, "model.keras", zipfile.ZIP_STORED)


def check_destination(path: str | os.PathLike[str]) -> None:
    """Refuse a path that no file can be written to, before the work whose result it should hold."""
    target = Path(path)
    if target.is_dir():
        raise IsADirectoryError(f"{target} must be the name of a file to write, got a folder")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"{target} cannot be written: there is no folder {target.parent}")
    if not os.access(target.parent, os.W_OK):
        raise PermissionError(f"{target} cannot be written: no permission to write in folder {target.parent}")


def describe_archive(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The description in the file, ``{"format", "task", "config"}``, without its model."""
    try:
        with zipfile.ZipFile(path) as archive:
            return _description(archive, path)
    except zipfile.BadZipFile as error:
        raise ValueError(f"{path} is not a model that recurra's tasks saved, or it is damaged ({error})") from None


def read_archive(path: str | os.PathLike[str], task: str) -> Archive:
    """Read a file that :func:`write_archive` wrote for this task."""
    from recurra.saving import load_model

    try:
        with zipfile.ZipFile(path) as archive, tempfile.TemporaryDirectory(prefix="recurra-") as folder:
            description = _description(archive, path)
            if description["task"] != task:
                found = NAMES.get(description["task"], repr(description["task"]))
                raise ValueError(f"{path} must hold a {NAMES[task]}, got a {found}")
            vocabulary = archive.read("vocabulary.json").decode("utf-8")
            model = load_model(archive.extract("model.keras", folder), compile=False)
    except (zipfile.BadZipFile, KeyError, EOFError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not a model that recurra's tasks saved, or it is damaged ({error})") from None
    return Archive(task, description["config"], vocabulary, model)


def _description(archive: zipfile.ZipFile, path: Any) -> dict[str, Any]:
    try:
        description = json.loads(archive.read("recurra.json"))
        version, _, _ = description["format"], description["task"], description["config"]
    except (KeyError, TypeError, ValueError):
        raise ValueError(
            f"{path} is a zip file, but not one that recurra's tasks saved: use the task's `save`"
        ) from None
    if version != FORMAT:
        raise ValueError(f"{path} must have format {FORMAT}, got {version!r}: it is from another version of recurra")
    return dict(description)
