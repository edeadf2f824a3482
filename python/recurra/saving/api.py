"""Models and weights in files: the format follows the name when writing, and the content when reading."""

from __future__ import annotations

import io
import os
import warnings
import zipfile
from collections.abc import Mapping
from typing import IO, TYPE_CHECKING, Any, cast

from recurra.files import FilePath, atomic_path, atomic_write, path_name
from recurra.limits import allowing, check_regular
from recurra.saving import checkpoints, hdf5, legacy_h5, weights_h5
from recurra.saving.assets import read_vocabularies
from recurra.saving.file_errors import FileFormatError, reading
from recurra.saving.hdf5 import open_hdf5
from recurra.saving.keras_archive import Archive, write_archive
from recurra.saving.lambdas import lambdas_of, remember
from recurra.saving.model_configs import (
    archive_config,
    compile_loaded,
    legacy_config,
    legacy_training_config,
    model_from_archive,
    model_from_legacy,
)

if TYPE_CHECKING:
    from recurra.models.model import Model

_H5 = (".h5", ".hdf5")
_SLASHES = (os.sep, "/")


def _check_format(save_format: str | None, accepted: tuple[str, ...], written: str) -> str | None:
    """The format, None for "tf", in whose place `written` is, with a warning."""
    if save_format is None or save_format in accepted:
        return save_format
    if save_format == "tf":
        warnings.warn(
            f'save_format="tf": TensorFlow\'s own formats are not written; {written}, which is loaded by the same name',
            stacklevel=5,
        )
        return None
    raise ValueError(f"save_format must be None or one of {', '.join(map(repr, accepted))}, got {save_format!r}")


def save_model(
    model: Model,
    filepath: FilePath | IO[bytes],
    overwrite: bool = True,
    zipped: bool | None = None,
    *,
    include_optimizer: bool = True,
    save_format: str | None = None,
) -> None:
    """Save a whole model: configuration, weights, what it was compiled with and the optimizer's state.

    filepath : ``name.keras`` for Keras's archive, which a name without an ending makes too; ``name.h5`` or
        ``name.hdf5`` for the older format; or an open binary file, for an archive. The file is written whole or not
        at all, folders that are missing are made
    overwrite : whether an existing file may be replaced (FileExistsError otherwise)
    zipped : None or True; Keras's unpacked folders are read but not written
    include_optimizer : False leaves out what the model was compiled with, and the optimizer's state
    save_format : Keras 2's "keras" or "h5", whatever the name's ending; for "tf" an archive is written, with a warning

    raises : ValueError for something that has no configuration, before a file is written
    """
    archive = save_format == "tf"
    save_format = _check_format(save_format, ("keras", "h5"), "the file is Keras's archive")
    if zipped is False:
        raise ValueError("zipped must be None or True: a model is one file, so that it is written whole or not at all")
    if hasattr(filepath, "write"):
        _save_archive(model, cast("IO[bytes]", filepath), include_optimizer)
        return
    filepath = name = path_name(filepath, other=" or a binary file")
    if name.endswith(".weights.h5"):
        raise ValueError(f"filepath {name} is a name for weights alone: use save_weights, or end it in .keras or .h5")
    if save_format == "h5" or (save_format is None and name.endswith(_H5) and not archive):
        with atomic_path(filepath, overwrite) as temporary:
            _save_legacy(model, str(temporary), include_optimizer)
    else:
        with atomic_write(filepath, overwrite=overwrite) as file:
            _save_archive(model, file, include_optimizer)
    remember(model, name)


def _named(filepath: FilePath) -> FilePath:
    """`filepath` without a slash at its end, which Keras 2's names of folders may have, unless it is a folder."""
    name = os.fspath(filepath)
    return filepath if not name.endswith(_SLASHES) or os.path.isdir(name) else name.rstrip("".join(_SLASHES))


def _save_archive(model: Model, file: IO[bytes], include_optimizer: bool) -> None:
    config = archive_config(model, include_optimizer)
    buffer = io.BytesIO()
    with hdf5.create(buffer) as weights:
        weights_h5.write_weights(weights, model, include_optimizer)
    write_archive(file, config, buffer.getvalue())  # no copy: CPython hands out the bytes that the buffer holds


