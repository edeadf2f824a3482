"""Two result files side by side: ``python bench/compare.py before.json after.json``.

Takes what the Python benches write (layers, whole jobs, overheads) and Google Benchmark's JSON; both files must be of
one kind. A change is marked when the two interquartile ranges do not overlap. Standard library only.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
from pathlib import Path
from typing import Any, NamedTuple

UNITS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}


class Timing(NamedTuple):
    """Seconds: median and quartiles."""

    median: float
    lower: float
    upper: float


def google_benchmark(document: dict[str, Any]) -> dict[str, Timing]:
    """By benchmark name; repetitions are brought together."""
    samples: dict[str, list[float]] = {}
    for entry in document["benchmarks"]:
        if entry.get("run_type", "iteration") == "iteration" and not entry.get("error_occurred"):
            name = entry.get("run_name", entry["name"])
            samples.setdefault(name, []).append(entry["real_time"] * UNITS[entry["time_unit"]])
    return {name: of_samples(values) for name, values in samples.items()}


def of_samples(values: list[float]) -> Timing:
    if len(values) == 1:
        return Timing(values[0], values[0], values[0])
    lower, middle, upper = statistics.quantiles(values, n=4, method="inclusive")
    return Timing(middle, lower, upper)


def layers(document: dict[str, Any], family: str) -> dict[str, Timing]:
    """By cell, mode, threads, dtype and case; the family's fastest setting."""
    found: dict[str, Timing] = {}
    for r in document["results"]:
        if r["family"] != family:
            continue
        name = f"{r['cell']} {r['mode']} {r['dtype']} {r['threads']}t {r['case']}"
        timing = Timing(r["median_ms"] / 1e3, r["q1_ms"] / 1e3, r["q3_ms"] / 1e3)
        if name not in found or timing.median < found[name].median:
            found[name] = timing
    return found


def named(document: dict[str, Any], family: str) -> dict[str, Timing]:
    """Whole jobs and overheads: entries with a name, a family and a timing in milliseconds."""
    return {
        r["name"]: Timing(r["median_ms"] / 1e3, r["q1_ms"] / 1e3, r["q3_ms"] / 1e3)
        for r in document["results"]
        if r["family"] == family and "median_ms" in r
    }


def read(path: Path, family: str) -> tuple[str, dict[str, Timing]]:
    """The file's kind and its timings. Raises ValueError for a file that is neither kind."""
    document = json.loads(path.read_text())
    if not isinstance(document, dict):
        raise ValueError(f"{path} must hold one JSON object, got {type(document).__name__}")
    if "benchmarks" in document and "context" in document:
        return "google-benchmark", google_benchmark(document)
    kind = document.get("kind")
    if kind == "recurra-layers":
        return kind, layers(document, family)
    if kind in ("recurra-fit", "recurra-overheads"):
        return kind, named(document, family)
    raise ValueError(f"{path} must come from one of recurra's benches or from Google Benchmark, got kind {kind!r}")


def seconds(value: float) -> str:
    for unit, scale in reversed(UNITS.items()):
        if value >= scale or unit == "ns":
            return f"{value / scale:.4g} {unit}"
    raise AssertionError("unreachable: the loop ends with ns")


def side_by_side(before: dict[str, Timing], after: dict[str, Timing]) -> str:
    """The table, and below it the geometric mean over what both files hold."""
    shared = [name for name in before if name in after]
    width = max((len(name) for name in shared), default=4)
    lines = [f"{'':{width}}  {'before':>12}  {'after':>12}  {'before/after':>12}"]
    for name in shared:
        a, b = before[name], after[name]
        mark = "" if a.lower <= b.upper and b.lower <= a.upper else "  faster" if b.median < a.median else "  SLOWER"
        ratio = a.median / b.median
        lines.append(f"{name:{width}}  {seconds(a.median):>12}  {seconds(b.median):>12}  {ratio:12.3f}{mark}")
    if shared:
        mean = math.exp(statistics.fmean(math.log(before[name].median / after[name].median) for name in shared))
        lines.append(f"{'geometric mean of ' + str(len(shared)):{width}}  {'':>12}  {'':>12}  {mean:12.3f}")
    for title, only in (("only before", before.keys() - after.keys()), ("only after", after.keys() - before.keys())):
        lines += [f"{title}: {name}" for name in sorted(only)]
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument(
        "--family", default="recurra", help="whose times, in the Python benches' files (default: recurra)"
    )
    chosen = parser.parse_args(arguments)
    try:
        kind, before = read(chosen.before, chosen.family)
        other, after = read(chosen.after, chosen.family)
        if kind != other:
            raise ValueError(f"both files must be of one kind, got {kind} and {other}")
    except (OSError, ValueError) as error:
        print(f"compare.py: {error}", file=sys.stderr)
        return 2
    if not before.keys() & after.keys():
        print(f"compare.py: the files have no timing of {chosen.family} in common", file=sys.stderr)
        return 2
    print(side_by_side(before, after))
    return 0


if __name__ == "__main__":
    sys.exit(main())
