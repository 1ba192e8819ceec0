"""nuScenes' detection metric: mAP over distances, five true-positive errors, and NDS (Caesar et al. 2020, section 3.1).

The definition followed is that of nuscenes-devkit 1.2.0, configuration ``detection_cvpr_2019``;
`tests/toolkit/detection` holds the agreement with it.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from workbench.contract.errors import LabError
from workbench.data.scenes.scene import Boxes
from workbench.toolkit.detection.matching import match

THRESHOLDS = (0.5, 1.0, 2.0, 4.0)  # m, of the AP
TP = 2  # the index of the threshold at which errors are measured
RECALLS = np.linspace(0, 1, 101)
FIRST = 11  # recalls up to 0.1 do not count
LEAST = 0.1  # nor does precision up to here
WEIGHT = 5  # of mAP in NDS
ERRORS = ("ATE", "ASE", "AOE", "AVE", "AAE")
"""Mean errors of translation (m), scale (1 - IoU of aligned boxes), orientation (rad), velocity (m/s), attribute
(share)."""
UNDEFINED = {"traffic_cone": ("AOE", "AVE", "AAE"), "barrier": ("AVE", "AAE")}
HALF_TURN = ("barrier",)  # whose front and back are the same


@dataclass(frozen=True)
class Matches:
    """Matches of one class's predictions, in the order of falling score.

    Attributes
    ----------
    label
        Of the class.
    scene, score, index
        (P,) of each prediction; `index` counts within all predictions of all scenes.
    truth
        (P, 4) the object found at each of `THRESHOLDS`, counted within all objects of all scenes; -1 for none.
    errors
        (P, 5) in the order of `ERRORS` at 2 m; NaN where undefined or nothing was found.
    objects
        (scenes,) how many objects of the class each scene has.
    """

    label: str
    scene: np.ndarray
    score: np.ndarray
    index: np.ndarray
    truth: np.ndarray
    errors: np.ndarray
    objects: np.ndarray


@dataclass(frozen=True)
class Scores:
    """The metric, by class and over all.

    Attributes
    ----------
    classes
        C names.
    ap
        (C, 4) average precision at each of `THRESHOLDS`.
    errors
        (C, 5) in the order of `ERRORS`; NaN where a class has no such error.
    precision, confidence
        (C, 4, 101) along `RECALLS`, for curves.
    matches
        What they were computed from, one a class.
    """

    classes: tuple[str, ...]
    ap: np.ndarray
    errors: np.ndarray
    precision: np.ndarray = field(repr=False)
    confidence: np.ndarray = field(repr=False)
    matches: tuple[Matches, ...] = field(repr=False)

    @property
    def map(self) -> float:
        """The mean AP over classes and thresholds."""
        return float(self.ap.mean(1).mean())

    @property
    def tp_errors(self) -> dict[str, float]:
        """The mean over classes of each error (mATE, mASE ...); NaN if no class has it."""
        known = ~np.isnan(self.errors)
        total = np.where(known, self.errors, 0).sum(0)
        mean = np.divide(total, known.sum(0), out=np.full(len(ERRORS), np.nan), where=known.any(0))
        return dict(zip(ERRORS, mean.tolist(), strict=True))

    @property
    def nds(self) -> float:
        """NDS = (5 mAP + sum over five errors of max(0, 1 - error)) / 10."""
        return self.score()

    def score(self, terms: Sequence[str] = ERRORS) -> float:
        """Return NDS of some of the errors only: (5 mAP + sum of max(0, 1 - error)) / (5 + number of terms).

        A data set without attributes, or one that shows no motion, cannot give all of them; say which were taken.
        """
        told = self.tp_errors
        return (WEIGHT * self.map + sum(max(0.0, 1 - told[k]) for k in terms)) / (WEIGHT + len(terms))


def evaluate(truth: Sequence[Boxes], found: Sequence[Boxes], classes: Sequence[str]) -> Scores:
    """Measure predictions.

    Parameters
    ----------
    truth, found
        One `Boxes` a scene, in the same order, and both in one frame; what does not count is left out already (see
        `workbench.toolkit.detection.counting`, which does both).
    classes
        Those that are measured; a class that never occurs has an AP of 0 and errors of 1, as in nuScenes.

    Returns
    -------
    Scores

    Raises
    ------
    LabError
        If the scenes do not pair up, or a score or a predicted box is not finite.
    """
    if len(truth) != len(found):
        raise LabError(f"{len(truth)} scenes cannot be measured by predictions of {len(found)}.", "Give one a scene.")
    objects, boxes = _joined(truth), _joined(found)
    if len(boxes["score"]) and not all(np.isfinite(boxes[k]).all() for k in ("score", "center", "size", "yaw")):
        raise LabError("A prediction has a center, size, yaw or score that is not finite.", "Did the training diverge?")
    if (boxes["score"] < 0).any():
        raise LabError("A prediction has a score below 0.", "Scores are probabilities, not logits.")
    if (boxes["size"] <= 0).any() or (objects["size"] <= 0).any():
        raise LabError("A box has a side of 0 or less.", "Sizes are lengths in m.")
    return summarize([_class(name, objects, boxes, len(truth)) for name in classes])


def summarize(matches: Sequence[Matches], scenes: np.ndarray | None = None) -> Scores:
    """Return the metric of what was found.

    Parameters
    ----------
    matches
        One a class.
    scenes
        (K,) int, which scenes count, as often as they occur: a bootstrap draws them with replacement. All, once, by
        default.
    """
    rows = [_curves(m, scenes) for m in matches]
    precision, confidence = np.stack([r[0] for r in rows]), np.stack([r[1] for r in rows])  # (C, 4, 101)
    ap = np.maximum(precision[..., FIRST:] - LEAST, 0).mean(-1) / (1 - LEAST)
    errors = np.stack([r[2] for r in rows])
    return Scores(tuple(m.label for m in matches), ap, errors, precision, confidence, tuple(matches))


def _joined(scenes: Sequence[Boxes]) -> dict[str, np.ndarray]:
    """The boxes of all scenes in one piece, with the number of the scene and the name of the class."""
    names = ("center", "size", "yaw", "velocity", "attribute", "score")
    empty = {"center": (0, 3), "size": (0, 3), "velocity": (0, 2)}
    joined = {
        k: np.concatenate([getattr(b, k) for b in scenes]) if scenes else np.zeros(empty.get(k, 0)) for k in names
    }
    joined["scene"] = np.repeat(np.arange(len(scenes)), [len(b) for b in scenes])
    joined["name"] = np.concatenate([b.names for b in scenes]) if scenes else np.zeros(0, object)
    return joined


def _class(name: str, objects: dict, boxes: dict, scenes: int) -> Matches:
    mine, theirs = np.flatnonzero(objects["name"] == name), np.flatnonzero(boxes["name"] == name)
    truth, found = ({k: v[rows] for k, v in told.items()} for told, rows in ((objects, mine), (boxes, theirs)))
    score = found["score"].astype(float)
    hits = match((truth["scene"], truth["center"][:, :2]), (found["scene"], found["center"][:, :2]), score, THRESHOLDS)
    errors = np.full((len(score), len(ERRORS)), np.nan)
    good = np.flatnonzero(hits[:, TP] >= 0)
    errors[good] = _errors(
        name, {k: v[hits[good, TP]] for k, v in truth.items()}, {k: v[good] for k, v in found.items()}
    )
    order = np.lexsort((-np.arange(len(score)), -score))
    known = np.append(mine, -1)[hits]  # -1 stays -1
    return Matches(
        name,
        found["scene"][order],
        score[order],
        theirs[order],
        known[order],
        errors[order],
        np.bincount(truth["scene"], minlength=scenes),
    )


def _errors(name: str, truth: dict, found: dict) -> np.ndarray:
    """Return the errors (K, 5) of K matched pairs."""
    apart = np.linalg.norm(found["center"][:, :2] - truth["center"][:, :2], axis=1)
    common = np.minimum(found["size"], truth["size"]).prod(1)
    iou = common / (found["size"].prod(1) + truth["size"].prod(1) - common)
    period = np.pi if name in HALF_TURN else 2 * np.pi
    turn = np.abs((truth["yaw"] - found["yaw"] + period / 2) % period - period / 2)
    speed = np.linalg.norm(found["velocity"] - truth["velocity"], axis=1)
    unknown = truth["attribute"] == ""
    wrong = np.where(unknown, np.nan, (found["attribute"] != truth["attribute"]).astype(float))
    return np.stack([apart, 1 - iou, turn, speed, wrong], 1).astype(float)


def _curves(matches: Matches, scenes: np.ndarray | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return precision and confidence (4, 101) along the recalls, and the five errors of a class."""
    score, truth, errors, total = matches.score, matches.truth, matches.errors, int(matches.objects.sum())
    if scenes is not None:
        times = np.bincount(scenes, minlength=len(matches.objects))
        rows = np.repeat(np.arange(len(score)), times[matches.scene])
        score, truth, errors, total = score[rows], truth[rows], errors[rows], int((matches.objects * times).sum())
    precision, confidence = np.zeros((2, len(THRESHOLDS), len(RECALLS)))
    means = np.ones(len(ERRORS))
    rank = np.arange(1, len(score) + 1)
    for k in range(len(THRESHOLDS)):
        hit = truth[:, k] >= 0
        if not hit.any() or not total:
            continue
        right = np.cumsum(hit)
        precision[k] = np.interp(RECALLS, right / total, right / rank, right=0)
        confidence[k] = np.interp(RECALLS, right / total, score, right=0)
        if k == TP:
            means = _means(errors[hit], score[hit], confidence[k])
    means[[ERRORS.index(e) for e in UNDEFINED.get(matches.label, ())]] = np.nan
    return precision, confidence, means


def _means(errors: np.ndarray, score: np.ndarray, confidence: np.ndarray) -> np.ndarray:
    """Return each error's mean over recalls: of its running mean (H, 5), from recall 0.11 to the highest reached."""
    above = np.flatnonzero(confidence)
    last = above[-1] if len(above) else 0
    if last < FIRST:
        return np.ones(len(ERRORS))
    known = ~np.isnan(errors)
    total, count = np.cumsum(np.where(known, errors, 0), 0), np.cumsum(known, 0)
    running = np.where(known.any(0), np.divide(total, count, out=np.zeros_like(total), where=count > 0), 1.0)
    take = functools.partial(np.interp, confidence[FIRST : last + 1][::-1], score[::-1])
    return np.array([take(column[::-1]).mean() for column in running.T])
