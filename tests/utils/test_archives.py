from __future__ import annotations

import gzip
import hashlib
import io
import random
import stat
import tarfile
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from recurra.limits import FileFormatError
from recurra.utils.archives import cache_root, extract_archive, file_digest, hash_algorithm, matches


def test_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KERAS_HOME", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert cache_root() == tmp_path / ".cache" / "recurra"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_root() == tmp_path / "xdg" / "recurra"
    (tmp_path / ".keras").mkdir()
    assert cache_root() == tmp_path / ".keras"
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "elsewhere"))
    assert cache_root() == tmp_path / "elsewhere"


def test_digests(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"x" * 3_000_000)
    for name in ("md5", "sha1", "sha256", "sha512"):
        digest = hashlib.new(name, path.read_bytes()).hexdigest()
        assert file_digest(path, name) == digest and hash_algorithm(digest) == name
        assert matches(path, digest.upper()) and not matches(path, digest[::-1])
    assert matches(path, None)
    assert not matches(path, "0" * 64, "md5")
    with pytest.raises(ValueError, match="file_hash must be an md5"):
        hash_algorithm("abc")
    with pytest.raises(ValueError, match="hash_algorithm must be auto, md5"):
        hash_algorithm("0" * 32, "crc")


def tar_of(path: Path, *members: tuple[str, bytes], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def zip_of(path: Path, *members: tuple[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("pack", [tar_of, zip_of])
def test_archives(tmp_path: Path, pack: object) -> None:
    archive = pack(tmp_path / "a", ("top.txt", b"1"), ("deep/er/file.txt", b"22"), ("./dot.txt", b"3"))  # type: ignore[operator]
    out = tmp_path / "out"
    out.mkdir()
    assert extract_archive(archive, out)
    found = {str(p.relative_to(out)): p.read_bytes() for p in out.rglob("*") if p.is_file()}
    assert found == {"top.txt": b"1", "deep/er/file.txt": b"22", "dot.txt": b"3"}
    assert not extract_archive(archive, out, None)
    assert not extract_archive(archive, out, "zip" if pack is tar_of else "tar")
    assert extract_archive(archive, out, ["zip", "tar"])
    with pytest.raises(ValueError, match="archive_format must be 'auto', 'tar', 'zip' or None, got 'rar'"):
        extract_archive(archive, out, "rar")


@pytest.mark.parametrize("name", ["../evil.txt", "/evil.txt", "deep/../../evil.txt", "..\\evil.txt", "c:\\evil.txt"])
@pytest.mark.parametrize("pack", [tar_of, zip_of])
def test_members_stay_inside(tmp_path: Path, pack: object, name: str) -> None:
    archive = pack(tmp_path / "a", ("fine.txt", b"1"), (name, b"2"))  # type: ignore[operator]
    with pytest.raises(ValueError, match="would land outside the folder; do not trust this archive"):
        extract_archive(archive, tmp_path / "deep" / "out")
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["a", "deep"]


def test_links_are_refused(tmp_path: Path) -> None:
    archive = tmp_path / "a.tar"
    with tarfile.open(archive, "w") as file:
        info = tarfile.TarInfo("link")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        file.addfile(info)
    with pytest.raises(ValueError, match="'link' is a link or a device: not unpacked"):
        extract_archive(archive, tmp_path / "out")
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr(link, "/etc/passwd")
    with pytest.raises(ValueError, match="'link' is a link or a device"):
        extract_archive(tmp_path / "a.zip", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_not_an_archive(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("text")
    assert not extract_archive(tmp_path / "a", tmp_path / "out")


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("pack", [tar_of, zip_of])
def test_only_folders_of_its_own_are_replaced(tmp_path: Path, pack: object) -> None:
    first = pack(tmp_path / "first", ("a", b"1"), ("b/c", b"22"))  # type: ignore[operator]
    second = pack(tmp_path / "second", ("a", b"333"))  # type: ignore[operator]
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    with pytest.raises(FileExistsError, match="mine exists, and holds files that are not of this archive"):
        extract_archive(first, mine)
    assert snapshot(mine) == {"thesis.txt": b"years of work"}
    out = tmp_path / "out"
    for archive, found in (
        (first, {"a": b"1", "b/c": b"22"}),
        (second, {"a": b"333"}),
        (first, {"a": b"1", "b/c": b"22"}),
    ):
        assert extract_archive(archive, out) and snapshot(out) == found
    (out / "a").write_bytes(b"9")  # changed by hand, of the same size: left as it is
    assert extract_archive(first, out) and snapshot(out) == {"a": b"9", "b/c": b"22"}
    (out / "note").write_bytes(b"mine")
    for archive in (first, second):
        with pytest.raises(FileExistsError, match="it is not replaced"):
            extract_archive(archive, out)
    assert snapshot(out) == {"a": b"9", "b/c": b"22", "note": b"mine"}
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(mine)
    for name in ("file", "link"):
        with pytest.raises(FileExistsError, match="is not a folder, and is not replaced by one"):
            extract_archive(first, tmp_path / name)
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.endswith(".part")) == []


def sparse_tar(path: Path, size: int) -> Path:
    """One file of `size` bytes of which a tar in GNU's old sparse format stores 512."""
    info = tarfile.TarInfo("sparse")
    info.type, info.size = tarfile.GNUTYPE_SPARSE, 512
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    header[386:398], header[398:410] = b"%011o\0" % 0, b"%011o\0" % 512
    header[410:422], header[422:434] = b"%011o\0" % size, b"%011o\0" % 0
    header[482] = 0
    header[483:495] = b"%011o\0" % size
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    path.write_bytes(bytes(header) + b"x" * 512 + b"\0" * 1024)
    return path


def test_archives_that_unpack_to_much(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        for name in "abcdefgh":
            packed.writestr(name, b"\0" * (10 << 20))
    sparse_tar(tmp_path / "bomb.tar", 7 << 30)
    tar_of(tmp_path / "bomb.tar.gz", *((name, b"\0" * (10 << 20)) for name in "abcdefgh"))
    tar_of(tmp_path / "bomb.tar.xz", *((name, b"\0" * (10 << 20)) for name in "abcdefgh"), mode="w:xz")
    for path in sorted(tmp_path.glob("bomb*")):
        with pytest.raises(FileFormatError, match=rf"{path.name} claims \d+ bytes, stored in \d+: refused.*max_size="):
            extract_archive(path, tmp_path / "out")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bomb.tar", "bomb.tar.gz", "bomb.tar.xz", "bomb.zip"]
    assert extract_archive(tmp_path / "bomb.tar.gz", tmp_path / "out", max_size=100 << 20)
    assert len(snapshot(tmp_path / "out")) == 8


def test_a_sparse_file_of_a_size_that_is_allowed(tmp_path: Path) -> None:
    assert extract_archive(sparse_tar(tmp_path / "a.tar", 5000), tmp_path / "out", max_size=5000)
    assert (tmp_path / "out" / "sparse").read_bytes() == b"x" * 512 + b"\0" * (5000 - 512)


def test_headers_that_inflate(tmp_path: Path) -> None:
    """An extended header is read into memory whole."""
    info = tarfile.TarInfo("././@PaxHeader")
    info.type, info.size = tarfile.XHDTYPE, 300 << 20
    with gzip.open(tmp_path / "bomb.tar.gz", "wb", 1) as file:
        file.write(info.tobuf())
        for _ in range(300):
            file.write(b"\0" * (1 << 20))
    tracemalloc.start()
    try:
        with pytest.raises(FileFormatError, match=r"bomb\.tar\.gz claims"):
            extract_archive(tmp_path / "bomb.tar.gz", tmp_path / "out")
        assert tracemalloc.get_traced_memory()[1] < 200 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", ["gz", "bz2", "xz", "zip"])
def test_damaged_archives(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a"
    content = bytes(random.Random(1).randbytes(50_000))
    if kind == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
            packed.writestr("a", content)
    else:
        tar_of(path, ("a", content), mode=f"w:{kind}")
    whole = path.read_bytes()
    for place in range(2000, len(whole) - 2000, 6000):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        with pytest.raises(FileFormatError, match="a is damaged"):
            # a damaged block of bzip2 may unpack to other bytes before its checksum comes: no archive then
            if not extract_archive(path, tmp_path / "out") and kind == "bz2":
                raise FileFormatError("a is damaged")
    assert [p.name for p in tmp_path.iterdir()] == ["a"]
