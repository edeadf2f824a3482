"""Files in folders as a Dataset of what they hold and of the classes that the folders name."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from recurra.data import Dataset
from recurra.data.elements import at_least
from recurra.utils.messages import message_stream


def directory_dataset(
    directory: str | os.PathLike[str],
    ending: str,
    read: Callable[[str], Any],
    *,
    labels: str | Sequence[int] | None,
    label_mode: str | None,
    class_names: Sequence[str] | None,
    batch_size: int | None,
    shuffle: bool,
    seed: int | None,
    validation_split: float | None,
    subset: str | None,
    follow_links: bool,
    verbose: bool,
    padded: bool = False,
) -> Any:
    """Batches of what ``read(path)`` gives for the files with this ending, and labels.

    padded : whether to pad what is shorter than the longest of its batch; the rest as in
        :func:`recurra.utils.text_dataset_from_directory`
    """
    if label_mode not in ("int", "binary", "categorical", None):
        raise ValueError(f"label_mode must be 'int', 'binary', 'categorical' or None, got {label_mode!r}")
    if batch_size is not None:
        at_least("batch_size", batch_size, 1)
    if labels != "inferred" and isinstance(labels, str):
        raise ValueError(f"labels must be 'inferred', None or a list of integers, got {labels!r}")
    if class_names is not None and labels != "inferred":
        raise ValueError("class_names is for labels='inferred': elsewhere no folder names a class")
    _check_split(validation_split, subset, shuffle, seed)
    if labels is None or label_mode is None:
        labels = label_mode = None
    seed = int(np.random.default_rng().integers(1_000_000)) if seed is None else seed
    paths, ids, names = _files(Path(directory), ending, labels, class_names, follow_links)
    if verbose:
        classes = "" if ids is None else f" belonging to {len(names or [])} classes"
        print(f"Found {len(paths)} files{classes}.", file=message_stream())
    if label_mode == "binary" and len(names or []) != 2:
        raise ValueError(f"label_mode 'binary' needs exactly 2 classes, got {names}")
    if shuffle:
        np.random.RandomState(seed).shuffle(paths)
        if ids is not None:
            np.random.RandomState(seed).shuffle(ids)

    def dataset(part: slice, mixed: bool) -> Dataset:
        if not paths[part]:
            raise ValueError(f"directory {directory} holds no {ending} file for this (subset {subset!r})")
        made = Dataset.from_tensor_slices(np.array(paths[part], object))
        if ids is not None:
            made = Dataset.zip(made, Dataset.from_tensor_slices(_encoded(ids[part], label_mode, len(names or []))))
        if mixed:
            made = made.shuffle(1024 if batch_size is None else batch_size * 8, seed=seed)
        made = made.map(read) if ids is None else made.map(lambda path, label: (read(path), label))
        if batch_size is not None:
            made = made.padded_batch(batch_size) if padded else made.batch(batch_size)
        made.class_names = names  # type: ignore[attr-defined]
        return made

    kept = len(paths) - int((validation_split or 0) * len(paths))
    if verbose and subset in ("training", "both"):
        print(f"Using {kept} files for training.", file=message_stream())
    if verbose and subset in ("validation", "both"):
        print(f"Using {len(paths) - kept} files for validation.", file=message_stream())
    if subset == "both":
        return dataset(slice(kept), shuffle), dataset(slice(kept, None), False)
    return dataset(slice(kept, None) if subset == "validation" else slice(kept), shuffle)


def _check_split(validation_split: float | None, subset: str | None, shuffle: bool, seed: int | None) -> None:
    if validation_split is not None and not 0 < validation_split < 1:
        raise ValueError(f"validation_split must be between 0 and 1, got {validation_split}")
    if (validation_split is None) != (subset is None):
        raise ValueError(f"validation_split and subset go together, got {validation_split} and {subset!r}")
    if subset not in ("training", "validation", "both", None):
        raise ValueError(f"subset must be 'training', 'validation' or 'both', got {subset!r}")
    if subset in ("training", "validation") and shuffle and seed is None:
        raise ValueError("seed must be given with shuffle=True, or training and validation would share files")


def _files(
    directory: Path, ending: str, labels: Any, class_names: Sequence[str] | None, follow_links: bool
) -> tuple[list[str], Any, list[str] | None]:
    """The paths, the label of each (or None) and the classes' names (or None)."""
    if not directory.is_dir():
        raise FileNotFoundError(f"directory {directory}: there is no such folder")
    if labels != "inferred":
        paths = list(_files_below(directory, ending, follow_links))
        if labels is None:
            return paths, None, None
        if len(labels) != len(paths):
            raise ValueError(f"labels must hold one label for each of the {len(paths)} files, got {len(labels)}")
        return paths, np.array(labels, np.int32), [str(label) for label in sorted(set(labels))]
    folders = sorted(path.name for path in directory.iterdir() if path.is_dir() and not path.name.startswith("."))
    if class_names is not None and not set(class_names) <= set(folders):
        raise ValueError(f"class_names must be names of folders in {directory}: {folders}, got {list(class_names)}")
    names = folders if class_names is None else list(class_names)
    found = [list(_files_below(directory / name, ending, follow_links)) for name in names]
    ids = np.repeat(np.arange(len(names), dtype=np.int32), [len(paths) for paths in found])
    return [path for paths in found for path in paths], ids, names


def _files_below(folder: Path, ending: str, follow_links: bool) -> Iterator[str]:
    for root, _, files in sorted(os.walk(folder, followlinks=follow_links), key=lambda entry: entry[0]):
        yield from (os.path.join(root, name) for name in sorted(files) if name.lower().endswith(ending))


def _encoded(ids: Any, label_mode: str | None, classes: int) -> Any:
    if label_mode == "binary":
        return ids.astype(np.float32)[:, None]
    if label_mode == "categorical":
        return (ids[:, None] == np.arange(classes)).astype(np.float32)
    return ids
