"""The paper's structural measures of grooves, and what they leave out: copying, validity, fill timing, density.

A groove is a bool array (steps, 6), as `drumroll.encode` and `drumroll.parse_completion` give it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from workbench.data.music.groove import PIECES
from workbench.labs.drums.common.bars import Rows, bars_of, distances, keys, silent
from workbench.labs.drums.common.drumroll import BAR

PROMPT_BARS = 2
PHRASE_ENDS = (3, 7, 11)  # bars 4, 8 and 12, counted from 0: a drummer fills before a new phrase begins
CONTRAST = 4.0  # centers nearer than this are one pattern played unevenly, not a pattern and its fills (ours)


@dataclass(frozen=True)
class Structure:
    """The paper's three measures of a set of grooves.

    Attributes
    ----------
    mean
        Mean of all d_i of all grooves ("stability": low is a repeated pattern).
    between
        Distance of the centers of 2-means on the d_i of a groove, mean over grooves: patterns against fills.
    within
        Mean distance of a d_i to its center, mean over grooves: steadiness inside each kind.
    """

    mean: float
    between: float
    within: float


@dataclass(frozen=True)
class Anchor:
    """A row of the paper's tables that cannot be computed again."""

    mean: float
    between: float
    within: float
    setting: str


_GPT3 = "fine-tuned on 372 grooves by OpenAI's service (gone since), 37 test prompts, temperature .9, one sample each"
ANCHORS: dict[str, Anchor] = {
    "human": Anchor(5.079, 10.345, 1.445, "the 37 test grooves of the Groove MIDI Dataset, padded to 16 bars"),
    "random": Anchor(40.380, 5.748, 1.261, "each cell a fair coin, 256 rows, 37 grooves"),
    "repeat": Anchor(0.0, 0.0, 0.0, "bar 1, then bar 2 fifteen times"),
    "davinci": Anchor(3.039, 6.895, 0.636, f"GPT-3 davinci {_GPT3}"),
    "ada": Anchor(3.450, 7.164, 0.826, f"GPT-3 ada {_GPT3}"),
}
"""The authors' analysis.py on their own outputs, run again: what the paper's tables should say (it was not read)."""


# the paper's measures -----------------------------------------------------------------------------------------------


def stabilities(grooves: Sequence[Rows], masked: bool = False) -> list[np.ndarray]:
    """Return d_i = min(Lev(m_i, m_{i-1}), Lev(m_i, m_{i+1})) for i = 2..bars-1 of each groove, float64 arrays.

    Parameters
    ----------
    grooves
        Rows (steps, 6) each.
    masked
        Leave out what the authors count although nobody played it: d_i of a silent bar is NaN, and a silent neighbor
        is not compared with (where both neighbors are silent, d_i is NaN too).
    """
    cut = [bars_of(rows) for rows in grooves]
    steps = distances([pair for bars in cut for pair in zip(bars, bars[1:], strict=False)])  # Lev(m_i, m_{i+1})
    found, at = [], 0
    for bars in cut:
        between = steps[at : at + max(0, len(bars) - 1)].astype(float)
        at += len(between)
        if masked:
            empty = silent(bars)
            between[empty[:-1] | empty[1:]] = np.nan
        found.append(np.fmin(between[:-1], between[1:]))
        if masked:
            found[-1][empty[1:-1]] = np.nan
    return found


def centers(d: np.ndarray, exact: bool = False) -> tuple[float, float, np.ndarray]:
    """Split the d_i of one groove by 2-means.

    Parameters
    ----------
    d
        d_i, (bars - 2,); NaN is left out.
    exact
        The best split there is. By default scikit-learn's KMeans with one start and random_state 0, which the anchors
        were made with: it misses the best split in some of the 37 test grooves (10.345 between centers, not 10.007).

    Returns
    -------
    (float, float, array)
        The distance of the two centers, the mean distance of a d_i to its own, and which d_i belong to the higher
        center, bool. All equal: 0, 0 and none.
    """
    high = np.zeros(len(d), bool)
    known = ~np.isnan(d)
    x = d[known]
    if len(np.unique(x)) < 2:
        return 0.0, 0.0, high
    high[known] = _best_split(x) if exact else _kmeans(x)
    upper, lower = d[high], d[known & ~high]
    apart = np.abs(upper - upper.mean()).sum() + np.abs(lower - lower.mean()).sum()
    return float(upper.mean() - lower.mean()), float(apart / len(x)), high


def _kmeans(x: np.ndarray) -> np.ndarray:
    from sklearn.cluster import KMeans

    fit = KMeans(n_clusters=2, random_state=0, n_init=1).fit(x[:, None])
    return fit.labels_ == fit.cluster_centers_[:, 0].argmax()


def _best_split(x: np.ndarray) -> np.ndarray:
    """On a line the best two clusters are a lower and an upper part: try each cut for the largest variance between."""
    ordered = np.sort(x)
    low = np.arange(1, len(x))  # how many are below the cut
    below = np.cumsum(ordered)[:-1]
    between = below**2 / low + (ordered.sum() - below) ** 2 / (len(x) - low)
    return x > ordered[between.argmax()]


