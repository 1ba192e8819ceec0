"""Verdicts on made-up scores, each claim both ways; and what a run lacks is said."""

import pytest

from workbench.contract.lab import get_lab
from workbench.labs.amos.common.published import anchors

LAB = get_lab("amos")


@pytest.mark.parametrize(
    ("claim", "shift", "verdict"),
    [
        ("joint", {}, "holds"),
        ("joint", {"joint_mr": -0.05}, "does not hold"),
        ("joint", {"joint_mr": 0.001, "joint_ct": 0.001}, "within noise"),
        ("convolution", {}, "holds"),
        ("convolution", {"unetr": 0.1}, "does not hold"),
        ("convolution", {"unetr": 0.0}, "within noise"),
        ("small", {}, "holds"),
        ("small", {"small": 0.2}, "does not hold"),
        ("measures", {"nsd": 0.3}, "holds"),
        ("measures", {}, "does not hold"),
        ("sites", {}, "holds"),
        ("sites", {"site": 0.1}, "does not hold"),
    ],
)
def test_a_claim_is_judged_by_its_numbers(scored, claim, shift, verdict):
    found = LAB.judge(scored(**shift))[claim]
    assert found.verdict == verdict, found.numbers
    assert found.numbers and found.why


def test_what_is_too_little_is_said(scored):
    for few in (scored(seeds=1), scored(cases=1)):
        verdicts = LAB.judge(few)
        assert verdicts["joint"].verdict == verdicts["small"].verdict == "not tested" and verdicts["joint"].why


def test_the_anchors_are_those_read():
    table = anchors()
    assert len(table) == 36 and table["dsc"].between(0.7, 1).all()
    revisited = table[table["setting"].str.startswith("nnU-Net Revisited")].set_index("network")["dsc"]
    assert revisited["SwinUNETR"] == 0.8381 and revisited.idxmax() == "MedNeXt L k5"
