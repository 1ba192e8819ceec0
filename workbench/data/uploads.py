"""Storage of uploaded files: safe names, limits, and one folder."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import unicodedata
from pathlib import Path, PureWindowsPath

from workbench.contract.errors import LabError
from workbench.data.catalog import cache
from workbench.data.tables.formats import SUFFIXES

MAX_BYTES = 100_000_000
MAX_VOLUME = 150_000_000  # bytes of a scan; what a browser sends at once has to fit into one message to the server
MAX_FILES = 1_000
MAX_NAME = 80  # characters
RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{k}" for port in ("com", "lpt") for k in range(1, 10))}


def uploads() -> Path:
    """Return the folder of uploaded files."""
    return cache.home() / "uploads"


def save_upload(filename: str, blob: bytes, suffixes: tuple[str, ...] = SUFFIXES, limit: int = MAX_BYTES) -> Path:
    """Keep an uploaded file below ``WORKBENCH_HOME/uploads`` and return its path.

    The folder's name is the beginning of the content's SHA-256, so equal names never overwrite each other, and the same
    file uploaded twice is kept once.

    Parameters
    ----------
    filename
        As the browser gives it; anything in it that could mislead a file system is removed.
    blob
        The content; it is stored as it is, never run or unpacked.
    suffixes
        The suffixes allowed.
    limit
        Bytes allowed.

    Raises
    ------
    LabError
        If the file is empty or too large, has another suffix, or too many were uploaded.
    """
    name = safe_name(filename)
    if not name.lower().endswith(suffixes):
        raise LabError(f"{name} cannot be used here.", f"Files that can: {', '.join(suffixes)}.")
    if not blob:
        raise LabError(f"{name} is empty (0 bytes).", "Export it again.")
    if len(blob) > limit:
        raise LabError(
            f"{name} has {len(blob) / 1e6:,.0f} MB; {limit / 1e6:,.0f} MB is the limit.",
            "Take a sample, or give the path of a file on the server.",
        )
    folder = uploads() / hashlib.sha256(blob).hexdigest()[:16]
    path = folder / name
    if path.is_file() and path.stat().st_size == len(blob):
        return path
    if sum(1 for _ in uploads().glob("*/*")) >= MAX_FILES:
        raise LabError(f"{MAX_FILES:,} files were uploaded already.", f"Delete old ones in {uploads()}.")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".new-", delete=False) as new:
        new.write(blob)
    os.replace(new.name, path)  # noqa: PTH105 - atomic, and the same on every system
    return path


def safe_name(filename: str) -> str:
    """Return a harmless file name that keeps what a person would recognize."""
    name = unicodedata.normalize("NFKC", filename)
    name = PureWindowsPath(name.replace("/", "\\")).name  # the last part, whichever system the browser ran on
    name = "".join(c if c.isalnum() or c in "._- ()+" else "_" for c in name)
    name = re.sub(r"\.{2,}", ".", name).strip().rstrip(" .")
    name = f"file{name}" if name.startswith(".") else name  # no hidden files
    stem, dot, rest = name.partition(".")
    if stem.strip().lower() in RESERVED:
        stem = f"{stem}_"
    name = f"{stem}{dot}{rest}" if rest else stem
    if len(name.encode()) > MAX_NAME:  # file systems count bytes; keep the suffix
        tail = "".join(re.findall(r"(?:\.[A-Za-z0-9]{1,8}){1,2}$", name))
        name = name.encode()[: MAX_NAME - len(tail)].decode(errors="ignore").rstrip(" .") + tail
    return name or "file"
