"""DSI, the distance-based separability index (Guan & Loew 2020/21; high = separable)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.spatial.distance import pdist

SAMPLE_LIMIT = 4_000  # 8 million pairs, about 500 MB; more samples are thinned out per class, with a fixed seed
LANES = 8  # labelings in one 64-bit word, a byte each
GROUP = 255  # pairs whose 0/1 flags one byte can add up
CHUNK = 128  # groups counted together: few enough to stay in a core's cache
GRID = 2_048  # quantiles of the distances that are read at the least


class Pairs(NamedTuple):
    """All pairs of samples in about the order of their distance, cut into groups.

    Attributes
    ----------
    i, j
        The two samples of each pair, shape (m,), m = n (n - 1) / 2.
    order, length
        Places of the pairs in scipy's pdist, and the distances in the order of pdist, shape (m,).
    cuts
        Bounds of the groups, shape (g + 1,): at most 255 pairs each.
    whole
        Shape (g,): no pair behind this group is as near as one in it or before it, so that the cumulative
        distribution of the distances may be read at its end.
    """

    i: np.ndarray
    j: np.ndarray
    order: np.ndarray
    length: np.ndarray
    cuts: np.ndarray
    whole: np.ndarray


def dsi(X: np.ndarray, Y: np.ndarray, limit: int = SAMPLE_LIMIT) -> np.ndarray:
    """Return DSI of one table under many labelings; the first is exact, the others up to a grid.

    For each class c, s_c is the two-sample Kolmogorov-Smirnov distance of the distances inside c (ICD) and those from
    c to the rest (BCD); DSI = mean_c s_c in [0, 1]. A class of one sample has no ICD and is left out.

    The pairs are sorted once. The first labeling is then evaluated exactly. The others (permutations, for the null)
    are evaluated at some 2,000 quantiles of the distances or more: s_c may come out low by no more than the share of
    pairs between two of them, and is exact for a few dozen samples.

    Parameters
    ----------
    X
        Samples, shape (n, d), scaled as wanted (the authors standardize the features).
    Y
        Labelings, shape (L, n), classes 0..K-1.
    limit
        With more samples than this, a sub-sample of about this size is used: the same share of each class of the
        first labeling, fixed seed.

    Returns
    -------
    ndarray
        Shape (L,).
    """
    if len(X) > limit:
        rows = thin_out(Y[0], limit)
        X, Y = X[rows], Y[:, rows]
    pairs = sorted_pairs(X)
    values = [grid_dsi(pairs, Y[start : start + LANES], exact=start == 0) for start in range(0, len(Y), LANES)]
    return np.concatenate(values)


def thin_out(y: np.ndarray, limit: int) -> np.ndarray:
    """Return the rows of a sub-sample of about `limit`: the same share of every class, at least two, fixed seed."""
    rng, share = np.random.default_rng(0), limit / len(y)
    members = (np.flatnonzero(y == c) for c in np.unique(y))
    return np.sort(np.concatenate([rng.permutation(rows)[: max(2, round(share * len(rows)))] for rows in members]))


def sorted_pairs(X: np.ndarray) -> Pairs:
    """Sort the pairs of samples by distance and cut them into groups."""
    n = len(X)
    length = pdist(X)
    index = np.arange(n, dtype=np.uint16)  # the limit on the sample size keeps it below 65,536
    i = np.repeat(index, np.arange(n - 1, -1, -1))  # (m,): pairs (i, j > i) in the order of pdist
    j = np.concatenate([index[start:] for start in range(1, n)])
    step = int(np.clip(len(length) // GRID, 1, GROUP))
    # A radix sort on 16 bits is cheap, and enough unless many distances fall on one step of the 65,536.
    coarse = np.multiply(length, 65_535 / (length.max() or 1), out=np.empty(len(length), np.uint16), casting="unsafe")
    order = coarse.argsort(kind="stable")
    ends = run_ends(coarse[order])
    if step == 1 or np.diff(ends, prepend=0).max() > step:
        order = order[length[order].argsort(kind="stable")]  # finds most in order already
        ends = run_ends(length[order])
    cuts = np.arange(step, len(length), step)
    cuts = np.unique(np.concatenate([[0], cuts, ends[np.searchsorted(ends, cuts)], ends[-1:]]))
    whole = ends[np.searchsorted(ends, cuts[1:])] == cuts[1:]
    return Pairs(i[order], j[order], order, length, cuts, whole)


def run_ends(values: np.ndarray) -> np.ndarray:
    """Return one past the end of every run of equal values."""
    return np.append(np.flatnonzero(values[1:] != values[:-1]) + 1, len(values))


def grid_dsi(pairs: Pairs, Y: np.ndarray, exact: bool = False) -> np.ndarray:
    """Return DSI of up to eight labelings, shape (L,), read at the ends of the groups; `exact` mends the first."""
    classes = int(Y.max()) + 1
    sizes = np.diff(pairs.cuts)
    inside = between = np.zeros((len(sizes), len(Y)))
    values = []
    for c in range(classes):
        if c == 1 and classes == 2:
            inside = np.cumsum(sizes)[pairs.whole, None] - inside - between  # what is neither in 0 nor between
        else:
            sums = group_sums(pairs, np.equal(Y, c))  # twice (g, L)
            inside, between = (np.cumsum(s, axis=0, dtype=np.int64)[pairs.whole] for s in sums)  # (t, L)
        with np.errstate(invalid="ignore"):  # NaN where there are no pairs
            value = np.abs(inside / inside[-1] - between / between[-1]).max(0)
        if exact:
            value[0] = exact_ks(pairs, Y[0] == c, inside[:, 0], between[:, 0], value[0])
        values.append(value)
    values = np.array(values)  # (K, L)
    known = np.isfinite(values)
    return np.where(known, values, 0).sum(0) / np.maximum(known.sum(0), 1)


def group_sums(pairs: Pairs, member: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Count in each group the pairs inside a class, and those between it and the rest, under up to eight labelings.

    One 64-bit word a sample holds a byte a labeling: 1 where the sample is a member. AND of two words says for which
    labelings a pair is inside, XOR for which it is between; adding up 255 words overflows no byte.

    Parameters
    ----------
    member
        Whether a sample is of the class, shape (L, n).

    Returns
    -------
    tuple
        Two arrays of shape (g, L), uint8.
    """
    lanes = np.zeros((member.shape[1], LANES), np.uint8)  # (n, 8)
    lanes[:, : len(member)] = member.T
    word = lanes.view(np.uint64)[:, 0]
    sums = np.empty((2, len(pairs.cuts) - 1), np.uint64)
    for first in range(0, sums.shape[1], CHUNK):
        cuts = pairs.cuts[first : first + CHUNK + 1]
        i, j, starts = pairs.i[cuts[0] : cuts[-1]], pairs.j[cuts[0] : cuts[-1]], cuts[:-1] - cuts[0]
        wi, wj = word[i], word[j]
        sums[0, first : first + CHUNK] = np.add.reduceat(wi & wj, starts)
        sums[1, first : first + CHUNK] = np.add.reduceat(wi ^ wj, starts)
    inside, between = sums.view(np.uint8).reshape(2, -1, LANES)[..., : len(member)]
    return inside, between


