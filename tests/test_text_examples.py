"""The examples in the docstrings of preprocessing, utils, data sets, Dataset and the tasks."""

from __future__ import annotations

import doctest
import pkgutil
from importlib import import_module

import pytest

import recurra.data
import recurra.datasets
import recurra.preprocessing
import recurra.tasks
import recurra.utils

ROOMS = (recurra.data, recurra.preprocessing, recurra.utils, recurra.datasets, recurra.tasks)
MODULES = [module.name for room in ROOMS for module in pkgutil.iter_modules(room.__path__, f"{room.__name__}.")]


@pytest.mark.parametrize("name", [*MODULES, *(room.__name__ for room in ROOMS)])
def test_examples(name: str) -> None:
    assert doctest.testmod(import_module(name)).failed == 0
