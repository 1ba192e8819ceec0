"""Scenes: the conventions against published counts of points in boxes, each reader, and what is written comes back."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from workbench.contract.errors import LabError
from workbench.data.scenes import arrays as scene_arrays
from workbench.data.scenes.card import scene_card
from workbench.data.scenes.formats import (
    kitti,
    mmdet3d,
    nuscenes,
    nuscenes_write,
)
from workbench.data.scenes.geometry import (
    EDGES,
    box_lines,
    corners,
    from_quaternion,
    inverse,
    moved,
    owners,
    project,
    rigid,
    to_quaternion,
    turn_z,
    turned,
)
from workbench.data.scenes.named import SETS, open_set
from workbench.data.scenes.own import frames, open_scene
from workbench.data.scenes.scene import Boxes, Camera, Scene, boxes

SHARED = Path(os.environ.get("WORKBENCH_DATA_MIRROR") or Path(__file__).parents[4] / "shared" / "data").resolve()
real = pytest.mark.skipif(not (SHARED / "lidar").exists(), reason="data: no mirror of the real frames")


@pytest.fixture(scope="module")
def frame() -> Scene:
    return mmdet3d.read_info(SHARED / "lidar" / "nuscenes")


# The conventions, on real frames


@real
def test_points_in_boxes_are_those_that_nuscenes_counted(frame):
    """nuScenes' boxes are upright in the world: there every box holds its published number of points."""
    world = turned(frame.boxes, frame.pose)
    counts = owners(moved(frame.pose, frame.points[:, :3].astype(float)), world)[1]
    assert len(world) == 68 and counts.tolist() == frame.boxes.points.tolist() and counts.sum() == 999


@real
def test_in_the_frame_of_the_lidar_its_tilt_costs_a_point_or_two_of_a_hundred(frame):
    counts = owners(frame.points, frame.boxes)[1]
    assert (counts == frame.boxes.points).sum() >= 60 and counts.sum() == pytest.approx(999, rel=0.02)


@real
@pytest.mark.parametrize(
    "wrong",
    [
        lambda b: replace(b, size=b.size[:, [1, 0, 2]]),
        lambda b: replace(b, center=b.center + b.size * (0, 0, 0.5)),
        lambda b: replace(b, yaw=-b.yaw),
    ],
    ids=["width before length", "origin on the ground", "yaw clockwise"],
)
def test_any_other_convention_would_lose_points(frame, wrong):
    world = wrong(turned(frame.boxes, frame.pose))  # there the street runs aslant, so that a wrong turn shows
    assert owners(moved(frame.pose, frame.points[:, :3].astype(float)), world)[1].sum() < 0.75 * 999


@real
def test_kitti_s_pedestrian_holds_the_377_points_that_mmdetection3d_lists():
    scene = kitti.read_frame(SHARED / "lidar" / "kitti" / "training", "000000")
    assert list(scene.boxes.names) == ["Pedestrian"] and owners(scene.points, scene.boxes)[1].tolist() == [377]
    assert scene.boxes.size[0].tolist() == [1.2, 0.48, 1.89] and len(scene.points) == 115_384
    assert scene.points[:, 3].min() >= 0 and 0.9 < scene.points[:, 3].max() <= 1 and (scene.rings == -1).all()


@real
def test_kitti_s_box_falls_on_its_box_in_the_image():
    """label_2 has it at 712.40 143.00 810.73 307.92; corners of a 3-D box reach a little farther."""
    scene = kitti.read_frame(SHARED / "lidar" / "kitti" / "training", "000000")
    uv, depth, seen = project(corners(scene.boxes)[0], scene.camera("image_2"))
    assert seen.all() and (depth > 7).all()
    np.testing.assert_allclose([*uv.min(0), *uv.max(0)], [712.4, 143.0, 810.73, 307.92], atol=12)


@real
def test_ahead_is_ahead_and_left_is_left(frame):
    assert [c.name for c in frame.cameras] == [f"CAM_{n}" for n in
        ("BACK", "BACK_LEFT", "BACK_RIGHT", "FRONT", "FRONT_LEFT", "FRONT_RIGHT")]  # fmt: skip
    for name, spot in {"FRONT": (20, 0, 0), "FRONT_LEFT": (12, 16, 0), "BACK_RIGHT": (-5, -16, 0)}.items():
        seen = {c.name for c in frame.cameras if project(np.array([spot], float), c)[2][0]}
        assert f"CAM_{name}" in seen
    assert frame.rings.min() == 0 and frame.rings.max() == 31 and 0 < frame.points[:, 3].max() <= 1
    assert np.median(frame.points[frame.rings == 0, 2]) < np.median(frame.points[frame.rings == 31, 2])  # lowest first
    assert inverse(frame.ego)[2, 3] == pytest.approx(-1.84, abs=0.05)  # the vehicle's origin lies below the LiDAR


