"""From a table of tasks to correlations, difficulty-adjusted accuracy and rankings, with bootstrap intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd

FEWEST = 6  # tasks: a correlation over fewer says nothing
ENOUGH = 20  # tasks: a claim is judged on groups of at least so many
DRAWS = 1000
HANDFUL = 5  # tasks on which a classifier is judged in `judging`
CLASSIFIERS = ("lr", "svc", "knn")
GROUP = ("dataset", "setting", "kind")  # correlations are taken over the tasks that share these
Rng = np.random.Generator


def resamples(tasks: int, draws: int, rng: Rng) -> np.ndarray:
    """Return bootstrap samples of the tasks (draws + 1, tasks); row 0 is the tasks themselves."""
    return np.vstack([np.arange(tasks), rng.integers(0, tasks, (draws, tasks))])


def ranks(values: np.ndarray) -> np.ndarray:
    """Return the ranks along the last axis; ties share their mean rank."""
    from scipy.stats import rankdata

    return rankdata(values, axis=-1)


def pearson(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the correlation along the last axis, NaN where either side is constant."""
    a, b = a - a.mean(-1, keepdims=True), b - b.mean(-1, keepdims=True)
    norm = np.sqrt((a**2).sum(-1) * (b**2).sum(-1))
    return np.divide((a * b).sum(-1), norm, out=np.full(norm.shape, np.nan), where=norm > 1e-12)


