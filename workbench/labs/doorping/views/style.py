"""Shared style of this lab's pictures: names and colors of the attacks, rungs of the ladder, and pictures of pixels."""

from __future__ import annotations

import base64

import numpy as np
import pandas as pd

from workbench.contract import Result
from workbench.data.images.png import png
from workbench.labs.doorping.common.sheets import opened, patch_at
from workbench.toolkit.statistics import Interval, interval
from workbench.ui.palette import BLUE, GRAY, GREEN, ORANGE, PURPLE, SKY, VERMILLION
from workbench.ui.plots.series import Series, SeriesTable

ATTACKS = SeriesTable(
    [
        Series("clean", "no attack", GRAY),
        Series("random", "random patch", SKY),
        Series("naive", "NAIVEATTACK", ORANGE),
        Series("invisible", "invisible (reconstructed)", PURPLE),
        Series("clipped", "DOORPING, kept valid", GREEN),
        Series("doorping", "DOORPING", VERMILLION),
    ]
)
CARRIERS = {"dc": "gradient matching", "dsa": "… with augmentation", "dd": "through training (DD)"}
RUNGS = (  # words, attack, how test images are stamped, color: from nothing to all that the released code allows
    ("no attack", "clean", "as is", GRAY),
    ("random patch", "random", "as is", SKY),
    ("invisible", "invisible", "as is", PURPLE),
    ("NAIVEATTACK", "naive", "as is", ORANGE),
    ("DOORPING, kept valid", "clipped", "as is", GREEN),
    ("DOORPING, cut at the end", "doorping", "cut", BLUE),
    ("DOORPING, as released", "doorping", "as is", VERMILLION),
)
MEASURES = {
    "ASR, other classes": "asr",
    "ASR, all images (as released)": "asr_all",
    "taken without a stamp": "null",
    "clean accuracy (CTA)": "cta",
}
TESTS = {"as is": "as is", "cut to valid pixels": "cut"}


def present(result: Result, column: str, names: dict[str, str]) -> dict[str, str]:
    """Return words -> value of what the table `victims` holds in a column, in its order."""
    return {names.get(v, v): v for v in result.tables["victims"][column].unique()}


def spread(rows: pd.DataFrame, column: str) -> Interval:
    """Return the mean of a measure and its 95 % interval over distillations and victims; none for a single value."""
    values = rows.pivot_table(index="seed", columns="number", values=column).to_numpy(float)
    if values.size == 1:
        return float(values[0, 0]), np.nan, np.nan
    found = interval(values if len(values) > 1 else values.T)
    return found if np.isfinite(found[1]) else (float(np.nanmean(values)), np.nan, np.nan)


def ranged(found: Interval, digits: int = 2) -> str:
    """Return a mean with its interval."""
    mean, low, high = found
    if not np.isfinite(mean):
        return "–"
    return f"{mean:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})" if np.isfinite(low) else f"{mean:.{digits}f}"


def released(result: Result, short: str) -> np.ndarray | None:
    """Return the released images (classes, each, side, side, channels) uint8 of ``carrier_attack``, or None."""
    blob = result.media.get(f"{short}.png")
    return None if blob is None else opened(blob, result.arrays["tests"].shape[1])


def one_each(result: Result) -> list[int]:
    """Return which of the kept test images to show: the first of each class, ten at most."""
    labels = list(result.arrays["test_labels"])
    return [labels.index(c) for c in dict.fromkeys(labels)][:10]


def picture(image: np.ndarray, width: int, words: str) -> str:
    """Return an image (h, w, 1 or 3) uint8 as HTML, its pixels as squares, at most so wide."""
    data = base64.b64encode(png(image)).decode()
    look = f"width:100%;max-width:{width}px;image-rendering:pixelated;border:1px solid #8884"
    return f'<img alt="{words}" src="data:image/png;base64,{data}" style="{look}">'


def framed(parts: list[tuple[str, str]], width: int = 170) -> str:
    """Return pictures beside each other, each with its words: (words, HTML)."""
    cells = "".join(
        f'<figure style="margin:0;flex:0 1 {width}px;min-width:60px">{shown}<figcaption class="small">{words}'
        "</figcaption></figure>"
        for words, shown in parts
    )
    return f'<div style="display:flex;flex-wrap:wrap;gap:10px">{cells}</div>'


def patch_on(images: np.ndarray, patch: np.ndarray) -> np.ndarray:
    """Return images (N, h, w, channels) uint8 with a patch of pixels (0 black, 1 white, not cut) where it belongs.

    A patch as large as the image is one that is added, gray being nothing.
    """
    side, size = images.shape[1], len(patch)
    if size == side:
        return visible(images / 255 + patch - 0.5)
    out = images.copy()
    at = patch_at(side, size)
    out[:, at, at] = visible(patch)
    return out


def visible(patch: np.ndarray) -> np.ndarray:
    """Return pixels (…), 0 black and 1 white, as what a picture can hold of them, uint8."""
    return (255 * np.clip(patch, 0, 1)).round().astype(np.uint8)
