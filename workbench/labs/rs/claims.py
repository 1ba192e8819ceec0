"""Rules of the paper's claims, from a run's tables. Reads tables only: no torch, no scipy at import."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from workbench.contract import Result, Verdict
from workbench.labs.rs.common.correlate import ENOUGH, GROUP, words
from workbench.toolkit.statistics import Interval, interval_numbers, not_tested, table, verdict_word

HEADLINE = ("dsi", "n2", "lsc", "density")  # the most plausible "four distance-based measures"
SEEDS = 3  # repetitions: with fewer no spread can be told
LEVELS = 4  # of a graded family: a stopped run may have fewer
GOOD, BLIND, ORDERED = 0.99, 0.2, 0.95  # thresholds set before the first run, see the README
UNDEFINED = "A correlation is undefined: a value is constant over the tasks."
NEEDS_TASKS = f"Needs {ENOUGH} tasks of one kind; run the study 'tasks' with more tasks."


def by_interval(found: Interval, numbers: dict[str, float], why: str) -> Verdict:
    """Judge by whether an interval is above zero."""
    verdict = verdict_word(found)
    if verdict == "not tested":
        return not_tested("The interval is undefined: a value is constant over the tasks.")
    return Verdict(verdict, {k: float(v) for k, v in numbers.items()}, why)


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
    }
    found = tuple(end - 1 for end in interval_of(row, "ratio"))
    numbers |= interval_numbers("ratio less 1", found)
    why = (
        f"Standard deviations of accuracy over {row['groups']:.0f} groups of tasks; 95 % bootstrap interval against 1."
    )
    return by_interval(found, numbers, why)


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
    verdict = "holds" if share == 1 else "does not hold" if share == 0 else "within noise"
    return Verdict(verdict, numbers, f"Accuracy at least {GOOD} with DSI and 1 - LSC under {BLIND}. Best case: {name}.")


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
    verdict = "does not hold" if broken else "holds" if ordered and all(falls) else "within noise"
    why = f"Spearman of RS and the accuracy of logistic regression at least {ORDERED} in every repetition, and falling."
    if broken:
        why += f" It fails where difficulty grows with: {', '.join(broken)}."
    return Verdict(verdict, {k: float(v) for k, v in numbers.items()}, why)


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
    numbers, rhos = {}, []
    for key, part in found[found["classifier"] == "mean"].groupby(list(GROUP), sort=False):
        name, part = words(dict(zip(GROUP, key, strict=True))), part.set_index("measure")
        rs = part.loc["rs"]
        rhos.append(interval_of(rs, "spearman"))
        rivals = part["spearman"].reindex([*HEADLINE, "gsi"])
        numbers |= interval_numbers(f"{name}: rho", rhos[-1])
        numbers[f"{name}: rank of RS among six"] = 1 + int((rivals > rs["spearman"]).sum())
    numbers = {k: float(v) for k, v in numbers.items()}
    if (verdict := verdict_word(*rhos)) == "not tested":
        return Verdict(verdict, numbers, UNDEFINED)
    return Verdict(verdict, numbers, f"The 95 % bootstrap interval of Spearman's rho excludes 0 in {len(rhos)} groups.")


def judges_fairly(result: Result) -> Verdict:
    """C5: classifiers judged on different tasks are ordered right more often after adjusting for separability."""
    judging = table(result, "judging")
    one = judging[(judging["n_tasks"] >= ENOUGH) & (judging["setting"] != "all")] if len(judging) else judging
    if one.empty:
        return not_tested(NEEDS_TASKS)
    error = (one["gain_hi"] - one["gain_lo"]) / (2 * 1.96)
    mean, half = one["gain"].mean(), 1.96 * math.sqrt((error**2).sum()) / len(one)
    gain = mean, mean - half, mean + half
    numbers = {
        "right order, raw": one["raw_right"].mean(),
        "right order, adjusted": one["adjusted_right"].mean(),
    } | interval_numbers("gain", gain)
    pooled = judging[judging["setting"] == "all"]  # they repeat the tasks of the others, so they do not decide
    numbers |= {f"gain over pooled settings, {r.dataset} {r.kind}": r.gain for r in pooled.itertuples()}
    ranking = table(result, "ranking")
    if len(ranking):
        numbers["R² of accuracy on RS"] = ranking.groupby(["dataset", "setting", "kind"])["r2"].first().mean()
    why = "How often two classifiers, each judged on five tasks of its own, come out in their order over all tasks."
    return by_interval(gain, numbers, why)


def beats_distances(result: Result) -> Verdict:
    """RS against each of the four distance measures, paired, averaged over the groups of tasks."""
    contest = table(result, "contest")
    part = contest[(contest["scope"] == "all") & (contest["a"] == "rs")] if len(contest) else contest
    if part.empty:
        return not_tested(NEEDS_TASKS)
    part = part.set_index("b").loc[list(HEADLINE)]
    gaps = {f"rs - {other}": interval_of(row, "gap") for other, row in part.iterrows()}
    if (verdict := verdict_word(*gaps.values())) == "not tested":
        return not_tested(UNDEFINED)
    numbers = {key: value for name, gap in gaps.items() for key, value in interval_numbers(name, gap).items()}
    many = part["groups"].iloc[0]
    why = f"Difference of Spearman's rho with mean accuracy over {many} groups; it must be above 0 against all four."
    return Verdict(verdict, numbers, why)


def larger_eps(result: Result) -> Verdict:
    """Ours, post hoc: seen on digits, so judged on other sets only."""
    contest = table(result, "contest")
    contest = contest[contest["a"] == "rs_eps1"] if len(contest) else contest
    if contest.empty or not (contest["scope"] == "not digits").any():
        return not_tested("Seen on digits, so it needs tasks of another set: add wine and breast_cancer under `also`.")
    numbers = {}
    for _, row in contest[(contest["scope"] != "all") & ~contest["scope"].str.startswith("digits ")].iterrows():
        numbers |= interval_numbers(row["scope"], interval_of(row, "gap"))
    row = contest[contest["scope"] == "not digits"].iloc[0]
    why = "Difference of Spearman's rho with mean accuracy: eps = 1 against the run's eps."
    return by_interval(interval_of(row, "gap"), numbers, why)


def interval_of(row: pd.Series, key: str) -> Interval:
    """Return a value of a table with its interval, which stands beside it as ``_lo`` and ``_hi``."""
    return float(row[key]), float(row[f"{key}_lo"]), float(row[f"{key}_hi"])
