"""Rules of the claims: NDS of scenes and trainings that are drawn again."""

from __future__ import annotations

import numpy as np

from workbench.contract import Result, Verdict
from workbench.labs.cmt.common.conditions import BOTH, NO_CAMERAS, NO_LIDAR
from workbench.toolkit.statistics import Interval, interval_numbers, not_tested, resampled_interval, verdict_word

SEEDS, STEPS, SCENES = 3, 1000, 60  # fewer, and noise decides
NEAR = 0.05  # NDS that the one network may lose to a specialist; the paper's: 0.013 and 0.005
LITTLE = 0.05  # NDS that masked training may cost when both sensors are there
WHY = "NDS; intervals over scenes and trainings drawn again, the same scenes for both sides."


def drawn(result: Result, arm: str, condition: str) -> tuple[np.ndarray, np.ndarray]:
    """Return NDS of each training (trainings,) and of the scenes drawn again (DRAWS, trainings)."""
    rows = result.tables["scores"]
    rows = rows[rows["class"] == "all"].reset_index(drop=True)  # in the order of the array
    own = rows[(rows["arm"] == arm) & (rows["condition"] == condition)].sort_values("seed")
    return own["nds"].to_numpy(float), np.asarray(result.arrays["drawn"])[own.index].T.astype(float)


def gap(result: Result, first: tuple[str, str], second: tuple[str, str], margin: float = 0.0) -> Interval:
    """Return the interval of NDS of an arm under a condition, less that of another, plus a margin."""
    (a, draws_a), (b, draws_b) = drawn(result, *first), drawn(result, *second)
    return resampled_interval(a - b + margin, draws_a - draws_b + margin)


def lacking(result: Result, *wanted: tuple[str, str]) -> str:
    """Return what a claim needs and the run lacks; nothing if it has all."""
    if not {"scores", "networks"} <= set(result.tables) or "drawn" not in result.arrays:
        return "Needs scores: no network has been scored yet."
    rows = result.tables["scores"]
    for arm, condition in wanted:
        own = rows[(rows["arm"] == arm) & (rows["condition"] == condition) & (rows["class"] == "all")]
        if own.empty:
            return f"Needs the arm {arm!r} under the condition {condition!r}: the preset claims has it."
        if own["seed"].nunique() < SEEDS:
            return f"Needs {SEEDS} seeds; the preset claims has them."
    if int(result.tables["networks"]["steps"].min()) < STEPS:
        return f"Needs {STEPS} training steps; the preset claims has them."
    if int(result.tables["networks"]["scenes"].min()) < SCENES:
        return f"Needs {SCENES} validation scenes."
    return ""


def all_above(result: Result, *gaps: tuple[str, tuple[str, str], tuple[str, str], float]) -> Verdict:
    """Judge that every difference, plus its margin, is above 0."""
    wanted = dict.fromkeys(side for _, first, second, _ in gaps for side in (first, second))
    if why := lacking(result, *wanted):
        return not_tested(why)
    found, numbers = [], {}
    for name, first, second, margin in gaps:
        found.append(gap(result, first, second, margin))
        numbers |= interval_numbers(name, gap(result, first, second), -margin)
    margins = [m for *_, m in gaps if m]
    return Verdict(
        verdict_word(*found), numbers, WHY + (f" A loss of up to {margins[0]:g} is allowed." if margins else "")
    )


def fusion_wins(result: Result) -> Verdict:
    """C1: fusion > each single modality."""
    return all_above(
        result,
        ("plain - LiDAR specialist", ("plain", BOTH), ("lidar", BOTH), 0.0),
        ("plain - camera specialist", ("plain", BOTH), ("camera", BOTH), 0.0),
    )


def survives(result: Result) -> Verdict:
    """C2a: masked-modal training beats plain training when a sensor is missing."""
    return all_above(
        result,
        ("no LiDAR, masked - plain", ("masked", NO_LIDAR), ("plain", NO_LIDAR), 0.0),
        ("no cameras, masked - plain", ("masked", NO_CAMERAS), ("plain", NO_CAMERAS), 0.0),
    )


def near_specialists(result: Result) -> Verdict:
    """C2b: with one sensor, the one masked network is near the specialist."""
    return all_above(
        result,
        ("no LiDAR, masked - camera specialist", ("masked", NO_LIDAR), ("camera", BOTH), NEAR),
        ("no cameras, masked - LiDAR specialist", ("masked", NO_CAMERAS), ("lidar", BOTH), NEAR),
    )


def costs_little(result: Result) -> Verdict:
    """C3: with both sensors, masked training costs little."""
    return all_above(result, ("both, masked - plain", ("masked", BOTH), ("plain", BOTH), LITTLE))


def encoding_aligns(result: Result) -> Verdict:
    """C4: without either position encoding it is worse, and without that of the points most."""
    image, point = ("no image encoding", BOTH), ("no point encoding", BOTH)
    return all_above(
        result,
        ("plain - no image encoding", ("plain", BOTH), image, 0.0),
        ("plain - no point encoding", ("plain", BOTH), point, 0.0),
        ("no image - no point encoding", image, point, 0.0),
    )


def denoising_helps(result: Result) -> Verdict:
    """C5: with denoising, more is learned in as many steps."""
    return all_above(result, ("plain - no denoising", ("plain", BOTH), ("no denoising", BOTH), 0.0))


def simulator_is_sound(result: Result) -> Verdict:
    """Acceptance of the simulator: the LiDAR specialist beats the camera specialist, as on nuScenes."""
    return all_above(result, ("LiDAR - camera specialist", ("lidar", BOTH), ("camera", BOTH), 0.0))
