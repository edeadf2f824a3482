"""Operations called on symbolic tensors: a node in a graph instead of a value.

Every operation works on arrays. One that meets a symbolic tensor asks it for its value, and the tensor answers with
:class:`SymbolicOperand`. The functions that ``recurra.ops`` shows are made here from those that work on arrays: they
catch that answer and hand the call to whoever draws the graph. Nothing is looked at before, so that a call on arrays
costs no more than the call itself.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from types import CodeType
from typing import Any, TypeVar, cast

_F = TypeVar("_F", bound=Callable[..., Any])

#: record(operation's name, values of its parameters by name) -> the symbolic result
Record = Callable[[str, "dict[str, Any]"], Any]


class SymbolicOperand(TypeError):
    """A symbolic tensor was asked for the value that it has not got.

    record : makes a node of the operation that asked
    """

    def __init__(self, message: str, record: Record) -> None:
        super().__init__(message)
        self.record = record


_TEMPLATE = """
def {name}({parameters}):
    try:
        return eager_{name}({parameters})
    except SymbolicOperand as operand:
        record = operand.record
    return record({name!r}, {{{values}}})
"""


def accepting_symbolic(operations: Iterable[Callable[..., Any]]) -> dict[str, Callable[..., Any]]:
    """Operations on arrays as such that accept symbolic tensors too, by name.

    Each function made has exactly the parameters of its operation, which is what makes the step between them cheap.
    They are compiled together, as that is faster.
    """
    eager = {operation.__name__: operation for operation in operations}
    known: dict[str, Any] = {"SymbolicOperand": SymbolicOperand}
    known.update({f"eager_{name}": operation for name, operation in eager.items()})
    made: dict[str, Callable[..., Any]] = {}
    exec("".join(_source(name, operation.__code__) for name, operation in eager.items()), known, made)
    for name, operation in eager.items():
        functools.update_wrapper(made[name], operation)
        made[name].__module__ = "recurra.ops"  # where pickle finds it
        made[name].__defaults__ = operation.__defaults__
    return made


def _source(name: str, code: CodeType) -> str:
    assert not code.co_kwonlyargcount and not code.co_flags & inspect.CO_VARKEYWORDS, f"{name} has keywords of its own"
    names = list(code.co_varnames[: code.co_argcount])
    values = ", ".join(f"{name!r}: {name}" for name in code.co_varnames[: code.co_argcount + _has_star(code)])
    if _has_star(code):
        names.append(f"*{code.co_varnames[code.co_argcount]}")
    return _TEMPLATE.format(name=name, parameters=", ".join(names), values=values)


def _has_star(code: CodeType) -> bool:
    """Whether there is a parameter like ``*operands``."""
    return bool(code.co_flags & inspect.CO_VARARGS)


def operation(function: _F) -> _F:
    """`function`, which works on arrays, as one that accepts symbolic tensors too: for modules loaded when used."""
    return cast("_F", accepting_symbolic([function])[function.__name__])
