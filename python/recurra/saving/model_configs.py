"""Models as configurations and back: what the two formats of whole models have in common."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from recurra import registry
from recurra.layers.add_loss import warn_lost_losses
from recurra.layers.base.context import context
from recurra.limits import SMALL, check_json, loading_configuration, unpacked
from recurra.losses.names import ALIASES
from recurra.registry import is_configuration
from recurra.saving import graph_ops, hdf5, keras2, legacy_h5
from recurra.saving.configs import prepare
from recurra.saving.file_errors import FileFormatError, making
from recurra.saving.keras_archive import CONFIG, Archive, major_version, parse
from recurra.tree import map_structure
from recurra.typing import Config

if TYPE_CHECKING:
    from recurra.models.model import Model

# --- writing ---------------------------------------------------------------------------------------------------------


def plain(value: Any) -> Any:
    """A configuration with tuples as lists, as JSON has them."""
    if isinstance(value, dict):
        if value.get("class_name") == "__tuple__" and "items" in value:
            return [plain(item) for item in value["items"]]
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def _checked(config: Any, model: Model) -> Any:
    config = plain(config)
    try:
        json.dumps(config)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{model.name} cannot be saved: its configuration holds what JSON cannot ({error})") from None
    return config


def archive_config(model: Model, include_optimizer: bool = True) -> Config:
    """config.json of a .keras archive."""
    warn_lost_losses(model, "the file")
    with registry.shared_objects():
        config = graph_ops.to_keras(plain(registry.serialize_keras_object(model)))
    if include_optimizer and model.compiled:
        config["compile_config"] = model.get_compile_config()
    result: Config = _checked(config, model)
    return result


def legacy_config(model: Model) -> Config:
    """model_config of a legacy .h5 file: the layers without the module that they come from."""
    warn_lost_losses(model, "the file")
    with registry.shared_objects():
        config = graph_ops.to_keras(plain(registry.serialize_keras_object(model)))
    result: Config = _checked(_without_modules(config), model)
    return result


def _without_modules(config: Config) -> Config:
    if graph_ops.is_keras_operation(config) or config.get("module") == "recurra.layers":
        return config
    names = ("class_name", "config", "name", "inbound_nodes", "recurra_shared")
    kept = {key: value for key, value in config.items() if key in names}
    if ">" in str(config.get("registered_name")):
        kept["class_name"] = config["registered_name"]  # as Keras names registered classes in these files
    inner = kept.get("config")
    if isinstance(inner, dict) and isinstance(inner.get("layers"), list):
        kept["config"] = {**inner, "layers": [_without_modules(layer) for layer in inner["layers"]]}
    return kept


def legacy_training_config(model: Model) -> Config | None:
    """training_config of a legacy .h5 file; None if the model is not compiled."""
    config = plain(model.get_compile_config())
    if not config:
        return None
    config["loss"] = _full_names(config["loss"])
    optimizer = config.pop("optimizer")
    if isinstance(optimizer, dict):
        optimizer = {"class_name": optimizer["class_name"], "config": optimizer["config"]}
    result: Config = _checked({**config, "optimizer_config": optimizer}, model)
    return result


def _full_names(loss: Any) -> Any:
    """Losses by their full names: Keras cannot read "mse" and the like again from its older format."""

    def full(one: Any) -> Any:
        return ALIASES.get(one.lower(), one) if isinstance(one, str) else one

    return map_structure(full, loss, is_leaf=is_configuration)


# --- reading ---------------------------------------------------------------------------------------------------------


class WeightBudget:
    """Zeros for the weights of a model being loaded, as long as the file holds enough numbers for them.

    A configuration can ask for any size; the file shows what is real. The first values would be overwritten anyway.
    """

    def __init__(self, stored: int, label: str) -> None:
        self.left, self.label = stored, label
        self.states = max(SMALL, unpacked(stored)) // 4  # numbers in the states of stateful layers, which no file holds

    def __call__(self, layer: str, name: Any, shape: tuple[int, ...]) -> None:
        size = math.prod(shape)
        if name == "rnn_state":
            self.states -= size
            if self.states < 0:
                raise FileFormatError(
                    f"{self.label}: {layer} is stateful with states of shape {shape}, more numbers than the file may "
                    "ask for: refused. If you trust it, give max_size"
                )
            return
        self.left -= size
        if self.left < 0:
            raise FileFormatError(
                f"{self.label}: {layer} needs weight {name!r} of shape {shape}, more numbers than the file holds"
            )


def build(config: Any, custom_objects: Mapping[str, Any] | None, version: int, stored: int, label: str) -> Any:
    """The model that a configuration tells of, with room for its weights.

    stored : how many bytes the file has, more than it has numbers
    """
    if not isinstance(config, dict) or not isinstance(config.get("class_name"), str):
        raise FileFormatError(f"{label} must tell of a model as an object with class_name and config")
    outer = context.loading
    try:
        config = prepare(config, custom_objects, version)
        context.loading = WeightBudget(stored, label)
        with loading_configuration(), registry.shared_objects():
            model = registry.deserialize_keras_object(config, custom_objects)
        if not model.built and isinstance(config.get("build_config"), dict):
            model.build_from_config(config["build_config"])
    except FileFormatError as error:
        if str(error).startswith(label):
            raise
        raise FileFormatError(f"{label}: {error}") from error.__cause__
    except RecursionError:
        raise FileFormatError(f"{label}: its configuration is nested too deeply") from None
    finally:
        context.loading = outer
    if not hasattr(model, "load_weights"):
        raise FileFormatError(f"{label} must tell of a model, got a {type(model).__name__}")
    return model


def model_from_archive(
    archive: Archive, custom_objects: Mapping[str, Any] | None, stored: int
) -> tuple[Model, Config | None, int]:
    """The model that config.json tells of, without its weights; what it was compiled with; Keras's version."""
    config, version = archive.json(CONFIG), archive.major
    compile_config = config.pop("compile_config", None)
    with making(archive.label, "the model"):
        model = build(config, custom_objects, version, stored, archive.label)
    return model, compile_config or None, version


def model_from_legacy(
    file: Any, custom_objects: Mapping[str, Any] | None, stored: int
) -> tuple[Model, Config | None, int]:
    """The model that a legacy file tells of, without its weights; what it was compiled with; Keras's version."""
    label = str(file.label)
    hdf5.check_texts(file, ("model_config", "training_config"))
    text = hdf5.attribute(file, "model_config") or ""
    check_json(text.encode(), f"{label}: model_config")
    config = parse(text)
    weights = hdf5.group(file, "model_weights")
    written_by = hdf5.attribute(file, "keras_version") or hdf5.attribute(weights, "keras_version")
    version = major_version(written_by, 1)
    if version < 3:
        legacy_h5.mark_reset_after(config, weights)
    with making(label, "the model"):
        model = build(config, custom_objects, version, stored, label)
    training = hdf5.attribute(file, "training_config")
    return model, None if training is None else keras2.compile_arguments(parse(training)), version


def compile_loaded(
    model: Model, config: Config, custom_objects: Mapping[str, Any] | None, version: int, label: str
) -> None:
    """Compile a model as it was, and make room for its optimizer's state."""
    try:
        with making(label, "what the model was compiled with"):
            prepared = prepare(config, custom_objects, version, f"what {model.name} was compiled with")
            with registry.custom_object_scope(custom_objects or {}), loading_configuration():
                model.compile_from_config(prepared)
    except FileFormatError as error:
        said = str(error) if str(error).startswith(label) else f"{label}: {error}"
        raise FileFormatError(f"{said}. compile=False loads the model alone") from error.__cause__
