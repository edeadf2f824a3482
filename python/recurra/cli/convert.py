"""``recurra convert``: files of PyTorch and Keras, made from one another."""

# ruff: noqa: D301 - click takes \b in a docstring for lines that stay as they are
from __future__ import annotations

from pathlib import Path

import click


@click.command(short_help="Make a Keras model of a PyTorch state dict, or back.")
@click.argument("source", type=click.Path(path_type=Path), metavar="IN")
@click.argument("target", type=click.Path(path_type=Path), metavar="OUT")
@click.option(
    "--nonlinearity", type=click.Choice(["tanh", "relu"]), default="tanh", show_default=True,
    help="Of an nn.RNN: a state dict does not tell.",
)  # fmt: skip
@click.option("--last-state", is_flag=True, help="The last recurrent layer gives its last output only.")
def convert(source: Path, target: Path, nonlinearity: str, last_state: bool) -> None:
    """Make a Keras model of a PyTorch state dict, or the other way; endings say which.

    .pt and .pth are PyTorch's, .keras, .h5 and .hdf5 Keras's. A state dict's modules, in its order, become a Sequential
    model: Embedding, LSTM, GRU, RNN, LayerNorm, Linear. Reading and writing .pt files needs PyTorch.

    \b
    Examples:
      recurra convert tagger.pt tagger.keras
      recurra convert reviews.h5 reviews.pt
      recurra convert classifier.pt classifier.keras --last-state
    """
    from recurra.saving.conversion import convert as run

    model = run(source, target, nonlinearity=nonlinearity, last_state=last_state)
    click.echo(f"{target}: {', '.join(type(layer).__name__ for layer in model.layers)}")
