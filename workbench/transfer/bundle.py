"""The zip of a run: its allowed contents, and safe unpacking of one from elsewhere.

A run's own files (``run.json``, ``result.json``, ``tables/*.parquet``, ...) are copied as they are, byte for byte;
beside them stand files for people (CSV, figures, the report, a notebook), which an import leaves where they are.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from workbench.contract.errors import LabError
from workbench.data.uploads import RESERVED
from workbench.runs.record import Run

FORMAT = {"format": "workbench-run", "version": 1}
MANIFEST = "manifest.json"  # says the format, and the SHA-256 of each file
NEEDED = (MANIFEST, "run.json", "result.json")
MEDIA = "png|jpe?g|gif|webp|svg|wav|flac|mp3|ogg|mp4|webm|mid|midi|txt|csv|json|md|pdf|npz"
OWN = re.compile(  # the run itself
    r"(run|result|provenance|error)\.json|log\.txt|tables/[\w\-]+\.parquet|arrays/[\w\-]+\.npy"
    rf"|models/[\w.\-]+\.safetensors|checkpoint(-before)?\.safetensors|media/[\w.\-]+\.({MEDIA})",
    re.ASCII,
)
BESIDE = re.compile(  # for people
    r"manifest\.json|README\.txt|report\.html|reproduce\.ipynb|csv/[\w\-]+\.csv|figures/[\w.\-]+\.(png|svg|txt)",
    re.ASCII,
)
FOLDERS = ("arrays/", "csv/", "figures/", "media/", "models/", "tables/")

MAX_FILES = 2_000
MAX_BYTES = 4 * 2**30  # unpacked
MAX_RATIO = 100  # unpacked to packed, of a file of more than a megabyte
MAX_JSON = 256 * 2**20
MEGABYTE = 2**20
AGAIN = "Export the run again with `workbench export`."


def open_bundle(path: Path) -> zipfile.ZipFile:
    """Open a zip after a look at its list of files; nothing has been unpacked yet.

    Raises
    ------
    LabError
        If it is no zip, or lists anything that the zip of a run does not hold.
    """
    try:
        box = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, ValueError, EOFError) as error:
        raise LabError(f"{path.name} is no zip that can be read: {error}.", AGAIN) from None
    except OSError as error:
        raise LabError(f"{path.name} cannot be read: {error.strerror or error}.", "Give the path of a zip.") from None
    try:
        check_list(path.name, box.infolist())
    except LabError:
        box.close()
        raise
    return box


def check_list(zip_name: str, entries: list[zipfile.ZipInfo]) -> None:
    """Refuse a zip by its list of files: hostile or unknown names, links, too many or too large files.

    Raises
    ------
    LabError
        That names the first entry that is wrong.
    """

    def refuse(why: str) -> LabError:
        return LabError(f"{zip_name} is refused: {why}.", "Only a zip made by `workbench export` can be imported.")

    if len(entries) > MAX_FILES:
        raise refuse(f"it lists {len(entries):,} files, and {MAX_FILES:,} is the limit")
    seen: set[str] = set()
    for entry in entries:
        name = entry.orig_filename  # zipfile cleans `filename` up: what was cleaned away is what we look for
        if why := hostile_name(name):
            raise refuse(f"the name {name[:80]!r} {why}")
        if name.lower() in seen:
            raise refuse(f"the name {name!r} is there twice")
        seen.add(name.lower())
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise refuse(f"{name!r} is a link or a device")
        if name in FOLDERS:
            continue
        if not OWN.fullmatch(name) and not BESIDE.fullmatch(name):
            raise refuse(f"{name[:80]!r} is no file of a run")
        if entry.flag_bits & 0x1:
            raise refuse(f"{name!r} is encrypted")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise refuse(f"{name!r} is compressed in an unusual way")
        if entry.file_size > MEGABYTE and entry.file_size > MAX_RATIO * entry.compress_size:
            raise refuse(f"{name!r} would grow {entry.file_size // max(1, entry.compress_size):,} times unpacked")
        if name.endswith(".json") and entry.file_size > MAX_JSON:
            raise refuse(f"{name!r} has {entry.file_size:,} bytes")
    total = sum(entry.file_size for entry in entries)
    if total > MAX_BYTES:
        raise refuse(f"it would take {total / 1e9:.1f} GB unpacked, and {MAX_BYTES / 1e9:.1f} GB is the limit")
    for name in NEEDED:
        if name not in seen:
            raise refuse(f"it holds no {name}")


def hostile_name(name: str) -> str:
    """Return what is wrong with the name of a file in a zip; "" when nothing is.

    Examples
    --------
    >>> hostile_name("tables/set.parquet"), hostile_name("../set.parquet")
    ('', 'leaves its folder')
    """
    parts = re.split(r"[/\\]", name)
    if ".." in parts:
        return "leaves its folder"
    if name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", name):
        return "is an absolute path"
    if set(name) & set('\\:*?"<>|') or any(ord(c) < 32 for c in name):
        return "has characters that no file of a run has"
    for part in parts[: -1 if name.endswith("/") else None]:
        if part.partition(".")[0].strip().lower() in RESERVED:
            return "means a device on Windows"
        if part in ("", ".") or part != part.strip(" ") or part.endswith("."):
            return "is no plain path"
    return ""


def unpack(box: zipfile.ZipFile, folder: Path) -> None:
    """Write the run's own files of a checked zip below a new folder; what stands beside them is not unpacked.

    Raises
    ------
    LabError
        If a file is damaged, or is not the one that the manifest names.
    """
    manifest = strict_json(MANIFEST, b"".join(_blocks(box, box.getinfo(MANIFEST))))
    if manifest.get("format") != FORMAT["format"] or manifest.get("version") != FORMAT["version"]:
        raise LabError("It was exported in a format that is not known here.", "Bring this workbench up to date.")
    sums = manifest.get("files")
    for entry in box.infolist():
        name = entry.orig_filename
        if not OWN.fullmatch(name):
            continue
        target, digest = folder / name, hashlib.sha256()
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as file:
                for block in _blocks(box, entry):
                    file.write(block)
                    digest.update(block)
        except OSError as error:
            raise LabError(f"{name} cannot be written: {error.strerror or error}.", "Is the disk full?") from None
        if not isinstance(sums, dict) or sums.get(name) != digest.hexdigest():
            raise damaged(name, "it is not the file that the manifest names")


def _blocks(box: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield the bytes of an entry, never more than the list says: zipfile counts."""
    try:
        with box.open(entry) as packed:
            while block := packed.read(MEGABYTE):
                yield block
    except Exception as error:  # zlib, CRC, struct, ...: what damaged bytes make of a zip has no end of names
        raise damaged(entry.orig_filename, error) from None


