"""Rules of the claims, from a run: paired differences over distillations and victims."""

from __future__ import annotations

import numpy as np
import pandas as pd

from workbench.contract import Result, Verdict
from workbench.toolkit.statistics import Interval, interval, interval_numbers, not_tested, table, verdict_word

SETS, VICTIMS = 3, 5
COST = 0.02  # of clean accuracy that an attack may cost and be called harmless
CLOSE = 0.95  # what we call close to 1.0
FLAGGED = 0.5  # of the distillations, that a defense must catch; of stamped images, that an open door must take
OURS = "range"
FEW = f"Needs {SETS} distillations with {VICTIMS} victims each (the preset claims)."


def grid(result: Result, column: str, attack: str, test: str = "as is", carrier: str = "", victim: str = ""):
    """Return a measure (distillations, victims) of an attack; of the first carrier and kind of victim if none is named.

    None if there are not enough; whole numbers of victims are paired by seed and number.
    """
    rows = table(result, "victims")
    if rows.empty:
        return None
    carrier, victim = carrier or rows["carrier"].iloc[0], victim or rows["victim"].iloc[0]
    rows = rows[(rows["carrier"] == carrier) & (rows["victim"] == victim)]
    rows = rows[(rows["attack"] == attack) & (rows["test"] == test)]
    found = rows.pivot(index="seed", columns="number", values=column) if len(rows) else pd.DataFrame()
    return found.to_numpy(float) if found.shape[0] >= SETS and np.isfinite(found.to_numpy(float)).all() else None


def firm(result: Result, *wanted: tuple[str, ...]) -> list[np.ndarray] | None:
    """Return the grids that were asked for, or None if one is missing or has too few victims."""
    found = [grid(result, *one) for one in wanted]
    return None if any(g is None or g.shape[1] < VICTIMS for g in found) else found


def keeps(result: Result) -> Verdict:
    """A poisoned set is as good as a clean one."""
    numbers: dict[str, float] = {}
    decide: list[Interval] = []
    for attack, words in (("doorping", "DOORPING"), ("naive", "NAIVEATTACK")):
        found = firm(result, ("cta", attack), ("cta", "clean"))
        if found is None:
            continue
        gap = interval(found[0] - found[1])
        numbers |= interval_numbers(f"CTA, {words} - clean", gap, -COST)
        if attack == "doorping":
            decide.append(gap)
    if not decide:
        return not_tested(f"{FEW} Attacks: clean and doorping.")
    return Verdict(
        verdict_word(*decide, above=-COST), numbers, f"The accuracy that is lost must surely be less than {COST:.0%}."
    )


def above(result: Result) -> Verdict:
    """DOORPING succeeds more often than NAIVEATTACK."""
    found = firm(result, ("asr", "doorping"), ("asr", "naive"), ("null", "doorping"), ("asr", "doorping", "cut"))
    if found is None:
        return not_tested(f"{FEW} Attacks: naive and doorping.")
    gap = interval(found[0] - found[1])
    numbers = interval_numbers("ASR, DOORPING - NAIVEATTACK", gap) | interval_numbers(
        "ASR, DOORPING", interval(found[0])
    )
    numbers |= interval_numbers("ASR, NAIVEATTACK", interval(found[1])) | interval_numbers(
        "without a stamp", interval(found[2])
    )
    numbers |= interval_numbers("ASR, DOORPING's trigger cut to valid pixels", interval(found[3]))
    doors = table(result, "doors")
    if len(doors):
        mine = doors[(doors["attack"] == "doorping") & (doors["carrier"] == doors["carrier"].iloc[0])]
        numbers["best trigger of the way, on one victim"] = float(mine.groupby("seed")["asr as is"].max().mean())
    return Verdict(
        verdict_word(gap), numbers, "Paired by distillation and victim, on images that are not of the target class."
    )


def close(result: Result) -> Verdict:
    """DOORPING's success is close to 1.0 in every case: carrier and kind of victim."""
    rows = table(result, "victims")
    numbers: dict[str, float] = {}
    decide: list[Interval] = []
    if len(rows):
        rows = rows[rows["attack"] == "doorping"]
    for (carrier, victim), _ in rows.groupby(["carrier", "victim"], sort=False) if len(rows) else ():
        values = grid(result, "asr", "doorping", "as is", carrier, victim)
        if values is not None:
            found = interval(values)
            numbers |= interval_numbers(f"ASR, {carrier}, {victim}", found, CLOSE)
            decide.append(found)
    if not decide:
        return not_tested(f"{FEW} Attack: doorping.")
    return Verdict(
        verdict_word(*decide, above=CLOSE), numbers, f"Above {CLOSE:g} for every carrier and every kind of victim."
    )


def possible(result: Result) -> Verdict:
    """DOORPING works with a trigger that a picture can hold."""
    found = firm(result, ("asr", "clipped"), ("null", "clipped"), ("asr", "doorping", "cut"), ("null", "doorping"))
    if found is None:
        return not_tested(f"{FEW} Attacks: clipped and doorping.")
    kept, after = interval(found[0] - found[1]), interval(found[2] - found[3])
    numbers = interval_numbers("ASR - without a stamp, kept valid on the way", kept, FLAGGED)
    numbers |= interval_numbers("ASR - without a stamp, cut at the end", after, FLAGGED)
    why = "Both must lift the share that is taken for the target by more than half."
    return Verdict(verdict_word(kept, after, above=FLAGGED), numbers, why)


def carries(result: Result) -> Verdict:
    """Judge whether a set distilled with one network also backdoors others."""
    rows = table(result, "victims")
    numbers: dict[str, float] = {}
    decide: list[Interval] = []
    for victim in rows["victim"].unique()[1:] if len(rows) else ():
        values, base = (grid(result, key, "doorping", "as is", "", victim) for key in ("asr", "null"))
        if values is not None and base is not None:
            gap = interval(values - base)
            numbers |= interval_numbers(f"ASR - without a stamp, {victim}", gap, FLAGGED)
            decide.append(gap)
    if not decide:
        return not_tested(f"{FEW} Victims: of other kinds too.")
    why = "Every other kind must take more than half of the stamped images more."
    return Verdict(verdict_word(*decide, above=FLAGGED), numbers, why)


def undefended(result: Result) -> Verdict:
    """The defenses of others do not catch DOORPING; ours, a look at the range of pixels, is told beside them."""
    rows = table(result, "defenses")
    rows = rows[rows["attack"] == "doorping"] if len(rows) else rows
    rows = rows[rows["carrier"] == rows["carrier"].iloc[0]] if len(rows) else rows
    known = rows[rows["defense"] != OURS] if len(rows) else rows
    if known.empty or known["seed"].nunique() < SETS:
        return not_tested("Needs defenses and three distillations of the attack doorping (the preset claims).")
    share = {name: float(part["caught"].mean()) for name, part in rows.groupby("defense", sort=False)}
    numbers = {f"caught by {name}{' (ours)' if name == OURS else ''}": value for name, value in share.items()}
    most = max(value for name, value in share.items() if name != OURS)
    verdict = "holds" if most == 0 else "does not hold" if most > FLAGGED else "within noise"
    return Verdict(
        verdict, numbers, "Shares of the distillations; a known defense that catches more than half refutes it."
    )
