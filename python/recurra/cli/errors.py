"""From exceptions to exit codes: one clear line for bad input, a traceback for our own mistakes."""

from __future__ import annotations

import errno
import os
import re
import sys
import warnings
import zipfile
from difflib import get_close_matches
from typing import Any

import click

from recurra.cli.standard_streams import say, standard_output_takes
from recurra.training.interrupt import Terminated, ending_signals

BAD_INPUT = 2
INTERRUPTED = 130
_CALLED = "recurra.called"  # in a context's meta: the command of a group that has failed
CHECKPOINT = "recurra.checkpoint"  # in a context's meta: the checkpoint of the training that runs


class InputError(click.ClickException):
    """Bad input: one line on standard error, exit code 2."""

    exit_code = BAD_INPUT

    def show(self, file: Any = None) -> None:
        click.echo(f"recurra: error: {self.format_message()}", err=True)


class Group(click.Group):
    """A group of commands in which bad input ends with one line and exit code 2, Ctrl-C with 130.

    SIGTERM ends with 143 and SIGHUP with 129, after a training has saved what it learned.

    RECURRA_DEBUG=1 in the environment shows tracebacks instead.
    """

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            groups = {name: one for name, one in self.commands.items() if isinstance(one, click.Group)}
            names = {name for group in groups.values() for name in group.commands}
            misspelt = args[0] not in names and get_close_matches(args[0], self.commands)  # which click answers
            near = [] if misspelt else get_close_matches(args[0], names, 1)
            within = [
                f"{ctx.command_path} {group} {name}"
                for name in near
                for group in groups
                if name in groups[group].commands
            ]
            if within:
                ctx.fail(f"{error.format_message()} There is {', '.join(within)}.")
            raise

    def invoke(self, ctx: click.Context) -> Any:
        if ctx.parent is not None:
            try:
                return super().invoke(ctx)
            except Exception:
                ctx.meta[_CALLED] = ctx.command.get_command(ctx, ctx.invoked_subcommand or "")  # type: ignore[attr-defined]
                raise
        try:
            with ending_signals():
                return super().invoke(ctx)
        except Terminated as end:
            say(f"recurra: {end}")
            ctx.exit(128 + end.signal)
        except (KeyboardInterrupt, click.Abort):
            click.echo("recurra: interrupted", err=True)
            ctx.exit(INTERRUPTED)
        except BrokenPipeError:
            raise  # `recurra lm generate ... | head`: click ends quietly
        except (ValueError, TypeError, OSError, zipfile.BadZipFile, MemoryError, ImportError) as error:
            if os.environ.get("RECURRA_DEBUG"):
                raise
            raise InputError(as_options(one_line(error), _flags(ctx)) + _resumable(ctx, error)) from None


_PYTHONS = warnings.showwarning


def show_warnings_as_lines() -> None:
    """From here on a warning is one line on standard error, as errors are; RECURRA_DEBUG=1 leaves Python's lines."""
    if not os.environ.get("RECURRA_DEBUG"):
        warnings.showwarning = _show_warning


def show_warnings_as_python() -> None:
    """Undo :func:`show_warnings_as_lines`: for programs of the user's own."""
    warnings.showwarning = _PYTHONS


def _show_warning(message: Warning | str, *place: Any, **more: Any) -> None:
    say(f"recurra: warning: {' '.join(str(message).split())}")


def _resumable(ctx: click.Context, error: BaseException) -> str:
    """What to do where the disk or the memory ended a training that has a checkpoint."""
    checkpoint = ctx.meta.get(CHECKPOINT)
    lacks_room = isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in _NOT_WRITTEN)
    if checkpoint is None or not lacks_room or not checkpoint.resumable:
        return ""
    return f"; the same command with --resume goes on from the checkpoint in {checkpoint.folder}"


_QUOTED_OR_ARGUMENT = re.compile(
    r"(?<![\w=])'[^']*'|(?<![\w./\\-])(?P<name>[a-z_]+)=(?:'(?P<quoted>[^']*)'| ?(?P<plain>[^\s,;:)']+))"
)


def _flags(ctx: click.Context) -> set[str]:
    """The options of the command that was called."""
    assert isinstance(ctx.command, click.Group)
    called = ctx.meta.get(_CALLED) or ctx.command.get_command(ctx, ctx.invoked_subcommand or "")
    return set() if called is None else {flag for parameter in called.params for flag in parameter.opts}


def as_options(text: str, flags: set[str]) -> str:
    """A message with arguments of Python, such as encoding='utf-16', written as the options that `flags` holds.

    An argument that the message begins with counts too; what stands in quotes or in a path stays as it is.

    >>> as_options("pass encoding='utf-16'; batch_size=3", {"--encoding"})
    'pass --encoding utf-16; batch_size=3'
    """

    def flag_of(name: str) -> str:
        return "--" + name.removesuffix("_size" if name == "vocabulary_size" else "").replace("_", "-")

    def option(found: re.Match[str]) -> str:
        flag = flag_of(found["name"] or "")
        return f"{flag} {found['quoted'] or found['plain']}" if flag in flags else found[0]

    first = re.match(r"([a-z_]+) must ", text)
    if first and flag_of(first[1]) in flags:
        text = flag_of(first[1]) + text[first.end(1) :]
    return _QUOTED_OR_ARGUMENT.sub(option, text)


_NOT_WRITTEN = {errno.ENOSPC, errno.EFBIG, errno.EBADF, errno.EIO, errno.EDQUOT}


def one_line(error: BaseException) -> str:
    """What went wrong, without line breaks; operating system errors name the file first."""
    if isinstance(error, OSError) and error.strerror:
        name = error.filename
        if name is None and error.errno in _NOT_WRITTEN:
            name = "standard output"  # what writes a file says which
        return error.strerror if name is None else f"{name}: {error.strerror}"
    if isinstance(error, UnicodeEncodeError) and not standard_output_takes(error.object):
        return (
            f"standard output, whose encoding is {sys.stdout.encoding}, has no {error.object[error.start]!a}: set "
            "PYTHONUTF8=1 in the environment"
        )
    text = " ".join(str(error).split())
    return text or type(error).__name__
