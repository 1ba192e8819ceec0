"""From the slices of a file to one canonical array, as narrow as its values allow, with everything checked on the way.

A reader opens a file as `Slices`: sizes and affine from the headers, and the slices one after the other. So a volume is
never in memory as a whole in a wide type, and what a header claims is checked before anything is allocated.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from workbench.contract.errors import LabError

MAX_VOXELS = 2**29  # 512 x 512 x 2,048: a whole body at 1 mm; 1 GB as int16
MAX_LEAN = 1.0  # degrees by which two axes may miss the right angle; voxels that lean more are no boxes
WHOLE = 1e-3  # by which a number of a mask may miss a whole one: what a slope or a resampling leaves
INT16 = np.iinfo(np.int16)
LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Slices:
    """A file that was opened and not yet read.

    Attributes
    ----------
    shape
        (I, J, K), in the order of the file.
    affine
        (4, 4) from (i, j, k) to mm, RAS.
    dtype
        Of the slices.
    slices
        K arrays (I, J), k = 0, 1, ...; real values, not those of a file that still have to be scaled.
    modality, note, names
        As in `workbench.data.volumes.volume`; what the headers say.
    """

    shape: tuple[int, ...]
    affine: np.ndarray
    dtype: np.dtype
    slices: Iterator[np.ndarray]
    modality: str = ""
    note: str = ""
    names: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Scan:
    """Result of reading: canonical voxels (X, Y, Z), read-only, and what is known of them.

    `axes` says where the axes of the file ran, as in ``"LPS"``: to the left, to the back (posterior), to the head.
    """

    voxels: np.ndarray
    affine: np.ndarray
    modality: str = ""
    note: str = ""
    names: dict[int, str] = field(default_factory=dict)
    axes: str = "RAS"


def check_shape(shape: tuple[int, ...], name: str) -> tuple[int, int, int]:
    """Return a shape of three axes, trailing axes of one dropped; asked before anything is allocated.

    Raises
    ------
    LabError
        If there are more or fewer axes, one is empty, or there are more than `MAX_VOXELS` voxels.
    """
    shape = tuple(int(n) for n in shape)
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    text = " x ".join(map(str, shape))
    if any(n <= 0 for n in shape) or len(shape) < 3:
        raise LabError(f"{name} has no slices: its header says {text}.", "A volume has three axes: export it again.")
    if len(shape) > 3:
        raise LabError(
            f"{name} has {len(shape)} axes ({text}): a series over time or of several contrasts.",
            "Give one volume of it, three axes.",
        )
    if np.prod(shape, dtype=float) > MAX_VOXELS:
        raise LabError(
            f"{name} says it holds {text} = {np.prod(shape, dtype=float):,.0f} voxels; {MAX_VOXELS:,} is the limit.",
            "Crop it, or resample it to larger voxels.",
        )
    return shape


def is_usable(affine: np.ndarray) -> bool:
    """Return whether an affine is of finite numbers, with steps of 0.1 um to 1 m that span the space."""
    linear = np.asarray(affine, float)[:3, :3]
    if np.shape(affine) != (4, 4) or not np.isfinite(affine).all():
        return False
    steps = np.linalg.norm(linear, axis=0)
    return bool((steps > 1e-4).all() and (steps < 1e3).all() and abs(np.linalg.det(linear / steps)) > 1e-3)


def check_affine(affine: np.ndarray, name: str) -> None:
    """Raise a LabError if an affine maps the grid to anything but a body in mm, or shears it."""
    linear = np.asarray(affine, float)[:3, :3]
    if is_usable(affine):
        unit = linear / np.linalg.norm(linear, axis=0)
        lean = float(np.degrees(np.arcsin(min(1.0, np.abs(np.triu(unit.T @ unit, 1)).max()))))
        if lean > MAX_LEAN:
            raise LabError(
                f"{name} is sheared: its axes are {lean:.1f} degrees from right angles.",
                "Resample it to a straight grid first: its voxels are no boxes.",
            )
        return
    rows = "; ".join(" ".join(f"{v:.4g}" for v in row) for row in np.atleast_2d(linear))
    raise LabError(
        f"{name} has a degenerate affine ({rows}): it does not say where the voxels lie.",
        "Repair the header, or convert the scan from its DICOM files again.",
    )


def gather(opened: Slices, kind: str, name: str, work: Path | None) -> Scan:
    """Write the slices where they belong in the canonical grid, then make the array as narrow as its values allow.

    Parameters
    ----------
    kind
        Begins with ``"volume"`` (int16 or float32) or ``"labels"`` (uint8 or uint16).
    work
        A folder for the array, memory-mapped; None for one in memory.

    Raises
    ------
    LabError
        If the values or the affine are none of a volume or of a mask, or there are too many.
    """
    import nibabel as nib  # 0.4 s, which only who reads a volume should pay

    labels = kind.startswith("labels")
    shape = check_shape(opened.shape, name)
    check_affine(opened.affine, name)
    turn = nib.io_orientation(opened.affine).astype(int)  # file axis -> (canonical axis, direction)
    affine = opened.affine @ nib.orientations.inv_ornt_aff(turn, shape)
    size = tuple(shape[axis] for axis in np.argsort(turn[:, 0]))
    wide = _wide(opened.dtype, labels)
    voxels = _empty(size, wide, work and work / "wide.npy")
    view = voxels.transpose(turn[:, 0])[tuple(slice(None, None, step) for step in turn[:, 1])]  # (I, J, K) in the file
    low, high, whole, bad, missed, k = np.inf, -np.inf, True, 0, 0.0, -1
    for k, plane in enumerate(opened.slices):
        if labels and plane.dtype.kind == "f":
            missed, plane = max(missed, _missed(plane)), np.rint(plane)
            whole = missed <= WHOLE
        finite = np.isfinite(plane)
        inside = plane if finite.all() else plane[finite]
        if inside.size:
            low, high = min(low, float(inside.min())), max(high, float(inside.max()))
            whole = whole and (plane.dtype.kind in "biu" or bool((inside == np.rint(inside)).all()))
        bad += plane.size - inside.size
        if labels and (bad or not whole or low < 0 or high > 65535):
            raise _no_mask(name, bad, whole, low, high)
        view[:, :, k] = plane
    if k + 1 < shape[2]:
        raise LabError(f"{name} ends after slice {k + 1} of {shape[2]}.", "It is cut off: copy or export it again.")
    if 2 * bad >= voxels.size:
        raise LabError(f"{name} holds {bad:,} NaN or infinite voxels of {voxels.size:,}.", "Export it again.")
    if wide == np.float32 and max(-low, high) > LARGEST:
        raise LabError(
            f"{name} holds values up to {max(-low, high):.3g}.", "No scanner measures that: export it again."
        )
    notes = [opened.note]
    if bad:
        _replace(voxels, low)
        notes.append(f"{bad:,} NaN or infinite voxels became the lowest value, {low:g}")
    if missed:
        notes.append(f"its numbers were rounded to whole ones, which they missed by up to {missed:.2g}")
    narrow = _narrow(wide, labels, whole, low, high)
    if narrow != wide:
        wider, voxels = voxels, _empty(size, narrow, work and work / "narrow.npy")
        for z in range(size[2]):
            voxels[:, :, z] = wider[:, :, z]
    voxels.flags.writeable = False
    axes = "".join(nib.orientations.ornt2axcodes(turn))
    return Scan(voxels, affine, opened.modality, "; ".join(filter(None, notes)), opened.names, axes)


def _missed(plane: np.ndarray) -> float:
    """Return by how much a finite number of a plane misses a whole one at most."""
    finite = plane[np.isfinite(plane)]
    return float(np.abs(finite - np.rint(finite)).max(initial=0.0))


def _wide(dtype: np.dtype, labels: bool) -> np.dtype:
    """The type that holds any value of a slice: the final one where the file's own type decides it."""
    small = dtype.kind == "b" or dtype in (np.uint8, np.int8)
    if labels:
        return np.dtype(np.uint8 if small else np.uint16)
    return np.dtype(np.int16 if small or dtype == np.int16 else np.float32)


def _narrow(wide: np.dtype, labels: bool, whole: bool, low: float, high: float) -> np.dtype:
    if labels:
        return np.dtype(np.uint8) if high <= 255 else wide
    return np.dtype(np.int16) if whole and low >= INT16.min and high <= INT16.max else wide


def _empty(shape: tuple[int, ...], dtype: np.dtype, file: Path | None) -> np.ndarray:
    if file is None:
        return np.empty(shape, dtype, order="F")
    return np.lib.format.open_memmap(file, "w+", dtype, shape, fortran_order=True)


def _replace(voxels: np.ndarray, low: float) -> None:
    for z in range(voxels.shape[2]):
        plane = voxels[:, :, z]
        plane[~np.isfinite(plane)] = low


def _no_mask(name: str, bad: int, whole: bool, low: float, high: float) -> LabError:
    if bad or not whole:
        what = "NaN or infinite values" if bad else "values between the whole numbers"
    else:
        what = f"values from {low:g} to {high:g}"
    return LabError(f"{name} is no mask: it holds {what}.", "A mask holds whole numbers, 0 to 65,535, one an organ.")