def _refuse_quantized(model: Model) -> None:
    if model._quantized_layer() is not None:
        raise ValueError(
            f"{model.name} has 8-bit weights, for which the older .h5 format has no place: end the name in .keras, or "
            "in .weights.h5 for weights alone"
        )


def _save_legacy(model: Model, path: str, include_optimizer: bool) -> None:
    _refuse_quantized(model)
    config = legacy_config(model)
    training = legacy_training_config(model) if include_optimizer else None
    with hdf5.create(path) as file:
        legacy_h5.write_model(file, model, config, training)


def load_model(
    filepath: FilePath | IO[bytes],
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
    *,
    max_size: int | None = None,
) -> Model:
    """Load a model that :func:`save_model`, Keras 3 or Keras 2 saved.

    filepath : a .keras archive or the folder of an unpacked one, or a legacy .h5 file, whatever it is called; or an
        open binary file
    custom_objects : classes and functions by name, for those that recurra does not know. The function of a Lambda
        layer is looked up under the layer's name and under its own
    compile : whether to compile it as it was, and to restore the optimizer's state
    safe_mode : only True: no code from a file is ever executed
    max_size : the most bytes that the file may unpack to, and its model's states may take; None for 64 MiB, or 20
        times the file's size where that is more

    raises : FileFormatError (a ValueError) for a file that is damaged, of another format, or holds a layer that is
        not supported; it names the layer
    """
    if not safe_mode:
        raise ValueError(
            "safe_mode must be True: recurra never executes code from a file. Pass the function as "
            "custom_objects={'name of the Lambda layer': function}"
        )
    with allowing(max_size):
        if not hasattr(filepath, "read"):
            filepath = _named(path_name(filepath, other=" or a binary file"))
            custom_objects = {**lambdas_of(filepath), **(custom_objects or {})}
            if _kind(filepath) == "hdf5":
                return _load_legacy(filepath, custom_objects, compile)
        with Archive(filepath) as archive:
            return _load_archive(archive, custom_objects, compile)


def _load_archive(archive: Archive, custom_objects: Mapping[str, Any] | None, compile: bool) -> Model:
    with archive.weights() as weights:
        model, compile_config, version = model_from_archive(archive, custom_objects, weights.reader.size)
        weights_h5.plan_weights(weights, model).carry_out()
        read_vocabularies(archive, model)
        if compile and compile_config:
            compile_loaded(model, compile_config, custom_objects, version, archive.label)
            weights_h5.plan_optimizer(weights, model.optimizer).carry_out()
    return model


def _load_legacy(filepath: FilePath, custom_objects: Mapping[str, Any] | None, compile: bool) -> Model:
    with open_hdf5(filepath, str(filepath)) as file:
        if "model_config" not in file.attrs:
            raise FileFormatError(
                f"{filepath} holds weights but no model: make the model, and call model.load_weights({str(filepath)!r})"
            )
        model, training, version = model_from_legacy(file, custom_objects, file.reader.size)
        legacy_h5.plan_weights(hdf5.group(file, "model_weights"), model).carry_out()
        if compile and training:
            compile_loaded(model, training, custom_objects, version, str(filepath))
            legacy_h5.plan_optimizer(file, model.optimizer).carry_out()
    return model


