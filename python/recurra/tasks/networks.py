"""The networks of the tasks, as ``Sequential`` models that anyone can load and take apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from recurra import layers as rooms
from recurra._core.cells import CELLS as KERNEL_CELLS
from recurra.layers import LAYER_OF_CELL

if TYPE_CHECKING:
    from recurra.layers import Layer
    from recurra.models.model import Model

CELLS = tuple(LAYER_OF_CELL)


def recurrent_layer(cell: str, units: int, **options: Any) -> Layer:
    """A recurrent layer by the name of its cell."""
    check_cell(cell)
    layer: Layer = getattr(rooms, LAYER_OF_CELL[cell])(units, **options)
    return layer


def check_cell(cell: str) -> None:
    """Refuse what is not the name of a cell."""
    if cell not in CELLS:
        raise ValueError(f"cell must be one of {', '.join(CELLS)}, got {cell!r}")


def check_recurrent_dropout(cell: str, rate: float) -> None:
    """Refuse a rate for a cell that has no products of its state."""
    check_fractions(recurrent_dropout=rate)
    if rate and not KERNEL_CELLS[cell].has_recurrent_kernel:
        raise ValueError(f"recurrent_dropout must be 0: the cell {cell} has no recurrent kernel, got {rate!r}")


def check_sizes(**sizes: int) -> None:
    """Refuse sizes below 1, by name."""
    for name, size in sizes.items():
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise ValueError(f"{name} must be an int >= 1, got {size!r}")


def check_fractions(**rates: float) -> None:
    """Refuse numbers outside [0, 1), by name."""
    for name, rate in rates.items():
        if not 0 <= rate < 1:
            raise ValueError(f"{name} must be in [0, 1), got {rate!r}")


def language_network(
    vocabulary: int,
    *,
    cell: str,
    units: int,
    layers: int,
    embedding: int,
    dropout: float,
    locked_dropout: bool = False,
    recurrent_dropout: float = 0.0,
    projection: int | None = None,
    batch_size: int | None = None,
) -> Model:
    """Embedding → `layers` recurrent layers → Dense scores of the next token, dropout between.

    locked_dropout : whether a step of `dropout` drops the same units as the steps before it
    recurrent_dropout : the rate of the recurrent layers, on their state
    projection : the width of a linear layer before the scores, or None for none
    batch_size : B for a stateful network that carries its state from call to call, or None for one without memory
    takes : token ids (B, T); gives : scores (B, T, V)
    """
    from recurra.models import Sequential

    stack = language_layers(
        vocabulary, cell=cell, units=units, layers=layers, embedding=embedding, dropout=dropout,
        locked_dropout=locked_dropout, recurrent_dropout=recurrent_dropout, projection=projection,
        stateful=batch_size is not None,
    )  # fmt: skip
    return Sequential([rooms.Input(batch_shape=(batch_size, None), dtype="int32"), *stack])


def language_layers(
    vocabulary: int,
    *,
    cell: str,
    units: int,
    layers: int,
    embedding: int,
    dropout: float,
    locked_dropout: bool = False,
    recurrent_dropout: float = 0.0,
    projection: int | None = None,
    stateful: bool = False,
) -> list[Layer]:
    """The layers of :func:`language_network`, unbuilt."""
    from recurra.initializers import RandomNormal

    options = {"recurrent_dropout": recurrent_dropout} if recurrent_dropout else {}
    stack: list[Layer] = [rooms.Embedding(vocabulary, embedding, embeddings_initializer=RandomNormal(stddev=1.0))]
    for _ in range(layers):
        stack.append(recurrent_layer(cell, units, return_sequences=True, stateful=stateful, **options))
        if dropout:
            stack.append(rooms.SpatialDropout1D(dropout) if locked_dropout else rooms.Dropout(dropout))
    if projection is not None:
        stack.append(rooms.Dense(projection, use_bias=False))
    return [*stack, rooms.Dense(vocabulary)]
