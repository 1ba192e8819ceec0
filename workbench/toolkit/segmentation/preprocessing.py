"""Preprocessing of scans: intensities, spacing, and the way back to the scan's own grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

CT_WINDOW = (-125.0, 275.0)  # HU, as 3D UX-Net and Rep3D take for AMOS
MR_SHARE = (2.0, 98.0)  # percentiles, as CBIM takes for AMOS


@dataclass(frozen=True)
class Recipe:
    """Settings of the preprocessing of scans.

    Attributes
    ----------
    spacing
        mm of the grid that the network sees.
    window
        HU that a CT is cut to; it is then spread to a mean of 0 and a deviation of about 1.
    """

    spacing: tuple[float, float, float] = (1.5, 1.5, 2.0)
    window: tuple[float, float] = CT_WINDOW


def intensities(voxels: np.ndarray, modality: str, recipe: Recipe) -> np.ndarray:
    """Return the values of a scan (X, Y, Z) as the network sees them, float32.

    CT: cut to the window, then spread to -1.7 to 1.7, a fixed scale, since HU mean the same everywhere. Any other
    modality: cut to its percentiles 2 and 98, then z-score, since an MR has no scale of its own.
    """
    values = np.asarray(voxels, np.float32)
    if modality == "CT":
        low, high = recipe.window
        return (np.clip(values, low, high) - (low + high) / 2) / max((high - low) / 3.46, 1e-6)
    low, high = np.percentile(values, MR_SHARE)
    values = np.clip(values, low, high)
    return (values - values.mean()) / max(float(values.std()), 1e-6)


def grid_for(shape: tuple[int, ...], spacing: tuple[float, ...], target: tuple[float, ...]) -> tuple[int, ...]:
    """Return how many voxels of the target spacing cover the same field of view.

    >>> grid_for((100, 100, 30), (1.0, 1.0, 5.0), (2.0, 2.0, 2.5))
    (50, 50, 60)
    """
    return tuple(max(1, round(n * s / t)) for n, s, t in zip(shape, spacing, target, strict=True))


def resampled(voxels: np.ndarray, shape: tuple[int, ...], order: int) -> np.ndarray:
    """Return an array (X, Y, Z) on another grid over the same field of view: 0 nearest, 1 linear.

    The outer faces of both grids coincide, so that going there and back moves nothing.
    """
    if voxels.shape == tuple(shape):
        return voxels
    zoom = [n / m for n, m in zip(shape, voxels.shape, strict=True)]
    return ndimage.zoom(voxels, zoom, order=order, mode="nearest", grid_mode=True)


def prepared(voxels: np.ndarray, spacing: tuple[float, float, float], modality: str, recipe: Recipe) -> np.ndarray:
    """Return a scan as the network sees it, (X', Y', Z') float32 at the recipe's spacing."""
    values = intensities(voxels, modality, recipe)
    return resampled(values, grid_for(values.shape, spacing, recipe.spacing), 1).astype(np.float32, copy=False)


def prepared_mask(mask: np.ndarray, spacing: tuple[float, float, float], recipe: Recipe) -> np.ndarray:
    """Return a mask on the network's grid by the nearest voxel, for training; scores are taken on the native grid."""
    return resampled(np.asarray(mask), grid_for(mask.shape, spacing, recipe.spacing), 0)


def native_mask(shares: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """Return the mask (X, Y, Z) uint8 on a scan's own grid from the shares (classes, X', Y', Z') of a network.

    The shares are resampled, class by class, and the largest wins, as nnU-Net does it: smoother than the mask itself.
    """
    best = resampled(shares[0], shape, 1)
    mask = np.zeros(shape, np.uint8)
    for k in range(1, len(shares)):
        share = resampled(shares[k], shape, 1)
        wins = share > best
        mask[wins] = k
        best = np.where(wins, share, best)
    return mask
