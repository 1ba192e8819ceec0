"""Density and ClsCoef: measures of the graph of near samples (Lorena et al. 2019; low = easy).

Two samples are joined where their Gower distance, rescaled to [0, 1] over all pairs, is below 0.15 and their classes
agree. The graph without the last condition knows no labels, so one graph serves every labeling.
"""

from __future__ import annotations

import itertools

import numpy as np
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

from workbench.labs.rs.method.neighbors import BLOCK_BYTES, TREE_FEATURES, blocks, row_distances

RADIUS = 0.15
EXACT_LIMIT = 5_000  # samples up to which ClsCoef of the real labels counts every triangle
SAMPLED_NEIGHBORS = 24


def network_measures(X: np.ndarray, Y: np.ndarray, clustering: bool = True) -> dict[str, np.ndarray]:
    """Return Density and ClsCoef of one table under many labelings.

    - Density = 1 - 2 |E| / (n (n - 1))
    - ClsCoef = 1 - mean local clustering coefficient, which is 0 for a sample with fewer than two neighbors

    ClsCoef of the first labeling counts every triangle up to 5,000 samples. Above, and for the other labelings (the
    null), each sample looks at 24 of its neighbors, drawn once with a fixed seed: unbiased, and exact for samples
    with no more neighbors than that.

    Parameters
    ----------
    X
        Samples, shape (n, d), features already scaled to [0, 1].
    Y
        Labelings, shape (L, n), classes 0..K-1.
    clustering
        Whether ClsCoef is wanted.

    Returns
    -------
    dict
        Arrays of shape (L,) by ``density`` and, if wanted, ``clscoef``.
    """
    n = len(X)
    shuffle = np.random.default_rng(0).permutation(n)  # neighbors are drawn evenly along the rows: mix the rows first
    X, Y = X[shuffle], Y[:, shuffle]
    rows = row_distances(X, "cityblock")
    low, high = extremes(X)
    radius = low + RADIUS * (high - low)
    sampled = clustering and (len(Y) > 1 or n > EXACT_LIMIT)
    drawn, draws = np.empty((n, SAMPLED_NEIGHBORS), np.int32), np.empty(n, int)
    bits = np.zeros((n, 8 * -(-n // 64)), np.uint8)  # the graph, a bit a pair, in whole 64-bit words
    for block in blocks(n, n):
        near = rows(block) < radius if high > low else np.zeros((block.stop - block.start, n), bool)  # (b, n)
        bits[block, : -(-n // 8)] = np.packbits(near, axis=1, bitorder="little")
        if sampled:
            drawn[block], draws[block] = draw_neighbors(near)
    degree = class_degrees(bits, Y)  # (L, n)
    measures = {"density": 1 - degree.sum(1) / (n * (n - 1))}
    if clustering:
        values = sampled_clustering(bits, drawn, draws, degree, Y) if sampled else np.empty(1)
        if n <= EXACT_LIMIT:
            values[0] = exact_clustering(bits, Y[0])
        measures["clscoef"] = 1 - values
    return measures


def extremes(X: np.ndarray) -> tuple[float, float]:
    """Return the least and the greatest city-block distance between two samples.

    In few features without the matrix: the nearest pair comes from a k-d tree, and the farthest one are the two ends
    along one of the diagonals (+-1, ..., +-1), on which the city-block distance is a difference of projections.
    """
    if X.shape[1] <= TREE_FEATURES:
        signs = np.array(list(itertools.product((1, -1), repeat=X.shape[1] - 1)))  # (2^(d-1), d-1); the first is +1
        along = X[:, :1] + X[:, 1:] @ signs.T  # (n, 2^(d-1))
        ends = np.abs(X[along.argmax(0)] - X[along.argmin(0)]).sum(1)
        return float(cKDTree(X).query(X, 2, p=1)[0][:, 1].min()), float(ends.max())
    low, high = np.inf, 0.0
    for block in blocks(len(X), len(X)):
        D = cdist(X[block], X[block.start :], "cityblock")  # each pair once or twice
        high = max(high, D.max())
        D[np.arange(len(D)), np.arange(len(D))] = np.inf
        low = min(low, D.min())
    return float(low), float(high)


def class_degrees(bits: np.ndarray, Y: np.ndarray) -> np.ndarray:
    """Return how many neighbors of its own class each sample has under each labeling, shape (L, n)."""
    words = bits.view(np.uint64)  # (n, w)
    ones = np.ones(words.shape[1], np.float32)  # sums of counts are exact in float32 up to 16 million
    degree = np.empty(Y.shape)
    step = max(1, BLOCK_BYTES // bits.shape[1])
    for labeling, y in enumerate(Y):
        for c in range(y.max() + 1):
            mask = np.zeros(bits.shape[1], np.uint8)
            mask[: -(-len(y) // 8)] = np.packbits(y == c, bitorder="little")
            own = np.flatnonzero(y == c)
            for part in (own[start : start + step] for start in range(0, len(own), step)):
                common = np.bitwise_count(words.take(part, axis=0) & mask.view(np.uint64))
                degree[labeling, part] = common.astype(np.float32) @ ones
    return degree


def draw_neighbors(near: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return up to 24 neighbors of each row, evenly spaced among all of them: (b, 24), and how many they are: (b,)."""
    number = np.count_nonzero(near, axis=1)
    column = np.append(np.flatnonzero(near) % near.shape[1], 0)
    start = (np.cumsum(number) - number)[:, None]
    place = np.arange(SAMPLED_NEIGHBORS)
    spread = (2 * place + 1) * number[:, None] // (2 * SAMPLED_NEIGHBORS)
    place = np.where(number[:, None] > SAMPLED_NEIGHBORS, spread, np.minimum(place, np.maximum(number[:, None] - 1, 0)))
    return column[np.minimum(start + place, len(column) - 1)], np.minimum(number, SAMPLED_NEIGHBORS)


def exact_clustering(bits: np.ndarray, y: np.ndarray) -> float:
    """Return the mean local clustering coefficient of the graph whose edges stay inside the classes."""
    total = 0.0
    for c in range(y.max() + 1):
        own = y == c
        A = np.unpackbits(bits[own], axis=1, count=len(y), bitorder="little").compress(own, axis=1)  # (n_c, n_c)
        degree, closed = np.count_nonzero(A, axis=1), np.zeros(len(A))
        words = np.packbits(np.pad(A, ((0, 0), (0, -A.shape[1] % 64))), axis=1).view(np.uint64)  # (n_c, w)
        ones = np.ones(words.shape[1], np.float32)
        i = np.repeat(np.arange(len(A)), degree)
        j = np.flatnonzero(A.view(bool)) - i * len(A)
        i, j = i[j > i], j[j > i]  # the edges
        step = max(1, BLOCK_BYTES // (32 * len(ones)))
        for part in (slice(start, start + step) for start in range(0, len(i), step)):
            common = np.bitwise_count(words.take(i[part], axis=0) & words.take(j[part], axis=0))  # (e, w)
            shared = common.astype(np.float32) @ ones  # (e,): neighbors that both ends have
            closed += np.bincount(i[part], shared, len(A)) + np.bincount(j[part], shared, len(A))
        some = degree > 1
        total += (closed[some] / (degree[some] * (degree[some] - 1))).sum()
    return total / len(y)


def sampled_clustering(
    bits: np.ndarray, drawn: np.ndarray, draws: np.ndarray, degree: np.ndarray, Y: np.ndarray
) -> np.ndarray:
    """Return the mean local clustering coefficient under each labeling, shape (L,), from drawn neighbors.

    A sample whose drawn neighbors hold fewer than two of its class, though it has two, counts as the mean of the rest.

    Parameters
    ----------
    bits
        The graph, shape (n, n / 8).
    drawn, draws
        Drawn neighbors, shape (n, 24), and how many of them count, shape (n,).
    degree
        Neighbors of the own class under each labeling, shape (L, n).
    Y
        Labelings, shape (L, n).
    """
    n, width = bits.shape
    sums, known = np.zeros(len(Y)), np.zeros(len(Y))
    labels = np.ascontiguousarray(Y.T)  # (n, L)
    flat, place = bits.ravel(), np.arange(drawn.shape[1])
    step = max(1, BLOCK_BYTES // (8 * drawn.shape[1] * max(drawn.shape[1], len(Y))))
    for start in range(0, n, step):
        some = drawn[start : start + step].astype(np.int64)  # (b, m)
        byte = some[:, :, None] * width + (some >> 3)[:, None, :]  # (b, m, m)
        linked = (flat[byte] & (1 << (some & 7)).astype(np.uint8)[:, None, :] > 0).astype(np.float32)
        own = (labels[some] == labels[start : start + step, None]) & (place < draws[start : start + step, None])[
            ..., None
        ]
        own = own.astype(np.float32)  # (b, m, L)
        closed = ((linked @ own) * own).sum(
            1, dtype=float
        )  # (b, L): ordered pairs of linked neighbors of the own class
        count = own.sum(1, dtype=float)
        valid = count > 1
        sums += np.where(valid, closed / np.maximum(count * (count - 1), 1), 0).sum(0)
        known += valid.sum(0)
    return (degree > 1).mean(1) * sums / np.maximum(known, 1)
