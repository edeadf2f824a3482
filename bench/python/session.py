"""The parent's side of a worker: start it under the right environment, ask, and read its answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any

import numpy as np

from bench.python.problem import Answer

ROOT = Path(__file__).resolve().parents[2]

# What each instruction set's name means to the libraries underneath the peers. ONNX Runtime has no such switch.
HELD_TO = {
    "v3": {
        "ATEN_CPU_CAPABILITY": "avx2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "XLA_FLAGS": "--xla_cpu_max_isa=AVX2",
        "OPENBLAS_CORETYPE": "Haswell",
        "RECURRA_ISA": "v3",
    },
}


class WorkerError(RuntimeError):
    """The worker could not do what it was asked; the message is its own error."""


def environment(threads: int, isa: str | None) -> dict[str, str]:
    """The worker's environment: thread counts for every library that reads one, and the instruction set asked for."""
    counts = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RECURRA_NUM_THREADS", "NPROC")
    found = dict(os.environ) | dict.fromkeys(counts, str(threads))
    found["TF_CPP_MIN_LOG_LEVEL"] = "2"
    found["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    if threads == 1:
        found["XLA_FLAGS"] = " ".join(filter(None, [os.environ.get("XLA_FLAGS"), "--xla_cpu_multi_thread_eigen=false"]))
    for name, value in HELD_TO.get(isa or "", {}).items():
        found[name] = f"{found[name]} {value}" if name == "XLA_FLAGS" and name in found else value
    return found


class Session:
    """One worker process. Use as a context manager; :meth:`ask` sends a request by the worker's method name."""

    def __init__(
        self, family: str, threads: int, isa: str | None = None, verbose: bool = False, module: str = "worker"
    ) -> None:
        self.family = family
        self._scratch = TemporaryDirectory(prefix="recurra-bench-")
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"bench.python.{module}", family, str(threads)],
            env=environment(threads, isa),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if verbose else subprocess.DEVNULL,
            text=True,
        )

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        """The worker's reply. Raises WorkerError with the worker's own message."""
        self.post(do, **arguments)
        return self.reply()

    def post(self, do: str, **arguments: Any) -> None:
        """Send a request and do not wait: :meth:`reply` must be called once for it."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # the worker has ended; reply() says so
            print(json.dumps({"do": do, **arguments}), file=self._process.stdin, flush=True)

    def reply(self) -> dict[str, Any]:
        """The reply to the request posted before. Raises WorkerError with the worker's own message."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise WorkerError(f"the {self.family} worker ended with code {self._process.wait()}")
        found: dict[str, Any] = json.loads(line)
        if "error" in found:
            raise WorkerError(found["error"])
        return found

    def answer(self, setting: str) -> Answer:
        path = Path(self._scratch.name) / "answer.npz"
        names = self.ask("answer", setting=setting, path=str(path))["names"]
        with np.load(path) as arrays:
            found = {name: arrays[f"arr_{position}"] for position, name in enumerate(names)}
        path.unlink()
        return found

    def close(self) -> None:
        if self._process.stdin is not None and not self._process.stdin.closed:
            self._process.stdin.close()
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._scratch.cleanup()

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()
