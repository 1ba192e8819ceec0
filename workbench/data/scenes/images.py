"""Camera images of scenes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from workbench.contract.errors import LabError

MAX_PIXELS = 50_000_000


def read_image(path: Path) -> np.ndarray:
    """Return a JPEG or PNG image as (H, W, 3) uint8.

    Raises
    ------
    LabError
        If it is missing, damaged, or too large.
    """
    from PIL import Image

    if not path.is_file():
        raise LabError(
            f"There is no image {path.name}.", "Check the path; a camera that is absent is left out instead."
        )
    try:
        with Image.open(path) as image:
            if image.width * image.height > MAX_PIXELS:
                raise LabError(f"{path.name} has {image.width} x {image.height} pixels.", "Make it smaller.")
            return np.asarray(image.convert("RGB"))
    except LabError:
        raise
    except Exception as error:  # decoders fail in many ways; all mean the same to the user
        raise LabError(f"{path.name} cannot be read as an image: {error}.", "Export it again.") from error
