"""What a run costs (seconds on the clock and of processors, peak memory), and settings from the command line."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple


class Cost(NamedTuple):
    """Wall-clock and CPU seconds of a block, and the process's peak memory in MB (None where it is not known)."""

    seconds: float
    cpu_seconds: float
    peak_mb: float | None

    def __str__(self) -> str:
        memory = "" if self.peak_mb is None else f", peak memory {self.peak_mb:.0f} MB"
        return f"{self.seconds:.0f} s, {self.cpu_seconds:.0f} CPU s{memory}"


class Meter:
    """Counts from where it is made."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def read(self) -> Cost:
        """The cost so far."""
        return Cost(time.perf_counter() - self._wall, time.process_time() - self._cpu, peak_megabytes())


@contextmanager
def measured(what: str) -> Iterator[None]:
    """Print, at the end, what the block cost."""
    meter = Meter()
    yield
    print(f"{what}: {meter.read()}", flush=True)


def peak_megabytes() -> float | None:
    """The most memory that this process has had."""
    try:
        import resource
    except ImportError:
        return None
    usage: Any = resource.getrusage(resource.RUSAGE_SELF)
    return float(usage.ru_maxrss) / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def setting(text: str) -> str | int | float:
    """A value from the command line: a number where it is one."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
