"""DSC and NSD of a predicted mask for each organ, with rules for absent organs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from scipy import ndimage

from workbench.contract.errors import LabError
from workbench.toolkit.segmentation.surfaces import SURFACES, Surface, surface_overlap

ABSENT = ("penalize", "skip")
CONNECTED = np.ones((3, 3, 3), bool)  # voxels that touch in a corner belong together


@dataclass(frozen=True)
class Rules:
    """Rules of the scores; printed beside the numbers.

    Attributes
    ----------
    tolerance
        Of the NSD, in mm. What the AMOS challenge took could not be verified; 1 mm is recalled.
    surface
        ``"area"`` (DeepMind) or ``"voxels"`` (MONAI's default); see `workbench.toolkit.segmentation.surfaces`.
    absent
        What an organ counts that the reference lacks and the prediction holds: ``"penalize"``: 0; ``"skip"``: nothing.
        An organ that both lack never counts, and one that the prediction alone lacks counts 0.
    smallest
        Connected components (26 neighbors) below this volume, in mm3, are taken from both masks first. 0 keeps all.
    """

    tolerance: float = 1.0
    surface: Surface = "area"
    absent: str = "penalize"
    smallest: float = 0.0

    def __post_init__(self) -> None:
        if self.surface not in SURFACES:
            raise LabError(f"There is no surface {self.surface!r}.", f"Choose one of {', '.join(SURFACES)}.")
        if self.absent not in ABSENT:
            raise LabError(f"There is no policy {self.absent!r}.", f"Choose one of {', '.join(ABSENT)}.")
        if not (math.isfinite(self.tolerance) and self.tolerance >= 0 and self.smallest >= 0):
            raise LabError("Tolerance and smallest volume are numbers of 0 or more.", "Give mm and mm3.")

    def __str__(self) -> str:
        kind = {"area": "surface by area (DeepMind)", "voxels": "surface by edge voxels (MONAI default)"}[self.surface]
        absent = {"penalize": "counts 0", "skip": "is skipped"}[self.absent]
        text = f"NSD at {self.tolerance:g} mm, {kind}; an organ only predicted {absent}, one in neither is skipped"
        return text + (f"; components below {self.smallest:g} mm3 taken out" if self.smallest else "")


def dice(a: np.ndarray, b: np.ndarray) -> float:
    """Return 2 |A and B| / (|A| + |B|) of two bool masks; NaN if both are empty.

    >>> dice(np.array([True, True, False]), np.array([True, False, False]))
    0.6666666666666666
    """
    sizes = int(np.count_nonzero(a)) + int(np.count_nonzero(b))
    return 2 * int(np.count_nonzero(a & b)) / sizes if sizes else math.nan


def score_case(
    prediction: np.ndarray,
    reference: np.ndarray,
    spacing: tuple[float, float, float],
    organs: Mapping[int, str] | Iterable[int],
    rules: Rules = Rules(),  # noqa: B008 - frozen
) -> pd.DataFrame:
    """Score every organ of one case.

    Parameters
    ----------
    prediction, reference
        (X, Y, Z) whole numbers on one grid; numbers that are no organ are background.
    spacing
        mm along each axis.
    organs
        The numbers to score, with or without names.
    rules
        How.

    Returns
    -------
    DataFrame
        One row an organ: ``organ`` (number), ``name``, ``dsc``, ``nsd`` (0 to 1, NaN where it does not count),
        ``state`` (``both``, ``missed``, ``invented``, ``neither``), ``reference_ml``, ``prediction_ml``, and
        ``small_components``, how many the filter took out.

    Raises
    ------
    LabError
        If the grids differ.
    """
    if prediction.shape != reference.shape:
        raise LabError(
            f"A prediction of {prediction.shape} voxels cannot be compared with a reference of {reference.shape}.",
            "Bring the prediction back to the grid of its image.",
        )
    names = dict(organs) if isinstance(organs, Mapping) else {k: f"label {k}" for k in organs}
    spacing = tuple(float(s) for s in spacing)
    boxes = [_boxes(mask, max(names)) for mask in (prediction, reference)]
    rows = []
    for organ, name in names.items():
        box = _union(boxes[0][organ - 1], boxes[1][organ - 1])
        a, b = ((mask[box] == organ) if box else np.zeros((1, 1, 1), bool) for mask in (prediction, reference))
        rows.append({"organ": organ, "name": name} | _score(a, b, spacing, rules))
    return pd.DataFrame(rows)


def _score(a: np.ndarray, b: np.ndarray, spacing: tuple[float, float, float], rules: Rules) -> dict:
    """Score one organ from two bool masks, prediction and reference, cut to their common box."""
    dropped = 0
    if rules.smallest:
        (a, lost_a), (b, lost_b) = (large_components(m, spacing, rules.smallest) for m in (a, b))
        dropped = lost_a + lost_b
    size_a, size_b = int(np.count_nonzero(a)), int(np.count_nonzero(b))
    state = {(True, True): "both", (False, True): "missed", (True, False): "invented"}.get(
        (size_a > 0, size_b > 0), "neither"
    )
    if state == "both":
        dsc = dice(a, b)
        nsd = surface_overlap(a, b, spacing, rules.tolerance, rules.surface).nsd
    elif state == "missed" or (state == "invented" and rules.absent == "penalize"):
        dsc = nsd = 0.0
    else:
        dsc = nsd = math.nan
    ml = math.prod(spacing) / 1000
    return {
        "dsc": dsc, "nsd": nsd, "state": state, "reference_ml": size_b * ml, "prediction_ml": size_a * ml,
        "small_components": dropped,
    }  # fmt: skip


def large_components(mask: np.ndarray, spacing: tuple[float, float, float], smallest: float) -> tuple[np.ndarray, int]:
    """Return a bool mask (X, Y, Z) without its connected components below `smallest` mm3, and how many those were."""
    parts, _ = ndimage.label(mask, structure=CONNECTED)
    sizes = np.bincount(parts.ravel()) * math.prod(spacing)
    keep = sizes >= smallest * (1 - 1e-9)
    keep[0] = False
    return keep[parts], int(np.count_nonzero(~keep[1:]))


def _boxes(mask: np.ndarray, most: int) -> list[tuple[slice, ...] | None]:
    """Return the bounding box of every number from 1 to `most`, None where it does not occur."""
    if mask.dtype.kind not in "iu":
        mask = mask.astype(np.int32)
    found = ndimage.find_objects(mask, max_label=most)
    return list(found) + [None] * (most - len(found))


def _union(a: tuple[slice, ...] | None, b: tuple[slice, ...] | None) -> tuple[slice, ...] | None:
    if a is None or b is None:
        return a or b
    return tuple(slice(min(p.start, q.start), max(p.stop, q.stop)) for p, q in zip(a, b, strict=True))


def summarize(scores: pd.DataFrame, by: str = "name") -> pd.DataFrame:
    """Return mean DSC and NSD of the rows of `score_case`, and how often an organ was in both, missed, or invented."""
    groups = scores.groupby(by, sort=False)
    table = groups[["dsc", "nsd"]].mean()
    counts = groups["state"].value_counts().unstack(fill_value=0)
    for state in ("both", "missed", "invented", "neither"):
        table[state] = counts.get(state, 0)
    return table.reset_index()


def rules_dict(rules: Rules) -> dict:
    """Return the rules as JSON values, with the sentence that says them."""
    return asdict(rules) | {"in_words": str(rules)}
