"""Files that ask for more than they hold: memory, time, other files. Each is refused by one clear error."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
import warnings
import zipfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from recurra import layers as L
from recurra.metrics import AUC
from recurra.models import Sequential, model_from_json
from recurra.registry import deserialize_keras_object
from recurra.saving import FileFormatError, h5copy, hdf5, load_model
from tests.support.limited import needs_limits, run_limited

LOAD = """
import sys
from recurra.saving import FileFormatError, load_model
try:
    load_model(sys.argv[1])
except FileFormatError as error:
    print(error)
else:
    print("loaded")
"""


def small() -> Any:
    model = Sequential([L.Input((5, 4)), L.LSTM(3), L.Dense(2)])
    model.compile("adam", loss="mse")
    return model


def texts(vocabulary: Any) -> Any:
    return Sequential([L.Input((1,), dtype="string"), L.TextVectorization(vocabulary=vocabulary, name="words"),
                       L.Embedding(9, 2)])  # fmt: skip


def change_config(path: Path, change: Any) -> Path:
    """Apply `change` to the configuration of the model at `path`, .keras or .h5."""
    if path.suffix == ".h5":
        with h5py.File(path, "r+") as file:
            config = json.loads(file.attrs["model_config"])
            change(config)
            for name in [name for name in file.attrs if name.endswith("crc32")]:
                del file.attrs[name]
            file.attrs["model_config"] = json.dumps(config)
        return path
    with zipfile.ZipFile(path) as old:
        content = {name: old.read(name) for name in old.namelist()}
    config = json.loads(content["config.json"])
    change(config)
    content["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, data in content.items():
            new.writestr(name, data)
    return path


# --- configurations that name files -----------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["keras", "h5"])
@pytest.mark.parametrize("kind", ["file", "pipe", "/dev/zero", "https://example.org/words"])
def test_vocabularies_are_never_opened(tmp_path: Path, ending: str, kind: str) -> None:
    secret = tmp_path / "secret"
    if kind == "pipe":
        os.mkfifo(secret)
    else:
        secret.write_text("password\nhunter2\n")
    named = str(secret) if kind in ("file", "pipe") else kind

    def change(config: Any) -> None:
        words = next(layer for layer in config["config"]["layers"] if layer["class_name"] == "TextVectorization")
        words["config"]["vocabulary"] = named

    texts(["a", "b"]).save(tmp_path / f"m.{ending}")
    path = change_config(tmp_path / f"m.{ending}", change)
    with pytest.raises(FileFormatError, match=rf"m\.{ending}: .*vocabulary must be given as its values"):
        load_model(path)


def test_vocabularies_are_not_opened_by_other_ways_of_reading_a_configuration(tmp_path: Path) -> None:
    (tmp_path / "words").write_text("one\ntwo\n")
    config = {**L.TextVectorization(name="w").get_config(), "vocabulary": str(tmp_path / "words")}
    with pytest.raises(FileFormatError, match="no file that a configuration names is opened"):
        L.TextVectorization.from_config(config)
    with pytest.raises(FileFormatError, match="no file that a configuration names is opened"):
        deserialize_keras_object({"class_name": "TextVectorization", "config": config})
    stack = json.loads(texts(["a", "b"]).to_json())
    stack["config"]["layers"][1]["config"]["vocabulary"] = str(tmp_path / "words")
    with pytest.raises(FileFormatError, match="no file that a configuration names is opened"):
        model_from_json(json.dumps(stack))

    class Mine(L.TextVectorization):
        pass

    with pytest.raises(FileFormatError, match="no file that a configuration names is opened"):
        deserialize_keras_object({"class_name": "Mine", "config": config}, custom_objects={"Mine": Mine})
    assert L.TextVectorization(vocabulary=str(tmp_path / "words")).get_vocabulary() == ["", "[UNK]", "one", "two"]


def test_ngrams_of_any_size_cost_nothing() -> None:
    layer = L.TextVectorization.from_config({"ngrams": 10**15, "vocabulary": ["a", "a b"]})
    np.testing.assert_array_equal(layer(["a b"]), [[2, 1, 3]])


# --- configurations that ask for memory and time ----------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_states_of_stateful_layers_are_limited(tmp_path: Path, ending: str) -> None:
    model = Sequential([L.Input(batch_shape=(2, 3, 4)), L.LSTM(5, stateful=True, name="kept")])
    model.save(tmp_path / f"m.{ending}")

    def change(config: Any) -> None:
        config["config"]["layers"][0]["config"]["batch_shape"] = [10**9, 3, 4]
        for layer in config["config"]["layers"]:
            layer["config"].pop("build_input_shape", None)

    path = change_config(tmp_path / f"m.{ending}", change)
    with pytest.raises(FileFormatError, match=r"kept is stateful with states of shape \(1000000000, 5\)|no file is"):
        load_model(path)


def test_many_layers_are_read_in_time_and_too_many_are_refused(tmp_path: Path) -> None:
    model = Sequential([L.Input((3,)), L.Activation("tanh", name="a")])
    model.save(tmp_path / "m.keras")
    count = 2000

    def change(config: Any) -> None:
        first, layer = config["config"]["layers"]
        more = [{**layer, "config": {**layer["config"], "name": f"a{index}"}} for index in range(count)]
        config["config"]["layers"] = [first, *more]

    start = time.perf_counter()
    assert len(load_model(change_config(tmp_path / "m.keras", change)).layers) == 2000
    assert time.perf_counter() - start < 30
    model.save(tmp_path / "m.keras")
    count = 20_000
    with pytest.raises(FileFormatError, match="holds more than 4096 layers: refused"):
        load_model(change_config(tmp_path / "m.keras", change))


@needs_limits
@pytest.mark.parametrize("member", ["config.json", "model.weights.h5", "metadata.json"])
def test_members_that_inflate(tmp_path: Path, member: str) -> None:
    small().save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as old:
        content = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(tmp_path / "bomb.keras", "w", zipfile.ZIP_DEFLATED) as new:
        for name, data in content.items():
            with new.open(name, "w", force_zip64=True) as file:
                file.write(data)
                for _ in range(70 if name == member else 0):
                    file.write(b" " * (1 << 20))
            if name != member:  # what hides the ratio
                new.writestr(f"x{name}", os.urandom(1 << 17))
    said = run_limited(LOAD, tmp_path / "bomb.keras", memory=200 << 20)
    assert f"bomb.keras: {member} claims" in said and "give max_size=" in said


def test_max_size_lets_a_file_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recurra.limits.SMALL", 1 << 20)
    model = Sequential([L.Input((4,), dtype="int32"), L.Embedding(600, 800)])
    model.set_weights([np.zeros((600, 800), "float32")])
    model.save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as old, zipfile.ZipFile(tmp_path / "z.keras", "w", 8) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    with pytest.raises(FileFormatError, match=r"z\.keras: model\.weights\.h5 claims \d+ bytes, .*give max_size=\d+"):
        load_model(tmp_path / "z.keras")
    assert load_model(tmp_path / "z.keras", max_size=1 << 26).count_params() == 480_000
    with pytest.raises(FileFormatError, match="give max_size"):
        model.load_weights(tmp_path / "z.keras")
    model.load_weights(tmp_path / "z.keras", max_size=1 << 26)


# --- HDF5 -------------------------------------------------------------------------------------------------------------


def graph_of_links(depth: int, width: int) -> bytes:
    """Groups in which every name of one stands for the next: ``width ** depth`` paths."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        groups = [file.create_group(f"g{level}") for level in range(depth)]
        for upper, lower in pairwise(groups):
            for index in range(width):
                upper[f"n{index}"] = lower
        file.create_dataset("x", data=np.ones(3))
    return buffer.getvalue()


