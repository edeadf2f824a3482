"""How busy the machine was while a candidate was timed, and which CPUs it was given.

A sample is contended when other processes used more than 12 % of a CPU among the candidate's, or when a candidate with
one CPU waited for it for more than 3 % of the time and did not use it meanwhile. Contended samples are dropped where
enough others remain.
"""

from __future__ import annotations

import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

FOREIGN_LIMIT = 0.12
WAITING_LIMIT = 0.03


@dataclass(frozen=True)
class Load:
    """Over one slice of timing, each as a share of the slice's wall time (1.0 = one CPU throughout).

    own : CPU time of this process; foreign : busy time of its CPUs that is not its own; waiting : time that its threads
    were ready but not running. foreign and waiting are None where the system does not tell.
    """

    seconds: float
    cpus: int
    own: float
    foreign: float | None
    waiting: float | None

    @property
    def contended(self) -> bool:
        if (self.foreign or 0.0) > FOREIGN_LIMIT:
            return True
        # Threads of one process may wait for each other, too; then the process as a whole uses its CPU fully.
        return self.cpus == 1 and (self.waiting or 0.0) > WAITING_LIMIT and self.own < 1 - WAITING_LIMIT

    def as_dict(self) -> dict[str, float | bool | None]:
        return {**asdict(self), "contended": self.contended}


class Meter:
    """``meter = Meter(); ...; load = meter.read()``"""

    def __init__(self) -> None:
        self._cpus = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        self._tick = 1.0 / os.sysconf("SC_CLK_TCK")
        self._start = self._now()

    def _now(self) -> tuple[float, float, float | None, float | None]:
        return time.perf_counter(), time.process_time(), self._busy(), _waited()

    def _busy(self) -> float | None:
        """Seconds that this process's CPUs have been busy since the machine started, for anyone."""
        try:
            lines = Path("/proc/stat").read_text().splitlines()
        except OSError:
            return None
        wanted = {f"cpu{cpu}" for cpu in self._cpus}
        ticks = 0
        for line in lines:
            name, *fields = line.split()
            if name in wanted:
                user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, fields[:8])
                ticks += user + nice + system + irq + softirq + steal
        return ticks * self._tick

    def read(self) -> Load:
        wall, own, busy, waited = (
            None if now is None or then is None else now - then
            for now, then in zip(self._now(), self._start, strict=True)
        )
        assert wall is not None and own is not None
        foreign = None
        if busy is not None:  # the counters move in ticks: allow one for each CPU
            foreign = max(0.0, busy - own - len(self._cpus) * self._tick) / wall
        return Load(wall, len(self._cpus), own / wall, foreign, None if waited is None else waited / wall)


def _waited() -> float | None:
    """Seconds that the threads of this process have spent ready to run but not running."""
    total = 0
    try:
        for thread in Path("/proc/self/task").iterdir():
            try:
                total += int((thread / "schedstat").read_text().split()[1])
            except (OSError, ValueError, IndexError):  # a thread that has just ended
                continue
    except OSError:
        return None
    return total * 1e-9


def pick_cpus(threads: int) -> list[int]:
    """CPUs for that many threads: each on a core of its own, last cores first (interrupts favour the first ones).

    Raises ValueError when the process may not use so many cores.
    """
    if not hasattr(os, "sched_getaffinity"):
        return []
    cores: dict[str, int] = {}
    for cpu in sorted(os.sched_getaffinity(0)):
        siblings = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
        cores.setdefault(siblings.read_text() if siblings.exists() else str(cpu), cpu)
    if threads > len(cores):
        raise ValueError(f"threads must be at most the {len(cores)} cores that this process may use, got {threads}")
    return sorted(cores.values())[-threads:]
