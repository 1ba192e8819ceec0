"""CT and MR volumes and their organ masks: one record each, read from NIfTI, DICOM and NPZ with one orientation.

Whatever a file says of its axes, the arrays here are canonical: the first axis runs to the patient's right, the second
to the front (anterior), the third to the head (superior), "RAS+". A scan taken obliquely keeps its oblique affine; its
axes are the closest ones.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from workbench.contract.errors import LabError
from workbench.data.catalog import cache
from workbench.data.reader import reader
from workbench.data.volumes import arrays as volume_arrays
from workbench.data.volumes import dicom, invesalius, memmap, nifti
from workbench.data.volumes.grid import Scan
from workbench.data.volumes.nifti import write_nifti

__all__ = [
    "SUFFIXES",
    "Labels",
    "Volume",
    "count_voxels",
    "guess_modality",
    "matches",
    "read_labels",
    "read_scan",
    "read_volume",
    "write_nifti",
]

SUFFIXES = (".nii", ".nii.gz", ".npz", ".zip")
SHIFT = 0.5  # of a voxel: up to here each voxel of a mask still lies nearest to its own voxel of the image
AIR = -500  # HU; nothing but a CT holds values as low


@dataclass(frozen=True)
class Volume:
    """A scan.

    Attributes
    ----------
    voxels
        (X, Y, Z) int16 or float32, canonical RAS+, never to be written to. A large one is a memory-mapped file whose
        axial slices lie in one piece (Fortran order): cutting a slice reads that slice.
    affine
        (4, 4) float64 from voxel numbers to mm, RAS.
    modality
        ``"CT"``, ``"MR"``, what else a DICOM header says (``"PT"``), or ``""`` for unknown.
    name
        The file's, or the set's.
    note
        What must be said wherever it shows (``"SIMULATED"``), and what was done to it on reading.
    """

    voxels: np.ndarray
    affine: np.ndarray
    modality: str
    name: str
    note: str = ""

    @property
    def spacing(self) -> tuple[float, float, float]:
        """The distance of neighboring voxels along each axis, in mm."""
        return spacing(self.affine)

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.voxels.shape


@dataclass(frozen=True)
class Labels:
    """A mask of organs on the grid of its volume.

    Attributes
    ----------
    voxels
        (X, Y, Z) uint8 or uint16; 0 is background.
    affine
        (4, 4), that of its volume.
    names
        Organ by its number, without the background. Every number in the voxels has a name.
    note
        What must be said wherever it shows, such as whose pseudo-labels they are.
    """

    voxels: np.ndarray
    affine: np.ndarray
    names: Mapping[int, str]
    note: str = ""

    @property
    def spacing(self) -> tuple[float, float, float]:
        """The distance of neighboring voxels along each axis, in mm."""
        return spacing(self.affine)

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.voxels.shape


def read_volume(path: Path | str, modality: str = "", series: str = "") -> Volume:
    """Read a scan.

    Parameters
    ----------
    path
        A NIfTI file (``.nii``, ``.nii.gz``, or either half of a pair ``.hdr`` and ``.img``), an NPZ file (see
        `arrays`), a DICOM series (a folder, or a zip of one), or an InVesalius project (``.inv3``). Nothing is
        unpickled, and the file is never written to.
    modality
        ``"CT"`` or ``"MR"`` if you know; otherwise the headers say it, or the values (see `guess_modality`).
    series
        Which DICOM series, if there are several: the end of its UID, or its number.

    Returns
    -------
    Volume
        With int16 voxels where all values are whole numbers that fit, such as HU, else float32. NaN and infinite
        voxels, if they are fewer than half, have become the lowest value; the note counts them.

    Raises
    ------
    LabError
        If it is no volume, is damaged, is too large, is ambiguous, or has no usable affine.
    """
    scan = read_scan(Path(path), "volume", series)
    found = modality or scan.modality or guess_modality(scan.voxels)
    return Volume(scan.voxels, scan.affine, found, Path(path).name, scan.note)


def read_labels(path: Path | str, like: Volume | None = None, names: Mapping[int, str] | None = None) -> Labels:
    """Read a mask of organs.

    Parameters
    ----------
    path
        A NIfTI, NPZ or InVesalius file of whole numbers from 0 to 65,535.
    like
        The volume it belongs to: it must lie on the same grid (see `matches`), and takes over its affine.
    names
        Organ by number; without it, the names in the file's header, as TotalSegmentator writes them. A number that
        has no name becomes ``"label 7"``.

    Raises
    ------
    LabError
        If it is no mask, or lies on another grid.
    """
    scan = read_scan(Path(path), "labels")
    known = dict(names) if names is not None else scan.names
    known = {**{k: f"label {k}" for k in count_voxels(scan.voxels)}, **known}
    found = Labels(scan.voxels, scan.affine, dict(sorted(known.items())), scan.note)
    if like is None:
        return found
    if reason := matches(like, found):
        raise LabError(f"The mask {Path(path).name} does not fit {like.name}: {reason}", "Resample one to the other.")
    moved = _shift(like, found)
    if moved > 1e-3:
        note = f"its affine differs from the image's by up to {moved:.2g} mm; the image's is used"
        found = replace(found, note="; ".join(filter(None, (found.note, note))))
    return replace(found, affine=like.affine)


def matches(a: Volume | Labels, b: Volume | Labels) -> str:
    """Return why two volumes do not lie on the same grid.

    Returns
    -------
    str
        Nothing if they do: equal shapes, and affines that place no corner of the grid more than half a voxel apart
        (along its shortest side). Otherwise the reason, a sentence.
    """
    if a.shape != b.shape:
        return f"{_times(a.shape)} voxels against {_times(b.shape)}."
    moved = _shift(a, b)
    limit = SHIFT * min(a.spacing)
    if moved <= limit:
        return ""
    if not np.allclose(a.spacing, b.spacing, rtol=0.01):
        return f"voxels of {_times(a.spacing)} mm against {_times(b.spacing)} mm."
    return f"the two grids lie up to {moved:.3g} mm apart; {limit:.3g} mm, half a voxel, is the limit."


def guess_modality(voxels: np.ndarray) -> str:
    """Return ``"CT"`` if there is air (-500 HU and below), ``"MR"`` if next to no value is negative, else ``""``.

    A guess: a CT whose rescale intercept got lost looks like an MR. An MR that was resampled by splines dips a little
    below zero, so a tenth of the highest value is allowed.
    """
    low, high = float(voxels.min()), float(voxels.max())
    return "CT" if low <= AIR else "MR" if low >= -0.1 * high else ""


def count_voxels(labels: np.ndarray) -> dict[int, int]:
    """Return how many voxels each number of a mask (X, Y, Z) has, those that occur only, without the background."""
    counts = np.zeros(int(labels.max(initial=0)) + 1, np.int64)
    for z in range(labels.shape[2]):  # bincount widens what it counts: a slice at a time costs no memory
        found = np.bincount(labels[:, :, z].ravel(order="K"))
        counts[: len(found)] += found
    return {int(k): int(counts[k]) for k in np.flatnonzero(counts) if k}


def spacing(affine: np.ndarray) -> tuple[float, float, float]:
    """Return the length of the three steps of an affine, in mm."""
    return tuple(float(s) for s in np.linalg.norm(affine[:3, :3], axis=0).round(6))


@reader
def read_scan(path: Path, kind: str, series: str = "") -> Scan:
    """Read a file as ``"volume"`` or as ``"labels"``, with all that its headers say; see `read_volume`.

    The reader is chosen by the suffix; a folder or a zip is a DICOM series.
    """
    if not path.exists():
        raise LabError(f"There is no file {path.name}.", "Check the path.")
    name = path.name.lower()
    if name.endswith((".nii", ".nii.gz")):
        return memmap.settle(path, kind, lambda p: nifti.open_nifti(p, kind))
    if nifti.PAIR.search(name):
        header, image = nifti.files_of(path)
        return memmap.settle(image, f"{kind} {cache.sha256(header)}", lambda p: nifti.open_nifti(p, kind))
    if name.endswith(".npz"):
        return memmap.settle(path, kind, lambda p: volume_arrays.open_npz(p, kind))
    if name.endswith(".inv3"):
        return memmap.settle(path, kind, lambda p: invesalius.open_inv3(p, kind))
    if path.is_dir() or name.endswith(".zip"):
        return memmap.settle(path, f"{kind} {series}".strip(), lambda p: dicom.open_series(p, series))
    if name.endswith((".dcm", ".ima")):
        raise LabError(f"{path.name} is one slice of a DICOM series.", "Give the series: its folder, or a zip of it.")
    raise LabError(
        f"{path.name} is no volume that can be read here.",
        f"NIfTI ({SUFFIXES[0]}, {SUFFIXES[1]}, .hdr with .img), NPZ, and DICOM series (a folder or zip) can.",
    )


def _shift(a: Volume | Labels, b: Volume | Labels) -> float:
    """Return the largest distance in mm between the corners of a grid under two affines."""
    corners = np.array(list(itertools.product(*[(0, n - 1) for n in a.shape])), float)  # (8, 3)
    delta = a.affine - b.affine
    return float(np.linalg.norm(corners @ delta[:3, :3].T + delta[:3, 3], axis=1).max())


def _times(numbers: tuple[float, ...]) -> str:
    return " x ".join(f"{n:.4g}" for n in numbers)
