"""BIN files have no header: the number of columns is found by the values, told, or refused as ambiguous."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from workbench.contract.errors import LabError
from workbench.data.scenes.card import scene_card
from workbench.data.scenes.formats.points import read_points
from workbench.data.scenes.own import open_scene

CASES = Path(__file__).parents[2] / "cases"
N = 1260  # points: rows of any width are whole rows of any other
rng = np.random.default_rng(0)
XYZ = np.c_[rng.uniform(-40, 40, (N, 2)), rng.uniform(-2, 2, N)]
INTENSITY, RING, TIME = rng.uniform(0, 1, N), np.arange(N) % 32, np.linspace(0, 0.1, N)
FIVE = np.c_[XYZ, INTENSITY, RING]
WORDS = "its rows were taken for {} float32 numbers: x, y, z"
KINDS = {
    "3": (XYZ, ""),
    "4": (np.c_[XYZ, INTENSITY], ", intensity"),
    "5": (FIVE, ", intensity, ring"),
    "5 with time": (np.c_[XYZ, INTENSITY, TIME], ", intensity, time (not used)"),
    "6": (np.c_[FIVE, TIME], ", intensity, ring, time (not used)"),
    "6, ring last": (np.c_[XYZ, INTENSITY, TIME, RING], ", intensity, time (not used), ring"),
    "7": (np.c_[FIVE, TIME, 1e5 * INTENSITY], ", intensity, ring, time (not used), another (not used)"),
}


def written(tmp_path: Path, rows: np.ndarray) -> Path:
    rows.astype(np.float32).tofile(tmp_path / "a.bin")
    return tmp_path / "a.bin"


@pytest.mark.parametrize("name", KINDS)
def test_the_columns_are_found_and_told(name, tmp_path):
    rows, words = KINDS[name]
    points, rings, told = read_points(written(tmp_path, rows))
    np.testing.assert_allclose(points[:, :3], XYZ, rtol=1e-6)
    np.testing.assert_allclose(points[:, 3], INTENSITY if "intensity" in words else 0, rtol=1e-6)
    assert (rings == (RING if "ring" in words else -1)).all()
    assert told == WORDS.format(rows.shape[1]) + words


def test_a_file_of_500_points_with_time_is_not_one_of_625():
    card = scene_card(CASES / "time5.bin")
    expected = np.fromfile(CASES / "time5.bin", "<f4").reshape(500, 5)
    assert card.points == 500 and np.array_equal(open_scene(CASES / "time5.bin").points[:, :4], expected[:, :4])
    assert card.notes == (WORDS.format(5) + ", intensity, time (not used)",)


def test_few_points_are_ambiguous_until_a_calibration_json_says_the_columns(tmp_path):
    with pytest.raises(LabError, match="ambiguous: its 12 float32 numbers may be rows of 3, 4") as caught:
        open_scene(written(tmp_path, KINDS["4"][0][:3]))
    assert "calibration.json" in caught.value.hint
    for columns, count in ((3, 4), (4, 3)):
        (tmp_path / "calibration.json").write_text(json.dumps({"points": "a.bin", "columns": columns}))
        assert len(open_scene(tmp_path).points) == count
    for columns in (2, "five", 4.5, 1000):
        (tmp_path / "calibration.json").write_text(json.dumps({"points": "a.bin", "columns": columns}))
        with pytest.raises(LabError, match="calibration.json says .* columns"):
            open_scene(tmp_path)


def test_said_columns_count_whatever_the_values_look_like(tmp_path):
    eight = np.c_[FIVE, XYZ]
    points, rings, told = read_points(written(tmp_path, eight), columns=8)
    np.testing.assert_allclose(points[:, :4], FIVE[:, :4], rtol=1e-6)
    assert (rings == RING).all() and told == ""
    assert len(read_points(written(tmp_path, FIVE), columns=4)[0]) == N * 5 // 4


def test_an_intensity_in_decibels_is_negative(tmp_path):
    points, _, told = read_points(written(tmp_path, np.c_[XYZ, -60 * INTENSITY]))
    np.testing.assert_allclose(points[:, :3], XYZ, rtol=1e-6)
    assert (np.diff(points[np.argsort(INTENSITY), 3]) <= 0).all() and np.ptp(points[:, 3]) > 0.9
    assert "negative" in told


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        (FIVE.ravel()[:-4], "repeats every 5 float32 numbers, but 6,296 are no whole rows"),
        (np.full((40, 4), np.nan), "None of the 160 numbers"),
        (np.zeros((40, 4)), "no rows of 3, 4, 5, 6 or 7 float32 numbers"),
    ],
    ids=["cut off", "not finite", "zeros"],
)
def test_what_fits_no_number_of_columns_is_refused(rows, why, tmp_path):
    with pytest.raises(LabError, match=why) as caught:
        read_points(written(tmp_path, rows))
    assert caught.value.hint


def test_the_usual_columns_of_a_layout_are_taken_unless_the_values_say_otherwise(tmp_path):
    assert read_points(written(tmp_path, KINDS["4"][0][:3]), usual=4)[0].shape == (3, 5)
    assert read_points(written(tmp_path, KINDS["4"][0]), usual=4)[2] == ""
    points, rings, told = read_points(written(tmp_path, FIVE), usual=4)
    assert len(points) == N and (rings == RING).all() and told == WORDS.format(5) + ", intensity, ring"
