"""Copy an HDF5 file of unusual form into the plain form that ``h5reader.py`` reads, in a process of its own.

``python -m recurra.saving.h5copy`` reads a file from standard input and writes the copy to standard output. Files that
were compressed, or written by newer conventions than Keras's, come this way. Whatever a hostile file does to the HDF5
library happens here, where it harms nobody.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
from typing import Any

from recurra.saving.file_errors import FileFormatError

#: how much larger than its storage an array may be: what deflate can reach
RATIO = 1100
SECONDS = 60


def copied(data: bytes, label: str, why: str) -> bytes:
    """The content of a plain HDF5 file with what the file `data` holds.

    why : what is unusual about it, for errors
    """
    command = [sys.executable, "-m", "recurra.saving.h5copy"]
    paths = os.pathsep.join([path for path in sys.path if path])
    environment = {**os.environ, "PYTHONPATH": paths, "OPENBLAS_NUM_THREADS": "1"}
    try:
        done = subprocess.run(command, input=data, capture_output=True, timeout=SECONDS, env=environment, check=False)
    except subprocess.TimeoutExpired:
        raise FileFormatError(f"{label} ({why}) cannot be read in {SECONDS} seconds: it is damaged") from None
    except OSError as error:
        raise FileFormatError(f"{label} ({why}) needs a process of its own to be read: {error}") from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise FileFormatError(f"{label} ({why}) is damaged: {said[-1][:200] if said else 'the HDF5 library crashed'}")
    return done.stdout


def copy(source: Any, target: Any, depth: int = 0) -> None:
    """Copy numbers, groups and attributes of strings from one h5py group to another; links are left out."""
    import h5py

    if depth > 64:
        raise ValueError("the groups go in circles")
    for name, value in source.attrs.items():
        target.attrs[name] = value
    for name in source:
        if source.get(name, getclass=True, getlink=True) is not h5py.HardLink:
            continue
        item = source[name]
        if isinstance(item, h5py.Group):
            copy(item, target.create_group(name), depth + 1)
        elif isinstance(item, h5py.Dataset) and item.shape is not None and item.dtype.kind in "fiub":
            if item.external or item.is_virtual:
                raise ValueError(f"{item.name!r} keeps its data in another file")
            claimed, stored = item.size * item.dtype.itemsize, item.id.get_storage_size()
            if claimed > RATIO * (stored + 4096):
                raise ValueError(f"{item.name!r} claims {claimed} bytes, but {stored} are stored")
            target.create_dataset(name, data=item[()])


def _limit_memory(size: int) -> None:
    try:
        import resource
    except ImportError:  # not on Windows
        return
    limit = (4 << 30) + 16 * size
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def main() -> None:
    import h5py

    data = sys.stdin.buffer.read()
    _limit_memory(len(data))
    result = io.BytesIO()
    with h5py.File(io.BytesIO(data), "r") as source, h5py.File(result, "w") as target:
        copy(source, target)
    sys.stdout.buffer.write(result.getvalue())


if __name__ == "__main__":
    main()
