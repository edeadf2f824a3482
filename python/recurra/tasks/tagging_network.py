"""The network of the sequence tagger, as a functional model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from recurra import layers as rooms
from recurra.layers.base.context import context
from recurra.saving.model_configs import WeightBudget
from recurra.tasks.networks import recurrent_layer

if TYPE_CHECKING:
    from recurra.models.model import Model


def tagging_network(
    sizes: tuple[int, int, int],
    labels: int,
    *,
    cell: str,
    units: int,
    layers: int,
    embedding: int,
    characters: int,
    dropout: float,
    locked_dropout: bool,
    recurrent_dropout: float,
    crf: bool,
    width: int | None = None,
) -> Model:
    """Word vectors, pretrained vectors and characters → `layers` bidirectional layers → scores of the labels.

    sizes : rows of the tables of words, of characters and of pretrained vectors
    characters : units of the recurrent layer over a word's characters, in each direction; 0 for none
    dropout, locked_dropout, recurrent_dropout : as for :func:`recurra.tasks.networks.language_network`
    width : of the pretrained vectors, which stay as they are; None for none
    takes : [word ids (B, T), rows of the pretrained table (B, T), character ids (B, T, L)], those that there are; 0
        where there is no word; gives : scores (B, T, labels)
    """
    from recurra.models import Model, Sequential

    words = rooms.Input((None,), dtype="int32", name="words")
    inputs = [words]
    parts = [rooms.Embedding(sizes[0], embedding, mask_zero=True, name="word_vectors")(words)]
    if width is not None:
        rows = rooms.Input((None,), dtype="int32", name="pretrained")
        inputs.append(rows)
        parts.append(rooms.Embedding(sizes[2], width, mask_zero=True, trainable=False, name="pretrained_vectors")(rows))
    if characters:
        ids = rooms.Input((None, None), dtype="int32", name="characters")
        inputs.append(ids)
        reader = Sequential(
            [
                rooms.Embedding(sizes[1], 32, mask_zero=True),
                rooms.Bidirectional(recurrent_layer(cell, characters)),
            ],
            name="character_reader",
        )
        parts.append(rooms.DistinctSteps(reader, mask_zero=True, name="character_features")(ids))
    drop = rooms.SpatialDropout1D if locked_dropout else rooms.Dropout
    options = {"recurrent_dropout": recurrent_dropout} if recurrent_dropout else {}
    x: Any = rooms.Concatenate(name="features")(parts) if len(parts) > 1 else parts[0]
    if dropout:
        x = drop(dropout)(x)
    for _ in range(layers):
        x = rooms.Bidirectional(recurrent_layer(cell, units, return_sequences=True, **options))(x)
        if dropout:
            x = drop(dropout)(x)
    x = rooms.CRF(labels, name="labels")(x) if crf else rooms.Dense(labels, name="labels")(x)
    return Model(inputs, x)


@contextmanager
def within_weights_of(network: Model, label: str) -> Iterator[None]:
    """Inside of the block, layers are made with zeros, and with no more weights together than `network` has.

    raises : FileFormatError that begins with `label` for more
    """
    outer, context.loading = context.loading, WeightBudget(network.count_params(), label)
    try:
        yield
    finally:
        context.loading = outer
