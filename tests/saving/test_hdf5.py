"""HDF5 files: what h5py wrote is read, and nothing else is done with it."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from recurra.saving import FileFormatError, h5copy, hdf5
from recurra.saving.h5reader import Reader, Unusual


def made(write: Callable[[Any], None], **options: Any) -> io.BytesIO:
    """A file in memory that h5py wrote."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", **options) as file:
        write(file)
    return buffer


ARRAYS = {
    "big_endian": np.arange(6, dtype=">f4").reshape(2, 3),
    "double": np.float64(2.5),
    "half": np.array([1.5, -2], np.float16),
    "ints": np.arange(-3, 3, dtype=np.int16),
    "unsigned": np.array([[2**40]], np.uint64),
    "empty": np.zeros((0, 4), np.float32),
    "flags": np.array([True, False]),
}


def test_arrays_round_trip() -> None:
    def write(file: Any) -> None:
        for name, value in ARRAYS.items():
            hdf5.write(file, f"x/{name}", value)
        assert file["x/big_endian"].dtype == np.dtype("<f4")
        assert file["x/big_endian"].chunks is None

    with hdf5.open_hdf5(made(write), "f") as root:
        for name, value in ARRAYS.items():
            found = hdf5.read(root, f"x/{name}")
            np.testing.assert_array_equal(found, value)
            assert found.dtype == (np.uint8 if name == "flags" else value.dtype.newbyteorder("="))
            assert found.shape == value.shape
        assert sorted(hdf5.group(root, "x")) == sorted(ARRAYS)


def test_many_names_need_a_deep_tree() -> None:
    names = [f"group_{i:04d}" for i in range(700)]

    def write(file: Any) -> None:
        for index, name in enumerate(names):
            file[f"{name}/vars/0"] = np.full(3, index, np.int32)

    with hdf5.open_hdf5(made(write), "f") as root:
        assert list(root) == names
        for index in (0, 123, 699):
            np.testing.assert_array_equal(hdf5.read(root, f"{names[index]}/vars/0"), [index] * 3)
        assert len(hdf5.groups_with_arrays(root)) == 700


@pytest.mark.parametrize("names", [[], ["a"], ["größe/ß", "b"], [f"layer_{i:05d}/" + "n" * 50 for i in range(3000)]])
def test_names_round_trip(names: list[str]) -> None:
    def write(file: Any) -> None:
        hdf5.write_names(file, "weight_names", names)
        assert (len(names) < 3000) == ("weight_names" in file.attrs)  # the long list is in parts
        with pytest.raises(ValueError, match="a name takes 70000 bytes"):
            hdf5.write_names(file, "other", ["x" * 70000])

    with hdf5.open_hdf5(made(write), "f") as root:
        assert hdf5.read_names(root, "weight_names") == names
        with pytest.raises(FileFormatError, match="no list of layer_names"):
            hdf5.read_names(root, "layer_names")


def test_attributes_stored_in_other_ways() -> None:
    def write(file: Any) -> None:
        file.attrs["fixed"] = np.array([b"one", b"three"])
        file.attrs["variable"] = ["one", "three", "größe"]
        file.attrs["text"] = "ä" * 5000
        file.attrs["bytes"] = np.bytes_(b"fixed")
        file.attrs["list_of_one"] = ["one"]
        file.attrs["number"] = 3
        file.attrs["nothing"] = h5py.Empty("S10")
        for index in range(20):
            file.attrs[f"more_{index}"] = "so that the header goes on elsewhere" * index

    with hdf5.open_hdf5(made(write), "f") as root:
        assert hdf5.read_names(root, "fixed") == ["one", "three"]
        assert hdf5.read_names(root, "variable") == ["one", "three", "größe"]
        assert hdf5.attribute(root, "text") == "ä" * 5000
        assert hdf5.attribute(root, "bytes") == "fixed"
        assert hdf5.attribute(root, "list_of_one") == "one"
        assert hdf5.attribute(root, "missing") is None
        assert hdf5.attribute(root, "more_19") == "so that the header goes on elsewhere" * 19
        for name in ("number", "nothing"):
            with pytest.raises(FileFormatError, match="must hold text"):
                hdf5.attribute(root, name)


UNUSUAL = {
    "compressed": lambda file: file.create_dataset(
        "vars/0", data=np.arange(3000.0).reshape(60, 50), chunks=(7, 50), compression="gzip", shuffle=True
    ),
    "chunked": lambda file: file.create_dataset("vars/0", data=np.arange(3000.0).reshape(60, 50), chunks=(7, 50)),
    "plain": lambda file: file.create_dataset("vars/0", data=np.arange(3000.0).reshape(60, 50)),
}


