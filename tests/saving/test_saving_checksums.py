"""Checksums in files of our own making: whatever bit is wrong, the file is refused or gives the same model."""

from __future__ import annotations

import io
import random
import warnings
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from recurra import layers as L
from recurra.models import Sequential
from recurra.saving import FileFormatError, hdf5, load_model
from recurra.saving.h5reader import CHECKSUM, NAMES

FLIPS = 120


def trained() -> Any:
    model = Sequential([L.Input((5, 3)), L.LSTM(4), L.BatchNormalization(), L.Dense(2)])
    model.compile("adam", loss="mse")
    chance = np.random.default_rng(3)
    model.fit(chance.normal(size=(7, 5, 3)), chance.normal(size=(7, 2)), epochs=2, verbose=0)
    return model


def state(model: Any) -> list[Any]:
    return [np.array(v.value) for v in (*model.weights, *model.optimizer.variables)]


@pytest.mark.parametrize("name", ["m.weights.h5", "m.h5", "m.keras"])
def test_no_bit_changes_a_weight_unnoticed(tmp_path: Path, name: str) -> None:
    model, path = trained(), tmp_path / name
    (model.save_weights if "weights" in name else model.save)(path)
    before, config, whole, chance = state(model), model.to_json(), path.read_bytes(), random.Random(name)
    refused = 0
    for _ in range(FLIPS):
        data = bytearray(whole)
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        path.write_bytes(data)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                if "weights" in name:
                    model.load_weights(path)
                    found = model
                else:
                    found = load_model(path)
            except FileFormatError:
                refused += 1
                continue
        assert found.to_json() == config
        for expected, value in zip(before, state(found), strict=False):
            np.testing.assert_array_equal(expected, value)
    assert refused > FLIPS // 10


@pytest.mark.parametrize("name", ["m.weights.h5", "m.h5"])
def test_a_flipped_weight_is_named(tmp_path: Path, name: str) -> None:
    model, path = trained(), tmp_path / name
    (model.save_weights if "weights" in name else model.save)(path)
    before, data = model.get_weights(), bytearray(path.read_bytes())
    place = data.find(before[1].tobytes())
    data[place + 3] ^= 0x40
    path.write_bytes(data)
    with pytest.raises(FileFormatError, match=rf"{name}: '/.*' does not match its checksum: it is damaged"):
        model.load_weights(path)
    for expected, value in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(expected, value)


def test_files_without_checksums_and_files_changed_on_purpose_are_read(tmp_path: Path) -> None:
    model, path = trained(), tmp_path / "m.weights.h5"
    model.save_weights(path)
    with h5py.File(path, "r+") as file:
        item = file["layers/dense/vars/0"]
        item[...] = 7
    with pytest.raises(FileFormatError, match=f"remove its attribute '{CHECKSUM}' and the root's '{NAMES}'"):
        model.load_weights(path)
    with h5py.File(path, "r+") as file:
        del file["layers/dense/vars/0"].attrs[CHECKSUM]
    with pytest.raises(FileFormatError, match="does not match its checksum"):  # damage can take that away too
        model.load_weights(path)
    with h5py.File(path, "r+") as file:
        del file.attrs[NAMES]
    model.load_weights(path)
    np.testing.assert_array_equal(model.get_weights()[-2], np.full((4, 2), 7, "float32"))


@pytest.mark.parametrize(
    "value",
    [np.float32(3), np.zeros((0, 3), "f4"), np.arange(6, dtype=">i8").reshape(2, 3)[:, ::-1], np.array([True, False])],
)
@pytest.mark.parametrize("packed", [False, True])
def test_all_kinds_of_arrays_match_their_checksums(value: Any, packed: bool) -> None:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", libver="latest" if packed else "earliest") as file:
        hdf5.write(file, "a/x", value)
    with hdf5.open_hdf5(buffer, "f") as root:
        found = hdf5.read(root, "a/x")
        assert CHECKSUM in hdf5.dataset(root, "a/x").attrs
    np.testing.assert_array_equal(found, np.asarray(value))


@pytest.mark.parametrize(
    ("name", "old"),
    [("m.weights.h5", b"optimizer"), ("m.keras", b"optimizer"), ("m.h5", b"optimizer"), ("m.h5", b"weight_names")],
)
def test_a_wrong_name_does_not_lose_the_state_of_the_optimizer(tmp_path: Path, name: str, old: bytes) -> None:
    model, path = trained(), tmp_path / name
    (model.save_weights if "weights" in name else model.save)(path)
    data, tried = path.read_bytes(), 0
    place = data.find(old)
    while place >= 0:
        tried += 1
        path.write_bytes(data[: place + 2] + b"o" + data[place + 3 :])
        with pytest.raises(FileFormatError, match=name):
            model.load_weights(path) if "weights" in name else load_model(path)
        place = data.find(old, place + 1)
    assert tried


@pytest.mark.parametrize("name", ["m.weights.h5", "m.h5"])
def test_names_that_were_changed_on_purpose(tmp_path: Path, name: str) -> None:
    model, path = trained(), tmp_path / name
    (model.save_weights if "weights" in name else model.save)(path)
    with h5py.File(path, "r+") as file:
        del file["optimizer" if "weights" in name else "optimizer_weights"]
    with pytest.raises(FileFormatError, match=rf"{name}: the names of .* remove the root's attribute '{hdf5.NAMES}'"):
        model.load_weights(path)
    with h5py.File(path, "r+") as file:
        del file.attrs[hdf5.NAMES]
    before = model.get_weights()
    model.load_weights(path)
    for expected, value in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(expected, value)


def test_a_compressed_copy_keeps_the_checksum_of_names(tmp_path: Path) -> None:
    model, path = trained(), tmp_path / "m.weights.h5"
    model.save_weights(path)
    with h5py.File(path) as old, h5py.File(tmp_path / "c.weights.h5", "w") as new:
        for name, value in old.attrs.items():
            new.attrs[name] = value

        def copy(name: str, item: Any) -> None:
            if isinstance(item, h5py.Group):
                new.require_group(name).attrs.update(item.attrs)
            else:
                whole = {"compression": "gzip", "chunks": True} if item.size > 1 else {}
                new.create_dataset(name, data=item[()], **whole).attrs.update(item.attrs)

        old.visititems(copy)
    with hdf5.open_hdf5(tmp_path / "c.weights.h5", "c") as root:
        assert hdf5.NAMES in root.attrs
    model.load_weights(tmp_path / "c.weights.h5")
