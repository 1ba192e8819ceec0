"""Rules of the claims, from a run's scores: paired differences, with bootstraps over cases and trainings."""

from __future__ import annotations

import numpy as np
import pandas as pd

from workbench.contract import Result, Verdict
from workbench.labs.amos.params import CT, JOINT, MR
from workbench.toolkit.statistics import (
    bootstrap_means,
    difference_interval,
    interval,
    interval_numbers,
    not_tested,
    table,
    verdict_word,
)

ENOUGH, SEEDS = 4, 2  # cases of a modality, and trainings
SMALL = ("gallbladder", "right adrenal gland", "left adrenal gland", "duodenum")
CONVOLUTIONAL = ("BasicUNet", "DynUNet", "SegResNet")
TRANSFORMERS = ("UNETR", "SwinUNETR", "ConvFormer")


def home(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the site that was trained on, of all where sites are not told apart."""
    own = rows[rows["site"] == "A"]
    return own if len(own) else rows


def by_case(rows: pd.DataFrame, network: str, arm: str, modality: str, measure: str = "dsc") -> pd.DataFrame:
    """Return the mean over organs: a row a case of a modality, a column a training (seed)."""
    own = rows[(rows["network"] == network) & (rows["arm"] == arm) & (rows["modality"] == modality)]
    return per_training(own, measure)


def per_training(rows: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Return the mean over rows: a row a case, a column a training (seed); cases that all trainings scored."""
    return rows.pivot_table(measure, "case", "seed").dropna()


def lacking(rows: pd.DataFrame, *wanted: tuple[str, str]) -> str:
    """Return what a claim needs and the run lacks: networks in arms, cases and seeds; nothing if it has all."""
    if rows.empty:
        return "Needs scores: let the run end."
    for network, arm in wanted:
        own = rows[(rows["network"] == network) & (rows["arm"] == arm)]
        if own.empty:
            return f"Needs {network} in the arm {arm!r}: choose it, or the preset claims."
        if own["seed"].nunique() < SEEDS:
            return f"Needs {SEEDS} trainings of each network and arm."
        for modality in ("CT", "MR"):
            if home(own[own["modality"] == modality])["case"].nunique() < ENOUGH:
                return f"Needs {ENOUGH} {modality} cases of the training site."
    return ""


def joint_helps(result: Result) -> Verdict:
    """B1: one network for CT and MR against one for each, on the same cases; and for which modality it gains more."""
    rows = table(result, "scores")
    network = rows["network"].iloc[0] if len(rows) else ""
    if why := lacking(rows, (network, JOINT), (network, CT), (network, MR)):
        return not_tested(why)
    rows, numbers, gains = home(rows), {}, {}
    for modality, arm in (("CT", CT), ("MR", MR)):
        for measure in ("dsc", "nsd"):
            pair = [by_case(rows, network, a, modality, measure) for a in (JOINT, arm)]
            gain = (pair[0] - pair[1]).dropna().to_numpy()  # (cases, trainings)
            numbers |= interval_numbers(f"{measure.upper()} {modality}, joint - separate", interval(gain))
            if measure == "dsc":
                gains[modality] = gain
    more = difference_interval(gains["MR"], gains["CT"])
    numbers |= interval_numbers("DSC gain, MR - CT", more)
    ct, mr = interval(gains["CT"]), interval(gains["MR"])
    if ct[2] < 0 or mr[2] < 0 or more[2] < 0:
        verdict = "does not hold"
    else:
        verdict = "holds" if mr[1] > 0 and ct[0] >= 0 and more[1] > 0 else "within noise"
    why = "DSC of validation cases of the training site, paired over cases and trainings."
    return Verdict(verdict, numbers, why)


def convolutions_win(result: Result) -> Verdict:
    """B2: a convolutional network against transformers, joint arm, same patches, about as many parameters."""
    rows = table(result, "scores")
    names = list(dict.fromkeys(rows["network"])) if len(rows) else []
    conv = next((n for n in names if n in CONVOLUTIONAL), "")
    others = [n for n in names if n in TRANSFORMERS]
    if not conv or not others:
        return not_tested("Needs a convolutional network and a transformer, such as BasicUNet and UNETR.")
    if why := lacking(rows, *((n, JOINT) for n in (conv, *others))):
        return not_tested(why)
    rows, numbers, found = home(rows), {}, []
    for other in others:
        gaps = [by_case(rows, conv, JOINT, m) - by_case(rows, other, JOINT, m) for m in ("CT", "MR")]
        found.append(interval(pd.concat(gaps).dropna().to_numpy()))
        numbers |= interval_numbers(f"DSC, {conv} - {other}", found[-1])
    sizes = result.tables["networks"].drop_duplicates("network") if "networks" in result.tables else pd.DataFrame()
    numbers |= {f"parameters: {r.network}": float(r.parameters) for r in sizes.itertuples()}
    return Verdict(
        verdict_word(*found), numbers, "DSC, joint arm, paired over cases of the training site and trainings."
    )


def small_organs_worst(result: Result) -> Verdict:
    """B3: gallbladder, adrenal glands and duodenum against all other organs, by DSC, within each case."""
    rows = table(result, "scores")
    network = rows["network"].iloc[0] if len(rows) else ""
    if why := lacking(rows, (network, JOINT)):
        return not_tested(why)
    rows = home(rows)
    rows = rows[(rows["network"] == network) & (rows["arm"] == JOINT)]
    small = rows["name"].isin(SMALL)
    numbers, found = {}, {}
    for measure in ("dsc", "nsd"):
        gap = per_training(rows[~small], measure) - per_training(rows[small], measure)
        found[measure] = interval(gap.dropna().to_numpy())
        numbers |= interval_numbers(f"{measure.upper()}, other organs - small ones", found[measure])
    organs = rows.groupby("name")["dsc"].mean().dropna().sort_values()
    numbers |= {f"DSC: {name}": float(v) for name, v in organs.head(5).items()}
    why = "The five lowest are listed; the intervals are over cases and trainings."
    return Verdict(verdict_word(found["dsc"]), numbers, why)


def measures_disagree(result: Result) -> Verdict:
    """B3: do DSC and NSD order the trained networks differently?"""
    rows = table(result, "scores")
    teams = rows[["network", "arm"]].drop_duplicates() if len(rows) else []
    if len(teams) < 3 or rows["seed"].nunique() < SEEDS:
        return not_tested(f"Needs three networks or arms, and {SEEDS} trainings of each.")
    rows = home(rows).assign(team=rows["network"] + ", " + rows["arm"])
    names = sorted(rows["team"].unique())
    scores = {
        m: [per_training(rows[rows["team"] == name], m).to_numpy() for name in names] for m in ("dsc", "nsd")
    }  # each (cases, trainings)
    orders = [np.argsort([bootstrap_means(team) for team in scores[m]], axis=0) for m in scores]  # each (teams, DRAWS)
    share = float((orders[0] != orders[1]).any(axis=0).mean())
    organs = rows.groupby("name")[["dsc", "nsd"]].mean().dropna().rank(ascending=False)
    worst = (organs["dsc"] - organs["nsd"]).abs().sort_values(ascending=False)
    whole = [np.argsort([team.mean() for team in scores[m]]).tolist() for m in scores]
    numbers = {
        "share of resamples with another order": share,
        "another order on all cases": float(whole[0] != whole[1]),
    }
    numbers |= {f"places apart: {name}": float(v) for name, v in worst.head(3).items()}
    verdict = "holds" if share >= 0.975 else "does not hold" if share <= 0.025 else "within noise"
    why = (
        "Order of the networks by mean DSC and by mean NSD over resampled cases and trainings; below, organs that "
        "change places."
    )
    return Verdict(verdict, numbers, why)


def other_sites_are_worse(result: Result) -> Verdict:
    """B4: the joint network on another scanner than it learned on, and the MR network on CT."""
    rows = table(result, "scores")
    network = rows["network"].iloc[0] if len(rows) else ""
    if why := lacking(rows, (network, JOINT), (network, MR)):
        return not_tested(why)
    if not {"A", "B"} <= set(rows["site"]):
        return not_tested("Needs two sites, A and B, as AMOS-sim has them.")
    numbers, found = {}, []
    for modality in ("CT", "MR"):
        a, b = (by_case(rows[rows["site"] == s], network, JOINT, modality).to_numpy() for s in "AB")
        found.append(
            interval(a - b) if len(a) == len(b) else difference_interval(a, b)
        )  # AMOS-sim has each body at both sites
        numbers |= interval_numbers(f"DSC {modality}, own site - other", found[-1])
    own = home(rows)
    found.append(difference_interval(*(by_case(own, network, MR, m).to_numpy() for m in ("MR", "CT"))))
    numbers |= interval_numbers("DSC of the MR network, MR - CT", found[-1])
    return Verdict(
        verdict_word(*found),
        numbers,
        "Site B: other spacing, contrast and noise, the same bodies (paired). MR against CT: other bodies.",
    )
