"""The volumes of the catalog: which come along, which organs they hold, and that left is left in all of them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from workbench.contract.errors import LabError
from workbench.data.catalog.catalog import get_entry, resolve
from workbench.data.catalog.sources import BUNDLED as FOLDER
from workbench.data.volumes import named as named_volumes
from workbench.data.volumes.named import SETS, open_set
from workbench.data.volumes.organs import AMOS, amos_number, colors, to_amos
from workbench.data.volumes.volume import Labels, count_voxels, matches

SHARED = Path(os.environ.get("WORKBENCH_DATA_MIRROR") or Path(__file__).parents[4] / "shared" / "data").resolve()
BUNDLED = ("abdomen_ct", "abdomen_ct_small", "abdomen_mr")
CACHE = get_entry("thorax_ct").place.parent  # the user's, before the tests take a home of their own


def here(name: str) -> bool:
    return name in BUNDLED or (name.startswith("total") and (SHARED / "medical").exists())


@pytest.mark.parametrize("name", [name for name in SETS if here(name)])
def test_a_set_is_a_scan_with_a_mask_on_its_grid(name, monkeypatch):
    monkeypatch.setenv("WORKBENCH_DATA_MIRROR", str(SHARED))
    volume, labels = open_set(name)
    assert volume.name == name and volume.modality in ("CT", "MR") and volume.voxels.dtype == np.int16
    assert volume.modality == ("MR" if "mr" in name else "CT") and volume.spacing == (3, 3, 3)
    assert (volume.voxels.min() < -900) == (volume.modality == "CT")
    if labels is not None:
        assert matches(volume, labels) == "" and set(count_voxels(labels.voxels)) == set(labels.names)
        assert labels.note.startswith("pseudo-labels")


@pytest.mark.parametrize("name", BUNDLED)
def test_what_comes_along_needs_no_download_and_is_in_the_numbers_of_amos(name, monkeypatch):
    monkeypatch.delenv("WORKBENCH_DATA_MIRROR", raising=False)
    assert get_entry(SETS[name].entry).state == "here"
    used = []
    volume, labels = open_set(name, lambda entry: used.append(entry) or resolve(entry)[0])
    assert used == [name] and set(labels.names) < set(AMOS)


@pytest.mark.parametrize("name", BUNDLED)
def test_left_is_left_and_up_is_up(name):
    volume, labels = open_set(name)
    assert len(labels.names) == 12 and all(labels.names[k] == AMOS[k] for k in labels.names)
    middle = {k: np.argwhere(labels.voxels == k).mean(0) for k in labels.names}
    right, left = middle[2], middle[3]  # kidneys
    assert right[0] > left[0] and middle[6][0] > middle[1][0]  # liver right of the spleen
    assert middle[11][0] > middle[12][0] and middle[11][2] > middle[2][2] - 3  # adrenal glands, above the kidneys
    assert middle[10][1] > middle[8][1]  # the pancreas lies in front of the aorta
    assert middle[9][0] > middle[8][0]  # the inferior vena cava right of the aorta


def test_organs_of_the_contrast_ct_are_as_bright_as_organs():
    volume, labels = open_set("abdomen_ct")
    inside = {name: volume.voxels[labels.voxels == k].mean() for k, name in labels.names.items()}
    assert all(20 < inside[organ] < 200 for organ in ("liver", "spleen", "pancreas", "right kidney"))  # HU
    assert inside["aorta"] > inside["liver"]  # contrast, soon after it was given


def test_the_bundle_is_small_and_every_entry_exists():
    folders = [path for path in FOLDER.iterdir() if path.is_dir() and path.name != "graphs"]
    assert sum(path.stat().st_size for folder in folders for path in folder.rglob("*") if path.is_file()) < 1_500_000
    assert {path.name for path in folders} == set(BUNDLED)
    assert all(get_entry(chosen.entry).modality == "Volumes" for chosen in SETS.values())


def test_an_unknown_set_names_those_there_are():
    with pytest.raises(LabError, match="There are abdomen_ct, abdomen_ct_small"):
        open_set("nothing")


def test_amos22_is_never_fetched_by_itself(monkeypatch):
    monkeypatch.setattr(named_volumes.cache, "workshop", lambda *_: pytest.fail("it began a download"))
    with pytest.raises(
        LabError, match=r"AMOS22 \(24,200 MB\) is not on this machine.*in conflict: CC BY 4.0"
    ) as caught:
        named_volumes.amos_tree()
    assert "workbench data fetch amos22" in caught.value.hint


# organs --------------------------------------------------------------------------------------------------------------


def test_masks_are_brought_to_the_numbers_of_amos_by_name():
    names = {5: "liver", 63: "inferior_vena_cava", 3: "kidney left", 90: "brain", 300: "Postcava"}
    voxels = np.array([0, 5, 63, 3, 90, 300], np.uint16).reshape(1, 2, 3)
    found = to_amos(Labels(voxels, np.eye(4), names))
    assert found.voxels.ravel().tolist() == [0, 6, 9, 3, 0, 9] and found.voxels.dtype == np.uint8
    assert found.names == {3: "left kidney", 6: "liver", 9: "inferior vena cava"}


def test_all_organs_of_amos_are_known_by_their_own_names():
    assert [amos_number(name) for name in AMOS.values()] == list(AMOS)
    assert amos_number("oesophagus") == 5 and amos_number("heart") == 0


def test_colors_stay_and_stay_apart():
    all_of_them = colors(range(1, 118))
    assert colors([6])[6] == all_of_them[6] and len(set(all_of_them.values())) == 117
    rgb = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in colors(AMOS).values()], float)
    apart = np.linalg.norm(rgb[:, None] - rgb[None], axis=-1) + 999 * np.eye(len(rgb))
    assert apart.min() > 30


# the whole ones, where they were fetched -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "shape", "count"),
    [
        ("thorax_ct", (512, 512, 133), 89),
        ("mni_brain", (197, 233, 189), 2),
        ("head_ct", (256, 256, 108), 2),
        ("brain_series", (256, 256, 20), 0),
    ],
)
def test_the_sets_of_packages_where_they_are_here(name, shape, count):
    entry = get_entry(SETS[name].entry)
    path = CACHE / entry.name / entry.file
    if not path.exists():
        pytest.skip(f"data: {name} was not fetched on this machine")
    volume, labels = open_set(name, lambda _: path)
    assert volume.shape == shape and len(labels.names if labels else ()) == count
    if name == "thorax_ct":
        organs = to_amos(labels)
        assert len(organs.names) == 12 and np.argwhere(organs.voxels == 6)[:, 0].mean() > 256
    if labels is not None:
        assert labels.note
