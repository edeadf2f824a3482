"""``--plot FILE``: the losses of a training as a picture."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from recurra.callbacks.history_plot import require_matplotlib
from recurra.cli.errors import InputError

ENDINGS = (".png", ".svg", ".pdf")

plot_option = click.option(
    "--plot",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Draw the losses of all epochs into this .png, .svg or .pdf file (extra recurra[plot]).",
)


def check_plot(path: Path | None, *others: Path | None) -> None:
    """Refuse, before the work, a picture that cannot be drawn or written.

    others : files that the command writes too
    """
    if path is None:
        return
    from recurra.tasks.model_file import check_destination

    if path.suffix.lower() not in ENDINGS:
        raise InputError(f"--plot must name a file that ends in {', '.join(ENDINGS)}, got {path}")
    require_matplotlib("--plot")
    check_destination(path)
    for other in others:
        if other is not None and os.path.realpath(path) == os.path.realpath(other):
            raise InputError(f"{path} cannot be both the plot and another file: choose another name for one")


def write_plot(path: Path | None, history: Any) -> None:
    """Draw what `history`, which ``fit`` returned, holds, where a path is given."""
    if path is not None and history.epoch:
        history.plot(path=str(path))
