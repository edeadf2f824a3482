"""Runs of parts put together to one result: ``python -m bench.python.join DIR... --out DIR``.

Each DIR holds the ``result.json`` of a run of some cells, threads or cases, all on one machine with the same versions.
A problem that several runs measured is taken from the last of them, with all its candidates. The result is complete
where one run of everything would be.
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
import sys
from pathlib import Path
from typing import Any

from bench.cases import CASES, MODES, THREADS
from bench.cells import CELLS, COMPARED
from bench.python import report
from bench.python.run import higher, left_out

SAME = ("kind", "machine", "versions", "held_to")
PROBLEM = ("case", "cell", "mode", "dtype", "threads")


def problem_of(entry: dict[str, Any]) -> tuple[str, ...]:
    """What a timing or a failure is about; a framework that did not start failed at no problem."""
    return tuple(str(entry.get(name, "")) for name in PROBLEM)


def own_scope(part: dict[str, Any]) -> list[str]:
    """The reasons that a part has for being a part."""
    return left_out(*({r[name] for r in part["results"]} for name in ("case", "cell", "mode", "threads")))


def join(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """One result of those of several runs. ValueError where these are of different machines, versions or kinds."""
    for name in SAME:
        for part in parts[1:]:
            if part[name] != parts[0][name]:
                raise ValueError(f"all runs must have the same {name}, got {parts[0][name]!r} and {part[name]!r}")
    results: list[dict[str, Any]] = []
    failures: list[dict[str, Any]] = []
    reasons: list[str] = []
    peaks: dict[str, Any] = {}
    measured: set[tuple[str, ...]] = set()
    for part in reversed(parts):
        fresh = [r for r in part["results"] if problem_of(r) not in measured]
        if part["results"] and not fresh:
            continue  # all of it was measured again
        results += fresh
        failures += [f for f in part["failures"] if problem_of(f) not in measured]
        measured |= {problem_of(r) for r in fresh}
        for threads, peak in part["peaks"].items():
            peaks[threads] = higher(peaks[threads], peak) if threads in peaks else peak
        scope = own_scope(part)
        reasons += [reason for reason in part["reasons"] if reason not in scope and " failed: " not in reason]
    results.sort(key=_place)
    wanted = itertools.product(CASES, COMPARED, MODES, ("float32",), map(str, THREADS))
    reasons += [f"not measured: {' '.join(problem)}" for problem in wanted if problem not in measured]
    reasons += sorted({f"{f.get('family', '')} failed: {f['error']}".strip() for f in failures})
    times = sorted(part["measured"] for part in parts)
    return {
        **{name: parts[0][name] for name in SAME},
        "status": "incomplete" if reasons else "complete",
        "reasons": list(dict.fromkeys(reasons)),
        "measured": times[0] if times[0] == times[-1] else f"{times[0]} to {times[-1]}",
        "command": "`, `".join(dict.fromkeys(re.sub(r" --out \S+", "", part["command"]) for part in parts)),
        "peaks": dict(sorted(peaks.items())),
        "results": results,
        "failures": failures,
    }


def _place(entry: dict[str, Any]) -> tuple[int, ...]:
    """Where a table has it: cell by cell, then by threads, mode and shape."""
    orders = {
        "cell": list(CELLS),
        "threads": list(range(entry["threads"] + 1)),
        "mode": list(MODES),
        "case": list(CASES),
    }
    return tuple(order.index(entry[name]) for name, order in orders.items())


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.python.join", description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", type=Path, metavar="DIR", help="a folder that a run wrote")
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    chosen = parser.parse_args(arguments)
    try:
        result = join([json.loads((run / "result.json").read_text()) for run in chosen.runs])
    except (OSError, ValueError) as error:
        parser.error(str(error))
    print(*report.write(result, chosen.out), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
