"""Small files of every format, damaged at random: each is described, or refused in words, in little time and memory.

``make fuzz`` damages many more of them.
"""

from __future__ import annotations

import gc
import gzip
import io
import json
import os
import resource
import struct
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from workbench.contract.errors import LabError
from workbench.data.cards import card
from workbench.data.music.groove import from_rows
from workbench.data.music.midi import to_midi

COUNT = int(os.environ.get("FUZZ", "300"))
SECONDS, MEMORY = 10, 2 * 2**30  # of processor time and address space that a file may take

rng = np.random.default_rng(0)
POINTS = np.c_[rng.uniform(-40, 40, (64, 3)), rng.uniform(0, 1, 64)].astype(np.float32)
SCAN = rng.integers(-1000, 1000, (8, 7, 6)).astype(np.int16)
GRAY = rng.integers(0, 255, (8, 12, 12)).astype(np.uint8)
TABLE = pd.DataFrame({"a": rng.normal(size=40).round(3), "b": np.arange(40) % 7, "label": ["x", "y"] * 20})


def saved(write: Callable[[io.BytesIO], object]) -> bytes:
    file = io.BytesIO()
    write(file)
    return file.getvalue()


def packed(**files: bytes) -> bytes:
    """Return a zip; two underlines in a name stand for a slash, one for the dot of the suffix."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as box:
        for name, blob in files.items():
            box.writestr(".".join(name.replace("__", "/").rsplit("_", 1)), blob)
    return file.getvalue()


def picture(k: int, kind: str = "png") -> bytes:
    return saved(lambda file: Image.fromarray(GRAY[k]).save(file, kind))


def nifti() -> bytes:
    import nibabel

    return nibabel.Nifti1Image(SCAN, np.diag([1.0, 1, 2, 1])).to_bytes()


def dicom(k: int) -> bytes:
    import pydicom
    from pydicom.uid import ExplicitVRLittleEndian

    found = pydicom.Dataset()
    found.SOPClassUID, found.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", f"1.2.3.{k}"
    found.SeriesInstanceUID, found.Modality = "1.2.3", "CT"
    found.Rows, found.Columns, found.SamplesPerPixel, found.PhotometricInterpretation = 7, 8, 1, "MONOCHROME2"
    found.BitsAllocated, found.BitsStored, found.HighBit, found.PixelRepresentation = 16, 16, 15, 1
    found.ImagePositionPatient, found.ImageOrientationPatient = [0, 0, 2 * k], [1, 0, 0, 0, 1, 0]
    found.PixelSpacing, found.RescaleSlope, found.RescaleIntercept = [1, 1], 1, 0
    found.PixelData = SCAN[:, :, k].T.tobytes()
    found.file_meta = pydicom.dataset.FileMetaDataset()
    found.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return saved(lambda file: pydicom.dcmwrite(file, found, enforce_file_format=True))


def pcd() -> bytes:
    fields = ("FIELDS x y z intensity", "SIZE 4 4 4 4", "TYPE F F F F", "COUNT 1 1 1 1", "WIDTH 64", "HEIGHT 1")
    return "\n".join(["VERSION .7", *fields, "POINTS 64", "DATA binary\n"]).encode() + POINTS.tobytes()


def ply() -> bytes:
    names = "".join(f"property float {name}\n" for name in ("x", "y", "z", "intensity"))
    return f"ply\nformat binary_little_endian 1.0\nelement vertex 64\n{names}end_header\n".encode() + POINTS.tobytes()


def kitti() -> bytes:
    calib = "P2: 60 0 6 0 0 60 6 0 0 0 1 0\nR0_rect: 1 0 0 0 1 0 0 0 1\nTr_velo_to_cam: 0 -1 0 0 0 0 -1 0 1 0 0 0\n"
    label = "Car 0 0 0 1 1 9 9 1.5 1.6 4.0 1.0 1.5 20.0 0.1\n"
    return packed(
        velodyne__000000_bin=POINTS.tobytes(),
        calib__000000_txt=calib.encode(),
        label_2__000000_txt=label.encode(),
        image_2__000000_png=picture(0),
    )


def drive() -> bytes:
    """Return a folder with ``calibration.json``, as `formats.folder` reads it."""
    camera = {"image": "a.png", "intrinsics": np.eye(3).tolist(), "extrinsics": np.eye(4).tolist()}
    return packed(
        calibration_json=json.dumps({"points": "points.bin", "cameras": {"front": camera}}).encode(),
        points_bin=POINTS.tobytes(),
        a_png=picture(0),
    )


def beat() -> bytes:
    return to_midi(from_rows(np.eye(16, 6, dtype=bool)[np.arange(32) % 16], tempo=96))


def classes(kind: str = "png") -> bytes:
    return packed(**{f"{'ab'[k % 2]}__{k}_{kind}": picture(k, kind) for k in range(8)})


CSV = TABLE.to_csv(index=False).encode()
EDGES = "".join(f"{k},{(k + 1) % 40}\n" for k in range(40)).encode()
PEOPLE = TABLE.assign(id=np.arange(40), sex=np.arange(40) // 2 % 2).to_csv(index=False).encode()
FILES: dict[str, tuple[str, Callable[[], bytes]]] = {
    "t.csv": ("Tables", lambda: CSV),
    "t.csv.gz": ("Tables", lambda: gzip.compress(CSV, mtime=0)),
    "t.parquet": ("Tables", lambda: saved(TABLE.to_parquet)),
    "t.npz": ("Tables", lambda: saved(lambda file: np.savez(file, X=TABLE[["a", "b"]], y=TABLE["b"] % 2))),
    "t.npy": ("Tables", lambda: saved(lambda file: np.save(file, TABLE[["a", "b"]].to_numpy().round()))),
    "g.zip": ("Graphs", lambda: packed(nodes_csv=PEOPLE, edges_csv=EDGES)),
    "i.zip": ("Images", classes),
    "j.zip": ("Images", lambda: classes("jpeg")),
    "t.zip": ("Images", lambda: classes("tiff")),
    "i.npz": ("Images", lambda: saved(lambda file: np.savez_compressed(file, images=GRAY, labels=np.arange(8) % 2))),
    "m.mid": ("Music", beat),
    "m.zip": ("Music", lambda: packed(a_mid=beat(), b_mid=beat())),
    "s.nii": ("Volumes", nifti),
    "s.nii.gz": ("Volumes", lambda: gzip.compress(nifti(), mtime=0)),
    "s.npz": ("Volumes", lambda: saved(lambda file: np.savez(file, image=SCAN, spacing=[1.0, 1, 2]))),
    "d.zip": ("Volumes", lambda: packed(**{f"s__{k}_dcm": dicom(k) for k in range(6)})),
    "n.zip": ("Volumes", lambda: packed(image_nii=nifti())),
    "p.bin": ("Scenes", POINTS.tobytes),
    "p.pcd": ("Scenes", pcd),
    "p.ply": ("Scenes", ply),
    "p.npz": ("Scenes", lambda: saved(lambda file: np.savez(file, points=POINTS))),
    "k.zip": ("Scenes", kitti),
    "c.zip": ("Scenes", drive),
}


def test_each_file_is_read_before_it_is_damaged(tmp_path):
    for name, (modality, make) in FILES.items():
        (tmp_path / name).write_bytes(make())
        assert card(tmp_path / name, modality).facts, name


@pytest.mark.parametrize("name", FILES)
@pytest.mark.filterwarnings("ignore")  # of what the libraries found
def test_a_damaged_file_is_described_or_refused_in_words(name, tmp_path, monkeypatch):
    (tmp_path / "unpacked").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "unpacked"))
    modality, make = FILES[name]
    whole, dice = make(), np.random.default_rng(len(name))
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (in_use() + MEMORY, hard))
    refused = 0
    try:
        for k in range(COUNT):
            path = tmp_path / f"{k}-{name}"
            path.write_bytes(damaged(whole, dice))
            began = time.process_time()
            try:
                assert card(path, modality).modality == modality
            except LabError as error:
                refused += 1
                assert error.cause and "Traceback" not in error.cause
            assert time.process_time() - began < SECONDS, path
            path.unlink()
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    assert refused, "some damage has to be seen"
    gc.collect()  # a volume may hold its unpacked slices as long as it is there
    assert not list((tmp_path / "unpacked").iterdir()), "nothing is left behind"


def in_use() -> int:
    """Return the bytes of address space of this process."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def damaged(whole: bytes, dice: np.random.Generator) -> bytes:
    """Return a file with one damage of several kinds; a file of a zip is often damaged before it is packed."""
    if whole.startswith(b"PK") and dice.random() < 0.6:
        return repacked(whole, dice)
    blob, kind = bytearray(whole), dice.integers(7)
    at = int(dice.integers(len(blob)))
    early = int(dice.integers(min(400, len(blob))))  # where headers are
    if kind == 0:  # flipped bits
        for place in dice.integers(len(blob), size=dice.integers(1, 20)):
            blob[place] ^= 1 << int(dice.integers(8))
    elif kind == 1:  # cut off
        del blob[at:]
    elif kind == 2:  # another file's header
        other = FILES[list(FILES)[int(dice.integers(len(FILES)))]][1]()
        blob[:early] = other[:early]
    elif kind == 3:  # a wrong count
        form = ("<i", ">i", "<q", "<h")[int(dice.integers(4))]
        most = 2 ** (8 * struct.calcsize(form) - 1) - 1
        struct.pack_into(form, blob, min(early, len(blob) - 8), int(dice.choice([-most, -1, 0, 1, 255, most])))
    elif kind == 4:  # zeros
        blob[at : at + 50] = bytes(len(blob[at : at + 50]))
    elif kind == 5:  # twice
        blob[at:at] = blob[at : at + 200]
    else:  # digits of a text
        digits = [k for k, byte in enumerate(blob[:2000]) if 48 <= byte < 58] or [at]
        blob[int(dice.choice(digits))] = int(dice.choice(list(b"0-9eE.,;nN\n \xff\x00")))
    return bytes(blob)


def repacked(whole: bytes, dice: np.random.Generator) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as box, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as other:
        members = box.namelist()
        chosen = members[int(dice.integers(len(members)))]
        for name in members:
            blob = box.read(name)
            other.writestr(name, damaged(blob, dice) if name == chosen and len(blob) > 8 else blob)
    return file.getvalue()
