"""What :mod:`check` found, as lines and as JSON."""

from __future__ import annotations

import json
from typing import Any

from recurra.compat.programs.check import Report, Use


def as_json(report: Report) -> str:
    """All uses, by kind."""
    kinds = ("missing", "differs", "runs", "modules", "skipped")
    found: dict[str, Any] = {"program": report.path, "complete": report.complete}
    found.update({kind: [use._asdict() for use in getattr(report, kind)] for kind in kinds})
    return json.dumps(found, indent=1)


def lines_of(report: Report) -> list[str]:
    """For people: what is missing and what differs with line numbers, and what runs as a count."""
    lines = [f"{_at(use)}: {use.name} is missing{_tail(use)}" for use in report.missing]
    lines += [f"{_at(use)}: {use.name}: {use.note}" for use in report.differs]
    lines += [f"{_at(use)}: skipped: {use.name}" for use in report.skipped]
    count = len({use.name for use in report.runs})
    known = f"{count} name{'s' if count != 1 else ''} of TensorFlow and Keras found here"
    if not report.modules and not report.missing:
        return [*lines, f"{report.path}: nothing of TensorFlow or Keras is used"]
    needed = len({use.name for use in report.missing if not use.optional})
    return [*lines, f"{report.path}: {known}, {needed or 'none'} missing"]


def summary_of(report: Report) -> list[str]:
    """What is said after a run."""
    modules = list(dict.fromkeys(use.name for use in report.modules))
    lines = []
    if modules:
        lines.append(f"recurra stood in for {', '.join(modules)}")
    lines += [f"missing: {use.name}, {_at(use)}{_tail(use)}" for use in report.missing]
    return lines


def _at(use: Use) -> str:
    return f"{use.place}:{use.line}" if ", cell " not in use.place else f"{use.place}, line {use.line}"


def _tail(use: Use) -> str:
    optional = " (the program goes on without it)" if use.optional else ""
    return f": {use.note}{optional}" if use.note else optional