def structure(grooves: Sequence[Rows], masked: bool = False, exact: bool = False) -> Structure:
    """Return the paper's triple over a set of grooves; NaN where no groove has a d_i. See `stabilities`, `centers`."""
    d = [x for x in stabilities(grooves, masked) if (~np.isnan(x)).any()]
    if not d:
        return Structure(np.nan, np.nan, np.nan)
    between, within, _ = zip(*(centers(x, exact) for x in d), strict=True)
    return Structure(float(np.nanmean(np.concatenate(d))), float(np.mean(between)), float(np.mean(within)))


# beyond the paper's -------------------------------------------------------------------------------------------------


def bar_table(grooves: Sequence[Rows]) -> Counter[bytes]:
    """Count each bar with a hit, over all grooves: the reference for copies (the authors' table is of the test set)."""
    return Counter(key for rows in grooves for key in keys(_sounding(bars_of(rows, None))))


def occurrences(rows: Rows, reference: Counter[bytes], skip: int = PROMPT_BARS) -> np.ndarray:
    """Return how often each bar with a hit, after the first `skip`, occurs in a `bar_table`, (bars,) int64."""
    return np.array([reference[key] for key in keys(_sounding(bars_of(rows)[skip:]))], np.int64)


def fills(rows: Rows) -> np.ndarray:
    """Return the bars (from 0) that stand out of a groove's pattern: d_i with the higher center, silent bars masked.

    None where the two centers are nearer than CONTRAST. The first and the last bar have no d_i and are never fills.
    """
    between, _, high = centers(stabilities([rows], masked=True)[0], exact=True)
    return np.flatnonzero(high) + 1 if between >= CONTRAST else np.zeros(0, np.int64)


def density(rows: Rows) -> dict[str, float]:
    """Return the mean number of hits of each piece in a bar with a hit, and of all pieces (``"all"``)."""
    bars = _sounding(bars_of(rows))
    hits = sum((bar.sum(0) for bar in bars), np.zeros(len(PIECES), int)) / max(1, len(bars))
    return dict(zip(PIECES, hits.tolist(), strict=True)) | {"all": float(hits.sum())}


def per_groove(grooves: Sequence[Rows], reference: Counter[bytes] | None = None) -> pd.DataFrame:
    """Measure each groove by itself, so that means, and their confidence intervals over grooves, follow.

    Parameters
    ----------
    grooves
        Rows (steps, 6) each, with their prompt of two bars.
    reference
        `bar_table` of the training grooves.

    Returns
    -------
    DataFrame
        A row a groove. `mean`, `between`, `within`: the paper's, as the authors compute them; `masked_mean`,
        `masked_between`, `masked_within`: without silent bars, best split. Of the bars with a hit behind the prompt:
        `train`, `prompt`: the share that is a copy of a bar of the training set, of the prompt; `distinct`: different
        bars over bars; `hits`: hits a bar. `fills`: bars that stand out; `timed`: the share of them before a new
        phrase of four (bars 4, 8, 12: by chance 3 of 14). `rows`: its length; `silent`: its bars without a hit. NaN
        where there is nothing to measure.
    """
    plain, masked = stabilities(grooves), stabilities(grooves, masked=True)
    return pd.DataFrame([_row(*each, reference) for each in zip(grooves, plain, masked, strict=True)])


def _row(rows: Rows, d: np.ndarray, masked: np.ndarray, reference: Counter[bytes] | None) -> dict[str, float]:
    bars = bars_of(rows)
    prompt, new = keys(bars[:PROMPT_BARS]), keys(_sounding(bars[PROMPT_BARS:]))
    played = ~np.isnan(masked)
    row = {"mean": float(d.mean()) if len(d) else np.nan}
    row["between"], row["within"], _ = centers(d) if len(d) else (np.nan, np.nan, None)
    row["masked_mean"] = float(masked[played].mean()) if played.any() else np.nan
    row["masked_between"], row["masked_within"], high = (
        centers(masked, exact=True) if played.any() else (np.nan, np.nan, played)
    )
    filled = np.flatnonzero(high) + 1 if row["masked_between"] >= CONTRAST else np.zeros(0, np.int64)
    return row | {
        "train": _share(key in reference for key in new) if reference is not None else np.nan,
        "prompt": _share(key in prompt for key in new),
        "distinct": len(set(new)) / len(new) if new else np.nan,
        "hits": float(np.mean([bar.sum() for bar in _sounding(bars[PROMPT_BARS:])])) if new else np.nan,
        "fills": float(len(filled)),
        "timed": _share(k in PHRASE_ENDS for k in filled),
        "rows": float(len(rows)),
        "silent": float(silent(bars).sum()),
    }


# reference players --------------------------------------------------------------------------------------------------


def random_player(rng: np.random.Generator, steps: int = 256) -> Rows:
    """Return rows in which each cell is a fair coin."""
    return rng.random((steps, len(PIECES))) < 0.5


def repeat_player(rows: Rows, bars: int = 16) -> Rows:
    """Return the first bar of a groove, and then its second one again and again."""
    return np.concatenate([rows[:BAR], *[rows[BAR : 2 * BAR]] * (bars - 1)])


def _sounding(bars: Sequence[Rows]) -> list[Rows]:
    return [bar for bar in bars if bar.any()]


def _share(truths: Iterable[bool]) -> float:
    found = list(truths)
    return sum(found) / len(found) if found else np.nan
