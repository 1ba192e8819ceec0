"""Headers as other programs leave them: the values are those of independent readers, and what was assumed is told."""

from __future__ import annotations

import gzip
import shutil
import zipfile
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from workbench.contract.errors import LabError
from workbench.data.volumes.card import volume_card
from workbench.data.volumes.own import open_own
from workbench.data.volumes.volume import read_labels, read_volume

CASES = Path(__file__).parents[2] / "cases"


def unpacked(name: str, tmp_path: Path) -> Path:
    with zipfile.ZipFile(CASES / name) as box:
        box.extractall(tmp_path / "in")
    return tmp_path / "in"


def canonical(path: Path) -> np.ndarray:
    """What nibabel reads of a NIfTI file, right, front, head."""
    return nib.as_closest_canonical(nib.load(path)).get_fdata()


# DICOM ---------------------------------------------------------------------------------------------------------------


def _height(data: pydicom.Dataset) -> float:
    return float(data.ImagePositionPatient[2])


def by_pydicom(folder: Path) -> np.ndarray:
    """What pydicom reads of an axial series, each slice by its own slope, right, front, head."""
    slices = sorted(
        (pydicom.dcmread(p, force=True) for p in folder.rglob("*.dcm")), key=lambda d: d.ImagePositionPatient[2]
    )
    for data in slices:
        data.file_meta.setdefault("TransferSyntaxUID", ExplicitVRLittleEndian)
    slopes = [(float(d.get("RescaleSlope") or 1), float(d.get("RescaleIntercept") or 0)) for d in slices]
    values = [d.pixel_array * slope + inter for d, (slope, inter) in zip(slices, slopes, strict=True)]
    return np.stack(values).transpose(2, 1, 0)[::-1, ::-1]


SERIES = {  # lowest and highest value: those of SimpleITK 2.5.7, too, which cuts the digits of the PET off
    "dcm_mixpreamble": (-941, 60, "CT"),
    "dcm_nopreamble": (-941, 60, "CT"),
    "dcm_emptyslope": (83, 1084, "CT"),
    "dcm_noslope": (83, 1084, "CT"),
    "dcm_pet": (83, 1734.4, "PT"),
}


@pytest.mark.parametrize("name", SERIES)
def test_series_with_odd_headers(name, tmp_path):
    low, high, modality = SERIES[name]
    found, card = read_volume(CASES / f"{name}.zip"), volume_card(CASES / f"{name}.zip")
    assert found.shape == (40, 32, 10) and found.spacing == pytest.approx((0.8, 0.8, 3))
    assert (card.low, card.high) == pytest.approx((low, high)) and (card.modality, card.guessed) == (modality, False)
    assert any("10 of 10 slices lack a rescale slope" in n for n in card.notes) == (low == 83 and modality == "CT")
    assert any("is its intercept lost?" in w for w in card.warnings) == (low == 83 and modality == "CT")
    assert any(w.startswith("Its header says PT") for w in card.warnings) == (modality == "PT")


@pytest.mark.parametrize("name", SERIES)
def test_their_values_are_those_of_pydicom(name, tmp_path):
    found = read_volume(CASES / f"{name}.zip").voxels
    np.testing.assert_allclose(found, by_pydicom(unpacked(f"{name}.zip", tmp_path)), rtol=1e-6)


def series(tmp_path: Path) -> list[Path]:
    return sorted(unpacked("dcm_noslope.zip", tmp_path).rglob("*.dcm"))


def changed(path: Path, **tags) -> None:
    data = pydicom.dcmread(path)
    for tag, value in tags.items():
        setattr(data, tag, value)
    data.save_as(path)


@pytest.mark.parametrize("implicit", [True, False])
def test_a_missing_transfer_syntax_is_that_of_how_the_file_reads(implicit, tmp_path):
    files = series(tmp_path)
    expected = read_volume(tmp_path / "in").voxels
    for path in files:
        data = pydicom.dcmread(path)
        data.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
        data.save_as(path, implicit_vr=implicit, little_endian=True)
        data = pydicom.dcmread(path)
        syntax = data.file_meta["TransferSyntaxUID"].value
        blob, words = path.read_bytes(), syntax.encode() + b"\0" * (len(syntax) % 2)
        at = blob.index(b"\x02\x00\x10\x00UI")
        rest = blob[at + 8 + len(words) :]
        length = int.from_bytes(blob[140:144], "little") - 8 - len(words)  # of the group, less this element
        path.write_bytes(blob[:140] + length.to_bytes(4, "little") + blob[144:at] + rest)
        assert "TransferSyntaxUID" not in pydicom.dcmread(path).file_meta
    assert np.array_equal(read_volume(tmp_path / "in").voxels, expected)


