"""Load mutated files, each in a forked child with limits, and tell what is no error of ours and no right content."""

from __future__ import annotations

import argparse
import collections
import os
import random
import resource
import signal
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from bench.fuzz import mutations
from bench.fuzz.readers import Reader, readers

MEMORY = 512 << 20
SECONDS = 5.0
#: files after which the command says how far it is
EVERY = 5000
READ, REFUSED = 0, 10
WRONG = {11: "another exception", 12: "an error without the file's name", 13: "other content than was saved"}


def same(one: Any, other: Any) -> bool:
    """Whether two results of loading are equal, NaN to NaN."""
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return np.array_equal(one, other, equal_nan=np.asarray(one).dtype.kind == "f")
    return bool(one == other)


def _child(reader: Reader, path: str, expected: Any) -> int:
    """The exit code of one load."""
    with open("/proc/self/statm", encoding="ascii") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    from recurra.limits import FileFormatError

    warnings.simplefilter("ignore")
    try:
        found = reader.load(path)
    except FileFormatError as error:
        return REFUSED if os.path.basename(path) in str(error) else 12
    except BaseException as error:
        sys.stderr.write(f"{type(error).__name__}: {str(error)[:300]}\n")
        return 11
    return READ if expected is None or same(found, expected) else 13


def attempt(reader: Reader, path: str, expected: Any) -> str:
    """ "read", "refused", or what is wrong."""
    process = os.fork()
    if process == 0:
        code = 99
        try:
            code = _child(reader, path, expected)
            sys.stderr.flush()
        finally:
            os._exit(code)
    end = time.monotonic() + SECONDS
    pause = 0.001
    while True:
        done, status = os.waitpid(process, os.WNOHANG)
        if done:
            break
        if time.monotonic() > end:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
            return f"more than {SECONDS:g} seconds"
        time.sleep(pause)
        pause = min(2 * pause, 0.02)
    if os.WIFSIGNALED(status):
        return f"a crash, signal {os.WTERMSIG(status)}"
    code = os.WEXITSTATUS(status)
    return {READ: "read", REFUSED: "refused"}.get(code) or WRONG.get(code, f"exit code {code}")


def fuzz(
    name: str, reader: Reader, count: int, seed: int, keep: Path | None = None
) -> tuple[collections.Counter[str], list[str]]:
    """Load `count` mutations, half of them plain, half aware of the format.

    keep : a folder for the files that show something wrong
    returns : how often what happened, and the numbers of the cases that are wrong
    """
    counts: collections.Counter[str] = collections.Counter()
    wrong: list[str] = []
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        path = os.path.join(folder, "good" + reader.ending)
        Path(path).write_bytes(reader.good)
        expected = reader.load(path)
        for number in range(count):
            chance = random.Random(f"{name} {seed} {number}")
            is_plain = number % 2 == 0
            if is_plain:
                data = mutations.plain(reader.good, chance)
            else:
                data = mutations.aware(reader.ending, reader.good, chance)
            path = os.path.join(folder, "mutated" + reader.ending)
            Path(path).write_bytes(data)
            result = attempt(reader, path, expected if is_plain and reader.checked else None)
            counts[result] += 1
            if result not in ("read", "refused"):
                wrong.append(f"{name} seed {seed} case {number}: {result}")
                if keep is not None:
                    keep.mkdir(parents=True, exist_ok=True)
                    (keep / f"{name}-{seed}-{number}{reader.ending}").write_bytes(data)
            if number % EVERY == EVERY - 1:
                print(f"{name}: {number + 1} files, {dict(counts)}", file=sys.stderr, flush=True)
    return counts, wrong


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.fuzz", description=__doc__)
    parser.add_argument("readers", nargs="*", help="names of readers, all by default")
    parser.add_argument("--count", type=int, default=1000, help="files for each reader")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="a folder for the files that show something wrong")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    known = readers()
    failed = False
    for name in arguments.readers or known:
        start = time.monotonic()
        counts, wrong = fuzz(name, known[name], arguments.count, arguments.seed, arguments.keep)
        print(f"{name}: {dict(counts)} in {time.monotonic() - start:.0f} s", flush=True)
        print(*wrong[:50], sep="\n", end="\n" if wrong else "", flush=True)
        failed = failed or bool(wrong)
    sys.exit(failed)
