"""From exceptions to exit codes: one clear line for bad input, a traceback for our own mistakes."""

from __future__ import annotations

import os
import zipfile
from typing import Any

import click

from recurra.cli.standard_streams import say
from recurra.training.interrupt import Terminated, ending_signals

BAD_INPUT = 2
INTERRUPTED = 130


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

    def invoke(self, ctx: click.Context) -> Any:
        if ctx.parent is not None:
            return super().invoke(ctx)
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
            raise InputError(one_line(error)) from None


def one_line(error: BaseException) -> str:
    """What went wrong, without line breaks; operating system errors name the file first."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename is not None else error.strerror
    text = " ".join(str(error).split())
    return text or type(error).__name__
