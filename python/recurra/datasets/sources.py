"""Where the file of a data set is: at a path of the user's, in the cache, or at its public address."""

from __future__ import annotations

import os

from recurra.utils.download import get_file

#: where Keras keeps its data sets
KERAS = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"


def check_split(test_split: float) -> None:
    """ValueError unless `test_split` is in [0, 1)."""
    if not 0 <= test_split < 1:
        raise ValueError(f"test_split must be in [0, 1), got {test_split!r}")


def locate(
    path: str | os.PathLike[str],
    address: str,
    digest: str | None,
    argument: str = "path",
    subdir: str = "datasets",
) -> str:
    """The local path of a data file.

    path : of a file that exists, which is used as it is; or the name under which the download is kept
    address, digest : where it comes from, and its md5 or sha256
    subdir : the folder of the cache
    raises : FileNotFoundError for a path with folders that does not exist; ConnectionError without a network, saying
        which file to put where
    """
    name = os.path.expanduser(os.fspath(path))
    if os.path.isfile(name):
        return name
    if os.path.dirname(name):
        raise FileNotFoundError(f"{argument}: there is no file {name}")
    try:
        return get_file(name, origin=address, file_hash=digest, cache_subdir=subdir)
    except ConnectionError as error:
        raise ConnectionError(f"{error}, or pass the path of a copy as {argument}=") from error
