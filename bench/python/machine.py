"""What the numbers were measured on."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path
from typing import Any

LEVELS = {  # x86-64 levels by the flags that tell them apart
    "v4": {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"},
    "v3": {"avx2", "bmi1", "bmi2", "fma"},
    "v2": {"sse4_2", "ssse3", "popcnt"},
}


def cpu_info(path: Path = Path("/proc/cpuinfo")) -> tuple[str, set[str]]:
    """The CPU's name and its feature flags; the flags are empty where the system does not list them."""
    name, flags = platform.processor() or platform.machine(), set[str]()
    if path.exists():
        for line in path.read_text().splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                name = value.strip()
            elif key.strip() in ("flags", "Features"):
                flags = set(value.split())
                break
    return name, flags


def describe() -> dict[str, Any]:
    """CPU, widest instruction set, cores, caches, system, Python and the processor's frequency policy."""
    name, flags = cpu_info()
    level = next((level for level, needed in LEVELS.items() if needed <= flags), platform.machine())
    caches = {}
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        kind = (index / "type").read_text().strip()
        if kind != "Instruction":
            caches["L" + (index / "level").read_text().strip()] = (index / "size").read_text().strip()
    governor = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    return {
        "cpu": name,
        "isa": level,
        "usable_cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "caches": caches,
        "frequency_policy": governor.read_text().strip() if governor.exists() else "unknown",
        "system": f"{platform.system()} {platform.release()}",
        "python": sys.version.split()[0],
    }
