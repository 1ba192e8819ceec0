"""A released set as one picture, and where a patch lies in one of its images."""

from __future__ import annotations

import io

import numpy as np

from workbench.data.images.png import png

GAP = 1  # white pixels between images


def patch_at(side: int, size: int) -> slice:
    """Return the rows, and the columns, of a square patch: one pixel in from the lower right corner, as released.

    >>> patch_at(8, 3)
    slice(4, 7, None)
    """
    return slice(side - 1 - size, side - 1)


def sheet(images: np.ndarray) -> bytes:
    """Return images (classes, each, side, side, channels) uint8 as a PNG, a row a class."""
    return png(tiled(images))


def opened(blob: bytes, side: int) -> np.ndarray:
    """Return the images of a sheet again (classes, each, side, side, channels) uint8.

    >>> images = np.arange(2 * 3 * 4 * 4, dtype=np.uint8).reshape(2, 3, 4, 4, 1)
    >>> bool((opened(sheet(images), 4) == images).all())
    True
    """
    from PIL import Image

    whole = np.asarray(Image.open(io.BytesIO(blob)))
    whole = np.pad(whole.reshape(*whole.shape[:2], -1), ((0, GAP), (0, GAP), (0, 0)))
    rows, columns = (n // (side + GAP) for n in whole.shape[:2])
    return whole.reshape(rows, side + GAP, columns, side + GAP, -1).swapaxes(1, 2)[:, :, :side, :side]


def tiled(images: np.ndarray) -> np.ndarray:
    """Return images (rows, columns, h, w, channels) uint8 side by side on white, with a gap between them.

    >>> tiled(np.zeros((2, 3, 4, 4, 1), np.uint8)).shape
    (9, 14, 1)
    """
    padded = np.pad(images, ((0, 0), (0, 0), (0, GAP), (0, GAP), (0, 0)), constant_values=255)
    rows, columns, h, w, channels = padded.shape
    return padded.swapaxes(1, 2).reshape(rows * h, columns * w, channels)[:-GAP, :-GAP]
