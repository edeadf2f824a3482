"""The networks of the tasks, as ``Sequential`` models that anyone can load and take apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from recurra import layers as rooms
from recurra._core.cells import CELLS as KERNEL_CELLS
from recurra.layers import LAYER_OF_CELL
from recurra.tasks.arguments import check_fractions

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


def check_recurrent_dropout(cell: str, **rates: float) -> None:
    """Refuse rates, by name, for a cell that has no products of its state."""
    check_fractions(**rates)
    for name, rate in rates.items():
        if rate and not KERNEL_CELLS[cell].has_recurrent_kernel:
            raise ValueError(f"{name} must be 0: the cell {cell} has no recurrent kernel, got {rate!r}")


def language_network(
    vocabulary: int, *, batch_size: int | None = None, embedding_dropout: float = 0.0, weight_drop: float = 0.0,
    **sizes: Any,
) -> Model:  # fmt: skip
    """Embedding → recurrent layers → Dense scores of the next token, dropout between.

    sizes : the arguments of :func:`language_layers`
    batch_size : B for a stateful network that carries its state from call to call, or None for one without memory
    embedding_dropout : the share of the tokens whose vectors a step of training drops, wherever they stand
    weight_drop : the share of the weights of each recurrent kernel that a step of training drops
    takes : token ids (B, T); gives : scores (B, T, V)
    """
    from recurra.models import Model, Sequential

    stack = language_layers(vocabulary, **sizes, stateful=batch_size is not None)
    inputs = rooms.Input(batch_shape=(batch_size, None), dtype="int32")
    table: Any = stack[0]
    for layer in stack:
        if weight_drop and isinstance(layer, rooms.RNN):
            layer.cell.weight_drop = weight_drop
    if embedding_dropout:
        table.drop_tokens(embedding_dropout)
    if not sizes.get("tied"):
        return Sequential([inputs, *stack])
    value = inputs
    for layer in stack:
        value = layer(value)
    return Model(inputs, table(value, reverse=True))


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
    tied: bool = False,
    stateful: bool = False,
) -> list[Layer]:
    """The layers of :func:`language_network`, unbuilt.

    locked_dropout : whether a step of `dropout` drops the same units as the steps before it
    recurrent_dropout : the rate of the recurrent layers, on their state
    projection : the width of a linear layer before the scores, or None for none
    tied : whether the embedding's table makes the scores too, after a linear layer where the state is not as wide
    """
    from recurra.initializers import RandomNormal

    options = {"recurrent_dropout": recurrent_dropout} if recurrent_dropout else {}
    kind = rooms.ReversibleEmbedding if tied else rooms.Embedding
    first = RandomNormal(stddev=0.1 if tied else 1.0)
    stack: list[Layer] = [kind(vocabulary, embedding, embeddings_initializer=first)]
    for _ in range(layers):
        stack.append(recurrent_layer(cell, units, return_sequences=True, stateful=stateful, **options))
        if dropout:
            stack.append(rooms.SpatialDropout1D(dropout) if locked_dropout else rooms.Dropout(dropout))
    if tied:
        return [*stack, *([] if _width(cell, units) == embedding else [rooms.Dense(embedding, use_bias=False)])]
    if projection is not None:
        stack.append(rooms.Dense(projection, use_bias=False))
    return [*stack, rooms.Dense(vocabulary)]


def _width(cell: str, units: int) -> int:
    """The size of a layer's outputs."""
    layer: Any = recurrent_layer(cell, units)
    size: int = layer.cell.output_size
    return size