def spearman(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the rank correlation along the last axis."""
    return pearson(ranks(a), ranks(b))


def interval(draws: np.ndarray, axis: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return the 2.5 % and 97.5 % points of bootstrap draws, leaving out the undefined ones."""
    draws = np.asarray(draws, float)
    if not np.isfinite(draws).any():
        return np.float64(np.nan), np.float64(np.nan)
    low, high = np.nanpercentile(draws, [2.5, 97.5], axis=axis)
    return low, high


def groups(tasks: pd.DataFrame, fewest: int = FEWEST) -> list[tuple[dict[str, str], pd.DataFrame]]:
    """Return (its dataset, setting and kind; its tasks) for every group with enough tasks, in order of appearance."""
    if tasks.empty:
        return []
    found = tasks.groupby(list(GROUP), sort=False)
    parts = [(dict(zip(GROUP, key, strict=True)), part.reset_index(drop=True)) for key, part in found]
    return [(key, part) for key, part in parts if len(part) >= fewest]


def correlation(tasks: pd.DataFrame, measures: list[str], rng: Rng, draws: int = DRAWS) -> pd.DataFrame:
    """Return Pearson's and Spearman's correlation of every measure with every accuracy, over the tasks of a group."""
    rows = []
    for group, part in groups(tasks):
        pick = resamples(len(part), draws, rng)
        sampled = {c: part[c].to_numpy(float)[pick] for c in (*measures, *CLASSIFIERS, "mean")}  # (draws + 1, tasks)
        ranked = {c: ranks(v) for c, v in sampled.items()}
        for measure in measures:
            for classifier in (*CLASSIFIERS, "mean"):
                row = group | {"measure": measure, "classifier": classifier}
                for name, values in (("pearson", sampled), ("spearman", ranked)):
                    r = pearson(values[measure], values[classifier])
                    low, high = interval(r[1:])
                    row |= {name: r[0], f"{name}_lo": float(low), f"{name}_hi": float(high)}
                rows.append(row | {"n_tasks": len(part)})
    return pd.DataFrame(rows)


def expected(separability: np.ndarray, accuracy: np.ndarray) -> np.ndarray:
    """Return what a least-squares line through (separability, accuracy) expects, along the last axis."""
    s = separability - separability.mean(-1, keepdims=True)
    spread = (s**2).sum(-1, keepdims=True)
    slope = np.divide((s * accuracy).sum(-1, keepdims=True), spread, out=np.zeros_like(spread), where=spread > 1e-12)
    return accuracy.mean(-1, keepdims=True) + slope * s


def adjusted(tasks: pd.DataFrame, measure: str = "rs") -> pd.DataFrame:
    """Return every classifier's accuracy, what the task's separability lets one expect, and the residual.

    The line is fitted to the mean accuracy of the three classifiers, so a residual says: better or worse than
    classifiers commonly are on tasks as separable as this one.
    """
    rows = []
    for group, part in groups(tasks):
        line = expected(part[measure].to_numpy(float), part["mean"].to_numpy(float))
        for classifier in CLASSIFIERS:
            accuracy = part[classifier].to_numpy(float)
            rows.append(
                pd.DataFrame(
                    group
                    | {
                        "task": part["task"],
                        "classifier": classifier,
                        "accuracy": accuracy,
                        "expected": line,
                        "residual": accuracy - line,
                    }
                )
            )
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame()


def ranking(tasks: pd.DataFrame, rng: Rng, measure: str = "rs", draws: int = DRAWS) -> pd.DataFrame:
    """Return raw accuracy, mean residual and both ranks per classifier, and R² of the line.

    Where all classifiers saw the same tasks, as here, the two ranks agree by construction; `judging` asks what
    happens when they did not.
    """
    rows = []
    for group, part in groups(tasks):
        pick = resamples(len(part), draws, rng)
        mean = part["mean"].to_numpy(float)[pick]
        line = expected(part[measure].to_numpy(float)[pick], mean)
        unexplained, total = ((mean - line) ** 2).sum(-1)[0], ((mean - mean.mean(-1, keepdims=True)) ** 2).sum(-1)[0]
        found = []
        for classifier in CLASSIFIERS:
            accuracy = part[classifier].to_numpy(float)[pick]
            residual = (accuracy - line).mean(-1)
            low, high = interval(residual[1:])
            found.append(
                group
                | {
                    "classifier": classifier,
                    "raw": accuracy[0].mean(),
                    "residual": residual[0],
                    "residual_lo": float(low),
                    "residual_hi": float(high),
                    "r2": float(1 - unexplained / total) if total > 0 else np.nan,
                }
            )
        frame = pd.DataFrame(found)
        for key in ("raw", "residual"):
            frame[f"{key}_rank"] = frame[key].round(9).rank(ascending=False, method="min").astype(int)
        rows.append(frame)
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame()


def judging(tasks: pd.DataFrame, rng: Rng, measure: str = "rs", outer: int = 200, inner: int = 200) -> pd.DataFrame:
    """Ask how often classifiers that saw *different* tasks come out in the right order, raw and adjusted.

    Each classifier is given five tasks of its own, as papers give their methods data sets of their own. The right
    order of two classifiers is the one over all tasks of the group. ``raw_right`` and ``adjusted_right`` are
    probabilities over draws, ``gain`` their difference with a bootstrap interval over the tasks.
    """
    rows = []
    pooled = [
        ({"dataset": dataset, "setting": "all", "kind": kind}, part.reset_index(drop=True))
        for (dataset, kind), part in tasks.groupby(["dataset", "kind"], sort=False)
        if part["setting"].nunique() > 1 and len(part) >= FEWEST
    ]
    for group, part in [*groups(tasks), *pooled]:
        pick = resamples(len(part), outer, rng)  # (outer + 1, tasks)
        accuracy = part[list(CLASSIFIERS)].to_numpy(float).T[:, pick]  # (classifier, outer + 1, tasks)
        line = expected(part[measure].to_numpy(float)[pick], part["mean"].to_numpy(float)[pick])
        hand = rng.integers(0, len(part), (len(CLASSIFIERS), len(pick), inner * HANDFUL))
        right = {}
        for key, values in (("raw", accuracy), ("adjusted", accuracy - line)):
            score = np.take_along_axis(values, hand, -1).reshape(*hand.shape[:2], inner, HANDFUL).mean(-1)
            truth = accuracy.mean(-1)  # (classifier, outer + 1)
            agree = []
            for a, b in ((0, 1), (0, 2), (1, 2)):
                order = np.sign(np.round(truth[a] - truth[b], 12))[:, None]
                agree.append(0.5 + 0.5 * order * np.sign(np.round(score[a] - score[b], 12)))
            right[key] = np.mean(agree, axis=(0, 2))  # (outer + 1,)
        gain = right["adjusted"] - right["raw"]
        low, high = interval(gain[1:])
        rows.append(
            group
            | {
                "n_tasks": len(part),
                "raw_right": right["raw"][0],
                "adjusted_right": right["adjusted"][0],
                "gain": gain[0],
                "gain_lo": float(low),
                "gain_hi": float(high),
            }
        )
    return pd.DataFrame(rows)


def contest(tasks: pd.DataFrame, pairs: Iterable[tuple[str, str]], stream: Callable[[str], Rng]) -> pd.DataFrame:
    """Return by how much one measure's rank correlation with mean accuracy exceeds another's, paired.

    Parameters
    ----------
    pairs
        Keys (a, b) of the measures compared.
    stream
        Gives the generator of a name. One draw of tasks serves both measures and all settings of the same tasks.

    Returns
    -------
    DataFrame
        scope, a, b, gap, gap_lo, gap_hi, groups. The scope is one group of tasks (``"digits pairs noisy"``), the
        mean over ``"all"`` groups, or over those ``"not digits"``. Groups of fewer than `ENOUGH` tasks are left out.
    """
    found = groups(tasks, ENOUGH)
    draws: dict[tuple[str, str], np.ndarray] = {}  # (group, column) -> ranks (draws + 1, tasks)
    pairs = list(pairs)
    for group, part in found:
        pick = resamples(len(part), DRAWS, stream(f"{group['dataset']} {group['kind']}"))
        for column in {"mean", *(key for pair in pairs for key in pair)}:
            draws[words(group), column] = ranks(part[column].to_numpy(float)[pick])
    scopes = {words(group): [words(group)] for group, _ in found}
    scopes["all"] = list(scopes)
    scopes["not digits"] = [words(group) for group, _ in found if group["dataset"] != "digits"]
    rows = []
    for scope, members in scopes.items():
        for a, b in pairs if members else ():
            gaps = [pearson(draws[m, a], draws[m, "mean"]) - pearson(draws[m, b], draws[m, "mean"]) for m in members]
            gap = np.mean(gaps, axis=0)
            low, high = interval(gap[1:])
            row = {"scope": scope, "a": a, "b": b, "gap": gap[0], "gap_lo": float(low), "gap_hi": float(high)}
            rows.append(row | {"groups": len(members)})
    return pd.DataFrame(rows)


def spread(tasks: pd.DataFrame, stream: Callable[[str], Rng]) -> pd.DataFrame:
    """Return how much accuracy varies over tasks (one classifier) and over classifiers (one task).

    Returns
    -------
    DataFrame
        One row, none without a group of `ENOUGH` tasks: over_tasks, over_classifiers (standard deviations, averaged
        over the groups), ratio (geometric mean), ratio_lo, ratio_hi, groups.
    """
    ratios, over_tasks, over_classifiers = [], [], []
    for group, part in groups(tasks, ENOUGH):
        pick = resamples(len(part), DRAWS, stream(f"{group['dataset']} {group['kind']}"))
        accuracy = part[list(CLASSIFIERS)].to_numpy(float)[pick]  # (draws + 1, tasks, 3)
        one, other = accuracy.std(1, ddof=1).mean(-1), accuracy.std(2, ddof=1).mean(-1)
        ratios.append(np.log(one / np.maximum(other, 1e-12)))
        over_tasks.append(one[0])
        over_classifiers.append(other[0])
    if not ratios:
        return pd.DataFrame()
    ratio = np.exp(np.mean(ratios, axis=0))
    low, high = interval(ratio[1:])
    row = {"over_tasks": np.mean(over_tasks), "over_classifiers": np.mean(over_classifiers), "ratio": ratio[0]}
    return pd.DataFrame([row | {"ratio_lo": float(low), "ratio_hi": float(high), "groups": len(ratios)}])


def words(group: dict[str, str]) -> str:
    """Return the name of a group of tasks: ``"digits pairs noisy"``."""
    return " ".join(group[key] for key in ("dataset", "kind", "setting"))
