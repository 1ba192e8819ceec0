"""Surfaces of the organs of a label map, by marching cubes (Lorensen and Cline 1987, as scikit-image does it)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

CELLS = 3_000_000  # cells of the thinned grid, at most
TRIANGLES = 400_000  # in all, at most: more than a phone turns smoothly


@dataclass(frozen=True)
class Surface:
    """An organ's surface.

    Attributes
    ----------
    points
        (n, 3) float32, mm, RAS.
    normals
        (n, 3) float32, unit vectors.
    triangles
        (m, 3) uint32, indices into the points.
    """

    points: np.ndarray
    normals: np.ndarray
    triangles: np.ndarray


def surfaces(labels: np.ndarray, affine: np.ndarray, numbers: Mapping[int, int]) -> tuple[dict[int, Surface], str]:
    """Return the surface of each organ, and in words how the label map was thinned.

    Parameters
    ----------
    labels
        (X, Y, Z) whole numbers, 0 for background.
    affine
        (4, 4) from voxel to mm.
    numbers
        Organ -> its number in the labels; organs that do not occur have no surface.

    Notes
    -----
    Voxels are joined to cells of about equal sides by the share of the organ in each, and the surface is that of one
    half; so it is smoother than the voxels are. An organ that fills no cell to a half is drawn at half of its largest
    share. Cells grow until there are at most `TRIANGLES`.
    """
    from scipy.ndimage import find_objects

    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    size = max(spacing.max() / 2, spacing.min(), (np.prod(spacing * labels.shape) / CELLS) ** (1 / 3))  # mm
    boxes = find_objects(labels)
    here = {organ: n for organ, n in numbers.items() if 0 < n <= len(boxes) and boxes[n - 1] is not None}
    while True:
        steps = np.maximum(1, np.floor(size / spacing + 0.5)).astype(int)
        made = {organ: _surface(labels, affine, n, boxes[n - 1], steps) for organ, n in here.items()}
        count = sum(len(one.triangles) for one in made.values())
        if count <= TRIANGLES:
            break
        size *= max(1.2, 1.05 * (count / TRIANGLES) ** 0.5)  # an area has fewer triangles by the square
    sides = " × ".join(f"{s:.2g}" for s in spacing * steps)
    told = "every voxel was used" if (steps == 1).all() else "joined by " + " × ".join(map(str, steps))
    return made, f"Surfaces of cells of {sides} mm (voxels: {told}), {count:,} triangles."


def packed(found: Mapping[int, Surface], note: str) -> bytes:
    """Return surfaces as `view.js` reads them.

    The length of a JSON head (uint32) and the head, padded to a multiple of four bytes; then of each organ its points
    (uint16, four a point, in units of ``step`` from ``low``), normals (int8, four a point) and triangles (uint32).
    """
    everything = np.concatenate([s.points for s in found.values()] or [np.zeros((1, 3), np.float32)])
    low, high = everything.min(0), everything.max(0)
    step = np.maximum(high - low, 1e-6) / 65_535
    head = {
        "low": low.tolist(),
        "step": step.tolist(),
        "radius": float(np.linalg.norm(high - low)) / 2 or 1.0,
        "note": note,
        "meshes": [[organ, len(s.points), len(s.triangles)] for organ, s in found.items()],
    }
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 4)
    blobs = [np.uint32(len(text)).tobytes(), text]
    for one in found.values():
        points = np.zeros((len(one.points), 4), np.uint16)
        points[:, :3] = np.rint((one.points - low) / step)
        normals = np.zeros((len(one.points), 4), np.int8)
        normals[:, :3] = np.rint(one.normals * 127)
        blobs += [points.tobytes(), normals.tobytes(), one.triangles.astype(np.uint32).tobytes()]
    return b"".join(blobs)


def _surface(labels: np.ndarray, affine: np.ndarray, number: int, box: tuple[slice, ...], steps: np.ndarray) -> Surface:
    from skimage.measure import marching_cubes

    starts = [b.start // s * s for b, s in zip(box, steps, strict=True)]
    ends = [min(-(-b.stop // s) * s, n) for b, s, n in zip(box, steps, labels.shape, strict=True)]
    mask = labels[tuple(slice(a, b) for a, b in zip(starts, ends, strict=True))] == number
    short = [-n % s for n, s in zip(mask.shape, steps, strict=True)]  # where the volume ends within a cell
    mask = np.pad(mask, [(0, n) for n in short])
    (i, j, k), (a, b, c) = (n // s for n, s in zip(mask.shape, steps, strict=True)), steps
    share = mask.reshape(i, a, j, b, k, c).mean((1, 3, 5), dtype=np.float32)
    share = np.pad(share, 1)  # so that the surface is closed
    points, triangles, normals, _ = marching_cubes(share, min(0.5, float(share.max()) / 2))
    points = (points - 1) * steps + (steps - 1) / 2 + starts  # of cells' middles -> voxels
    turn = affine[:3, :3]
    points = points @ turn.T + affine[:3, 3]
    normals = (normals / steps) @ np.linalg.inv(turn)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    return Surface(points.astype(np.float32), normals.astype(np.float32), triangles.astype(np.uint32))
