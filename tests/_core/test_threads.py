"""How many threads are used before anybody says so: the environment, the affinity, the control group's quota."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import recurra
from recurra._core import threads


def test_the_environment_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECURRA_NUM_THREADS", " 5 ")
    assert threads.default_threads() == 5
    monkeypatch.setenv("RECURRA_NUM_THREADS", "")
    assert threads.default_threads() == threads.usable_cpus()


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5", "²", "1 2"])
def test_a_wrong_number_is_an_error(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECURRA_NUM_THREADS", text)
    with pytest.raises(ValueError, match="RECURRA_NUM_THREADS must be a whole number of at least 1, got"):
        threads.default_threads()


def test_the_affinity_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "cgroup_quota", lambda: None)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {1, 5, 7}, raising=False)
    assert threads.usable_cpus() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert threads.usable_cpus() == 1


@pytest.mark.parametrize(("quota", "expected"), [(2.7, 2), (0.3, 1), (64.0, 3), (3.0, 3)])
def test_the_quota_is_rounded_down(quota: float, expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "cgroup_quota", lambda: quota)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2}, raising=False)
    assert threads.usable_cpus() == expected


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_the_smallest_quota_around_the_process_holds(tmp_path: Path) -> None:
    proc, root = tmp_path / "cgroup", tmp_path / "sys"
    proc.write_text("0::/jobs/mine\n")
    assert threads.cgroup_quota(proc, root) is None
    _write(root / "jobs/mine/cpu.max", "max 100000\n")
    assert threads.cgroup_quota(proc, root) is None
    _write(root / "jobs/cpu.max", "150000 100000\n")
    assert threads.cgroup_quota(proc, root) == 1.5
    _write(root / "jobs/mine/cpu.max", "800000 100000\n")
    assert threads.cgroup_quota(proc, root) == 1.5


def test_the_first_version_of_control_groups(tmp_path: Path) -> None:
    proc, root = tmp_path / "cgroup", tmp_path / "sys"
    proc.write_text("5:memory:/a\n4:cpu,cpuacct:/a/b\n0::/\n")
    _write(root / "cpu/a/cpu.cfs_quota_us", "250000\n")
    _write(root / "cpu/a/cpu.cfs_period_us", "100000\n")
    _write(root / "cpu/cpu.cfs_quota_us", "-1\n")
    assert threads.cgroup_quota(proc, root) == 2.5
    _write(root / "cpu,cpuacct/cpu.cfs_quota_us", "50000\n")  # the mount by its full name comes first
    _write(root / "cpu,cpuacct/cpu.cfs_period_us", "100000\n")
    assert threads.cgroup_quota(proc, root) == 0.5


def test_without_control_groups(tmp_path: Path) -> None:
    assert threads.cgroup_quota(tmp_path / "none", tmp_path) is None


def test_the_number_can_be_changed() -> None:
    before = recurra.get_num_threads()
    try:
        recurra.set_num_threads(before + 2)
        assert recurra.get_num_threads() == before + 2
        with pytest.raises(ValueError, match="n must be an integer"):
            recurra.set_num_threads(0)
        assert recurra.get_num_threads() == before + 2
    finally:
        recurra.set_num_threads(before)
