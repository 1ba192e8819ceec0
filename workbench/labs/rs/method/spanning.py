"""The minimum spanning tree of many samples, without the matrix of their distances."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

SCAN = 32  # whole rows looked at before the bounds are compared again

Rows = Callable[[np.ndarray | slice], np.ndarray]


def spanning_tree(rows: Rows, near: np.ndarray, far: np.ndarray) -> np.ndarray:
    """Return the edges of the minimum spanning tree, shape (n - 1, 2), by Boruvka's method on neighbor lists.

    Every component takes its shortest edge that leaves it, over and over. Mostly the neighbor lists know that edge.
    Where they cannot (each neighbor of a sample lies in its own component, and the list's last distance is below
    the best edge known), that sample's whole row is looked at. Edges are ordered by (length, i, j) with i < j, so
    that the tree is unique under ties too.

    Parameters
    ----------
    rows
        Function from samples (m,) to their distances, shape (m, n), infinite at the sample itself.
    near, far
        Neighbors of each sample and their distances, shape (n, k), ordered by (distance, index).
    """
    n, k = near.shape
    row, component = np.arange(n), np.arange(n)
    bound = far[:, -1].copy() if k < n - 1 else np.full(n, np.inf)  # nothing outside the list is closer than this
    seen_to, seen_length = np.zeros(n, int), np.full(n, np.inf)  # what whole rows have told
    tree = []
    while component.any():
        outside = component[near] != component[:, None]  # (n, k)
        first = outside.argmax(1)
        listed = outside[row, first]
        seen_length[component[seen_to] == component] = np.inf
        seen = np.isfinite(seen_length)  # a row once seen stays right until its edge has joined the component
        to = np.where(seen, seen_to, near[row, first])
        length = np.where(seen, seen_length, np.where(listed, far[row, first], np.inf))

        waits = component == np.bincount(component).argmax()  # the largest: every other component moves
        while True:
            best = np.full(n, np.inf)
            np.minimum.at(best, component, length)
            doubtful = np.flatnonzero((bound <= best[component]) & ~seen & ~waits)
            if len(doubtful) == 0:
                break
            doubtful = doubtful[bound[doubtful].argsort(kind="stable")][:SCAN]
            D = np.where(component[doubtful, None] == component, np.inf, rows(doubtful))  # (m, n)
            to[doubtful] = seen_to[doubtful] = D.argmin(1)
            length[doubtful] = seen_length[doubtful] = bound[doubtful] = D.min(1)
            seen[doubtful] = True

        edges, component = merge(component, row[~waits], to[~waits], length[~waits], best)
        tree.append(edges)
    return np.concatenate(tree)


def merge(
    component: np.ndarray, start: np.ndarray, to: np.ndarray, length: np.ndarray, best: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Merge every component along its best edge.

    Parameters
    ----------
    component
        Component of each sample, 0.., shape (n,).
    start, to, length
        Offered edges, shape (m,).
    best
        The shortest length offered in each component, shape (n,).

    Returns
    -------
    tuple
        The edges taken, shape (e, 2), and the new component of each sample, shape (n,).
    """
    short = length == best[component[start]]
    edges = np.sort(np.stack([start[short], to[short]], 1), axis=1)
    owner = component[start[short]]
    order = np.lexsort((edges[:, 1], edges[:, 0], owner))  # of equal edges the first by (i, j)
    order = order[np.diff(owner[order], prepend=-1) > 0]
    edges, owner = edges[order], owner[order]  # one a component
    parent = np.arange(component.max() + 1)
    parent[owner] = component[edges].sum(1) - owner  # the component at the other end
    mutual = (parent[parent[owner]] == owner) & (owner < parent[owner])  # both took the same edge: once is enough
    parent[owner[mutual]] = owner[mutual]
    edges = edges[~mutual]
    while (parent[parent] != parent).any():
        parent = parent[parent]
    return edges, np.unique(parent, return_inverse=True)[1][component]
