"""The process that loads files, one after the other, with limits; and how the parent asks and watches it."""

from __future__ import annotations

import gc
import json
import os
import resource
import select
import signal
import sys
import time
import warnings
from typing import Any, NamedTuple

import numpy as np

from bench.fuzz.readers import Reader
from bench.fuzz.state import State, Watch, changed, memory

#: bytes that one load may add to the process's address space
MEMORY = 512 << 20
#: seconds of CPU time of one load, that of processes which it starts included
SECONDS = 5.0
#: seconds in which a load neither computes nor stands in line for a CPU
WAITING = 60.0
#: bytes that all loads of a process together may leave behind
KEPT = 128 << 20
READ, REFUSED = "read", "refused"


def same(one: Any, other: Any) -> bool:
    """Whether two results of loading are equal, NaN to NaN."""
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return np.array_equal(one, other, equal_nan=np.asarray(one).dtype.kind == "f")
    return bool(one == other)


class Outcome(NamedTuple):
    """result : READ, REFUSED, or what is wrong
    seconds : CPU time of the load
    """

    result: str
    seconds: float

    @property
    def right(self) -> bool:
        return self.result in (READ, REFUSED)


class _Loads:
    """What the child does: one load after the other, and all checks around each."""

    def __init__(self, reader: Reader, folder: str, expected: Any) -> None:
        import recurra

        recurra.set_num_threads(1)
        self.seconds = reader.start() if reader.start is not None else float
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        warnings.simplefilter("ignore")
        gc.freeze()  # what the parent made is not looked through again, so that its pages stay shared
        self.reader, self.expected = reader, expected
        self.target = reader.state() if reader.state is not None else None
        self.first = memory()[1]
        self.watch = Watch()
        self.state = State(folder)
        self.before = self.state.now()

    def one(self, path: str, compared: bool) -> str:
        used = memory()[0]
        resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
        self.watch.path = path
        found: Any = None
        refusal: BaseException | None = None
        try:
            found = self.reader.load(path)
        except BaseException as error:
            refusal = error
        self.watch.path = None
        said, refused = self._said(path, refusal), refusal is not None
        refusal = None  # its traceback keeps what the load had in hand
        result = said or self._left(refused)
        if result is None and not refused and compared and not same(found, self.expected):
            result = "other content than was saved"
        if not refused and self.reader.state is not None:
            self.target = found
        return result or (REFUSED if refused else READ)

    def _said(self, path: str, error: BaseException | None) -> str | None:
        """What is wrong with how the load ended."""
        from recurra.limits import FileFormatError

        if error is None:
            return None
        if not isinstance(error, FileFormatError):
            return f"another exception, {type(error).__name__}: {str(error)[:300]}"
        return None if os.path.basename(path) in str(error) else f"an error without the file's name: {str(error)[:300]}"

    def _left(self, refused: bool) -> str | None:
        """What is wrong with what the load did, and with what it left behind."""
        if self.watch.events:
            return "did what no load needs: " + "; ".join(self.watch.events[:5])
        if refused and self.reader.state is not None and not same(self.reader.state(), self.target):
            return "refused, yet what it is read into was changed"
        differs = changed(self.before, self.state.now())
        if differs:
            return f"left changed: {', '.join(differs)}"
        kept = memory()[1] - self.first
        if kept > KEPT:
            gc.collect()
            kept = memory()[1] - self.first
        return f"left {kept >> 20} MiB more in use" if kept > KEPT else None


def _serve(reader: Reader, folder: str, expected: Any, asked: int, answered: int) -> None:
    loads = _Loads(reader, folder, expected)
    os.write(answered, b"\n")
    for line in open(asked, encoding="utf-8", buffering=1, closefd=False):  # noqa: SIM115
        path, compared = json.loads(line)
        start = sum(os.times()[:4]) + loads.seconds()
        result = loads.one(path, compared)
        seconds = sum(os.times()[:4]) + loads.seconds() - start
        os.write(answered, (json.dumps([result, seconds]) + "\n").encode())


class Child:
    """A forked process that loads files of one reader: ``start(path, compared)``, then ``outcome()``.

    folder : where the files lie
    expected : what a file that is compared must hold
    """

    def __init__(self, reader: Reader, folder: str, expected: Any) -> None:
        asked, self._ask = os.pipe()
        self._answers, answered = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        self.process = os.fork()
        if self.process == 0:
            try:
                os.close(self._ask)
                os.close(self._answers)
                _serve(reader, folder, expected, asked, answered)
            finally:
                os._exit(99)
        os.close(asked)
        os.close(answered)
        #: the clock of the child's CPU time, as clock_getcpuclockid(3) gives it
        self._clock = (~self.process << 3) | 2
        self._text, self._since = b"", 0.0
        wrong = self._watch(WAITING)
        if wrong is not None:
            self.close()
            raise RuntimeError(f"the process that loads files did not start: {wrong}")

    def start(self, path: str, compared: bool) -> None:
        self._since = time.clock_gettime(self._clock)
        os.write(self._ask, (json.dumps([path, compared]) + "\n").encode())

    def outcome(self) -> Outcome:
        wrong = self._watch(SECONDS)
        if wrong is not None:
            return Outcome(wrong, self._used())
        result, seconds = json.loads(self._text)
        return Outcome(f"more than {SECONDS:g} seconds" if seconds > SECONDS else result, seconds)

    def _used(self) -> float:
        """Seconds of CPU time since the load began; 0 where the process has ended."""
        try:
            return time.clock_gettime(self._clock) - self._since
        except OSError:
            return 0.0

    def _idle(self) -> float:
        """Seconds on the clock in which the child neither computed nor stood in line for a CPU."""
        try:
            with open(f"/proc/{self.process}/schedstat", encoding="ascii") as file:
                busy = sum(map(int, file.read().split()[:2])) / 1e9
        except (OSError, ValueError):  # a kernel that keeps no such account, or a process that ended
            busy = 0.0
        return time.monotonic() - busy

    def _watch(self, seconds: float) -> str | None:
        """Wait for a line; what is wrong where none comes."""
        self._text, idle = b"", self._idle()
        while not self._text.endswith(b"\n"):
            if not select.select([self._answers], [], [], 0.1)[0]:
                if self._used() > seconds:
                    return f"more than {seconds:g} seconds"
                if self._idle() - idle > WAITING:
                    return f"waited for more than {WAITING:g} seconds"
                continue
            part = os.read(self._answers, 1 << 16)
            if not part:
                return self._ended()
            self._text += part
        return None

    def _ended(self) -> str:
        found = os.waitid(os.P_PID, self.process, os.WEXITED | os.WNOWAIT)
        if found is not None and found.si_code == os.CLD_EXITED:
            return f"exit code {found.si_status}"
        return f"a crash, signal {found.si_status if found is not None else '?'}"

    def close(self) -> None:
        """End the process, whatever it does."""
        os.kill(self.process, signal.SIGKILL)
        os.waitpid(self.process, 0)
        os.close(self._ask)
        os.close(self._answers)
