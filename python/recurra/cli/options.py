"""Options and small helpers that several commands share."""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from recurra.cli.errors import CHECKPOINT, INTERRUPTED, InputError
from recurra.cli.results import json_line
from recurra.cli.standard_streams import say
from recurra.files import atomic_write
from recurra.training.interrupt import signal_name

Command = TypeVar("Command", bound=Callable[..., Any])


class Integer(click.IntRange):
    """A whole number of an option, within bounds; in help INTEGER in place of click's INTEGER RANGE."""

    name = "integer"


class Number(click.FloatRange):
    """A number of an option, within bounds."""

    name = "number"


quiet_option = click.option("-q", "--quiet", is_flag=True, help="No progress, only results and errors.")
encoding_option = click.option("--encoding", default="utf-8", show_default=True, help="Of the files that are read.")


def json_option(what: str) -> Callable[[Command], Command]:
    """``--json``; `what` says what is printed."""
    return click.option("--json", "as_json", is_flag=True, help=what)


def size_option(flag: str, default: int, what: str) -> Callable[[Command], Command]:
    """A number of things, at least 1."""
    return click.option(flag, type=Integer(min=1), default=default, show_default=True, help=what)


def share_option(flag: str, default: float, what: str) -> Callable[[Command], Command]:
    """A share, from 0 to below 1."""
    return click.option(flag, type=Number(0, 1, max_open=True), default=default, show_default=True, help=what)


def learning_rate_option(default: float) -> Callable[[Command], Command]:
    """``--learning-rate``, of a training whose rate falls along a cosine."""
    return click.option(
        "--learning-rate", type=Number(0, min_open=True), default=default, show_default=True,
        help="Adam's, at the start; falls to a tenth.",
    )  # fmt: skip


def seed_option(what: str) -> Callable[[Command], Command]:
    """``--seed``, for what is drawn at random."""
    return click.option("--seed", type=Integer(0, 2**63 - 1), metavar="N", help=f"Makes {what} repeatable.")


def out_option(ending: str) -> Callable[[Command], Command]:
    """``--out FILE`` and ``--force``, for the model file."""

    def add(command: Command) -> Command:
        command = click.option("-f", "--force", is_flag=True, help="Overwrite FILE if it exists.")(command)
        return click.option(
            "-o", "--out", required=True, metavar="FILE", type=click.Path(path_type=Path),
            help=f"The model file to write (any name; {ending} says what it is).",
        )(command)  # fmt: skip

    return add


def resume_options(command: Command) -> Command:
    """``--resume`` and ``--checkpoint-minutes``, for a training that is killed and started again."""
    command = click.option(
        "--checkpoint-minutes", type=Number(min=0), default=5.0, show_default=True, metavar="N",
        help="Write a checkpoint to FILE.checkpoint so often, and after each epoch; 0 writes none.",
    )(command)  # fmt: skip
    return click.option(
        "--resume", is_flag=True,
        help="Go on exactly where a training with the same options stopped or was killed; begin where there is none.",
    )(command)  # fmt: skip


def check_out(path: Path, force: bool, inputs: Sequence[str] = (), other: Path | None = None) -> None:
    """Refuse files that cannot be written, that are among those to be read, or a model that exists, before the work.

    other : a second file that the command will write, over an older one
    """
    for target in filter(None, (path, other)):
        _check_output(target, inputs)
    _check_apart(other, path, "the model and the history")
    if path.exists() and not force:
        raise InputError(f"{path} exists already: choose another name, or add --force to overwrite it")


def open_checkpoint(
    out: Path, force: bool, resume: bool, minutes: float, inputs: Sequence[str], history: Path | None
) -> Any:
    """The checkpoint beside the model file, None where none is to be written; checks the files as :func:`check_out`."""
    from recurra.tasks import TrainingCheckpoint

    if not minutes:
        if resume:
            raise click.UsageError("--resume needs checkpoints: leave out --checkpoint-minutes 0")
        check_out(out, force, inputs, history)
        return None
    folder = out.with_name(f"{out.name}.checkpoint")
    checkpoint = TrainingCheckpoint(folder, minutes=minutes, resume=resume)
    check_out(out, force or (resume and checkpoint.found), inputs, history)
    if resume and checkpoint.found:
        for torn in out.parent.glob(f".{glob.escape(out.name[:100])}.*.tmp"):
            torn.unlink()  # of the run that was killed while it saved the model
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} must be a folder for checkpoints, got a file: choose another name for the model")
    if checkpoint.found and not resume and not force:
        raise InputError(
            f"{folder} holds a training that did not end: --resume goes on with it, --force starts anew without it"
        )
    click.get_current_context().meta[CHECKPOINT] = checkpoint
    return checkpoint


