"""A subject: a few slices of one person in one modality, with their masks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from workbench.data.volumes.volume import Volume
from workbench.toolkit.segmentation.preprocessing import Recipe, intensities

ORGANS = {1: "liver", 2: "right kidney", 3: "left kidney", 4: "spleen"}
HEART = {1: "LV myocardium", 2: "LA blood cavity", 3: "LV blood cavity", 4: "ascending aorta"}


@dataclass(frozen=True, eq=False)
class Subject:
    """One person in one modality.

    Attributes
    ----------
    name
        Unique within a run.
    modality
        0 for CT, 1 for MR.
    image
        (X, Y, S) as the scanner gives it, to be looked at.
    values
        (X, Y, S) float32 as the network sees it.
    mask
        (X, Y, S) uint8, 0 for background.
    affine
        (4, 4), RAS.
    """

    name: str
    modality: int
    image: np.ndarray
    values: np.ndarray
    mask: np.ndarray
    affine: np.ndarray


def cut(volume: Volume, mask: np.ndarray, modality: int, size: int, slices: int, name: str) -> Subject:
    """Return a subject of a whole scan: evenly spread axial slices that hold an organ, each brought to size x size.

    Parameters
    ----------
    volume
        In canonical orientation, so that left is left in both modalities. Its modality is ``"CT"`` where values are HU.
    mask
        (X, Y, Z) uint8 on its grid.
    modality, size, slices, name
        Of the subject; with fewer slices that hold an organ, all of them are taken.
    """
    held = np.flatnonzero(mask.any((0, 1)))
    if len(held) == 0:
        held = np.arange(mask.shape[2])
    chosen = held[np.unique(np.linspace(0, len(held) - 1, min(slices, len(held))).round().astype(int))]
    values = intensities(volume.voxels, volume.modality, Recipe())  # by the whole scan, then cut

    def sized(array: np.ndarray, order: int) -> np.ndarray:
        zoom = (size / array.shape[0], size / array.shape[1], 1)
        return ndimage.zoom(np.asarray(array[:, :, chosen]), zoom, order=order, mode="nearest", grid_mode=True)

    step = np.diff(chosen).mean() if len(chosen) > 1 else 1.0
    scale = np.array([mask.shape[0] / size, mask.shape[1] / size, step])
    affine = volume.affine.copy()
    affine[:3, :3] = volume.affine[:3, :3] * scale
    corner = np.array([(scale[0] - 1) / 2, (scale[1] - 1) / 2, chosen[0]])
    affine[:3, 3] = volume.affine[:3, :3] @ corner + volume.affine[:3, 3]
    return Subject(
        name,
        modality,
        sized(volume.voxels, 1).astype(np.float32),
        sized(values, 1).astype(np.float32),
        sized(mask, 0).astype(np.uint8),
        affine,
    )
