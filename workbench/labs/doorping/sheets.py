"""A released set as one picture."""

from __future__ import annotations

import io

import numpy as np


def sheet(images: np.ndarray, gap: int = 1) -> bytes:
    """Return images (classes, each, side, side, channels) uint8 as a PNG, a row a class."""
    from PIL import Image

    whole = tiled(images, gap)
    file = io.BytesIO()
    Image.fromarray(whole[..., 0] if whole.shape[-1] == 1 else whole).save(file, "PNG")
    return file.getvalue()


def tiled(images: np.ndarray, gap: int = 1) -> np.ndarray:
    """Return images (rows, columns, h, w, channels) uint8 side by side on white, with a gap between them.

    >>> tiled(np.zeros((2, 3, 4, 4, 1), np.uint8)).shape
    (9, 14, 1)
    """
    padded = np.pad(images, ((0, 0), (0, 0), (0, gap), (0, gap), (0, 0)), constant_values=255)
    rows, columns, h, w, channels = padded.shape
    return padded.swapaxes(1, 2).reshape(rows * h, columns * w, channels)[: -gap or None, : -gap or None]
