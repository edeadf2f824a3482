"""HDF5 files on a disk that is full from some byte on: the system's error, no noise, no crash."""

from __future__ import annotations

import errno
import gc
import io
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from recurra.saving import hdf5
from recurra.saving.h5target import Target
from tests.support.limited import needs_limits, run_limited


class FullAfter(io.BytesIO):
    """Takes so many bytes, counted over all writes, part of the last one included."""

    def __init__(self, room: int, error: type[BaseException] = OSError) -> None:
        super().__init__()
        self.room, self.error = room, error

    def write(self, data: Any) -> int:
        view = memoryview(data)
        if self.room <= 0:
            raise OSError(errno.ENOSPC, "No space left on device") if self.error is OSError else self.error()
        taken = view[: min(len(view), self.room)]
        self.room -= len(taken)
        return super().write(taken)


def fill(file: Any) -> None:
    """Arrays of unlike sizes, long and many attributes, deep and wide groups, and what is read while writing."""
    rng = np.random.default_rng(2)
    file.attrs["config"] = "x" * 40_000
    for i in range(40):
        group = file.create_group(f"layers/l{i}/vars")
        group.attrs["name"] = f"l{i}"
        hdf5.write(group, "0", rng.normal(size=(i, 7)))
        hdf5.write(group, "1", np.float32(i))
    hdf5.write(file, "large", rng.normal(size=(3, 70_001)))
    hdf5.write_texts(file["layers"], {"a": "b" * 3000})
    assert sorted(file["layers"])[0] == "l0" and file["layers/l7/vars/1"][()] == 7
    np.testing.assert_array_equal(file["layers/l39/vars"].attrs["name"], "l39")


def total() -> int:
    buffer = FullAfter(1 << 40)
    with hdf5.create(buffer) as file:
        fill(file)
    return (1 << 40) - buffer.room


@pytest.mark.parametrize("error", [OSError, MemoryError])
def test_the_error_of_the_system_wherever_the_disk_ends(
    error: type[BaseException], capfd: pytest.CaptureFixture[str]
) -> None:
    end = total()
    for room in [0, 1, 50, 100, 800, 2000, *range(3000, end, 160_013), end - 1]:
        with pytest.raises(error) as said, hdf5.create(FullAfter(room, error)) as file:
            fill(file)
        assert error is MemoryError or said.value.errno == errno.ENOSPC
        gc.collect()
    assert capfd.readouterr() == ("", "")


def test_what_is_written_is_what_h5py_writes(tmp_path: Path) -> None:
    with hdf5.create(tmp_path / "own.h5") as file:
        fill(file)
    with h5py.File(tmp_path / "h5py.h5", "w") as file:
        fill(file)
    with h5py.File(tmp_path / "own.h5") as own, h5py.File(tmp_path / "h5py.h5") as other:
        names: list[str] = []
        other.visit(names.append)
        assert len(names) > 120
        for name in names:
            assert dict(own[name].attrs) == dict(other[name].attrs)
            if isinstance(other[name], h5py.Dataset):
                np.testing.assert_array_equal(own[name], other[name])


def test_an_error_of_the_program_stays(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="mine"), hdf5.create(tmp_path / "f.h5") as file:
        fill(file)
        raise KeyError("mine")
    with pytest.raises(IsADirectoryError):
        hdf5.create(tmp_path).__enter__()


def test_reads_after_a_failure_find_what_was_written() -> None:
    target = Target(FullAfter(10))
    assert target.write(b"0123456") == 7
    assert target.write(b"789abcdef") == 9
    assert isinstance(target.failure, OSError)
    target.seek(12)
    target.write(b"XY")
    target.seek(3)
    assert target.read(20) == b"3456789abXYef"
    assert target.seek(0, os.SEEK_END) == 16 and target.read(1) == b""
    target.truncate(20)
    assert target.seek(-2, os.SEEK_END) == 18
    with pytest.raises(OSError, match="No space"):
        target.raise_failure()


@needs_limits
def test_a_model_that_fits_no_second_time_into_memory_is_written(tmp_path: Path) -> None:
    """The file is written as it goes, and not held in memory."""
    said = run_limited(
        """
import sys
import numpy as np
from recurra import layers as L
from recurra.models import Sequential
import h5py
model = Sequential([L.Input((4,)), L.Embedding(8_000_000, 3, "zeros")])
model.save_weights(sys.argv[1])
print("written")
""",
        tmp_path / "m.weights.h5",
        memory=360 << 20,
    )
    assert said == "written\n" and (tmp_path / "m.weights.h5").stat().st_size > 96_000_000


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="mounting needs root")
@pytest.mark.parametrize("name", ["m.h5", "m.weights.h5", "m.keras"])
def test_a_file_system_that_is_full(tmp_path: Path, name: str) -> None:
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare")
    code = """
import sys, numpy as np
from recurra import layers as L
from recurra.models import Sequential
model = Sequential([L.Input((300,)), L.Dense(400), L.Dense(2)])
try:
    model.save(sys.argv[1]) if "weights" not in sys.argv[1] else model.save_weights(sys.argv[1])
except OSError as error:
    print(error)
import os
print(sorted(os.listdir(os.path.dirname(sys.argv[1]))))
"""
    line = f'mount -t tmpfs -o size=200k none "{tmp_path}" && exec "$@"'
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", line, "sh", sys.executable, "-c", code, str(tmp_path / name)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        check=False,
    )
    if "mount:" in done.stderr or "unshare:" in done.stderr:
        pytest.skip("no mounting here")
    said = done.stdout.splitlines()
    assert done.returncode == 0 and done.stderr == "" and said[1] == "[]", done.stderr
    assert "No space left on device" in said[0] and name in said[0]


@pytest.mark.parametrize("method", ["write", "seek", "readinto"])
@pytest.mark.parametrize("kind", [KeyboardInterrupt, MemoryError])
def test_what_interrupts_a_callback_of_the_library_is_raised(
    method: str, kind: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library has forgotten it when it is closed, and fails for a reason of its own."""
    original = getattr(Target, method)
    for calls in (1, 2, 5, 11):
        left = [calls]

        def interrupted(self: Target, *args: Any, left: list[int] = left) -> Any:
            left[0] -= 1
            if left[0] == 0:
                raise kind("within")
            return original(self, *args)

        monkeypatch.setattr(Target, method, interrupted)
        with pytest.raises(kind, match="within"), hdf5.create(io.BytesIO()) as file:
            fill(file)
        monkeypatch.setattr(Target, method, original)


def test_ctrl_c_while_the_system_writes() -> None:
    for room in (0, 3_000, 60_000):
        with pytest.raises(KeyboardInterrupt), hdf5.create(FullAfter(room, KeyboardInterrupt)) as file:
            fill(file)
