"""The detection metric: the devkit's numbers on random and adversarial inputs, and right where one can see it."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from workbench.contract.errors import LabError
from workbench.data.scenes.geometry import inverse, rigid, turn_z, turned
from workbench.data.scenes.scene import Boxes, Scene, boxes, no_boxes
from workbench.toolkit.detection.counting import MOST, counted, evaluate_scenes
from workbench.toolkit.detection.matching import match
from workbench.toolkit.detection.nds import ERRORS, THRESHOLDS, evaluate, summarize

HERE = Path(__file__).parent
spec = importlib.util.spec_from_file_location("detection_cases", HERE / "cases.py")
cases = importlib.util.module_from_spec(spec)
spec.loader.exec_module(cases)
DEVKIT = json.loads((HERE / "devkit.json").read_text())
LIDAR = rigid(turn_z(0.0), np.array([0.9, 0, 1.8]))  # where the sensor sits on the vehicle


def as_boxes(table: dict, scenes: int) -> list[Boxes]:
    words = np.array(cases.ATTRIBUTES, dtype=object)
    made = boxes(
        table["xyz"], table["lwh"], table["yaw"], table["label"], cases.CLASSES, velocity=table["velocity"],
        attribute=words[table["attribute"]], points=table.get("points"), score=table.get("score"),
    )  # fmt: skip
    return [made.take(table["scene"] == k) for k in range(scenes)]


def prepared(name: str) -> tuple[list[Boxes], list[Boxes]]:
    case = cases.CASES[name]()
    assert cases.digest(case) == DEVKIT["cases"][name]["inputs"], "NumPy draws other numbers: make devkit.json anew"
    scenes = 1 + max([int(t["scene"].max()) for t in case if len(t["scene"])], default=0)
    told = cases.racks()
    racks = boxes(told["xyz"], told["lwh"], told["yaw"], [0, 0, 0], ["static_object.bicycle_rack"])
    truth, found = (as_boxes(t, scenes) for t in case)
    return (
        [b.take(counted(b, np.zeros(2), True, racks)) for b in truth],
        [b.take(counted(b, np.zeros(2), False, racks)) for b in found],
    )


@pytest.mark.parametrize("name", cases.CASES)
def test_every_number_is_the_devkit_s(name):
    want, got = DEVKIT["cases"][name], evaluate(*prepared(name), cases.CLASSES)
    np.testing.assert_allclose(got.ap, want["ap"], atol=1e-12)
    np.testing.assert_allclose(got.errors, np.array(want["errors"], float), atol=1e-9)
    np.testing.assert_allclose([got.tp_errors[e] for e in ERRORS], np.array(want["tp_errors"], float), atol=1e-9)
    assert got.map == pytest.approx(want["map"], abs=1e-12) and got.nds == pytest.approx(want["nds"], abs=1e-10)


def test_the_cases_are_worth_it():
    """They reach every branch: numbers between 0 and 1, classes without errors, errors of exactly 1."""
    assert len(DEVKIT["cases"]) == len(cases.CASES) >= 20 and DEVKIT["recipe"]["devkit"] == "1.2.0"
    maps = [c["map"] for c in DEVKIT["cases"].values()]
    assert sum(0.05 < m < 0.95 for m in maps) >= 10 and 0.0 in maps
    assert max(c["nds"] for c in DEVKIT["cases"].values()) > 0.6


def walk(truth, found, score, threshold):
    """The greedy rule as it is told: one prediction after the other."""
    taken, result = set(), np.full(len(score), -1)
    for p in sorted(range(len(score)), key=lambda i: (score[i], i), reverse=True):
        best, at = np.inf, None
        for t in range(len(truth[0])):
            if truth[0][t] == found[0][p] and t not in taken:
                d = np.hypot(*(truth[1][t] - found[1][p]))
                if d < best:
                    best, at = d, t
        if best < threshold:
            taken.add(at)
            result[p] = at
    return result


@pytest.mark.parametrize("seed", range(20))
def test_matching_all_at_once_is_matching_one_by_one(seed):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, 25), rng.uniform(0, 6, (25, 2))
    found = rng.integers(0, 3, 80), rng.uniform(0, 6, (80, 2))
    if seed % 2:
        truth, found = ((s, np.rint(xy * 2) / 2) for s, xy in (truth, found))
    score = rng.integers(0, 8, 80) / 8 if seed % 3 else rng.random(80)
    got = match(truth, found, score, THRESHOLDS)
    for k, threshold in enumerate(THRESHOLDS):
        assert got[:, k].tolist() == walk(truth, found, score, threshold).tolist()


def one(**changes) -> Boxes:
    given = {"center": [[10, 0, 0]], "size": [[4, 2, 1.5]], "yaw": [0.2], "velocity": [[3, 0]], "attribute": ["a"]}
    return boxes(label=[0], classes=["car"], **{**given, **changes})


def test_a_perfect_prediction_has_an_nds_of_1():
    got = evaluate([one()], [one()], ["car"])
    assert got.map == pytest.approx(1) and got.nds == pytest.approx(1) and set(got.tp_errors.values()) == {0.0}


@pytest.mark.parametrize(
    ("changes", "error", "size"),
    [
        ({"center": [[10.6, 0.8, 5]]}, "ATE", 1.0),
        ({"size": [[2, 2, 1.5]]}, "ASE", 0.5),
        ({"yaw": [0.2 + np.pi / 4]}, "AOE", np.pi / 4),
        ({"velocity": [[3, 0.5]]}, "AVE", 0.5),
        ({"attribute": ["b"]}, "AAE", 1.0),
    ],
)
def test_each_error_is_measured_alone(changes, error, size):
    got = evaluate([one()], [one(**changes)], ["car"]).tp_errors
    assert got == pytest.approx({e: size if e == error else 0.0 for e in ERRORS}, abs=1e-9)


def test_terms_that_a_data_set_cannot_give_are_left_out_by_name():
    got = evaluate([one()], [one(velocity=[[9, 9]], attribute=["b"])], ["car"])
    assert got.nds == pytest.approx(0.8) and got.score(("ATE", "ASE", "AOE")) == pytest.approx(1)


def test_a_bootstrap_of_every_scene_once_is_the_metric_and_twice_is_twice():
    truth, found = prepared("random")
    all_once = evaluate(truth, found, cases.CLASSES)
    again = summarize(all_once.matches, np.arange(len(truth)))
    assert again.nds == all_once.nds and (again.ap == all_once.ap).all()
    drawn = np.random.default_rng(0).integers(0, len(truth), len(truth))
    resampled = summarize(all_once.matches, drawn)
    same = evaluate([truth[k] for k in drawn], [found[k] for k in drawn], cases.CLASSES)
    assert resampled.nds == pytest.approx(same.nds, abs=1e-9) and resampled.nds != all_once.nds


def test_matches_name_predictions_and_objects_over_all_scenes():
    truth, found = prepared("random")
    got = evaluate(truth, found, cases.CLASSES).matches[0]
    centers, theirs = np.concatenate([b.center for b in truth]), np.concatenate([b.center for b in found])
    names = np.concatenate([b.names for b in truth])
    for k, threshold in enumerate(THRESHOLDS):
        hit = got.truth[:, k] >= 0
        assert hit.any() and (names[got.truth[hit, k]] == "car").all()
        away = np.linalg.norm((centers[got.truth[hit, k]] - theirs[got.index[hit]])[:, :2], axis=1)
        assert (away < threshold).all() and len(set(got.truth[hit, k])) == hit.sum()


# Whole scenes


def scene(made: Boxes | None, pose: np.ndarray) -> Scene:
    return Scene("s", np.zeros((0, 5), np.float32), np.zeros(0, np.int16), boxes=made, pose=pose, ego=LIDAR)


def test_a_scene_counts_in_the_world_and_within_the_range_of_the_vehicle():
    truth, found = prepared("far and unseen")
    want = evaluate(truth, found, cases.CLASSES)
    pose = rigid(turn_z(1.1), np.array([500.0, -90, 2]))
    to_scene = inverse(LIDAR)  # the cases have the vehicle at the origin
    scenes = [scene(turned(b, to_scene), pose) for b in truth]
    got = evaluate_scenes(scenes, [turned(b, to_scene) for b in found], cases.CLASSES)
    np.testing.assert_allclose(got.ap, want.ap, atol=1e-9)
    assert got.nds == pytest.approx(want.nds, abs=1e-9)


def test_seen_or_not():
    made = boxes(np.tile([5.0, 0, 0], (4, 1)), np.ones((4, 3)), np.zeros(4), [0] * 4, ["car"],
                 points=[0, 0, 1, -1], radar=[0, 2, 0, -1])  # fmt: skip
    assert counted(made, np.zeros(2), True).tolist() == [False, True, True, True]
    assert counted(made, np.zeros(2), False).all() and not counted(made, np.array([60.0, 0]), False).any()


def test_of_too_many_predictions_the_best_count():
    many = boxes(np.tile([10.0, 0, 0], (MOST + 5, 1)), np.ones((MOST + 5, 3)), np.zeros(MOST + 5), [0] * (MOST + 5),
                 ["car"], score=np.linspace(0.1, 0.9, MOST + 5))  # fmt: skip
    got = evaluate_scenes([scene(one(), np.eye(4))], [many], ["car"])
    assert len(got.matches[0].score) == MOST and got.matches[0].score.max() == 0.9


def test_what_cannot_be_measured_is_explained():
    for made, why in (
        (one(score=[np.nan]), "not finite"),
        (one(center=[[np.inf, 0, 0]]), "not finite"),
        (one(score=[-1.0]), "score below 0"),
        (one(size=[[0, 1, 1]]), "side of 0"),
    ):
        with pytest.raises(LabError, match=why):
            evaluate([one()], [made], ["car"])
    with pytest.raises(LabError, match="2 scenes cannot be measured by predictions of 1"):
        evaluate([one(), one()], [one()], ["car"])
    with pytest.raises(LabError, match="not annotated"):
        evaluate_scenes([scene(None, np.eye(4))], [one()], ["car"])


def test_nothing_at_all_is_0_and_not_nan():
    got = evaluate([no_boxes(["car"])], [no_boxes(["car"])], ["car", "barrier"])
    assert got.map == 0 and got.nds == 0 and np.isnan(got.errors[1, 4]) and got.errors[0].tolist() == [1] * 5
    assert evaluate([], [], ["car"]).nds == 0
    assert np.isnan(replace(got, errors=np.full((2, 5), np.nan)).tp_errors["AAE"])