def test_the_header_says_the_modality(tmp_path):
    for modality in ("NM", "US", "MR"):
        for path in series(tmp_path):
            changed(path, Modality=modality)
        card = volume_card(tmp_path / "in")
        assert card.modality == modality and not card.guessed and not any("rescale" in n for n in card.notes)


def test_slices_without_a_slope_beside_some_with_one_are_told_in_any_modality(tmp_path):
    for k, path in enumerate(series(tmp_path)):
        changed(path, Modality="MR", **({"RescaleSlope": 1, "RescaleIntercept": 0} if k > 2 else {}))
    assert read_volume(tmp_path / "in").note == "3 of 10 slices lack a rescale slope or intercept: 1 and 0 are taken"


def test_a_slice_that_cannot_be_read_is_not_passed_over(tmp_path):
    files = series(tmp_path)
    whole = files[-1].read_bytes()
    for blob, why in (
        (b"", "it is no DICOM file"),
        (b"hello, I am a slice", "it is no DICOM file"),
        (whole[: whole.index(b"\x28\x00\x10\x00")], "it has no rows"),
        (whole[132 : whole.index(b"\x28\x00\x10\x00")], "it is no DICOM file|it has no rows"),
    ):
        files[-1].write_bytes(blob)
        with pytest.raises(LabError, match=rf"1 DICOM files of in are damaged: {files[-1].name} \(({why})\)"):
            read_volume(tmp_path / "in")
    files[-1].unlink()
    files[-1].with_name("README").write_text("nine slices")
    files[-1].with_name(f"._{files[-1].name}").write_bytes(b"what macOS puts into zips")
    found = read_volume(tmp_path / "in")
    assert found.shape[2] == 9 and "files that are no DICOM images were left out: README" in found.note


# NIfTI ---------------------------------------------------------------------------------------------------------------


def test_labels_with_a_slope_are_whole_numbers(tmp_path):
    labels = open_own(CASES / "n_labslope.zip")[1]
    expected = canonical(next(unpacked("n_labslope.zip", tmp_path).rglob("labels.nii.gz")))
    assert np.array_equal(labels.voxels, expected.astype(np.float32)) and set(np.unique(labels.voxels)) == {0, 3}
    assert labels.note == "" and volume_card(CASES / "n_labslope.zip").organs["label 3"] > 0


def test_labels_that_nearly_are_whole_are_rounded_and_it_is_told(tmp_path):
    labels = open_own(CASES / "n_lab2eps.zip")[1]
    expected = canonical(next(unpacked("n_lab2eps.zip", tmp_path).rglob("labels.nii.gz")))
    assert np.array_equal(labels.voxels, np.rint(expected)) and expected.max() > 2
    assert labels.note == "its numbers were rounded to whole ones, which they missed by up to 2.4e-07"
    for value, fits in ((2.9995, True), (2.99, False)):
        nib.save(nib.Nifti1Image(np.full((4, 4, 4), value, np.float32), np.eye(4)), tmp_path / "a.nii")
        if fits:
            assert (read_labels(tmp_path / "a.nii").voxels == 3).all()
        else:
            with pytest.raises(LabError, match="values between the whole numbers"):
                read_labels(tmp_path / "a.nii")


@pytest.mark.parametrize(("unit", "step", "mm"), [("micron", 4000, 4.0), ("meter", 0.002, 2.0), ("mm", 2, 2.0)])
def test_lengths_are_brought_to_mm(unit, step, mm, tmp_path):
    image = nib.Nifti1Image(np.zeros((4, 5, 6), np.int16), np.diag([step, step, step, 1]))
    image.header.set_xyzt_units(unit)
    nib.save(image, tmp_path / "a.nii")
    found = read_volume(tmp_path / "a.nii")
    assert found.spacing == pytest.approx((mm, mm, mm)) and ("were brought to mm" in found.note) == (unit != "mm")
    image.header["xyzt_units"] = 7  # no unit at all
    image.set_sform(np.eye(4))
    nib.save(image, tmp_path / "b.nii")
    assert read_volume(tmp_path / "b.nii").spacing == (1, 1, 1)