@pytest.mark.parametrize("libver", ["earliest", "latest"])
def test_links_that_form_a_graph(libver: str) -> None:
    data = graph_of_links(20, 30)
    if libver == "latest":
        buffer = io.BytesIO(data)
        with h5py.File(buffer, "r+") as file:
            file.create_dataset("packed", data=np.ones(100), compression="gzip")
        data = buffer.getvalue()
    start = time.perf_counter()
    with hdf5.open_hdf5(io.BytesIO(data), "f") as root:
        np.testing.assert_array_equal(hdf5.read(root, "x"), np.ones(3))
        assert hdf5.groups_with_arrays(root) == [""]
    assert time.perf_counter() - start < 30


def test_too_many_links_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recurra.saving.h5reader.LINKS", 500)
    with (
        pytest.raises(FileFormatError, match="f has more than 500 names"),
        hdf5.open_hdf5(io.BytesIO(graph_of_links(20, 30)), "f"),
    ):
        pass


def compressed(path: Path, rows: int) -> Path:
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=np.zeros((rows, 1 << 18), np.float32), compression="gzip", chunks=(1, 1 << 18))
    return path


def test_compressed_arrays_that_inflate(tmp_path: Path) -> None:
    path = compressed(tmp_path / "bomb.h5", 100)
    assert path.stat().st_size < 1 << 20
    with pytest.raises(FileFormatError, match=r"bomb\.h5 \(.*\) is refused: '/x' claims 104857600 bytes"):
        small().load_weights(path)


