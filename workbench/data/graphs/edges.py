"""Edges where a table has none: the similarity rule of the fairness benchmarks, and nearest neighbors."""

from __future__ import annotations

import numpy as np

BLOCK = 1_000_000  # distances at once: 8 MB, which a cache nearly holds


def similar(x: np.ndarray, tau: float) -> np.ndarray:
    """Link each node to all that are nearly as similar to it as its nearest one.

    With the similarity $S_{ij} = 1 / (1 + |x_i - x_j|)$ there is an edge from i to j if $S_{ij} > \\tau \\max_k
    S_{ik}$: the rule by which nifty (Agarwal et al. 2021) made the graphs of german, bail and credit. It is told here
    as a radius for each node, so that one product of matrices finds the candidates; only they are measured exactly.

    Parameters
    ----------
    x
        (n, d) features.
    tau
        Between 0 and 1.

    Returns
    -------
    ndarray
        (m, 2) directed edges, sorted.
    """
    x = np.ascontiguousarray(x, np.float64)
    n = len(x)
    norm = (x * x).sum(1)  # (n,)
    slack = 1e-9 * (1 + norm.max(initial=0))  # what rounding may take from a squared distance
    found = []
    for start in range(0, n, max(1, BLOCK // max(n, 1))):
        rows = slice(start, start + max(1, BLOCK // n))
        squared = (-2 * x[rows]) @ x.T  # (b, n)
        squared += norm
        squared += norm[rows, None]
        here = np.arange(len(squared))
        squared[here, start + here] = np.inf
        near = np.sqrt(np.maximum(squared.min(1), 0))  # (b,)
        reach = (1 + near + np.sqrt(slack)) / tau - 1
        i, j = np.nonzero(squared <= (reach**2 + slack)[:, None])
        likeness = 1 / (1 + np.linalg.norm(x[start + i] - x[j], axis=1))
        best = np.zeros(len(squared))
        np.maximum.at(best, i, likeness)
        keep = likeness > tau * best[i]
        found.append(np.stack([start + i[keep], j[keep]], 1))
    return np.concatenate(found) if found else np.zeros((0, 2), np.int64)


def nearest(x: np.ndarray, k: int = 10) -> np.ndarray:
    """Return the directed edges (n k, 2) from each node to its `k` nearest, by standardized features."""
    from sklearn.neighbors import NearestNeighbors

    spread = x.std(0)
    z = (x - x.mean(0)) / np.where(spread > 0, spread, 1)
    k = min(k, len(z) - 1)
    to = NearestNeighbors(n_neighbors=k).fit(z).kneighbors(return_distance=False)  # (n, k), without itself
    return np.stack([np.repeat(np.arange(len(z)), k), to.ravel()], 1)
