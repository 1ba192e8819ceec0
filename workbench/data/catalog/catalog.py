"""The data catalog: entries, licences, and their retrieval."""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from workbench.contract.errors import LabError
from workbench.data.catalog import cache, sources
from workbench.data.catalog.cache import Progress
from workbench.data.catalog.sources import Source

State = Literal["here", "mirror", "fetch", "absent"]
MAX_OWN_FILES = 20_000  # in a folder of the user's own: all of them are hashed


@dataclass(frozen=True)
class Entry:
    """One data set of the catalog.

    Attributes
    ----------
    name, title, modality, what
        The key, a short name, one of ``workbench.contract.lab.MODALITIES``, and a description.
    licence
        The terms, shown before a download.
    noncommercial
        True if the terms forbid commercial use: then only an explicit `fetch` downloads it.
    size, sha256
        Bytes on disk, and the SHA-256 of the file or of the folder's list of files (see `cache.sums`).
    about
        True if the size is known roughly only.
    sources
        Where to get it, tried in this order.
    file
        The file's name; empty for a folder.
    files
        For a folder: patterns of the files that belong to it; empty for all.
    """

    name: str
    title: str
    modality: str
    what: str
    licence: str
    size: int
    sha256: str
    sources: tuple[Source, ...]
    noncommercial: bool = False
    file: str = ""
    files: tuple[str, ...] = ()
    about: bool = False

    @property
    def place(self) -> Path:
        """Path in the cache: NAME/FILE, or the folder NAME."""
        return cache.cache() / self.name / self.file

    @property
    def state(self) -> State:
        """See the function `state`."""
        return state(self)

    @property
    def at_hand(self) -> bool:
        """Return True if it can be used without a download."""
        return self.state in ("here", "mirror")


@functools.cache
def catalog() -> dict[str, Entry]:
    """Return every data set by name, in the order of ``catalog.toml``."""
    text = (Path(__file__).parents[1] / "catalog.toml").read_text(encoding="utf-8")
    return {name: _entry(name, row) for name, row in tomllib.loads(text).items()}


def get_entry(name: str) -> Entry:
    """Return one entry.

    Raises
    ------
    LabError
        If the catalog has none of that name.
    """
    if name not in catalog():
        raise LabError(f"The catalog has no data set {name!r}.", "`workbench data list` names them all.")
    return catalog()[name]


def state(entry: Entry) -> State:
    """Return quickly (by size, without checksums) what it takes to use a data set.

    Returns
    -------
    str
        ``"here"``: in the cache or in an installed package. ``"mirror"``: in the mirror folder. ``"fetch"``: to be
        downloaded. ``"absent"``: only a mirror can have it, and none is set that does.
    """
    for kind, path in _candidates(entry):
        if _fits(entry, path):
            return "mirror" if kind == "mirror" else "here"
    return "fetch" if any(sources.can_fetch(s) for s in entry.sources) else "absent"


def resolve(name: str, progress: Progress | None = None) -> tuple[Path, str]:
    """Return a data set as a file or folder on this machine, downloading it if need be.

    Parameters
    ----------
    name
        A name of the catalog, or ``"file:/absolute/path"`` for a file or folder of the user's own.
    progress
        ``progress(done_bytes, total_bytes, stage)``; an exception it raises interrupts the download.

    Returns
    -------
    (Path, str)
        The path, to be read and never written, and its SHA-256 in hex.

    Raises
    ------
    LabError
        If it is unknown, cannot be had, or is not what the catalog says. A data set for non-commercial use is never
        downloaded from here: the user has to ask for it with `fetch`.
    """
    if name.startswith("file:"):
        return _own(name.removeprefix("file:"))
    entry = get_entry(name)
    path, _ = _find(entry)
    if path is None and entry.noncommercial:
        raise LabError(
            f"{entry.title} ({entry.size / 1e6:,.0f} MB) is not on this machine, and its licence allows non-commercial "
            f"use only: {entry.licence}.",
            f"If that is your use: {_mirror_hint(entry)}",
        )
    return path or fetch(name, progress), entry.sha256


