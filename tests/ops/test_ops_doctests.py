"""The examples in the docstrings of operations, the tape and gradcheck."""

from __future__ import annotations

import doctest
from importlib import import_module

import numpy as np
import pytest

MODULES = [
    "autograd",
    "gradcheck",
    *(f"ops.{name}" for name in ("time_loop", "math", "neural", "products", "recurrent", "crossentropy", "projection")),
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    with np.printoptions(legacy=False):
        failed, _ = doctest.testmod(import_module(f"recurra.{name}"))
    assert failed == 0
