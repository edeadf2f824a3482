"""How much memory this process may use, and errors that say which array asked for more."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from recurra._core.control_groups import PROC, ROOT, smallest_limit

MEMINFO = Path("/proc/meminfo")

#: smaller arrays are asked for without looking at what there is
LARGE = 1 << 28


def usable_memory(meminfo: Path = MEMINFO, proc: Path = PROC, root: Path = ROOT) -> int | None:
    """The bytes that this process may hold at most: the machine's memory or the control groups' limit, and the swap.

    returns : None where the system does not say (it is not Linux)
    """
    try:
        fields = dict(line.split(":", 1) for line in meminfo.read_text().splitlines())
        memory, swap = (int(fields[name].split()[0]) << 10 for name in ("MemTotal", "SwapTotal"))
    except (OSError, ValueError, KeyError, IndexError):
        return None
    group = smallest_limit("memory", _limit_in("memory.max"), _limit_in("memory.limit_in_bytes"), proc, root)
    return min(memory, memory if group is None else int(group)) + swap


def _limit_in(name: str) -> Callable[[Path], float | None]:
    def read(folder: Path) -> float | None:
        try:
            text = (folder / name).read_text().strip()
            return None if text == "max" else int(text)
        except (OSError, ValueError):  # no such group or no such limit here
            return None

    return read


def in_words(size: int) -> str:
    """A number of bytes as people read it.

    >>> in_words(1000), in_words(5 << 30)
    ('1000 bytes', '5.0 GiB')
    """
    if size < 1 << 20:
        return f"{size} bytes"
    unit = min((size.bit_length() - 1) // 10, 6)
    return f"{size / (1 << 10 * unit):.1f} {['', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'][unit]}"


@contextmanager
def taking(what: str, shape: Sequence[int], dtype: str | np.dtype[np.generic], advice: str) -> Iterator[None]:
    """Around the making of an array: a MemoryError that says what is made, how large it is and what to do.

    An array that no memory of this machine can hold is refused before it is made: a system that promises more memory
    than it has would kill the process later.

    what : the subject of the message, as in "kernel of 'dense'"
    shape, dtype : of the array, or of the largest one where there are several
    advice : the end of the message
    raises : MemoryError
    """
    size = math.prod(map(int, shape)) * np.dtype(dtype).itemsize
    asked = f"{what}: an array of shape {tuple(shape)} in {np.dtype(dtype).name} takes {in_words(size)}"
    if size >= LARGE:
        usable = usable_memory()
        if size > (np.iinfo(np.intp).max if usable is None else usable):
            have = "than can be addressed" if usable is None else f"than the {in_words(usable)} of this machine"
            raise MemoryError(f"{asked}, more {have}: {advice}")
    try:
        yield
    except MemoryError as error:
        raise MemoryError(f"{asked}, which the system does not give: {advice}") from error
