"""Which names of TensorFlow and Keras a program uses, and which of them are missing: a walk through its syntax tree."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from recurra.compat.programs import names
from recurra.compat.programs.sources import Piece, read_program, text_of


class Use(NamedTuple):
    """A name in a program.

    name : as ``tf.keras.layers.LSTM``
    place, line : the file or cell, and the line in it
    optional : the program goes on without it (an import in a ``try``)
    note : why it is missing, or what is different
    """

    name: str
    place: str
    line: int
    optional: bool = False
    note: str = ""


class Report(NamedTuple):
    """What a program uses.

    runs : names that are here, differs : those that do something else, missing : those that are not here
    modules : the import lines that recurra answers
    skipped : lines of a notebook that are no Python
    """

    path: str
    runs: list[Use]
    differs: list[Use]
    missing: list[Use]
    modules: list[Use]
    skipped: list[Use]

    @property
    def complete(self) -> bool:
        """Whether nothing that the program needs is missing."""
        return all(use.optional for use in self.missing)


def check_program(path: str) -> Report:
    """Read a script or a notebook and look up what it uses; nothing of it is run.

    raises : OSError, SyntaxError, UnreadableProgram where it cannot be read
    """
    return check_pieces(path, read_program(path))


def check_pieces(path: str, pieces: list[Piece]) -> Report:
    """The same for pieces that were read."""
    report = Report(path, [], [], [], [], [])
    bound: dict[str, str] = {}
    for piece in pieces:
        report.skipped.extend(Use(text, piece.name, line) for line, text in piece.skipped.items())
        tree = ast.parse(text_of(piece), piece.name)
        optional = set(_optional_lines(tree))
        for node in ast.walk(tree):
            _bind(node, bound)
        for node in _outer_nodes(tree):
            for use, module in _uses(node, bound):
                _judge(report, use._replace(place=piece.name, optional=use.line in optional), module)
    return report


def _judge(report: Report, use: Use, module: bool) -> None:
    """Put a use where it belongs."""
    found = names.module_of(use.name) if module else names.resolve(use.name)
    if module and found is None:
        found = names.Missing(names.short(use.name))
    name = names.short(use.name)
    if isinstance(found, names.Missing):
        _add(report.missing, use._replace(name=found.name, note=found.why))
        return
    if module:
        _add(report.modules, use)
    elif name in names.DIFFERS:
        _add(report.differs, use._replace(name=name, note=names.DIFFERS[name]))
    else:
        _add(report.runs, use._replace(name=name))


def _add(uses: list[Use], use: Use) -> None:
    if use not in uses:
        uses.append(use)


def _optional_lines(tree: ast.AST) -> Iterator[int]:
    """The lines whose import may fail: those in a ``try`` that catches it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Try) and any(_catches_import(handler) for handler in node.handlers):
            for part in node.body:
                yield from range(part.lineno, (part.end_lineno or part.lineno) + 1)


def _catches_import(handler: ast.ExceptHandler) -> bool:
    caught = (
        {part.id for part in ast.walk(handler.type) if isinstance(part, ast.Name)} if handler.type else {"Exception"}
    )
    return bool(caught & {"ImportError", "ModuleNotFoundError", "AttributeError", "Exception", "BaseException"})


def _bind(node: ast.AST, bound: dict[str, str]) -> None:
    """Note which names of the program are modules or names of TensorFlow or Keras."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            if names.is_foreign(alias.name):
                if alias.asname:
                    bound[alias.asname] = alias.name
                else:
                    root = alias.name.partition(".")[0]
                    bound[root] = root
    elif isinstance(node, ast.ImportFrom) and not node.level and node.module and names.is_foreign(node.module):
        for alias in node.names:
            if alias.name != "*":
                bound[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    elif isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
        path = _dotted(node.value, bound)  # keras = tf.keras
        if path is not None and names.module_of(path) is not None:
            bound[node.targets[0].id] = path


def _dotted(node: ast.AST, bound: dict[str, str]) -> str | None:
    """The full name of ``tf.keras.layers``, None for what is none of TensorFlow or Keras."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in bound:
        return None
    return ".".join([bound[node.id], *reversed(parts)])


def _outer_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Imports and the longest dotted names, in order."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, (ast.Import, ast.ImportFrom)):
            yield child
        elif isinstance(child, ast.Attribute):
            inner: ast.AST = child
            while isinstance(inner, ast.Attribute):
                inner = inner.value
            yield child
            if not isinstance(inner, ast.Name):
                yield from _outer_nodes(inner)
        else:
            yield from _outer_nodes(child)


def _uses(node: ast.AST, bound: dict[str, str]) -> Iterator[tuple[Use, bool]]:
    """The names that one node uses, and whether each is a module of an import line."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            if names.is_foreign(alias.name):
                yield Use(alias.name, "", node.lineno), True
    elif isinstance(node, ast.ImportFrom) and not node.level and node.module and names.is_foreign(node.module):
        yield Use(node.module, "", node.lineno), True
        if names.module_of(node.module) is not None:
            for alias in node.names:
                if alias.name != "*":
                    yield Use(f"{node.module}.{alias.name}", "", alias.lineno), False
    elif isinstance(node, ast.Attribute):
        path = _dotted(node, bound)
        if path is not None and names.is_foreign(path):
            yield Use(path, "", node.lineno), False
