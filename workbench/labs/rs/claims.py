"""How the claims of the paper are judged from a run's tables. Reads tables only: no torch, no scipy at import."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from workbench.lab import Verdict
from workbench.labs.rs.correlate import ENOUGH, GROUP, words
from workbench.result import Result

HEADLINE = ("dsi", "n2", "lsc", "density")  # the most plausible "four distance-based measures"
SEEDS = 3  # repetitions: with fewer no spread can be told
LEVELS = 4  # of a graded family: a stopped run may have fewer
GOOD, BLIND, ORDERED = 0.99, 0.2, 0.95  # thresholds set before the first run, see the README
NEEDS_TASKS = f"Needs {ENOUGH} tasks of one kind; run the study 'tasks' with more tasks."


def not_tested(why: str) -> Verdict:
    return Verdict("not tested", {}, why)


def table(result: Result, name: str) -> pd.DataFrame:
    """Return a table of the result, empty when the run did not make it."""
    return result.tables[name] if name in result.tables else pd.DataFrame()


def by_interval(low: float, high: float, numbers: dict[str, float], why: str) -> Verdict:
    """Return *holds* when the interval is above zero, *does not hold* when below, else *within noise*."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return not_tested("The interval is undefined: a value is constant over the tasks.")
    word = "holds" if low > 0 else "does not hold" if high < 0 else "within noise"
    return Verdict(word, {k: float(v) for k, v in numbers.items()}, why)


def accuracy_alone(result: Result) -> Verdict:
    """C1: the spread of accuracy that the data make against the spread that the classifiers make."""
    spread = table(result, "spread")
    if spread.empty:
        return not_tested(NEEDS_TASKS)
    row = spread.iloc[0]
    numbers = {
        "spread over tasks": row["over_tasks"],
        "spread over classifiers": row["over_classifiers"],
        "ratio": row["ratio"],
        "ratio low": row["ratio_lo"],
        "ratio high": row["ratio_hi"],
    }
    why = (
        f"Standard deviations of accuracy over {row['groups']:.0f} groups of tasks; 95 % bootstrap interval against 1."
    )
    return by_interval(row["ratio_lo"] - 1, row["ratio_hi"] - 1, numbers, why)


def distances_fail(result: Result) -> Verdict:
    """C2: a set that a classifier solves while DSI and 1 - LSC call it inseparable, in every repetition."""
    failures = table(result, "failures")
    if failures.empty or failures["seed"].nunique() < SEEDS:
        return not_tested(f"Needs the study 'failures' with {SEEDS} repetitions.")
    wide = failures[failures["measure"].isin(["dsi", "lsc"])]
    wide = wide.groupby(["set", "seed", "measure"])[["value", "svc", "qda"]].first().reset_index()
    value = wide.pivot(index=["set", "seed"], columns="measure", values="value")
    best = wide.groupby(["set", "seed"])[["svc", "qda"]].first().max(axis=1)
    failed = ((best >= GOOD) & (value["dsi"] < BLIND) & (value["lsc"] < BLIND)).groupby("set").mean()
    numbers = {f"{name}: share of repetitions": float(share) for name, share in failed.items()}
    name = failed.idxmax()
    numbers |= {
        f"{name}: accuracy": float(best[name].mean()),
        f"{name}: DSI": float(value["dsi"][name].mean()),
        f"{name}: 1 - LSC": float(value["lsc"][name].mean()),
    }
    share = failed.max()
    word = "holds" if share == 1 else "does not hold" if share == 0 else "within noise"
    return Verdict(word, numbers, f"Accuracy at least {GOOD} with DSI and 1 - LSC under {BLIND}. Best case: {name}.")


def supplement(result: Result) -> Verdict:
    """C3: RS follows the difficulty of graded blobs; where it does not, on shapes, is reported beside it."""
    graded = table(result, "graded")
    if graded.empty or graded["seed"].nunique() < SEEDS:
        return not_tested(f"Needs the study 'graded' with {SEEDS} repetitions.")
    numbers: dict[str, float] = {}
    ordered, broken = True, []  # families that fail in every repetition
    for family in ("std", "distance", "classes"):
        rho = orders(graded, family)
        if len(rho) < SEEDS:
            return not_tested(f"The family '{family}' has too few repetitions.")
        numbers |= {f"{family}: rho": np.mean(rho), f"{family}: lowest rho": min(rho)}
        ordered = ordered and min(rho) >= ORDERED
        if max(rho) < ORDERED:
            broken.append(family)
    widening = graded[(graded["measure"] == "rs") & (graded["family"] == "std")].sort_values("level").groupby("seed")
    falls = [bool((part["value"].diff().dropna() < 0).all()) for _, part in widening]
    numbers["std: share of seeds with RS falling at every step"] = np.mean(falls)
    for name, part in table(result, "classic").groupby("set") if "classic" in result.tables else ():
        if name in ("spirals", "circles"):
            means = part[part["measure"].isin(["rs", "rs_local"])].groupby("measure")["value"].mean()
            numbers |= {f"{name}: {key}": value for key, value in means.items()}
            numbers[f"{name}: accuracy (svc)"] = part["svc"].mean()
    word = "does not hold" if broken else "holds" if ordered and all(falls) else "within noise"
    why = f"Spearman of RS and the accuracy of logistic regression at least {ORDERED} in every repetition, and falling."
    if broken:
        why += f" It fails where difficulty grows with: {', '.join(broken)}."
    return Verdict(word, {k: float(v) for k, v in numbers.items()}, why)


