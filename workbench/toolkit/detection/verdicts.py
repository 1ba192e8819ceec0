"""True positives, false positives and misses, box by box."""

from __future__ import annotations

import numpy as np

from workbench.data.scenes.scene import Boxes
from workbench.toolkit.detection.matching import match

FOUND, MISSED, FALSE = "matched", "missed", "false"


def verdicts(truth: Boxes, found: Boxes, distance: float = 2.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Match the boxes of one scene, class by class, as the metric does.

    Parameters
    ----------
    truth, found
        In one frame. Classes are compared by name.
    distance
        m between centers on the ground, below which a prediction finds an object.

    Returns
    -------
    ((M,), (P,), (P,))
        `FOUND` or `MISSED` of every object, `FOUND` or `FALSE` of every prediction, and the object that each prediction
        found, -1 for none.
    """
    partner = np.full(len(found), -1)
    for name in sorted(set(truth.names) & set(found.names)):
        mine, theirs = np.flatnonzero(truth.names == name), np.flatnonzero(found.names == name)
        places = ((np.zeros(len(k), np.int64), b.center[k, :2]) for b, k in ((truth, mine), (found, theirs)))
        hit = match(*places, found.score[theirs], (distance,))[:, 0]
        partner[theirs] = np.append(mine, -1)[hit]
    states = np.full(len(truth), MISSED, dtype=object)
    states[partner[partner >= 0]] = FOUND
    return states, np.where(partner >= 0, FOUND, FALSE).astype(object), partner
