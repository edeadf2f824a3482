"""What a run took: wall-clock and processor time, and the most memory."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def measured(what: str) -> Iterator[None]:
    """Print, at the end, the time of the block, that of its processors, and the peak memory of the process so far."""
    wall, processor = time.perf_counter(), time.process_time()
    yield
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    print(
        f"{what}: {wall / 60:.2f} min wall-clock, {processor / 60:.2f} min of processors, peak memory {peak:,.0f} MiB",
        flush=True,
    )
