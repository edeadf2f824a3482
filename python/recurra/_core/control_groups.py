"""Limits of the Linux control groups around this process, which containers are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

PROC, ROOT = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")


def smallest_limit(
    controller: str,
    version_2: Callable[[Path], float | None],
    version_1: Callable[[Path], float | None],
    proc: Path = PROC,
    root: Path = ROOT,
) -> float | None:
    """The smallest limit that any group around this process sets; None where there is no limit.

    controller : "cpu" or "memory"
    version_2, version_1 : read the limit in a group's folder, in the two layouts of control groups
    proc : which groups the process is in
    root : where the groups' files are mounted
    """
    try:
        lines = proc.read_text().splitlines()
    except OSError:  # not Linux, or /proc is hidden: nothing to obey
        return None
    limits = []
    for line in lines:
        hierarchy, controllers, path = line.split(":", 2)
        if hierarchy == "0" and not controllers:  # version 2: one tree for all controllers
            mount, read = root, version_2
        elif controller in controllers.split(","):  # version 1: a tree of its own
            mount, read = root / controllers, version_1
            if not mount.is_dir():
                mount = root / controller
        else:
            continue
        limits += [limit for folder in _upwards(mount, path) if (limit := read(folder)) is not None]
    return min(limits, default=None)


def _upwards(mount: Path, path: str) -> Iterator[Path]:
    """The group's folder and those around it. In a container, the path may be the host's: then only `mount` exists."""
    parts = [part for part in path.split("/") if part not in ("", "..")]
    for n in range(len(parts), -1, -1):
        yield mount.joinpath(*parts[:n])