def exact_ks(pairs: Pairs, member: np.ndarray, inside: np.ndarray, between: np.ndarray, value: float) -> float:
    """Return the Kolmogorov-Smirnov distance read at every pair, given its `value` at the t whole groups' ends.

    Between two ends both distributions only grow, which bounds their difference there: only where the bound is above
    `value` the pairs themselves are looked at.
    """
    if not np.isfinite(value):
        return value
    ends = pairs.cuts[1:][pairs.whole]  # (t,)
    starts, inside_before, between_before = (np.append(0, v[:-1]) for v in (ends, inside, between))
    m, k = inside[-1], between[-1]
    bound = np.maximum(inside / m - between_before / k, between / k - inside_before / m)
    for group in np.argsort(-bound, kind="stable"):  # the most promising first
        if not bound[group] > value:
            break
        part = slice(starts[group], ends[group])
        length = pairs.length[pairs.order[part]]
        order = length.argsort(kind="stable")
        a, b = member[pairs.i[part][order]], member[pairs.j[part][order]]
        last = run_ends(length[order]) - 1
        share_inside = (inside_before[group] + np.cumsum(a & b)[last]) / m
        share_between = (between_before[group] + np.cumsum(a ^ b)[last]) / k
        value = max(value, np.abs(share_inside - share_between).max())
    return value