def test_a_scan_in_micrometers():
    found = read_volume(CASES / "n_micron.nii.gz")
    assert found.note == "its lengths are in micrometers and were brought to mm"
    assert found.spacing == pytest.approx((0.4, 0.4, 0.4))  # as of SimpleITK 2.5.7
    assert np.array_equal(found.voxels, canonical(CASES / "n_micron.nii.gz"))


def test_the_qform_stands_in_for_an_sform_of_zeros(tmp_path):
    found, given = read_volume(CASES / "n_sform0.nii"), nib.load(CASES / "n_sform0.nii")
    assert found.note == "its sform is degenerate: the qform was taken"
    assert found.spacing == pytest.approx((1.5, 1.5, 5))  # as of SimpleITK 2.5.7
    given.set_sform(None)
    nib.save(given, tmp_path / "a.nii")
    assert np.allclose(found.affine, nib.as_closest_canonical(nib.load(tmp_path / "a.nii")).affine)
    given.set_sform(np.zeros((4, 4)), 1)
    given.header["quatern_b"] = 3  # no quaternion of a rotation
    nib.save(given, tmp_path / "b.nii")
    with pytest.raises(LabError, match="degenerate affine"):
        read_volume(tmp_path / "b.nii")


def test_a_sheared_grid_is_refused_and_a_turned_one_is_not(tmp_path):
    with pytest.raises(LabError, match=r"image.nii.gz is sheared: its axes are 20.0 degrees from"):
        open_own(CASES / "n_shear.zip")
    for lean, fits in ((0.9, True), (1.1, False)):
        affine = np.diag([1.5, 1.5, 5, 1])
        affine[1, 2] = 5 * np.tan(np.radians(lean))
        nib.save(nib.Nifti1Image(np.zeros((4, 5, 6), np.int16), affine), tmp_path / "a.nii")
        if fits:
            read_volume(tmp_path / "a.nii")
        else:
            np.savez(tmp_path / "a.npz", image=np.zeros((4, 5, 6)), affine=affine)
            for name in ("a.nii", "a.npz"):
                with pytest.raises(LabError, match=r"sheared: its axes are 1.1 degrees"):
                    read_volume(tmp_path / name)


@pytest.mark.parametrize("kind", [nib.Nifti1Pair, nib.Nifti2Pair])
@pytest.mark.parametrize("packed", [False, True])
def test_a_pair_is_read_by_either_half_and_from_a_zip(kind, packed, tmp_path):
    values = np.random.default_rng(0).integers(-1000, 1000, (4, 5, 6)).astype(np.int16)
    nib.save(kind(values, np.diag([-2.0, 3, 4, 1])), tmp_path / "image.img")
    nib.save(kind((values > 0).astype(np.uint8), np.diag([-2.0, 3, 4, 1])), tmp_path / "labels.img")
    halves = sorted(tmp_path.iterdir())
    if packed:
        for half in halves:
            half.with_name(f"{half.name}.gz").write_bytes(gzip.compress(half.read_bytes()))
            half.unlink()
        halves = sorted(tmp_path.iterdir())
    for half in halves[:2]:
        found = read_volume(half)
        assert np.array_equal(found.voxels, values[::-1]) and found.spacing == (2, 3, 4)
    archive = shutil.make_archive(str(tmp_path / "both"), "zip", tmp_path)
    for path in (Path(archive), tmp_path):
        volume, labels = open_own(path)
        assert np.array_equal(volume.voxels, values[::-1]) and np.array_equal(labels.voxels, values[::-1] > 0)
    halves[1].unlink()
    with pytest.raises(LabError, match=rf"There is no {halves[1].name} beside {halves[0].name}"):
        read_volume(halves[0])


def test_the_halves_of_a_pair_are_told_from_one_file(tmp_path):
    nib.save(nib.Nifti1Image(np.zeros((4, 5, 6), np.int16), np.eye(4)), tmp_path / "a.nii")
    for name in ("a.hdr", "a.img"):
        shutil.copy(tmp_path / "a.nii", tmp_path / name)
    with pytest.raises(LabError, match=r"a.hdr is no half of a pair of NIfTI: its magic is 'n\+1'"):
        read_volume(tmp_path / "a.hdr")
