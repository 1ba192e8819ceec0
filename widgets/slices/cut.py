"""Slices of a volume, cut and scaled to the pixels they are shown at; NumPy only.

Volumes here are canonical, "RAS+": the axes run to the patient's right, front (anterior) and head (superior). Slices
are shown as radiologists do: axial from the feet, coronal from the front, sagittal from the left. Then each axis of
a picture runs against its axis of the volume: the patient's right, or front, is on the left; front, or head, on top.
"""

from __future__ import annotations

import numpy as np

PLANES = ("axial", "coronal", "sagittal")
NORMALS = (2, 1, 0)  # the axis of the volume that stands on each plane
SAMPLE = 200_000  # voxels that stand for all when a window is chosen
CT_WINDOWS = {  # level, width in HU
    "Soft tissue": (40.0, 400.0),
    "Lung": (-600.0, 1500.0),
    "Bone": (400.0, 1800.0),
    "Brain": (40.0, 80.0),
}


def cut(voxels: np.ndarray, plane: int, index: int) -> np.ndarray:
    """Return a slice as it is seen, a view (rows, columns): nothing is copied.

    Examples
    --------
    >>> volume = np.arange(24).reshape(2, 3, 4)  # to the right, to the front, to the head
    >>> axial = cut(volume, 0, 3)
    >>> axial.shape, bool(axial[0, 0] == volume[1, 2, 3])  # top left is front right
    ((3, 2), True)
    """
    return voxels[(slice(None),) * NORMALS[plane] + (index,)].T[::-1, ::-1]


def scaled(picture: np.ndarray, width: int, height: int) -> np.ndarray:
    """Return a gray picture (rows, columns) as float32 (height, width).

    Each axis by itself: the mean over the area of a pixel where there are more voxels than pixels, else linear between
    the voxels' middles.
    """
    return _along_rows(_along_rows(picture, height).T, width).T


def nearest(picture: np.ndarray, width: int, height: int) -> np.ndarray:
    """Return a picture of labels (rows, columns) as (height, width): each pixel is the voxel its middle is in."""
    rows, columns = ((2 * np.arange(n) + 1) * m // (2 * n) for n, m in zip((height, width), picture.shape, strict=True))
    return picture[rows[:, None], columns]


def windowed(gray: np.ndarray, level: float, width: float) -> np.ndarray:
    """Return values as uint8: 0 at and below level - width / 2, 255 at and above level + width / 2."""
    share = (gray - np.float32(level - width / 2)) * np.float32(255 / width)
    return np.rint(np.clip(share, 0, 255, out=share), out=share).astype(np.uint8)


def auto_window(voxels: np.ndarray) -> tuple[float, float]:
    """Return the level and width that show the 1st to the 99th percentile (of about 200,000 voxels)."""
    step = max(1, round((voxels.size / SAMPLE) ** (1 / 3)))
    low, high = np.percentile(voxels[::step, ::step, ::step], (1, 99))
    return float(low + high) / 2, float(max(high - low, 1e-6))


def presets(voxels: np.ndarray, modality: str) -> dict[str, tuple[float, float]]:
    """Return level and width by name; the first suits the modality (``"CT"``, ``"MR"`` or unknown)."""
    auto = {"Auto": auto_window(voxels)}
    return CT_WINDOWS | auto if modality == "CT" else auto if modality == "MR" else auto | CT_WINDOWS


def most_wrong(
    truth: np.ndarray | None, prediction: np.ndarray | None, tables: tuple[np.ndarray, np.ndarray], count: int
) -> np.ndarray:
    """Count, for every organ and axial slice, the voxels in which truth and prediction do not agree about the organ.

    Parameters
    ----------
    truth, prediction
        Labels (X, Y, Z); without one of them, the organ's voxels in the other are counted.
    tables
        Organ (1 to `count`, uint8) of each number in truth and in prediction; 0 for none.

    Returns
    -------
    np.ndarray
        (count + 1, Z) int64; row 0 is background.
    """
    there = [(v, t) for v, t in zip((truth, prediction), tables, strict=True) if v is not None]
    depth = there[0][0].shape[2]
    found = np.zeros((count + 1, depth), np.int64)
    for z in range(depth):  # a slice at a time: it lies in one piece, and is all that memory holds
        organs = [table[voxels[:, :, z]] for voxels, table in there]
        if len(organs) == 2:
            differ = organs[0] != organs[1]
            organs = [one[differ] for one in organs]
        for one in organs:
            found[:, z] += np.bincount(one.ravel(), minlength=count + 1)
    return found


def middle_of(mask: np.ndarray) -> tuple[int, int]:
    """Return the indices of the true cell of a mask (X, Y) nearest to the middle of all true cells."""
    cells = np.argwhere(mask)
    far = ((cells - cells.mean(0)) ** 2).sum(1)
    x, y = cells[int(far.argmin())]
    return int(x), int(y)


def _along_rows(picture: np.ndarray, count: int) -> np.ndarray:
    """Bring the rows to `count`: each is a weighted sum of a few neighbors."""
    have = picture.shape[0]
    picture = np.ascontiguousarray(picture, np.float32)
    if have == count:
        return picture
    if count > have:
        at = np.clip((np.arange(count) + 0.5) * (have / count) - 0.5, 0, have - 1)  # of each pixel, in voxels
        rows = at.astype(int)[:, None] + np.arange(2)  # (count, 2)
        weights = np.stack([rows[:, 1] - at, at - rows[:, 0]], 1)
    else:
        edges = np.linspace(0, have, count + 1)[:, None]
        rows = edges[:-1].astype(int) + np.arange(-(-have // count) + 1)  # (count, neighbors)
        covered = np.minimum(edges[1:], rows + 1) - np.maximum(edges[:-1], rows)
        weights = np.clip(covered, 0, None) * (count / have)
    out = np.zeros((count, picture.shape[1]), np.float32)
    for row, weight in zip(np.minimum(rows, have - 1).T, weights.T.astype(np.float32), strict=True):
        out += picture[row] * weight[:, None]
    return out
