"""What is shown: one volume with its organs, or two on one cursor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from workbench_widgets.slices import cut

COLORS = ("#3D8FD1", "#E69F00", "#009E73", "#CC79A7", "#9AD4F5", "#D55E00", "#A266FF", "#88FFDD", "#EEFFAA", "#F0E442")


@dataclass(frozen=True)
class Side:
    """A volume with the organs of a truth and of a prediction.

    Attributes
    ----------
    voxels
        (X, Y, Z) numbers, canonical RAS+; may be a memory-mapped file.
    affine
        (4, 4) from voxel numbers to mm, RAS.
    modality
        ``"CT"``, ``"MR"`` or ``""``.
    name
        Shown over its slices when there are two sides.
    truth, prediction
        Labels (X, Y, Z), whole numbers, 0 for background; either may be missing.
    truth_names, prediction_names
        Organ by number. Organs of the same name are one organ on both sides. Numbers without a name are not shown.
    note
        What must be said beneath.
    """

    voxels: np.ndarray
    affine: np.ndarray
    modality: str = ""
    name: str = ""
    truth: np.ndarray | None = None
    prediction: np.ndarray | None = None
    truth_names: Mapping[int, str] = field(default_factory=dict)
    prediction_names: Mapping[int, str] = field(default_factory=dict)
    note: str = ""

    @property
    def layers(self) -> tuple[np.ndarray | None, np.ndarray | None]:
        return self.truth, self.prediction

    @property
    def names(self) -> tuple[Mapping[int, str], Mapping[int, str]]:
        return self.truth_names, self.prediction_names


def slices_of(*sides: Side, colors: Mapping[str, str] | None = None, figures: Mapping[str, str] | None = None) -> dict:
    """Return the fields of `Slices` that show one side, or two on one cursor.

    Parameters
    ----------
    sides
        One or two. The second one's cursor stands at the same mm where the two lie in one space (they overlap by more
        than half), else at the same share of the way through the volume.
    colors
        Color by organ, ``"#rrggbb"``.
    figures
        What stands beside an organ's name, such as its Dice: ``"0.93"``.

    Raises
    ------
    ValueError
        If labels do not lie on the grid of their volume, there are more than 255 organs, or not one or two sides.
    """
    if len(sides) not in (1, 2):
        raise ValueError(f"one or two sides can be shown, not {len(sides)}")
    for side in sides:
        for layer in side.layers:
            if layer is not None and layer.shape != side.voxels.shape:
                raise ValueError(f"labels of {layer.shape} voxels do not fit a volume of {side.voxels.shape}")
            if layer is not None and layer.dtype not in (np.uint8, np.uint16):
                raise ValueError(f"labels are uint8 or uint16, not {layer.dtype}")
    names = list(dict.fromkeys(n for s in sides for m, v in zip(s.names, s.layers, strict=True) if v is not None
                               for n in m.values()))  # fmt: skip
    if len(names) > 255:
        raise ValueError(f"{len(names)} organs are more than the 255 that a byte can tell apart")
    colors, figures = colors or {}, figures or {}
    known: list[dict[str, tuple[float, float]]] = []
    for k, side in enumerate(sides):
        again = k and sides[0].voxels is side.voxels
        known.append(known[0] if again else cut.presets(side.voxels, side.modality))
    grids = [
        {
            "name": side.name,
            "modality": side.modality,
            "shape": list(side.voxels.shape),
            "spacing": np.linalg.norm(side.affine[:3, :3], axis=0).tolist(),
            "affine": np.asarray(side.affine, float)[:3].tolist(),
            "from_first": from_first(sides[0], side)[:3].tolist(),
            "to_first": np.linalg.inv(from_first(sides[0], side))[:3].tolist(),
            "linked": "mm" if k == 0 or _one_space(sides[0], side) else "share",
            "presets": [[name, *values] for name, values in windows.items()],
            "window": 0 if _seen_alike(sides[0], side) else k,  # the side whose window it has
            "layers": [layer is not None for layer in side.layers],
            "note": side.note,
        }
        for k, (side, windows) in enumerate(zip(sides, known, strict=True))
    ]
    layers = [any(grid["layers"][k] for grid in grids) for k in (0, 1)]
    return {
        "sides": list(sides),
        "grids": grids,
        "organs": [
            [name, colors.get(name, COLORS[k % len(COLORS)]), figures.get(name, "")] for k, name in enumerate(names)
        ],
        "cursor": [n // 2 for n in sides[0].voxels.shape],
        "windows": [list(next(iter(windows.values()))) for windows in known],
        "mode": "difference" if all(layers) else "prediction" if layers[1] else "truth",
    }


def tables_of(side: Side, organs: Sequence[Sequence[str]]) -> tuple[np.ndarray, np.ndarray]:
    """The place in the legend, uint8, of every number that truth and prediction can hold."""
    place = {name: k for k, (name, *_) in enumerate(organs, 1)}
    made = []
    for layer, names in zip(side.layers, side.names, strict=True):
        table = np.zeros(1 if layer is None else np.iinfo(layer.dtype).max + 1, np.uint8)
        for number, name in names.items():
            if 0 < number < len(table):
                table[number] = place.get(name, 0)
        made.append(table)
    return made[0], made[1]


def from_first(first: Side, side: Side) -> np.ndarray:
    """Where the cursor of the first side stands in another one: (4, 4), from voxel to voxel."""
    if side is first or (side.voxels.shape == first.voxels.shape and np.allclose(side.affine, first.affine, atol=1e-3)):
        return np.eye(4)
    if _one_space(first, side):
        return np.linalg.inv(side.affine) @ first.affine
    share = np.array(side.voxels.shape) / first.voxels.shape  # the middle of a voxel lies half a voxel in
    made = np.diag([*share, 1.0])
    made[:3, 3] = share / 2 - 0.5
    return made


def _seen_alike(first: Side, side: Side) -> bool:
    """Whether one window suits both: HU mean the same everywhere, the values of MR only within a scan."""
    same = side.voxels is first.voxels or (side.voxels.shape == first.voxels.shape and side.name == first.name)
    return same or side.modality == first.modality == "CT"


def _one_space(first: Side, side: Side) -> bool:
    """Whether the boxes of two volumes overlap, in mm, by more than half of the smaller."""
    boxes = []
    for one in (first, side):
        corners = np.stack(np.meshgrid(*[(0, n - 1) for n in one.voxels.shape]), -1).reshape(-1, 3)  # (8, 3)
        at = corners @ np.asarray(one.affine)[:3, :3].T + np.asarray(one.affine)[:3, 3]
        boxes.append((at.min(0), at.max(0)))
    shared = np.minimum(boxes[0][1], boxes[1][1]) - np.maximum(boxes[0][0], boxes[1][0])
    sizes = [np.prod(high - low) for low, high in boxes]
    return bool(np.prod(np.clip(shared, 0, None)) > min(sizes) / 2)
