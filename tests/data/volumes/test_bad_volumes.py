"""Files that are no volumes, or damaged ones: each gets a sentence, and nothing is left of it."""

import gzip

import nibabel as nib
import numpy as np
import pytest

from workbench.contract.errors import LabError
from workbench.data.volumes import memmap
from workbench.data.volumes.volume import read_volume, write_nifti

rng = np.random.default_rng(0)


def header(shape=(4, 5, 6), affine=None, dtype=np.int16, **values) -> bytes:
    """Return a NIfTI-1 header of any content, without voxels."""
    made = nib.Nifti1Header()
    made.set_data_dtype(dtype)
    made["dim"] = [len(shape), *shape, *[1] * (7 - len(shape))]
    made["sform_code"] = 1
    made["srow_x"], made["srow_y"], made["srow_z"] = (np.eye(4) if affine is None else affine)[:3]
    made["vox_offset"], made["magic"] = 352, b"n+1"
    for key, value in values.items():
        made[key] = value
    return made.binaryblock + bytes(4)


RANK_2 = np.array([[1.0, 0, 0, 0], [0, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]])
NOT_A_NUMBER = np.diag([np.nan, 1, 1, 1.0])
voxels = bytes(240)
BAD = {
    "empty": (b"", "a.nii is empty"),
    "text": (b"hello, this is no volume", "no NIfTI file"),
    "png": (b"\x89PNG\r\n" + bytes(400), "no NIfTI file"),
    "wrong magic": (header(magic=b"xx") + voxels, "magic string 'xx' is not valid"),
    "a pair's half": (header(magic=b"ni1") + voxels, "its magic is 'ni1'"),
    "half a header": (header()[:200], "broken NIfTI header|ends within its header"),
    "no voxels": (header(), "has 352 bytes; its header claims 592 bytes"),
    "zero slices": (header(shape=(4, 5, 0)), "no slices: its header says 4 x 5 x 0"),
    "negative": (header(shape=(4, 5, -6)), "no slices"),
    "a picture": (header(shape=(4, 5)) + voxels, "no slices: its header says 4 x 5"),
    "3 GB in 1 kB": (header(shape=(1000, 1000, 1500)) + bytes(700), "1,500,000,000 voxels; 536,870,912 is the limit"),
    "1 GB in 1 kB": (header(shape=(1000, 1000, 500)) + bytes(700), "claims 1,000,000,352 bytes"),
    "time": (header(shape=(2, 3, 4, 10)) + bytes(480), r"4 axes \(2 x 3 x 4 x 10\)"),
    "rank 2": (header(affine=RANK_2) + voxels, "degenerate affine"),
    "no number": (header(affine=NOT_A_NUMBER) + voxels, "degenerate affine"),
    "colors": (header(shape=(4, 5, 4), datatype=128, bitpix=24) + voxels, "colors or complex numbers"),
    "complex": (header(shape=(4, 5, 1), datatype=32, bitpix=64) + voxels, "colors or complex numbers"),
    "unknown type": (header(datatype=999) + voxels, "a.nii"),
}


@pytest.mark.parametrize("packed", [False, True], ids=["nii", "gz"])
@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_explained_and_leaves_nothing(name, packed, tmp_path):
    blob, why = BAD[name]
    path = tmp_path / ("a.nii.gz" if packed else "a.nii")
    path.write_bytes(gzip.compress(blob) if packed else blob)
    if packed:  # how much a gzip file holds is known only once it was read
        why = {"empty": "no NIfTI file", "no voxels": "ends within slice 1 of 6"}.get(name, why)
    before = set(memmap.folder().rglob("*"))
    with pytest.raises(LabError, match=why) as caught:
        read_volume(path)
    assert caught.value.hint
    assert set(memmap.folder().rglob("*")) == before


def test_a_gzip_file_that_is_cut_or_damaged_is_noticed(tmp_path):
    values = rng.integers(-1000, 1000, (40, 40, 40)).astype(np.int16)
    write_nifti(tmp_path / "whole.nii.gz", values, np.eye(4))
    blob = (tmp_path / "whole.nii.gz").read_bytes()
    for cut in (1, 12, len(blob) // 2, len(blob) - 4):
        (tmp_path / "cut.nii.gz").write_bytes(blob[:cut])
        with pytest.raises(LabError, match=r"cut.nii.gz (is damaged|ends within|is no gzip)"):
            read_volume(tmp_path / "cut.nii.gz")
    broken = bytearray(blob)
    broken[len(blob) // 2] ^= 0xFF
    (tmp_path / "bad.nii.gz").write_bytes(broken)
    with pytest.raises(LabError, match="bad.nii.gz"):
        read_volume(tmp_path / "bad.nii.gz")
    (tmp_path / "plain.nii.gz").write_bytes(header() + voxels)
    with pytest.raises(LabError, match="no gzip file, whatever its name says"):
        read_volume(tmp_path / "plain.nii.gz")


def test_a_large_damaged_file_leaves_no_half_copy(tmp_path, monkeypatch):
    monkeypatch.setattr(memmap, "IN_MEMORY", 10)
    values = rng.integers(-1000, 1000, (40, 40, 40)).astype(np.int16)
    write_nifti(tmp_path / "a.nii.gz", values, np.eye(4))
    blob = (tmp_path / "a.nii.gz").read_bytes()
    (tmp_path / "a.nii.gz").write_bytes(blob[: len(blob) // 2])
    before = set(memmap.folder().rglob("*"))
    with pytest.raises(LabError, match="damaged"):
        read_volume(tmp_path / "a.nii.gz")
    assert set(memmap.folder().rglob("*")) == before


@pytest.mark.parametrize("name", ["a.txt", "a.nrrd", "a.dcm", "missing.nii.gz"])
def test_other_files_are_refused_with_what_would_do(name, tmp_path):
    if not name.startswith("missing"):
        (tmp_path / name).write_bytes(b"anything")
    with pytest.raises(LabError) as caught:
        read_volume(tmp_path / name)
    assert name in caught.value.cause and caught.value.hint


def test_a_home_that_cannot_be_written_is_explained(tmp_path, monkeypatch):
    monkeypatch.setattr(memmap, "IN_MEMORY", 10)
    (tmp_path / "home").write_text("a file where a folder should be")
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    write_nifti(tmp_path / "a.nii", np.zeros((4, 5, 6), np.int16), np.eye(4))
    with pytest.raises(LabError, match="cannot be kept in"):
        read_volume(tmp_path / "a.nii")


@pytest.mark.parametrize(
    ("arrays", "why"),
    [
        ({"image": np.array([object()] * 8).reshape(2, 2, 2)}, "no plain numbers"),
        ({"a": np.zeros((2, 2, 2)), "b": np.zeros((2, 2, 2))}, "holds no volume: it has a, b"),
        ({"image": np.zeros((2, 2))}, "has no slices: its header says 2 x 2"),
        ({"image": np.zeros((2, 2, 2)), "affine": np.zeros((3, 4))}, r"affine of .* has the shape \(3, 4\)"),
        ({"image": np.zeros((2, 2, 2)), "spacing": np.ones(2)}, "spacing of .* has 2 numbers"),
        ({"image": np.full((2, 2, 2), np.nan)}, "8 NaN or infinite voxels of 8"),
    ],
)
def test_bad_npz(arrays, why, tmp_path):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(LabError, match=why):
        read_volume(tmp_path / "a.npz")
