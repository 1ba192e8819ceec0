"""Parts of a graph that a run keeps for display: its card, labels and groups, and a layout of a part of it."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import torch

from workbench.contract import Context
from workbench.data.graphs.card import graph_card
from workbench.labs.reliant.method.data import Material
from workbench.labs.reliant.method.model import Features
from workbench.labs.reliant.params import Params
from workbench.toolkit.jobs import RunState

SHOWN = 700  # nodes that are drawn of a larger graph
LINKS = 12_000  # lines that are drawn
STEPS = 60


def seen(name: str, data: Material, params: Params, ctx: Context, run_state: RunState) -> None:
    """Keep the card and the drawing of a graph."""
    graph, rng = data.graph, ctx.rng(f"{name}/layout")
    card = asdict(graph_card(graph)) | {"name": name}
    run_state.book["cards"].append(
        {key: str(v) if isinstance(v, dict | list | tuple) else v for key, v in _flat(card).items()}
    )
    nodes, links = sampled(graph.edges, len(graph), SHOWN, rng)
    places = spring(links, len(nodes), rng)
    if len(links) > LINKS:
        links = links[np.sort(rng.choice(len(links), LINKS, replace=False))]
    run_state.pieces[f"graph {name}"] |= {
        "nodes": nodes.astype(np.int32),
        "links": links.astype(np.int32),
        "places": places.astype(np.float32),
        "labels": graph.y,
        "groups": np.stack(list(graph.groups.values()), 1),
    }


def _flat(card: dict) -> dict:
    """Return the card with a column for each number that a view shows."""
    rates, sizes = card.pop("base_rates"), card.pop("groups")
    first = next(iter(sizes))
    flat = {"set": card.pop("name"), "sensitive": first, "second": next((g for g in sizes if g != first), "")}
    flat |= {"size_0": sizes[first][0], "size_1": sizes[first][1], "rate_0": rates[first][0], "rate_1": rates[first][1]}
    for key in ("label_homophily", "group_homophily"):
        flat[key], flat[f"{key}_chance"] = card.pop(key)
    flat["degree_0"], flat["degree_1"] = card.pop("degree")
    texts = {key: "\n".join(card.pop(key)) for key in ("notes", "warnings")}
    return flat | card | texts


def sampled(edges: np.ndarray, n: int, most: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return at most `most` nodes that hang together (a random node, its neighbors, theirs), and the links among them.

    Returns
    -------
    (ndarray, ndarray)
        Node numbers (m,), sorted, and links (e, 2) as numbers into them.
    """
    nodes = np.arange(n)
    if n > most:
        chosen = np.zeros(n, bool)
        chosen[rng.choice(np.unique(edges))] = True
        while (count := int(chosen.sum())) < most:  # one ring a turn
            touched = edges[chosen[edges].any(1)].ravel()
            fresh = np.unique(touched[~chosen[touched]])
            if len(fresh) == 0:
                fresh = np.flatnonzero(~chosen)[:1]
            chosen[rng.permutation(fresh)[: min(most - count, max(20, len(fresh) // 4))]] = True
        nodes = np.flatnonzero(chosen)
    rank = np.full(n, -1)
    rank[nodes] = np.arange(len(nodes))
    links = rank[edges]
    return nodes, links[(links >= 0).all(1)]


def spring(links: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Return places (n, 2) in [-1, 1]: links pull, all nodes push (Fruchterman and Reingold 1991)."""
    at = rng.uniform(-1, 1, (n, 2))
    ideal, heat = np.sqrt(4 / max(n, 1)), 0.2
    strength = 1 / np.sqrt(1 + np.bincount(links.ravel(), minlength=n))  # or hubs draw everything into one point
    for _ in range(STEPS):
        apart = at[:, None] - at  # (n, n, 2)
        squared = (apart**2).sum(2) + 1e-6
        push = (apart * (ideal**2 / squared)[..., None]).sum(1)  # (n, 2)
        along = at[links[:, 1]] - at[links[:, 0]]  # (e, 2)
        pull = along * np.linalg.norm(along, axis=1, keepdims=True) / ideal
        pull *= (strength[links[:, 0]] * strength[links[:, 1]])[:, None]
        force = push - 0.3 * at * ideal
        np.add.at(force, links[:, 0], pull)
        np.add.at(force, links[:, 1], -pull)
        size = np.linalg.norm(force, axis=1, keepdims=True) + 1e-9
        at = at + force / size * np.minimum(size, heat)
        heat *= 0.94
    return at / max(1e-9, float(np.abs(at).max())) if n else at


def spread_out(features: Features) -> np.ndarray:
    """Return places (n, 2) in [-1, 1] for all nodes: the two main directions of what two propagations make of them.

    Forces between all pairs would take hours on the largest graphs; this takes a second, and linked nodes, whose
    propagated features are alike, come to lie together. Ranks instead of values: a few far nodes would press all
    others into one point.
    """
    moved = features.sym2_x - features.sym2_x.mean(0)  # (n, d)
    if moved.shape[1] < 2:
        moved = torch.cat([moved, features.sym2_one], 1)
    _, directions = torch.linalg.eigh(moved.T.double() @ moved.double())
    main = moved.double() @ directions[:, [-1, -2]]  # (n, 2)
    order = main.cpu().numpy().argsort(0, kind="stable").argsort(0, kind="stable")
    return (2 * (order + 0.5) / len(order) - 1).astype(np.float32)
