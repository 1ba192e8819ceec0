"""The cache of data sets on this machine, and the verification of files by checksum."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from pathlib import Path

from workbench.contract.errors import LabError

Progress = Callable[[int, int, str], None]
"""``progress(done_bytes, total_bytes, stage)``; it may raise to interrupt a download."""

SUMS = "SHA256SUMS"  # the list of a folder's files that a mirror on the web needs


def home() -> Path:
    """Return the workbench's own folder: ``WORKBENCH_HOME``, or ``~/.workbench``.

    Raises
    ------
    LabError
        If the system does not say where the home of the user is.
    """
    named = os.environ.get("WORKBENCH_HOME") or "~/.workbench"
    try:
        return Path(named).expanduser()
    except RuntimeError as error:
        raise LabError(f"The folder {named} is nowhere: {error}", "Set WORKBENCH_HOME to a folder.") from None


def cache() -> Path:
    """Return the folder that keeps fetched data sets; it has the layout of a mirror."""
    return home() / "data"


def members(path: Path, patterns: tuple[str, ...] = ()) -> list[str]:
    """List the regular files below a folder as sorted POSIX paths, those that match a pattern if any is given."""
    names = (p.relative_to(path).as_posix() for p in path.rglob("*") if p.is_file())
    return sorted(n for n in names if n != SUMS and (not patterns or any(fnmatch(n, p) for p in patterns)))


def sums(folder: Path, patterns: tuple[str, ...] = ()) -> str:
    """Return one ``<sha256>  <path>`` line for each file: what ``sha256sum`` prints, sorted by path.

    Saved as ``SHA256SUMS`` in a folder, it lets that folder be served as a mirror over HTTP.
    """
    return "".join(f"{_file_sha256(folder / name)}  {name}\n" for name in members(folder, patterns))


def sha256(path: Path, patterns: tuple[str, ...] = ()) -> str:
    """Return the SHA-256 of a file, or of the `sums` of a folder.

    A digest once computed is kept with sizes and modification times in ``verified.json``, so that a big file is
    not read again at each start.
    """
    path = path.resolve()
    mark = _mark(path, patterns)
    book = cache() / "verified.json"
    known = _read_book(book)
    if known.get(str(path), ("", ""))[0] == mark:
        return known[str(path)][1]
    digest = fresh_sha256(path, patterns)
    if _mark(path, patterns) == mark:  # it did not change under our eyes
        with contextlib.suppress(OSError):  # a read-only home costs time, not the answer
            book.parent.mkdir(parents=True, exist_ok=True)
            rows = {name: row for name, row in _read_book(book).items() if Path(name).exists()}
            with tempfile.NamedTemporaryFile("w", dir=book.parent, suffix=".tmp", delete=False) as new:
                json.dump({**rows, str(path): (mark, digest)}, new)
            Path(new.name).replace(book)
    return digest


def fresh_sha256(path: Path, patterns: tuple[str, ...] = ()) -> str:
    """Return what `sha256` returns, from the bytes themselves."""
    return hashlib.sha256(sums(path, patterns).encode()).hexdigest() if path.is_dir() else _file_sha256(path)


def size(path: Path, patterns: tuple[str, ...] = ()) -> int:
    """Return the bytes of a file, or of the files of a folder."""
    if path.is_dir():
        return sum((path / name).stat().st_size for name in members(path, patterns))
    return path.stat().st_size


def install(new: Path, place: Path) -> None:
    """Move a finished file or folder into its place by renaming, so that no reader sees half of it."""
    place.parent.mkdir(parents=True, exist_ok=True)
    if not place.is_dir():
        new.replace(place)
        return
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=".old-") as old:
        place.rename(Path(old) / place.name)
        new.rename(place)


@contextlib.contextmanager
def workshop(name: str, progress: Progress) -> Iterator[Path]:
    """Give one process at a time a temporary folder on the cache's disk to fetch `name` into.

    The lock dies with its process, so a killed download blocks nobody; what it left is swept by the next one.
    """
    base = cache() / ".partial" / name
    base.mkdir(parents=True, exist_ok=True)
    with (base / "lock").open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                progress(0, 0, f"waiting: another process fetches {name}")
                time.sleep(0.2)
        shutil.rmtree(base / "work", ignore_errors=True)
        (base / "work").mkdir()
        try:
            yield base / "work"
        finally:
            shutil.rmtree(base / "work", ignore_errors=True)


def _file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _mark(path: Path, patterns: tuple[str, ...]) -> str:
    """Sizes and times: cheap to read, and changed by every edit that does not mean to deceive."""
    names = members(path, patterns) if path.is_dir() else [""]
    stats = [(name, (path / name).stat()) for name in names]
    return hashlib.sha256(repr([(n, s.st_size, s.st_mtime_ns) for n, s in stats]).encode()).hexdigest()


def _read_book(book: Path) -> dict[str, list[str]]:
    try:
        return json.loads(book.read_text())
    except (OSError, ValueError):
        return {}
