"""Graphs of people: features, a binary label, binary groups and undirected edges; and what makes a graph usable."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from workbench.contract.errors import LabError
from workbench.data.tables.columns import encode

MAX_NODES, MAX_EDGES = 1_000_000, 5_000_000
LEAST = 20  # nodes of each label with a known group: with fewer there is nothing to learn from
PARTS = ("train", "val", "test")
_STEP = re.compile(r"\s*(.+?)\s*(>=|>)\s*(-?\d+(?:\.\d+)?)\s*")


@dataclass(frozen=True)
class Graph:
    """Nodes with features, labels and groups, and undirected edges.

    Attributes
    ----------
    name
        Of the set.
    x, features
        (n, d) float64, finite, as in the source (not scaled), and a word for each column.
    y, label
        (n,) int8: 1, 0, or -1 where it is not known; and the column's name.
    groups
        Sensitive columns: name -> (n,) int8, 0 or 1. The first is the one a method protects.
    edges
        (m, 2) int64, each undirected edge once, the smaller number first, sorted, no self loops.
    split
        Row numbers by ``train``, ``val`` and ``test`` as the source gives them, or nothing.
    notes
        Sentences on what was decided and left out.
    """

    name: str
    x: np.ndarray
    features: tuple[str, ...]
    y: np.ndarray
    label: str
    groups: dict[str, np.ndarray]
    edges: np.ndarray
    split: dict[str, np.ndarray] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.x)

    @property
    def group(self) -> np.ndarray:
        """The first sensitive column."""
        return next(iter(self.groups.values()))


def clean_edges(pairs: np.ndarray, n: int) -> tuple[np.ndarray, list[str]]:
    """Return each undirected edge once, and what was left out.

    Parameters
    ----------
    pairs
        (m, 2) integers: rows of the node table, in any order and direction.
    n
        How many nodes there are.

    Raises
    ------
    LabError
        If a number is no node, or there are too many.
    """
    pairs = np.asarray(pairs)
    if pairs.ndim != 2 or pairs.shape[1] != 2:
        raise LabError(f"The edges have the shape {pairs.shape}.", "Give two columns: from and to.")
    if len(pairs) > MAX_EDGES:
        raise LabError(f"There are {len(pairs):,} edges; {MAX_EDGES:,} is the limit.", "Take a part of the graph.")
    if len(pairs) and (pairs.min() < 0 or pairs.max() >= n):
        wrong = int(((pairs < 0) | (pairs >= n)).any(1).sum())
        raise LabError(
            f"{wrong:,} edges name a node that is not in the table of {n:,} nodes.",
            "Edges name nodes by the column 'id' of the table or, without one, by their row, from 0.",
        )
    loops = int((pairs[:, 0] == pairs[:, 1]).sum())
    low, high = pairs.min(1, initial=n).astype(np.int64), pairs.max(1, initial=-1).astype(np.int64)
    keys = np.unique(low[low < high] * n + high[low < high])  # sorted
    notes = [f"{loops:,} self loops were left out."] if loops else []
    if again := len(pairs) - loops - len(keys):
        notes.append(f"{again:,} edges stood there twice or in both directions; each counts once.")
    return np.stack([keys // n, keys % n], 1), notes


def binary(column: pd.Series, name: str, what: str) -> np.ndarray:
    """Return a column as (n,) int8, 1 for the larger of its two values.

    Raises
    ------
    LabError
        If it has another number of values, or a gap.
    """
    if column.isna().any():
        raise LabError(f"The {what} {name!r} is missing in {int(column.isna().sum()):,} rows.", "Fill or drop them.")
    levels = sorted(column.unique(), key=lambda v: (str(type(v)), v))
    if len(levels) != 2:
        raise LabError(
            f"The {what} {name!r} has {len(levels):,} different values; two are needed.",
            f"Choose another column, or cut numbers in two, as in '{name}>=30'.",
        )
    return (column == levels[1]).to_numpy().astype(np.int8)


def group_column(frame: pd.DataFrame, name: str) -> np.ndarray:
    """Return a sensitive column, or a numeric one cut in two as in ``"AGE>=30"``, as (n,) int8."""
    if name not in frame and (cut := _STEP.fullmatch(name)) and cut[1] in frame:
        numbers = pd.to_numeric(frame[cut[1]], errors="coerce")
        if numbers.isna().any():
            raise LabError(f"The column {cut[1]!r} has rows that are no numbers.", "Choose a column of numbers.")
        side = numbers >= float(cut[3]) if cut[2] == ">=" else numbers > float(cut[3])
        return binary(side, name, "sensitive attribute")
    return binary(_column(frame, name, "sensitive"), name, "sensitive attribute")


def label_column(frame: pd.DataFrame, name: str, unknown: float | None = None) -> np.ndarray:
    """Return the labels as (n,) int8: 0 or 1, and -1 where there is none (a gap, or the value `unknown`)."""
    column = _column(frame, name, "label")
    there = column.notna() & ((column != unknown) if unknown is not None else True)
    y = np.full(len(frame), -1, np.int8)
    y[there.to_numpy()] = binary(column[there], name, "label")
    return y


def build(
    frame: pd.DataFrame,
    pairs: np.ndarray,
    *,
    name: str,
    label: str,
    sensitive: list[str],
    leave_out: tuple[str, ...] = (),
    unknown: float | None = None,
    split: dict[str, np.ndarray] | None = None,
    notes: tuple[str, ...] = (),
) -> Graph:
    """Return the graph of a node table and its edges, checked.

    Parameters
    ----------
    frame
        A row a node.
    pairs
        (m, 2) row numbers.
    name, label, sensitive
        Of the set, of the label's column, and of the sensitive columns, the protected one first.
    leave_out
        Columns that are no features.
    unknown
        A value of the label that means that there is none.
    split, notes
        See `Graph`.

    Raises
    ------
    LabError
        In words, for whatever cannot be used.
    """
    if len(frame) > MAX_NODES:
        raise LabError(f"The table has {len(frame):,} nodes; {MAX_NODES:,} is the limit.", "Take a part of the graph.")
    if label in sensitive:
        raise LabError(f"The label is the sensitive column {label!r} itself.", "Choose another of the two.")
    y = label_column(frame, label, unknown)
    groups = {one: group_column(frame, one) for one in dict.fromkeys(sensitive)}
    columns, names, remarks = [], [], []
    for column in frame.columns:
        if column == label or column in leave_out:
            continue
        numbers, _, new, note = encode(frame[column], str(column))
        columns += numbers
        names += new
        remarks += [note] if note else []
    if not columns:
        raise LabError("No column is left for features.", "Give at least one beside label, group and id.")
    x = np.column_stack(columns)
    gaps = ~np.isfinite(x)
    if gaps.any():  # the row has neighbors, so it cannot simply go
        x = np.where(gaps, np.nanmedian(np.where(np.isinf(x), np.nan, x), axis=0), x)
        remarks.append(f"{int(gaps.sum()):,} missing or infinite feature values were set to the column's median.")
    edges, more = clean_edges(pairs, len(frame))
    graph = Graph(name, x, tuple(names), y, label, groups, edges, split or {}, (*notes, *remarks, *more))
    check(graph)
    return graph


def check(graph: Graph) -> None:
    """Refuse a graph that nothing can be learned from or measured on.

    Raises
    ------
    LabError
        With the cause.
    """
    known = graph.y >= 0
    for value in (0, 1):
        if (count := int((graph.y == value).sum())) < LEAST:
            raise LabError(
                f"{count} nodes have the label {graph.label} = {value}; {LEAST} are needed.", "Choose another label."
            )
        if not (known & (graph.group == value)).any():
            name = next(iter(graph.groups))
            raise LabError(f"No labeled node is in the group {name} = {value}.", "Choose another sensitive column.")
    if len(graph.edges) == 0:
        raise LabError(
            "The graph has no edge.", "Give an edge list, or leave it out: then nearest neighbors are linked."
        )
    for part, rows in graph.split.items():
        if len(rows) == 0 or (graph.y[rows] < 0).any():
            missing = int((graph.y[rows] < 0).sum())
            why = f"{missing:,} of its {len(rows):,} nodes have no label" if len(rows) else "it has no node"
            raise LabError(f"The part {part!r} of the split cannot be used: {why}.", "Mend the column 'split'.")


def stratified(graph: Graph, shares: tuple[float, float], rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return a random split of the labeled nodes, stratified by label: `shares` of train and val, the rest test."""
    parts: dict[str, list[np.ndarray]] = {part: [] for part in PARTS}
    for value in (0, 1):
        rows = rng.permutation(np.flatnonzero(graph.y == value))
        ends = np.round(np.cumsum(shares) * len(rows)).astype(int)
        for part, piece in zip(PARTS, np.split(rows, ends), strict=True):
            parts[part].append(piece)
    return {part: np.sort(np.concatenate(pieces)) for part, pieces in parts.items()}


def _column(frame: pd.DataFrame, name: str, what: str) -> pd.Series:
    if name not in frame:
        shown = ", ".join(map(str, list(frame.columns)[:20]))
        raise LabError(f"There is no {what} column {name!r}.", f"The columns are {shown}.")
    return frame[name]
