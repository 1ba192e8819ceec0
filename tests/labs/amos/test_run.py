"""The lab on a tiny tree in the layout of AMOS22, the same code path as on the true release; own scans; the probe."""

import numpy as np
import pytest

from workbench.contract.errors import LabError
from workbench.contract.lab import get_lab
from workbench.data.volumes.volume import write_nifti
from workbench.labs.amos.params import FOLDER
from workbench.labs.amos.run import jobs_of, recheck
from workbench.toolkit.memory import MemoryContext

LAB = get_lab("amos")
TINY = {
    "arms": ["joint", "CT only", "MR only"],
    "networks": ["ConvFormer"],
    "steps": 2,
    "patch_x": 16,
    "patch_y": 16,
    "patch_z": 16,
    "spacing_xy": 6.0,
    "spacing_z": 6.0,
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """Write a tiny tree with labelsVa."""
    root = tmp_path_factory.mktemp("tree") / "amos22"
    rng = np.random.default_rng(0)
    for part, numbers in (("Tr", (1, 2, 507, 508)), ("Va", (10, 11, 520, 521))):
        for kind in ("images", "labels"):
            (root / f"{kind}{part}").mkdir(parents=True)
        for number in numbers:
            mask = np.zeros((24, 20, 12), np.uint8)
            mask[4:14, 4:12, 3:8], mask[16:19, 8:12, 4:8] = 6, 1
            image = np.where(mask, 60, -80) + rng.normal(0, 10, mask.shape)
            affine = np.diag([-5.0, -5.0, 7.0, 1]) if number > 500 else np.diag([5.0, 5.0, 7.0, 1])
            write_nifti(root / f"images{part}" / f"amos_{number:04d}.nii.gz", image.astype(np.int16), affine)
            write_nifti(root / f"labels{part}" / f"amos_{number:04d}.nii.gz", mask, affine)
    return root


@pytest.fixture(scope="module")
def ran(tree, loaded_run):
    """Return a finished run on the tiny tree, as a probe sees it."""
    params = LAB.Params.make("quick", dataset=FOLDER, folder=str(tree), **TINY)
    ctx = MemoryContext(seed=3)
    result = LAB.run(params, ctx)
    return loaded_run(params, ctx, result, 3)


def test_it_trains_in_three_arms_and_scores_every_case_organ_by_organ(ran):
    scores = ran.result.tables["scores"]
    assert set(scores["arm"]) == {"joint", "CT only", "MR only"} and scores["case"].nunique() == 4
    assert len(scores) == 3 * 4 * 15 and set(scores["modality"]) == {"CT", "MR"}
    assert set(scores[scores["organ"] == 4]["state"]) <= {"neither", "invented"}
    steps = ran.result.tables["networks"].set_index("arm")["steps"]
    assert steps["joint"] == 2 * steps["CT only"] == 4
    assert {"dsc_ct", "nsd_mr", "dsc_gain_mr"} <= set(ran.result.metrics)
    assert not any("SIMULATED" in note for note in ran.result.notes)
    assert any(note.startswith("NSD at 4 mm, surface by area") for note in ran.result.notes)


def test_the_saved_network_finds_the_recorded_numbers_again(ran):
    for recorded, again in recheck(ran).values():
        assert recorded == again


def test_without_labeled_validation_cases_some_are_held_out(tree, tmp_path):
    import shutil

    copy = tmp_path / "amos22"
    shutil.copytree(tree, copy)
    shutil.rmtree(copy / "labelsVa")
    params = LAB.Params.make("quick", dataset=FOLDER, folder=str(copy), **{**TINY, "arms": ["joint"]})
    result = LAB.run(params, MemoryContext())
    assert any("held out" in note for note in result.notes) and "scores" in result.tables


def test_a_scan_of_ones_own_is_segmented_as_well(tree):
    params = LAB.Params.make(
        "quick",
        dataset=FOLDER,
        folder=str(tree),
        file=str(tree / "imagesVa" / "amos_0010.nii.gz"),
        **{**TINY, "arms": ["joint"]},
    )
    from workbench.toolkit.cases import stored_cases

    shown = stored_cases(LAB.run(params, MemoryContext()))
    assert "own scan" in shown and shown["own scan"]["mask ConvFormer, joint"].shape == (24, 20, 12)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"folder": ""}, "No folder"),
        ({"folder": "/nowhere"}, "no AMOS22 release"),
        ({"networks": []}, "No network"),
        ({"networks": ["BasicUNet"], "patch_z": 24}, "divide"),
        ({"first_mr": 0}, "no scan to train on"),
    ],
)
def test_what_cannot_run_is_told(tree, changed, words):
    values = {**TINY, "dataset": FOLDER, "folder": str(tree)} | changed
    with pytest.raises(LabError, match=words):
        LAB.run(LAB.Params.make("quick", **values), MemoryContext())


def test_the_probe_segments_a_neighborhood_and_spoiled_pictures_move_the_mask(ran):
    plain = LAB.probe(ran, {})
    np.testing.assert_array_equal(plain.arrays["clean"], plain.arrays["prediction"])
    assert plain.metrics["dsc"] == plain.metrics["dsc_clean"]
    spoiled = LAB.probe(
        ran, {"at": [3, 3, 3], "noise": 2, "bias": 0.8, "thickness": 3, "window": 0.5, "case": "amos_0010"}
    )
    assert (spoiled.arrays["prediction"] != spoiled.arrays["clean"]).any()
    at, shape = spoiled.arrays["at"], spoiled.arrays["image"].shape
    assert (at >= 0).all() and (at < shape).all() and spoiled.arrays["truth"].shape == shape
    again = LAB.probe(
        ran, {"at": [3, 3, 3], "noise": 2, "bias": 0.8, "thickness": 3, "window": 0.5, "case": "amos_0010"}
    )
    np.testing.assert_array_equal(again.arrays["prediction"], spoiled.arrays["prediction"])


@pytest.mark.parametrize(
    "bad", [{"case": "amos_9999"}, {"at": [1, 2]}, {"at": "x"}, {"noise": "loud"}, {"noise": 6}, {"at": [999, 3, 3]}]
)
def test_a_question_that_makes_no_sense_is_told(ran, bad):
    with pytest.raises(LabError):
        LAB.probe(ran, bad)


def test_the_first_network_has_every_arm_the_others_the_joint_one():
    params = LAB.Params.make("claims", seeds=2)
    assert [j.key for j in jobs_of(params)][:4] == [
        "BasicUNet/joint/0", "BasicUNet/CT only/0", "BasicUNet/MR only/0", "UNETR/joint/0",
    ]  # fmt: skip
    assert len(jobs_of(params)) == 2 * 5
