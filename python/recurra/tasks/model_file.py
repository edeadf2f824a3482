"""A trained task as one file: a zip of its description, its vocabulary and its model in Keras's format.

    recurra.json      {"format": 1, "task": "language_model", "config": {...}}
    vocabulary.json   the Tokenizer
    model.keras       the network, which `recurra.saving.load_model` and Keras read too

The file appears under its name once it is whole: a crash, a full disk or Ctrl-C leaves the old file, or none. Reading
one executes nothing from it.
"""

from __future__ import annotations

import io
import json
import os
import tempfile
import zipfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from recurra.files import atomic_path, path_name
from recurra.limits import LAYERS, FileFormatError, allowing, check_regular
from recurra.saving.file_errors import reading
from recurra.saving.keras_archive import Archive as KerasArchive

if TYPE_CHECKING:
    from recurra.layers.base.layer import Layer
    from recurra.models.model import Model

FORMAT = 1
NAMES = {
    "language_model": "language model",
    "sentiment": "sentiment classifier",
    "classifier": "text classifier",
    "tagger": "sequence tagger",
    "translator": "translator",
    "chat": "chat bot",
    "stories": "story answerer",
}


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
    target = Path(path_name(path, "path"))
    description = {"format": FORMAT, "task": task, "config": config}
    check_destination(target)
    with atomic_path(target) as whole, tempfile.TemporaryDirectory(prefix="recurra-") as folder:
        network = Path(folder) / "model.keras"
        model.save(network)
        with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
            text = json.dumps(description, indent=1, ensure_ascii=False, default=_python_number)
            archive.writestr("recurra.json", _bytes(text))
            archive.writestr("vocabulary.json", _bytes(vocabulary))
            archive.write(network, "model.keras", zipfile.ZIP_STORED)


def _python_number(value: Any) -> Any:
    """Python's number for one of numpy's, which a size or a rate may be."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"a {type(value).__name__} cannot be saved")


def _bytes(text: str) -> bytes:
    """JSON as UTF-8. Halves of surrogate pairs, which texts out of JSON may hold, become JSON's escapes."""
    return text.encode("utf-8", "backslashreplace")


def check_destination(path: str | os.PathLike[str]) -> None:
    """Refuse a path that no file can be written to, before the work whose result it should hold."""
    target = Path(os.path.realpath(path_name(path, "path")))
    if target.exists() and not target.is_dir() and not target.is_file():
        raise ValueError(f"{path} must be a file, got a pipe, a socket or a device, which would be replaced by one")
    if target.is_dir():
        raise IsADirectoryError(f"{target} must be the name of a file to write, got a folder")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"{target} cannot be written: there is no folder {target.parent}")
    if not os.access(target.parent, os.W_OK):
        raise PermissionError(f"{target} cannot be written: no permission to write in folder {target.parent}")


