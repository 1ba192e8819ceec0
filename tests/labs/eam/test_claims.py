"""Verdicts on made-up scores, each claim all three ways; and what a run lacks is said."""

import pytest

from workbench.contract.lab import labs
from workbench.labs.eam.params import ATTENTION, EAM, MR_ONLY

LAB = labs()["eam"]


@pytest.mark.parametrize(
    ("claim", "shift", "verdict"),
    [
        ("eam", {}, "holds"),
        ("eam", {"eam_CT": -0.02}, "does not hold"),
        ("eam", {"eam_MR": 0.0}, "within noise"),
        ("consistency", {}, "holds"),
        ("consistency", {"attention": 0.08}, "does not hold"),
        ("consistency", {"attention": 0.02}, "within noise"),  # all of the gain on CT
        ("joint", {}, "holds"),
        ("joint", {"joint_MR": -0.05}, "does not hold"),
        ("joint", {"joint_MR": 0.0}, "within noise"),
        ("few", {}, "holds"),
        ("few", {"eam_MR": 0.02, "eam_CT": 0.05}, "does not hold"),
        ("few", {"eam_MR": 0.02, "eam_CT": 0.02}, "within noise"),
        ("shots", {}, "holds"),
        ("shots", {"few": -0.25}, "does not hold"),
        ("shots", {"few": -0.15}, "within noise"),  # 0.10 of joint and EAM, less 0.15, is the margin
    ],
)
def test_a_claim_is_judged_by_its_numbers(scored, claim, shift, verdict):
    found = LAB.judge(scored(**shift))[claim]
    assert found.verdict == verdict, found.numbers
    assert found.numbers and found.why


@pytest.mark.parametrize(
    ("few", "words"),
    [({"seeds": 4}, "5 seeds"), ({"steps": 900}, "1500 training steps"), ({"subjects": 5}, "10 test subjects")],
)
def test_what_is_too_little_is_said(scored, few, words):
    for verdict in LAB.judge(scored(**few)).values():
        assert verdict.verdict == "not tested" and words in verdict.why


def test_without_ten_annotated_subjects_nothing_is_said_of_few(scored):
    verdict = LAB.judge(scored(shots=(1, 3)))["shots"]
    assert verdict.verdict == "not tested" and "10 annotated MR" in verdict.why


def test_arms_are_compared_at_the_numbers_that_they_share(scored):
    result = scored()
    rows = result.tables["scores"]
    most = rows["arm"].map({MR_ONLY: 10, ATTENTION: 1}).fillna(3)
    result.tables["scores"] = rows[rows["shots"] <= most]
    found = LAB.judge(result)
    assert all(v.verdict == "holds" for v in found.values()), found
    assert found["eam"].why.endswith("MR: 1, 3.") and found["consistency"].why.endswith("MR: 1.")
    result.tables["scores"] = rows[rows["arm"] != EAM]
    assert "'joint + EAM'" in LAB.judge(result)["eam"].why
