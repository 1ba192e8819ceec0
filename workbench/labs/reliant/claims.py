"""Rules of the claims, from a run: paired differences of gaps, drawn again over test nodes and trainings."""

from __future__ import annotations

import numpy as np
import pandas as pd

from workbench.contract import Result, Verdict
from workbench.labs.reliant.common.intervals import Outcomes, contrast, outcomes
from workbench.toolkit.statistics import Interval, interval, interval_numbers, not_tested, table, verdict_word

SEEDS = 5
COST = 0.02  # of accuracy that may be lost at a small cost
SHARE = 0.5  # of a gap that must be left to be inherited
CHANCE = 0.55  # AUC of a probe that has learned something
FEW = f"Needs {SEEDS} trainings of each arm (the preset claims)."


def graphs(result: Result) -> list[Outcomes]:
    """Return the graphs of a run that have enough trainings."""
    names = result.tables["runs"]["set"].unique() if "runs" in result.tables else []
    found = [outcomes(result, name) for name in names]
    return [one for one in found if one is not None and one.runs["seed"].nunique() >= SEEDS]


def main_arms(found: Outcomes) -> dict[str, pd.DataFrame]:
    """Return the runs of the first teacher and student by arm, at the weight and metric by which arms are compared."""
    runs = found.runs
    first = runs[runs["arm"] == "full"]
    if first.empty:
        return {}
    about = first.iloc[0]
    pair = {"teacher": about["teacher"], "student": about["student"]}
    at = {"alpha": about["alpha"], "metric": about["metric"]}
    arms = {"teacher": found.select(teacher=about["teacher"], arm="teacher")}
    arms |= {arm: found.select(**pair, arm=arm) for arm in ("kd", "drop")}
    arms |= {arm: found.select(**pair, arm=arm, **at) for arm in ("reg", "const", "reliant", "full")}
    other = {"sp": "eo", "eo": "sp"}[about["metric"]]
    arms["other"] = found.select(**pair, arm="reliant", alpha=about["alpha"], metric=other)
    arms |= {"table": found.select(arm="lr"), "reweighed": found.select(arm="reweighed")}
    return {name: rows for name, rows in arms.items() if rows["seed"].nunique() >= SEEDS}


def by_graph(
    result: Result, needed: tuple[str, ...], terms: list[tuple[str, str, dict[str, float]]], why: str, add: float = 0.0
) -> Verdict:
    """Judge by contrasts that must be above 0 on every graph.

    Parameters
    ----------
    needed
        Arms without which nothing is judged.
    terms
        Words, measure, and factor by arm of each contrast; one whose words begin with ``(`` is only told.
    add
        Added to contrasts of accuracy that decide.
    """
    numbers: dict[str, float] = {}
    decide: list[Interval] = []
    for found in graphs(result):
        arms = main_arms(found)
        if any(name not in arms for name in needed):
            continue
        for words, measure, factors in terms:
            if any(name not in arms for name in factors):
                continue
            names = sorted(factors)  # in one order, so that one drawing serves several measures
            gap = contrast(found, [arms[name] for name in names], measure, [factors[name] for name in names])
            if not all(np.isfinite(gap)):
                continue
            numbers |= interval_numbers(f"{found.name}: {words.strip('()')}", gap)
            if not words.startswith("("):
                shift = add if measure == "accuracy" else 0.0
                decide.append(tuple(end + shift for end in gap))
    if not decide:
        return not_tested(f"{FEW} It needs the arms {', '.join(needed)}.")
    return Verdict(verdict_word(*decide), numbers, why)


def inherits(result: Result) -> Verdict:
    """KD keeps more than half of the teacher's gap."""
    terms = [
        ("ΔSP, KD less half the teacher's", "sp", {"kd": 1.0, "teacher": -SHARE}),
        ("(ΔSP, teacher)", "sp", {"teacher": 1.0}),
        ("(ΔSP, KD)", "sp", {"kd": 1.0}),
        ("(ΔEO, teacher)", "eo", {"teacher": 1.0}),
        ("(ΔEO, KD)", "eo", {"kd": 1.0}),
    ]
    return by_graph(result, ("teacher", "kd"), terms, "Paired over test nodes and trainings; above 0 on every graph.")


def exaggerates(result: Result) -> Verdict:
    """KD's gap is larger than the teacher's."""
    terms = [
        ("ΔSP, KD - teacher", "sp", {"kd": 1.0, "teacher": -1.0}),
        ("(ΔEO, KD - teacher)", "eo", {"kd": 1.0, "teacher": -1.0}),
    ]
    return by_graph(result, ("teacher", "kd"), terms, "Paired over test nodes and trainings; above 0 on every graph.")