def test_the_scene_frame_is_right_handed_with_yaw_from_x_to_y():
    one = boxes([[10, 5, 1]], [[4, 2, 1.5]], [np.pi / 2], [0], ["car"])
    nose = corners(one)[0, :2].mean(0)
    assert nose.round(6).tolist() == [10, 7, 0.25]  # turned left: the front is at larger y
    assert corners(one)[0, 0].round(6).tolist() == [9, 7, 0.25]  # front left is at smaller x
    inside = np.array([[10, 6.9, 1], [10.9, 5, 1], [11.1, 5, 1], [10, 7.1, 1]])
    assert owners(inside, one)[0].tolist() == [0, 0, -1, -1] and owners(inside, one)[1].tolist() == [2]


def test_turning_boxes_and_points_together_changes_nothing():
    rng = np.random.default_rng(0)
    many = boxes(
        rng.uniform(-20, 20, (30, 3)) * (1, 1, 0.1), rng.uniform(0.5, 6, (30, 3)), rng.uniform(-9, 9, 30),
        np.zeros(30), ["a"], velocity=rng.normal(size=(30, 2)),
    )  # fmt: skip
    points = rng.uniform(-22, 22, (5000, 3)) * (1, 1, 0.2)
    matrix = rigid(turn_z(1.234), np.array([100.0, -50, 3]))
    there = turned(many, matrix)
    assert owners(moved(matrix, points), there)[1].tolist() == owners(points, many)[1].tolist()
    assert ((there.yaw > -np.pi) & (there.yaw <= np.pi)).all()
    back = turned(there, inverse(matrix))
    for name in ("center", "yaw", "velocity"):
        np.testing.assert_allclose(getattr(back, name), getattr(many, name), atol=1e-9)


def test_quaternions_are_those_of_scipy():
    q = np.random.default_rng(1).normal(size=(50, 4))
    q /= np.linalg.norm(q, axis=1, keepdims=True)
    np.testing.assert_allclose(to_quaternion(from_quaternion(q)), q * np.sign(q[:, :1]), atol=1e-12)


def test_a_box_through_the_camera_s_plane_is_clipped_there():
    image = np.zeros((100, 200, 3), np.uint8)
    ahead = rigid(np.array([[0, -1, 0], [0, 0, -1], [1, 0, 0.0]]), np.zeros(3))
    camera = Camera("c", image, np.array([[100, 0, 100], [0, 100, 50], [0, 0, 1.0]]), ahead)
    one = boxes([[5, 0, 0], [0, 2, 0], [-9, 0, 0]], [[2, 2, 2]] * 3, [0, 0, 0], [0, 0, 0], ["a"])
    lines, which = box_lines(one, camera)
    assert (np.bincount(which, minlength=3) == [len(EDGES), 8, 0]).all() and np.isfinite(lines).all()
    np.testing.assert_allclose(lines[which == 0].reshape(-1, 2).min(0), [75, 25])  # 1 m to the left, 4 m ahead


# Readers and writers


def equal(a: Boxes, b: Boxes, names: tuple[str, ...] = (), atol: float = 1e-5) -> None:
    assert list(a.names) == list(b.names)
    for name in names or [f.name for f in fields(a) if f.name not in ("classes", "label")]:
        x, y = getattr(a, name), getattr(b, name)
        if x.dtype == object:
            assert x.tolist() == y.tolist(), name
        else:
            np.testing.assert_allclose(x, y, atol=atol, err_msg=name)


@real
def test_what_is_written_as_nuscenes_is_read_as_nuscenes(frame, tmp_path):
    moving = replace(frame.boxes, attribute=np.array(["", "vehicle.moving"] * 34, dtype=object))
    first = replace(frame, boxes=moving, sequence="drive 1")
    nuscenes_write.write_nuscenes(tmp_path, [first], "v1.0-own", "written by a test")
    release = nuscenes.open_nuscenes(tmp_path)
    assert release.samples == (frame.token,) and release.version == "v1.0-own"
    again = nuscenes.read_sample(release, frame.token)
    assert again.note == "written by a test" and again.sequence == "drive 1"
    np.testing.assert_array_equal(again.points, frame.points)
    np.testing.assert_array_equal(again.rings, frame.rings)
    np.testing.assert_allclose(again.pose, frame.pose, atol=1e-6)
    np.testing.assert_allclose(again.ego, frame.ego, atol=1e-6)
    equal(again.boxes, moving, ("center", "size", "attribute", "points", "radar"))
    np.testing.assert_allclose(again.boxes.velocity, moving.velocity, atol=0.02)  # the LiDAR leans, the ground does not
    np.testing.assert_allclose(again.boxes.yaw, moving.yaw, atol=1e-3)  # upright in the world, not in the LiDAR's frame
    for a, b in zip(again.cameras, frame.cameras, strict=True):
        assert a.name == b.name and a.image.shape == b.image.shape
        np.testing.assert_allclose(a.projection, b.projection, rtol=1e-5, atol=1e-3)
        assert np.abs(a.image.astype(int) - b.image).mean() < 3
    assert open_scene(tmp_path).token == frame.token and frames(tmp_path) == [frame.token]
    assert nuscenes.read_sample(release, frame.token, images=False).cameras == ()


