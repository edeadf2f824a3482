"""Files from an address or a local path, verified, kept and unpacked: :func:`get_file`."""

from __future__ import annotations

import os
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from recurra.files import atomic_path, is_full
from recurra.utils import archives as files
from recurra.utils.archives import PathLike, cache_root, extract_archive, link_as_keras2, matches

_CHUNK = 1 << 16
_TIMEOUT = 60.0  # seconds without an answer


def get_file(
    fname: PathLike | None = None,
    origin: PathLike | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: str | list[str] | None = "auto",
    cache_dir: PathLike | None = None,
    force_download: bool = False,
    *,
    max_size: int | None = None,
) -> str:
    """The local path of a file, downloaded if it is not there yet.

    fname : the name to keep it under; None takes the last part of `origin`. Keras 3's rule for folders holds: no
        path separators.
    origin : an address (http, https) or the path of a local file (also ``file://``). A local file is used where it
        lies: only verified and, with `extract`, unpacked into the cache.
    untar, md5_hash : Keras's older spellings of ``extract=True, archive_format="tar"`` and of `file_hash`
    file_hash : expected md5 or sha256 in hexadecimal. A kept file that does not match is fetched again.
    cache_subdir : folder below `cache_dir`; an absolute path stands alone
    hash_algorithm : "auto" (by the length of the hash), "md5", "sha1", "sha256" or "sha512"
    extract : unpack a zip or tar archive; then the path of the folder is returned. Members that would land outside
        it are refused. What it holds is found beside the folder too, where Keras 2 unpacked it, and a folder in it
        that has its own name is found without that name, if nothing else is there.
    archive_format : "auto", "tar", "zip", a list of these, or None
    cache_dir : default ``$KERAS_HOME``, else ``~/.keras`` where it exists, else ``~/.cache/recurra``
    force_download : fetch it even if it is there
    max_size : with `extract`, the most bytes that the archive may unpack to; None for 64 MiB, or 20 times the archive's
        size where that is more

    returns : the path, as a string. Files appear whole or not at all.
    raises : ValueError for a wrong argument or a hash that does not match; ConnectionError where the address cannot
        be reached, saying which file to put where instead; FileNotFoundError for a local path that does not exist;
        FileExistsError where the folder to unpack into holds other files

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "corpus.txt"
    >>> _ = path.write_text("to be or not to be")
    >>> get_file(origin=path) == str(path)
    True
    """
    if origin is None:
        raise ValueError("origin must be the address of the file or the path of a local one, got None")
    digest, algorithm = file_hash, hash_algorithm
    if digest is None and md5_hash is not None:
        digest, algorithm = md5_hash, "md5"
    source = os.fspath(origin)
    local = local_path(source)
    last = urllib.parse.urlsplit(source).path if local is None else local
    name = os.fspath(fname) if fname else os.path.basename(last)
    if not name:
        raise ValueError(f"fname must be given, since origin {source!r} does not end in a file's name")
    if os.path.basename(name) != name or name in (".", ".."):
        raise ValueError(f"fname must be a file's name without folders (use cache_dir and cache_subdir), got {name!r}")

    base = Path(os.fspath(cache_dir)).expanduser() if cache_dir is not None else cache_root()
    folder = base / cache_subdir
    unpack = extract or untar
    target, unpacked = folder / name, folder / name
    if unpack:
        if fname and "." in name:
            unpacked = folder / f"{name[: name.find('.')]}_extracted"
        else:
            target = folder / f"{name}_archive"
            if unpacked.is_file():  # the archive, fetched before without extract
                target, unpacked = unpacked, folder / f"{name.split('.')[0] or name}_extracted"
    if local is not None:
        if not os.path.isfile(local):
            raise FileNotFoundError(f"origin: there is no file {local}")
        if not matches(local, digest, algorithm):
            raise ValueError(_wrong_hash(local, digest, algorithm))
        target = Path(local)
    elif force_download or not (target.is_file() and matches(target, digest, algorithm)):
        _download(source, target, digest, algorithm)
    if not unpack:
        return str(target)
    if not extract_archive(target, unpacked, "tar" if untar else archive_format, max_size):
        raise ValueError(f"extract: {target} is not an archive of the kind {'tar' if untar else archive_format!r}")
    link_as_keras2(unpacked)
    return str(unpacked)


def local_path(origin: str) -> str | None:
    """The path that `origin` means if it is not an address on the network, else None.

    raises : ValueError for a scheme other than http, https and file
    """
    parts = urllib.parse.urlsplit(origin)
    if parts.scheme in ("http", "https"):
        return None
    if parts.scheme == "file":
        return urllib.request.url2pathname(parts.path)
    if "://" in origin:
        raise ValueError(f"origin must begin with http://, https:// or file://, or be a local path, got {origin!r}")
    return os.path.expanduser(origin)


def _wrong_hash(path: PathLike, digest: str | None, algorithm: str) -> str:
    return (
        f"{os.fspath(path)} is incomplete or another file: its {files.hash_algorithm(digest or '', algorithm)} "
        f"is not the expected {digest}"
    )


def _download(address: str, target: Path, digest: str | None, algorithm: str) -> None:
    from tqdm.auto import tqdm

    if digest is not None:
        files.hash_algorithm(digest, algorithm)  # a wrong argument is said before the work
    with atomic_path(target) as part:
        try:
            request = urllib.request.Request(address, headers={"User-Agent": "recurra"})
            with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer, open(part, "wb") as file:
                size = answer.headers.get("Content-Length")
                total = int(size) if size and size.isdigit() else None
                with tqdm(total=total, unit="B", unit_scale=True, desc=target.name, leave=False) as bar:
                    while chunk := answer.read(_CHUNK):
                        file.write(chunk)
                        bar.update(len(chunk))
        except urllib.error.HTTPError as error:
            answered = f"the server answers {error.code} {error.reason}"
            raise ConnectionError(_unreachable(address, target, answered)) from error
        except OSError as error:
            if is_full(error):
                raise
            raise ConnectionError(_unreachable(address, target, str(getattr(error, "reason", error)))) from error
        if total is not None and part.stat().st_size < total:
            raise ConnectionError(_unreachable(address, target, f"only {part.stat().st_size} of {total} bytes came"))
        if not matches(part, digest, algorithm):
            raise ValueError(f"what {address} sends is not the expected file: its hash is not {digest}")


def _unreachable(address: str, target: Path, reason: str) -> str:
    there = " (the file that is there now is another one)" if target.exists() else ""
    return f"{address} cannot be downloaded ({reason}). Without a network, put that file at {target}{there}"
