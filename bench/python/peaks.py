"""The machine's ceilings, measured in the run they are used in: multiply-adds in registers, sgemm, reading memory.

``python -m bench.python.peaks THREADS [ISA]`` prints them as JSON; the run starts it under the same environment and on
the same CPUs as the workers.
"""

from __future__ import annotations

import ctypes
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from bench.python.load import pick_cpus

SOURCE = Path(__file__).resolve().parents[1] / "cpp" / "peaks_library.cpp"
BUILD = SOURCE.parents[2] / "build" / "bench"
READ_SIZES = {"L2": 256 << 10, "L3": 4 << 20, "DRAM": 256 << 20}  # bytes that each thread reads over and over
SGEMM_SIZE = 2048


def compile_library(build: Path = BUILD) -> ctypes.CDLL:
    """The compiled ``peaks_library.cpp``, built when it is missing or older than its sources.

    Raises RuntimeError when there is no C++ compiler (``$CXX``, c++, g++ or clang++) or when it fails.
    """
    target = build / "libbench_peaks.so"
    newest = max(path.stat().st_mtime for path in (SOURCE, SOURCE.with_name("peaks.hpp")))
    if not target.exists() or target.stat().st_mtime < newest:
        names = [os.environ.get("CXX"), "c++", "g++", "clang++"]
        compiler = next((found for name in names if name and (found := shutil.which(name))), None)
        if compiler is None:
            raise RuntimeError("a C++ compiler is needed to measure the FMA peak; set CXX or install g++")
        build.mkdir(parents=True, exist_ok=True)
        command = [compiler, "-O2", "-std=c++17", "-shared", "-fPIC", str(SOURCE), "-o", str(target)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr}")
    library = ctypes.CDLL(str(target))
    library.bench_best_isa.restype = ctypes.c_char_p
    library.bench_fma.restype = ctypes.c_double
    library.bench_fma.argtypes = [ctypes.c_char_p, ctypes.c_longlong]
    library.bench_read.argtypes = [ctypes.c_void_p, ctypes.c_ulonglong, ctypes.c_int]
    library.bench_supported.argtypes = [ctypes.c_char_p]
    return library


def _best_rate(work: Callable[[], float], seconds: float = 0.4) -> float:
    """The highest rate (work per second) over repeated runs: a ceiling, so the quietest moment counts."""
    work()
    best, end = 0.0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        done = work()
        best = max(best, done / (time.perf_counter() - start))
    return best


def _on_all(threads: int, work: Callable[[int], float]) -> Callable[[], float]:
    """Run ``work(thread)`` on that many threads at once; the result is the sum."""
    if threads == 1:
        return lambda: work(0)
    pool = ThreadPoolExecutor(threads)
    return lambda: sum(pool.map(work, range(threads)))


def sgemm_rate(multiply: Callable[[], Any]) -> float:
    """GFLOP/s of a product of two SGEMM_SIZE square matrices."""

    def work() -> float:
        multiply()
        return 2.0 * SGEMM_SIZE**3

    return _best_rate(work, seconds=1.0) / 1e9


def measure(threads: int, isa: str | None = None) -> dict[str, Any]:
    """Ceilings for that many threads.

    fma_gflops : for the instruction set that the workers use (the widest, or the one that they are held to)
    sgemm_gflops : the best of NumPy and PyTorch (where installed) on 2048 × 2048 matrices; sgemm_by says which
    read_gbytes : GB/s by level of the memory
    """
    library = compile_library()
    name = (isa or library.bench_best_isa().decode()).encode()
    if not library.bench_supported(name):
        raise ValueError(f"isa must be one that this CPU has, got {name.decode()!r}")
    found: dict[str, Any] = {"threads": threads, "isa": name.decode()}
    found["fma_gflops"] = _best_rate(_on_all(threads, lambda _: float(library.bench_fma(name, 400_000)))) / 1e9

    found["read_gbytes"] = {}
    for level, size in READ_SIZES.items():
        memory = [np.ones(size // 4 + 16, np.float32) for _ in range(threads)]
        starts = [array.ctypes.data + (-array.ctypes.data) % 64 for array in memory]
        times = max(1, (16 << 20) // size)

        def read(thread: int, starts: list[int] = starts, size: int = size, times: int = times) -> float:
            library.bench_read(starts[thread], size, times)
            return float(size * times)

        found["read_gbytes"][level] = _best_rate(_on_all(threads, read)) / 1e9

    a = np.random.default_rng(0).standard_normal((SGEMM_SIZE, SGEMM_SIZE), dtype=np.float32)
    out = np.empty_like(a)
    rates = {"numpy": sgemm_rate(lambda: np.matmul(a, a, out=out))}
    if importlib.util.find_spec("torch") is not None:
        import torch

        torch.set_num_threads(threads)
        t, o = torch.from_numpy(a), torch.from_numpy(out)
        rates["torch"] = sgemm_rate(lambda: torch.mm(t, t, out=o))
    found["sgemm_by"] = max(rates, key=lambda key: rates[key])
    found["sgemm_gflops"] = rates[found["sgemm_by"]]
    return found


if __name__ == "__main__":
    count = int(sys.argv[1])
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, pick_cpus(count))
    print(json.dumps(measure(count, sys.argv[2] if len(sys.argv) > 2 else None)))
