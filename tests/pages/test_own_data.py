"""Own files dropped on a lab's page: each modality takes its kind, and the card says what is inside."""

from __future__ import annotations

import asyncio
import io
import shutil
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from workbench.data.catalog.sources import BUNDLED
from workbench.data.music.groove import from_rows
from workbench.data.music.midi import to_midi
from workbench.data.music.named import groove_card
from workbench.data.volumes.card import VolumeCard
from workbench.pages.lab.own_data import OwnDataInput, groove_html
from workbench.pages.lab.volume_card import volume_html


def beat(bars: int = 20) -> bytes:
    return to_midi(from_rows(np.eye(16, 6, dtype=bool)[np.arange(16 * bars) % 16], tempo=96))


def drop(modality: str, name: str, blob: bytes) -> tuple[list[str], str]:
    """Drop a file and return the paths that were handed on, and what the card says."""
    chosen: list[str] = []
    button = OwnDataInput(modality, chosen.append)
    button._button.filename = name
    with ThreadPoolExecutor(1) as other:  # Playwright, once used, has an event loop of its own in this thread
        other.submit(asyncio.run, button._dropped(SimpleNamespace(new=blob))).result()
    return chosen, button._card.object


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))


def test_a_midi_file_dropped_on_a_lab_of_music_is_kept_and_described():
    chosen, card = drop("Music", "../mine.mid", beat())
    assert chosen[0].endswith("/mine.mid")
    for words in ("mine.mid", "4/4<", "96 beats a minute", "20: 1 different, 0 silent"):
        assert words in card


def test_a_table_is_no_music_and_music_is_no_table():
    for modality, name, blob in (("Music", "a.csv", b"x,y\n1,2\n"), ("Tables and images", "a.mid", beat())):
        chosen, card = drop(modality, name, blob)
        assert chosen == [""] and "cannot be used here" in card


def people(**names: str) -> bytes:
    """Return a zip with forty people of two groups in a ring."""
    names = {"hired": "label", "sex": "gender"} | names
    rows = [f"{k},{k % 2},{'fm'[k % 3 == 0]}" for k in range(60)]
    place = io.BytesIO()
    with zipfile.ZipFile(place, "w") as box:
        box.writestr("my/nodes.csv", "\n".join([f"age,{names['hired']},{names['sex']}", *rows]))
        box.writestr("my/edges.csv", "\n".join(["from,to", *(f"{k},{(k + 1) % 60}" for k in range(60))]))
    return place.getvalue()


def test_a_graph_dropped_on_a_lab_of_graphs_is_kept_and_described():
    chosen, card = drop("Graphs", "people.zip", people())
    assert chosen[0].endswith("/people.zip")
    for words in ("60 undirected", "gender = 1", "by chance", "60 labeled nodes"):
        assert words in card
    chosen, card = drop("Graphs", "people.zip", people(sex="q7"))  # its columns are named in the form
    assert chosen[0].endswith("/people.zip") and "No sensitive column is named" in card
    chosen, card = drop("Graphs", "people.zip", people()[:-40])
    assert chosen == [""] and "no whole zip" in card


def test_a_damaged_midi_file_is_explained_and_nothing_is_chosen():
    chosen, card = drop("Music", "bad.mid", beat()[:-20])
    assert chosen == [""] and "bytes are missing" in card


def test_a_table_still_gets_its_card():
    chosen, card = drop("Tables and images", "t.csv", b"x,y\n" + b"1,a\n2,b\n" * 6)
    assert chosen[0].endswith("/t.csv") and "2 classes" in card


def test_meters_and_styles_are_counted_the_most_frequent_first():
    steps = np.eye(6, dtype=bool)
    many = [from_rows(steps, meter=(n, 4), style=f"style{n}/x") for n in range(2, 10)] + [
        from_rows(steps, style="style4")
    ]
    shown = groove_html(groove_card(many), "many", ())
    assert "4/4 (2), 2/4 (1)" in shown and "and 2 more" in shown and "style4 (2)" in shown
    assert "Styles" not in groove_html(groove_card([from_rows(steps)]), "one", ())


def test_names_and_notes_in_the_card_are_text_and_no_markup():
    card = groove_card([from_rows(np.eye(6, dtype=bool))])
    shown = groove_html(card, "<script>", ("<b>broken</b>.mid is cut off",))
    assert "<script>" not in shown and "<b>broken" not in shown and "&lt;script&gt;" in shown


# scans ---------------------------------------------------------------------------------------------------------