def save_weights(model: Model, filepath: FilePath, overwrite: bool = True, *, save_format: str | None = None) -> None:
    """Save the weights of a built model, and its optimizer's state.

    filepath : ``name.weights.h5`` for Keras 3's layout (with the optimizer's state); ``name.h5`` or ``name.hdf5`` for
        the older one (weights alone). A name without such an ending is a prefix, as in Keras 2: the file is
        ``filepath.weights.h5``, :func:`load_weights` takes the prefix, and ``train.latest_checkpoint`` finds it
    overwrite : whether an existing file may be replaced (FileExistsError otherwise)
    save_format : Keras 2's "h5", whatever the name's ending; "tf" is for a prefix, with a warning
    """
    save_format = _check_format(save_format, ("h5",), "the file is in HDF5")
    if not model.built:
        raise ValueError(f"{model.name} has no weights yet: call it on data, or build() it, before saving them")
    name = path_name(filepath)
    if name.endswith(".keras"):
        raise ValueError(f"filepath {name} is a name for a whole model: use save, or end it in .weights.h5")
    legacy = save_format == "h5" or (name.endswith(_H5) and not name.endswith(".weights.h5"))
    if legacy:
        _refuse_quantized(model)
    prefix = not name.endswith(_H5) and not legacy
    if not name:
        raise ValueError("filepath must be a name, got an empty one")
    with (
        atomic_path(checkpoints.file_of(name) if prefix else name, overwrite) as temporary,
        hdf5.create(temporary) as file,
    ):
        (legacy_h5 if legacy else weights_h5).write_weights(file, model)
    if prefix:
        checkpoints.record(name)


def load_weights(
    model: Model,
    filepath: FilePath,
    skip_mismatch: bool = False,
    *,
    by_name: bool = False,
    max_size: int | None = None,
) -> None:
    """Set the weights of a built model from a file that :func:`save_weights`, :func:`save_model` or Keras wrote.

    filepath : a .weights.h5 or legacy .h5 file, a .keras archive, a prefix that weights were saved under, or what
        ``train.latest_checkpoint`` returns
    skip_mismatch : leave layers that do not fit as they are, with a warning
    by_name : legacy files only: match layers by their names, and leave those alone that the file lacks
    max_size : as for :func:`load_model`

    raises : FileFormatError naming the layer that does not fit; neither weights nor the optimizer's state change then
    """
    if filepath is None:
        raise ValueError("filepath must be a path, got None: train.latest_checkpoint found no checkpoint in the folder")
    if not model.built:
        raise ValueError(f"{model.name} is not built: call it on data, or build() it, before loading weights")
    name = path_name(filepath)
    if name and not os.path.exists(name) and checkpoints.file_of(name).is_file():
        name = os.fspath(checkpoints.file_of(name))
    with allowing(max_size):
        if _kind(name) == "archive":
            _no_by_name(by_name, name)
            with Archive(name) as archive, archive.weights() as file:
                _read_new(file, model, skip_mismatch)
            return
        with open_hdf5(name, name) as file:
            if legacy_h5.is_legacy(file):
                legacy_h5.plan_weights(legacy_h5.weights_group(file), model, by_name, skip_mismatch).carry_out()
                return
            _no_by_name(by_name, name)
            _read_new(file, model, skip_mismatch)


def _no_by_name(by_name: bool, name: str) -> None:
    if by_name:
        raise ValueError(f"by_name works for legacy .h5 files only, {name} is of Keras 3's format")


def _read_new(file: Any, model: Model, skip_mismatch: bool) -> None:
    plan = weights_h5.plan_weights(file, model, skip_mismatch)
    optimizer = getattr(model, "optimizer", None)
    if optimizer is not None and hdf5.has(file, "optimizer/vars"):
        if not optimizer.built:
            optimizer.build(model.trainable_variables)
        plan.add(weights_h5.plan_optimizer(file, optimizer))
    plan.carry_out()


def _kind(path: FilePath) -> str:
    """What is at `path` by its content, "archive" or "hdf5"; one clear error for anything else."""
    checkpoints.refuse_tensorflow(path)
    if os.path.isdir(path):
        if os.path.isfile(os.path.join(path, "config.json")):
            return "archive"
        raise FileFormatError(
            f"{path} is a folder: give the file in it that holds the model or its weights"
            " (recurra.train.latest_checkpoint finds the newest weights)"
        )
    if not os.path.exists(path):
        raise FileNotFoundError(f"{path}: there is no such file")
    check_regular(path)
    with reading(path, "a model's file"), open(path, "rb") as file:
        start = file.read(8)
    if start == hdf5.MAGIC:
        return "hdf5"
    if start[:4] == b"PK\x03\x04" or zipfile.is_zipfile(path):
        return "archive"
    raise FileFormatError(f"{path} is neither a .keras archive nor an HDF5 file, or it is damaged")
