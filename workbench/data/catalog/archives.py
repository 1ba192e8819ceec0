"""Safe extraction of zip and tar archives."""

from __future__ import annotations

import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import IO

from workbench.contract.errors import LabError

UNREADABLE = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError)


def extract(archive: Path, inside: str, place: Path, patterns: tuple[str, ...] = (), limit: int = 2**33) -> Path:
    """Copy one file, or the files of one folder, out of an archive.

    Parameters
    ----------
    archive
        A zip (so a wheel too) or a tar file, compressed or not.
    inside
        Path of the file or folder within the archive; ``""`` or ``"."`` for all of it.
    place
        Where the file or folder goes; made here.
    patterns
        Only files of the folder that match one of them.
    limit
        Give up when the files hold more than so many bytes.

    Raises
    ------
    LabError
        If the archive is damaged, lacks the path, or is larger than it should be. Links, devices and names that
        leave the folder are never written.
    """
    inside = inside.strip("/")
    inside = "" if inside == "." else inside
    taken = 0
    try:
        for name, file in _files(archive):
            relative = _below(name, inside)
            if relative is None or (relative and patterns and not any(fnmatch(relative, p) for p in patterns)):
                continue
            target = place / relative if relative else place
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as out:
                while block := file.read(1 << 20):
                    taken += len(block)
                    if taken > limit:
                        raise LabError(f"{archive.name} holds more than the {limit:,} bytes that belong to it.")
                    out.write(block)
    except UNREADABLE as error:
        raise LabError(f"{archive.name} cannot be unpacked: {error}") from error
    if not place.exists():
        raise LabError(f"{archive.name} holds no {inside!r}.")
    return place


def _files(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Yield (name, open file) of the regular files with harmless names."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as box:
            for info in box.infolist():
                if not info.is_dir() and _harmless(info.filename):
                    with box.open(info) as file:
                        yield info.filename, file
        return
    with tarfile.open(archive) as box:
        for member in box:
            if member.isreg() and _harmless(member.name):
                yield member.name.removeprefix("./"), box.extractfile(member)


def _harmless(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return bool(parts) and parts[0] != "/" and ".." not in parts and not set(name) & {"\\", "\0", ":"}


def _below(name: str, inside: str) -> str | None:
    """Return the path of `name` below `inside` ("" if it is `inside` itself), or None."""
    if not inside:
        return name
    if name == inside:
        return ""
    return name.removeprefix(inside + "/") if name.startswith(inside + "/") else None


def only_child(folder: Path) -> Path:
    """Return the one file that a download left in a folder."""
    files = [p for p in folder.iterdir() if p.is_file()]
    if len(files) != 1:
        raise LabError(f"The download gave {len(files)} files instead of one.")
    return files[0]


def move(source: Path, place: Path) -> Path:
    """Move a file, across disks if need be."""
    place.parent.mkdir(parents=True, exist_ok=True)
    return Path(shutil.move(source, place))
