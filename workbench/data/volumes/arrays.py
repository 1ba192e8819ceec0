"""Volumes in NPZ files: plain arrays by name.

``image`` (or ``volume``, ``voxels``, ``data``, ``arr_0``) is the scan and ``labels`` (or ``label``, ``mask``, ``seg``,
``arr_1``) its mask, both (X, Y, Z). ``affine`` (4, 4) maps voxels to mm in RAS; without it ``spacing`` (3,) in mm does,
and the axes are taken as right, front, head; without either, voxels of 1 mm. The pair ``arr_0`` and ``arr_1`` is what
UMMKD's test volumes hold.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from workbench.contract.errors import LabError
from workbench.data.npz import read_arrays, read_heads
from workbench.data.volumes.grid import MAX_VOXELS, Slices, check_shape

KEYS = {
    "volume": ("image", "volume", "voxels", "data", "arr_0"),
    "labels": ("labels", "label", "mask", "seg", "segmentation", "arr_1"),
}


def open_npz(path: Path, kind: str) -> Slices:
    """Open the array of a kind, ``"volume"`` or ``"labels"``.

    Raises
    ------
    LabError
        If there is no such array, or it is one of Python objects: those are never loaded.
    """
    heads = read_heads(path)
    key = next((k for k in KEYS[kind] if k in heads), None)
    if key is None and kind == "volume" and len(heads) == 1:
        key = next(iter(heads))
    if key is None:
        found = ", ".join(list(heads)[:8]) or "nothing"
        raise LabError(f"{path.name} holds no {kind}: it has {found}.", f"Name the array {' or '.join(KEYS[kind])}.")
    shape, dtype = heads[key].shape, heads[key].dtype
    if dtype.kind not in "biuf":
        raise LabError(f"The array {key} of {path.name} holds {dtype}, no plain numbers.", "Save it as numbers.")
    check_shape(shape, path.name)
    affine, note = _affine(path, read_arrays(path, 1_000, ("affine", "spacing")))
    voxels = read_arrays(path, 8 * MAX_VOXELS, [key])[key].reshape(shape[:3])
    planes = (voxels[:, :, k] for k in range(shape[2]))
    return Slices(shape[:3], affine, dtype, planes, note=note)


def has_labels(path: Path) -> bool:
    """Return whether a file is an NPZ with a mask in it."""
    if path.suffix.lower() != ".npz":
        return False
    return bool(set(KEYS["labels"]) & set(read_heads(path)))


def _affine(path: Path, given: dict[str, np.ndarray]) -> tuple[np.ndarray, str]:
    if "affine" in given:
        affine = given["affine"]
        if affine.shape != (4, 4):
            raise LabError(f"The affine of {path.name} has the shape {affine.shape}.", "It has to be (4, 4).")
        return affine.astype(float), ""
    if "spacing" in given:
        spacing = given["spacing"].astype(float).ravel()
        if spacing.shape != (3,):
            raise LabError(f"The spacing of {path.name} has {spacing.size} numbers.", "It has to be three, in mm.")
        return np.diag([*spacing, 1.0]), "no affine: the axes are taken as right, front, head"
    return np.eye(4), "no affine: the axes are taken as right, front, head, and voxels as 1 mm"