def test_a_scan_dropped_on_a_lab_of_volumes_is_kept_and_described():
    blob = (BUNDLED / "abdomen_ct" / "image.nii.gz").read_bytes()
    chosen, card = drop("Volumes", "patient.nii.gz", blob)
    assert chosen[0].endswith("/patient.nii.gz")
    for words in ("109 × 91 × 57", "3 × 3 × 3 mm", "RAS in the file", "CT, guessed from the values", "data:image/png"):
        assert words in card


def test_a_zip_with_a_mask_names_its_organs(tmp_path):
    archive = shutil.make_archive(str(tmp_path / "both"), "zip", BUNDLED / "abdomen_mr")
    chosen, card = drop("Volumes", "both.zip", Path(archive).read_bytes())
    assert chosen != [""] and "12 organs" in card and "liver 499 mL" in card


def test_a_bad_scan_is_explained_and_nothing_is_chosen():
    whole = (BUNDLED / "abdomen_ct" / "image.nii.gz").read_bytes()
    for name, blob, why in (
        ("cut.nii.gz", whole[: len(whole) // 2], "damaged"),
        ("text.nii", b"hello" * 100, "no NIfTI file"),
        ("a.csv", b"x,y\n1,2\n", "cannot be used here"),
        ("a.zip", b"hello", "no zip archive"),
        ("a.npz", b"hello", "no NPZ file"),
    ):
        chosen, card = drop("Volumes", name, blob)
        assert chosen == [""] and why in card and "Traceback" not in card


def test_names_of_files_and_organs_cannot_carry_html():
    card = VolumeCard("<b>x", (9, 9, 9), (1, 1, 1), "RAS", 0, 0, 1, (0, 1), "", True, {"<i>liver": 1.0}, "0" * 64)
    shown = volume_html(replace(card, slices=(np.zeros((9, 9), np.uint8),) * 3, notes=("<u>note",)))
    assert "<b>x" not in shown and "<i>liver" not in shown and "<u>note" not in shown


def test_a_point_cloud_or_an_npz_dropped_on_a_lab_of_scenes_is_described(tmp_path):
    from workbench.data.scenes.arrays import write_npz
    from workbench.data.scenes.simulated import Recipe, sim_scene

    write_npz(tmp_path / "a.npz", sim_scene(Recipe(height=32, width=80, fine=1), "train", 0))
    chosen, card = drop("Scenes", "mine.npz", (tmp_path / "a.npz").read_bytes())
    assert chosen[0].endswith("/mine.npz")
    for words in (
        "train-00000",
        "of 32 beams",
        "6, 80 × 32 pixels",
        "SIMULATED",
        'alt="CAM_FRONT"',
        'alt="From above"',
    ):
        assert words in card
    cloud = np.random.default_rng(0).uniform(-20, 20, (5000, 4)).astype(np.float32)
    cloud[:, 3] = 0.5
    chosen, card = drop("Scenes", "mine.bin", cloud.tobytes())
    assert chosen[0].endswith("/mine.bin") and "5,000" in card and "There is no camera" in card
    chosen, card = drop("Scenes", "mine.bin", cloud.tobytes()[:-3])
    assert chosen == [""] and "no rows of 3, 4, 5, 6 or 7 float32 numbers" in card


# images --------------------------------------------------------------------------------------------------------


def pictures(names: tuple[str, ...] = ("ant", "<b>cat"), n: int = 6) -> bytes:
    """Return an NPZ file with n images a class."""
    place = io.BytesIO()
    images = np.random.default_rng(0).integers(0, 256, (n * len(names), 9, 9), dtype=np.uint8)
    np.savez(place, images=images, labels=np.array(names * n))
    return place.getvalue()


def test_images_dropped_on_a_lab_of_images_are_kept_and_described():
    chosen, card = drop("Images", "mine.npz", pictures())
    assert chosen[0].endswith("/mine.npz")
    for words in ("mine.npz", "8 for training, 4 for testing", "9 × 9 pixels, gray", "ant 4 + 2", "data:image/png"):
        assert words in card
    assert "&lt;b&gt;cat" in card and "<b>cat" not in card
    assert sha256(pictures()).hexdigest()[:12] in card


def test_bad_images_are_explained_and_nothing_is_chosen():
    for name, blob, why in (
        ("a.npz", pictures(("ant",)), "one class only: ant"),
        ("a.npz", b"hello", "no whole npz file"),
        ("a.zip", pictures(), "no folders in it"),
        ("a.png", b"hello", "cannot be used here"),
    ):
        chosen, card = drop("Images", name, blob)
        assert chosen == [""] and why in card and "could not be read" not in card
