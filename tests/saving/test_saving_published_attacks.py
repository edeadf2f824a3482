"""Attacks that were published against Keras's loader: none of them does anything here."""

from __future__ import annotations

import base64
import io
import json
import marshal
import os
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import h5py
import pytest

from recurra import layers as L
from recurra.models import Sequential, model_from_json
from recurra.registry import deserialize_keras_object
from recurra.saving import FileFormatError, load_model
from recurra.utils import get_file


def archive(path: Path, change: Any = None, weights: Any = None) -> Path:
    """A small model in which `change` was applied to the configuration, `weights` to the open file of weights."""
    model = Sequential([L.Input((4,), name="in"), L.Dense(3, name="one"), L.Dense(2, name="two")])
    model.save(path)
    with zipfile.ZipFile(path) as file:
        content = {name: file.read(name) for name in file.namelist()}
    config = json.loads(content["config.json"])
    if change is not None:
        change(config)
    content["config.json"] = json.dumps(config).encode()
    if weights is not None:
        buffer = io.BytesIO(content["model.weights.h5"])
        with h5py.File(buffer, "r+") as file:
            del file.attrs["recurra_names"]
            weights(file)
        content["model.weights.h5"] = buffer.getvalue()
    with zipfile.ZipFile(path, "w") as file:
        for name, data in content.items():
            file.writestr(name, data)
    return path


def code_that_touches(path: Path) -> str:
    made = compile(f"(lambda x: open({str(path)!r}, 'w'))", "f", "eval").co_consts[0]
    return base64.b64encode(marshal.dumps(made)).decode()


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_cve_2024_3660_and_2025_9905_lambda_layers_run_no_code(tmp_path: Path, ending: str) -> None:
    """Code in a Lambda layer, in an archive of an old version or a legacy .h5 file, whatever safe_mode says."""
    mark, code = tmp_path / "touched", code_that_touches(tmp_path / "touched")
    for function in ([code, None, None], {"class_name": "__lambda__", "config": {"code": code}}, code):
        layer = {
            "class_name": "Lambda",
            "module": "keras.layers",
            "config": {"name": "f", "function": function, "function_type": "lambda", "output_shape": None},
        }
        if ending == "keras":
            path = archive(tmp_path / "m.keras", lambda c, layer=layer: c["config"]["layers"].insert(1, layer))
        else:
            path = tmp_path / "m.h5"
            Sequential([L.Input((4,)), L.Dense(3)]).save(path)
            with h5py.File(path, "r+") as file:
                config = json.loads(file.attrs["model_config"])
                config["config"]["layers"].insert(1, layer)
                file.attrs["model_config"] = json.dumps(config)
                del file.attrs["recurra_crc32"]
        with pytest.raises(FileFormatError, match=r"no code from files is executed|is never executed"):
            load_model(path)
        with pytest.raises(ValueError, match="safe_mode must be True"):
            load_model(path, safe_mode=False)
    assert not mark.exists()


