"""Surfaces of masks and the normalized surface distance, NSD.

Two definitions of a surface are in use, and their NSD differ by up to 19 points on one and the same pair of masks:

* ``"area"`` (Nikolov et al. 2018, arXiv 1809.04430; DeepMind's *surface-distance*): an element is a corner of the voxel
  grid whose 2x2x2 neighborhood is neither empty nor full. It counts with the area that marching cubes puts there.
* ``"voxels"`` (MONAI's default): an element is a voxel of the mask with a face neighbor outside of it, and counts one.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import ndimage

Surface = Literal["area", "voxels"]
SURFACES: tuple[Surface, ...] = ("area", "voxels")
MOST_OFFSETS = 1500  # of the ball of the tolerance; above it a distance transform is faster
EPSILON = 1e-9  # relative: a distance of exactly the tolerance counts, however its square root was rounded


@dataclass(frozen=True)
class Overlap:
    """Overlap of two surfaces within a tolerance.

    Attributes
    ----------
    near_a, near_b
        Surface of each mask that lies within the tolerance of the other's, in mm2 (``"area"``) or voxels.
    whole_a, whole_b
        The whole surface of each.
    """

    near_a: float
    near_b: float
    whole_a: float
    whole_b: float

    @property
    def nsd(self) -> float:
        """Both near parts over both wholes; NaN if neither has a surface."""
        whole = self.whole_a + self.whole_b
        return (self.near_a + self.near_b) / whole if whole else math.nan


def surface_overlap(
    a: np.ndarray, b: np.ndarray, spacing: tuple[float, float, float], tolerance: float, surface: Surface = "area"
) -> Overlap:
    """Return how much of the surfaces of two masks lies within a tolerance of each other.

    Parameters
    ----------
    a, b
        (X, Y, Z) bool. Cut both to their common bounding box: the cost is that of the array. Outside is background.
    spacing
        mm between voxels along each axis.
    tolerance
        mm; a distance of exactly so much counts.
    surface
        See the top of this file.

    Returns
    -------
    Overlap
        Zeros for an empty mask, which has no surface; nothing is then near.

    Examples
    --------
    Two cubes of 10 mm, one shifted by 2 mm: the faces along the shift are within 1 mm of each other, but their ends.

    >>> a = np.zeros((14, 12, 12), bool); a[1:11, 1:11, 1:11] = True
    >>> round(surface_overlap(a, np.roll(a, 2, axis=0), (1.0, 1.0, 1.0), 1.0, "area").nsd, 3)
    0.723
    """
    elements = _corners if surface == "area" else _edges
    ball = _ball(tuple(float(s) for s in spacing), float(tolerance))
    margin = np.abs(ball).max(axis=0) if ball is not None else np.zeros(3, int)
    codes_a, codes_b = elements(a, margin), elements(b, margin)
    weights = area_table(tuple(float(s) for s in spacing)) if surface == "area" else np.ones(256)
    weights = np.where(np.isin(np.arange(256), (0, 255)), 0.0, weights)
    on_a, on_b = ((c != 0) & (c != 255) for c in (codes_a, codes_b))
    at_a, at_b = np.flatnonzero(on_a), np.flatnonzero(on_b)
    area_a, area_b = weights[codes_a.ravel()[at_a]], weights[codes_b.ravel()[at_b]]
    if not (len(at_a) and len(at_b)):
        return Overlap(0.0, 0.0, float(area_a.sum()), float(area_b.sum()))
    if ball is None:
        near_a, near_b = _near_by_transform(at_a, at_b, on_a, on_b, spacing, tolerance)
    else:
        steps = ball @ np.array([on_a.shape[1] * on_a.shape[2], on_a.shape[2], 1])
        near_a, near_b = _near(at_a, on_b.ravel(), steps), _near(at_b, on_a.ravel(), steps)
    return Overlap(float(area_a[near_a].sum()), float(area_b[near_b].sum()), float(area_a.sum()), float(area_b.sum()))


def average_distance(a: np.ndarray, b: np.ndarray, spacing: tuple[float, float, float]) -> float:
    """Return the average symmetric surface distance of two masks, ASD or ASSD.

    Parameters
    ----------
    a, b
        (X, Y, Z) bool; outside is background.
    spacing
        mm between voxels along each axis.

    Returns
    -------
    float
        mm: mean, over the voxels on both surfaces (those of ``"voxels"``), of how far the other surface is. NaN if a
        mask is empty: no distance says how wrong that is.

    Examples
    --------
    >>> a = np.zeros((4, 4, 4), bool); a[1, 1, 1] = True
    >>> average_distance(a, np.roll(a, 1, axis=2), (1.0, 1.0, 5.0))
    5.0
    """
    if not (a.any() and b.any()):
        return math.nan
    where = ndimage.find_objects((a | b).view(np.uint8))[0]
    on_a, on_b = (_edges(m[where], np.zeros(3, int)) > 0 for m in (a, b))
    to_a, to_b = (ndimage.distance_transform_edt(~on, sampling=spacing) for on in (on_a, on_b))
    return float(np.concatenate([to_b[on_a], to_a[on_b]]).mean())


def _near(at: np.ndarray, other: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Return which elements `at` (flat indices) have one of `other` (flat bool) at one of the steps, nearest first.

    Surfaces that resemble each other are settled by the first few steps, so that few elements are left to the rest.
    """
    found = np.zeros(len(at), bool)
    left = np.arange(len(at))
    for step in steps:
        hit = other[at[left] + step]
        found[left[hit]] = True
        left = left[~hit]
        if not len(left):
            break
    return found