def fetch(name: str, progress: Progress | None = None) -> Path:
    """Return a data set's path, after a download if it is not on this machine; licences are the caller's matter.

    Raises
    ------
    LabError
        If no source can give it: says why for each, and what would help.
    """
    entry = get_entry(name)
    tell = progress or (lambda done, total, stage: None)
    path, reasons = _find(entry)
    if path is not None:
        return path
    try:
        with cache.workshop(entry.name, tell) as work:
            path, _ = _find(entry)  # another process may have fetched it while we waited for our turn
            if path is not None:
                return path
            for number, source in enumerate(s for s in entry.sources if sources.can_fetch(s)):
                try:
                    return _download(entry, source, work / str(number), tell)
                except LabError as error:
                    reasons.append(error.cause if source.kind == "url" else f"{source}: {error.cause}")
    except OSError as error:
        raise LabError(
            f"{entry.title} cannot be kept in {cache.cache()}: {error.strerror or error}.",
            "Make room there, or set WORKBENCH_HOME to a folder you may write to.",
        ) from error
    raise LabError(
        f"{entry.title} ({entry.name}) is not on this machine and cannot be fetched. {' '.join(reasons)}".strip(),
        _mirror_hint(entry),
    )


def listing() -> list[dict[str, Any]]:
    """Return one row for each data set: name, title, modality, licence, noncommercial, size, state, source."""
    return [
        {
            "name": entry.name,
            "title": entry.title,
            "modality": entry.modality,
            "licence": entry.licence,
            "noncommercial": entry.noncommercial,
            "size": entry.size,
            "state": entry.state,
            "source": str(next((s for s in entry.sources if s.kind != "mirror"), entry.sources[0])),
        }
        for entry in catalog().values()
    ]


def _download(entry: Entry, source: Source, work: Path, progress: Progress) -> Path:
    """Get it from one source, check every byte, put it in its place."""
    work.mkdir()
    new = sources.obtain(source, entry, work, progress)
    progress(0, 0, f"checking {entry.name}")
    if cache.fresh_sha256(new, entry.files) != entry.sha256:
        raise LabError("its checksum differs from the catalog's.")
    cache.install(new, entry.place)
    return entry.place


def _entry(name: str, row: dict[str, Any]) -> Entry:
    """Read one table of the TOML file; the first key of a source is its kind."""
    found = []
    for source in row.pop("sources"):
        kind = next(iter(source))
        found.append(Source(kind, source.pop(kind), **source))
    own = Source("mirror", f"{name}/{row.get('file', '')}".rstrip("/"))  # so a colleague's cache is a mirror too
    return Entry(name, sources=(*found, own), files=tuple(row.pop("files", ())), **row)


def _candidates(entry: Entry) -> list[tuple[str, Path]]:
    """The places on this machine where it may lie, with the kind of source each comes from."""
    local = [(source.kind, sources.local_path(source)) for source in entry.sources]
    return [("cache", entry.place), *((kind, path) for kind, path in local if path is not None)]


def _fits(entry: Entry, path: Path) -> bool:
    right_kind = path.is_file() if entry.file else path.is_dir()
    return right_kind and (entry.about or cache.size(path, entry.files) == entry.size)


def _find(entry: Entry) -> tuple[Path | None, list[str]]:
    """Return the first place that holds the right bytes, and what was wrong with the others that exist."""
    wrong = []
    for _, path in _candidates(entry):
        if _fits(entry, path) and cache.sha256(path, entry.files) == entry.sha256:
            return path, []
        if path.exists():
            wrong.append(f"{path}: another version, or damaged.")
    return None, wrong


def _own(text: str) -> tuple[Path, str]:
    path = Path(text)
    if "\0" in text or not path.is_absolute():
        raise LabError(f"{text!r} is no absolute path.", "Write file: and the full path, as in file:/home/me/data.csv.")
    try:
        if not (path.is_file() or path.is_dir()):
            raise LabError(f"There is no file or folder {path}.", "Check the path, or upload the file again.")
        if path.is_dir() and sum(1 for _ in islice(path.rglob("*"), MAX_OWN_FILES + 1)) > MAX_OWN_FILES:
            raise LabError(f"{path} holds more than {MAX_OWN_FILES:,} files.", "Give a folder of its own to the data.")
        return path, cache.sha256(path)
    except OSError as error:
        raise LabError(
            f"{path} cannot be read: {error.strerror or error}.", "Check the path and its permissions."
        ) from error


def _mirror_hint(entry: Entry) -> str:
    """Return a hint: a network, if there is a source on it, and the path below a mirror that would do."""
    if any(source.kind not in ("mirror", "installed") for source in entry.sources):
        online = f"With a network, run `workbench data fetch {entry.name}`. "
    else:
        online = f"Only a mirror can give it; then `workbench data fetch {entry.name}` checks it. "
    wanted = list(dict.fromkeys(s.where for s in entry.sources if s.kind == "mirror"))
    base = sources.mirror()
    ways = " or ".join(f"{base or 'MIRROR'}/{where}" for where in wanted)
    if base:
        return f"{online}In the mirror it would be {ways}."
    return f"{online}Set WORKBENCH_DATA_MIRROR to a folder or URL that has it at {ways}."
