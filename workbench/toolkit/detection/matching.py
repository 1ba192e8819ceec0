"""Matching of predictions and objects: greedy by score, nearest center on the ground first, all scenes at once."""

from __future__ import annotations

import numpy as np


def match(
    truth: tuple[np.ndarray, np.ndarray],
    found: tuple[np.ndarray, np.ndarray],
    score: np.ndarray,
    thresholds: tuple[float, ...],
) -> np.ndarray:
    """Match the predictions of one class.

    Every prediction, the best score first, takes the nearest object of its scene that is not taken yet, if its center
    is nearer than the threshold. Of equal scores the later prediction comes first, of equal distances the earlier
    object (as in nuScenes' devkit).

    Parameters
    ----------
    truth, found
        The scene of each box, (M,) and (P,) int, and its center on the ground, (M, 2) and (P, 2) m.
    score
        (P,)
    thresholds
        T distances in m.

    Returns
    -------
    (P, T) int64
        The object that each prediction found, -1 for none.

    Notes
    -----
    The greedy rule is the stable matching in which every object prefers the better score and every prediction the
    nearer object; such a matching is unique. So predictions may propose at the same time, and objects keep the best so
    far (Gale and Shapley 1962): a few rounds over arrays instead of a walk over predictions.
    """
    p, t, distance = _pairs(truth, found, max(thresholds))
    rank = np.empty(len(score), np.int64)
    rank[np.lexsort((-np.arange(len(score)), -score))] = np.arange(len(score))
    order = np.lexsort((t, distance, p))
    p, t, distance = p[order], t[order], distance[order]
    result = np.full((len(score), len(thresholds)), -1)
    for k, threshold in enumerate(thresholds):
        near = distance < threshold
        holder = _propose(p[near], t[near], rank, len(truth[0]))
        taken = np.flatnonzero(holder >= 0)
        result[holder[taken], k] = taken
    return result


def _pairs(truth: tuple, found: tuple, reach: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return predictions, objects (both (K,) int) and distances (K,) of all pairs in one scene nearer than `reach`."""
    order = np.argsort(truth[0], kind="stable")
    scenes = truth[0][order]
    first, last = np.searchsorted(scenes, found[0], "left"), np.searchsorted(scenes, found[0], "right")
    many = last - first  # (P,)
    p = np.repeat(np.arange(len(many)), many)
    t = order[np.arange(len(p)) - np.repeat(np.cumsum(many) - many - first, many)]
    apart = found[1][p] - truth[1][t]
    distance = np.sqrt(apart[:, 0] * apart[:, 0] + apart[:, 1] * apart[:, 1])
    near = distance < reach
    return p[near], t[near], distance[near]


def _propose(p: np.ndarray, t: np.ndarray, rank: np.ndarray, objects: int) -> np.ndarray:
    """Return who holds each object (objects,), -1 for nobody; the pairs are sorted by prediction, then by
    preference."""
    everyone = np.arange(len(rank))
    at, end = np.searchsorted(p, everyone, "left"), np.searchsorted(p, everyone, "right")
    holder = np.full(objects, -1)
    free = np.flatnonzero(at < end)
    while len(free):
        free = free[np.argsort(rank[free])]
        wanted, first = np.unique(t[at[free]], return_index=True)  # the best of those that want the same
        best, before = free[first], holder[wanted]
        wins = (before < 0) | (rank[best] < rank[before])
        holder[wanted[wins]] = best[wins]
        stays = np.zeros(len(rank), bool)
        stays[best[wins]] = True
        lost = np.concatenate([free[~stays[free]], before[wins & (before >= 0)]])
        at[lost] += 1
        free = lost[at[lost] < end[lost]]
    return holder
