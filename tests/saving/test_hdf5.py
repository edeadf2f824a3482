"""HDF5 files of others are read without following them anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from recurra.saving import FileFormatError, hdf5


@pytest.fixture
def file(tmp_path: Path) -> Any:
    with h5py.File(tmp_path / "f.h5", "w") as file:
        yield file


def test_arrays_round_trip_contiguous_and_little_endian(file: Any) -> None:
    values = {
        "a": np.arange(6, dtype=">f4").reshape(2, 3),
        "b": np.float64(2.5),
        "c": np.zeros((0, 4), np.float32),
        "d": np.array([True]),
    }
    for name, value in values.items():
        hdf5.write(file, f"x/y/{name}", value)
        np.testing.assert_array_equal(hdf5.read(file, f"x/y/{name}"), value)
    assert file["x/y/a"].dtype == np.dtype("<f4")
    assert file["x/y/a"].chunks is None


@pytest.mark.parametrize("names", [[], ["a"], ["größe/ß", "b"], [f"layer_{i:05d}/" + "n" * 50 for i in range(3000)]])
def test_names_round_trip(file: Any, names: list[str]) -> None:
    hdf5.write_names(file, "weight_names", names)
    assert hdf5.read_names(file, "weight_names") == names
    assert (len(names) < 3000) == ("weight_names" in file.attrs)  # the long list is in parts
    with pytest.raises(FileFormatError, match="no list of layer_names"):
        hdf5.read_names(file, "layer_names")
    with pytest.raises(ValueError, match="a name takes 70000 bytes"):
        hdf5.write_names(file, "other", ["x" * 70000])


def test_names_stored_in_other_ways(file: Any) -> None:
    file.attrs["fixed"] = np.array([b"one", b"three"])
    file.attrs["variable"] = ["one", "three"]
    file.attrs.create("scalar", "one", dtype=h5py.string_dtype())
    assert hdf5.read_names(file, "fixed") == hdf5.read_names(file, "variable") == ["one", "three"]
    assert hdf5.attribute(file, "scalar") == "one"
    assert hdf5.attribute(file, "missing") is None
    file.attrs["number"] = 3
    with pytest.raises(FileFormatError, match="must hold text"):
        hdf5.attribute(file, "number")


def test_links_are_not_followed(file: Any, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["secret"] = np.ones(3)
    file["real"] = np.ones(2)
    file["soft"] = h5py.SoftLink("/real")
    file["outside"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "secret")
    for name in ("soft", "outside"):
        with pytest.raises(FileFormatError, match="not followed"):
            hdf5.read(file, name)
        assert not hdf5.has(file, name)
    assert hdf5.has(file, "real")


def test_data_elsewhere_is_not_read(file: Any, tmp_path: Path) -> None:
    (tmp_path / "raw").write_bytes(b"\0" * 80)
    file.create_dataset("external", (10,), "f8", external=[(str(tmp_path / "raw"), 0, 80)])
    layout = h5py.VirtualLayout((3,), "f8")
    layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "x", (3,))
    file.create_virtual_dataset("virtual", layout)
    for name in ("external", "virtual"):
        with pytest.raises(FileFormatError, match="another file"):
            hdf5.read(file, name)


def test_claims_of_size_are_checked_before_reading(file: Any) -> None:
    file.create_dataset("bomb", (1 << 40,), "f4", chunks=(1 << 20,), compression="gzip", fillvalue=1.0)
    with pytest.raises(FileFormatError, match="claims 4398046511104 bytes, but only 0 are stored"):
        hdf5.read(file, "bomb")
    assert hdf5.count_numbers(file) == 0


@pytest.mark.parametrize("value", ["text", np.array([b"abc"]), np.array([1 + 2j]), h5py.Empty("f4")])
def test_only_numbers(file: Any, value: Any) -> None:
    file["odd"] = value
    with pytest.raises(FileFormatError, match="must hold numbers"):
        hdf5.read(file, "odd")


def test_paths_and_kinds(file: Any) -> None:
    file["group/array"] = np.ones(2)
    for name in ("", "/group", "group/../group", "group//array", "group/nothing", "group/array/deeper"):
        with pytest.raises(FileFormatError):
            hdf5.read(file, name)
    with pytest.raises(FileFormatError, match="must be a group"):
        hdf5.group(file, "group/array")
    with pytest.raises(FileFormatError, match="must be an array"):
        hdf5.dataset(file, "group")
