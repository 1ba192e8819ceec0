"""Rules of the claims: paired differences of test subjects, resampled over seeds and subjects at once."""

from __future__ import annotations

import pandas as pd

from workbench.contract import Result, Verdict
from workbench.labs.eam.params import ATTENTION, CT_ONLY, EAM, JOINT, MODALITIES, MR_ONLY
from workbench.toolkit.statistics import difference_interval, interval, interval_numbers, not_tested, verdict_word

SEEDS, STEPS, SUBJECTS = 5, 1500, 10  # fewer, and the pilot's seed noise (.13) hides any effect of EAM
MARGIN = 0.05  # of Dice: what "competitive" may cost
MANY = 10  # annotated subjects that count as enough
ONLY = {"CT": CT_ONLY, "MR": MR_ONLY}


def scores(result: Result) -> pd.DataFrame:
    """Return mean Dice over organs: few, arm, shots, seed, modality, subject, dice; of test subjects only."""
    if not result.has("scores"):
        return pd.DataFrame(columns=["few", "arm", "shots", "seed", "modality", "subject", "dice"])
    rows = result.tables["scores"]
    rows = rows[rows["split"] == "test"]
    keys = ["few", "arm", "shots", "seed", "modality", "subject"]
    return rows.groupby(keys)["dice"].mean().dropna().reset_index()


def matrix(rows: pd.DataFrame, few: str, arm: str, modality: str, shots: list[int]) -> pd.DataFrame:
    """Return Dice (subjects x seeds) of an arm, averaged over some numbers of shots; 0 shots: that modality unseen."""
    own = rows[(rows["few"] == few) & (rows["arm"] == arm) & (rows["modality"] == modality)]
    own = own[own["shots"].isin(shots)]
    return own.pivot_table("dice", "subject", "seed")


def lacking(result: Result, few: str, *wanted: tuple[str, list[int]]) -> str:
    """Return what a claim needs and the run lacks; nothing if it has all."""
    rows = scores(result)
    rows = rows[rows["few"] == few]
    wanted = sorted(wanted, key=lambda pair: pair[0] in set(rows["arm"]))  # arms that are not there at all first
    for arm, shots in wanted:
        own = rows[rows["arm"] == arm]
        if not shots or not set(shots) <= set(own["shots"]):
            text = f" with {', '.join(map(str, shots))} annotated {few}" if any(shots) else ""
            return f"Needs the arm {arm!r}{text}: the preset claims has it."
        if own[own["shots"].isin(shots)].groupby("shots")["seed"].nunique().min() < SEEDS:
            return f"Needs {SEEDS} seeds; the preset claims has them."
        if own.groupby("modality")["subject"].nunique().min() < SUBJECTS:
            return f"Needs {SUBJECTS} test subjects of each modality."
    if int(result.tables["networks"]["steps"].min()) < STEPS:
        return f"Needs {STEPS} training steps; the preset claims has them."
    return ""


def settings(result: Result, *arms: str) -> tuple[str, list[int]]:
    """Return the modality that had few annotations, the first of a run, and the shots that all these arms had."""
    rows = scores(result)
    if rows.empty:
        return "MR", []
    few = result.tables["scores"]["few"].iloc[0]
    rows = rows[rows["few"] == few]
    return few, sorted(set.intersection(*({int(s) for s in rows[rows["arm"] == arm]["shots"]} for arm in arms)))


WHY = "Dice of test subjects, paired; intervals over resampled seeds and subjects."


def why_of(few: str, shots: list[int]) -> str:
    """Return how the numbers were computed, in a sentence."""
    return f"{WHY} Annotated {few}: {', '.join(map(str, shots))}."


def eam_over_joint(result: Result) -> Verdict:
    """C1a: joint + EAM > joint, on both modalities."""
    return eam_over(result, JOINT)


def consistency_helps(result: Result) -> Verdict:
    """A control: joint + EAM > the modules without any consistency, which are deep supervision only."""
    return eam_over(result, ATTENTION)


def eam_over(result: Result, other: str) -> Verdict:
    """Judge joint + EAM > another arm that learns from both, on both modalities."""
    few, shots = settings(result, EAM, other)
    if why := lacking(result, few, (other, shots), (EAM, shots)):
        return not_tested(why)
    rows, numbers, found = scores(result), {}, []
    for modality in MODALITIES:
        gap = matrix(rows, few, EAM, modality, shots) - matrix(rows, few, other, modality, shots)
        found.append(interval(gap))
        numbers |= interval_numbers(f"{modality}, joint + EAM - {other}", found[-1])
    return Verdict(verdict_word(*found), numbers, why_of(few, shots))


def joint_over_separate(result: Result) -> Verdict:
    """C1b: joint > separate, on both modalities."""
    few, _ = settings(result, JOINT)
    shots = settings(result, JOINT, ONLY[few])[1]
    many = MODALITIES[1 - MODALITIES.index(few)]
    if why := lacking(result, few, (JOINT, shots), (ONLY[few], shots), (ONLY[many], [0])):
        return not_tested(why)
    rows, numbers, found = scores(result), {}, []
    for modality in MODALITIES:
        alone = matrix(rows, few, ONLY[modality], modality, shots if modality == few else [0])
        found.append(interval(matrix(rows, few, JOINT, modality, shots) - alone))
        numbers |= interval_numbers(f"{modality}, joint - separate", found[-1])
    return Verdict(verdict_word(*found), numbers, why_of(few, shots))


def few_gain_more(result: Result) -> Verdict:
    """C2: EAM gains more over joint training on the modality with fewer annotations."""
    few, shots = settings(result, EAM, JOINT)
    if why := lacking(result, few, (JOINT, shots), (EAM, shots)):
        return not_tested(why)
    rows, numbers, found = scores(result), {}, {}
    for modality in MODALITIES:
        found[modality] = matrix(rows, few, EAM, modality, shots) - matrix(rows, few, JOINT, modality, shots)
        numbers |= interval_numbers(f"{modality}, joint + EAM - joint", interval(found[modality]))
    many = MODALITIES[1 - MODALITIES.index(few)]
    difference = difference_interval(found[few].to_numpy(), found[many].to_numpy())
    numbers |= interval_numbers(f"gain on {few} - gain on {many}", difference)
    return Verdict(verdict_word(difference), numbers, why_of(few, shots))


def few_suffice(result: Result) -> Verdict:
    """C3: with 1 or 3 annotated subjects, joint + EAM loses at most 0.05 to a separate network with 10."""
    few, shots = settings(result, EAM)
    asked = [s for s in (1, 3) if s in shots] or [1, 3]
    if why := lacking(result, few, (EAM, asked), (ONLY[few], [MANY])):
        return not_tested(why)
    rows, numbers, found = scores(result), {}, []
    rich = matrix(rows, few, ONLY[few], few, [MANY])
    for count in asked:
        gap = matrix(rows, few, EAM, few, [count]) - rich
        found.append(interval(gap + MARGIN))
        numbers |= interval_numbers(f"{few}, EAM with {count} - {ONLY[few]} with {MANY}", interval(gap))
    return Verdict(verdict_word(*found), numbers, f"{WHY} Competitive means: not more than {MARGIN:g} Dice lower.")
