"""N1, N2, N3 and LSC: the measures that ask for near neighbors (Lorena et al. 2019; low = easy).

All of them, for the real labels and for every permutation of them, come from **one** pass over the distances: near
neighbors and the minimum spanning tree do not know the labels. The pass goes block by block, so that memory stays
linear in n.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

from workbench.labs.rs.method.spanning import Rows, spanning_tree

BLOCK_BYTES = 2 * 2**20  # one block of distances: small enough to stay in a core's cache
LIST_LENGTHS = (16, 32, 64, 128, 256)
TREE_FEATURES = 4  # up to so many features a k-d tree finds neighbors faster than a scan
ROUNDING = 1e-12  # more than two ways to compare a distance can differ by


def neighbor_measures(X: np.ndarray, Y: np.ndarray, tree: bool = True) -> dict[str, np.ndarray]:
    """Return N1, N2, N3 and LSC of one table under many labelings.

    - N1: share of the samples that touch an edge of the minimum spanning tree which joins two classes
    - N2 = r / (1 + r), r = sum_i intra_i / sum_i extra_i: distance to the nearest sample of the own class over that to
      the nearest enemy (nearest sample of another class). A sample alone in its class has no intra distance and is
      left out of both sums; 0/0 (duplicates only) counts as r = 1, as for labels tossed by a coin
    - N3: error of the leave-one-out 1-nearest-neighbor rule; of equally near samples the first counts
    - LSC = 1 - 1/n^2 sum_i |{j: D_ij < extra_i}|; j = i counts, so that 1 - LSC is about 1/K at most

    Parameters
    ----------
    X
        Samples, shape (n, d), features already scaled to [0, 1].
    Y
        Labelings, shape (L, n), classes 0..K-1 of the same sizes in each.
    tree
        Whether N1, which needs the spanning tree, is wanted.

    Returns
    -------
    dict
        Arrays of shape (L,) by ``n1`` (if wanted), ``n2``, ``n3``, ``lsc``.
    """
    n, Y = len(X), Y.astype(np.min_scalar_type(int(Y.max())))
    rows, k = row_distances(X, "euclidean"), list_length(Y)
    near, far = np.empty((n, k), np.int32), np.empty((n, k))  # the k nearest, and their distances, ascending
    intra, extra, closer = np.empty((3, *Y.shape))
    if X.shape[1] <= TREE_FEATURES:
        near[:], far[:] = lists_by_tree(X, k)
        for block in blocks(n, k):
            intra[:, block], extra[:, block], closer[:, block] = first_in_lists(near[block], far[block], Y, block)
        look_further_by_tree(X, Y, intra, extra, closer)
    else:
        by_class = Y[0].argsort(kind="stable")  # few classes a block make less work for the first labeling
        for block in (by_class[part] for part in blocks(n, n)):
            D = rows(block)  # (b, n)
            near[block], far[block] = lists_by_rows(D, k)
            found = first_in_lists(near[block], far[block], Y, block)
            look_further_by_rows(D, Y, block, *found)
            intra[:, block], extra[:, block], closer[:, block] = found
    nearest = near[:, 0].copy()
    tied = np.flatnonzero(far[:, 0] == far[:, -1])  # a list of equals need not hold the first of them
    for part in (tied[some] for some in blocks(len(tied), n)):
        nearest[part] = rows(part).argmin(1)
    company = np.isfinite(intra)  # (L, n): not alone in its class
    ratio = [quotient(a[c].sum(), b[c].sum()) for a, b, c in zip(intra, extra, company, strict=True)]
    measures = {
        "n2": np.array([1.0 if np.isinf(r) else r / (1 + r) for r in ratio]),
        "n3": (Y[:, nearest] != Y).mean(1),
        "lsc": 1 - closer.sum(1) / n**2,
    }
    if tree:
        i, j = spanning_tree(rows, near, far).T  # (n - 1,)
        touched = np.zeros(Y.shape, bool)
        labeling, edge = np.nonzero(Y[:, i] != Y[:, j])
        touched[labeling, i[edge]] = touched[labeling, j[edge]] = True
        measures["n1"] = touched.mean(1)
    return measures


def quotient(intra: float, extra: float) -> float:
    """Return intra / extra with 0/0 = 1."""
    if extra == 0:
        return 1.0 if intra == 0 else np.inf
    return intra / extra


# --- distances, block by block ----------------------------------------------------------------------------------------


def blocks(n: int, width: int) -> Iterator[slice]:
    """Cut n rows into slices whose (rows, width) block of float64 fits in BLOCK_BYTES."""
    step = max(1, BLOCK_BYTES // (8 * width))
    return (slice(start, min(start + step, n)) for start in range(0, n, step))


def row_distances(X: np.ndarray, metric: str) -> Rows:
    """Return a function from rows to their distances (m, n), with infinity at the sample itself.

    Distances are summed feature by feature and not by way of a matrix product: equal ones stay exactly equal, on
    which ties and duplicates depend.
    """
    index = np.arange(len(X))

    def rows(some: np.ndarray | slice) -> np.ndarray:
        D = cdist(X[some], X, metric)
        D[index[: len(D)], index[some]] = np.inf
        return D

    return rows


def list_length(Y: np.ndarray) -> int:
    """Return how many neighbors to keep so that few samples (1 in 1,000) miss a friend or an enemy among them.

    That holds for shuffled labels; one labeling alone is not worth long lists.
    """
    n, share = Y.shape[1], np.bincount(Y[0]) / Y.shape[1]
    for length in LIST_LENGTHS if len(Y) > 1 else LIST_LENGTHS[:1]:
        if (share * (share**length + (1 - share) ** length)).sum() < 1e-3:
            break
    return min(length, n - 1)


def lists_by_tree(X: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the k nearest of each sample and their distances, both (n, k), ordered by (distance, index)."""
    far, near = cKDTree(X).query(X, k + 1)  # with the sample itself, unless as many duplicates stand in for it
    own = near == np.arange(len(X))[:, None]
    own[~own.any(1), -1] = True
    return in_order(near[~own].reshape(-1, k), far[~own].reshape(-1, k))


