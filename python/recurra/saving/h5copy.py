"""Copy an HDF5 file of unusual form into the plain form that ``h5reader.py`` reads, in a process of its own.

``python -m recurra.saving.h5copy ALLOWED PARENT`` reads a file from standard input and writes the copy, of at most
ALLOWED bytes of arrays, to standard output. Files that were compressed, or written by newer conventions than Keras's,
come this way. Whatever a hostile file does to the HDF5 library happens here, where it harms nobody: memory and time are
limited, and the process ends when PARENT does.
"""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
import time
from typing import Any

from recurra.limits import LINKS, PATIENCE, FileFormatError, seconds, unpacked


def copied(data: bytes, label: str, why: str) -> bytes:
    """The content of a plain HDF5 file with what the file `data` holds.

    why : what is unusual about it, for errors
    """
    allowed = unpacked(len(data))
    command = [sys.executable, "-m", "recurra.saving.h5copy", str(allowed), str(os.getpid())]
    paths = os.pathsep.join([path for path in sys.path if path])
    environment = {**os.environ, "PYTHONPATH": paths, "OPENBLAS_NUM_THREADS": "1"}
    longest = seconds(allowed) * (PATIENCE if os.name == "posix" else 1)  # CPU time is limited on POSIX alone
    try:
        done = subprocess.run(command, input=data, capture_output=True, timeout=longest, env=environment, check=False)
    except subprocess.TimeoutExpired:
        raise FileFormatError(f"{label} ({why}) cannot be read in {longest} seconds: it is damaged") from None
    except OSError as error:
        raise FileFormatError(f"{label} ({why}) needs a process of its own to be read: {error}") from None
    if done.returncode:
        raise FileFormatError(f"{label} ({why}) {_reason(done, allowed)}")
    return done.stdout


def _reason(done: subprocess.CompletedProcess[bytes], allowed: int) -> str:
    said = done.stderr.decode("utf-8", "replace").strip().splitlines()
    last = said[-1][:300] if said else "the HDF5 library crashed"
    if done.returncode == -getattr(signal, "SIGXCPU", 0):
        return f"cannot be read in {seconds(allowed)} seconds of CPU time: it is damaged, or needs a larger max_size"
    if "MemoryError" in last or "annot allocate memory" in last or "ailed to map segment" in last:
        return f"needs more memory to be read than the process of its own may have (see ulimit -v): {last}"
    if last.startswith("recurra.limits.FileFormatError: "):
        return last.partition(": ")[2]
    return f"is damaged: {last}"


class _Copy:
    """Copies numbers, groups and attributes of strings from one h5py group to another; links elsewhere are left out.

    allowed : bytes of all arrays together
    """

    def __init__(self, allowed: int) -> None:
        self.allowed, self.links, self.done = allowed, 0, {}  # type: int, int, dict[Any, Any]

    def group(self, source: Any, target: Any, depth: int = 0) -> None:
        import h5py

        if depth > 64:
            raise FileFormatError("has groups that go in circles")
        self.done[h5py.h5o.get_info(source.id).addr] = target
        self._attributes(source, target)
        for name in source:
            self.links += 1
            if self.links > LINKS:
                raise FileFormatError(f"has more than {LINKS} names in its groups")
            if source.get(name, getclass=True, getlink=True) is not h5py.HardLink:
                continue
            item = source[name]
            address = h5py.h5o.get_info(item.id).addr
            if address in self.done:
                target[name] = self.done[address]
            elif isinstance(item, h5py.Group):
                self.group(item, target.create_group(name), depth + 1)
            elif isinstance(item, h5py.Dataset) and item.shape is not None and item.dtype.kind in "fiub":
                self.done[address] = self._array(item, target, name)

    def _array(self, item: Any, target: Any, name: str) -> Any:
        if item.external or item.is_virtual:
            raise FileFormatError(f"is not read: {item.name!r} keeps its data in another file")
        claimed, stored = item.size * item.dtype.itemsize, item.id.get_storage_size()
        self.allowed -= claimed
        if self.allowed < 0:
            raise FileFormatError(
                f"is refused: {item.name!r} claims {claimed} bytes, but {stored} are stored. If you trust the file, "
                "give max_size with the bytes that it may unpack to"
            )
        copy = target.create_dataset(name, data=item[()])
        self._attributes(item, copy)
        return copy

    @staticmethod
    def _attributes(source: Any, target: Any) -> None:
        for name, value in source.attrs.items():
            target.attrs[name] = value


def limit_resources(memory: int, seconds: int) -> None:
    """Lower this process's limits of memory and CPU time; what is lower already stays. Nothing on Windows."""
    try:
        import resource
    except ImportError:
        return
    for kind, soft, hard in (
        (resource.RLIMIT_AS, memory, memory),
        (resource.RLIMIT_CPU, seconds, seconds + 1),  # at the hard limit the kernel kills without saying why
    ):
        now = [sys.maxsize if limit == resource.RLIM_INFINITY else limit for limit in resource.getrlimit(kind)]
        resource.setrlimit(kind, (min(soft, *now), min(hard, now[1])))


def die_with(parent: int) -> None:
    """End this process when the one that started it ends, at once on Linux, within a second elsewhere."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    elif os.name == "posix":
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    if os.name == "posix" and os.getppid() != parent:
        os._exit(1)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def main() -> None:
    allowed, parent = (int(argument) for argument in sys.argv[1:])
    die_with(parent)
    import h5py

    data = sys.stdin.buffer.read()
    limit_resources((1 << 30) + 3 * allowed + 4 * len(data), seconds(allowed) + round(time.process_time()))
    result = io.BytesIO()
    with h5py.File(io.BytesIO(data), "r") as source, h5py.File(result, "w") as target:
        _Copy(allowed).group(source, target)
    sys.stdout.buffer.write(result.getvalue())


if __name__ == "__main__":
    main()
