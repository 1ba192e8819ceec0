"""Folders of masks in, leaderboard out; native space; and the command that does it."""

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from workbench import cli
from workbench.contract.errors import LabError
from workbench.data.volumes.volume import write_nifti
from workbench.toolkit.segmentation.folders import evaluate
from workbench.toolkit.segmentation.ranking import leaderboard, rank_cube

AFFINE = np.diag([1.0, 1.5, 2.0, 1.0])


@pytest.fixture
def tree(tmp_path):
    """Write three cases in the AMOS layout, a good team and a bad one."""
    rng = np.random.default_rng(0)
    for place in ("amos22/labelsVa", "good", "bad"):
        (tmp_path / place).mkdir(parents=True)
    for case in ("amos_0008", "amos_0013", "amos_0507"):
        mask = np.zeros((16, 14, 12), np.uint8)
        mask[2:9, 2:9, 2:9], mask[10:14, 3:8, 3:8] = 6, 1
        good, bad = mask.copy(), np.roll(mask, 2, axis=0)
        good[rng.integers(2, 9), 2, 2:9] = 0
        for place, voxels in (("amos22/labelsVa", mask), ("good", good), ("bad", bad)):
            write_nifti(tmp_path / place / f"{case}.nii.gz", voxels, AFFINE)
    return tmp_path


def test_the_better_team_leads_with_an_interval(tree):
    found = evaluate({"bad": tree / "bad", "good": tree / "good"}, tree / "amos22")
    table = found.leaderboard
    assert table["team"].tolist() == ["good", "bad"] and table.loc[0, "first"] == 1
    assert (table["rank"] == [1, 2]).all() and (table["cases"] == 3).all()
    assert (table["dsc_low"] <= table["dsc"]).all() and (table["dsc"] <= table["dsc_high"]).all()
    assert len(found.scores) == 2 * 3 * 15 and json.loads(json.dumps(found.to_dict()))["rules"]["tolerance"] == 1


def test_masks_in_another_order_of_axes_are_turned_first(tree):
    turned = np.diag([-1.0, -1.5, 2.0, 1.0])
    turned[:2, 3] = 15, 13 * 1.5
    for path in (tree / "good").iterdir():
        import nibabel as nib

        voxels = np.asarray(nib.load(path).dataobj)
        write_nifti(path, voxels[::-1, ::-1], turned)
    assert evaluate({"good": tree / "good"}, tree / "amos22").scores["dsc"].mean() > 0.95


def test_a_mask_that_is_not_in_native_space_is_refused(tree):
    write_nifti(tree / "good" / "amos_0008.nii.gz", np.zeros((16, 14, 6), np.uint8), np.diag([1, 1.5, 4.0, 1]))
    with pytest.raises(LabError, match="does not fit"):
        evaluate({"good": tree / "good"}, tree / "amos22")
    moved = AFFINE.copy()
    moved[0, 3] = 5
    write_nifti(tree / "good" / "amos_0008.nii.gz", np.zeros((16, 14, 12), np.uint8), moved)
    with pytest.raises(LabError, match="mm apart"):
        evaluate({"good": tree / "good"}, tree / "amos22")


def test_a_small_difference_of_position_is_noted(tree):
    moved = AFFINE.copy()
    moved[0, 3] = 0.2
    import nibabel as nib

    path = tree / "good" / "amos_0008.nii.gz"
    write_nifti(path, np.asarray(nib.load(path).dataobj), moved)
    assert any("affine differs" in note for note in evaluate({"good": tree / "good"}, tree / "amos22").notes)


def test_a_case_without_a_prediction_is_refused_or_counts_zero(tree):
    (tree / "good" / "amos_0013.nii.gz").unlink()
    with pytest.raises(LabError, match="1 of 3 cases: amos_0013"):
        evaluate({"good": tree / "good"}, tree / "amos22")
    found = evaluate({"good": tree / "good"}, tree / "amos22", missing="zero")
    rows = found.scores[(found.scores["case"] == "amos_0013") & found.scores["organ"].isin([1, 6])]
    assert (rows["state"] == "missed").all() and (rows["dsc"] == 0).all() and found.notes


def test_an_empty_or_missing_folder_is_told(tree):
    (tree / "none").mkdir()
    for place in ("none", "nowhere"):
        with pytest.raises(LabError):
            evaluate({"x": tree / place}, tree / "amos22")


def test_the_command_prints_and_writes(tree):
    places = [str(tree / name) for name in ("good", "bad", "amos22")]
    done = CliRunner().invoke(cli.app, ["amos", "evaluate", *places, "--csv", str(tree / "s.csv"), "--tolerance", "2"])
    assert done.exit_code == 0 and "NSD at 2 mm, surface by area (DeepMind)" in done.output, done.output
    assert len(pd.read_csv(tree / "s.csv")) == 90
    done = CliRunner().invoke(cli.app, ["amos", "evaluate", *places, "--json", "--surface", "voxels"])
    assert json.loads(done.stdout)["leaderboard"][0]["team"] == "good"


def test_only_a_lab_with_the_room_brings_commands():
    assert "No such command" in CliRunner().invoke(cli.app, ["rs"]).output
    assert "amos " in CliRunner().invoke(cli.app, ["--help"]).output


def test_ranks_share_ties_and_reward_who_leaves_out_what_is_not_there():
    values = np.array([0.9, 0.9, 0.5]).reshape(1, 3, 1, 1)
    np.testing.assert_array_equal(rank_cube(values).ravel(), [1.5, 1.5, 3])
    invented = np.array([np.nan, 0.0, np.nan]).reshape(1, 3, 1, 1)
    np.testing.assert_array_equal(rank_cube(invented).ravel(), [1.5, 3, 1.5])
    assert np.isnan(rank_cube(np.full((1, 3, 1, 1), np.nan))).all()


def test_one_case_has_no_interval():
    rows = pd.DataFrame({"team": ["a", "b"], "case": "x", "organ": 1, "dsc": [0.9, 0.8], "nsd": [0.9, 0.7]})
    assert leaderboard(rows)[["dsc_low", "rank_high"]].isna().all().all()
