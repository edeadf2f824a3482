"""Subinterpreters, which the compiled kernels do not run in."""

from __future__ import annotations

from importlib import import_module


def check_main_interpreter() -> None:
    """An error in a subinterpreter.

    pybind11 and numpy keep one state for the whole process: a module loaded in a second interpreter waits for ever, or
    mixes the objects of the two.

    Raises
    ------
    ImportError
        The calling interpreter is not the main one.
    """
    for name in ("_interpreters", "_xxsubinterpreters"):  # from Python 3.13 on; before
        try:
            interpreters = import_module(name)
        except ImportError:
            continue
        if interpreters.get_current() != interpreters.get_main():
            raise ImportError(
                "recurra runs in Python's main interpreter only, and was imported in a subinterpreter: import it in "
                "the main interpreter, or start a process (multiprocessing) in place of the subinterpreter"
            )
        return
