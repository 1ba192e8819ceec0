"""The lab end to end, tiny: every arm, a stop and a resume, the kept network, the probe."""

import numpy as np
import pytest
import torch
from torch import nn

from workbench.contract.errors import LabError
from workbench.contract.lab import LoadedRun, labs
from workbench.labs.eam.method.data import material
from workbench.labs.eam.method.evaluation import segmented
from workbench.labs.eam.method.model import backbone
from workbench.labs.eam.params import ABLATIONS, ARMS, EAM, JOINT, KEPT
from workbench.labs.eam.run import recheck
from workbench.toolkit.cases import stored_cases
from workbench.toolkit.memory import MemoryContext
from workbench.toolkit.tensors import load_tensors, save_tensors

LAB = labs()["eam"]


@pytest.fixture(scope="module")
def ran(tiny, loaded_run):
    """Return a finished run of every arm, as a probe sees it."""
    params = LAB.Params.make("quick", **tiny, arms=[*ARMS, *ABLATIONS])
    ctx = MemoryContext(seed=3)
    result = LAB.run(params, ctx)
    return loaded_run(params, ctx, result, 3)


def test_every_arm_is_scored_on_every_test_subject(ran):
    scores = ran.result.tables["scores"]
    assert set(scores["arm"]) == {*ARMS, *ABLATIONS}
    test = scores[scores["split"] == "test"]
    assert (test.groupby("arm")["subject"].nunique() == 4).all() and len(test) == 11 * 4 * 4
    assert set(test["subject"]).isdisjoint(scores[scores["split"] == "validation"]["subject"])
    networks = ran.result.tables["networks"].set_index("arm")
    assert networks.loc[EAM, "parameters"] == networks.loc[JOINT, "parameters"] and networks.loc[EAM, "thrown_away"] > 0
    assert {"dice_ct", "dice_mr", "gain_few", "transfer_gap", "correlation_gap"} <= set(ran.result.metrics)
    assert any("re-implementation" in n for n in ran.result.notes)
    assert (test["asd"].dropna() >= 0).all() and test.loc[test["dice"] == 1, "asd"].eq(0).all()


def test_the_network_file_alone_gives_the_recorded_masks(ran):
    for recorded, again in recheck(ran).values():
        np.testing.assert_equal(again, recorded)
    state = load_tensors(ran.folder / "models" / "network.safetensors")
    f = backbone(ran.params.width, 5, torch.Generator().manual_seed(99))
    f.load_state_dict(state)
    data = material(ran.params, MemoryContext(3))
    shown = stored_cases(ran.result)
    for seen in segmented(f, nn.ModuleList(), [s for own in data.test for s in own], "cpu"):
        np.testing.assert_array_equal(seen.mask, shown[seen.subject.name][f"mask {EAM}, 1 MR"])
    assert any((s[f"mask {KEPT}, 1 MR"] != s[f"mask {EAM}, 1 MR"]).any() for s in shown.values())


def test_stopped_anywhere_it_resumes_to_the_same_numbers(tiny):
    params = LAB.Params.make("quick", **tiny)
    full = MemoryContext(seed=4)
    whole = LAB.run(params, full)
    for stop in range(len(full.steps) - 16, len(full.steps), 3):  # within both trainings and both evaluations
        first = MemoryContext(seed=4, stop_after=stop)
        assert LAB.run(params, first).partial
        result = LAB.run(params, MemoryContext(seed=4, state=first.state))
        assert result.metrics == whole.metrics and not result.partial
        np.testing.assert_array_equal(result.arrays["correlations"], whole.arrays["correlations"])
    early = LAB.run(params, MemoryContext(seed=4, stop_after=3))  # while subjects are made
    assert early.partial and not early.tables


def test_the_correlations_are_those_of_the_points(ran):
    table, matrices = ran.result.tables["alignment"], ran.result.arrays["correlations"]
    assert len(table) == len(matrices) and matrices.shape[1:] == (2, 5, 5)
    np.testing.assert_allclose(np.diagonal(matrices, axis1=2, axis2=3)[~np.isnan(matrices[..., 0, 0])], 1, atol=1e-5)
    assert {"features of the network", "representations of the modules"} == set(table["source"])
    points = ran.result.tables["points"]
    assert abs(points.groupby(["arm", "source", "scale"])[["x", "y"]].mean()).max().max() < 1e-3


def test_the_probe_gives_the_class_of_a_pixel_in_the_words_of_both_modalities(ran):
    found = LAB.probe(ran, {"at": [3, 4, 1]})
    table = found.tables["classes"]
    for column in ("network", "by_ct", "by_mr"):
        assert table[column].sum() == pytest.approx(1, abs=1e-3)
    assert found.arrays["attention_ct"].shape == found.arrays["attention_mr"].shape == (16, 16)
    k = int(found.metrics["class"])
    assert k == int(table["network"].argmax()) == int(found.arrays["mask_ct"][3, 4])
    assert table["by_ct"][k] == pytest.approx(float(found.arrays["attention_ct"][3, 4]), abs=1e-5)
    of_mr = LAB.probe(
        ran, {"subject": "MR test 1", "other": "CT test 2", "at": [3, 4, 2], "organ": "spleen", "scale": 1}
    )
    assert of_mr.metrics["class"] == 4 and of_mr.arrays["at"][2] == 2
    assert of_mr.tables["classes"]["by_mr"][4] == pytest.approx(float(of_mr.arrays["attention_mr"][3, 4]), abs=1e-5)


@pytest.mark.parametrize(
    "bad",
    [
        {"at": [1, 2]},
        {"at": "x"},
        {"at": [3, 4, 99]},
        {"subject": "nobody"},
        {"other": "CT test 2"},
        {"scale": 9},
        {"organ": "heart"},
    ],
)
def test_a_question_that_makes_no_sense_is_told(ran, bad):
    with pytest.raises(LabError):
        LAB.probe(ran, bad)


def test_without_modules_there_is_nothing_to_ask(tiny, tmp_path):
    params = LAB.Params.make("quick", **tiny, arms=[JOINT])
    ctx = MemoryContext()
    result = LAB.run(params, ctx)
    with pytest.raises(LabError, match="kept no network"):
        LAB.probe(LoadedRun("x", params, result, tmp_path, "cpu"), {})
    save_tensors(tmp_path / "models" / "network.safetensors", ctx.models["network"])
    assert "modules" not in ctx.models
    with pytest.raises(LabError, match="no external attention module"):
        LAB.probe(LoadedRun("y", params, result, tmp_path, "cpu"), {})


def test_what_cannot_run_is_told(tiny):
    for changed in ({"arms": []}, {"shots": []}):
        with pytest.raises(LabError, match="No arm or no number"):
            LAB.run(LAB.Params.make("quick", **{**tiny, **changed}), MemoryContext())
