"""The data card of a graph: who is in it, who is linked to whom, and what to mind before anything is trained."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.data.graphs.graph import Graph

SMALL = 50  # labeled nodes of a group, or of a group and label: fewer give gaps that are mostly chance
NOISY = 2_000


@dataclass(frozen=True)
class GraphCard:
    """Contents of a graph.

    Attributes
    ----------
    name, nodes, edges, features
        Of the set; undirected edges.
    labeled
        Nodes with a label.
    positive
        Share of the labeled nodes with label 1.
    groups
        Sensitive column -> (nodes with 0, nodes with 1).
    base_rates
        Sensitive column -> share of label 1 among the labeled nodes of group 0 and of group 1.
    label_homophily, group_homophily
        Share of edges that link nodes of one label (both known) or of one group (first column), and what random links
        between as many nodes of each would give.
    degree
        Mean number of neighbors in group 0 and group 1.
    isolated, components
        Nodes without a neighbor; connected parts, those nodes included.
    notes, warnings
        What was decided on reading, and what to mind.
    """

    name: str
    nodes: int
    edges: int
    features: int
    labeled: int
    positive: float
    groups: dict[str, tuple[int, int]]
    base_rates: dict[str, tuple[float, float]]
    label_homophily: tuple[float, float]
    group_homophily: tuple[float, float]
    degree: tuple[float, float]
    isolated: int
    components: int
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


def graph_card(graph: Graph) -> GraphCard:
    """Describe a graph."""
    from scipy import sparse
    from scipy.sparse.csgraph import connected_components

    n, known, group = len(graph), graph.y >= 0, graph.group
    degree = np.bincount(graph.edges.ravel(), minlength=n)
    links = sparse.coo_matrix((np.ones(len(graph.edges), np.int8), graph.edges.T), shape=(n, n))
    return GraphCard(
        name=graph.name,
        nodes=n,
        edges=len(graph.edges),
        features=len(graph.features),
        labeled=int(known.sum()),
        positive=float((graph.y[known] == 1).mean()),
        groups={name: (int((g == 0).sum()), int((g == 1).sum())) for name, g in graph.groups.items()},
        base_rates={name: tuple(_rate(graph.y, known & (g == v)) for v in (0, 1)) for name, g in graph.groups.items()},
        label_homophily=homophily(graph.y, graph.edges),
        group_homophily=homophily(group, graph.edges),
        degree=tuple(float(degree[group == v].mean()) if (group == v).any() else float("nan") for v in (0, 1)),
        isolated=int((degree == 0).sum()),
        components=int(connected_components(links, directed=False)[0]),
        notes=graph.notes,
        warnings=tuple(_warnings(graph, degree)),
    )


def facts(card: GraphCard) -> dict[str, str]:
    """Return the figures of a card as words, for a page or a terminal."""
    first = next(iter(card.groups))
    told = {
        "Nodes": f"{card.nodes:,}, {card.labeled:,} with a label",
        "Edges": f"{card.edges:,} undirected",
        "Connected parts": f"{card.components:,}, of which nodes alone {card.isolated:,}",
        "Features": f"{card.features:,}",
        "Label 1": f"{card.positive:.1%}",
    }
    for name, sizes in card.groups.items():
        rates = card.base_rates[name]
        for v in (0, 1):
            degree = f", {card.degree[v]:.1f} neighbors" if name == first else ""
            told[f"{name} = {v}"] = f"{sizes[v]:,} nodes, {rates[v]:.1%} with label 1{degree}"
    told["Gap of base rates"] = f"{100 * (card.base_rates[first][0] - card.base_rates[first][1]):+.1f} points"
    for words, (alike, chance) in (("a label", card.label_homophily), ("a group", card.group_homophily)):
        told[f"Edges within {words}"] = f"{alike:.1%}, by chance {chance:.1%}"
    return told


def homophily(values: np.ndarray, edges: np.ndarray) -> tuple[float, float]:
    """Return the share of edges that link equal values, and that of random links; nodes with -1 are left out.

    >>> homophily(np.array([0, 0, 1, 1]), np.array([[0, 1], [2, 3]]))
    (1.0, 0.5)
    """
    ends = values[edges]
    ends = ends[(ends >= 0).all(1)]
    known = values[values >= 0]
    share = (known == 1).mean() if len(known) else np.nan
    alike = float((ends[:, 0] == ends[:, 1]).mean()) if len(ends) else float("nan")
    return alike, float(share**2 + (1 - share) ** 2)


def _rate(y: np.ndarray, mask: np.ndarray) -> float:
    return float((y[mask] == 1).mean()) if mask.any() else float("nan")


def _warnings(graph: Graph, degree: np.ndarray) -> list[str]:
    found = []
    known = graph.y >= 0
    major = max((graph.y[known] == v).mean() for v in (0, 1))
    if major > 0.7:
        found.append(f"The majority class alone would score {major:.0%}: read accuracy less majority, F1 and AUC.")
    if known.sum() < NOISY:
        found.append(f"{known.sum():,} labeled nodes: gaps between groups vary by several points from seed to seed.")
    for name, group in graph.groups.items():
        for value in (0, 1):
            sizes = [int((known & (group == value) & (graph.y == y)).sum()) for y in (0, 1)]
            if min(sizes) < SMALL:
                found.append(
                    f"{name} = {value}: {sizes[1]} nodes with label 1 and {sizes[0]} with 0; its rates are noise."
                )
        clash = [f for f, column in zip(graph.features, graph.x.T, strict=True) if _same(column, group)]
        if clash and group is graph.group:  # others are features like any
            found.append(f"The sensitive column stands among the features ({clash[0]}): it can be dropped.")
        told = group[known]
        if len(np.unique(told)) == 2 and len(np.unique(graph.y[known])) == 2:
            tie = abs(np.corrcoef(told, graph.y[known])[0, 1])
            if tie > 0.95:
                found.append(f"The label follows {name} almost exactly (correlation {tie:.2f}): are they one column?")
    if alone := int((degree == 0).sum()):
        found.append(f"{alone:,} nodes have no neighbor: the network sees only their own features.")
    usual = float(np.median(degree))
    if degree.max() > 100 * max(usual, 1):
        found.append(f"One node has {degree.max():,} neighbors, the median {usual:.0f}: it weighs on many predictions.")
    return found


def _same(column: np.ndarray, group: np.ndarray) -> bool:
    levels = np.unique(column)
    return len(levels) == 2 and bool((column == levels[1]).astype(np.int8).tolist() == group.tolist())