def damaged(name: str, why: Exception | str) -> LabError:
    """Return the error of a file that is not what it should be."""
    said = str(why).splitlines()[0][:200] if str(why) else type(why).__name__
    return LabError(f"{name} is damaged: {said}.", AGAIN)


def strict_json(name: str, blob: bytes) -> dict[str, Any]:
    """Read an object of strict JSON: no NaN, no number beyond all bounds, no name twice.

    Raises
    ------
    LabError
        If it is anything else.
    """

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({key for key, _ in items}) < len(items):
            raise ValueError("a name is there twice")
        return dict(items)

    def constant(word: str) -> None:
        raise ValueError(f"{word} is no JSON")

    def number(word: str) -> float:
        return value if math.isfinite(value := float(word)) else constant(word)

    try:
        value = json.loads(blob.decode(), object_pairs_hook=pairs, parse_constant=constant, parse_float=number)
        json.dumps(value, ensure_ascii=False).encode()  # half a character could be kept nowhere
    except RecursionError:
        raise damaged(name, "it is too deep") from None
    except ValueError as error:
        raise damaged(name, error) from None
    if not isinstance(value, dict):
        raise damaged(name, "it holds no object")
    return value


def file_name(run: Run) -> str:
    """Return the stem of a file name for a run."""
    return run.id if run.id.startswith("recorded-") else f"{run.lab}-{run.id[:8]}"
