"""How many threads the kernels may use, before anybody says otherwise."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path


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


def cgroup_quota(proc: Path = Path("/proc/self/cgroup"), root: Path = Path("/sys/fs/cgroup")) -> float | None:
    """The smallest CPU quota of the control groups around this process, in CPUs; None where there is no limit.

    proc : which groups the process is in
    root : where the groups' files are mounted
    """
    try:
        lines = proc.read_text().splitlines()
    except OSError:  # not Linux, or /proc is hidden: nothing to obey
        return None
    quotas = []
    for line in lines:
        hierarchy, controllers, path = line.split(":", 2)
        if hierarchy == "0" and not controllers:  # version 2: one tree, "quota period" or "max period" in one file
            mount, read = root, _quota_v2
        elif "cpu" in controllers.split(","):  # version 1: a tree of its own, a quota of -1 for none
            mount, read = root / controllers, _quota_v1
            if not mount.is_dir():
                mount = root / "cpu"
        else:
            continue
        quotas += [quota for folder in _upwards(mount, path) if (quota := read(folder)) is not None]
    return min(quotas, default=None)


def _upwards(mount: Path, path: str) -> Iterator[Path]:
    """The group's folder and those around it. In a container, the path may be the host's: then only `mount` exists."""
    parts = [part for part in path.split("/") if part not in ("", "..")]
    for n in range(len(parts), -1, -1):
        yield mount.joinpath(*parts[:n])


def _quota_v2(folder: Path) -> float | None:
    try:
        quota, period = (folder / "cpu.max").read_text().split()
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):  # no such group or no such limit here
        return None


def _quota_v1(folder: Path) -> float | None:
    try:
        quota = int((folder / "cpu.cfs_quota_us").read_text())
        return None if quota < 0 else quota / int((folder / "cpu.cfs_period_us").read_text())
    except (OSError, ValueError, ZeroDivisionError):
        return None
