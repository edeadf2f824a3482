"""Fixtures for the whole suite: every implementation of the kernels, one after the other."""

from __future__ import annotations

import os
import signal
from importlib import import_module
from types import ModuleType
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # one thread pool is enough, and sums stay the same

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from recurra._core.select import built, runnable
from recurra.utils import set_random_seed

# A shell gives its background jobs a process that ignores Ctrl-C, and so would every process that the tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


settings.register_profile(
    "recurra", deadline=None, max_examples=25, derandomize=True, suppress_health_check=list(HealthCheck)
)
settings.load_profile("recurra")

BUILT = built()
COMPILED = [variant for variant in BUILT if variant in runnable()]


def load(variant: str) -> ModuleType:
    """The module of a variant; all of them can be loaded side by side."""
    return import_module("recurra.reference" if variant == "reference" else f"recurra._core._core_{variant}")


def pytest_report_header() -> str:
    idle = [variant for variant in BUILT if variant not in COMPILED]
    text = f"kernels under test: {', '.join(['reference', *COMPILED])}"
    if idle:
        text += f"; built, but this processor cannot run: {', '.join(idle)}"
    if not COMPILED:
        text += "; NO COMPILED VARIANT IS BUILT, only the reference is tested"
    return text


@pytest.fixture(params=["reference", *COMPILED])
def core(request: pytest.FixtureRequest) -> ModuleType:
    """The reference, and every built variant that this processor can run."""
    return load(request.param)


@pytest.fixture(params=COMPILED or [pytest.param(None, marks=pytest.mark.skip(reason="no compiled variant is built"))])
def compiled(request: pytest.FixtureRequest) -> ModuleType:
    """Every built variant that this processor can run, to be compared with the reference."""
    return load(request.param)


@pytest.fixture(scope="session")
def variants() -> list[ModuleType]:
    """The same, all at once: for tests in which the reference takes longer than they do."""
    if not COMPILED:
        pytest.skip("no compiled variant is built")
    return [load(variant) for variant in COMPILED]


@pytest.fixture(scope="session")
def reference() -> ModuleType:
    """The executable specification."""
    return load("reference")


@pytest.fixture(params=["float32", "float64"])
def dtype(request: pytest.FixtureRequest) -> np.dtype[Any]:
    return np.dtype(request.param)


@pytest.fixture(autouse=True)
def seeded() -> None:
    """The same weights, dropout and order in every run, whichever tests ran before: a failure can be repeated."""
    set_random_seed(20240501)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20240501)
