"""What Keras keeps in a .keras archive beside configuration and weights: vocabularies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recurra.saving.file_errors import FileFormatError, making
from recurra.saving.keras_archive import Archive
from recurra.saving.weight_paths import walk

if TYPE_CHECKING:
    from recurra.models.model import Model


def read_vocabularies(archive: Archive, model: Model) -> None:
    """Give each TextVectorization whose configuration holds no vocabulary the one from its file in the archive.

    raises : FileFormatError where it does not fit
    """
    for entry in walk(model):
        layer = entry.owner
        name = f"assets/{entry.path}/vocabulary.txt"
        if not hasattr(layer, "load_vocabulary") or layer.knows_vocabulary or not archive.has(name):
            continue
        try:
            tokens = archive.member(name).decode("utf-8").split("\n")
        except UnicodeDecodeError as error:
            raise FileFormatError(f"{archive.label}: {name} is not UTF-8: {error}") from None
        with making(archive.label, layer.name):
            layer.load_vocabulary(tokens)