@pytest.mark.parametrize(
    ("module", "name", "config"),
    [
        ("keras.src.utils.python_utils", "function", "func_load"),
        ("builtins", "eval", {"source": "1"}),
        ("os", "system", {"command": "touch x"}),
        ("subprocess", "Popen", {"args": ["touch", "x"]}),
        ("keras.utils", "get_file", {"fname": "x", "origin": "file:///etc/passwd"}),
        ("keras.src.saving", "load_model", {"filepath": "x"}),
        ("keras.config", "enable_unsafe_deserialization", {}),
        ("recurra.utils", "get_file", {"fname": "x", "origin": "file:///etc/passwd"}),
    ],
)
def test_cve_2025_1550_8747_and_9906_no_module_or_function_that_a_file_names_is_used(
    tmp_path: Path, module: str, name: str, config: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A configuration that names a module to import, a function to call (get_file), or the switch of safe mode."""
    monkeypatch.chdir(tmp_path)
    evil = {"module": module, "class_name": name, "config": config, "registered_name": name}

    def as_layer(c: Any) -> None:
        c["config"]["layers"][1] = {**evil, "name": "one"}

    def as_argument(c: Any) -> None:
        c["config"]["layers"][1]["config"]["kernel_initializer"] = evil

    def as_model(c: Any) -> None:
        c.clear()
        c.update(evil)

    def as_call(c: Any) -> None:
        c["config"]["layers"][1]["inbound_nodes"] = [{"args": [evil], "kwargs": {"x": evil}}]
        c["class_name"] = "Functional"

    def as_build(c: Any) -> None:
        c["config"]["layers"][1]["build_config"] = evil
        c["config"]["layers"][1]["config"]["activation"] = evil

    before = set(os.listdir(tmp_path))
    for change in (as_layer, as_argument, as_model, as_call, as_build):
        path = archive(tmp_path / "m.keras", change)
        with pytest.raises(FileFormatError, match=r"m\.keras"):
            load_model(path)
        with zipfile.ZipFile(path) as file, pytest.raises((ValueError, TypeError, KeyError, AttributeError)):
            model_from_json(file.read("config.json").decode())
    assert set(os.listdir(tmp_path)) - before == {"m.keras"}
    try:
        found = deserialize_keras_object(evil)
    except ValueError:
        return
    assert found is None or callable(found)  # a function of arrays of our own, not called


def test_cve_2025_12058_no_vocabulary_is_read_from_a_path_or_an_address(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("password\n")
    for class_name in ("TextVectorization", "StringLookup", "IntegerLookup", "Vocabulary"):
        for named in (str(tmp_path / "secret"), "http://127.0.0.1:9/metadata", "gs://bucket/x"):
            layer = {
                "class_name": class_name,
                "module": "keras.layers",
                "config": {"name": "words", "vocabulary": named, "split": "whitespace"},
            }
            path = archive(tmp_path / "m.keras", lambda c, layer=layer: c["config"]["layers"].insert(1, layer))
            with pytest.raises(FileFormatError, match=r"m\.keras") as caught:
                load_model(path)
            assert "password" not in str(caught.value)


@pytest.mark.parametrize("member", ["../evil", "/tmp/evil", "a/../../evil", "..\\evil"])
def test_cve_2025_12060_no_member_of_an_archive_lands_outside(
    tmp_path: Path, member: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Members above the folder, and links to it through which the next member would be written."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home" / "deep"))
    with tarfile.open(tmp_path / "a.tar", "w") as file:
        info = tarfile.TarInfo(member)
        info.size = 4
        file.addfile(info, io.BytesIO(b"evil"))
    with tarfile.open(tmp_path / "b.tar", "w") as file:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path)
        file.addfile(link)
        inside = tarfile.TarInfo("link/evil")
        inside.size = 4
        file.addfile(inside, io.BytesIO(b"evil"))
    for name in ("a.tar", "b.tar"):
        with pytest.raises(FileFormatError, match=r"would land outside|is a link or a device"):
            get_file(origin=tmp_path / name, extract=True)
    assert not [path for path in tmp_path.rglob("*") if path.name == "evil"]


@pytest.mark.parametrize("kind", ["external link", "external data", "virtual"])
def test_weights_lie_in_the_file_alone(tmp_path: Path, kind: str) -> None:
    """Arrays of a .weights.h5 that HDF5 would fetch from other files of the reader's."""
    (tmp_path / "secret.bin").write_bytes(b"\0" * 64)
    with h5py.File(tmp_path / "secret.h5", "w") as secret:
        secret["x"] = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]

    def change(file: Any) -> None:
        group = file["layers/dense_1/vars"]
        del group["0"]
        if kind == "external link":
            group["0"] = h5py.ExternalLink(str(tmp_path / "secret.h5"), "/x")
        elif kind == "external data":
            group.create_dataset("0", (3, 2), "f4", external=[(str(tmp_path / "secret.bin"), 0, 24)])
        else:
            layout = h5py.VirtualLayout((3, 2), "f8")
            layout[:] = h5py.VirtualSource(str(tmp_path / "secret.h5"), "x", (3, 2))
            group.create_virtual_dataset("0", layout)

    with pytest.raises(FileFormatError, match=r"m\.keras"):
        load_model(archive(tmp_path / "m.keras", weights=change))
