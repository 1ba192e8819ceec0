"""Rules of the claims, from a run's tables: paired differences, with bootstraps over prompts and trainings."""

from __future__ import annotations

import numpy as np
import pandas as pd

from workbench.contract import Result, Verdict
from workbench.labs.drums.common.evaluation import HUMAN, by_prompt, difference
from workbench.labs.drums.common.measures import ANCHORS
from workbench.labs.drums.params import TUNED, UNTAUGHT
from workbench.toolkit.statistics import interval, interval_numbers, not_tested, table, verdict_word

ENOUGH = 20  # prompts: with fewer, no interval is worth its name
SEEDS = 2
SMALLER = "english smaller"
COPY = "copy two bars"
NETWORKS = ("none", "english", "shuffled", "nested")


def measures(result: Result, *players: str) -> pd.DataFrame | str:
    """Return the rows of all measures, or why they are too few for a claim about these players."""
    rows = table(result, "measures")
    for player in players:
        own = rows[rows["player"] == player] if len(rows) else rows
        if own.empty:
            arm = "a language model" if player in (TUNED, UNTAUGHT) else "its arm, or the preset claims"
            return f"Needs the player {player!r}: choose {arm}."
        if own["prompt_number"].nunique() < ENOUGH:
            return f"Needs {ENOUGH} test grooves; this run continues {own['prompt_number'].nunique()}."
        if player in (*NETWORKS, SMALLER) and own["seed"].nunique() < SEEDS:
            return f"Needs {SEEDS} trainings of each arm."
    return rows


def mean(rows: pd.DataFrame, player: str, measure: str) -> float:
    """Return the mean of a measure over prompts and trainings."""
    return float(np.nanmean(by_prompt(rows, player, measure)))


def beyond_repetition(result: Result) -> Verdict:
    """Language first against none, with the same network and the same grooves: pattern against fills, as people do."""
    return beyond(result, "english", "none")


def real_beyond_repetition(result: Result) -> Verdict:
    """The same of a real language model, against its architecture from random weights."""
    return beyond(result, TUNED, UNTAUGHT)


def beyond(result: Result, taught: str, untaught: str) -> Verdict:
    """Judge whether a network that knew language leaves its pattern more, and repeats less, than its untaught twin."""
    rows = measures(result, untaught, taught, HUMAN, COPY)
    if isinstance(rows, str):
        return not_tested(rows)
    contrast = difference(rows, taught, untaught, "masked_between")
    distinct = difference(rows, taught, untaught, "distinct")
    numbers = interval_numbers(f"contrast, {taught} - {untaught}", contrast)
    numbers |= interval_numbers(f"distinct bars, {taught} - {untaught}", distinct)
    others = [p for p in NETWORKS if p not in (taught, untaught) and (rows["player"] == p).any()]
    for player in (HUMAN, taught, untaught, *others, COPY):
        numbers[f"contrast: {player}"] = mean(rows, player, "masked_between")
        numbers[f"distinct: {player}"] = mean(rows, player, "distinct")
    why = (
        "Contrast: distance of the centers of pattern and fills, silent bars left out. Paired over prompts "
        "and trainings; both intervals must be above 0."
    )
    return Verdict(verdict_word(contrast, distinct), numbers, why)


def naive_repetition(result: Result) -> Verdict:
    """The untaught network against the copyist: does it do anything but repeat?"""
    rows = measures(result, "none", COPY)
    if isinstance(rows, str):
        return not_tested(rows)
    distinct = difference(rows, "none", COPY, "distinct")
    numbers = interval_numbers("distinct bars, none - copy", distinct)
    numbers |= {f"distinct: {p}": mean(rows, p, "distinct") for p in ("none", COPY)}
    turned = {"holds": "does not hold", "does not hold": "holds"}
    verdict = verdict_word(distinct)
    why = "It repeats only if its share of distinct bars is no higher than that of copying two bars."
    return Verdict(turned.get(verdict, verdict), numbers, why)


def helps_to_foretell(result: Result) -> Verdict:
    """Bits a character on the test grooves: English first against none."""
    rows = measures(result, "none", "english")
    if isinstance(rows, str):
        return not_tested(rows)
    bits = table(result, "bits")
    found = difference(bits, "none", "english", "bits")
    numbers = interval_numbers("bits saved by English", found)
    for arm in ("shuffled", "nested"):
        if (bits["player"] == arm).any():
            numbers |= interval_numbers(f"bits saved by {arm}", difference(bits, "none", arm, "bits"))
    numbers |= {f"bits: {p}": mean(bits, p, "bits") for p in bits["player"].unique()}
    why = "Bits a character of the completion of test grooves, paired over grooves and trainings."
    return Verdict(verdict_word(found), numbers, why)


def language_not_letters(result: Result) -> Verdict:
    """English against the same characters shuffled: is it the language that helps, or having been trained at all?"""
    rows = measures(result, "english", "shuffled")
    if isinstance(rows, str):
        return not_tested(rows)
    found = difference(table(result, "bits"), "shuffled", "english", "bits")
    return Verdict(
        verdict_word(found),
        interval_numbers("bits saved over shuffled", found),
        "Paired over test grooves and trainings.",
    )


def bigger_is_steadier(result: Result) -> Verdict:
    """The larger network's bars differ less from their neighbors than the smaller one's."""
    rows = measures(result, "english", SMALLER)
    if isinstance(rows, str):
        return not_tested(rows)
    found = difference(rows, SMALLER, "english", "masked_mean")
    within = difference(rows, SMALLER, "english", "masked_within")
    numbers = interval_numbers("d, smaller - bigger", found) | interval_numbers(
        "spread within, smaller - bigger", within
    )
    numbers |= {"paper: ada, mean d": ANCHORS["ada"].mean, "paper: davinci, mean d": ANCHORS["davinci"].mean}
    why = "Mean d without silent bars, paired over prompts and trainings: above 0 is steadier."
    return Verdict(verdict_word(found), numbers, why)


def fewer_fills(result: Result) -> Verdict:
    """Bars that stand out: people against the network that read English."""
    rows = measures(result, HUMAN, "english")
    if isinstance(rows, str):
        return not_tested(rows)
    rows = rows.assign(rate=rows["fills"] / (rows["rows"] / 16 - rows["silent"]).clip(lower=1))
    found = difference(rows, HUMAN, "english", "rate")
    share = rows.assign(any=(rows["fills"] > 0).astype(float))
    numbers = interval_numbers("fills a bar, people - English", found)
    for player in (HUMAN, *(p for p in NETWORKS if (rows["player"] == p).any())):
        numbers |= interval_numbers(
            f"grooves with a fill: {player}", interval(by_prompt(share, player, "any").to_numpy())
        )
    numbers |= {"paper: people (of 37)": 31.0, "paper: davinci (of 37)": 13.0, "paper: ada (of 37)": 10.0}
    why = "Fills a sounding bar: a fill is a bar in the higher of two groups of d, at least 4 apart (ours)."
    return Verdict(verdict_word(found), numbers, why)