def lowers(result: Result) -> Verdict:
    """RELIANT's gap is below KD's, and it loses less than two points of accuracy."""
    terms = [
        ("ΔSP, KD - RELIANT", "sp", {"kd": 1.0, "reliant": -1.0}),
        ("accuracy, RELIANT - KD", "accuracy", {"reliant": 1.0, "kd": -1.0}),
        ("(ΔSP, teacher - RELIANT)", "sp", {"teacher": 1.0, "reliant": -1.0}),
    ]
    why = f"Both on every graph: the gap falls, and the accuracy lost is surely less than {100 * COST:.0f} points."
    return by_graph(result, ("kd", "reliant"), terms, why, COST)


def proxies_matter(result: Result) -> Verdict:
    """Accuracy less ΔSP: RELIANT against the plain bias loss and against constant columns, at the same weight."""
    terms = [
        ("accuracy - ΔSP, RELIANT - plain bias loss", "price", {"reliant": 1.0, "reg": -1.0}),
        ("accuracy - ΔSP, RELIANT - constant columns", "price", {"reliant": 1.0, "const": -1.0}),
        ("(ΔSP, plain bias loss - RELIANT)", "sp", {"reg": 1.0, "reliant": -1.0}),
        ("(ΔSP, constant columns - RELIANT)", "sp", {"const": 1.0, "reliant": -1.0}),
        ("(ΔSP, proxies fed in - mean proxy)", "sp", {"full": 1.0, "reliant": -1.0}),
    ]
    why = "At the same weight of the bias loss, above 0 against both controls on every graph."
    return by_graph(result, ("reliant", "reg", "const"), terms, why)


def agnostic(result: Result) -> Verdict:
    """KD less RELIANT of each teacher with CPF's and GraphAKD's student."""
    numbers: dict[str, float] = {}
    decide = []
    for found in graphs(result):
        runs = found.runs[found.runs["student"].isin(["plp", "akd"])]
        for (teacher, student), _ in runs.groupby(["teacher", "student"], sort=False):
            pair = {"teacher": teacher, "student": student}
            arms = [found.select(**pair, arm=arm) for arm in ("kd", "reliant")]
            if min(rows["seed"].nunique() for rows in arms) < SEEDS:
                continue
            gap = contrast(found, arms, "sp", [1.0, -1.0])
            cost = contrast(found, arms, "accuracy", [-1.0, 1.0])
            words = f"{found.name}: {teacher} to {student}"
            numbers |= interval_numbers(f"{words}, ΔSP, KD - RELIANT", gap) | interval_numbers(
                f"{words}, accuracy, RELIANT - KD", cost
            )
            decide.append(gap)
    if len(decide) < 4:
        return not_tested(f"{FEW} It needs two teachers and the students plp and akd.")
    return Verdict(
        verdict_word(*decide), numbers, "The gap must fall for each teacher with each student, on every graph."
    )


def trade_off(result: Result) -> Verdict:
    """Each gap is smaller when its own loss was used."""
    terms = [
        ("ΔEO, trained for SP - trained for EO", "eo", {"reliant": 1.0, "other": -1.0}),
        ("ΔSP, trained for EO - trained for SP", "sp", {"other": 1.0, "reliant": -1.0}),
    ]
    first = table(result, "runs")
    if len(first) and (first.loc[first["arm"] == "full", "metric"] == "eo").any():
        terms = [(w, m, {k: -v for k, v in f.items()}) for w, m, f in terms]
    why = "Both must be above 0 on every graph: who wants one of them small has to ask for that one."
    return by_graph(result, ("reliant", "other"), terms, why)


def carries(result: Result) -> Verdict:
    """A linear probe of the proxies tells the group better than chance."""
    numbers: dict[str, float] = {}
    decide = []
    for found in graphs(result):
        rows = main_arms(found).get("reliant")
        if rows is None or "proxy_auc" not in rows:
            continue
        gap = interval((rows["proxy_auc"] - CHANCE).to_numpy(float))
        numbers |= interval_numbers(f"{found.name}: AUC less {CHANCE}", gap)
        decide.append(gap)
    if not decide:
        return not_tested(f"{FEW} It needs the arm reliant.")
    return Verdict(
        verdict_word(*decide), numbers, "Over trainings; the probe learns on training nodes, is judged on test nodes."
    )


def dropping(result: Result) -> Verdict:
    """Without its sensitive column the student still keeps more than half of KD's gap."""
    terms = [
        ("ΔSP, without the column less half of KD's", "sp", {"drop": 1.0, "kd": -SHARE}),
        ("(ΔSP, without the column)", "sp", {"drop": 1.0}),
        ("(ΔSP, logistic regression, no graph)", "sp", {"table": 1.0}),
        ("(ΔSP, the same, reweighed)", "sp", {"reweighed": 1.0}),
    ]
    return by_graph(result, ("kd", "drop"), terms, "Above 0 on every graph: other columns tell who is who.")