def lists_by_rows(D: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the k nearest of each row and their distances, both (b, k), ordered by (distance, index)."""
    far, near = torch.from_numpy(D).topk(k, largest=False, sorted=False)  # NumPy's argpartition is slower
    return in_order(near.numpy(), far.numpy())


def in_order(near: np.ndarray, far: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Order neighbor lists by (distance, index)."""
    row = np.arange(len(near))[:, None]
    order = near.argsort(axis=1)
    order = order[row, far[row, order].argsort(axis=1, kind="stable")]
    return near[row, order], far[row, order]


# --- nearest friends and enemies --------------------------------------------------------------------------------------


def first_in_lists(
    near: np.ndarray, far: np.ndarray, Y: np.ndarray, block: np.ndarray | slice
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find in its list how far each sample's nearest friend and enemy are, and how many are closer than the enemy.

    Parameters
    ----------
    near, far
        Neighbor lists of the block, shape (b, k).
    Y
        Labelings of all samples, shape (L, n).
    block
        The samples of the block.

    Returns
    -------
    tuple
        intra, extra and closer (self included), each (L, b): NaN where the list does not tell, and intra infinite for
        a sample alone in its class.
    """
    same = Y[:, near] == Y[:, block][..., None]  # (L, b, k)
    row = np.arange(len(near))
    intra = np.where(same.any(2), far[row, same.argmax(2)], np.nan)
    extra = far[row, (~same).argmax(2)]  # (L, b)
    known = ~same.all(2)
    if far.shape[1] < Y.shape[1] - 1:  # at the list's last distance there may be more
        known &= extra < far[:, -1]
    extra = np.where(known, extra, np.nan)
    closer = (far < extra[..., None]).sum(2) + (extra > 0)
    alone = np.bincount(Y[0]) == 1
    return np.where(alone[Y[:, block]], np.inf, intra), extra, closer


def look_further_by_tree(
    X: np.ndarray, Y: np.ndarray, intra: np.ndarray, extra: np.ndarray, closer: np.ndarray
) -> None:
    """Fill in, for all samples, what `first_in_lists` left open; the last three are (L, n)."""
    everyone = cKDTree(X)
    for labeling in np.flatnonzero(np.isnan(intra + extra).any(1)):
        y = Y[labeling]
        for c in np.unique(y):
            lost = np.flatnonzero((y == c) & np.isnan(extra[labeling]))
            if len(lost):
                distance = cKDTree(X[y != c]).query(X[lost])[0]
                extra[labeling, lost], closer[labeling, lost] = distance, count_closer(X, everyone, lost, distance)
            lost = np.flatnonzero((y == c) & np.isnan(intra[labeling]))
            if len(lost):
                intra[labeling, lost] = cKDTree(X[y == c]).query(X[lost], 2)[0][:, 1]  # the first is itself


def count_closer(X: np.ndarray, everyone: cKDTree, some: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """Count the samples closer to `some`, shape (m,), than a distance at which there is one; itself included."""
    count = everyone.query_ball_point(X[some], (1 - ROUNDING) * distance, return_length=True)
    within = everyone.query_ball_point(X[some], (1 + ROUNDING) * distance, return_length=True)
    equals = np.flatnonzero(within - count > 1)  # others at that distance: only the distances themselves can tell
    for part in (equals[block] for block in blocks(len(equals), len(X))):
        count[part] = np.count_nonzero(cdist(X[some[part]], X) < distance[part, None], axis=1)
    return np.where(distance > 0, count, 0)


def look_further_by_rows(
    D: np.ndarray, Y: np.ndarray, block: np.ndarray, intra: np.ndarray, extra: np.ndarray, closer: np.ndarray
) -> None:
    """Fill in what `first_in_lists` left open, from the block's distances D, (b, n); the last three are (L, b)."""
    for labeling in np.flatnonzero(np.isnan(intra + extra).any(1)):
        y, own = Y[labeling], Y[labeling, block]
        for c in np.unique(own):
            lost = np.flatnonzero((own == c) & np.isnan(extra[labeling]))
            if len(lost):
                distances = D if len(lost) == len(D) else D[lost]
                distance = distances.take(np.flatnonzero(y != c), axis=1).min(1)
                count = np.count_nonzero(distances < distance[:, None], axis=1)
                extra[labeling, lost], closer[labeling, lost] = distance, count + (distance > 0)
            lost = np.flatnonzero((own == c) & np.isnan(intra[labeling]))
            if len(lost):
                intra[labeling, lost] = D[lost].take(np.flatnonzero(y == c), axis=1).min(1)
