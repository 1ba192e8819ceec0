"""Pixels of any kind as squares of bytes: 8 bits, gray or RGB, nothing transparent, one size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from workbench.contract.errors import LabError

if TYPE_CHECKING:
    from PIL import Image

MOST = {"i": 65535, "f": 255}  # that integers and floats may reach
MAX_PIXELS = 50_000_000  # of one image
MAX_SIDE, MIN_SIDE = 64, 8  # pixels of what comes out
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM")  # of all that Pillow knows: EPS would start Ghostscript
CHUNK = 1024  # images that are computed with at once, so that floats of all of them never lie in memory

DEEP = "had 16 bits and were scaled to 8"
SHALLOW = "had more than 8 bits, but nothing above 255, and were taken as they are"
FLOAT = "held floats from 0 to 1 and were scaled to 0 to 255"
ROUNDED = "held floats from 0 to 255 and were rounded"
ALPHA = "had transparent parts, now white"
CROPPED = "were not square: the middle was cut out"
RESIZED = "were resized"


def read_size(path: Path, tops: dict[str, float]) -> tuple[int, int]:
    """Return width and height of an image file, from its header.

    Parameters
    ----------
    tops
        Gets the highest value of integers (``"i"``) and of floats (``"f"``) with more than 8 bits, of all files so far:
        how they are scaled depends on the range of the whole set.

    Raises
    ------
    LabError
        If it is no image, a larger one than `MAX_PIXELS`, or its numbers are no brightness.
    """
    with _opened(path) as image:
        if kind := _deep(image):
            values = np.asarray(_loaded(image, path.name))
            low, high, most = float(values.min()), float(values.max()), MOST[kind]
            if not (low >= 0 and high <= most):  # NaN is neither
                raise LabError(
                    f"The pixels of {path.name} run from {low:g} to {high:g}.",
                    "Scale them to 0 to 255, or floats to 0 to 1.",
                )
            tops[kind] = max(tops.get(kind, 0.0), high)
        return image.size


def read_square(path: Path, side: int, tops: dict[str, float], changes: Counter[str]) -> np.ndarray:
    """Read an image file.

    Parameters
    ----------
    side
        Pixels wanted.
    tops
        What `read_size` found in all files of the set.
    changes
        Counts what was done.

    Returns
    -------
    (side, side, 1 or 3) uint8
        One channel if no pixel has a color.

    Raises
    ------
    LabError
        If it is damaged.
    """
    with _opened(path) as image:
        deep_colors = any("16" in str(tile.args) for tile in image.tile) and not _deep(image)
        found = _loaded(image, path.name)
    if deep_colors:  # Pillow drops the lower 8 bits
        if not any(high for band, (_, high) in zip(found.getbands(), found.getextrema(), strict=True) if band != "A"):
            raise LabError(f"{path.name} has 16 bits a color, and none is above 255.", "Save it with 8 bits.")
        changes[DEEP] += 1
    (left, top), least = middle(found.size)
    changes[CROPPED] += found.width != found.height
    changes[RESIZED] += least != side
    found = _resized(_plain(found.crop((left, top, left + least, top + least)), tops, changes), side)
    array = np.asarray(found).reshape(side, side, -1)
    return array if has_color(array) else array[..., :1]


def squares(parts: Sequence[np.ndarray], changes: Counter[str]) -> list[np.ndarray]:
    """Turn arrays of images into squares of bytes.

    Parameters
    ----------
    parts
        Each (N, h, w), (N, h, w, c) or (N, c, h, w), c from 1 to 4: gray, gray and alpha, RGB, RGB and alpha. All are
        scaled alike.
    changes
        Counts what was done.

    Returns
    -------
    list of (N, side, side, 1 or 3) uint8

    Raises
    ------
    LabError
        If their shapes or numbers are not those of images, or differ from part to part.
    """
    shaped = [_channels_last(part) for part in parts]
    if len({part.shape[1:] for part in shaped}) > 1:
        sizes = " and ".join(" x ".join(map(str, part.shape[1:])) for part in shaped)
        raise LabError(f"Training and test images differ in size: {sizes}.", "Resize them.")
    height, width, channels = shaped[0].shape[1:]
    if height * width > MAX_PIXELS:
        raise LabError(f"An image has {width} x {height} pixels.", f"{MAX_PIXELS:,} is the limit: make it smaller.")
    (left, top), least = middle((width, height))
    side, count = checked_side(least), sum(map(len, shaped))
    changes[CROPPED] += count * (width != height)
    changes[RESIZED] += count * (side != least)
    scale = _scale(shaped, count, changes)
    out = []
    for part in shaped:
        new = np.empty((len(part), side, side, 3 if channels > 2 else 1), np.uint8)
        for k in range(0, len(part), CHUNK):
            some = part[k : k + CHUNK, top : top + least, left : left + least]
            some = some if some.dtype == np.uint8 else np.rint(some.astype(np.float64) * scale).astype(np.uint8)
            if channels in (2, 4):
                changes[ALPHA] += int((some[..., -1] < 255).any((1, 2)).sum())
                some = _on_white(some)
            new[k : k + CHUNK] = some if side == least else [_small(image, side) for image in some]
        out.append(new)
    return out if any(map(has_color, out)) else [part[..., :1] for part in out]


def middle(size: tuple[int, int]) -> tuple[tuple[int, int], int]:
    """Return left and top of the square in the middle, and its side.

    >>> middle((8, 5))
    ((1, 0), 5)
    """
    least = min(size)
    return ((size[0] - least) // 2, (size[1] - least) // 2), least


def checked_side(least: int) -> int:
    """Return the side that images get which are `least` pixels on their shorter one."""
    if least < MIN_SIDE:
        raise LabError(f"The images are {least} pixels on their shorter side.", f"{MIN_SIDE} is the least.")
    return min(least, MAX_SIDE)


def has_color(images: np.ndarray) -> bool:
    """Return whether any pixel of (..., channels) has channels that differ."""
    return bool((images[..., 1:] != images[..., :1]).any())


def _opened(path: Path) -> Image.Image:
    from PIL import Image

    try:
        image = Image.open(path, formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise LabError(f"{path.name} is too large: {error}.", f"{MAX_PIXELS:,} pixels is the limit.") from error
    except Exception as error:
        raise LabError(f"{path.name} is no image.", f"Take it out. Known are {', '.join(FORMATS)}.") from error
    if image.width * image.height > MAX_PIXELS:
        size = f"{image.width} x {image.height}"
        image.close()
        raise LabError(f"{path.name} has {size} pixels.", f"{MAX_PIXELS:,} is the limit: make it smaller.")
    return image


def _loaded(image: Image.Image, name: str) -> Image.Image:
    """Return an image with its pixels, as the camera was held."""
    from PIL import ImageOps

    try:
        image.load()
        return ImageOps.exif_transpose(image)
    except Exception as error:  # decoders fail in many ways; all mean the same to the user
        raise LabError(f"{name} cannot be read as an image: {error}.", "Export it again.") from error


def _deep(image: Image.Image) -> str:
    """Return ``"i"`` or ``"f"`` for one channel of more than 8 bits, of integers or of floats, else ``""``."""
    return {"I": "i", "F": "f"}.get(image.mode[0], "")


def _plain(image: Image.Image, tops: dict[str, float], changes: Counter[str]) -> Image.Image:
    """Return an image as L or RGB."""
    from PIL import Image

    if kind := _deep(image):
        factor, words = _factor(kind, tops[kind])
        changes[words] += 1
        return Image.fromarray(np.rint(np.asarray(image) * factor).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        changes[ALPHA] += image.getextrema()[3][0] < 255
        white = Image.new("RGBA", image.size, "white")
        white.alpha_composite(image)
        return white.convert("RGB")
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


def _resized(image: Image.Image, side: int) -> Image.Image:
    from PIL import Image

    return image if image.size == (side, side) else image.resize((side, side), Image.Resampling.LANCZOS)


def _small(image: np.ndarray, side: int) -> np.ndarray:
    from PIL import Image

    plain = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    return np.asarray(_resized(plain, side)).reshape(side, side, -1)


def _channels_last(images: np.ndarray) -> np.ndarray:
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim == 4 and 1 <= images.shape[3] <= 4:
        return images
    if images.ndim == 4 and 1 <= images.shape[1] <= 4:
        return images.transpose(0, 2, 3, 1)
    shape = " x ".join(map(str, images.shape))
    raise LabError(
        f"An array of images has the shape {shape}.", "It has to be N x h x w, N x h x w x c or N x c x h x w."
    )


def _scale(parts: Sequence[np.ndarray], count: int, changes: Counter[str]) -> float:
    """Return what to multiply pixels by, which depends on the range of all of them."""
    kinds = {"i" if part.dtype.kind == "u" else part.dtype.kind for part in parts}
    if len(kinds) > 1 or not kinds <= set("bif"):
        held = " and ".join(str(part.dtype) for part in parts)
        raise LabError(f"The images hold {held}.", "Save all of them as integers from 0 to 255, or floats from 0 to 1.")
    low, high = float(min(part.min() for part in parts)), float(max(part.max() for part in parts))
    if not np.isfinite([low, high]).all():
        raise LabError("Some pixels are NaN or infinite.", "Put numbers in their place.")
    kind = kinds.pop()
    if low < 0 or high > MOST.get(kind, 1):
        raise LabError(f"The pixels run from {low:g} to {high:g}.", "Scale them to 0 to 255, or floats to 0 to 1.")
    if kind == "b":
        return 255.0
    factor, words = _factor(kind, high)
    changes[words] += count * any(part.dtype != np.uint8 for part in parts)
    return factor


def _factor(kind: str, top: float) -> tuple[float, str]:
    """Return what to multiply integers (``"i"``) or floats (``"f"``) of a set by, by the highest, and what that is."""
    if kind == "f":
        return (255.0, FLOAT) if top <= 1 else (1.0, ROUNDED)
    return (1 / 257, DEEP) if top > 255 else (1.0, SHALLOW)


def _on_white(images: np.ndarray) -> np.ndarray:
    """Compose (N, h, w, 2 or 4) uint8 on white: (N, h, w, 1 or 3)."""
    color, alpha = images[..., :-1].astype(np.uint32), images[..., -1:].astype(np.uint32)
    return ((color * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
