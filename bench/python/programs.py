"""Whole programs under ``recurra run`` and under TensorFlow: seconds and peak memory, side by side.

    python -m bench.python.programs --tensorflow /path/to/its/python    # [--rounds 3] [PROGRAM ...]

The programs are those of tests/tutorials/programs. Each is run from its file to its end in a fresh process, ours and
theirs in turns; start-up counts, as it does for whoever waits. Of programs whose losses are the same anywhere
(same_numbers_*) these are compared first, to 1e-4. What TensorFlow's Keras does not run (Keras 2's names) is left out
of the comparison and said. Writes table.md and result.json.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PROGRAMS = ROOT / "tests" / "tutorials" / "programs"


class Run(NamedTuple):
    """One run of a program: seconds, peak MiB, whether it ended well, and the losses that it printed."""

    seconds: float
    mebibytes: float
    ended: bool
    losses: list[float]


class Row(NamedTuple):
    """A program's runs here and there."""

    name: str
    ours: list[Run]
    theirs: list[Run]

    @property
    def comparable(self) -> bool:
        return all(run.ended for run in [*self.ours, *self.theirs])

    @property
    def ratio(self) -> float:
        """How many times faster ours was, the median over the rounds."""
        return statistics.median(b.seconds / a.seconds for a, b in zip(self.ours, self.theirs, strict=True))


def run(command: list[str], environment: dict[str, str]) -> Run:
    """Run a command in an empty folder."""
    with (
        tempfile.TemporaryDirectory() as folder,
        tempfile.TemporaryFile("w+", encoding="utf-8") as said,
        open(os.devnull, "w") as nowhere,
    ):
        start = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=said, stderr=nowhere)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        losses = [float(number) for number in re.findall(r"^loss (\S+)$", said.read(), re.MULTILINE)]
        return Run(seconds, usage.ru_maxrss / 1024, process.returncode == 0, losses)


def check_answers(name: str, ours: Run, theirs: Run) -> None:
    """Refuse to compare the speed of different answers.

    raises : SystemExit
    """
    if not name.startswith("same_numbers_") or not (ours.ended and theirs.ended):
        return
    pairs = list(zip(ours.losses, theirs.losses, strict=False))
    close = all(abs(a - b) <= 1e-4 * max(1.0, abs(b)) for a, b in pairs)
    if not pairs or len(ours.losses) != len(theirs.losses) or not close:
        raise SystemExit(f"{name}: the losses differ: {ours.losses} here, {theirs.losses} there")


def measure(program: Path, python: str, rounds: int, threads: int | None) -> Row:
    """Both in turns, after one run each that is not counted."""
    here = {**os.environ, "PYTHONPATH": str(ROOT / "python")}
    there = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    there.pop("PYTHONPATH", None)
    if threads is not None:
        here["RECURRA_NUM_THREADS"] = str(threads)
        there |= {"TF_NUM_INTRAOP_THREADS": str(threads), "TF_NUM_INTEROP_THREADS": str(threads)}
    commands = (
        ([sys.executable, "-m", "recurra", "run", "--force", str(program)], here),
        ([python, str(program)], there),
    )
    found: tuple[list[Run], list[Run]] = ([], [])
    first: list[Run] = []
    for turn in range(rounds + 1):
        for runs, command in zip(found, commands, strict=True):
            if turn > 1 and not runs[-1].ended:
                runs.append(runs[-1])
                continue
            result = run(*command)
            if turn:
                runs.append(result)
            else:
                first.append(result)
        if not turn:
            check_answers(program.name, *first)
    return Row(program.name, *found)


def table(rows: list[Row]) -> str:
    """The rows as Markdown, and the geometric mean of the speed-ups."""
    lines = ["| program | recurra | TensorFlow | faster |", "|---|---:|---:|---:|"]
    for row in rows:
        lines.append(f"| {row.name} | {_cell(row.ours)} | {_cell(row.theirs)} | {_times(row)} |")
    ratios = [row.ratio for row in rows if row.comparable]
    if ratios:
        mean = math.exp(statistics.fmean(map(math.log, ratios)))
        lines.append(f"\n{len(ratios)} programs run in both: {mean:.1f} times faster in geometric mean.")
    return "\n".join(lines) + "\n"


def _cell(runs: list[Run]) -> str:
    if not all(one.ended for one in runs):
        return "does not run"
    return f"{statistics.median(r.seconds for r in runs):.2f} s, {max(r.mebibytes for r in runs):.0f} MiB"


def _times(row: Row) -> str:
    return f"{row.ratio:.1f}×" if row.comparable else ""


def main() -> None:
    """Measure, print the table and write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", nargs="*", help="names of programs; all by default")
    parser.add_argument("--tensorflow", default=sys.executable, help="the Python that has TensorFlow")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "bench" / "programs")
    chosen = parser.parse_args()
    names = chosen.programs or sorted(path.name for path in PROGRAMS.glob("*.py"))
    rows = []
    for name in names:
        rows.append(measure(PROGRAMS / name, chosen.tensorflow, chosen.rounds, chosen.threads))
        print(table(rows[-1:]).splitlines()[2], flush=True)
    chosen.out.mkdir(parents=True, exist_ok=True)
    (chosen.out / "table.md").write_text(table(rows), "utf-8")
    (chosen.out / "result.json").write_text(json.dumps([row._asdict() for row in rows], indent=1), "utf-8")
    print(table(rows))


if __name__ == "__main__":
    main()
