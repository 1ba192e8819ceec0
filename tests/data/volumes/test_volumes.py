"""Volumes: one orientation for every file, one grid for image and mask, and a sentence for every bad file."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.contract.errors import LabError
from workbench.data.volumes import memmap
from workbench.data.volumes.volume import Labels, Volume, matches, read_labels, read_volume, write_nifti

MEDICAL = Path(__file__).parents[4] / "shared" / "data" / "medical" / "totalsegmentator"
real = pytest.mark.skipif(not MEDICAL.exists(), reason="data: no mirror")
rng = np.random.default_rng(0)


def volume(shape=(4, 5, 6), affine=None, dtype=np.int16):
    return rng.integers(-1000, 1000, shape).astype(dtype), np.diag([2.0, 3, 4, 1]) if affine is None else affine


# real files ----------------------------------------------------------------------------------------------------------


@real
@pytest.mark.parametrize("name", ["example_ct", "example_ct_sm", "example_mr_sm"])
def test_a_real_scan_is_what_nibabel_reads(name):
    path = MEDICAL / f"{name}.nii.gz"
    found, expected = read_volume(path), nib.as_closest_canonical(nib.load(path))
    assert np.array_equal(found.voxels, np.asarray(expected.dataobj)) and found.voxels.dtype == np.int16
    assert np.allclose(found.affine, expected.affine) and nib.aff2axcodes(found.affine) == ("R", "A", "S")
    assert found.spacing == (3, 3, 3) and found.modality == ("MR" if "mr" in name else "CT") and found.note == ""


@real
def test_real_masks_have_their_names_and_lie_on_their_scan():
    ct, mr = read_volume(MEDICAL / "example_ct_sm.nii.gz"), read_volume(MEDICAL / "example_mr_sm.nii.gz")
    organs = read_labels(MEDICAL / "example_seg.nii.gz", ct)
    assert organs.voxels.dtype == np.uint8 and organs.names[5] == "liver" and organs.names[2] == "kidney right"
    assert set(np.unique(organs.voxels)) - {0} <= set(organs.names)
    # the liver lies on the patient's right in both, though one file is RAS and the other LPS
    for scan, file in ((ct, "example_seg"), (mr, "example_seg_mr")):
        mask = read_labels(MEDICAL / f"{file}.nii.gz", scan).voxels
        assert np.nonzero(mask == 5)[0].mean() > np.nonzero(mask == 1)[0].mean() + 20  # liver, spleen
    with pytest.raises(LabError, match=r"122 x 101 x 30 voxels against 117 x 91 x 20"):
        read_labels(MEDICAL / "example_seg_mr.nii.gz", ct)


# orientation ---------------------------------------------------------------------------------------------------------

SHAPE = (3, 4, 5)
steps = st.floats(0.3, 8)
angles = st.floats(-0.5, 0.5)


@st.composite
def affines(draw):
    """Any order and direction of the axes, leaning by up to about 30 degrees around each, anywhere in space."""
    order = draw(st.permutations(range(3)))
    signs = draw(st.tuples(*[st.sampled_from([-1, 1])] * 3))
    turn = np.eye(3)
    for axis in range(3):
        a, (i, j) = draw(angles), [k for k in range(3) if k != axis]
        around = np.eye(3)
        around[[i, i, j, j], [i, j, i, j]] = np.cos(a), -np.sin(a), np.sin(a), np.cos(a)
        turn = turn @ around
    affine = np.eye(4)
    affine[:3, :3] = turn @ (np.eye(3)[order] * signs) @ np.diag(draw(st.tuples(steps, steps, steps)))
    affine[:3, 3] = draw(st.tuples(*[st.floats(-300, 300)] * 3))
    return affine


@given(affine=affines())
def test_every_voxel_stays_where_it_is_in_the_world(affine, tmp_path_factory):
    path = tmp_path_factory.mktemp("any") / "a.nii.gz"
    values = np.arange(np.prod(SHAPE), dtype=np.int16).reshape(SHAPE)  # each value once: it names its voxel
    write_nifti(path, values, affine)
    found = read_volume(path)
    before = np.argwhere(values >= 0)[np.argsort(values.ravel())]
    after = np.argwhere(found.voxels >= 0)[np.argsort(found.voxels.ravel())]
    world = before @ affine[:3, :3].T + affine[:3, 3]
    assert np.allclose(after @ found.affine[:3, :3].T + found.affine[:3, 3], world, atol=1e-2)  # float32 in the header
    closest = nib.as_closest_canonical(nib.load(path))
    assert np.array_equal(found.voxels, np.asarray(closest.dataobj)) and np.allclose(found.affine, closest.affine)
    # no axis runs closer to another direction of the body than to its own, and none backwards
    directions = found.affine[:3, :3] / np.array(found.spacing)
    assert (np.diag(directions) > 0).all() and sorted(found.spacing) == pytest.approx(
        sorted(np.linalg.norm(affine[:3, :3], axis=0)), rel=1e-4
    )


@given(affine=affines())
def test_a_mask_stored_in_another_orientation_still_fits(affine, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pair")
    voxels = np.arange(60, dtype=np.uint8).reshape(SHAPE)
    write_nifti(folder / "image.nii", voxels.astype(np.int16), affine)
    image = nib.Nifti1Image(voxels, affine)
    turned = image.as_reoriented([[1, -1], [2, 1], [0, -1]])
    write_nifti(folder / "mask.nii.gz", np.asarray(turned.dataobj), turned.affine)
    scan = read_volume(folder / "image.nii")
    assert np.array_equal(read_labels(folder / "mask.nii.gz", scan).voxels, scan.voxels)


# values --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dtype", "scale", "expected"),
    [
        (np.float64, 1, np.int16),
        (np.int32, 1, np.int16),
        (np.uint16, 1, np.int16),
        (np.uint8, 1, np.int16),
        (np.float32, 0.25, np.float32),
        (np.int32, 1000, np.float32),
    ],
)
def test_whole_numbers_become_int16_and_others_float32(dtype, scale, expected, tmp_path):
    values = (rng.integers(0, 200, SHAPE) * scale).astype(dtype)
    nib.save(nib.Nifti1Image(values, np.eye(4), dtype=dtype), tmp_path / "a.nii.gz")
    found = read_volume(tmp_path / "a.nii.gz")
    assert found.voxels.dtype == expected and np.array_equal(found.voxels, values)
    with pytest.raises(ValueError, match="read-only"):
        found.voxels[0, 0, 0] = 1


def test_slope_and_intercept_of_the_header_are_applied(tmp_path):
    image = nib.Nifti1Image(np.arange(60, dtype=np.uint16).reshape(SHAPE), np.eye(4))
    image.header.set_slope_inter(2, -1024)
    nib.save(image, tmp_path / "a.nii")  # nibabel rescales what it writes, so the values stay those of the array
    found = read_volume(tmp_path / "a.nii")
    assert np.array_equal(found.voxels, np.asarray(nib.load(tmp_path / "a.nii").dataobj))
    assert found.voxels.dtype == np.int16


def test_a_large_volume_is_decompressed_once_and_mapped(tmp_path, monkeypatch):
    monkeypatch.setattr(memmap, "IN_MEMORY", 10)
    path = tmp_path / "a.nii.gz"
    values, affine = volume(dtype=np.float64)
    write_nifti(path, values, np.diag([-2.0, 3, 4, 1]))
    first = read_volume(path)
    assert isinstance(first.voxels, np.memmap) and first.voxels.dtype == np.int16 and first.voxels.flags.f_contiguous
    monkeypatch.setattr(memmap, "gather", lambda *_: pytest.fail("it was read again"))
    again = read_volume(path)
    assert isinstance(again.voxels, np.memmap) and np.array_equal(again.voxels, values[::-1])
    assert np.array_equal(again.affine, first.affine) and (again.modality, again.note) == (first.modality, first.note)
    assert not list(memmap.folder().glob(".new-*"))


def test_a_kept_copy_that_was_damaged_is_made_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(memmap, "IN_MEMORY", 10)
    values, affine = volume()
    write_nifti(tmp_path / "a.nii.gz", values, affine)
    name = Path(read_volume(tmp_path / "a.nii.gz").voxels.filename)
    name.write_bytes(name.read_bytes()[:100])
    assert np.array_equal(read_volume(tmp_path / "a.nii.gz").voxels, values)


def test_the_longest_unused_copies_make_room(tmp_path, monkeypatch):
    monkeypatch.setattr(memmap, "IN_MEMORY", 10)
    monkeypatch.setattr(memmap, "KEEP", 800)
    kept = []
    for k in range(4):
        values, affine = volume()
        write_nifti(tmp_path / f"{k}.nii", values, affine)
        kept.append(read_volume(tmp_path / f"{k}.nii").voxels)
    left = {p.name for p in memmap.folder().glob("*.npy")}
    assert Path(kept[-1].filename).name in left and Path(kept[0].filename).name not in left
    assert kept[0].sum() != 0  # a volume that is open stays readable


def test_nan_and_infinite_voxels_become_the_lowest_value_and_are_counted(tmp_path):
    values = rng.integers(-900, 900, SHAPE).astype(np.float32)
    values[0, 0, :2] = np.nan, np.inf
    write_nifti(tmp_path / "a.nii.gz", values, np.eye(4))
    found = read_volume(tmp_path / "a.nii.gz")
    assert found.voxels.dtype == np.int16 and found.note == (
        f"2 NaN or infinite voxels became the lowest value, {np.nanmin(values):g}"
    )
    assert (found.voxels[0, 0, :2] == np.nanmin(values)).all()
    assert np.array_equal(found.voxels[1:], values[1:])


def test_modality_is_guessed_from_air_below_minus_500(tmp_path):
    for low, high, expected in ((-1000, 1000, "CT"), (0, 900, "MR"), (-30, 900, "MR"), (-300, 900, "")):
        write_nifti(tmp_path / f"{low}.nii", np.array([low, high, 1, 2], np.int16).reshape(1, 2, 2), np.eye(4))
        assert read_volume(tmp_path / f"{low}.nii").modality == expected
    assert read_volume(tmp_path / "0.nii", modality="CT").modality == "CT"


# masks ---------------------------------------------------------------------------------------------------------------


def grid(affine, shape=SHAPE):
    return Volume(np.zeros(shape, np.int16), affine, "", "scan")


def test_affines_that_differ_by_less_than_half_a_voxel_fit():
    for moved, fits in ((0.0, True), (0.49, True), (0.51, False), (40, False)):
        other = np.diag([1.0, 2, 3, 1])
        other[0, 3] = moved
        found = matches(grid(np.diag([1.0, 2, 3, 1])), Labels(np.zeros(SHAPE, np.uint8), other, {}))
        assert (found == "") == fits, found
    assert "voxels of 1 x 2 x 3 mm against 1 x 2 x 6 mm" in matches(
        grid(np.diag([1.0, 2, 3, 1])), grid(np.diag([1.0, 2, 6, 1]))
    )
    assert "3 x 4 x 5 voxels against 3 x 4 x 6" in matches(grid(np.eye(4)), grid(np.eye(4), (3, 4, 6)))


def test_a_mask_takes_over_its_scans_affine_and_says_so(tmp_path):
    affine = np.diag([1.0, 2, 3, 1])
    affine[2, 3] = 0.2
    write_nifti(tmp_path / "m.nii.gz", np.ones(SHAPE, np.uint8), affine)
    found = read_labels(tmp_path / "m.nii.gz", grid(np.diag([1.0, 2, 3, 1])))
    assert np.array_equal(found.affine, np.diag([1.0, 2, 3, 1])) and "by up to 0.2 mm" in found.note
    assert found.names == {1: "label 1"}


def test_names_go_into_the_header_and_come_out_of_it(tmp_path):
    write_nifti(tmp_path / "m.nii.gz", np.ones(SHAPE, np.uint8), np.eye(4), {1: "liver", 7: "left kidney"})
    assert read_labels(tmp_path / "m.nii.gz").names == {1: "liver", 7: "left kidney"}
    assert read_labels(tmp_path / "m.nii.gz", names={1: "lung"}).names == {1: "lung"}


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ([0.5, 1], "values between the whole numbers"),
        ([np.nan, 1], "NaN or infinite"),
        ([-1, 3], "values from -1 to 0"),
        ([0, 70000], "values from 0 to 70000"),
    ],
)
def test_what_is_no_mask_is_refused(values, why, tmp_path):
    write_nifti(tmp_path / "m.nii.gz", np.array([*values, 0, 0], np.float32).reshape(1, 2, 2), np.eye(4))
    with pytest.raises(LabError, match=f"m.nii.gz is no mask: it holds {why}"):
        read_labels(tmp_path / "m.nii.gz")


def test_numbers_beyond_a_byte_take_two(tmp_path):
    for high, dtype in ((255, np.uint8), (256, np.uint16)):
        write_nifti(tmp_path / f"{high}.nii", np.array([0, high, 1, 2], np.int32).reshape(1, 2, 2), np.eye(4))
        assert read_labels(tmp_path / f"{high}.nii").voxels.dtype == dtype


# NPZ -----------------------------------------------------------------------------------------------------------------


def test_npz_holds_a_scan_and_its_mask(tmp_path):
    values, affine = volume()
    np.savez(tmp_path / "a.npz", image=values, labels=(values > 0).astype(np.uint8), affine=np.diag([-2.0, 3, 4, 1]))
    found = read_volume(tmp_path / "a.npz")
    assert np.array_equal(found.voxels, values[::-1]) and found.spacing == (2, 3, 4) and found.note == ""
    assert np.array_equal(read_labels(tmp_path / "a.npz", found).voxels, found.voxels > 0)


def test_npz_without_affine_says_what_is_assumed(tmp_path):
    values, _ = volume()
    np.savez(tmp_path / "a.npz", values, (values > 0).astype(np.float32))  # arr_0 and arr_1, as UMMKD's test volumes
    found = read_volume(tmp_path / "a.npz")
    assert found.spacing == (1, 1, 1) and "voxels as 1 mm" in found.note
    assert read_labels(tmp_path / "a.npz", found).voxels.sum() == (values > 0).sum()
    np.savez_compressed(tmp_path / "b.npz", image=values, spacing=[2, 3, 4.0])
    assert read_volume(tmp_path / "b.npz").spacing == (2, 3, 4)


def test_writing_is_repeatable_and_refuses_other_names(tmp_path):
    values, affine = volume()
    for name in ("a.nii.gz", "b.nii.gz"):
        write_nifti(tmp_path / name, values, affine)
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()
    with pytest.raises(LabError, match="no name of a NIfTI file"):
        write_nifti(tmp_path / "a.png", values, affine)
    for value, dtype in ((True, np.uint8), (1.5, np.float32), (7, np.int16), (10**6, np.int32)):
        write_nifti(tmp_path / "c.nii", np.full(SHAPE, value), affine)
        assert nib.load(tmp_path / "c.nii").get_data_dtype() == dtype
