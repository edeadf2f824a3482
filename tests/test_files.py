"""Files appear whole or not at all."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from recurra.files import atomic_path, check_target
from recurra.saving import atomic_write


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_writes_bytes_and_text(tmp_path: Path) -> None:
    with atomic_write(tmp_path / "a.bin") as file:
        file.write(b"\x00\xff")
        assert names(tmp_path) != ["a.bin"]
    with atomic_write(tmp_path / "b.txt", "w") as file:
        file.write("äöü")
    assert (tmp_path / "a.bin").read_bytes() == b"\x00\xff"
    assert (tmp_path / "b.txt").read_bytes() == "äöü".encode()
    assert names(tmp_path) == ["a.bin", "b.txt"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, MemoryError])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "model.keras"
    path.write_bytes(b"old")
    with pytest.raises(error), atomic_write(path) as file:
        file.write(b"half of the new")
        raise error
    assert names(tmp_path) == ["model.keras"]
    assert path.read_bytes() == b"old"


def test_a_failure_leaves_no_file_where_there_was_none(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), atomic_path(tmp_path / "new") as temporary:
        temporary.write_bytes(b"half")
        raise ZeroDivisionError
    assert names(tmp_path) == []


def test_makes_folders(tmp_path: Path) -> None:
    with atomic_write(tmp_path / "a" / "b" / "c") as file:
        file.write(b"x")
    assert (tmp_path / "a" / "b" / "c").read_bytes() == b"x"


def test_no_overwrite(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with pytest.raises(FileExistsError, match="overwrite=False"), atomic_write(path, overwrite=False):
        raise AssertionError("the block must not run")
    assert path.read_bytes() == b"old"


def test_refuses_folders_and_files_in_the_way(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match="the folder"):
        check_target(tmp_path)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(NotADirectoryError, match="is a file, not a folder"):
        check_target(tmp_path / "file" / "model.keras")


def test_modes(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='mode must be "w" or "wb", got \'a\''), atomic_write(tmp_path / "a", "a"):
        pass


@pytest.mark.skipif(os.name != "posix", reason="permissions and links of POSIX")
def test_permissions_and_links(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        with atomic_write(tmp_path / "new") as file:
            file.write(b"1")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640
    (tmp_path / "kept").write_bytes(b"")
    (tmp_path / "kept").chmod(0o604)
    (tmp_path / "link").symlink_to("kept")
    with atomic_write(tmp_path / "link") as file:
        file.write(b"through")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "kept").read_bytes() == b"through"
    assert stat.S_IMODE((tmp_path / "kept").stat().st_mode) == 0o604


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "er" / "file.bin"
    with atomic_path(target) as part:
        part.write_bytes(b"new")
        assert not target.exists()
    assert target.read_bytes() == b"new"
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(target.stat().st_mode) == 0o666 & ~umask
    with pytest.raises(KeyboardInterrupt), atomic_path(target) as part:
        part.write_bytes(b"half")
        raise KeyboardInterrupt
    assert target.read_bytes() == b"new" and list(target.parent.iterdir()) == [target]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes of POSIX")
def test_pipes_and_devices_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    for path in (tmp_path / "pipe", tmp_path / "link", Path("/dev/null")):
        with pytest.raises(ValueError, match="must be a file, got a pipe, a socket or a device"), atomic_path(path):
            raise AssertionError("the block must not run")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


@pytest.mark.skipif(os.name != "posix", reason="processes of POSIX")
def test_what_killed_processes_left_is_removed(tmp_path: Path) -> None:
    code = """
import os, signal, sys
from recurra.files import atomic_path
with atomic_path(sys.argv[1]) as temporary:
    temporary.write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    for name in ("a", "b"):
        subprocess.run([sys.executable, "-c", code, str(tmp_path / name)], env=ENVIRONMENT, check=False)
    assert len(names(tmp_path)) == 2 and all(name.endswith(".tmp") for name in names(tmp_path))
    (tmp_path / ".a.0-1.x.tmp").write_bytes(b"another machine's")
    with atomic_path(tmp_path / "a") as running, atomic_path(tmp_path / "a") as second:
        assert running.exists() and second.exists()
        second.write_bytes(b"2")
    left = names(tmp_path)
    assert "a" in left and ".a.0-1.x.tmp" in left and len(left) == 3 and any(name.startswith(".b.") for name in left)


FULL = """
import resource, sys
import numpy as np
from recurra import layers as L
from recurra.models import Sequential
model = Sequential([L.Input((300,)), L.Dense(300)])
model.compile("adam", "mse")
path = sys.argv[1]
def write():
    if "weights" in path:
        model.save_weights(path)
    elif path.endswith(".txt"):
        from recurra.preprocessing.word_vectors import WordVectors
        WordVectors([f"w{i}" for i in range(300)], np.ones((300, 300))).save(path)
    elif path.endswith(".rlm"):
        from recurra.tasks.model_file import write_archive
        write_archive(path, "language_model", {}, "{}", model)
    else:
        model.save(path)
write()
with open(path, "rb") as file:
    before = file.read()
model.set_weights([w + 1 for w in model.get_weights()])
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    write()
except OSError as error:
    print(error)
with open(path, "rb") as file:
    print(before == file.read())
"""
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "RECURRA_NUM_THREADS": "1"}


@pytest.mark.skipif(sys.platform != "linux", reason="limits of files' sizes")
@pytest.mark.parametrize("name", ["m.keras", "m.h5", "m.weights.h5", "m.txt", "m.rlm"])
def test_a_full_disk_is_told_with_the_file_and_leaves_the_old_one(tmp_path: Path, name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / name)], env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    said = done.stdout.splitlines()
    assert done.returncode == 0 and len(said) == 2, done.stderr
    assert name in said[0] and "nothing was written, what was there before is unchanged" in said[0]
    assert said[1] == "True" and done.stderr == ""
    assert names(tmp_path) == [name]
