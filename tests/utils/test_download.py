from __future__ import annotations

import hashlib
import http.server
import sys
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from recurra.utils import get_file
from tests.support.limited import small_files

CONTENT = b"to be or not to be\n" * 5000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.path.startswith("/gone"):
            self.send_error(404)
            return
        self.send_response(200)
        if self.path.startswith("/short"):
            self.send_header("Content-Length", str(len(CONTENT) + 100))
        elif not self.path.startswith("/unmeasured"):
            self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[tuple[str, list[str]]]:
    """A server on this machine, and what was asked of it."""
    handler = type("OwnHandler", (Handler,), {"asked": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{running.server_address[1]}", handler.asked
        finally:
            running.shutdown()
            thread.join()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return tmp_path / "home"


def test_a_file_is_fetched_once(server: Any, home: Path) -> None:
    address, asked = server
    path = get_file("text.txt", f"{address}/corpus.txt", file_hash=DIGEST)
    assert path == str(home / "datasets" / "text.txt") and Path(path).read_bytes() == CONTENT
    assert get_file("text.txt", f"{address}/corpus.txt", file_hash=DIGEST) == path
    assert get_file("text.txt", f"{address}/corpus.txt") == path
    assert len(asked) == 1
    get_file("text.txt", f"{address}/corpus.txt", force_download=True)
    assert len(asked) == 2
    Path(path).write_bytes(b"changed")
    get_file("text.txt", f"{address}/corpus.txt", md5_hash=hashlib.md5(CONTENT).hexdigest())
    assert len(asked) == 3 and Path(path).read_bytes() == CONTENT
    assert [p.name for p in (home / "datasets").iterdir()] == ["text.txt"]


def test_where_it_is_kept(server: Any, home: Path, tmp_path: Path) -> None:
    address, _ = server
    assert get_file(origin=f"{address}/unmeasured.txt?x=1") == str(home / "datasets" / "unmeasured.txt")
    assert get_file(origin=f"{address}/a.txt", cache_subdir="own") == str(home / "own" / "a.txt")
    assert get_file(origin=f"{address}/a.txt", cache_dir=tmp_path / "c") == str(tmp_path / "c" / "datasets" / "a.txt")
    absolute = str(tmp_path / "absolute")
    assert get_file(origin=f"{address}/a.txt", cache_subdir=absolute) == f"{absolute}/a.txt"


def test_what_goes_wrong_leaves_nothing_behind(server: Any, home: Path) -> None:
    address, _ = server
    with pytest.raises(ConnectionError, match=r"/gone.txt cannot be downloaded .the server answers 404 Not Found"):
        get_file(origin=f"{address}/gone.txt")
    with pytest.raises(ValueError, match="sends is not the expected file: its hash is not 00"):
        get_file(origin=f"{address}/a.txt", file_hash="0" * 64)
    with pytest.raises(ConnectionError, match=rf"only {len(CONTENT)} of {len(CONTENT) + 100} bytes came"):
        get_file(origin=f"{address}/short.txt")
    with pytest.raises(ConnectionError, match=f"Without a network, put that file at {home}/datasets/b.txt"):
        get_file("b.txt", "http://127.0.0.1:1/b.txt")
    assert list((home / "datasets").iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="limits of files' sizes")
def test_a_full_disk_is_no_broken_connection(server: Any, home: Path, tmp_path: Path) -> None:
    address, _ = server
    with small_files(50_000), pytest.raises(OSError, match="nothing was written") as said:
        get_file(origin=f"{address}/a.txt")
    assert said.value.filename == str(home / "datasets" / "a.txt") and list((home / "datasets").iterdir()) == []
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        (tmp_path / "long.txt").write_bytes(CONTENT)
        archive.add(tmp_path / "long.txt", "long.txt")
    with small_files(50_000), pytest.raises(OSError, match=r"long\.txt"):
        get_file("a.tar.gz", origin=f"file://{tmp_path}/a.tar.gz", extract=True)


def test_a_wrong_hash_leaves_the_old_file(server: Any, home: Path) -> None:
    address, _ = server
    path = Path(get_file(origin=f"{address}/a.txt"))
    with pytest.raises(ValueError, match="is not the expected file"):
        get_file(origin=f"{address}/a.txt", file_hash="0" * 64)
    assert path.read_bytes() == CONTENT


def test_local_files_are_used_where_they_lie(tmp_path: Path, home: Path) -> None:
    path = tmp_path / "corpus.txt"
    path.write_bytes(CONTENT)
    for origin in (path, str(path), path.as_uri()):
        assert get_file("name.txt", origin, file_hash=DIGEST) == str(path)
    with pytest.raises(ValueError, match=r"corpus.txt is incomplete or another file: its md5 is not the expected 00"):
        get_file(origin=path, file_hash="0" * 32)
    with pytest.raises(FileNotFoundError, match=r"origin: there is no file .*none.txt"):
        get_file(origin=tmp_path / "none.txt")
    assert not home.exists()


def test_archives_are_unpacked_into_the_cache(tmp_path: Path, home: Path) -> None:
    archive = tmp_path / "reviews.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("pos/1.txt", "good")
    for arguments, name in (
        ({"extract": True}, "reviews.zip"),
        ({"extract": True, "fname": "own"}, "own"),
        ({"extract": True, "fname": "own.zip"}, "own_extracted"),
    ):
        folder = get_file(origin=archive, **arguments)  # type: ignore[arg-type]
        assert folder == str(home / "datasets" / name)
        assert (Path(folder) / "pos" / "1.txt").read_text() == "good"
    with pytest.raises(ValueError, match="is not an archive of the kind 'tar'"):
        get_file(origin=archive, untar=True)


@pytest.mark.parametrize("links", [True, False])
def test_archives_are_found_where_keras_2_had_them(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    if not links:
        monkeypatch.setattr(Path, "symlink_to", lambda *args: (_ for _ in ()).throw(OSError("not allowed")))
    archive = tmp_path / "flowers.tgz"
    with tarfile.open(archive, "w:gz") as packed:
        (tmp_path / "flowers" / "rose").mkdir(parents=True)
        (tmp_path / "flowers" / "rose" / "1.txt").write_text("red")
        packed.add(tmp_path / "flowers", "flowers")
    new = Path(get_file("flowers.tgz", origin=archive, extract=True))
    assert new == home / "datasets" / "flowers_extracted" and (new / "flowers" / "rose" / "1.txt").is_file()
    assert (new.parent / "flowers" / "rose" / "1.txt").read_text() == "red"  # os.path.dirname(path) + "/flowers"
    again = Path(get_file("flowers", origin=archive, untar=True, cache_subdir="other"))
    assert (again / "flowers" / "rose" / "1.txt").read_text() == (again / "rose" / "1.txt").read_text() == "red"
    mine = home / "datasets" / "mine"
    mine.mkdir()
    (mine / "a.txt").write_text("kept")
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as zipped:
        zipped.writestr("mine/a.txt", "other")
    get_file("z.zip", origin=tmp_path / "z.zip", extract=True)
    assert (mine / "a.txt").read_text() == "kept"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "origin must be the address of the file or the path of a local one, got None"),
        ({"origin": "http://127.0.0.1:1/"}, "fname must be given"),
        ({"origin": "http://127.0.0.1:1/a", "fname": "b/a"}, "fname must be a file's name without folders"),
        ({"origin": "http://127.0.0.1:1/a", "fname": ".."}, "fname must be a file's name without folders"),
        ({"origin": "ftp://127.0.0.1/a"}, "origin must begin with http://, https:// or file://"),
        ({"origin": "http://127.0.0.1:1/a", "file_hash": "xyz"}, "file_hash must be an md5"),
        ({"origin": "http://127.0.0.1:1/a", "file_hash": "0" * 32, "hash_algorithm": "crc"}, "hash_algorithm must be"),
    ],
)
def test_wrong_arguments(home: Path, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        get_file(**arguments)


def test_an_archive_that_is_in_the_cache_already(tmp_path: Path, home: Path, server: Any) -> None:
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as packed:
        packed.writestr("a", b"1")
    (home / "datasets").mkdir(parents=True)
    (home / "datasets" / "data.zip").write_bytes((tmp_path / "data.zip").read_bytes())
    found = get_file(origin=f"{server[0]}/data.zip", extract=True)
    assert Path(found).name == "data_extracted" and (Path(found) / "a").read_bytes() == b"1"
    assert (home / "datasets" / "data.zip").is_file() and server[1] == []


def test_limits_of_extraction(tmp_path: Path, home: Path) -> None:
    with zipfile.ZipFile(tmp_path / "data.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("a", bytes(1 << 23))
    with pytest.raises(ValueError, match="max_size=8388608"):
        get_file(origin=tmp_path / "data.zip", extract=True)
    assert Path(get_file(origin=tmp_path / "data.zip", extract=True, max_size=1 << 23)).is_dir()
