"""Gaps and their differences with bootstrap intervals over test nodes and trainings. Reads results; no torch."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from workbench.contract import Result
from workbench.toolkit.statistics import DRAWS, Interval, resampled_interval

Measure = Callable[[np.ndarray], np.ndarray]  # cells (..., label, group, hit) -> (...)
HALF = 128  # of a byte: predictions at least as large say 1


@dataclass(frozen=True)
class Outcomes:
    """The predictions of one graph's runs on their test nodes.

    Attributes
    ----------
    name
        Of the graph.
    runs
        The rows of the table `runs`.
    probs
        (rows, n_test) bytes, by ``runs["at"]``.
    cases
        (seeds, n_test) node numbers.
    labels, groups
        (n,) and (n, g).
    """

    name: str
    runs: pd.DataFrame
    probs: np.ndarray
    cases: np.ndarray
    labels: np.ndarray
    groups: np.ndarray

    def select(self, **about: object) -> pd.DataFrame:
        """Return the runs with these values, by seed."""
        rows = self.runs
        for key, value in about.items():
            rows = rows[rows[key] == value]
        return rows.sort_values("seed")

    def truth(self, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Return labels and (first) groups of a seed's test nodes."""
        rows = self.cases[seed]
        return self.labels[rows].astype(np.int64), self.groups[rows, 0].astype(np.int64)

    def hits(self, row: pd.Series) -> np.ndarray:
        """Return the predictions (n_test,) of one run."""
        return (self.probs[int(row["at"])] >= HALF).astype(np.int64)


def outcomes(result: Result, name: str) -> Outcomes | None:
    """Return what a result holds of one graph, or None."""
    key = slug(name)
    if "runs" not in result.tables or f"probs_{key}" not in result.arrays:
        return None
    runs = result.tables["runs"]
    arrays = [result.arrays[f"{kind}_{key}"] for kind in ("probs", "cases", "labels", "groups")]
    return Outcomes(name, runs[runs["set"] == name].reset_index(drop=True), *arrays)


def slug(name: str) -> str:
    """Return a graph's name as array names spell it."""
    return name.replace(" ", "_")


# Measures of counts: cells[..., y, s, hit] ------------------------------------------------------------------------


def accuracy(cells: np.ndarray) -> np.ndarray:
    return (cells[..., 0, :, 0].sum(-1) + cells[..., 1, :, 1].sum(-1)) / cells.sum((-3, -2, -1))


def parity(cells: np.ndarray) -> np.ndarray:
    """Return ΔSP."""
    by_group = cells.sum(-3)  # (..., s, hit)
    rate = by_group[..., 1] / by_group.sum(-1)
    return np.abs(rate[..., 0] - rate[..., 1])


def opportunity(cells: np.ndarray) -> np.ndarray:
    """Return ΔEO."""
    rate = cells[..., 1, :, 1] / cells[..., 1, :, :].sum(-1)
    return np.abs(rate[..., 0] - rate[..., 1])


MEASURES: dict[str, Measure] = {"accuracy": accuracy, "sp": parity, "eo": opportunity}


# The bootstrap ---------------------------------------------------------------------------------------------------


def counts(found: Outcomes, arms: Sequence[pd.DataFrame]) -> np.ndarray:
    """Return how many test nodes have each label, group and predictions: (seeds, 2, 2, 2 ... 2), an axis an arm."""
    seeds = sorted(set.intersection(*(set(rows["seed"]) for rows in arms)))
    tables = []
    for seed in seeds:
        y, s = found.truth(seed)
        hits = [found.hits(rows[rows["seed"] == seed].iloc[0]) for rows in arms]
        code = 2 * y + s
        for hit in hits:
            code = 2 * code + hit
        tables.append(np.bincount(code, minlength=2 ** (2 + len(arms))))
    return np.array(tables, float).reshape(len(seeds), *[2] * (2 + len(arms)))


def drawn_counts(table: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return bootstrap draws (DRAWS, seeds, ...) of counts (seeds, ...): the test nodes of each training drawn again.

    Drawing nodes with replacement is drawing counts from a multinomial, so nothing as long as the nodes is needed.
    """
    return _drawn(table.tobytes(), table.shape, seed)


@functools.lru_cache(maxsize=8)  # the same arms are asked about several measures
def _drawn(cells: bytes, shape: tuple[int, ...], seed: int) -> np.ndarray:
    flat = np.frombuffer(cells).reshape(shape[0], -1)
    rng = np.random.default_rng([seed, 7])
    draws = [rng.multinomial(int(row.sum()), row / row.sum(), DRAWS) for row in flat]
    return np.stack(draws, 1).reshape(DRAWS, *shape).astype(float)


def contrast(found: Outcomes, arms: Sequence[pd.DataFrame], measure: str, factors: Sequence[float]) -> Interval:
    """Return the mean over trainings of ``sum(factor * measure(arm))`` and its 95 % interval.

    Paired: all arms of a training are judged on the same drawn nodes, and trainings are drawn again too, by the
    weights of `workbench.toolkit.statistics`. NaN where an arm is missing or a group is empty.

    Parameters
    ----------
    arms
        Runs, one a seed, of each arm (`Outcomes.select`).
    measure
        A key of `MEASURES`; or ``"price"``: accuracy less ΔSP.
    factors
        One for each arm.
    """
    if any(rows.empty for rows in arms):
        return (float("nan"),) * 3
    table = counts(found, arms)
    with np.errstate(invalid="ignore", divide="ignore"):
        return resampled_interval(_combined(table, measure, factors), _combined(drawn_counts(table), measure, factors))


def _combined(table: np.ndarray, measure: str, factors: Sequence[float]) -> np.ndarray:
    """Return the weighted sum of a measure over the arms of counts (..., seeds, y, s, hit, hit ...)."""
    many = len(factors)
    total = 0.0
    for k, factor in enumerate(factors):
        others = tuple(-many + j for j in range(many) if j != k)
        cells = table.sum(others) if others else table  # (..., seeds, y, s, hit)
        value = accuracy(cells) - parity(cells) if measure == "price" else MEASURES[measure](cells)
        total = total + factor * value
    return total


def single(found: Outcomes, rows: pd.DataFrame, measure: str) -> Interval:
    """Return the mean of one arm's measure over trainings and its 95 % interval over nodes and trainings."""
    return contrast(found, [rows], measure, [1.0])
