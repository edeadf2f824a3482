"""Load mutated files in processes with limits, and tell what is no error of ours and no right content."""

from __future__ import annotations

import argparse
import collections
import multiprocessing
import os
import random
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from bench.fuzz import mutations
from bench.fuzz.child import Child, Outcome
from bench.fuzz.readers import NAMES, Reader, readers

#: files that one process loads, unless something is wrong with one
EACH = 250
#: files after which the command says how far it is
EVERY = 1000


class Found(NamedTuple):
    """counts : how often what happened
    wrong : the cases that are wrong, in words
    slowest : CPU seconds and number of the case that took longest
    """

    counts: collections.Counter[str]
    wrong: list[str]
    slowest: tuple[float, int]


class _Job(NamedTuple):
    name: str
    reader: Reader
    seed: int
    keep: Path | None
    expected: Any


def _folder() -> Any:
    """A folder for the files, in memory where the system has one there."""
    place = "/dev/shm"
    return tempfile.TemporaryDirectory(prefix="fuzz-", dir=place if os.access(place, os.W_OK) else None)


def mutated(name: str, reader: Reader, seed: int, number: int) -> bytes:
    """The file of one case: of even number with plain damage, of odd number with a change that knows the format."""
    chance = random.Random(f"{name} {seed} {number}")
    if number % 2 == 0:
        return mutations.plain(reader.good, chance)
    return mutations.aware(reader.ending, reader.good, chance)


def attempt(reader: Reader, path: str, expected: Any) -> Outcome:
    """One load in a process of its own.

    expected : what the file must hold where it is read, or None
    """
    child = Child(reader, os.path.dirname(path), expected)
    try:
        child.start(path, expected is not None)
        return child.outcome()
    finally:
        child.close()


def _loaded(job: _Job, numbers: range, folder: str) -> Iterator[tuple[int, str, Outcome]]:
    """Number, path and outcome of each case, in one process; what is wrong is tried again in a process of its own.

    While the child loads a file the next one is made.
    """
    name, reader, seed, _, expected = job
    child: Child | None = None
    waiting: tuple[int, str, bool] | None = None
    for number in [*numbers, None]:
        following = None
        if number is not None:
            path = os.path.join(folder, f"mutated{number % 2}{reader.ending}")
            Path(path).write_bytes(mutated(name, reader, seed, number))
            following = (number, path, number % 2 == 0 and reader.checked)
        if waiting is not None and child is not None:
            at, path, compared = waiting
            outcome = child.outcome()
            if not outcome.right:
                child.close()
                child = None
                alone = attempt(reader, path, expected if compared else None)
                said = f"{outcome.result}; in a process of its own: {alone.result}"
                outcome = Outcome(outcome.result if alone.result == outcome.result else said, alone.seconds)
            yield at, path, outcome
        if following is not None:
            child = child or Child(reader, folder, expected)
            child.start(following[1], following[2])
        waiting = following
    if child is not None:
        child.close()


def _part(job: _Job, numbers: range) -> Found:
    """Load the cases of these numbers."""
    counts: collections.Counter[str] = collections.Counter()
    wrong: list[str] = []
    slowest = (0.0, -1)
    with _folder() as folder:
        for path in (os.path.join(folder, f"mutated{parity}{job.reader.ending}") for parity in (0, 1)):
            Path(path).touch()
        for number, path, outcome in _loaded(job, numbers, folder):
            slowest = max(slowest, (outcome.seconds, number))
            counts[outcome.result.partition(":")[0].partition(",")[0]] += 1
            if not outcome.right:
                wrong.append(f"{job.name} seed {job.seed} case {number}: {outcome.result}")
                if job.keep is not None:
                    job.keep.mkdir(parents=True, exist_ok=True)
                    kept = job.keep / f"{job.name}-{job.seed}-{number}{job.reader.ending}"
                    kept.write_bytes(Path(path).read_bytes())
    return Found(counts, wrong, slowest)


_job: _Job | None = None


def _part_of_job(numbers: range) -> Found:
    if _job is None:
        raise RuntimeError("there is no job in this process")
    return _part(_job, numbers)


def _parts(job: _Job, numbers: list[range], jobs: int) -> Iterator[Found]:
    global _job
    if jobs == 1:
        yield from (_part(job, part) for part in numbers)
        return
    _job = job  # the workers, which are forked, find it there
    with multiprocessing.get_context("fork").Pool(jobs) as pool:
        yield from pool.imap_unordered(_part_of_job, numbers)


def fuzz(
    name: str, reader: Reader, count: int, seed: int, keep: Path | None = None, jobs: int = 1, first: int = 0
) -> Found:
    """Load `count` mutations, half of them plain, half aware of the format.

    keep : a folder for the files that show something wrong
    jobs : how many processes work side by side; the result does not depend on it
    first : the number of the first case
    """
    with _folder() as folder:
        path = os.path.join(folder, "good" + reader.ending)
        Path(path).write_bytes(reader.good)
        job = _Job(name, reader, seed, keep, reader.load(path))
    end, done, said = first + count, 0, EVERY
    parts = [range(start, min(start + EACH, end)) for start in range(first, end, EACH)]
    counts: collections.Counter[str] = collections.Counter()
    wrong: list[str] = []
    slowest = (0.0, -1)
    for part in _parts(job, parts, jobs):
        counts += part.counts
        wrong += part.wrong
        slowest = max(slowest, part.slowest)
        done += part.counts.total()
        if done >= said:
            said += EVERY
            print(f"{name}: {done} files, {dict(counts)}", *part.wrong, sep="\n", file=sys.stderr, flush=True)
    return Found(counts, sorted(wrong), slowest)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.fuzz", description=__doc__)
    parser.add_argument("readers", nargs="*", help=f"names of readers, all by default: {', '.join(NAMES)}")
    parser.add_argument("--count", type=int, default=1000, help="files for each reader")
    parser.add_argument("--first", type=int, default=0, help="the number of the first file")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1, help="processes side by side")
    parser.add_argument("--keep", type=Path, help="a folder for the files that show something wrong")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    failed = False
    for name, reader in readers(arguments.readers or None):
        start = time.monotonic()
        found = fuzz(name, reader, arguments.count, arguments.seed, arguments.keep, arguments.jobs, arguments.first)
        print(f"{name}: {dict(found.counts)} in {time.monotonic() - start:.0f} s; ", end="")
        print(f"slowest {found.slowest[0]:.2f} CPU seconds, case {found.slowest[1]}", flush=True)
        print(*found.wrong[:50], sep="\n", end="\n" if found.wrong else "", flush=True)
        failed = failed or bool(found.wrong)
    sys.exit(failed)