LOAD_WEIGHTS = """
import sys
from recurra import layers as L
from recurra.models import Sequential
from recurra.saving import FileFormatError
model = Sequential([L.Input((5, 4)), L.LSTM(3), L.Dense(2)])
try:
    model.load_weights(sys.argv[1])
except FileFormatError as error:
    print(error)
else:
    print("loaded")
"""


@needs_limits
def test_good_compressed_weights_load_under_a_limit_of_memory(tmp_path: Path) -> None:
    model = Sequential([L.Input((5, 4)), L.LSTM(3), L.Dense(2)])
    model.save_weights(tmp_path / "m.weights.h5")
    with h5py.File(tmp_path / "m.weights.h5") as old, h5py.File(tmp_path / "z.weights.h5", "w") as new:

        def copy(name: str, item: Any) -> None:
            if isinstance(item, h5py.Dataset):
                new.create_dataset(name, data=item[()], compression="gzip", chunks=True)
            else:
                new.require_group(name)

        old.visititems(copy)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    said = {}
    for kilobytes in (4_000_000, 300_000):
        command = f'ulimit -v {kilobytes}; exec "{sys.executable}" -c "$CODE" "{tmp_path / "z.weights.h5"}"'
        environment["CODE"] = LOAD_WEIGHTS
        environment["OPENBLAS_NUM_THREADS"] = "1"
        done = subprocess.run(["sh", "-c", command], env=environment, capture_output=True, text=True, check=False)
        said[kilobytes] = done.stdout + done.stderr
    assert said[4_000_000] == "loaded\n"
    tight = said[300_000]
    assert tight == "loaded\n" or "needs more memory" in tight or "MemoryError" in tight or "map segment" in tight


@needs_limits
def test_the_helper_ends_with_its_parent(tmp_path: Path) -> None:
    code = """
import subprocess, sys, os, time
command = [sys.executable, "-m", "recurra.saving.h5copy", "1000", str(os.getpid())]
child = subprocess.Popen(command, stdin=subprocess.PIPE)
time.sleep(3)
print(child.pid, flush=True)
time.sleep(60)
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        os.kill(child, 0)
        parent.kill()
        parent.wait()
        for _ in range(100):
            state = Path(f"/proc/{child}/stat")
            if not state.exists() or state.read_text().rsplit(")", 1)[1].split()[0] == "Z":
                return
            time.sleep(0.05)
    raise AssertionError("the helper lives on")


@needs_limits
def test_the_helper_lowers_limits_only() -> None:
    code = """
