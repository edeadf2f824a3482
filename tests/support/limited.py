"""Code in a process of its own with little memory and time, as a hostile file would meet it on a small server."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_LIMIT = """
import recurra.layers, recurra.saving.api, recurra.tasks, recurra.models
try:
    import resource
except ImportError:
    pass
else:
    with open("/proc/self/statm") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + {memory}, resource.RLIM_INFINITY))
"""


@contextmanager
def small_files(size: int) -> Iterator[None]:
    """In the block no file of this process grows beyond `size` bytes: what a full disk does to writes."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


needs_limits = pytest.mark.skipif(sys.platform != "linux", reason="limits of memory, and /proc, are Linux's")


def run_limited(code: str, *arguments: object, memory: int = 256 << 20, seconds: float = 60) -> str:
    """What `code` prints in a child that may take `memory` bytes more than the package itself.

    The time is for a child alone on a slow machine; it holds the package's import too.
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OPENBLAS_NUM_THREADS": "1"}
    environment["RECURRA_NUM_THREADS"] = "1"
    done = subprocess.run(
        [sys.executable, "-c", _LIMIT.format(memory=memory) + code, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=seconds,
        env=environment,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout
