"""DSC and NSD organ by organ: the table measured with both peers on a real CT, absent organs, small components."""

import os
from pathlib import Path

import numpy as np
import pytest

from workbench.contract.errors import LabError
from workbench.data.volumes.organs import AMOS
from workbench.toolkit.segmentation.folders import evaluate
from workbench.toolkit.segmentation.scores import Rules, large_components, score_case, summarize

REAL = Path(os.environ.get("WORKBENCH_DATA_MIRROR") or Path(__file__).parents[4] / "shared" / "data")
REAL = REAL / "medical" / "totalsegmentator"
# DSC, NSD at 1 mm by surface-distance 0.1 and MONAI 1.6.1 (use_subvoxels=True, equal), and by MONAI's default
MEASURED = {
    "spleen": (0.9774, 0.9452, 0.8393),
    "right kidney": (0.9641, 0.9221, 0.8082),
    "left kidney": (0.9731, 0.9619, 0.8682),
    "gallbladder": (0.9202, 0.8298, 0.6418),
    "liver": (0.9814, 0.9276, 0.8231),
    "stomach": (0.9536, 0.9167, 0.7545),
    "pancreas": (0.8087, 0.8238, 0.6484),
    "right adrenal gland": (0.8624, 0.9423, 0.8224),
    "left adrenal gland": (0.8696, 0.9215, 0.8161),
    "duodenum": (0.8853, 0.8114, 0.6243),
    "aorta": (0.9175, 0.8693, 0.7284),
    "inferior vena cava": (0.9419, 0.9083, 0.7911),
}


@pytest.mark.skipif(not REAL.is_dir(), reason="data: no mirror of the real CT")
@pytest.mark.parametrize(("surface", "column"), [("area", 1), ("voxels", 2)])
def test_the_table_measured_with_both_peers_comes_out(surface, column):
    found = evaluate({"fast": REAL / "example_seg_fast.nii.gz"}, REAL / "example_seg.nii.gz", Rules(1.0, surface))
    rows = found.scores.set_index("name")
    for name, values in MEASURED.items():
        assert rows.loc[name, "dsc"] == pytest.approx(values[0], abs=5e-5)
        assert rows.loc[name, "nsd"] == pytest.approx(values[column], abs=5e-5)
    assert any("names in its header" in note for note in found.notes)  # TotalSegmentator's liver is number 5


def pair():
    reference, prediction = np.zeros((2, 12, 12, 12), np.uint8)
    reference[1:4, 1:4, 1:4] = prediction[1:4, 1:4, 1:4] = 1  # in both
    reference[6:9, 6:9, 6:9] = 2  # missed
    prediction[9:11, 1:3, 1:3] = 3  # invented
    return prediction, reference


def test_absent_organs_follow_the_policy_and_are_counted():
    organs = {k: AMOS[k] for k in (1, 2, 3, 4)}
    table = score_case(*pair(), (1, 1, 1), organs).set_index("organ")
    assert table["state"].tolist() == ["both", "missed", "invented", "neither"]
    np.testing.assert_array_equal(table["dsc"], [1, 0, 0, np.nan])
    np.testing.assert_array_equal(table["nsd"], [1, 0, 0, np.nan])
    kind = score_case(*pair(), (1, 1, 1), organs, Rules(absent="skip")).set_index("organ")
    np.testing.assert_array_equal(kind["dsc"], [1, 0, np.nan, np.nan])
    counts = summarize(table.reset_index()).set_index("name")
    assert counts.loc["left kidney", "invented"] == 1 and counts.loc["gallbladder", "neither"] == 1


def test_volumes_are_in_milliliters():
    table = score_case(*pair(), (2, 2, 5), {1: "spleen"})
    assert table.loc[0, "reference_ml"] == pytest.approx(27 * 20 / 1000)


def test_small_components_are_taken_out_by_their_volume_and_counted():
    mask = np.zeros((12, 12, 12), bool)
    mask[1:5, 1:5, 1:5] = True
    mask[8, 8, 8] = mask[9, 9, 9] = True  # touch in a corner: one component of two voxels
    kept, lost = large_components(mask, (1, 1, 3), 6.1)
    assert lost == 1 and kept.sum() == 64
    kept, lost = large_components(mask, (1, 1, 3), 6)
    assert lost == 0 and kept.sum() == 66
    prediction = mask.astype(np.uint8)
    reference = prediction.copy()
    reference[8:, 8:, 8:] = 0
    plain = score_case(prediction, reference, (1, 1, 3), [1])
    clean = score_case(prediction, reference, (1, 1, 3), [1], Rules(smallest=7))
    assert plain.loc[0, "dsc"] < 1 and clean.loc[0, "dsc"] == 1 and clean.loc[0, "small_components"] == 1


def test_what_cannot_be_compared_is_refused_in_words():
    with pytest.raises(LabError, match="cannot be compared"):
        score_case(np.zeros((3, 3, 3), int), np.zeros((3, 3, 4), int), (1, 1, 1), [1])
    for bad in ({"surface": "x"}, {"absent": "x"}, {"tolerance": -1}, {"tolerance": float("nan")}):
        with pytest.raises(LabError):
            Rules(**bad)
