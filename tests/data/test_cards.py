"""One door for every file: a card, or an error in words; and what archives and arrays claim is not believed."""

from __future__ import annotations

import gzip
import logging
import zipfile
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

import workbench
from workbench.contract.errors import LabError
from workbench.data import npz
from workbench.data.cards import KINDS, card
from workbench.data.catalog import archives
from workbench.data.reader import reader
from workbench.data.volumes.nifti import open_nifti

CASES = Path(__file__).parents[1] / "cases"


def test_workbench_card_describes_a_file_of_any_kind(tmp_path):
    (tmp_path / "t.csv").write_text("a,b,label\n" + "".join(f"{k},{k % 5},{'xy'[k % 2]}\n" for k in range(40)))
    found = workbench.card(tmp_path / "t.csv")
    assert (found.modality, found.facts["Rows"], found.facts["2 classes"]) == ("Tables", "40", "x 20, y 20")
    assert "Rows" in str(found) and len(found.preview) and len(found.sha256) == 64
    with pytest.raises(LabError, match="no file or folder"):
        workbench.card(tmp_path / "nothing.csv")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("claim_points.npz", "claims 100,000,000,000 bytes and has fewer"),
        ("fuzz_00_points.npz", "no NPZ file"),
        ("fuzz_01_gr.zip", "cannot be (read|unpacked)"),
        ("fuzz_03_img.npz", "no NPZ file"),
        ("fuzz_05_dic.zip", "no zip archive"),
    ],
)
@pytest.mark.parametrize("modality", ["", *KINDS])
def test_damaged_files_are_refused_whatever_they_are_taken_for(name, why, modality):
    with pytest.raises(LabError, match="" if modality else why):
        card(CASES / name, modality)


def test_names_with_backslashes_and_in_another_encoding():
    found = card(CASES / "backslash.zip")
    assert found.facts["2 classes"] == "cat 4 + 2, dog 4 + 2"
    found = card(CASES / "gbk.zip")
    assert found.facts["2 classes"] == "狗 4 + 2, 猫 4 + 2"
    assert any("gb18030" in note for note in found.notes)


def test_names_of_the_west_and_in_utf_8_stay(tmp_path):
    for flagged in (True, False):
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as box:
            for name in ("Bär/é.txt", "日本/a.txt") if flagged else ("Bär/é.txt", "Größe/ñ.txt"):
                info = zipfile.ZipInfo(name if flagged else name.encode("utf-8").decode("cp437"))
                box.writestr(info, "x")
        found = archives.names(tmp_path / "a.zip")
        assert found == (["Bär/é.txt", "日本/a.txt"] if flagged else ["Bär/é.txt", "Größe/ñ.txt"])


def test_a_colon_and_a_drive_stay_below_the_folder(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as box:
        for name in ("scan 10:30.txt", "C:\\x\\y.txt", "..\\up.txt", "a\\..\\..\\up.txt", "/root.txt"):
            box.writestr(name, "x")
    place = archives.extract(tmp_path / "a.zip", "", tmp_path / "out")
    found = sorted(str(p.relative_to(place)) for p in place.rglob("*") if p.is_file())
    assert found == ["C_/x/y.txt", "scan 10_30.txt"]
    assert sorted(p.name for p in tmp_path.iterdir() if p.name != "home") == ["a.zip", "out"]


@pytest.mark.parametrize(("size", "limit", "why"), [(600, 900, "nearly empty"), (30, 20, "more than 20 MB")])
def test_an_archive_that_swells_is_refused_before_a_byte_is_written(tmp_path, size, limit, why):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as box, box.open("a.dcm", "w") as file:
        for _ in range(size):
            file.write(bytes(10**6))
    with pytest.raises(LabError, match=why):
        archives.extract(tmp_path / "a.zip", "", tmp_path / "out", limit=limit * 10**6)
    assert not (tmp_path / "out").exists()


def test_arrays_are_measured_by_their_headers(tmp_path):
    path = tmp_path / "a.npz"
    np.savez_compressed(path, X=np.zeros((1000, 1000)), y=np.arange(3), o=np.array([{}], object))
    heads = npz.read_heads(path)
    assert heads["X"].shape == (1000, 1000) and heads["X"].bytes == 8e6
    with pytest.raises(LabError, match="more than 1 MB"):
        npz.read_arrays(path, 10**6, ["X"])
    with pytest.raises(LabError, match="Python objects"):
        npz.read_arrays(path, 10**8)
    assert list(npz.read_arrays(path, 10**6, ["y", "z"])) == ["y"]


def test_whatever_a_parser_raises_becomes_words_and_its_traceback_is_logged(caplog):
    @reader
    def read(path: Path, problem: Exception) -> None:
        raise problem

    with caplog.at_level(logging.INFO):
        for problem, why in (
            (KeyError("x"), "a.b cannot be read: 'x'"),
            (MemoryError(), "does not fit into memory"),
            (RecursionError("deep"), "cannot be read: deep"),
            (PermissionError(13, "Permission denied"), "Permission denied"),
        ):
            with pytest.raises(LabError, match=why):
                read(Path("/x/a.b"), problem)
    assert "KeyError" in caplog.text
    known = LabError("Known.", "Hint.")
    with pytest.raises(LabError) as caught:
        read(Path("a.b"), known)
    assert caught.value is known


def test_a_nearly_empty_scan_is_refused_at_once_and_an_empty_mask_is_read(tmp_path):
    header = nib.Nifti1Image(np.zeros((1, 1, 1), np.int16), np.eye(4)).header
    header.set_data_shape((512, 512, 400))
    with gzip.open(tmp_path / "a.nii.gz", "wb", 9) as file:
        file.write(header.binaryblock + bytes(4))
        for _ in range(200):
            file.write(bytes(2**20))
    with pytest.raises(LabError, match="nearly empty"):
        card(tmp_path / "a.nii.gz")
    assert open_nifti(tmp_path / "a.nii.gz").shape == (512, 512, 400)


def test_single_letters_beyond_ascii_are_western(tmp_path):
    raw = "Äpfel/0.png".encode("cp1252")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as box:
        box.writestr("AAAAA/0.png".ljust(len(raw), "A"), "x")
    blob = (tmp_path / "a.zip").read_bytes().replace(b"AAAAA/0.png", raw)
    (tmp_path / "a.zip").write_bytes(blob)
    assert archives.names(tmp_path / "a.zip") == ["Äpfel/0.png"]
