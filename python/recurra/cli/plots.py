"""``--plot FILE``: results as a picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import click

from recurra.callbacks.history_plot import require_matplotlib
from recurra.cli.errors import InputError
from recurra.cli.options import Command, check_beside

ENDINGS = (".png", ".svg", ".pdf")
LOSSES = "the losses of all epochs"


def plot_option(what: str) -> Callable[[Command], Command]:
    """``--plot FILE``, for a picture of `what`."""
    return click.option(
        "--plot", type=click.Path(path_type=Path), metavar="FILE",
        help=f"Draw {what} into this .png, .svg or .pdf file (extra recurra[plot]).",
    )  # fmt: skip


def check_plot(path: Path | None, inputs: Sequence[str], *others: Path | None) -> None:
    """Refuse a picture that cannot be drawn or written, or over a file that is read or written, before the work."""
    if path is None:
        return
    check_beside(path, inputs, *others)
    if path.suffix.lower() not in ENDINGS:
        raise InputError(f"--plot must name a file that ends in {', '.join(ENDINGS)}, got {path}")
    require_matplotlib("--plot")
