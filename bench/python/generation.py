"""Tokens a second of a character model that writes text: ``python -m bench.python.generation``.

Embedding → LSTM → Dense, each token drawn at temperature 0.8: recurra in one call, recurra with one call of each layer
for each token, and ONNX Runtime stepped from Python. All have the same weights; the first tokens that they choose
greedily are compared before anything is timed. Candidates take turns. Writes ``generation.json`` and ``table.md``.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench.python import machine
from bench.python.alternate import quartiles
from bench.python.generation_worker import CANDIDATES, SIZES
from bench.python.session import ROOT, Session, WorkerError

OURS = "recurra"


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES), metavar="SIZE")
    parser.add_argument("--candidates", nargs="+", choices=CANDIDATES, default=list(CANDIDATES))
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=1.0, help="of a turn")
    parser.add_argument("--isa", default=None, help="hold recurra to this instruction set (ONNX Runtime has no switch)")
    parser.add_argument("--verbose", action="store_true", help="show the workers' standard error")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "bench" / "generation")
    return parser.parse_args(arguments)


def measure(size: str, threads: int, present: list[str], chosen: argparse.Namespace) -> list[dict[str, Any]]:
    """One result for each candidate."""
    results: list[dict[str, Any]] = [{"size": size, "threads": threads, "family": name} for name in present]
    with ExitStack() as stack:
        live: list[tuple[dict[str, Any], Session]] = []
        first: Any = None
        for result in results:
            session = Session(
                result["family"], threads, isa=chosen.isa, verbose=chosen.verbose, module="generation_worker"
            )
            stack.callback(session.close)
            try:
                tokens = session.ask("prepare", size=size)["tokens"]
                first = first or tokens
                if tokens != first:
                    raise ValueError(f"greedy tokens differ from those of {results[0]['family']}")
                session.ask("measure", seconds=0.1)
                result["turns"] = []
                live.append((result, session))
            except (WorkerError, ValueError) as error:
                result["error"] = str(error)
                print(f"FAILED {result['family']} at {size}: {error}", file=sys.stderr)
        for _ in range(chosen.rounds):
            for result, session in live:
                result["turns"].append(session.ask("measure", seconds=chosen.seconds))
        for result, _ in live:
            turns = result["turns"]
            clean = [turn for turn in turns if not turn["load"]["contended"]]
            found = [turn["tokens_per_second"] for turn in clean or turns]
            result["q1"], result["tokens_per_second"], result["q3"] = quartiles(found)
            result["contended"] = not clean
            print(
                f"{size}, {threads} threads, {result['family']}: {result['tokens_per_second']:,.0f}/s", file=sys.stderr
            )
    return results


def markdown(document: dict[str, Any]) -> str:
    results = document["results"]
    names = list(dict.fromkeys(result["family"] for result in results))
    lines = [f"# Generation: {document['machine']['cpu']}", ""]
    lines += ["Tokens a second over all prompts (median, quartiles; `~`: contended).", ""]
    lines += ["| model | threads | " + " | ".join(CANDIDATES[name][1] for name in names) + " | times faster than |"]
    lines += ["|---|---:|" + "---:|" * len(names) + "---|"]
    for key in dict.fromkeys((result["size"], result["threads"]) for result in results):
        row = {result["family"]: result for result in results if (result["size"], result["threads"]) == key}
        cells = [_cell(row.get(name)) for name in names]
        lines.append(f"| {key[0]} | {key[1]} | " + " | ".join(cells) + f" | {_faster(row)} |")
    return "\n".join([*lines, ""])


def _cell(result: dict[str, Any] | None) -> str:
    if result is None or "tokens_per_second" not in result:
        return "failed" if result else ""
    mark = "~" if result["contended"] else ""
    return f"{result['tokens_per_second']:,.0f}{mark} ({result['q1']:,.0f}-{result['q3']:,.0f})"


def _faster(row: dict[str, dict[str, Any]]) -> str:
    if "tokens_per_second" not in row.get(OURS, {}):
        return ""
    ours = row[OURS]["tokens_per_second"]
    return ", ".join(
        f"{CANDIDATES[name][1]} {ours / result['tokens_per_second']:.2f}×"
        for name, result in row.items()
        if name != OURS and "tokens_per_second" in result
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
    document: dict[str, Any] = {"kind": "recurra-generation", "machine": machine.describe(), "results": []}
    for threads in chosen.threads:
        for size in chosen.sizes:
            document["results"] += measure(size, threads, present, chosen)
    chosen.out.mkdir(parents=True, exist_ok=True)
    (chosen.out / "generation.json").write_text(json.dumps(document, indent=1))
    table = markdown(document)
    (chosen.out / "table.md").write_text(table)
    print(table)
    return 0 if all("error" not in result for result in document["results"]) else 1


if __name__ == "__main__":
    sys.exit(main())
