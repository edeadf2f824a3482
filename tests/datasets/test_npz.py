from __future__ import annotations

import io
import os
import pickle
import struct
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recurra.datasets.npz import read_npz
from recurra.limits import FileFormatError

rows = st.lists(st.lists(st.integers(-(2**70), 2**70), max_size=5), max_size=6)


def object_array(values: list[Any]) -> np.ndarray:
    array = np.empty(len(values), object)
    array[:] = values
    return array


def npy(content: bytes, shape: str = "(1,)", descr: str = "|O") -> bytes:
    """An .npy file of objects whose pickle is `content`."""
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (63 - (10 + len(header)) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + content


def packed(folder: Path, **members: bytes) -> Path:
    path = folder / "data.npz"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
        archive.writestr("README", b"not an array")
    return path


@given(values=rows, numbers=st.lists(st.integers(-(2**31), 2**31 - 1)), compressed=st.booleans())
def test_what_numpy_wrote_is_read(
    tmp_path_factory: pytest.TempPathFactory, values: list[list[int]], numbers: list[int], compressed: bool
) -> None:
    path = tmp_path_factory.mktemp("npz") / "a.npz"
    (np.savez_compressed if compressed else np.savez)(path, x=object_array(values), y=np.array(numbers, np.int32))
    arrays = read_npz(path)
    assert set(arrays) == {"x", "y"}
    assert arrays["x"].dtype == object and list(arrays["x"]) == values
    assert arrays["y"].dtype == np.int32 and arrays["y"].tolist() == numbers


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_every_protocol_of_pickle(tmp_path: Path, protocol: int) -> None:
    values = [[1, 2], [], [300, 70_000, -1, 2**40]]
    content = pickle.dumps(object_array(values), protocol)
    arrays = read_npz(packed(tmp_path, x=npy(content, "(3,)")))
    assert list(arrays["x"]) == values


def test_as_old_pythons_wrote_it(tmp_path: Path) -> None:
    """Protocol 2 of Python 2 with numpy 1, as in Keras's own file: byte strings, numpy.core, longs."""
    content = (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\nq\x01cnumpy\nndarray\nq\x02K\x00\x85U\x01b\x87Rq\x03"
        b"(K\x01K\x02\x85cnumpy\ndtype\nq\x04U\x02O8K\x00K\x01\x87Rq\x05(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?tb"
        b"\x89]q\x06(]q\x07(K\x01M,\x01e]q\x08\x8a\x01\x05aetb."
    )
    assert list(read_npz(packed(tmp_path, x=npy(content, "(2,)")))["x"]) == [[1, 300], [5]]


class Calls:
    def __reduce__(self) -> Any:
        return os.mkdir, ("made by a pickle",)


def array_of(*values: Any) -> bytes:
    return pickle.dumps(object_array(list(values)), 2)


@pytest.mark.parametrize(
    "content",
    [
        array_of(Calls()),
        array_of([Calls()]),
        pickle.dumps(Calls()),
        array_of([1, "a"]),
        array_of([1.5]),
        array_of([True]),
        array_of("text"),
        array_of((1, 2)),
        array_of(np.int64(3)),
        array_of([np.float32(3)]),
        array_of([1], [2]),  # two rows where the header says one
        pickle.dumps([[1]]),
        b"cnumpy\ndtype\n(S'O'\ntR.",
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\ndtype\n(I0\ntS'b'\ntR.",
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR.",  # never filled
        b"cnumpy\nndarray\n}S'x'\nI1\nsb.",
        b"cnumpy.core.multiarray\n_reconstruct\n}S'x'\nI1\nsb.",
        b"c_codecs\nencode\n(I5\nS'latin1'\ntR.",
        b"cnumpy.core.multiarray\nscalar\n.",
        b"",
        b"\x80\x02]",
    ],
)
def test_any_other_pickle_is_refused_and_does_nothing(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = packed(tmp_path, x=npy(content))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"data.npz: x.npy"):
        read_npz(path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["data.npz"]


@given(data=st.binary(max_size=40))
def test_no_pickle_does_anything_but_raise_or_load(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    try:
        arrays = read_npz(packed(tmp_path_factory.mktemp("npz"), x=npy(data, "(0,)")))
    except ValueError:
        return
    assert len(arrays["x"]) == 0


def test_damaged_files(tmp_path: Path) -> None:
    whole = io.BytesIO()
    np.savez(whole, x=np.arange(1000))
    path = tmp_path / "data.npz"
    for content, message in (
        (whole.getvalue()[:500], "is not a whole .npz file"),
        (b"", "is not a whole .npz file"),
        (b"text", "is not a whole .npz file"),
    ):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=message):
            read_npz(path)
    for member, message in (
        (b"", "x.npy"),
        (npy(b"", "(1,)", "<i4"), "x.npy"),
        (npy(array_of([1]), "(1, 1)"), "expected a list for each"),
        (b"\x93NUMPY\x01\x00" + struct.pack("<H", 30) + b"__import__('os').mkdir('made')", "x.npy"),
    ):
        with pytest.raises(ValueError, match=message):
            read_npz(packed(tmp_path, x=member))
    with pytest.raises(FileNotFoundError):
        read_npz(tmp_path / "none.npz")


def test_members_that_inflate_or_claim_more_than_they_hold(tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        buffer = io.BytesIO()
        np.save(buffer, np.zeros(1 << 24))
        archive.writestr("x.npy", buffer.getvalue())
    with pytest.raises(FileFormatError, match=r"bomb\.npz: x\.npy claims 134217856 bytes, stored in \d+: refused"):
        read_npz(path)
    for shape in ("(99999999999,)", "(3, -1)", "(" * 90 + ")" * 90, "(10**9,)"):
        header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".encode().ljust(300) + b"\n"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("x.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + b"\0" * 24)
        with pytest.raises(FileFormatError, match=r"bomb\.npz"):
            read_npz(path)


def test_lists_that_stand_in_many_places_are_refused(tmp_path: Path) -> None:
    row = list(range(2000))
    array = np.empty(3000, object)
    array[:] = [row] * 3000
    np.savez(tmp_path / "x.npz", x=array)
    with pytest.raises(FileFormatError, match="something other than lists of integers"):
        read_npz(tmp_path / "x.npz")


def test_damaged_deflate_encryption_and_unknown_compression(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez_compressed(path, x=np.arange(100))
    whole = path.read_bytes()
    for at, value in ((6, 1), (8, 99), (60, 255)):
        data = bytearray(whole)
        data[at] = value
        central = whole.index(b"PK\x01\x02")
        if at < 60:
            data[central + at + 2] = value
        path.write_bytes(data)
        with pytest.raises(FileFormatError, match=r"x\.npz"):
            read_npz(path)


def test_an_array_that_is_there_twice(tmp_path: Path) -> None:
    path = tmp_path / "f.npz"
    np.savez(path, x=np.arange(3))
    with zipfile.ZipFile(path, "a") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        archive.writestr("x.npy", archive.read("x.npy"))
    with pytest.raises(FileFormatError, match=r"f.npz holds 'x.npy' twice"):
        read_npz(path)


@pytest.mark.parametrize("after", [0, 1000])
def test_a_directory_that_hides_a_member(tmp_path: Path, after: int) -> None:
    np.savez(tmp_path / "a.npz", x=np.arange(3), y=np.arange(2.0))
    data = bytearray((tmp_path / "a.npz").read_bytes())
    first = data.index(b"PK\1\2")
    second, end = data.index(b"PK\1\2", first + 1), data.index(b"PK\5\6")
    data[first + 32 : first + 34] = (end - second).to_bytes(2, "little")  # a comment as long as the second entry
    (tmp_path / "a.npz").write_bytes(data + bytes(after))
    assert list(np.load(tmp_path / "a.npz")) == ["x"]
    with pytest.raises(FileFormatError, match=r"a\.npz must hold 2 members, but lists 1: it is damaged"):
        read_npz(tmp_path / "a.npz")


def test_a_damaged_name_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "f.npz"
    np.savez(path, x=np.arange(3), z=np.ones(2))
    data = path.read_bytes()
    at = data.rindex(b"x.npy")
    path.write_bytes(data[:at] + b"x.npx" + data[at + 5 :])
    with pytest.raises(FileFormatError, match=r"f.npz is not a whole .npz file"):
        read_npz(path)
