from __future__ import annotations

import hashlib
import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

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
    (out / "old").write_text("goes away")
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
