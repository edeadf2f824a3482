"""Helpers in Keras's names: labels, files, seeds, progress, padding.

>>> from recurra.utils import to_categorical
>>> to_categorical([0, 2, 1]).shape
(3, 3)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from recurra.config import (
        disable_interactive_logging,
        enable_interactive_logging,
        is_interactive_logging_enabled,
    )
    from recurra.models.plotting import plot_model
    from recurra.preprocessing.audio_dataset import audio_dataset_from_directory
    from recurra.preprocessing.padding import pad_sequences
    from recurra.preprocessing.splitting import split_dataset
    from recurra.preprocessing.text_dataset import text_dataset_from_directory
    from recurra.preprocessing.timeseries_dataset import timeseries_dataset_from_array
    from recurra.registry import (
        CustomObjectScope,
        custom_object_scope,
        deserialize_keras_object,
        get_custom_objects,
        get_registered_name,
        get_registered_object,
        register_keras_serializable,
        serialize_keras_object,
    )
    from recurra.utils.arrays import normalize
    from recurra.utils.download import get_file
    from recurra.utils.examples import read_examples
    from recurra.utils.image import array_to_img, img_to_array, load_img, save_img
    from recurra.utils.io import iter_lines, read_lines, read_text
    from recurra.utils.one_hot import OneHot, to_categorical
    from recurra.utils.packing import (
        get_source_inputs,
        is_keras_tensor,
        pack_x_y_sample_weight,
        unpack_x_y_sample_weight,
    )
    from recurra.utils.progbar import Progbar
    from recurra.utils.py_dataset import PyDataset
    from recurra.utils.py_dataset import PyDataset as Sequence
    from recurra.utils.seeding import clear_session, set_random_seed

_HOMES = {
    "CustomObjectScope": "recurra.registry",
    "OneHot": "recurra.utils.one_hot",
    "Progbar": "recurra.utils.progbar",
    "PyDataset": "recurra.utils.py_dataset",
    "Sequence": "recurra.utils.py_dataset",
    "array_to_img": "recurra.utils.image",
    "audio_dataset_from_directory": "recurra.preprocessing.audio_dataset",
    "clear_session": "recurra.utils.seeding",
    "custom_object_scope": "recurra.registry",
    "deserialize_keras_object": "recurra.registry",
    "disable_interactive_logging": "recurra.config",
    "enable_interactive_logging": "recurra.config",
    "get_custom_objects": "recurra.registry",
    "get_file": "recurra.utils.download",
    "get_registered_name": "recurra.registry",
    "get_registered_object": "recurra.registry",
    "get_source_inputs": "recurra.utils.packing",
    "img_to_array": "recurra.utils.image",
    "is_interactive_logging_enabled": "recurra.config",
    "is_keras_tensor": "recurra.utils.packing",
    "iter_lines": "recurra.utils.io",
    "load_img": "recurra.utils.image",
    "normalize": "recurra.utils.arrays",
    "pack_x_y_sample_weight": "recurra.utils.packing",
    "pad_sequences": "recurra.preprocessing.padding",
    "plot_model": "recurra.models.plotting",
    "read_examples": "recurra.utils.examples",
    "read_lines": "recurra.utils.io",
    "read_text": "recurra.utils.io",
    "register_keras_serializable": "recurra.registry",
    "save_img": "recurra.utils.image",
    "serialize_keras_object": "recurra.registry",
    "set_random_seed": "recurra.utils.seeding",
    "split_dataset": "recurra.preprocessing.splitting",
    "text_dataset_from_directory": "recurra.preprocessing.text_dataset",
    "timeseries_dataset_from_array": "recurra.preprocessing.timeseries_dataset",
    "to_categorical": "recurra.utils.one_hot",
    "unpack_x_y_sample_weight": "recurra.utils.packing",
}

__all__ = [  # the names are resolved by __getattr__, each module when it is first used
    "CustomObjectScope",
    "OneHot",
    "Progbar",
    "PyDataset",
    "Sequence",
    "array_to_img",
    "audio_dataset_from_directory",
    "clear_session",
    "custom_object_scope",
    "deserialize_keras_object",
    "disable_interactive_logging",
    "enable_interactive_logging",
    "get_custom_objects",
    "get_file",
    "get_registered_name",
    "get_registered_object",
    "get_source_inputs",
    "img_to_array",
    "is_interactive_logging_enabled",
    "is_keras_tensor",
    "iter_lines",
    "load_img",
    "normalize",
    "pack_x_y_sample_weight",
    "pad_sequences",
    "plot_model",
    "read_examples",
    "read_lines",
    "read_text",
    "register_keras_serializable",
    "save_img",
    "serialize_keras_object",
    "set_random_seed",
    "split_dataset",
    "text_dataset_from_directory",
    "timeseries_dataset_from_array",
    "to_categorical",
    "unpack_x_y_sample_weight",
]


if not TYPE_CHECKING:  # a name that is not there is an error to a type checker

    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module 'recurra.utils' has no attribute {name!r}")
        value = getattr(import_module(_HOMES[name]), "PyDataset" if name == "Sequence" else name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(_HOMES))
