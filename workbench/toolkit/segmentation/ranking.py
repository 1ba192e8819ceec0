"""Leaderboard of several teams over the same cases: means and ranks with bootstrap intervals over the cases."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import rankdata

MEASURES = ("dsc", "nsd")
RESAMPLES = 1000
LEVEL = 0.95


def leaderboard(scores: pd.DataFrame, seed: int = 0, resamples: int = RESAMPLES) -> pd.DataFrame:
    """Return one row a team, best first.

    Parameters
    ----------
    scores
        Rows of `score_case` with the columns ``team`` and ``case`` besides.
    seed, resamples
        Of the bootstrap over cases: the same draws for every team.

    Returns
    -------
    DataFrame
        ``team``; ``dsc`` and ``nsd``, the mean over organs and cases that count; ``rank``, the mean of the ranks of
        every organ of every case by DSC and by NSD (1 is best; equal values share); ``rank_dsc`` and ``rank_nsd``, by
        one of them; each with ``_low`` and ``_high``, the 95 % interval (NaN for one case); ``first``, the share of
        resamples in which the team leads by rank; and ``cases``.

    Notes
    -----
    The evaluation page of AMOS: in the test phase every metric of every organ of every case is ranked and the ranks are
    averaged (its sentence is cut off where we read it). Where only some teams invent an organ that the reference lacks,
    those who rightly leave it out rank first.
    """
    teams = list(dict.fromkeys(scores["team"]))
    cases = list(dict.fromkeys(scores["case"]))
    values = cube(scores, teams, cases)  # (measures, teams, cases, organs)
    ranks = rank_cube(values)
    per_case = {
        **{m: _mean(values[i]) for i, m in enumerate(MEASURES)},
        "rank": _mean(np.concatenate(list(ranks), axis=-1)),
        **{f"rank_{m}": _mean(ranks[i]) for i, m in enumerate(MEASURES)},
    }  # each: sums and counts, (teams, cases)
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(len(cases), np.full(len(cases), 1 / len(cases)), resamples).astype(float)  # (B, cases)
    table = pd.DataFrame({"team": teams})
    for key, (sums, counts) in per_case.items():
        with np.errstate(invalid="ignore", divide="ignore"):
            table[key] = sums.sum(1) / counts.sum(1)
            draws = (weights @ sums.T) / (weights @ counts.T)  # (B, teams)
        tail = (1 - LEVEL) / 2
        low, high = (_quantiles(draws if len(cases) > 1 else draws * np.nan, q) for q in (tail, 1 - tail))
        table[f"{key}_low"], table[f"{key}_high"] = low, high
        if key == "rank":
            filled = np.where(np.isfinite(draws), draws, np.inf)
            table["first"] = (filled == filled.min(axis=1, keepdims=True)).mean(0)
    table["cases"] = len(cases)
    return table.sort_values("rank", kind="stable").reset_index(drop=True)


def cube(scores: pd.DataFrame, teams: list[str], cases: list[str]) -> np.ndarray:
    """Return scores as an array (measures, teams, cases, organs), NaN where there is none."""
    organs = sorted(scores["organ"].unique())
    out = np.full((len(MEASURES), len(teams), len(cases), len(organs)), np.nan)
    at = tuple(
        pd.Categorical(scores[column], order).codes
        for column, order in (("team", teams), ("case", cases), ("organ", organs))
    )
    for i, measure in enumerate(MEASURES):
        out[(i, *at)] = scores[measure].to_numpy(float)
    return out


def rank_cube(values: np.ndarray) -> np.ndarray:
    """Return the rank of every team (axis 1) for each measure, case and organ; NaN where no team has a value.

    >>> rank_cube(np.array([[[[0.9]], [[0.8]], [[0.9]]]])).ravel()
    array([1.5, 3. , 1.5])
    """
    nobody = np.isnan(values).all(axis=1, keepdims=True)
    ranks = rankdata(-np.where(np.isnan(values), 1.0, values), axis=1)  # left out what is not there: as good as 1
    return np.where(nobody, np.nan, ranks)


def _mean(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return sums and counts over the last axis of what is not NaN."""
    return np.nansum(values, axis=-1), np.isfinite(values).sum(axis=-1).astype(float)


def _quantiles(draws: np.ndarray, share: float) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return np.nanquantile(draws, share, axis=0) if np.isfinite(draws).any() else np.full(draws.shape[1], np.nan)


def between(row: dict, key: str, digits: int) -> str:
    """Return a mean with its interval in the words of the table; one case has no interval."""
    low, high = row[f"{key}_low"], row[f"{key}_high"]
    shown = f" ({low:.{digits}f} to {high:.{digits}f})" if low == low else ""
    return f"{row[key]:.{digits}f}{shown}"
