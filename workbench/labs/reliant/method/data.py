"""The graphs of a run: read, split for each seed, and turned into tensors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from workbench.contract import Context, LabError
from workbench.data.graphs.graph import Graph, stratified
from workbench.data.graphs.named import open_known
from workbench.data.graphs.own import read_graph
from workbench.labs.reliant.method.model import Features
from workbench.labs.reliant.method.training import Task
from workbench.labs.reliant.params import GIVEN, OFFICIAL, OWN, SMALL, Params

SHARES = (0.3, 0.2)  # of training and validation, as the official split of bail


@dataclass(frozen=True)
class Material:
    """A graph, ready for training.

    Attributes
    ----------
    graph
        As it was read.
    features
        Standardized columns, and what is propagated once.
    sensitive
        The number of the feature that is the sensitive column; None if none is.
    device
        As torch spells it.
    """

    graph: Graph
    features: Features
    sensitive: int | None
    device: str

    def task(self, split: dict[str, np.ndarray]) -> Task:
        """Return the graph with its labels and one split."""
        where = {"device": self.device}
        rows = {name: torch.as_tensor(part, **where) for name, part in split.items()}
        y, s = (torch.as_tensor(v.astype(np.int64), **where) for v in (self.graph.y, self.graph.group))
        return Task(self.features, y, s, **rows)


def sets_of(params: Params) -> list[str]:
    """Return the names of the graphs of a run, the chosen one first."""
    return list(dict.fromkeys([params.dataset, *params.also]))


def seeds_of(graph: Graph, params: Params) -> int:
    """Return how many trainings a graph gets: more for a small one."""
    return params.small_seeds if len(graph) < SMALL else params.seeds


def read(name: str, params: Params, ctx: Context) -> Graph:
    """Read one graph of a run.

    Raises
    ------
    LabError
        If it cannot be had, or a file of the user's own cannot be used.
    """
    if name != OWN:
        return open_known(name, ctx.data, params.split == OFFICIAL and name == "bail")
    if not params.file:
        raise LabError("No file is named.", "Give the path of a zip, a folder or a table as `file`.")
    path, edges = (one and ctx.data(f"file:{Path(one).expanduser().resolve()}") for one in (params.file, params.edges))
    return read_graph(path, edges, params.label, params.sensitive, params.second)


def material(name: str, params: Params, ctx: Context) -> Material:
    """Read a graph and standardize its features over all nodes; labels are not looked at."""
    graph = read(name, params, ctx)
    spread = graph.x.std(0)
    x = (graph.x - graph.x.mean(0)) / np.where(spread > 1e-12, spread, 1)  # (n, d)
    same = sensitive_column(graph)
    tensors = torch.as_tensor(x, dtype=torch.float32), torch.as_tensor(graph.edges)
    features = Features(*(one.to(ctx.device) for one in tensors))
    if same is not None and not params.keep_sensitive:
        features, same = features.without(same), None
    return Material(graph, features, same, ctx.device)


def sensitive_column(graph: Graph) -> int | None:
    """Return which feature is the sensitive column, or its mirror image."""
    for k, column in enumerate(graph.x.T):
        levels = np.unique(column)
        if len(levels) == 2 and ((column == levels[1]) == graph.group).mean() in (0.0, 1.0):
            return k
    return None


def split_for(graph: Graph, params: Params, seed: int, ctx: Context) -> dict[str, np.ndarray]:
    """Return the split of one seed: drawn, or the one that the graph brings.

    Raises
    ------
    LabError
        If the graph brings none.
    """
    if params.split == GIVEN and not graph.split:
        raise LabError(
            "The table has no column 'split'.", "Add one with train, val and test, or choose a random split."
        )
    if graph.split:
        return graph.split
    return stratified(graph, SHARES, ctx.rng(f"split/{graph.name}/{seed}"))
