"""Published layouts on tiny trees: codes, orientations, what is missing; and a run on them."""

import numpy as np
import pytest
from PIL import Image

from workbench.contract.errors import LabError
from workbench.contract.lab import labs
from workbench.data.volumes.volume import write_nifti
from workbench.labs.eam.method.formats import published
from workbench.labs.eam.params import ABDOMEN, CARDIAC, EAM, JOINT
from workbench.toolkit.memory import MemoryContext

SHAPE = (20, 18, 6)


def body(codes, seed=0):
    """Return an image and a mask: four boxes in the right half, the front, ..., so that a flip is seen."""
    rng = np.random.default_rng(seed)
    mask = np.zeros(SHAPE, np.uint16)
    for code, (x, y) in zip(codes, ((13, 10), (13, 3), (3, 3), (3, 10)), strict=True):
        mask[x : x + 4, y : y + 4, 1:5] = code
    return (np.where(mask > 0, 80, -60) + rng.normal(0, 5, SHAPE)).astype(np.int16), mask


def write_pair(image, label, codes, seed=0, affine=None):
    voxels, mask = body(codes, seed)
    affine = np.diag([3.0, 3, 5, 1]) if affine is None else affine
    if affine[0, 0] < 0:
        voxels, mask = voxels[::-1, ::-1], mask[::-1, ::-1]
    for path, array in ((image, voxels), (label, mask)):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_nifti(path, np.ascontiguousarray(array), affine)


def write_dicom(folder, voxels):
    """Write slices (X, Y, Z) given in RAS as an axial series, from the feet up."""
    import pydicom
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    folder.mkdir(parents=True)
    for z in range(voxels.shape[2]):
        meta = FileMetaDataset()
        meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = ExplicitVRLittleEndian, "1.2.840.10008.5.1.4.1.1.4"
        meta.MediaStorageSOPInstanceUID = generate_uid()
        file = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
        plane = voxels[::-1, ::-1, z].T  # DICOM: rows to the back, columns to the left
        file.Modality, file.Rows, file.Columns = "MR", *plane.shape
        file.ImagePositionPatient, file.ImageOrientationPatient = [-30.0, -27.0, 5.0 * z], [1, 0, 0, 0, 1, 0]
        file.PixelSpacing, file.SamplesPerPixel, file.PhotometricInterpretation = [3.0, 3.0], 1, "MONOCHROME2"
        file.BitsAllocated, file.BitsStored, file.HighBit, file.PixelRepresentation = 16, 16, 15, 0
        file.PixelData = np.ascontiguousarray(plane, np.uint16).tobytes()
        pydicom.dcmwrite(folder / f"IMG-{z:04d}.dcm", file)


@pytest.fixture(scope="module")
def abdomen(tmp_path_factory):
    root = tmp_path_factory.mktemp("abdomen")
    for i in range(4):
        write_pair(root / f"btcv/img/img000{i}.nii.gz", root / f"btcv/label/label000{i}.nii.gz", (6, 2, 3, 1), i)
        voxels, mask = body((60, 120, 190, 250), i)
        write_dicom(root / f"chaos/MR/{i}/T2SPIR/DICOM_anon", voxels - voxels.min())
        ground = root / f"chaos/MR/{i}/T2SPIR/Ground"
        ground.mkdir()
        for z in range(SHAPE[2]):
            Image.fromarray(mask[::-1, ::-1, z].T.astype(np.uint8)).save(ground / f"IMG-{z:04d}.png")
    return root


def test_btcv_and_chaos_name_the_same_organ_in_the_same_place(abdomen):
    (ct, mr), organs, notes = published(ABDOMEN, str(abdomen / "btcv"), str(abdomen / "chaos"), 16, 4)
    assert len(ct) == len(mr) == 4 and organs[1] == "liver" and any("recalled" in n for n in notes)
    for subject in (*ct, *mr):
        assert subject.mask.shape == (16, 16, 4) and subject.values.dtype == np.float32
        centers = {k: np.argwhere(subject.mask == k).mean(0) for k in range(1, 5)}
        np.testing.assert_array_equal(sorted(centers), [1, 2, 3, 4])
        for k, (x, y) in {1: (11.6, 10.2), 2: (11.6, 4.0), 3: (3.6, 4.0), 4: (3.6, 10.2)}.items():
            assert abs(centers[k][0] - x) < 1 and abs(centers[k][1] - y) < 1, (subject.name, k, centers[k])
    assert ct[0].modality == 0 and mr[0].modality == 1


def test_a_run_goes_through_on_the_published_layout(abdomen, tiny):
    lab = labs()["eam"]
    folders = {"ct_folder": str(abdomen / "btcv"), "mr_folder": str(abdomen / "chaos")}
    params = lab.Params.make("quick", dataset=ABDOMEN, **folders, **{**tiny, "many": 2, "arms": [JOINT, EAM]})
    result = lab.run(params, MemoryContext())
    assert {"dice_ct", "dice_mr"} <= set(result.metrics) and not any("SIMULATED" in n for n in result.notes)


def test_mmwhs_in_nifti_and_npz(tmp_path):
    lps = np.diag([-3.0, -3, 5, 1])
    for i in range(3):
        for kind, affine in (("ct", None), ("mr", lps)):
            name = f"{kind}_train_100{i}"
            write_pair(
                tmp_path / f"{name}_image.nii.gz", tmp_path / f"{name}_label.nii.gz", (205, 420, 500, 820), i, affine
            )
    voxels, mask = body((1, 2, 3, 4))
    mask[0, 0, 2] = 5  # as in the records of SIFA
    np.savez(tmp_path / "mr_test_1.npz", voxels[::-1, ::-1].astype(np.float32), mask[::-1, ::-1].astype(np.float32))
    (ct, mr), organs, notes = published(CARDIAC, str(tmp_path), str(tmp_path), 16, 4)
    assert len(ct) == 3 and len(mr) == 4 and organs[4] == "ascending aorta"
    assert any("[5]" in n for n in notes)
    for subject in (*ct, *mr):
        assert np.argwhere(subject.mask == 1).mean(0)[0] > 8 > np.argwhere(subject.mask == 4).mean(0)[0]


def test_what_is_missing_is_told(abdomen, tmp_path):
    with pytest.raises(LabError, match="No folder of the CT"):
        published(ABDOMEN, "", "", 16, 4)
    with pytest.raises(LabError, match="no folder"):
        published(ABDOMEN, "/nowhere", str(abdomen), 16, 4)
    with pytest.raises(LabError, match="holds no CT"):
        published(ABDOMEN, str(tmp_path), str(abdomen / "chaos"), 16, 4)
    broken = tmp_path / "MR/1/T2SPIR"
    (broken / "Ground").mkdir(parents=True)
    (broken / "DICOM_anon").mkdir()
    (broken / "DICOM_anon/a.dcm").write_bytes(b"")
    with pytest.raises(LabError, match="1 slices and 0 masks"):
        published(ABDOMEN, str(abdomen / "btcv"), str(tmp_path), 16, 4)
