"""Arrays of pixels as PNG files."""

from __future__ import annotations

import io

import numpy as np


def png(pixels: np.ndarray) -> bytes:
    """Return gray (h, w) or (h, w, 1), or RGB (h, w, 3), uint8 as a PNG file."""
    from PIL import Image

    file = io.BytesIO()
    gray = pixels.ndim == 3 and pixels.shape[2] == 1
    Image.fromarray(np.ascontiguousarray(pixels[..., 0] if gray else pixels)).save(file, "PNG")
    return file.getvalue()
