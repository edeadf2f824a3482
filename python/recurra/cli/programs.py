"""``recurra run`` and ``recurra check``: programs written for TensorFlow or Keras, as they stand."""

# ruff: noqa: D301 - click takes \b in a docstring for lines that stay as they are
from __future__ import annotations

import sys

import click

from recurra.cli.errors import InputError, show_warnings_as_python
from recurra.cli.options import json_option

_SCRIPT = click.argument("program", type=click.Path(exists=True, dir_okay=False))


@click.command(
    "run",
    short_help="Run a program written for TensorFlow or Keras, unchanged.",
    context_settings={"allow_interspersed_args": False},  # what follows the program is the program's
)
@click.option("--force", is_flag=True, help="Replace a TensorFlow or Keras that is really installed, in this run.")
@click.option("-q", "--quiet", is_flag=True, help="No report at the end.")
@_SCRIPT
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def run(force: bool, quiet: bool, program: str, arguments: tuple[str, ...]) -> None:
    """Run a script or notebook written for TensorFlow or Keras on recurra, unchanged.

    \b
    Examples:
      recurra run train.py --epochs 3
      recurra run lstm.ipynb          # cells in order; figures are written beside it

    Its output, tracebacks and exit code are the program's. At the end standard error says what recurra stood in for
    and which names it lacks.
    """
    from recurra.compat.programs.report import summary_of
    from recurra.compat.programs.run import run_program

    show_warnings_as_python()
    code, report = run_program(program, list(arguments), force=force)
    if report is not None and not quiet:
        for line in summary_of(report):
            click.echo(f"recurra: {line}", err=True)
    sys.exit(code)


@click.command(short_help="Say what of TensorFlow and Keras a program uses is missing.")
@json_option("All that was found, as JSON on standard output.")
@_SCRIPT
def check(as_json: bool, program: str) -> None:
    """Say what of TensorFlow and Keras a script or notebook uses is missing here, without running it.

    Exit code 0: nothing is missing; 1: something is; 2: the file is no program.
    """
    from recurra.compat.programs import report as said
    from recurra.compat.programs.check import check_program

    try:
        report = check_program(program)
    except SyntaxError as error:
        place = f"{error.filename}:{error.lineno}" if error.filename else program
        raise InputError(f"{place}: {error.msg}") from None
    click.echo(said.as_json(report) if as_json else "\n".join(said.lines_of(report)))
    sys.exit(0 if report.complete else 1)
