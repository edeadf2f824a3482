"""Arrays that no memory can hold: one error that says which, how large, and what to do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra import random
from recurra._core import memory


def _meminfo(path: Path, memory_kib: int, swap_kib: int) -> Path:
    path.write_text(f"MemTotal:       {memory_kib} kB\nMemFree:  5 kB\nSwapTotal:  {swap_kib} kB\n")
    return path


def test_the_smaller_of_machine_and_control_group_counts(tmp_path: Path) -> None:
    meminfo, proc, root = _meminfo(tmp_path / "meminfo", 4096, 1024), tmp_path / "cgroup", tmp_path / "sys"
    assert memory.usable_memory(meminfo, tmp_path / "none", root) == 5 << 20
    proc.write_text("0::/jobs/mine\n")
    (root / "jobs/mine").mkdir(parents=True)
    (root / "jobs/mine/memory.max").write_text("max\n")
    assert memory.usable_memory(meminfo, proc, root) == 5 << 20
    (root / "jobs/memory.max").write_text(f"{1 << 20}\n")
    assert memory.usable_memory(meminfo, proc, root) == 2 << 20
    proc.write_text("3:cpu:/a\n7:memory:/b\n")
    (root / "memory/b").mkdir(parents=True)
    (root / "memory/b/memory.limit_in_bytes").write_text(f"{3 << 20}\n")
    assert memory.usable_memory(meminfo, proc, root) == 4 << 20


@pytest.mark.parametrize("text", ["", "MemTotal: 5 kB\n", "MemTotal: x kB\nSwapTotal: 0 kB\n", "MemTotal:\nSwapTotal:"])
def test_where_the_system_does_not_say(tmp_path: Path, text: str) -> None:
    (tmp_path / "meminfo").write_text(text)
    assert memory.usable_memory(tmp_path / "meminfo") is None
    assert memory.usable_memory(tmp_path / "none") is None


def test_more_than_the_machine_has_is_refused_before_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "usable_memory", lambda: 3 << 30)
    with memory.taking("w", (3, 1 << 28), "float32", "smaller"):
        pass
    made = []
    said = r"w: an array of shape \(5, 268435456\) in float32 takes 5.0 GiB, more than the 3.0 GiB of this machine"
    with pytest.raises(MemoryError, match=said), memory.taking("w", (5, 1 << 28), "float32", "smaller"):
        made.append(1)
    assert not made


def test_what_the_system_refuses_is_named() -> None:
    said = r"w: an array of shape \(2, 3\) in float64 takes 48 bytes, which the system does not give: smaller$"
    with pytest.raises(MemoryError, match=said), memory.taking("w", (2, 3), "float64", "smaller"):
        raise MemoryError("std::bad_alloc")


@pytest.mark.parametrize("shape", [(10**30, 2), (2, 10**30), (3, 4 * 10**12), (10**6, 10**9)])
@pytest.mark.parametrize("draw", [random.uniform, random.normal, random.truncated_normal])
def test_random_numbers(draw: Any, shape: tuple[int, int]) -> None:
    with pytest.raises(MemoryError, match=r"random numbers: an array of shape \(\d+, \d+\) in float32 takes .*iB"):
        draw(shape)


def test_a_kernel_says_how_much_it_asked_for() -> None:
    from recurra._core.select import core

    if core.__name__.startswith("recurra.reference"):
        pytest.skip("numpy has words of its own")
    for ask, size in ((lambda: core.random_uniform(1, 2, 2**31, 2**20, "float32"), 2**53), (_too_large_a_copy, 2**54)):
        with pytest.raises(MemoryError) as said:
            ask()
        found = re.search(r"take (\d+) bytes, which the system does not give", str(said.value))
        assert found is not None and size <= int(found[1]) < size + 2**22


def _too_large_a_copy() -> None:
    from recurra import ops

    ops.lstm(np.broadcast_to(np.float32(0), (2**31, 2**21, 1)), np.ones((1, 8), "f4"), np.ones((2, 8), "f4"))
