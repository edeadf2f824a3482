"""A process that holds one framework: ``python -m bench.python.worker FAMILY THREADS``.

Started by :mod:`bench.python.session`, one for each framework and number of threads, so that frameworks share neither
thread pools nor settings; only one worker computes at a time.
"""

from __future__ import annotations

import gc
import os
import sys
import time
from typing import Any

from bench.python.load import Meter, pick_cpus
from bench.python.peers import FAMILIES, Candidate
from bench.python.serve import serve


class Worker:
    def __init__(self, family: str, threads: int) -> None:
        self.threads = threads
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, pick_cpus(threads))
        self.module = FAMILIES[family].load()  # threads that it starts inherit the CPUs
        self.module.prepare(threads)
        self.candidates: dict[str, Candidate] = {}

    def versions(self) -> dict[str, Any]:
        return {"versions": self.module.versions()}

    def prepare(self, case: str, cell: str, mode: str, dtype: str) -> dict[str, Any]:
        """Make the problem and this family's candidates for it; the former ones are let go."""
        from bench.python.problem import make_problem

        self.candidates.clear()
        gc.collect()
        problem = make_problem(case, cell, mode, dtype, self.threads)
        self.candidates = {candidate.setting: candidate for candidate in self.module.candidates(problem)}
        return {"settings": list(self.candidates)}

    def answer(self, setting: str, path: str) -> dict[str, Any]:
        """Compute once and leave the answer in a file."""
        import numpy as np

        candidate = self.candidates[setting]
        candidate.enter()
        found = candidate.answer(candidate.call())
        np.savez(path, *found.values())
        return {"names": list(found)}

    def time(self, setting: str, seconds: float, warmup: int, limit: int) -> dict[str, Any]:
        """Call for that long, at least once and at most ``limit`` times, after ``warmup`` calls that are not timed."""
        candidate, clock = self.candidates[setting], time.perf_counter
        candidate.enter()
        call = candidate.call
        for _ in range(warmup):
            call()
        walls: list[float] = []
        gc.disable()
        meter = Meter()
        end = clock() + seconds
        try:
            while len(walls) < limit:
                start = clock()
                call()
                now = clock()
                walls.append(now - start)
                if now >= end:
                    break
            return {"walls": walls, "load": meter.read().as_dict()}
        finally:
            gc.enable()


if __name__ == "__main__":
    sys.exit(serve(lambda: Worker(sys.argv[1], int(sys.argv[2]))))