def orders(graded: pd.DataFrame, family: str) -> list[float]:
    """Return the rank correlation of RS and the accuracy of logistic regression in one family, a value per seed."""
    part = graded[(graded["measure"] == "rs") & (graded["family"] == family)]
    whole = [g for _, g in part.groupby("seed") if len(g) >= LEVELS]
    return [float(g[["value", "lr"]].rank().corr().iloc[0, 1]) for g in whole]  # Spearman, without scipy


def correlates(result: Result) -> Verdict:
    """C4: RS and mean accuracy rise together over the tasks, in every setting."""
    found = table(result, "correlation")
    found = found[found["n_tasks"] >= ENOUGH] if len(found) else found
    if found.empty:
        return not_tested(NEEDS_TASKS)
    numbers, lows, highs = {}, [], []
    for key, part in found[found["classifier"] == "mean"].groupby(list(GROUP), sort=False):
        name, part = words(dict(zip(GROUP, key, strict=True))), part.set_index("measure")
        rs = part.loc["rs"]
        lows.append(rs["spearman_lo"])
        highs.append(rs["spearman_hi"])
        rivals = part["spearman"].reindex([*HEADLINE, "gsi"])
        numbers |= {
            f"{name}: rho": rs["spearman"],
            f"{name}: low": rs["spearman_lo"],
            f"{name}: high": rs["spearman_hi"],
            f"{name}: rank of RS among six": 1 + int((rivals > rs["spearman"]).sum()),
        }
    numbers = {k: float(v) for k, v in numbers.items()}
    if not np.isfinite(lows).all():
        return Verdict("not tested", numbers, "A correlation is undefined: a value is constant over the tasks.")
    word = "holds" if min(lows) > 0 else "does not hold" if min(highs) < 0 else "within noise"
    return Verdict(word, numbers, f"The 95 % bootstrap interval of Spearman's rho excludes 0 in {len(lows)} groups.")


def judges_fairly(result: Result) -> Verdict:
    """C5: classifiers judged on different tasks are ordered right more often after adjusting for separability."""
    judging = table(result, "judging")
    one = judging[(judging["n_tasks"] >= ENOUGH) & (judging["setting"] != "all")] if len(judging) else judging
    if one.empty:
        return not_tested(NEEDS_TASKS)
    error = (one["gain_hi"] - one["gain_lo"]) / (2 * 1.96)
    gain, half = one["gain"].mean(), 1.96 * math.sqrt((error**2).sum()) / len(one)
    numbers = {
        "right order, raw": one["raw_right"].mean(),
        "right order, adjusted": one["adjusted_right"].mean(),
        "gain": gain,
        "gain low": gain - half,
        "gain high": gain + half,
    }
    pooled = judging[judging["setting"] == "all"]  # they repeat the tasks of the others, so they do not decide
    numbers |= {f"gain over pooled settings, {r.dataset} {r.kind}": r.gain for r in pooled.itertuples()}
    ranking = table(result, "ranking")
    if len(ranking):
        numbers["R² of accuracy on RS"] = ranking.groupby(["dataset", "setting", "kind"])["r2"].first().mean()
    why = "How often two classifiers, each judged on five tasks of its own, come out in their order over all tasks."
    return by_interval(gain - half, gain + half, numbers, why)


def beats_distances(result: Result) -> Verdict:
    """RS against each of the four distance measures, paired, averaged over the groups of tasks."""
    contest = table(result, "contest")
    part = contest[(contest["scope"] == "all") & (contest["a"] == "rs")] if len(contest) else contest
    if part.empty:
        return not_tested(NEEDS_TASKS)
    part = part.set_index("b").loc[list(HEADLINE)]
    numbers = {}
    for other, row in part.iterrows():
        numbers |= interval_of(f"rs - {other}", row)
    if not np.isfinite(part[["gap_lo", "gap_hi"]]).all(axis=None):
        return not_tested("A correlation is undefined: a value is constant over the tasks.")
    word = "holds" if part["gap_lo"].min() > 0 else "does not hold" if part["gap_hi"].min() < 0 else "within noise"
    many = part["groups"].iloc[0]
    why = f"Difference of Spearman's rho with mean accuracy over {many} groups; it must be above 0 against all four."
    return Verdict(word, numbers, why)


def larger_eps(result: Result) -> Verdict:
    """Ours, post hoc: seen on digits, so judged on other sets only."""
    contest = table(result, "contest")
    contest = contest[contest["a"] == "rs_eps1"] if len(contest) else contest
    if contest.empty or not (contest["scope"] == "not digits").any():
        return not_tested("Seen on digits, so it needs tasks of another set: add wine and breast_cancer under `also`.")
    numbers = {}
    for _, row in contest[(contest["scope"] != "all") & ~contest["scope"].str.startswith("digits ")].iterrows():
        numbers |= interval_of(row["scope"], row)
    row = contest[contest["scope"] == "not digits"].iloc[0]
    why = "Difference of Spearman's rho with mean accuracy: eps = 1 against the run's eps."
    return by_interval(row["gap_lo"], row["gap_hi"], numbers, why)


def interval_of(name: str, row: pd.Series) -> dict[str, float]:
    return {
        f"{name}: gap": float(row["gap"]),
        f"{name}: low": float(row["gap_lo"]),
        f"{name}: high": float(row["gap_hi"]),
    }