def _near_by_transform(
    at_a: np.ndarray, at_b: np.ndarray, on_a: np.ndarray, on_b: np.ndarray, spacing: tuple, tolerance: float
) -> tuple[np.ndarray, np.ndarray]:
    """The same by one distance transform a side: for tolerances of many voxels."""
    limit = tolerance * (1 + EPSILON)
    to_b = ndimage.distance_transform_edt(~on_b, sampling=spacing).ravel()
    to_a = ndimage.distance_transform_edt(~on_a, sampling=spacing).ravel()
    return to_b[at_a] <= limit, to_a[at_b] <= limit


@functools.lru_cache(maxsize=64)
def _ball(spacing: tuple[float, float, float], tolerance: float) -> np.ndarray | None:
    """Return the steps (n, 3) in voxels that are no longer than the tolerance, nearest first; None if they are many."""
    reach = [math.floor(tolerance * (1 + EPSILON) / s) for s in spacing]
    if math.prod(2 * r + 1 for r in reach) > 4 * MOST_OFFSETS:
        return None
    grid = np.stack(np.meshgrid(*(np.arange(-r, r + 1) for r in reach), indexing="ij"), -1).reshape(-1, 3)
    length = np.linalg.norm(grid * spacing, axis=1)
    order = np.argsort(length, kind="stable")
    ball = grid[order][length[order] <= tolerance * (1 + EPSILON)]
    return ball if len(ball) <= MOST_OFFSETS else None


def _corners(mask: np.ndarray, margin: np.ndarray) -> np.ndarray:
    """Return the code 0-255 of the 2x2x2 neighborhood of every corner of the voxel grid, with a margin of zeros.

    Bit 4 i + 2 j + k is the voxel (i, j, k) of the neighborhood.
    """
    whole = np.zeros([n + 1 + 2 * int(m) for n, m in zip(mask.shape, margin, strict=True)], np.uint8)
    codes = whole[tuple(slice(int(m), int(m) + n + 1) for n, m in zip(mask.shape, margin, strict=True))]
    # one axis after the other: a voxel is bit 0 or 1 of its pair, a pair the lower or upper half of its square, ...
    voxels = mask.astype(np.uint8)
    nx, ny, nz = mask.shape
    line = np.zeros((nx, ny, nz + 1), np.uint8)
    line[:, :, 1:] = voxels  # k = 0: the voxel before the corner
    line[:, :, :-1] |= voxels << 1
    plane = np.zeros((nx, ny + 1, nz + 1), np.uint8)
    plane[:, 1:] = line
    plane[:, :-1] |= line << 2
    codes[1:] = plane
    codes[:-1] |= plane << 4
    return whole


def _edges(mask: np.ndarray, margin: np.ndarray) -> np.ndarray:
    """Return 1 at every voxel of the mask with a face neighbor outside of it, with a margin of zeros."""
    whole = np.zeros([n + 2 * int(m) for n, m in zip(mask.shape, margin, strict=True)], np.uint8)
    inside = np.pad(mask, 1)
    core = inside[1:-1, 1:-1, 1:-1].copy()
    for axis in range(3):
        core &= np.roll(inside, 1, axis)[1:-1, 1:-1, 1:-1] & np.roll(inside, -1, axis)[1:-1, 1:-1, 1:-1]
    whole[tuple(slice(int(m), int(m) + n) for n, m in zip(mask.shape, margin, strict=True))] = mask & ~core
    return whole


@functools.lru_cache(maxsize=64)
def area_table(spacing: tuple[float, float, float]) -> np.ndarray:
    """Return the surface area in mm2 of each of the 256 neighborhoods, (256,).

    Marching cubes at the middle of the edges. Where two surfaces are possible, that of the neighborhood and that of its
    complement, the smaller one counts: this makes the table symmetric and equal to DeepMind's.
    """
    from skimage.measure import marching_cubes

    bits = 1 << np.arange(8).reshape(2, 2, 2)
    areas = np.zeros(256)
    for code in range(1, 255):
        cell = ((code & bits) > 0).astype(np.float32)
        points, faces, _, _ = marching_cubes(cell, 0.5, spacing=spacing, method="lorensen")
        p, q, r = np.moveaxis(points[faces].astype(float), 1, 0)  # each (faces, 3)
        areas[code] = np.linalg.norm(np.cross(q - p, r - p), axis=1).sum() / 2
    return np.minimum(areas, areas[::-1])