import resource
from recurra.saving.h5copy import limit_resources
resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
resource.setrlimit(resource.RLIMIT_CPU, (50, 60))
limit_resources(9 << 30, 20)
print(resource.getrlimit(resource.RLIMIT_AS) == (3 << 30, 3 << 30), resource.getrlimit(resource.RLIMIT_CPU))
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "True (20, 21)\n"


def test_a_helper_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(h5copy, "seconds", lambda allowed: 0.05 / (h5copy.PATIENCE if os.name == "posix" else 1))
    path = compressed(tmp_path / "slow.h5", 2)
    with pytest.raises(FileFormatError, match=r"slow\.h5 \(.*\) cannot be read in 0\.05 seconds"):
        small().load_weights(path)


# --- all or nothing ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", ["renamed", "text", "link"])
def test_a_bad_state_of_the_optimizer_changes_no_weight(tmp_path: Path, damage: str) -> None:
    source, model = small(), small()
    source.fit(np.ones((2, 5, 4), "float32"), np.ones((2, 2), "float32"), verbose=0)
    source.save_weights(tmp_path / "m.weights.h5")
    with h5py.File(tmp_path / "m.weights.h5", "r+") as file:
        del file.attrs[hdf5.NAMES]
        group = file["optimizer/vars"]
        if damage == "renamed":
            group.move("3", "zz")
        elif damage == "text":
            del group["3"]
            group["3"] = "words"
        else:
            del group["3"]
            group["3"] = h5py.SoftLink("/layers")
    before, state = model.get_weights(), [np.array(v.value) for v in model.optimizer.variables]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(FileFormatError, match=r"m\.weights\.h5"):
            model.load_weights(tmp_path / "m.weights.h5")
    for expected, found in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(expected, found)
    for expected, variable in zip(state, model.optimizer.variables, strict=False):
        np.testing.assert_array_equal(expected, variable.value)


@pytest.mark.parametrize("name", ["m.keras", "m.h5", "m.weights.h5"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_are_named(tmp_path: Path, name: str, value: float) -> None:
    model = Sequential([L.Input((5, 4)), L.LSTM(3, name="rnn"), L.Dense(2, name="out")])
    weights = model.get_weights()
    weights[3][1, 0] = value
    model.set_weights(weights)
    (model.save_weights if "weights" in name else model.save)(tmp_path / name)
    with pytest.warns(UserWarning, match=rf"{name}.* holds weights that are NaN or infinite: out: .*kernel$"):
        model.load_weights(tmp_path / name)


def test_thresholds_of_a_metric_are_limited(tmp_path: Path) -> None:
    model = Sequential([L.Input((4,)), L.Dense(1, activation="sigmoid")])
    model.compile("sgd", "binary_crossentropy", metrics=[AUC(num_thresholds=50)])
    model.save(tmp_path / "m.keras")
    assert load_model(tmp_path / "m.keras").compiled

    def change(config: Any) -> None:
        text = json.dumps(config["compile_config"])
        assert '"num_thresholds": 50' in text
        config["compile_config"] = json.loads(text.replace('"num_thresholds": 50', '"num_thresholds": 1000000000'))

    with pytest.raises(FileFormatError, match="num_thresholds asks for 1000000000 numbers"):
        load_model(change_config(tmp_path / "m.keras", change))


def test_what_is_wrong_with_a_configuration_is_not_said_of_the_weights(tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    Sequential([L.Input((3,)), L.Dense(2)]).save(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["config.json"] = members["config.json"].replace(b'"units": 2', b'"units": -2')
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(FileFormatError, match="units must be a positive integer, got -2") as said:
        load_model(path)
    assert str(said.value).startswith(f"{path}: ") and str(said.value).count("m.keras") == 1
    assert "model.weights.h5" not in str(said.value)
