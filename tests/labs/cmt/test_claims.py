"""Verdicts on made-up scores, each claim all three ways; and what a run lacks is said."""

import numpy as np
import pandas as pd
import pytest

from workbench.contract.result import Result
from workbench.labs.cmt import LAB
from workbench.labs.cmt.common.conditions import CONDITIONS
from workbench.labs.cmt.common.shapes import ARMS
from workbench.toolkit.statistics import stored_intervals

NDS = {"plain": 0.60, "masked": 0.59, "lidar": 0.55, "camera": 0.35, "late": 0.57, "bev": 0.55,
       "no image encoding": 0.57, "no point encoding": 0.40, "no denoising": 0.45}  # fmt: skip
BARE = {("plain", "no lidar"): 0.05, ("plain", "no cameras"): 0.3, ("masked", "no lidar"): 0.33,
        ("masked", "no cameras"): 0.53}  # fmt: skip


def made(seeds=3, steps=1500, scenes=100, noise=0.01, arms=tuple(NDS), **shift):
    """Return scores; `shift` moves the NDS of an arm, as ``plain`` or ``plain__no_lidar``."""
    rng = np.random.default_rng(0)
    rows, draws, networks = [], [], []
    common = rng.normal(0, 0.02, 300)  # scenes drawn again are the same for all arms
    for arm in arms:
        for seed in range(seeds):
            networks.append({"arm": arm, "seed": seed, "parameters": 1, "steps": steps, "scenes": scenes})
            for condition in CONDITIONS:
                value = BARE.get((arm, condition), NDS[arm])
                value += shift.get(arm.replace(" ", "_"), 0)
                value += shift.get(f"{arm}__{condition}".replace(" ", "_"), 0) + rng.normal(0, noise)
                for name in ("all", "car"):
                    rows.append({"arm": arm, "seed": seed, "condition": condition, "class": name, "nds": value})
                draws.append(value + common + rng.normal(0, noise, 300))
    return Result(
        tables={"scores": pd.DataFrame(rows), "networks": pd.DataFrame(networks)},
        arrays={"drawn": np.array(draws, np.float32)},
    )


@pytest.mark.parametrize(
    ("claim", "shift", "verdict"),
    [
        ("fusion", {}, "holds"),
        ("fusion", {"lidar": 0.2}, "does not hold"),
        ("fusion", {"lidar": 0.05}, "within noise"),
        ("survives", {}, "holds"),
        ("survives", {"masked__no_cameras": -0.4}, "does not hold"),
        ("survives", {"masked__no_lidar": -0.28}, "within noise"),
        ("near", {}, "holds"),
        ("near", {"masked__no_lidar": -0.2}, "does not hold"),
        ("near", {"masked__no_cameras": -0.03}, "within noise"),  # 0.05 below LiDAR's, which is the margin
        ("cost", {}, "holds"),
        ("cost", {"masked": -0.2}, "does not hold"),
        ("cost", {"masked": -0.04}, "within noise"),
        ("encoding", {}, "holds"),
        ("encoding", {"no_point_encoding": 0.3}, "does not hold"),
        ("encoding", {"no_image_encoding": 0.03}, "within noise"),
        ("denoising", {}, "holds"),
        ("denoising", {"no_denoising": 0.3}, "does not hold"),
        ("denoising", {"no_denoising": 0.15}, "within noise"),
        ("balance", {}, "holds"),
        ("balance", {"camera": 0.4}, "does not hold"),
        ("balance", {"camera": 0.2}, "within noise"),
    ],
)
def test_a_claim_is_judged_by_its_numbers(claim, shift, verdict):
    found = LAB.judge(made(**shift))[claim]
    assert found.verdict == verdict, found.numbers
    assert found.numbers and found.why


@pytest.mark.parametrize(("claim", "threshold"), [("near", -0.05), ("cost", -0.05), ("survives", 0.0), ("fusion", 0.0)])
def test_a_claim_is_drawn_with_the_loss_that_it_allows(claim, threshold):
    result = made(masked=-0.045, masked__no_lidar=0.01, masked__no_cameras=0.01, noise=0.0001)
    verdict = LAB.judge(result)[claim]
    drawn, _ = stored_intervals(verdict.numbers)
    assert drawn and all(line == threshold for _, line in drawn.values())
    above = all(low > line for (_, low, _), line in drawn.values())
    assert (verdict.verdict == "holds") == above  # the picture says what the verdict says


@pytest.mark.parametrize(
    ("few", "words"),
    [
        ({"seeds": 2}, "3 seeds"),
        ({"steps": 900}, "1000 training steps"),
        ({"scenes": 20}, "60 validation scenes"),
        ({"arms": ("bev",)}, "Needs the arm"),
    ],
)
def test_what_is_too_little_is_said(few, words):
    for verdict in LAB.judge(made(**few)).values():
        assert verdict.verdict == "not tested" and words in verdict.why


def test_a_difference_that_one_training_shows_is_within_noise():
    result = made(noise=0.0)
    rows = result.tables["scores"]
    one = (rows["arm"] == "plain") & (rows["seed"] == 0)
    lidar = rows[(rows["arm"] == "lidar")]["nds"].iloc[0]
    change = np.where(rows["arm"] != "plain", 0, np.where(one, 0.3, lidar - 0.61))
    rows["nds"] += change
    result.arrays["drawn"] += change[rows["class"] == "all"][:, None].astype(np.float32)
    assert LAB.judge(result)["fusion"].verdict == "within noise"


def test_every_arm_has_a_claim_or_is_a_peer():
    assert set(ARMS) == set(NDS)
