"""Sources of grooves: bundled, from the catalog, the user's own; splits, and what is refused."""

from __future__ import annotations

import os
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from workbench.contract.errors import LabError
from workbench.data.music.groove import Groove, from_rows
from workbench.data.music.midi import to_midi
from workbench.data.music.named import cut
from workbench.labs.drums.common.drumroll import Rules, to_prompt_completion, to_text
from workbench.labs.drums.method import data
from workbench.toolkit.memory import MemoryContext

SHARED = Path(os.environ.get("WORKBENCH_DATA_MIRROR") or Path(__file__).parents[4] / "shared" / "data")


def groove(bars: int = 20, seed: int = 0, **more) -> Groove:
    return from_rows(np.random.default_rng(seed).random((16 * bars, 6)) < 0.3, **more)


def own(path: Path) -> data.Grooves:
    return data.load(f"file:{path}", MemoryContext())


def test_the_bundled_grooves_are_the_paper_s_split():
    found = data.load("bundled", MemoryContext())
    assert (len(found.train), len(found.dev), len(found.test)) == (373, 47, 37)
    assert "6 grooves" in found.notes[0]
    assert sum(to_prompt_completion(data.encode(g)) is not None for g in found.train) == 372
    assert len({g.name for g in found.all}) == 457 and all("/" in g.style or g.style for g in found.all)
    assert sum(len(g) for g in found.all) == 106_823


def test_other_rules_keep_the_other_meters():
    assert len(data.load("bundled", MemoryContext(), Rules(quarters_only=False)).all) == 463


@pytest.mark.skipif(not (SHARED / "drums" / "groove").is_dir(), reason="data: the Groove MIDI Dataset is not here")
def test_the_whole_data_set_and_the_bundled_grooves_give_the_same_text(monkeypatch):
    monkeypatch.setenv("WORKBENCH_DATA_MIRROR", str(SHARED))
    whole, small = data.load("groove", MemoryContext()), data.load("bundled", MemoryContext())
    for name in ("train", "dev", "test"):
        ours, theirs = getattr(small, name), getattr(whole, name)
        assert [g.name for g in ours] == [g.name for g in theirs]
        assert all(a == cut(b, 0, 16) for a, b in zip(ours, theirs, strict=True))
        assert all(to_text(a) == to_text(b) for a, b in zip(ours, theirs, strict=True))


def test_a_folder_that_is_not_the_data_set_is_refused(tmp_path):
    with pytest.raises(LabError, match="not the Groove MIDI Dataset"):
        data.read_groove(tmp_path)
    (tmp_path / "info.csv").write_text("a,b\n1,2\n")
    with pytest.raises(LabError, match="not the Groove MIDI Dataset"):
        data.read_groove(tmp_path)


# Freedoom -----------------------------------------------------------------------------------------------------------


def wad(**lumps: bytes) -> bytes:
    body, directory = b"", b""
    for name, blob in lumps.items():
        directory += struct.pack("<ii8s", 12 + len(body), len(blob), name.encode())
        body += blob
    return b"IWAD" + struct.pack("<ii", len(lumps), 12 + len(body)) + body + directory


def test_songs_of_a_wad_are_cut_into_pieces_and_shared_songs_counted_once(tmp_path):
    songs = {f"D_SONG{k:02}": to_midi(groove(40, k)) for k in range(20)}
    (tmp_path / "a.wad").write_bytes(wad(MAP01=b"no song", D_OLD=b"MUS\x1a old", **songs))
    (tmp_path / "b.wad").write_bytes(wad(D_AGAIN=songs["D_SONG03"]))
    found = data.read_freedoom(tmp_path)
    assert "20 different songs" in found.notes[0] and "1 without" in found.notes[0]
    assert (len(found.train), len(found.dev), len(found.test)) == (32, 4, 4)  # of 40 bars: two pieces of 16
    parts = [{g.name.split(" bar")[0] for g in part} for part in (found.train, found.dev, found.test)]
    assert not (parts[0] & parts[1] or parts[0] & parts[2] or parts[1] & parts[2])


@pytest.mark.parametrize(
    ("blob", "words"), [(b"", "no WAD"), (b"PK\3\4" * 9, "no WAD"), (b"IWAD\1\0\0\0\xff\0\0\0", "cut off")]
)
def test_a_damaged_wad_is_refused(tmp_path, blob, words):
    (tmp_path / "a.wad").write_bytes(blob)
    with pytest.raises(LabError, match=words):
        data.read_freedoom(tmp_path)


# own files ----------------------------------------------------------------------------------------------------------


def test_one_own_file_is_cut_into_prompts(tmp_path):
    (tmp_path / "mine.mid").write_bytes(to_midi(groove(40, name="mine")))
    found = own(tmp_path / "mine.mid")
    assert [g.name for g in found.test] == ["mine bar 1", "mine bar 17"] and not found.train
    assert "too few" in found.notes[0]


def test_a_folder_is_split_by_file_and_tells_which_files_it_left_out(tmp_path):
    for k in range(20):
        (tmp_path / f"{k:02}.mid").write_bytes(to_midi(groove(16, k, name=f"{k:02}")))
    (tmp_path / "broken.MID").write_bytes(b"MThd")
    (tmp_path / "notes.txt").write_text("not music")
    found = own(tmp_path)
    assert (len(found.train), len(found.dev), len(found.test)) == (16, 2, 2)
    assert any("broken.MID" in note for note in found.notes)


def test_a_zip_archive_is_read_and_never_leaves_its_folder(tmp_path):
    path = tmp_path / "mine.zip"
    with zipfile.ZipFile(path, "w") as box:
        box.writestr("../../outside.mid", to_midi(groove(name="outside")))
        box.writestr("album/inside.MID", to_midi(groove(name="inside")))
        box.writestr("album/readme.txt", "hello")
    found = own(path)
    assert {g.name for g in found.test} == {"inside bar 1"}
    assert not list(tmp_path.parent.glob("outside.mid"))


def test_a_swelling_archive_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("workbench.data.music.own.MAX_UNPACKED", 100_000)
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as box:
        box.writestr("bomb.mid", bytes(1_000_000))
    with pytest.raises(LabError, match="more than"):
        own(path)


def test_a_song_that_starts_late_is_cut_from_its_first_bar():
    rows = np.zeros((16 * 30, 6), bool)
    rows[16 * 10 :: 4, 3] = True
    assert [g.name for g in data.pieces(from_rows(rows, name="late"))] == ["late bar 11"]


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "no MIDI file"),
        ({"a.mid": b"MThd", "b.mid": b""}, "None of 2 MIDI files"),
        ({"a.mid": to_midi(from_rows(np.ones((96, 6)), meter=(6, 8)))}, "no usable groove"),
    ],
)
def test_a_folder_without_a_usable_groove_is_refused(tmp_path, files, words):
    for name, blob in files.items():
        (tmp_path / name).write_bytes(blob)
    with pytest.raises(LabError, match=words):
        own(tmp_path)


def test_unknown_sources_are_refused():
    with pytest.raises(LabError, match="no source 'drums'"):
        data.load("drums", MemoryContext())
    with pytest.raises(LabError, match="no file or folder"):
        own(Path("/nowhere/x.mid"))
