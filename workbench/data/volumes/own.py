"""The user's own scan, alone or with its mask: one file, a DICOM series, or a folder or zip that holds both."""

from __future__ import annotations

import tempfile
from pathlib import Path

from workbench.contract.errors import LabError
from workbench.data.catalog import archives
from workbench.data.reader import reader
from workbench.data.volumes import arrays as volume_arrays
from workbench.data.volumes.dicom import MAX_UNPACKED
from workbench.data.volumes.volume import Labels, Volume, guess_modality, read_labels, read_scan

NIFTI = (".nii.gz", ".nii", ".hdr.gz", ".hdr")
IMAGE, MASK = (tuple(f"{stem}{suffix}" for suffix in NIFTI) for stem in ("image", "labels"))
PATTERNS = tuple(f"*{form}" for suffix in (*NIFTI, ".img.gz", ".img") for form in (suffix, suffix.upper()))


def open_own(path: Path, modality: str = "", series: str = "") -> tuple[Volume, Labels | None]:
    """Return the user's own scan, and its mask if it came along.

    Parameters
    ----------
    path
        What `read_volume` takes. A mask comes along in an NPZ file (see `arrays`), and in a folder or zip that
        holds ``image.nii.gz`` and ``labels.nii.gz``, or pairs ``.hdr`` and ``.img`` of these names.
    modality, series
        As for `read_volume`.

    Raises
    ------
    LabError
        If it cannot be read, or the mask lies on another grid.
    """
    volume, labels, _ = open_told(path, modality, series)
    return volume, labels


@reader
def open_told(path: Path, modality: str = "", series: str = "") -> tuple[Volume, Labels | None, tuple[str, str]]:
    """Return scan and mask as `open_own` does, and what the file itself says of its axes (``"LPS"``) and modality."""
    if path.suffix.lower() == ".zip" and _holds_nifti(path):
        with tempfile.TemporaryDirectory(
            prefix="workbench-zip-"
        ) as work:  # what was read from it stays, see volumecache
            inside = archives.extract(path, "", Path(work) / "files", PATTERNS, MAX_UNPACKED)
            return _pair(inside, path.name, modality)
    if path.is_dir() and any((path / name).exists() for name in IMAGE):
        return _pair(path, path.name, modality)
    volume, said = _volume(path, path.name, modality, series)
    labels = read_labels(path, volume) if volume_arrays.has_labels(path) else None
    return volume, labels, said


def _holds_nifti(path: Path) -> bool:
    return any(name.lower().endswith(NIFTI) for name in archives.names(path))


def _pair(folder: Path, name: str, modality: str) -> tuple[Volume, Labels | None, tuple[str, str]]:
    files = {p.name.lower(): p for p in sorted(folder.rglob("*")) if p.name.lower().endswith(NIFTI)}
    image = next((files[n] for n in IMAGE if n in files), None)
    if image is None and len(files) == 1:
        image = next(iter(files.values()))
    if image is None:
        raise LabError(
            f"{name} holds {len(files)} NIfTI files, none named {IMAGE[0]}.",
            f"Name the scan {IMAGE[0]}, and its mask {MASK[0]}.",
        )
    volume, said = _volume(image, name, modality)
    mask = next((files[n] for n in MASK if n in files), None)
    return volume, read_labels(mask, volume) if mask else None, said


def _volume(path: Path, name: str, modality: str, series: str = "") -> tuple[Volume, tuple[str, str]]:
    scan = read_scan(path, "volume", series)
    found = modality or scan.modality or guess_modality(scan.voxels)
    return Volume(scan.voxels, scan.affine, found, name, scan.note), (scan.axes, modality or scan.modality)
