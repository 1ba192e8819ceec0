"""Own scans: alone or with a mask, and the card that says what is inside."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from workbench.contract.errors import LabError
from workbench.data.catalog.sources import BUNDLED
from workbench.data.volumes.card import volume_card
from workbench.data.volumes.own import open_own
from workbench.data.volumes.volume import write_nifti

ABDOMEN = BUNDLED / "abdomen_ct"


def test_a_folder_or_zip_of_image_and_labels_is_a_scan_with_its_mask(tmp_path):
    archive = shutil.make_archive(str(tmp_path / "own"), "zip", ABDOMEN)
    for path in (ABDOMEN, tmp_path / "own.zip"):
        assert str(path) in (str(ABDOMEN), archive)
        volume, labels = open_own(path)
        assert volume.modality == "CT" and labels.names[6] == "liver" and labels.shape == volume.shape == (109, 91, 57)
        assert volume.name == path.name


def test_a_zip_of_one_scan_is_that_scan(tmp_path):
    (tmp_path / "in").mkdir()
    shutil.copy(ABDOMEN / "image.nii.gz", tmp_path / "in" / "patient 7.nii.gz")
    shutil.make_archive(str(tmp_path / "a"), "zip", tmp_path / "in")
    volume, labels = open_own(tmp_path / "a.zip")
    assert labels is None and volume.shape == (109, 91, 57)
    shutil.copy(ABDOMEN / "labels.nii.gz", tmp_path / "in" / "other.nii.gz")
    shutil.make_archive(str(tmp_path / "b"), "zip", tmp_path / "in")
    with pytest.raises(LabError, match="b.zip holds 2 NIfTI files, none named image.nii.gz"):
        open_own(tmp_path / "b.zip")
    (tmp_path / "c.zip").write_bytes(b"no zip")
    with pytest.raises(LabError, match="c.zip is no zip archive"):
        open_own(tmp_path / "c.zip")


def test_a_mask_of_another_grid_is_refused(tmp_path):
    shutil.copy(ABDOMEN / "image.nii.gz", tmp_path)
    shutil.copy(BUNDLED / "abdomen_mr" / "labels.nii.gz", tmp_path)
    with pytest.raises(LabError, match="109 x 91 x 57 voxels against 117 x 91 x 20"):
        open_own(tmp_path)


def test_npz_brings_its_mask(tmp_path):
    np.savez(tmp_path / "a.npz", image=np.zeros((9, 9, 9)), mask=np.ones((9, 9, 9)))
    volume, labels = open_own(tmp_path / "a.npz")
    assert labels.voxels.all() and labels.names == {1: "label 1"}
    np.savez(tmp_path / "b.npz", image=np.zeros((9, 9, 9)))
    assert open_own(tmp_path / "b.npz")[1] is None


def test_the_card_says_what_is_in_a_scan():
    card = volume_card(ABDOMEN)
    assert card.shape == (109, 91, 57) and card.spacing == (3, 3, 3) and card.axes == "RAS" and card.oblique == 0
    assert card.modality == "CT" and card.guessed and card.low == -1024 and card.middle[0] < 0 < card.middle[1]
    liver = (np.prod(card.spacing) / 1000) * 30_000  # mL; a liver has about 1.5 L
    assert next(iter(card.organs)) == "liver" and 0.5 * liver < card.organs["liver"] < 3 * liver
    assert len(card.organs) == 12 and card.warnings == () and len(card.sha256) == 64


def test_the_card_shows_the_middle_slices_as_a_radiologist_sees_them(tmp_path):
    voxels = np.zeros((8, 9, 10), np.int16)
    voxels[6, 4, 5] = voxels[4, 7, 5] = voxels[4, 4, 8] = 100  # right, front, head of the middle (4, 4, 5)
    write_nifti(tmp_path / "a.nii", voxels, np.eye(4))
    axial, coronal, sagittal = volume_card(tmp_path / "a.nii").slices
    assert axial.shape == (9, 8) and coronal.shape == (10, 8) and sagittal.shape == (10, 9)
    assert axial[4, 1] == 255 and axial[1, 3] == 255  # right of the body on the left, front at the top
    assert coronal[4, 1] == 255 and coronal[1, 3] == 255 and sagittal[1, 4] == 255 and sagittal[4, 1] == 255


def test_the_card_minds_what_a_network_stumbles_over(tmp_path):
    rng = np.random.default_rng(0)
    cases = {
        "mask": (rng.integers(0, 5, (40, 40, 40)), np.eye(4), "looks like a mask, whole numbers from 0 to 4"),
        "flat": (np.full((40, 40, 40), 7), np.eye(4), "All voxels are 7"),
        "thick": (rng.integers(0, 900, (40, 40, 10)), np.diag([1, 1, 8, 1.0]), "8.0 times as long as wide"),
        "few": (rng.integers(0, 900, (40, 40, 4)), np.eye(4), "Only 4 slices along one axis"),
        "tiny": (rng.integers(0, 900, (40, 40, 40)), np.diag([0.1, 0.1, 0.1, 1]), "4 mm long: is its spacing in mm"),
        "unknown": (rng.integers(-300, 300, (40, 40, 40)), np.eye(4), "say whether it is CT or MR"),
    }
    for name, (voxels, affine, words) in cases.items():
        write_nifti(tmp_path / f"{name}.nii", voxels, affine)
        assert any(words in warning for warning in volume_card(tmp_path / f"{name}.nii").warnings), name


def test_the_card_tells_orientation_and_lean(tmp_path):
    c, s = np.cos(np.radians(10)), np.sin(np.radians(10))
    affine = np.array([[-1, 0, 0, 0], [0, -c, -s, 0], [0, -s, c, 0], [0, 0, 0, 1.0]])
    write_nifti(tmp_path / "a.nii", np.zeros((9, 9, 9), np.int16), affine)
    card = volume_card(tmp_path / "a.nii")
    assert card.axes == "LPS" and card.oblique == pytest.approx(10, abs=0.01)