def describe_archive(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The description in the file, ``{"format", "task", "config"}``, without its model."""
    with _opened(path) as archive:
        return _description(archive, path)


def read_archive(
    path: str | os.PathLike[str], task: str, max_size: int | None = None, also: Collection[str] = ()
) -> Archive:
    """Read a file that :func:`write_archive` wrote for this task.

    also : other tasks whose files are taken too
    max_size : the most bytes that it may unpack to; see ``recurra.saving.load_model``
    raises : FileFormatError (a ValueError) that names the file for anything else
    """
    from recurra.saving import load_model

    with allowing(max_size), _opened(path) as archive:
        description = _description(archive, path)
        if description["task"] != task and description["task"] not in also:
            found = NAMES.get(description["task"], repr(description["task"]))
            raise FileFormatError(f"{path} must hold a {NAMES[task]}, got a {found}")
        with reading(path, _WHAT):
            vocabulary = archive.member("vocabulary.json").decode("utf-8")
        network = _Member(archive.member("model.keras"))
        network.name = f"{path}/model.keras"
        model = load_model(network, compile=False)
    return Archive(description["task"], description["config"], vocabulary, model)


class _Member(io.BytesIO):
    """A file inside another one, with its name for errors."""

    name = ""


_WHAT = "a model that recurra's tasks saved"


@contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[KerasArchive]:
    if not os.path.exists(path_name(path, "path")):
        raise FileNotFoundError(f"{path}: there is no such file")
    check_regular(path)
    if os.path.isfile(path) and not zipfile.is_zipfile(path):
        raise FileFormatError(f"{path} is not {_WHAT}, or it is damaged")
    if os.path.isdir(path):
        raise FileFormatError(f"{path} is a folder, not {_WHAT}")
    with KerasArchive(path, _WHAT) as archive:
        yield archive


def _description(archive: KerasArchive, path: Any) -> dict[str, Any]:
    if not archive.has("recurra.json"):
        raise FileFormatError(
            f"{path} is a zip file, but not one that recurra's tasks saved (load_model reads .keras files)"
        )
    description = archive.json("recurra.json")
    if description.get("format") != FORMAT:
        raise FileFormatError(
            f"{path} must have format {FORMAT}, got {str(description.get('format'))[:40]}: it is from another version "
            "of recurra"
        )
    config = description.get("config")
    if not isinstance(description.get("task"), str) or not isinstance(config, dict):
        raise FileFormatError(f"{path} must tell of a task and its configuration: it is damaged")
    if not isinstance(config.get("trained", {}), dict):
        raise FileFormatError(f"{path}: 'trained' must be an object, got a {type(config['trained']).__name__}")
    return description


def check_count(layers: int, name: str) -> None:
    """Refuse a number of layers that no file is trusted with."""
    if layers > LAYERS:
        raise ValueError(f"{name} must be at most {LAYERS}, got {layers}")


def check_network(path: Any, model: Any, expected: list[Layer]) -> None:
    """Refuse a file whose network is not the one that its description tells of.

    expected : the layers, unbuilt, of which only the forms matter
    """
    from recurra.layers import Dropout, InputLayer

    of_no_form = (Dropout, InputLayer)
    found, wanted = (
        [layer for layer in layers if not isinstance(layer, of_no_form)]
        for layers in (getattr(model, "layers", []), expected)
    )
    kinds = [[type(layer).__name__ for layer in layers] for layers in (found, wanted)]
    if kinds[0] != kinds[1]:
        said = ", ".join(kinds[0][:8])
        raise FileFormatError(f"{path}: its network must be made of {', '.join(kinds[1])}, got {said or 'nothing'}")
    for layer, like in zip(found, wanted, strict=True):
        check_layer(path, layer, like)


def check_layer(path: Any, layer: Any, like: Layer) -> None:
    """Refuse a layer that computes other numbers, or of other shapes, than the unbuilt layer `like` would."""
    has, needs = _form(layer.get_config()), _form(like.get_config())
    for key in needs:
        if has.get(key) != needs[key]:
            raise FileFormatError(
                f"{path}: {key} of its layer {layer.name!r} must be {str(needs[key])[:200]}, as its description "
                f"says, got {str(has.get(key))[:200]}"
            )


_FORM = frozenset({
    "activation", "attention", "backward_layer", "cell", "class_name", "config", "go_backwards", "input_dim", "layer",
    "layers", "logit_soft_cap", "mask_zero", "merge_mode", "output_dim", "recurrent_activation", "reset_after",
    "return_sequences", "return_state", "score_mode", "stateful", "tie_weights", "units", "use_bias", "use_scale",
    "width",
})  # fmt: skip


def _form(config: Any) -> Any:
    """What of a layer's configuration says which numbers it computes, and of which shapes."""
    if isinstance(config, list):  # layers inside of a layer: their names do not count
        return [_form(item) for item in config]
    return {key: _form(config[key]) for key in config if key in _FORM} if isinstance(config, dict) else config