def drive(n: int = 3) -> list[Scene]:
    """A vehicle that drives 5 m/s along the world's x, and one box that stays, one that overtakes at 10 m/s."""
    found = []
    for k in range(n):
        pose = rigid(np.eye(3), np.array([100 + 2.5 * k, 7, 1.8]))
        own = boxes(
            [[20 - 2.5 * k, 3, -1], [5 + 2.5 * k, -3, -1]], [[4, 2, 1.5]] * 2, [0, 0], [0, 0], nuscenes.CLASSES,
            track=["stays", "overtakes"], points=[5, 6],
        )  # fmt: skip
        wall = np.array([[30 - 2.5 * k, 0, 0, 0.2, 0]], np.float32)
        found.append(
            Scene(f"s{k}", wall, np.array([3], np.int16), boxes=own, pose=pose, time=10 + 0.5 * k, sequence="d")
        )
    return found


def test_velocity_and_tracks_follow_from_the_tables(tmp_path):
    nuscenes_write.write_nuscenes(tmp_path, drive(), "v1.0-own", "")
    release = nuscenes.open_nuscenes(tmp_path)
    assert len(release) == 3
    seen = [nuscenes.read_sample(release, s) for s in release.samples]
    assert [s.time for s in seen] == [10, 10.5, 11]
    for scene in seen:
        np.testing.assert_allclose(scene.boxes.velocity, [[0, 0], [10, 0]], atol=1e-6)
        assert scene.boxes.track.tolist() == seen[0].boxes.track.tolist() and len(set(scene.boxes.track)) == 2


def test_earlier_sweeps_are_moved_to_where_the_vehicle_stands_now(tmp_path):
    nuscenes_write.write_nuscenes(tmp_path, drive(), "v1.0-own", "")
    table = tmp_path / "v1.0-own" / "sample_data.json"
    rows = json.loads(table.read_text())
    for before, row in zip(rows, rows[1:], strict=False):
        row["prev"] = before["token"]
    table.write_text(json.dumps(rows))
    release = nuscenes.open_nuscenes(tmp_path)
    scene = nuscenes.read_sample(release, release.samples[2], sweeps=9)
    np.testing.assert_allclose(scene.points[:, 0], 25, atol=1e-4)  # the wall stands still
    np.testing.assert_allclose(scene.points[:, 4], [0, 0.5, 1.0])


@real
@pytest.mark.parametrize("part", ["all", "no points", "no cameras", "no boxes"])
def test_npz_comes_back(frame, part, tmp_path):
    scene = replace(frame, note="a note")
    if part == "no points":
        scene = replace(scene, points=scene.points[:0], rings=scene.rings[:0])
    scene = replace(scene, cameras=()) if part == "no cameras" else scene
    scene = replace(scene, boxes=None) if part == "no boxes" else scene
    scene_arrays.write_npz(tmp_path / "a.npz", scene)
    again = open_scene(tmp_path / "a.npz")
    np.testing.assert_array_equal(again.points, scene.points)
    np.testing.assert_array_equal(again.rings, scene.rings)
    assert (again.name, again.note, again.token, again.time) == (scene.name, scene.note, scene.token, scene.time)
    assert (again.boxes is None) == (scene.boxes is None)
    if scene.boxes is not None:
        equal(again.boxes, scene.boxes)
    for a, b in zip(again.cameras, scene.cameras, strict=True):
        assert a.name == b.name and a.time == b.time and (a.image == b.image).all()
        np.testing.assert_array_equal(a.projection, b.projection)


@real
def test_zip_folder_and_training_folder_are_found(tmp_path):
    archive = shutil.make_archive(str(tmp_path / "kitti"), "zip", SHARED / "lidar", "kitti")
    for path in (SHARED / "lidar" / "kitti", SHARED / "lidar" / "kitti" / "training", archive):
        scene = open_scene(path)
        assert scene.token == "000000" and len(scene.boxes) == 1 and len(scene.cameras) == 1


@real
@pytest.mark.parametrize("name", ["nuscenes_frame", "kitti_frame"])
def test_the_catalog_s_scenes_open(name, monkeypatch):
    monkeypatch.setenv("WORKBENCH_DATA_MIRROR", str(SHARED))
    asked = []
    scene = open_set(name, lambda entry: asked.append(entry) or SHARED / "lidar" / entry.split("_")[0])
    assert asked == [SETS[name].entry] and scene.name == name and "one frame" in scene.note and len(scene.boxes)
    assert open_set(name).name == name
    with pytest.raises(LabError, match="There are nuscenes_frame, kitti_frame"):
        open_set("nowhere")


@real
def test_the_card_says_what_is_in_a_scene():
    card = scene_card(SHARED / "lidar" / "nuscenes")
    assert card.points == 34_688 and card.beams == 32 and 50 < card.reach < 100 and card.frames == 1
    assert card.cameras[3] == ("CAM_FRONT", 1600, 900, 3060) and card.warnings == () and len(card.sha256) == 64
    assert list(card.boxes.items())[:2] == [("pedestrian", 30), ("barrier", 22)]
    assert [name for name, _ in card.pictures][:2] == ["From above", "CAM_BACK"]
    assert all(p.dtype == np.uint8 and p.shape[2] == 3 and p.shape[1] <= 640 and p.std() > 5 for _, p in card.pictures)
