"""Large volumes are decompressed once and kept as memory-mapped files: to open one again costs nothing."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np

from workbench.contract.errors import LabError
from workbench.data.catalog import cache
from workbench.data.volumes.grid import Scan, Slices, check_shape, gather

IN_MEMORY = 2**22  # voxels up to which reading anew is quick enough to keep no copy
MAX_FILES = 20_000  # in a folder
KEEP = 20_000_000_000  # bytes of kept volumes; the longest unused are dropped beyond it
VERSION = 2  # raise it when the arrays kept by an older program would differ


def settle(path: Path, kind: str, open_file: Callable[[Path], Slices]) -> Scan:
    """Return a file's scan: from the kept copy if there is one, else read through `open_file`.

    Parameters
    ----------
    kind
        As for `grid.gather`; with the content's SHA-256, all of it is the key of the kept copy.

    Raises
    ------
    LabError
        See `grid.gather`; or if there is no room for the copy.
    """
    if path.is_dir() and sum(1 for _ in islice(path.rglob("*"), MAX_FILES + 1)) > MAX_FILES:  # all of them are hashed
        raise LabError(f"{path.name} holds more than {MAX_FILES:,} files.", "Give the folder of one series.")
    key = hashlib.sha256(f"{VERSION} {kind} {cache.sha256(path)}".encode()).hexdigest()[:24]
    kept = _kept(key)
    if kept is not None:
        return kept
    opened = open_file(path)
    shape = check_shape(opened.shape, path.name)
    if np.prod(shape) <= IN_MEMORY:
        return gather(opened, kind, path.name, None)
    try:
        folder().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder(), prefix=".new-") as work:
            scan = gather(opened, kind, path.name, Path(work))
            return _keep(scan, key)
    except OSError as error:  # damaged files are told by their readers; this is the disk
        raise LabError(
            f"{path.name} cannot be kept in {folder()}: {error.strerror or error}.",
            "Make room there, or set WORKBENCH_HOME to a folder you may write to.",
        ) from error


def folder() -> Path:
    """Return the folder of the kept volumes; all of it may be deleted at any time."""
    return cache.home() / "volumes"


def _keep(scan: Scan, key: str) -> Scan:
    """Move the finished array to its place and map it; make room for it if need be."""
    array = Path(scan.voxels.filename)
    scan.voxels.flush()
    about = {key: getattr(scan, key) for key in ("modality", "note", "names", "axes")} | {
        "affine": scan.affine.tolist()
    }
    (array.parent / "about.json").write_text(json.dumps(about), encoding="utf-8")
    (array.parent / "about.json").replace(folder() / f"{key}.json")
    array.replace(folder() / f"{key}.npy")
    _make_room(folder() / f"{key}.npy")
    return replace(scan, voxels=np.load(folder() / f"{key}.npy", mmap_mode="r"))


def _kept(key: str) -> Scan | None:
    """Return the kept copy, or None if there is none that is whole."""
    array = folder() / f"{key}.npy"
    try:
        about = json.loads(array.with_suffix(".json").read_text(encoding="utf-8"))
        voxels = np.load(array, mmap_mode="r", allow_pickle=False)
        names = {int(k): name for k, name in about["names"].items()}
        scan = Scan(voxels, np.array(about["affine"]), about["modality"], about["note"], names, about["axes"])
    except (OSError, ValueError, KeyError):
        return None
    with contextlib.suppress(OSError):
        os.utime(array)  # used now: it goes last when room is made
    return scan


def _make_room(newest: Path) -> None:
    """Drop the longest unused; a program that has one mapped keeps reading it."""
    with contextlib.suppress(OSError):
        files = sorted(((p.stat().st_mtime, p.stat().st_size, p) for p in folder().glob("*.npy")), reverse=True)
        total = 0
        for _, size, path in files:
            total += size
            if total > KEEP and path != newest:
                path.unlink(missing_ok=True)
                path.with_suffix(".json").unlink(missing_ok=True)
