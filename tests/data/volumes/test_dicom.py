"""DICOM series: order, spacing and values from the headers, and a reason for every series that is no volume."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from workbench.contract.errors import LabError
from workbench.data.catalog.catalog import get_entry
from workbench.data.volumes import memmap
from workbench.data.volumes.volume import read_volume

REAL = Path(pydicom.__file__).parent / "data" / "test_files" / "dicomdirtests"  # a few files come with pydicom
BRAIN = get_entry("brain_series").place  # in the user's cache; the tests have one of their own
COLUMNS, ROWS, COUNT = 6, 5, 4
VALUES = np.arange(COUNT * ROWS * COLUMNS, dtype=np.int16).reshape(COUNT, ROWS, COLUMNS)  # (slice, row, column)


def write_slice(path: Path, pixels: np.ndarray, position, uid="1.2.3", **tags) -> None:
    """Write one slice as a scanner would."""
    data = Dataset()
    data.SOPClassUID, data.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", generate_uid()
    data.file_meta = FileMetaDataset()
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.SeriesInstanceUID, data.Modality, data.SeriesNumber = uid, "CT", 1
    data.Rows, data.Columns = pixels.shape
    data.ImagePositionPatient = [float(v) for v in position]
    data.ImageOrientationPatient, data.PixelSpacing = [1, 0, 0, 0, 1, 0], [0.8, 0.7]
    data.BitsAllocated = data.BitsStored = 16
    data.HighBit, data.PixelRepresentation, data.SamplesPerPixel = 15, 1, 1
    data.PhotometricInterpretation = "MONOCHROME2"
    data.PixelData = pixels.astype("<i2").tobytes()
    for key, value in tags.items():
        if value is None:
            delattr(data, key)
        else:
            setattr(data, key, value)
    data.save_as(path, enforce_file_format=True)


def write_series(folder: Path, step=(0, 0, 2.5), order=range(COUNT), **tags) -> Path:
    """Write a straight stack; the names of the files say nothing of its order."""
    folder.mkdir(exist_ok=True, parents=True)
    for name, k in enumerate(order):
        write_slice(folder / f"IM{name}", VALUES[k], np.array([-10, -20, 30]) + k * np.array(step), **tags)
    return folder


def test_slices_are_ordered_by_where_they_lie_and_values_rescaled(tmp_path):
    found = read_volume(write_series(tmp_path / "s", order=(2, 0, 3, 1), RescaleSlope=2, RescaleIntercept=-1024))
    assert found.shape == (COLUMNS, ROWS, COUNT) and found.voxels.dtype == np.int16 and found.modality == "CT"
    assert found.spacing == pytest.approx((0.7, 0.8, 2.5)) and found.note == ""
    # DICOM counts x to the left and y to the back, so the first column and row are the last here
    assert np.array_equal(found.voxels, VALUES.transpose(2, 1, 0)[::-1, ::-1] * 2 - 1024)
    world = nib.affines.apply_affine(found.affine, [COLUMNS - 1, ROWS - 1, 0])  # column 0, row 0 of the lowest slice
    assert world == pytest.approx([10, 20, 30])


def test_a_zip_is_read_like_its_folder(tmp_path):
    folder = write_series(tmp_path / "s")
    (folder / "README.txt").write_text("not DICOM")
    archive = shutil.make_archive(str(tmp_path / "s"), "zip", folder)
    one, other = read_volume(folder), read_volume(archive)
    assert np.array_equal(one.voxels, other.voxels) and np.array_equal(one.affine, other.affine)


def test_slices_of_different_slopes_are_rescaled_one_by_one(tmp_path):
    for k in range(COUNT):
        write_slice(tmp_path / f"{k}", VALUES[k], (0, 0, k), RescaleSlope=k + 0.5, RescaleIntercept=0)
    found = read_volume(tmp_path).voxels
    assert np.allclose(found, (VALUES * (np.arange(COUNT) + 0.5)[:, None, None]).transpose(2, 1, 0)[::-1, ::-1])


@given(angle=st.floats(-1.4, 1.4), around=st.sampled_from([0, 1, 2]), up=st.booleans())
def test_every_pixel_keeps_its_place_in_the_body(angle, around, up, tmp_path_factory):
    folder = tmp_path_factory.mktemp("turned")
    i, j = [k for k in range(3) if k != around]
    turn = np.eye(3)
    turn[[i, i, j, j], [i, j, i, j]] = np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)
    row, column, normal = turn.T
    starts = [np.array([5.0, -7, 11]) + (k if up else -k) * 3 * normal for k in range(COUNT)]
    for k, start in enumerate(starts):
        write_slice(folder / f"{k}", VALUES[k], start, ImageOrientationPatient=[*row, *column])
    found = read_volume(folder)
    k, r, c = 1, 2, 3
    here = starts[k] + c * 0.7 * row + r * 0.8 * column  # where the standard places row r, column c, in LPS
    voxel = np.argwhere(found.voxels == VALUES[k, r, c])[0]
    assert nib.affines.apply_affine(found.affine, voxel) == pytest.approx(here * [-1, -1, 1], abs=1e-3)


def uneven(folder):
    write_series(folder, order=(0, 1, 3))


def doubled(folder):
    write_series(folder)
    write_slice(folder / "again", VALUES[0], (-10, -20, 30))


def mixed_sizes(folder):
    write_series(folder)
    write_slice(folder / "other", np.zeros((8, 8)), (-10, -20, 50))


def mixed_directions(folder):
    write_series(folder)
    write_slice(folder / "other", VALUES[0], (-10, -20, 50), ImageOrientationPatient=[0, 1, 0, 0, 0, -1])


def mixed_spacings(folder):
    write_series(folder)
    write_slice(folder / "other", VALUES[0], (-10, -20, 40), PixelSpacing=[0.9, 0.9])


def cut_off(folder):
    write_series(folder)
    path = folder / "IM2"
    path.write_bytes(path.read_bytes()[:-20])


def two_volumes(folder):
    write_series(folder / "a", uid="1.2.3.11", SeriesNumber=1, SeriesDescription="arterial")
    write_series(folder / "b", uid="1.2.3.22", SeriesNumber=2, SeriesDescription="venous")


BAD = {
    "tilted gantry": (lambda f: write_series(f, step=(0, 0.8, 2.4)), "tilted gantry: .* sheared by 18.4 degrees"),
    "uneven": (uneven, "unevenly spaced slices: 2.5 to 5 mm"),
    "two times": (doubled, "several slices at one place"),
    "sizes": (mixed_sizes, "mixes slices of 6x5 and 8x8 pixels"),
    "directions": (mixed_directions, "several directions in one series"),
    "spacings": (mixed_spacings, "several pixel spacings"),
    "no place": (lambda f: write_series(f, ImagePositionPatient=None), "slices without ImagePositionPatient"),
    "no spacing": (lambda f: write_series(f, PixelSpacing=None), "slices without PixelSpacing"),
    "multi-frame": (lambda f: write_series(f, NumberOfFrames=3), "multi-frame DICOM"),
    "color": (lambda f: write_series(f, SamplesPerPixel=3), "color images"),
    "single": (lambda f: write_series(f, order=(0,)), "holds a single slice"),
    "cut off": (cut_off, "IM2 of s cannot be decoded"),
    "compressed": (lambda f: write_series(f) and compress(f), "cannot be decoded .JPEG 2000"),
    "two volumes": (two_volumes, r"2 series that are volumes: 1 \(arterial, 4 images\), 2 \(venous, 4 images\)"),
    "nothing": (lambda f: f.mkdir(), "holds no DICOM images"),
    "no DICOM": (lambda f: f.mkdir() or (f / "a.txt").write_text("hello"), "holds no DICOM images"),
}


def compress(folder: Path) -> None:
    """Claim that the pixels are JPEG 2000, which they are not: a decoder or its absence, both have to be explained."""
    data = pydicom.dcmread(folder / "IM1")
    data.file_meta.TransferSyntaxUID = pydicom.uid.JPEG2000Lossless
    data.PixelData = pydicom.encaps.encapsulate([bytes(100)])
    data["PixelData"].is_undefined_length = True
    data.save_as(folder / "IM1")


@pytest.mark.parametrize("name", BAD)
def test_a_series_that_is_no_volume_is_refused_with_its_reason(name, tmp_path):
    make, why = BAD[name]
    make(tmp_path / "s")
    with pytest.raises(LabError, match=why) as caught:
        read_volume(tmp_path / "s")
    assert caught.value.hint


def test_a_series_is_chosen_by_number_or_by_the_end_of_its_uid(tmp_path):
    two_volumes(tmp_path)
    assert read_volume(tmp_path, series="2").shape == read_volume(tmp_path, series=".11").shape
    with pytest.raises(LabError, match="0 series of .* are '7'"):
        read_volume(tmp_path, series="7")


def test_a_scout_beside_a_volume_is_left_out_and_named(tmp_path):
    folder = write_series(tmp_path / "s")
    write_slice(folder / "scout", np.zeros((9, 9)), (0, 0, 0), uid="9.9", SeriesNumber=7, SeriesDescription="Scout")
    assert read_volume(folder).note.startswith("other series were left out: 7 (Scout, 1 images); ")


def test_a_zip_that_is_none_or_leaves_its_folder(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04 no")
    with pytest.raises(LabError, match="a.zip is no zip archive"):
        read_volume(tmp_path / "a.zip")
    write_series(tmp_path / "s")
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as box:
        box.write(tmp_path / "s" / "IM0", "../../outside.dcm")
    with pytest.raises(LabError, match="b.zip"):
        read_volume(tmp_path / "b.zip")
    assert not list(tmp_path.parent.rglob("outside.dcm"))


def test_a_folder_of_a_whole_disk_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(memmap, "MAX_FILES", 3)
    monkeypatch.setattr(memmap.cache, "sha256", lambda *_: pytest.fail("it hashes the disk"))
    with pytest.raises(LabError, match="holds more than 3 files"):
        read_volume(write_series(tmp_path / "s"))


# real files ----------------------------------------------------------------------------------------------------------


def test_real_series_of_scanners():
    heart = read_volume(REAL / "98892001")  # beside a scout
    assert heart.shape == (16, 16, 5) and heart.spacing == pytest.approx((0.488281, 0.488281, 2.5))
    assert heart.modality == "CT" and heart.voxels.min() < -800 and "4 (Scout, 2 images)" in heart.note
    for folder, why in (
        ("77654033/CT2", "unevenly spaced slices: 1.25 to 202 mm"),
        ("98892003/MR700", "several directions"),
        ("98892003", "7 series, none of them a volume"),
        ("77654033/CR3", "without ImagePositionPatient"),
    ):
        with pytest.raises(LabError, match=why):
            read_volume(REAL / folder)


@pytest.mark.skipif(not BRAIN.exists(), reason="data: brain_series was not fetched on this machine")
def test_the_brain_series_of_the_catalog():
    found = read_volume(BRAIN)
    assert found.shape == (256, 256, 20) and found.modality == "MR" and found.voxels.max() == 1059
