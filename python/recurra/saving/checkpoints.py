"""Weights saved under a prefix, ``folder/ckpt_3``, as Keras 2 does with TensorFlow's checkpoints.

Here the prefix stands for one file, ``folder/ckpt_3.weights.h5``. Beside it, the small text file ``checkpoint`` names
the latest prefix, in TensorFlow's own syntax.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from recurra.files import FilePath, atomic_write
from recurra.saving.file_errors import FileFormatError

STATE_FILE = "checkpoint"
ENDING = ".weights.h5"
_PATH = re.compile(r'^\s*model_checkpoint_path:\s*"((?:[^"\\]|\\.)*)"\s*$', re.MULTILINE)
_STATE_LIMIT = 1 << 20


def file_of(prefix: FilePath) -> Path:
    """The file that weights saved under `prefix` are in."""
    return Path(os.fspath(prefix) + ENDING)


def record(prefix: FilePath) -> None:
    """Note in the folder of `prefix` that it is the latest checkpoint."""
    path = Path(prefix)
    name = path.name.replace("\\", "\\\\").replace('"', '\\"')
    text = f'model_checkpoint_path: "{name}"\nall_model_checkpoint_paths: "{name}"\n'
    with atomic_write(path.parent / STATE_FILE) as file:
        file.write(text.encode("utf-8", "surrogateescape"))  # names of files are bytes


def latest_checkpoint(checkpoint_dir: FilePath, latest_filename: str | None = None) -> str | None:
    """What ``load_weights`` takes to load the newest weights in a folder; None if there are none.

    checkpoint_dir : the folder that ``ModelCheckpoint`` or ``save_weights`` wrote to
    latest_filename : the name of the text file that names the latest prefix, "checkpoint" by default

    Where there is no such file, or it names what is gone, the newest ``.weights.h5`` file of the folder is taken.
    """
    folder = Path(checkpoint_dir)
    if not folder.is_dir():
        return None
    state = folder / (latest_filename or STATE_FILE)
    if state.is_file() and state.stat().st_size <= _STATE_LIMIT:
        found = _PATH.search(state.read_text("utf-8", "surrogateescape"))
        if found:
            prefix = folder / re.sub(r"\\(.)", r"\1", found[1])
            if file_of(prefix).is_file() or is_tensorflow_prefix(prefix):
                return str(prefix)
    files = [path for path in folder.glob("*" + ENDING) if path.is_file()]
    if not files:
        return None
    return str(max(files, key=lambda path: (path.stat().st_mtime_ns, _natural(path.name))))


def _natural(name: str) -> list[tuple[int, int, str]]:
    """A sort key that puts ckpt_10 behind ckpt_9."""
    return [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in re.split(r"(\d+)", name)]


def is_tensorflow_prefix(path: FilePath) -> bool:
    """Whether `path` is the prefix of a checkpoint in TensorFlow's own format."""
    return os.path.isfile(os.fspath(path) + ".index")


def refuse_tensorflow(path: FilePath) -> None:
    """Raise if `path` is a SavedModel or a checkpoint in TensorFlow's own format."""
    folder = Path(path)
    what = ""
    if is_tensorflow_prefix(path) or folder.suffix == ".index" or ".data-0" in folder.name:
        what = "a checkpoint in TensorFlow's own format"
    elif folder.is_dir() and any((folder / name).exists() for name in ("saved_model.pb", "saved_model.pbtxt")):
        what = "a TensorFlow SavedModel folder"
    elif folder.is_dir() and any(folder.glob("*.index")):
        what = "a folder of checkpoints in TensorFlow's own format"
    if what:
        raise FileFormatError(
            f"{path} is {what}, which only TensorFlow reads: load it there and save it with "
            "model.save('name.keras') or model.save_weights('name.weights.h5')"
        )
