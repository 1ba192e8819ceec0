"""Labels in KITTI's layout: every class is kept, and a line that is none is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from workbench.contract.errors import LabError
from workbench.data.scenes.card import scene_card
from workbench.data.scenes.formats.nuscenes import CLASSES
from workbench.data.scenes.own import open_scene

CASES = Path(__file__).parents[2] / "cases"
EYE = "1 0 0 0 0 1 0 0 0 0 1 0"
LABEL = "Car 0.00 0 -1.57 100 40 140 60 1.5 1.6 3.9 1 1.6 15.0 0.0"


def with_labels(tmp_path: Path, text: str | bytes) -> Path:
    for name in ("velodyne", "calib", "label_2"):
        (tmp_path / name).mkdir(exist_ok=True)
    np.random.default_rng(0).uniform(0, 1, (50, 4)).astype(np.float32).tofile(tmp_path / "velodyne" / "7.bin")
    (tmp_path / "calib" / "7.txt").write_text(f"P2: {EYE}\nR0_rect: 1 0 0 0 1 0 0 0 1\nTr_velo_to_cam: {EYE}")
    (tmp_path / "label_2" / "7.txt").write_bytes(text.encode() if isinstance(text, str) else text)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "counts", "other"),
    [
        ("kitti_k_custom", {"Bus": 1, "Car": 1, "Cone": 1, "Motorcycle": 1}, "Cone 1"),
        ("kitti_k_lower", {"Car": 1, "car": 1, "pedestrian": 1}, ""),
    ],
)
def test_classes_of_any_name_are_kept_and_those_of_no_use_named(name, counts, other):
    card = scene_card(CASES / f"{name}.zip")
    assert card.boxes == counts
    told = [text for text in card.warnings if "cmt" in text]
    assert told == ([f"The lab cmt leaves out boxes of classes that nuScenes does not have: {other}."] if other else [])


def test_boxes_lie_where_their_line_says():
    found = open_scene(CASES / "kitti_k_custom.zip").boxes
    assert list(found.names) == ["Bus", "Motorcycle", "Car", "Cone"]
    assert found.size.tolist() == [[3.9, 1.6, 1.5]] * 4  # length, width, height
    assert found.index_in(CLASSES).tolist() == [CLASSES.index("bus"), CLASSES.index("motorcycle"), 0, -1]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (f"{LABEL}\n{LABEL.replace(' ', ',')}", "line 2: a label has 15 columns, this line has commas between them"),
        (f"{LABEL}\n\n{LABEL.rsplit(' ', 1)[0]}", "line 3: a label has 15 columns, this line has 14"),
        (f"0 7 {LABEL}", "line 1: a label has 15 columns, this line has 17"),
        (LABEL.replace("Car", "traffic cone"), "line 1: could not convert string to float: 'cone'"),
        (LABEL.replace("3.9", "3,9"), "line 1: could not convert string to float: '3,9'"),
    ],
)
def test_a_line_that_is_no_label_is_named(text, why, tmp_path):
    with pytest.raises(LabError, match=f"7.txt is no label file of KITTI: {why}"):
        open_scene(with_labels(tmp_path, text))


def test_regions_scores_and_foreign_letters(tmp_path):
    lines = [LABEL.replace("Car", "DONTCARE"), f"{LABEL} 0.93", LABEL.replace("Car", "Fußgänger")]
    found = open_scene(with_labels(tmp_path, b"\xef\xbb\xbf" + "\r\n".join(lines).encode()))
    assert list(found.boxes.names) == ["Car", "Fußgänger"] and len(found.boxes) == 2
    latin = with_labels(tmp_path, LABEL.replace("Car", "Fußgänger").encode("latin-1"))
    assert len(open_scene(latin).boxes) == 1
