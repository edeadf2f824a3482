"""Wall-clock and CPU seconds of a block, and the process's peak memory."""

from __future__ import annotations

import resource
import sys
import time


class Measured:
    """A ``with`` block that is timed.

    seconds, cpu_seconds : of the block, all threads of this process together
    peak_mib : the most memory that the process had resident, from its start to the block's end
    """

    seconds = cpu_seconds = peak_mib = 0.0

    def __enter__(self) -> Measured:
        self._wall, self._cpu = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *exc: object) -> None:
        self.seconds = time.perf_counter() - self._wall
        self.cpu_seconds = time.process_time() - self._cpu
        unit = 1 if sys.platform == "darwin" else 1024
        self.peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20
