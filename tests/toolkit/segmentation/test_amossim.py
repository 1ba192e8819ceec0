"""AMOS-sim: AMOS's layout, equal bytes from equal recipes, organs in their places; and the traps of the true layout."""

import hashlib
import json

import numpy as np
import pytest

from workbench.contract.errors import LabError
from workbench.data.volumes.amos import META, open_release, read_case
from workbench.data.volumes.named import open_set
from workbench.data.volumes.volume import write_nifti
from workbench.toolkit.segmentation.amossim import SOURCES, Recipe, planned, write_sim
from workbench.toolkit.segmentation.simulation import anatomy, bias_field, looks, warp

RECIPE = Recipe(2, 1, 2, 2)


@pytest.fixture(scope="module")
def parts():
    scans = [open_set(name) for name in SOURCES]
    return [anatomy(v, m) for v, m in scans], looks(scans)


@pytest.fixture(scope="module")
def sim(parts, tmp_path_factory):
    folder = tmp_path_factory.mktemp("amos")
    write_sim(folder, RECIPE, *parts)
    return folder


def test_it_is_in_the_layout_of_amos_and_says_that_it_is_simulated(sim):
    release = open_release(sim)
    assert [c.number for c in release.cases] == [1, 2, 500, 3, 4, 501, 502] and not release.notes
    assert [c.modality for c in release.cases] == ["CT", "CT", "MR", "CT", "CT", "MR", "MR"]
    assert {c.site for c in release.part("validation")} == {"A", "B"} and {
        c.site for c in release.part("training")
    } == {"A"}
    told = json.loads((sim / "dataset.json").read_text())
    assert "licence" in told and told["labels"]["15"] == "prostate/uterus" and told["numTraining"] == 3
    assert (
        all("SIMULATED" in told[k] for k in ("name", "description")) and "SIMULATED" in (sim / "readme.md").read_text()
    )
    assert len(planned(RECIPE)) == 7


def test_equal_recipes_give_equal_bytes(sim, parts, tmp_path):
    write_sim(tmp_path, RECIPE, *parts)
    for path in sim.rglob("*.nii.gz"):
        other = tmp_path / path.relative_to(sim)
        assert hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(other.read_bytes()).digest()


def test_organs_lie_where_organs_lie_and_look_as_they_should(sim):
    for case in open_release(sim).part("training"):
        volume, labels = read_case(case)
        assert volume.shape == labels.shape and 6 in labels.names
        liver, spleen = (np.argwhere(labels.voxels == k)[:, 0].mean() for k in (6, 1))
        assert liver > spleen  # the first axis runs to the patient's right in the bundled maps' own sense: RAS, kept
        if case.modality == "CT":
            inside = np.median(volume.voxels[labels.voxels == 6])
            assert 0 < inside < 150 and volume.voxels.min() < -500
        else:
            assert volume.voxels.min() >= 0
    real = open_set("abdomen_ct_small")[1].voxels
    assert np.argwhere(real == 6)[:, 0].mean() > np.argwhere(real == 1)[:, 0].mean()


def test_every_body_is_another_and_none_is_torn(parts):
    source = parts[0][0]
    a, b = (warp(source, (40, 32, 16), (6.0, 6.0, 6.0), np.random.default_rng(s)) for s in (0, 1))
    assert (a != b).mean() > 0.05
    assert set(np.unique(a)) <= {*source.organs, 16, 17, 18, 19}
    from scipy import ndimage

    parts_of_liver, count = ndimage.label(a == 6, structure=np.ones((3, 3, 3)))
    sizes = np.bincount(parts_of_liver.ravel())[1:]
    assert count and sizes.max() / sizes.sum() > 0.9


def test_the_same_body_lies_in_both_scanners(sim):
    for modality in ("CT", "MR"):
        a, b = (read_case(c)[1] for c in open_release(sim).part("validation", modality))
        assert a.spacing != b.spacing
        liver = [np.count_nonzero(m.voxels == 6) * np.prod(m.spacing) for m in (a, b)]
        assert abs(liver[0] / liver[1] - 1) < 0.15


def test_a_bias_field_stays_within_its_height():
    field = bias_field((12, 10, 8), 0.3, np.random.default_rng(0))
    assert np.abs(field - 1).max() == pytest.approx(0.3)
    assert (bias_field((4, 4, 4), 0.0, np.random.default_rng(0)) == 1).all()


# the true layout and its traps ------------------------------------------------------------------------------------


@pytest.fixture
def tree(tmp_path):
    """Write a tiny tree as AMOS22 has it: five training cases, no labelsVa, test entries as dicts."""
    rng = np.random.default_rng(0)
    root = tmp_path / "amos22"
    for name in ("imagesTr", "labelsTr", "imagesVa", "imagesTs"):
        (root / name).mkdir(parents=True)
    affine = np.diag([6.0, 6.0, 6.0, 1])
    for part, numbers in (("Tr", (1, 4, 8, 507, 555)), ("Va", (10,)), ("Ts", (11, 600))):
        for number in numbers:
            write_nifti(root / f"images{part}" / f"amos_{number:04d}.nii.gz", rng.normal(0, 90, (20, 18, 10)), affine)
            if part == "Tr":
                mask = np.zeros((20, 18, 10), np.uint8)
                mask[4:10, 4:10, 3:8] = 6
                write_nifti(root / "labelsTr" / f"amos_{number:04d}.nii.gz", mask, affine)
    entries = lambda part, ns: [{"image": f"./images{part}/amos_{n:04d}.nii.gz"} for n in ns]  # noqa: E731
    (root / "dataset.json").write_text(
        json.dumps(
            {
                "name": "AMOS",
                "licence": "CC BY-SA 4.0",
                "labels": {"0": "background", "6": "liver", "9": "postcava"},
                "training": entries("Tr", (1, 4, 8, 507, 555)),
                "validation": entries("Va", (10,)),
                "test": entries("Ts", (11, 600, 601)),
            }
        )
    )
    (root / META).write_text(
        "amos_id,Patient's Sex,Manufacturer's Model Name,Manufacturer,Site\n4,M,Aquilion ONE,TOSHIBA,LGH\n"
    )
    return root


def test_the_true_layout_is_read_as_it_is(tree):
    release = open_release(tree.parent)
    assert release.licence == "CC BY-SA 4.0" and release.labels == {6: "liver", 9: "postcava"}
    assert any("lists 3 test cases, imagesTs holds 2" in note for note in release.notes)
    assert any("labelsVa" in note for note in release.notes)
    assert [c.name for c in release.part("training", "MR")] == ["amos_0507", "amos_0555"]
    assert not release.part("validation") and len(release.part("validation", labeled=False)) == 1
    meta = next(c for c in release.cases if c.number == 4).meta
    assert (
        meta["model"] == "Aquilion ONE" and meta["maker"] == "TOSHIBA" and meta["site"] == "LGH" and meta["sex"] == "M"
    )
    assert len(open_release(tree, first_mr=8).part("training", "CT")) == 2


def test_what_is_no_release_is_told(tree, tmp_path):
    with pytest.raises(LabError, match="no AMOS22 release"):
        open_release(tmp_path / "nowhere")
    (tree / "dataset.json").write_text("{")
    with pytest.raises(LabError, match="cannot be read"):
        open_release(tree)
