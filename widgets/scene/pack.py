"""A scene as the bytes that the browser draws: points, what they are colored by, and the corners of boxes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np

BUDGET = 50_000  # points: more make a phone slow and show no more
NOWHERE = 65_535  # the box of a point that lies in none


def packed(
    points: np.ndarray,
    corners: np.ndarray | None = None,
    *,
    shades: Mapping[str, np.ndarray] | None = None,
    inside: np.ndarray | None = None,
    predicted: np.ndarray | None = None,
    ramp: Sequence[Sequence[int]] = ((58, 76, 140), (253, 231, 37)),
    budget: int = BUDGET,
    note: str = "",
) -> bytes:
    """Return a scene as `gl.js` reads it.

    Parameters
    ----------
    points
        (N, 3 or more) x ahead, y left, z up, m. Rows that are not finite are left out; of more than `budget`,
        as many are kept, evenly spaced, and the note says so.
    corners
        (M, 8, 3) m: of each box the bottom's, then the top's, each from front left clockwise.
    shades
        Name -> numbers (N,) from 0 to 1 that points may be colored by, along `ramp`.
    inside
        (N,) the box that each point lies in, -1 for none.
    predicted
        (M,) whether a box is a prediction: those are dashed.
    ramp
        RGB from 0 to 255 at 0, at 1 and evenly between.

    Returns
    -------
    bytes
        The length of a JSON head (uint32) and the head, padded to a multiple of four bytes; then points (float32, n x
        3), corners (float32, M x 8 x 3), the box of each point (uint16, n, padded to four bytes), shades (uint8, one
        after the other) and `predicted` (uint8, M).

    Raises
    ------
    ValueError
        If there are more boxes than a point can name, or a length does not fit.
    """
    boxes = np.zeros((0, 8, 3)) if corners is None else np.asarray(corners)
    if len(boxes) >= NOWHERE:
        raise ValueError(f"{len(boxes):,} boxes are more than the picture takes ({NOWHERE - 1:,})")
    for name, values in {"inside": inside, **(shades or {})}.items():
        if values is not None and len(values) != len(points):
            raise ValueError(f"{name!r} has {len(values):,} numbers for {len(points):,} points")
    fine = np.flatnonzero(np.isfinite(points[:, :3]).all(1))
    kept = fine[np.linspace(0, len(fine) - 1, budget).astype(np.int64)] if len(fine) > budget else fine
    xyz = points[kept, :3].astype("<f4")
    said = f"{len(kept):,} of {len(points):,} points are drawn" if len(kept) < len(points) else ""
    head = {
        "points": len(kept),
        "boxes": len(boxes),
        "shades": list(shades or {}),
        "ramp": [list(map(int, color)) for color in ramp],
        "floor": float(np.percentile(xyz[:, 2], 20)) if len(xyz) else 0.0,  # most low points are ground
        "reach": float(np.percentile(np.hypot(xyz[:, 0], xyz[:, 1]), 90)) if len(xyz) else 40.0,
        "note": "; ".join(filter(None, (note, said))),
    }
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 4)
    owner = np.full(len(kept) + len(kept) % 2, NOWHERE, "<u2")
    if inside is not None:
        owner[: len(kept)] = np.where(inside[kept] < 0, NOWHERE, inside[kept])
    blobs = [np.array(len(text), "<u4").tobytes(), text, xyz.tobytes(), boxes.astype("<f4").tobytes(), owner.tobytes()]
    for values in (shades or {}).values():
        blobs.append(np.rint(np.clip(np.nan_to_num(values[kept]), 0, 1) * 255).astype(np.uint8).tobytes())
    dashed = np.zeros(len(boxes), np.uint8) if predicted is None else np.asarray(predicted).astype(np.uint8)
    return b"".join([*blobs, dashed.tobytes()])


def looks(colors: Sequence[str], shown: np.ndarray) -> bytes:
    """Return colors ``"#rrggbb"`` (M) and whether each box is shown (M,) as RGBA, a byte each, (M, 4).

    >>> list(looks(["#ff8000"], np.array([True])))
    [255, 128, 0, 255]
    """
    digits = "".join(color[1:] for color in colors)
    rgba = np.empty((len(colors), 4), np.uint8)
    rgba[:, :3] = np.frombuffer(bytes.fromhex(digits), np.uint8).reshape(-1, 3)
    rgba[:, 3] = np.where(shown, 255, 0)
    return rgba.tobytes()
