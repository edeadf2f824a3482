"""Run a script or a notebook as Python would, with recurra in place of TensorFlow and Keras."""

from __future__ import annotations

import ast
import builtins
import contextlib
import linecache
import os
import sys
import traceback
from types import CodeType, ModuleType, TracebackType
from typing import Any

from recurra.compat.installing import install
from recurra.compat.programs.check import Report, check_pieces, check_program
from recurra.compat.programs.sources import Piece, read_program


def run_program(path: str, arguments: list[str], *, force: bool = False) -> tuple[int, Report | None]:
    """Run the program; give its exit code, and what it used (None where it is no Python).

    path : a script or a notebook
    arguments : ``sys.argv[1:]``
    force : replace a TensorFlow or Keras that is really installed

    A traceback shows the program's lines alone, and goes to standard error, as Python's does.
    raises : OSError, UnreadableProgram where the file cannot be read; AlreadyThere as ``install``
    """
    pieces = read_program(path)
    install(force=force)
    try:
        report: Report | None = check_pieces(path, pieces)
    except (SyntaxError, UnicodeDecodeError):
        report = None  # the run will say so
    main = _main_module(path)
    sys.argv = [path, *arguments]
    sys.path[0] = os.path.dirname(os.path.abspath(path))
    notebook = path.endswith(".ipynb")
    if notebook:
        os.environ["MPLBACKEND"] = "module://recurra.compat.programs.figures"
        os.environ["RECURRA_FIGURES"] = os.path.abspath(path).removesuffix(".ipynb")
        main.__dict__["display"] = print
    try:
        for piece in pieces:
            _run_piece(piece, main.__dict__, notebook)
    except SystemExit as stop:
        return _exit_code(stop), report
    except BaseException as error:
        _show(error, {piece.name for piece in pieces})
        return 130 if isinstance(error, KeyboardInterrupt) else 1, report
    finally:
        _flush()
        if report is not None:
            _add_modules(report, os.path.dirname(os.path.abspath(path)))
    return 0, report


def _add_modules(report: Report, folder: str) -> None:
    """What the modules that lie beside the program use, as far as it imported them."""
    files = {getattr(module, "__file__", None) or "" for module in list(sys.modules.values())}
    own = os.path.join(folder, "")
    for file in sorted(file for file in files if file.startswith(own) and file.endswith(".py")):
        if "site-packages" in file or file == os.path.join(folder, os.path.basename(report.path)):
            continue
        with contextlib.suppress(OSError, SyntaxError, UnicodeDecodeError):
            found = check_program(file)
            report.modules.extend(found.modules)
            report.missing.extend(found.missing)
            report.runs.extend(found.runs)
            report.differs.extend(found.differs)


def _main_module(path: str) -> ModuleType:
    """A fresh ``__main__``, as Python makes for a script."""
    main = ModuleType("__main__")
    main.__dict__.update(
        __file__=path, __builtins__=builtins, __annotations__={}, __cached__=None, __loader__=None, __spec__=None
    )
    sys.modules["__main__"] = main
    return main


def _run_piece(piece: Piece, space: dict[str, Any], notebook: bool) -> None:
    if not notebook:
        exec(compile(piece.source, piece.name, "exec", dont_inherit=True), space)
        return
    for line, text in piece.skipped.items():
        print(f"recurra: {piece.name}, line {line}: skipped: {text}", file=sys.stderr)
    assert isinstance(piece.source, str)
    linecache.cache[piece.name] = (len(piece.source), None, piece.source.splitlines(keepends=True), piece.name)
    for code in _steps(piece.source, piece.name):
        exec(code, space)
    if "matplotlib.pyplot" in sys.modules:
        from recurra.compat.programs.figures import write_figures

        write_figures()


def _steps(source: str, name: str) -> list[CodeType]:
    """The code of a cell, with an expression at its end by itself: its value is shown, as notebooks do."""
    tree = ast.parse(source, name)
    last = tree.body[-1] if tree.body else None
    if not isinstance(last, ast.Expr) or source.rstrip().endswith(";"):
        return [compile(tree, name, "exec", dont_inherit=True)]
    shown = ast.Interactive([tree.body.pop()])
    return [compile(tree, name, "exec", dont_inherit=True), compile(shown, name, "single", dont_inherit=True)]


def _exit_code(stop: SystemExit) -> int:
    """What Python exits with; a text is said on standard error."""
    if stop.code is None:
        return 0
    if isinstance(stop.code, int):
        return stop.code & 0xFF
    print(stop.code, file=sys.stderr)
    return 1


def _show(error: BaseException, names: set[str]) -> None:
    """The traceback without the frames above the program's."""
    start: TracebackType | None = error.__traceback__
    while start is not None and start.tb_frame.f_code.co_filename not in names:
        start = start.tb_next
    _flush()
    error.__traceback__ = start
    if sys.excepthook is sys.__excepthook__:
        traceback.print_exception(error)  # reads the lines of cells too
    else:
        sys.excepthook(type(error), error, start)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
