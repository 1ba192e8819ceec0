"""Safe extraction of zip and tar archives."""

from __future__ import annotations

import re
import shutil
import tarfile
import unicodedata
import zipfile
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import IO

from workbench.contract.errors import LabError
from workbench.data.reader import short

DENSEST = 100  # bytes of content a byte of a large archive: measured data have noise, and do not compress that well
LARGE = 500_000_000  # bytes of content from which that is asked: drawings and masks may compress better
WESTERN, EASTERN = ("cp1252",), ("gb18030", "cp932", "euc_kr")  # encodings of names in a zip that does not say which


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
        If the archive is damaged, lacks the path, or holds more than it should: what it claims is asked before the
        first byte is written, and what it writes is counted. Links, devices and names that leave the folder are never
        written.
    """
    inside = inside.strip("/")
    inside = "" if inside == "." else inside

    def relative_path(name: str) -> str | None:
        """Return the path of a file below `place`; "" if it is `place` itself, None if it is not asked for."""
        path = _below(name, inside)
        asked = not patterns or not path or any(fnmatch(path, pattern) for pattern in patterns)
        return path if asked else None

    taken = 0
    try:
        _check_size(archive, limit, relative_path)
        for name, file in _files(archive):
            relative = relative_path(name)
            if relative is None:
                continue
            target = place / relative if relative else place
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as out:
                while block := file.read(1 << 20):
                    taken += len(block)
                    if taken > limit:
                        raise _too_large(archive, limit)
                    out.write(block)
    except LabError:
        raise
    except Exception as error:  # zip, tar, zlib, lzma, struct: what damaged bytes make of them has no end of names
        raise LabError(f"{archive.name} cannot be unpacked: {short(error)}", "Pack or copy it again.") from error
    if not place.exists():
        raise LabError(f"{archive.name} holds no {inside!r}." if inside else f"{archive.name} holds no file that fits.")
    return place


def names(archive: Path) -> list[str]:
    """Return the names of the files in a zip, as `extract` writes them.

    Raises
    ------
    LabError
        If it is no zip, or is damaged.
    """
    try:
        with zipfile.ZipFile(archive) as box:
            return [name for name, _ in _members(box)]
    except Exception as error:
        raise _no_zip(archive) from error


def encoding(archive: Path) -> str:
    """Return the encoding in which a zip's names were read, where it was found by trying; else an empty text."""
    with zipfile.ZipFile(archive) as box:
        return _encoding(box)


def _check_size(archive: Path, limit: int, relative_path: Callable[[str], str | None]) -> None:
    """Compare what a zip claims to hold with the limit; `zipfile` never gives more of a file than it claims."""
    if archive.suffix.lower() == ".zip" and not zipfile.is_zipfile(archive):
        raise _no_zip(archive)
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as box:
            claimed = sum(info.file_size for name, info in _members(box) if relative_path(name) is not None)
        size = archive.stat().st_size
        if claimed > limit:
            raise _too_large(archive, limit)
        if claimed > LARGE and claimed > DENSEST * size:
            raise LabError(
                f"{archive.name} has {size / 1e6:,.1f} MB and unpacks to {claimed / 1e6:,.0f} MB.",
                "It is nearly empty: measured data do not compress that well. Take a part of it.",
            )


def _no_zip(archive: Path) -> LabError:
    return LabError(f"{archive.name} is no zip archive, or is cut off.", "Pack or copy it again.")


def _too_large(archive: Path, limit: int) -> LabError:
    return LabError(f"{archive.name} unpacks to more than {limit / 1e6:,.3g} MB.", "Take a part of it.")


def _files(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Yield (name, open file) of the regular files with harmless names."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as box:
            for name, info in _members(box):
                if _harmless(name):
                    with box.open(info) as file:
                        yield name, file
        return
    with tarfile.open(archive) as box:
        for member in box:
            if member.isreg() and _harmless(member.name):
                yield member.name.removeprefix("./"), box.extractfile(member)


def _harmless(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return bool(parts) and parts[0] != "/" and ".." not in parts


def _members(box: zipfile.ZipFile) -> list[tuple[str, zipfile.ZipInfo]]:
    """Return the files of a zip with their names: slashes between folders, no colon (Windows allows none)."""
    code, found = _encoding(box), []
    for info in box.infolist():
        name = info.orig_filename
        if code and not name.isascii():
            name = name.encode("cp437").decode(code)
        name = name.split("\0")[0].replace("\\", "/").replace(":", "_")
        if not name.endswith("/"):
            found.append((name, info))
    return found


def _encoding(box: zipfile.ZipFile) -> str:
    """Return the encoding of a zip's names; "" if they are read rightly without.

    Names in a zip that does not say how they are encoded are read as code page 437, by `zipfile` and by programs that
    pack them again. Where that makes letters, as in names of a Western language, they stay.
    """
    found = [info.orig_filename for info in box.infolist() if not info.orig_filename.isascii()]
    pairs = any(re.search(rb"[\x80-\xff]{2}", name.encode("cp437", "ignore")) for name in found)
    for code in ("utf-8", *(EASTERN if pairs else WESTERN)) if found else ():
        try:
            decoded = [name.encode("cp437").decode(code) for name in found]
        except UnicodeError:
            continue
        if code == "utf-8" or (any(map(_strange, found)) and not any(map(_strange, decoded))):
            return code
    return ""


def _strange(name: str) -> bool:
    """Return whether a name has symbols, such as those that draw boxes, among its letters beyond ASCII."""
    return any(not unicodedata.category(char).startswith(("L", "M", "N")) for char in name if not char.isascii())


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
