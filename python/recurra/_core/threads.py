"""How many threads the kernels may use, before anybody says otherwise."""

from __future__ import annotations

import os
from pathlib import Path

from recurra._core.control_groups import PROC, ROOT, smallest_limit


def default_threads() -> int:
    """``RECURRA_NUM_THREADS`` where it is set, else :func:`usable_cpus`.

    Raises
    ------
    ValueError
        ``RECURRA_NUM_THREADS`` is not a whole number of at least 1.
    """
    wanted = os.environ.get("RECURRA_NUM_THREADS", "").strip()
    if not wanted:
        return usable_cpus()
    if not (wanted.isascii() and wanted.isdigit() and int(wanted) > 0):
        raise ValueError(f"RECURRA_NUM_THREADS must be a whole number of at least 1, got {wanted!r}")
    return int(wanted)


def usable_cpus() -> int:
    """The CPUs that this process may use: the affinity mask, and the cgroup's quota rounded down, but at least 1."""
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = cgroup_quota()
    return cpus if quota is None else max(1, min(cpus, int(quota)))


def cgroup_quota(proc: Path = PROC, root: Path = ROOT) -> float | None:
    """The smallest CPU quota of the control groups around this process, in CPUs; None where there is no limit.

    proc : which groups the process is in
    root : where the groups' files are mounted
    """
    return smallest_limit("cpu", _quota_v2, _quota_v1, proc, root)


def _quota_v2(folder: Path) -> float | None:
    """Of "quota period" or "max period"."""
    try:
        quota, period = (folder / "cpu.max").read_text().split()
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):  # no such group or no such limit here
        return None


def _quota_v1(folder: Path) -> float | None:
    """A quota of -1 is none."""
    try:
        quota = int((folder / "cpu.cfs_quota_us").read_text())
        return None if quota < 0 else quota / int((folder / "cpu.cfs_period_us").read_text())
    except (OSError, ValueError, ZeroDivisionError):
        return None
