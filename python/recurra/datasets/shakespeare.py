"""Tiny Shakespeare: 1,115,394 characters of the plays, 65 distinct, the usual text of character language models."""

from __future__ import annotations

import os

from recurra.datasets.sources import locate
from recurra.utils.io import read_text

_TEXT = (
    "https://raw.githubusercontent.com/karpathy/char-rnn/6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e"
    "/data/tinyshakespeare/input.txt",
    "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
)


def load_data(path: str | os.PathLike[str] = "shakespeare.txt") -> str:
    """The text.

    path : of a copy (or of any other text); or the name under which the download is kept in the cache
    raises : ConnectionError without a network, saying which file to put where; ValueError for a file that is not text
    """
    return read_text(locate(path, *_TEXT))
