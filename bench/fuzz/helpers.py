"""The processes that read unusual HDF5 files, forked from one that has imported what they need.

``recurra.saving.h5copy`` starts a process for each such file, which imports NumPy and h5py: longer than its work takes.
Here ``h5copy.main`` runs in a fork of a process that has both, with the same limits. The suite's slice of the fuzzer
starts the processes as users do.
"""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import traceback
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from recurra.saving import h5copy

_ASKED, _ANSWERED = struct.Struct("<qq"), struct.Struct("<qdqq")


def _take(source: int, size: int) -> bytes:
    parts: list[bytes] = []
    while size:
        part = os.read(source, min(size, 1 << 20))
        if not part:
            raise EOFError("the other side has ended")
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _give(target: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(target, view) :]


def start() -> Callable[[], float]:
    """Let h5copy use forks from here on; returns what tells the CPU seconds that they took so far."""
    command = [sys.executable, "-m", "bench.fuzz.helpers", str(os.getpid())]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
    assert server.stdin is not None
    assert server.stdout is not None
    ask, answers = server.stdin.fileno(), server.stdout.fileno()
    _take(answers, 1)  # it has imported everything
    used = 0.0

    def run(command: list[str], input: bytes, **options: Any) -> subprocess.CompletedProcess[bytes]:
        nonlocal used
        _give(ask, _ASKED.pack(int(command[3]), len(input)) + input)
        code, seconds, *sizes = _ANSWERED.unpack(_take(answers, _ANSWERED.size))
        used += seconds
        return subprocess.CompletedProcess(command, code, *(_take(answers, size) for size in sizes))

    names = SimpleNamespace(
        run=run, server=server, TimeoutExpired=subprocess.TimeoutExpired, CompletedProcess=subprocess.CompletedProcess
    )
    vars(h5copy)["subprocess"] = names
    return lambda: used


def _forked(allowed: int, data: bytes) -> tuple[int, float, bytes, bytes]:
    """Exit code, CPU seconds, standard output and standard error of one process."""
    files = [os.memfd_create(name) for name in ("input", "output", "errors")]
    _give(files[0], data)
    os.lseek(files[0], 0, os.SEEK_SET)
    process = os.fork()
    if process == 0:
        code = 1
        try:
            for number, file in enumerate(files):
                os.dup2(file, number)
            sys.argv = ["h5copy", str(allowed), str(os.getppid())]
            h5copy.main()
            sys.stdout.flush()
            code = 0
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(code)
    _, status, usage = os.wait4(process, 0)
    found = []
    for file in files[1:]:
        size = os.lseek(file, 0, os.SEEK_END)
        os.lseek(file, 0, os.SEEK_SET)
        found.append(_take(file, size))
    for file in files:
        os.close(file)
    return os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime, found[0], found[1]


def _serve() -> None:
    import h5py  # noqa: F401

    h5copy.die_with(int(sys.argv[1]))
    asked, answered = os.dup(0), os.dup(1)
    _give(answered, b"\n")
    while True:
        try:
            allowed, size = _ASKED.unpack(_take(asked, _ASKED.size))
        except EOFError:
            return
        code, seconds, output, errors = _forked(allowed, _take(asked, size))
        _give(answered, _ANSWERED.pack(code, seconds, len(output), len(errors)) + output + errors)


if __name__ == "__main__":
    _serve()
