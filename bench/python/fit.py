"""``fit`` on whole jobs, beside PyTorch and Keras: ``python -m bench.python.fit``.

One process a candidate and job, so that each one's peak memory is its own; candidates take turns, a few steps each.
Before timing, the losses of three training steps from the same weights on the same batches are compared. Writes
``fit.json`` and ``fit.md``.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import statistics
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench.python import machine
from bench.python.alternate import quartiles
from bench.python.fit_worker import CANDIDATES
from bench.python.jobs import JOBS
from bench.python.peers import OURS
from bench.python.session import ROOT, Session, WorkerError

LOSS_TOLERANCE = 0.01  # relative, over three steps: the frameworks' optimizers place epsilon differently
BATCHES = 64


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.python.fit", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--jobs", nargs="+", choices=list(JOBS), default=list(JOBS))
    parser.add_argument("--candidates", nargs="+", choices=list(CANDIDATES), default=list(CANDIDATES))
    parser.add_argument("--threads", nargs="+", type=int, default=[2])
    parser.add_argument("--rounds", type=int, default=5, help="turns that each candidate gets")
    parser.add_argument(
        "--seconds", type=float, default=2.0, help="about how long a turn is (at least two timed steps)"
    )
    parser.add_argument("--imdb", type=Path, help="Keras's imdb.npz: real reviews for the sentiment model")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "bench" / "fit")
    parser.add_argument("--verbose", action="store_true", help="show what the libraries print")
    return parser.parse_args(arguments)


def run_job(name: str, candidates: list[str], threads: int, chosen: argparse.Namespace) -> list[dict[str, Any]]:
    """One result for each candidate: its times and peak memory, or its error."""
    results: list[dict[str, Any]] = [
        {"name": f"{name} {threads}t", "job": name, "threads": threads, "family": each} for each in candidates
    ]
    imdb = None if chosen.imdb is None else str(chosen.imdb)
    with ExitStack() as stack:
        live: list[tuple[dict[str, Any], Session]] = []
        for result in results:
            session = Session(str(result["family"]), threads, verbose=chosen.verbose, module="fit_worker")
            stack.callback(session.close)
            try:
                session.ask("prepare", job=name, batches=BATCHES, imdb=imdb)
                result["losses"] = session.ask("losses", steps=3)["losses"]
                check_losses(results[0], result)
                session.ask("fit", steps=3)  # compiles, or warms up
                result["turns"] = [session.ask("fit", steps=3)]
                live.append((result, session))
            except (WorkerError, ValueError) as error:
                result["error"] = str(error)
                print(f"FAILED {result['family']} at {name}: {error}", file=sys.stderr)
        for _ in range(chosen.rounds):
            for result, session in live:
                estimate = statistics.median(result["turns"][-1]["walls"])
                steps = min(BATCHES, max(3, math.ceil(chosen.seconds / estimate) + 1))
                result["turns"].append(session.ask("fit", steps=steps))
        for result, session in live:
            result.update(timed(result.pop("turns")[1:]), **session.ask("memory"))
            print(f"{result['name']} {result['family']}: {result['median_ms']:.4g} ms a step", file=sys.stderr)
    return results


def check_losses(first: dict[str, Any], result: dict[str, Any]) -> None:
    """Raise ValueError when the losses are not those of the first candidate that has any."""
    expected = first.get("losses", result["losses"])
    for a, b in zip(expected, result["losses"], strict=True):
        if not abs(a - b) <= LOSS_TOLERANCE * abs(a):
            raise ValueError(f"losses must be near {expected}, got {result['losses']}")


def timed(turns: list[dict[str, Any]]) -> dict[str, Any]:
    clean = [turn for turn in turns if not turn["load"]["contended"]]
    used = clean or turns
    lower, middle, upper = quartiles([wall for turn in used for wall in turn["walls"]])
    return {
        "median_ms": middle * 1e3,
        "q1_ms": lower * 1e3,
        "q3_ms": upper * 1e3,
        "steps": sum(len(turn["walls"]) for turn in used),
        "contended": not clean,
        "loads": [turn["load"] for turn in turns],
    }


def markdown(document: dict[str, Any]) -> str:
    lines = [f"# Whole training jobs: {document['machine']['cpu']}", ""]
    lines += [
        "Milliseconds a step of fit (median, quartiles; `~`: contended) and peak resident memory of the process.",
        "",
    ]
    for threads in dict.fromkeys(result["threads"] for result in document["results"]):
        here = [result for result in document["results"] if result["threads"] == threads]
        names = list(dict.fromkeys(result["family"] for result in here))
        titles = [CANDIDATES[name][1] for name in names]
        lines += [f"## {threads} thread{'s' if threads > 1 else ''}", ""]
        lines += ["| job | " + " | ".join(titles) + " | times faster than |", "|---|" + "---:|" * len(names) + "---|"]
        for job in dict.fromkeys(result["job"] for result in here):
            row = {result["family"]: result for result in here if result["job"] == job}
            cells = [JOBS[job].title, *(_cell(row.get(name)) for name in names), _faster(row)]
            lines.append("| " + " | ".join(cells) + " |")
        lines.append("")
    return "\n".join(lines)


def _cell(result: dict[str, Any] | None) -> str:
    if result is None or "median_ms" not in result:
        return "failed" if result else ""
    mark = "~" if result["contended"] else ""
    spread = f"{result['q1_ms']:.3g}-{result['q3_ms']:.3g}"
    return f"{result['median_ms']:.3g}{mark} ({spread}), {result['peak_mib']:.0f} MiB"


def _faster(row: dict[str, dict[str, Any]]) -> str:
    """Our speed-up over each candidate that was measured."""
    if "median_ms" not in row.get(OURS, {}):
        return ""
    return ", ".join(
        f"{CANDIDATES[name][1]} {result['median_ms'] / row[OURS]['median_ms']:.2f}×"
        for name, result in row.items()
        if name != OURS and "median_ms" in result
    )


def main(arguments: list[str] | None = None) -> int:
    chosen = parse(arguments)
    present = []
    for name in chosen.candidates:
        missing = [package for package in CANDIDATES[name][0] if importlib.util.find_spec(package) is None]
        if missing:
            print(f"left out: {CANDIDATES[name][1]} ({', '.join(missing)} missing)", file=sys.stderr)
        else:
            present.append(name)
    document: dict[str, Any] = {"kind": "recurra-fit", "machine": machine.describe(), "results": []}
    for threads in chosen.threads:
        for job in chosen.jobs:
            document["results"] += run_job(job, present, threads, chosen)
    chosen.out.mkdir(parents=True, exist_ok=True)
    (chosen.out / "fit.json").write_text(json.dumps(document, indent=1) + "\n")
    (chosen.out / "fit.md").write_text(markdown(document))
    print(markdown(document))
    return 0


if __name__ == "__main__":
    sys.exit(main())
