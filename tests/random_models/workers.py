"""Processes that train models, one for each variant of the kernels; each imports recurra once and lives on.

A description goes in, the numbers or the error come out. A process that dies over a model is an answer too, and is
started again for the next one.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import select
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.random_models.spec import Spec

_ROOT = Path(__file__).parents[2]
_SECONDS = 120.0


class Worker:
    """A process that runs models.

    isa : the value of RECURRA_ISA; "keras" for Keras
    python : the interpreter; this one unless said
    """

    def __init__(self, isa: str, threads: int = 1, python: str = sys.executable) -> None:
        self.isa, self.threads, self.python = isa, threads, python
        self.process: subprocess.Popen[bytes] | None = None

    def run(self, spec: Spec, nudge: int = 0) -> tuple[str, Any]:
        """("numbers", dict of arrays), ("error", text) or ("crash", text)."""
        if self.process is None:
            self.process = self._start()
        process = self.process
        assert process.stdin is not None
        try:
            _write(process.stdin, (spec, nudge))
            answer = self._read(process)
        except (BrokenPipeError, EOFError):
            answer = None
        if answer is None:
            process.kill()
            self.close()
            return "crash", f"the process ended with {process.returncode}"
        return answer  # type: ignore[no-any-return]

    def _start(self) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ,
            "RECURRA_NUM_THREADS": str(self.threads),
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": os.pathsep.join([str(_ROOT), *[path for path in sys.path if path]]),
        }
        package = "recurra"
        if self.isa == "keras":
            package = "keras"
            environment["PYTHONPATH"] = str(_ROOT)
        else:
            environment["RECURRA_ISA"] = self.isa
        command = [self.python, "-m", "tests.random_models.workers", package]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, cwd=_ROOT)

    @staticmethod
    def _read(process: subprocess.Popen[bytes]) -> Any:
        assert process.stdout is not None
        ready, _, _ = select.select([process.stdout], [], [], _SECONDS)
        return _read(process.stdout) if ready else None

    def close(self) -> None:
        process, self.process = self.process, None
        if process is None:
            return
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(BrokenPipeError):  # of a process that has died
            process.stdin.close()
        process.wait()
        process.stdout.close()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


def _write(stream: Any, value: Any) -> None:
    data = pickle.dumps(value, protocol=5)
    stream.write(struct.pack("<Q", len(data)) + data)
    stream.flush()


def _read(stream: Any) -> Any:
    head = stream.read(8)
    if len(head) < 8:
        raise EOFError
    (size,) = struct.unpack("<Q", head)
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return pickle.loads(data)


def main(package: str) -> None:
    """Answer descriptions from standard input until it ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a model prints goes to the errors
    from tests.random_models.run import run

    while True:
        try:
            spec, nudge = _read(sys.stdin.buffer)
        except EOFError:
            return
        try:
            answer: tuple[str, Any] = ("numbers", run(spec, package, nudge))
        except Exception as error:
            answer = ("error", f"{type(error).__name__}: {error}")
        _write(answers, answer)


if __name__ == "__main__":
    main(sys.argv[1])
