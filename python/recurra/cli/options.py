"""Options and small helpers that several commands share."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from recurra.cli.errors import INTERRUPTED, InputError

Command = TypeVar("Command", bound=Callable[..., Any])

quiet_option = click.option("-q", "--quiet", is_flag=True, help="No progress, only results and errors.")
encoding_option = click.option("--encoding", default="utf-8", show_default=True, help="Of the files that are read.")


def seed_option(what: str) -> Callable[[Command], Command]:
    """``--seed``, for what is drawn at random."""
    return click.option("--seed", type=click.IntRange(0, 2**63 - 1), metavar="N", help=f"Makes {what} repeatable.")


def out_option(ending: str) -> Callable[[Command], Command]:
    """``--out FILE`` and ``--force``, for the model file."""

    def add(command: Command) -> Command:
        command = click.option("-f", "--force", is_flag=True, help="Overwrite FILE if it exists.")(command)
        return click.option(
            "-o", "--out", required=True, metavar="FILE", type=click.Path(path_type=Path),
            help=f"The model file to write (any name; {ending} says what it is).",
        )(command)  # fmt: skip

    return add


def check_out(path: Path, force: bool, inputs: Sequence[str] = ()) -> None:
    """Refuse a file that cannot be written, that exists, or that is one of those to be read, before training for it."""
    from recurra.tasks.model_file import check_destination

    check_destination(path)
    for name in inputs:
        if name != "-" and path.exists() and os.path.exists(name) and os.path.samefile(path, name):
            raise InputError(f"{path} is the file that is read, {name}: choose another name for what is written")
    if path.exists() and not force:
        raise InputError(f"{path} exists already: choose another name, or add --force to overwrite it")


history_option = click.option(
    "--history",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the losses of all epochs to this CSV file.",
)


def write_history(path: Path | None, history: Any) -> None:
    """The losses of a training as CSV, a line an epoch."""
    if path is None:
        return
    names = sorted(history.history)
    lines = [",".join(["epoch", *names])]
    for i, epoch in enumerate(history.epoch):
        lines.append(",".join([str(epoch + 1), *(f"{history.history[name][i]:.6g}" for name in names)]))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def finish_training(trained: dict[str, Any], out: Path, unit: str, quiet: bool) -> None:
    """Say what was reached and where it is; exit code 130 where Ctrl-C ended it."""
    reached = [f"loss {trained['loss']:.4f}"] if trained.get("loss") is not None else []
    if trained.get("val_loss") is not None:
        reached = [f"validation loss {trained['val_loss']:.4f} {unit}"]
    if trained.get("val_accuracy") is not None:
        reached.append(f"validation accuracy {trained['val_accuracy']:.2%}")
    if trained.get("interrupted"):
        click.echo(f"stopped by Ctrl-C: the weights trained so far are saved in {out}", err=True)
        click.get_current_context().exit(INTERRUPTED)
    if not quiet:
        click.echo(f"saved {out}" + (f": {', '.join(reached)}" if reached else ""), err=True)


@contextmanager
def item_bar(total: int, what: str, quiet: bool) -> Iterator[Callable[[int], Any] | None]:
    """A bar on standard error, where that is a terminal, over `total` items; yields what to tell the numbers done."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from tqdm import tqdm

    with tqdm(total=total, unit=what, unit_scale=True, leave=False, dynamic_ncols=True, file=sys.stderr) as bar:
        yield bar.update


def stdin_is_terminal() -> bool:
    """Whether a person types the input."""
    return sys.stdin is not None and sys.stdin.isatty()
