"""recurra's layers beside every other framework installed: ``python -m bench.python.run``.

Writes ``result.json``, ``table.md``, ``speedup.png`` and ``roofline.png``; the table is called ``incomplete.md`` when a
framework, a case or our own compiled kernels were missing.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import subprocess
import sys
from collections.abc import Collection
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench.cases import CASES, DTYPES, MODES, THREADS, find
from bench.cells import CELLS, COMPARED
from bench.python import machine, report
from bench.python.alternate import QUICK, Alternation, Pace
from bench.python.peers import FAMILIES, OURS
from bench.python.session import HELD_TO, ROOT, Session, WorkerError, environment


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.python.run", description=__doc__.splitlines()[0])
    parser.add_argument("--cases", nargs="+", metavar="BxTxIxH", help="only these (see bench/cases.py)")
    parser.add_argument("--cells", nargs="+", choices=list(CELLS), default=list(COMPARED))
    parser.add_argument("--modes", nargs="+", choices=MODES, default=list(MODES))
    parser.add_argument("--dtypes", nargs="+", choices=DTYPES, default=["float32"])
    parser.add_argument("--threads", nargs="+", type=int, default=list(THREADS))
    parser.add_argument("--peers", nargs="*", choices=[name for name in FAMILIES if name != OURS], help="only these")
    parser.add_argument("--without-recurra", action="store_true", help="measure the peers alone")
    parser.add_argument("--isa", choices=list(HELD_TO), help="hold every library to this instruction set")
    parser.add_argument("--quick", action="store_true", help="few and short slices: a look, not a measurement")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "bench" / "layers", help="folder for the results")
    parser.add_argument("--verbose", action="store_true", help="show what the libraries print")
    chosen = parser.parse_args(arguments)
    try:
        chosen.cases = [find(name).name for name in chosen.cases or CASES]
    except KeyError as error:
        parser.error(str(error.args[0]))
    return chosen


def families(chosen: argparse.Namespace) -> tuple[list[str], list[str]]:
    """The families to run, and the reasons why the result will not be complete."""
    run, reasons = [], []
    for family in FAMILIES.values():
        wanted = (
            not chosen.without_recurra if family.name == OURS else chosen.peers is None or family.name in chosen.peers
        )
        missing = family.missing()
        if wanted and not missing:
            run.append(family.name)
        elif family.required or family.name == OURS:
            reasons.append(f"{family.title} was " + (f"missing ({', '.join(missing)})" if missing else "left out"))
    reasons += left_out(chosen.cases, chosen.cells, chosen.modes, chosen.threads)
    if chosen.quick:
        reasons.append("quick: too few samples")
    if "float32" not in chosen.dtypes:
        reasons.append("dtypes left out: float32")
    return run, reasons


def left_out(
    cases: Collection[str], cells: Collection[str], modes: Collection[str], threads: Collection[int]
) -> list[str]:
    """What these lack of everything, in words."""
    reasons = []
    for what, given, full in (
        ("cases", cases, list(CASES)),
        ("cells", cells, list(COMPARED)),
        ("modes", modes, list(MODES)),
        ("threads", threads, list(THREADS)),
    ):
        left = [str(value) for value in full if value not in given]
        if left:
            reasons.append(f"{what} left out: {', '.join(left)}")
    return reasons


def ceilings(threads: int, isa: str | None) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.python.peaks", str(threads), *([isa] if isa else [])]
    done = subprocess.run(command, env=environment(threads, isa), capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"measuring the machine's ceilings failed: {done.stderr.strip().splitlines()[-1]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def higher(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Of two measurements of the ceilings the higher of each; they are ceilings."""
    best = dict(max(first, second, key=lambda each: each["sgemm_gflops"]))
    best["fma_gflops"] = max(first["fma_gflops"], second["fma_gflops"])
    best["read_gbytes"] = {k: max(v, second["read_gbytes"][k]) for k, v in first["read_gbytes"].items()}
    return best


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def measure(chosen: argparse.Namespace, names: list[str]) -> dict[str, Any]:
    """Run everything that was chosen; the result without its verdict."""
    pace = QUICK if chosen.quick else Pace()
    found: dict[str, Any] = {"peaks": {}, "results": [], "failures": [], "versions": {}}
    for threads in chosen.threads:
        before = ceilings(threads, chosen.isa)
        with ExitStack() as stack:
            sessions = {}
            for name in names:
                session = stack.enter_context(Session(name, threads, chosen.isa, chosen.verbose))
                try:
                    found["versions"].update(session.ask("versions")["versions"])
                    sessions[name] = session
                except WorkerError as error:
                    found["failures"].append({"family": name, "threads": str(threads), "error": str(error)})
                    say(f"FAILED to start {name}: {error}")
            alternation = Alternation(sessions, pace, say)
            try:
                for dtype in chosen.dtypes:
                    for cell in chosen.cells:
                        for case in chosen.cases:
                            for mode in chosen.modes:
                                alternation.run(case, cell, mode, dtype, threads)
            except KeyboardInterrupt:
                found["failures"].append({"error": "stopped by the user"})
                say("stopped; writing what there is")
            found["results"] += alternation.results
            found["failures"] += alternation.failures
        found["peaks"][str(threads)] = higher(before, ceilings(threads, chosen.isa))
        if any(failure["error"] == "stopped by the user" for failure in found["failures"]):
            break
    return found


def main(arguments: list[str] | None = None) -> int:
    chosen = parse(arguments)
    names, reasons = families(chosen)
    say(f"candidates: {', '.join(names)}" + "".join(f"\nincomplete: {reason}" for reason in reasons))
    found = measure(chosen, names)
    reasons += sorted({f"{f.get('family', '')} failed: {f['error']}".strip() for f in found["failures"]})
    if found["versions"].get("recurra ISA") == "reference":
        reasons.append("recurra ran its numpy reference, not compiled kernels")
    result = {
        "kind": "recurra-layers",
        "status": "incomplete" if reasons else "complete",
        "reasons": reasons,
        "measured": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "command": " ".join(["python -m bench.python.run", *(arguments if arguments is not None else sys.argv[1:])]),
        "machine": machine.describe(),
        "held_to": chosen.isa,
        **found,
    }
    written = report.write(result, chosen.out)
    print(os.linesep.join(str(path) for path in written))
    return 0


if __name__ == "__main__":
    sys.exit(main())