def check_beside(path: Path, inputs: Sequence[str], *others: Path | None) -> None:
    """Refuse, before the work, another output than the model: over a file that is read or written, or not possible."""
    _check_output(path, inputs)
    for other in others:
        _check_apart(path, other, f"this output and {other}")


def _check_output(path: Path, inputs: Sequence[str]) -> None:
    from recurra.tasks.model_file import check_destination

    check_destination(path)
    for name in inputs:
        if name != "-" and path.exists() and os.path.exists(name) and os.path.samefile(path, name):
            raise InputError(f"{path} is the file that is read, {name}: choose another name for what is written")


def _check_apart(path: Path | None, other: Path | None, both: str) -> None:
    if path is not None and other is not None and os.path.realpath(path) == os.path.realpath(other):
        raise InputError(f"{path} cannot be both {both}: choose another name for one")


def refuse_blank(texts: Sequence[str], flag: str) -> None:
    """Refuse texts of the command line that hold no word: each has its line in the output."""
    if not all(text.strip() for text in texts):
        raise click.UsageError(f"{flag} must hold at least one word")


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
    with atomic_write(path, "w") as file:
        file.write("\n".join(lines) + "\n")


def save_training(
    model: Any,
    record: Any,
    out: Path,
    history: Path | None,
    checkpoint: Any,
    unit: str,
    quiet: bool,
    plot: Path | None,
    as_json: bool,
) -> None:
    """Write the model, then the history and the plot, and say what was reached and where it is.

    as_json : print it as an object on standard output too, with all that the model remembers of its training

    The exit code is that of the signal which ended the training, if one did; the checkpoint then stays.
    """
    model.save(out)
    write_history(history, record)
    if plot is not None and record.epoch:
        record.plot(path=str(plot))
    if checkpoint is not None and not model.trained.get("interrupted"):
        checkpoint.clear()  # last: what is missing can be had by --resume
    if as_json:
        say(json_line({"model": str(out), **model.trained}), error=False)
    _finish(model.trained, record.signal, out, unit, quiet, checkpoint is not None)


def _finish(trained: dict[str, Any], signal: int | None, out: Path, unit: str, quiet: bool, resumable: bool) -> None:
    reached = [f"loss {trained['loss']:.4f}"] if trained.get("loss") is not None else []
    if trained.get("val_loss") is not None:
        reached = [f"validation loss {trained['val_loss']:.4f} {unit}"]
    if trained.get("val_accuracy") is not None:
        reached.append(f"validation accuracy {trained['val_accuracy']:.2%}")
    if trained.get("interrupted"):
        number = INTERRUPTED - 128 if signal is None else signal
        more = "; --resume goes on" if resumable else ""
        say(f"stopped by {signal_name(number)}: the weights trained so far are saved in {out}{more}")
        click.get_current_context().exit(128 + number)
    if not quiet:
        say(f"saved {out}" + (f": {', '.join(reached)}" if reached else ""))


@contextmanager
def item_bar(total: int | None, what: str, quiet: bool) -> Iterator[Callable[[int], Any] | None]:
    """A bar on standard error, where that is a terminal, over `total` items, or as many as come; yields what to tell.

    What is yielded takes the numbers of items done; it is None where there is no bar.
    """
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from tqdm import tqdm

    with tqdm(total=total, unit=what, unit_scale=True, leave=False, dynamic_ncols=True, file=sys.stderr) as bar:
        yield bar.update


def stdin_is_terminal() -> bool:
    """Whether a person types the input."""
    return sys.stdin is not None and sys.stdin.isatty()


def on_command_line(name: str) -> bool:
    """Whether the option with this argument was given, and is not its default."""
    return click.get_current_context().get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
