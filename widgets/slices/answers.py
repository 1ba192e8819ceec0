"""What Python answers to the browser: slices, and where an organ is most wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from workbench_widgets.slices import cut
from workbench_widgets.slices.sides import Side, from_first, tables_of

LARGEST = 2048  # pixels of a side of a picture: whatever the browser asks


def answered(view: Any) -> dict[str, Any]:
    """Return the ``picture`` that answers ``want``.

    It is the length of a JSON head (uint32), the head, padded with spaces to a multiple of four bytes, and the bytes of
    the pictures: of each cut the gray, the truth and the prediction, as far as there are such.
    """
    sides = view.sides
    if not sides or not view.want:
        return {}
    try:
        cuts, places = _question(view.want, sides)
    except (TypeError, ValueError, OverflowError):  # it comes from a browser: anything may stand there
        return {}
    head: dict[str, Any] = {"view": view.want.get("view"), "seq": view.want.get("seq"), "cuts": cuts, "at": []}
    tables = [tables_of(side, view.organs) for side in sides]
    blobs: list[bytes] = []
    for k, plane, index, width, height, level, span in cuts:
        side = sides[k]
        gray = cut.scaled(cut.cut(side.voxels, plane, index), width, height)
        blobs.append(cut.windowed(gray, level, span).tobytes())
        for layer, table in zip(side.layers, tables[k], strict=True):
            if layer is not None:
                blobs.append(table[cut.nearest(cut.cut(layer, plane, index), width, height)].tobytes())
    for side, pair, at in zip(sides, tables, places, strict=False):
        organs = [0 if layer is None else int(table[layer[at]]) for layer, table in zip(side.layers, pair, strict=True)]
        head["at"].append([float(side.voxels[at]), *organs])
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 4)
    return {"picture": b"".join([np.uint32(len(text)).tobytes(), text, *blobs])}


def _question(want: Mapping[str, Any], sides: Sequence[Side]) -> tuple[list, list]:
    """Return the cuts and the cursors of a question, within their bounds."""
    cuts, places = [], []
    for side, plane, *numbers, level, span in want.get("cuts", ()):
        k, plane = int(side) % len(sides), int(plane) % len(cut.PLANES)
        index, width, height = (int(n) for n in numbers)
        index = min(max(index, 0), sides[k].voxels.shape[cut.NORMALS[plane]] - 1)
        width, height = (min(max(n, 1), LARGEST) for n in (width, height))
        cuts.append([k, plane, index, width, height, float(level), max(float(span), 1e-6)])
    for one, at in zip(sides, want.get("at", ()), strict=False):
        places.append(tuple(min(max(int(i), 0), n - 1) for i, n in zip(at, one.voxels.shape, strict=True)))
    return cuts, places


def jumped(view: Any) -> dict[str, Any]:
    """Return the ``cursor`` at the axial slice in which ``jump``'s organ is most wrong, or largest without a pair."""
    if not view.sides or len(view.jump) != 3:
        return {}
    _, organ, k = (int(n) for n in view.jump)
    side = view.sides[k % len(view.sides)]
    if not 1 <= organ <= len(view.organs) or all(layer is None for layer in side.layers):
        return {}
    z = int(_wrong(view, k % len(view.sides))[organ].argmax())
    tables = tables_of(side, view.organs)
    masks = [t[v[:, :, z]] == organ for v, t in zip(side.layers, tables, strict=True) if v is not None]
    mask = masks[0] ^ masks[1] if len(masks) == 2 else masks[0]
    if not mask.any():  # right everywhere, or nowhere: show where it is
        mask = masks[0]
        if not mask.any():
            return {}
    x, y = cut.middle_of(mask)
    first = np.linalg.inv(from_first(view.sides[0], side)) @ [x, y, z, 1]
    return {"cursor": [int(round(i)) for i in first[:3]]}


def worst_slices(view: Any, side: int = 0) -> dict[str, tuple[int, int]]:
    """Return, for each organ, its worst axial slice and how many voxels are wrong in it."""
    counts = _wrong(view, side)[1:]
    return {
        name: (int(row.argmax()), int(row.max())) for (name, *_), row in zip(view.organs, counts, strict=True)
    }  # fmt: skip


def _wrong(view: Any, k: int) -> np.ndarray:
    """`cut.most_wrong` of a side, counted once."""
    kept = vars(view).setdefault("_counted", {})
    side = view.sides[k]
    if kept.get(k, (None,))[0] is not side:
        kept[k] = (side, cut.most_wrong(*side.layers, tables_of(side, view.organs), len(view.organs)))
    return kept[k][1]
