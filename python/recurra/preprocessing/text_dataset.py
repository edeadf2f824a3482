"""Text files in folders as a Dataset: :func:`text_dataset_from_directory`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from recurra.preprocessing.directory_dataset import directory_dataset


def text_dataset_from_directory(
    directory: str | os.PathLike[str],
    labels: str | Sequence[int] | None = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = 32,
    max_length: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    verbose: bool = True,
) -> Any:
    """Batches of texts and labels from ``.txt`` files.

    directory : with "inferred" labels it holds one folder for each class; else files at any depth
    labels : "inferred", None for texts alone, or one integer for each file, in the order of the sorted paths
    label_mode : "int" (int32), "binary" ((1,) float32, two classes), "categorical" (one-hot, float32) or None for
        texts alone
    class_names : the folders to read, in the order of their labels; all, sorted, where None
    batch_size : texts in a batch; None for single texts
    max_length : characters that are kept of a text
    shuffle : a random order of the files, and a new one in each walk; else sorted
    seed : of both; where files are shuffled and split, needed for the parts to fit together
    validation_split : the share of files, the last ones, that `subset` "validation" takes; "training" takes the others,
        "both" gives the two of them
    follow_links : walk into folders that are links
    verbose : print how many files and classes were found

    Files are UTF-8 and read when they are asked for. The order of the files for a seed is that of Keras.

    returns : a Dataset of (texts, labels), or of texts, with an attribute ``class_names``; a pair of Datasets for
        `subset` "both"
    raises : ValueError for arguments that do not go together, or if no file is found
    """
    return directory_dataset(
        directory,
        ".txt",
        lambda path: _text(path, max_length),
        labels=labels,
        label_mode=label_mode,
        class_names=class_names,
        batch_size=batch_size,
        shuffle=shuffle,
        seed=seed,
        validation_split=validation_split,
        subset=subset,
        follow_links=follow_links,
        verbose=verbose,
    )


def _text(path: str, max_length: int | None) -> str:
    with open(path, encoding="utf-8", newline="") as file:
        return file.read() if max_length is None else file.read(max_length)
