"""The finder of old modules: last in line, imported when it is needed, and a finder like any other to importlib."""

from __future__ import annotations

import importlib
import importlib.util
import subprocess
import sys

import pytest

import recurra
from recurra.compat.finder import Finder


def printed(code: str) -> str:
    """What a fresh Python prints."""
    run = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    return run.stdout.strip()


def test_find_spec() -> None:
    spec = importlib.util.find_spec("recurra.layers.core")
    assert spec is not None and spec.name == "recurra.layers.core" and spec.parent == "recurra.layers"
    assert spec.submodule_search_locations is None and not spec.has_location
    package = importlib.util.find_spec("recurra.engine")
    assert package is not None and package.submodule_search_locations == []
    for name in ("recurra.layers.spam", "recurra.spam", "recurra.layers.core.spam"):
        with pytest.raises(ModuleNotFoundError, match=f"No module named '{name}'"):
            importlib.import_module(name)
    assert importlib.util.find_spec("recurra.layers.spam") is None


def test_real_modules_are_not_its_own() -> None:
    finder = Finder("recurra")
    for name in (
        "recurra",
        "recurra.layers",
        "recurra.layers.recurrent",
        "layers.core",
        "recurra2.layers.core",
        "spam",
    ):
        assert finder.find_spec(name) is None


def test_another_root() -> None:
    """The table is relative to a root, so that other packages' names can stand for this one's."""
    for root in ("keras", "tensorflow.keras"):
        spec = Finder(root).find_spec(f"{root}.layers.core")
        assert spec is not None
        module = importlib.util.module_from_spec(spec)
        assert spec.loader is not None
        spec.loader.exec_module(module)
        assert module.__name__ == f"{root}.layers.core" and module.Dense is recurra.layers.Dense


def test_a_reload_fetches_names_anew() -> None:
    import recurra.utils.np_utils as np_utils

    own = np_utils.to_categorical
    np_utils.to_categorical = np_utils.normalize = None
    assert importlib.reload(np_utils) is np_utils
    assert np_utils.to_categorical is own and np_utils.normalize is recurra.utils.normalize


def test_it_stands_last_and_once() -> None:
    code = """
import importlib, sys
before = list(sys.meta_path)
import recurra
importlib.reload(recurra)
print(sys.meta_path[:-1] == before, recurra.layers.Dense is importlib.import_module("recurra.layers.core").Dense)
"""
    assert printed(code) == "True True"


def test_it_is_imported_when_an_old_path_is() -> None:
    code = """
import sys
import recurra.layers, recurra.models, recurra.optimizers, recurra.data, recurra.backend
model = recurra.Sequential([recurra.Input((2,)), recurra.layers.Dense(1)])
model.compile("adam", "mse")
model.evaluate([[1.0, 2.0]], [[1.0]], verbose=0)
loaded = [sum(name.startswith("recurra.compat") for name in sys.modules)]
try:
    import spam
except ModuleNotFoundError:
    loaded.append(sum(name.startswith("recurra.compat") for name in sys.modules))
import recurra.layers.core
print(loaded, sorted(name for name in sys.modules if name.startswith("recurra.compat")))
"""
    assert printed(code) == "[0, 0] ['recurra.compat', 'recurra.compat.finder', 'recurra.compat.paths']"


def test_names_are_fetched_when_they_are_used() -> None:
    code = """
import sys
import recurra.layers.core, recurra.engine.topology, recurra.utils.np_utils, recurra.train
before = "numpy" in sys.modules
from recurra.utils.np_utils import to_categorical
print(before, "numpy" in sys.modules, "to_categorical" in vars(recurra.utils.np_utils))
"""
    assert printed(code) == "False True True"


@pytest.mark.parametrize("path", ["train.latest_checkpoint", "optimizers.legacy.Adam", "data.experimental.cardinality"])
def test_attributes_without_an_import(path: str) -> None:
    room, _, attribute = f"recurra.{path}".rpartition(".")[0].rpartition(".")
    code = f"import recurra; print({attribute!r} in dir({room}), callable(recurra.{path}))"
    assert printed(code) == "True True"


def test_from_a_package() -> None:
    code = """
from recurra import engine, train
from recurra.utils import np_utils
from recurra.layers import core
import recurra.engine.topology as topology
found = core.Dense, np_utils.normalize, train.latest_checkpoint
print(engine.topology is topology, *map(callable, found))
"""
    assert printed(code) == "True True True True"


def test_many_threads_at_once() -> None:
    code = """
import importlib, sys, threading
from recurra.compat.paths import PATHS, homes
def read(turn):
    paths = sorted(PATHS)
    start.wait()
    for path in paths[turn:] + paths[:turn]:
        module = importlib.import_module(f"recurra.{path}")
        for name in homes(path):
            found.append((path, name, id(getattr(module, name))))
for _ in range(3):
    for path in PATHS:
        sys.modules.pop(f"recurra.{path}", None)
    found, start = [], threading.Barrier(16)
    threads = [threading.Thread(target=read, args=(turn,)) for turn in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(len(found) == 16 * len(set(found)), len(set(found)) == sum(len(homes(path)) for path in PATHS))
"""
    assert printed(code).splitlines() == ["True True"] * 3