@pytest.mark.parametrize(("kind", "options"), [("compressed", {}), ("chunked", {}), ("plain", {"libver": "latest"})])
def test_unusual_files_are_read_too(kind: str, options: dict[str, Any]) -> None:
    def write(file: Any) -> None:
        UNUSUAL[kind](file)
        file["vars"].attrs["name"] = "größe"

    buffer = made(write, **options)
    with pytest.raises(Unusual):
        hdf5._names(Reader(buffer, "f").root)
    with hdf5.open_hdf5(buffer, "f") as root:
        np.testing.assert_array_equal(hdf5.read(root, "vars/0"), np.arange(3000.0).reshape(60, 50))
        assert hdf5.attribute(hdf5.group(root, "vars"), "name") == "größe"


def test_links_are_not_followed(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["secret"] = np.ones(3)

    def soft(file: Any) -> None:
        file["real"] = np.ones(2)
        file["soft"] = h5py.SoftLink("/real")

    with hdf5.open_hdf5(made(soft), "f") as root:
        assert hdf5.has(root, "real")
        with pytest.raises(FileFormatError, match="link, which is not followed"):
            hdf5.read(root, "soft")

    def outside(file: Any) -> None:
        file["outside"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "secret")

    with (
        pytest.raises(FileFormatError, match="there is no 'outside'"),
        hdf5.open_hdf5(made(outside), "f") as root,
    ):
        hdf5.read(root, "outside")


def test_data_elsewhere_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "raw").write_bytes(b"\0" * 80)

    def external(file: Any) -> None:
        file.create_dataset("external", (10,), "f8", external=[(str(tmp_path / "raw"), 0, 80)])

    def virtual(file: Any) -> None:
        layout = h5py.VirtualLayout((3,), "f8")
        layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "x", (3,))
        file.create_virtual_dataset("virtual", layout)

    for write in (external, virtual):
        with pytest.raises(FileFormatError, match="in another file"), hdf5.open_hdf5(made(write), "f"):
            pass


def test_claims_of_size_are_checked_before_reading() -> None:
    def never_written(file: Any) -> None:
        file.create_dataset("bomb", (1 << 40,), "f4")

    def compressed(file: Any) -> None:
        file.create_dataset("bomb", (1 << 40,), "f4", chunks=(1 << 20,), compression="gzip", fillvalue=1.0)

    for write in (never_written, compressed):
        with (
            pytest.raises(FileFormatError, match="claims 4398046511104 bytes, but"),
            hdf5.open_hdf5(made(write), "f") as root,
        ):
            hdf5.read(root, "bomb")


@pytest.mark.parametrize("value", ["text", np.array([b"abc"]), np.array([1 + 2j]), h5py.Empty("f4")])
def test_only_numbers(value: Any) -> None:
    buffer = made(lambda file: file.__setitem__("odd", value))
    with pytest.raises(FileFormatError, match="must hold numbers"), hdf5.open_hdf5(buffer, "f") as root:
        hdf5.read(root, "odd")


def test_groups_in_circles() -> None:
    def write(file: Any) -> None:
        inner = file.create_group("a/b")
        for index in range(5):
            inner[f"up_{index}"] = file["a"]
        inner["x"] = np.ones(1)

    with hdf5.open_hdf5(made(write), "f") as root:
        assert hdf5.groups_with_arrays(root) == ["a/b"]
        assert hdf5.read(root, "a/b/up_1/b/up_3/b/x") == 1


def test_paths_and_kinds() -> None:
    with hdf5.open_hdf5(made(lambda file: file.__setitem__("group/array", np.ones(2))), "f") as root:
        for name in ("", "/group", "group/../group", "group//array", "group/nothing", "group/array/deeper"):
            with pytest.raises(FileFormatError):
                hdf5.read(root, name)
        with pytest.raises(FileFormatError, match="must be a group"):
            hdf5.group(root, "group/array")
        with pytest.raises(FileFormatError, match="must be an array"):
            hdf5.dataset(root, "group")


@pytest.mark.parametrize("content", [b"", b"\x89HDF\r\n\x1a\n", b"not HDF5 at all, but long enough" * 10])
def test_other_files(content: bytes) -> None:
    with pytest.raises(FileFormatError, match=r"^f is (damaged|not an HDF5 file)"):
        hdf5.open_hdf5(io.BytesIO(content), "f").__enter__()


@pytest.mark.skipif(os.name != "posix", reason="CPU time is limited on POSIX alone")
def test_a_helper_that_waits_for_a_busy_machine_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(h5copy, "seconds", lambda allowed: 0.001)  # on this side; the helper has its own
    monkeypatch.setattr(h5copy, "PATIENCE", 300_000)
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.create_dataset("x", data=np.arange(60.0), compression="gzip")
    with hdf5.open_hdf5(buffer, "f") as root:
        np.testing.assert_array_equal(hdf5.read(root, "x"), np.arange(60.0))
