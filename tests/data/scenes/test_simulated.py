"""The simulator: rays end where geometry says, sensors agree with each other and with the boxes, and seeds decide
all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from workbench.contract.errors import LabError
from workbench.data.catalog import cache
from workbench.data.scenes import simulated
from workbench.data.scenes.formats import nuscenes
from workbench.data.scenes.geometry import inverse, owners, project, turn_z, turned
from workbench.data.scenes.scene import boxes
from workbench.data.scenes.simulated import CLASSES, NOTE, Recipe, part, sensors, sim_scene, sim_scenes
from workbench.data.scenes.simulated.parts import (
    BLOCK,
    ELLIPSOID,
    PLAIN,
    STRIPES,
    Parts,
    cast,
    hashed,
    windows,
)
from workbench.data.scenes.simulated.sensors import LIDAR, Light, draw_light, photograph, sweep
from workbench.data.scenes.simulated.world import SIZES, World, draw_world

SMALL = Recipe(train=2, validation=1, height=32, width=80, fine=1)
NOON = Light(np.array([0, 0, 1.0]), 0.3, np.full(3, 0.7), np.full(3, 0.7), 1e6, 1.0)


def thing(center, half, yaw=0.0, kind=BLOCK, **more) -> dict:
    given = {"center": center, "half": half, "yaw": yaw, "kind": kind, "color": [0.5] * 3, "second": [0.0] * 3}
    return {**given, "pattern": PLAIN, "scale": 1.0, "shine": 0.9, **more}


def world(*things: dict) -> World:
    parts = Parts.of(list(things))
    made = boxes(parts.center, 2 * parts.half, parts.yaw, [0] * len(things), CLASSES)
    return World(parts, made, np.zeros(2))


def every(rows, columns, shape):
    """All rays with all parts."""
    ray, one = np.meshgrid(np.arange(shape[0] * shape[1]), np.arange(len(rows)), indexing="ij")
    return ray.ravel(), one.ravel()


# Rays


def test_rays_meet_blocks_balls_and_the_ground_where_geometry_says():
    made = world(
        thing([10, 0, 0], [1, 1, 1]),
        thing([0, 8, 0], [2, 2, 2], kind=ELLIPSOID),
        thing([-9, 0, 0], [2, 1, 1], np.pi / 4),
    )
    rays = np.array([[1, 0, 0], [0, 1, 0], [-1, 0, 0], [0, 0, -1], [0, 0, 1], [0.6, 0, -0.8], [0, -1, 0]], float)
    origin = np.array([0, 0, 0.5])
    hits = cast(origin, rays, every(np.zeros((3, 2)), None, (7, 1)), made.parts, np.zeros(2))
    want = [9, 8 - np.sqrt(4 - 0.25), 9 - np.sqrt(2), 0.5, np.inf, 0.625, np.inf]
    np.testing.assert_allclose(hits.distance, want, rtol=1e-5)
    assert hits.part.tolist() == [0, 1, 2, -1, -1, -1, -1]
    np.testing.assert_allclose(hits.normal[0], [-1, 0, 0], atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(hits.normal, axis=1), 1, rtol=1e-5)
    slope = np.array([0.1, 0.0])  # uphill ahead
    up = cast(origin, rays[[0, 3]], every(np.zeros((3, 2)), None, (2, 1)), made.parts, slope)
    np.testing.assert_allclose(up.distance, [5.0, 0.5], rtol=1e-5)


def test_windows_list_the_rays_and_count_round():
    ray, one = windows(np.array([[0, 1], [1, 1], [2, 1]]), np.array([[-1, 0], [2, 3], [0, 3]]), (3, 4))
    assert ray[one == 0].tolist() == [3, 0, 7, 4] and ray[one == 1].tolist() == [6, 7] and not (one == 2).any()


@pytest.mark.parametrize("seed", range(3))
def test_windows_lose_nothing(seed, monkeypatch):
    made, light = draw_world(np.random.default_rng(seed), 25.0), draw_light(np.random.default_rng(seed))

    def look():
        points, rings = sweep(np.random.default_rng(7), made)
        shots = [
            photograph(np.random.default_rng(k), made, light, n, (24, 60), 1) for k, n in enumerate(sensors.MOUNTS)
        ]
        return points, rings, np.stack([c.image for c in shots])

    windowed = look()
    monkeypatch.setattr(sensors, "windows", every)
    for a, b in zip(windowed, look(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_hashes_are_even_and_the_same_everywhere():
    cells = np.stack(np.meshgrid(np.arange(-50, 50), np.arange(-50, 50)), -1).reshape(-1, 2)
    found = hashed(cells)
    assert (hashed(cells[::-1])[::-1] == found).all() and 0.47 < found.mean() < 0.53 and 0.27 < found.std() < 0.31


# Sensors


def test_points_lie_on_the_block_and_colors_where_the_points_are():
    red = thing([12, 3, 1], [2, 1, 1], 0.6, color=[0.9, 0.02, 0.02])
    made = world(red)
    points, rings = sweep(np.random.default_rng(0), made)
    shot = photograph(np.random.default_rng(0), made, NOON, "CAM_FRONT", (180, 450), 2)
    here = turned(made.boxes, inverse(LIDAR))
    owner = owners(points, here, margin=0.1)[0]
    assert 100 < (owner == 0).sum() < 2000 and owners(points, here, margin=-0.1)[1][0] == 0  # on it, not in it
    spot, _, seen = project(points, shot)
    color = shot.image[tuple(np.rint(spot[seen]).astype(int).T[::-1])].astype(float)
    reddish = color[:, 0] > 2 * color[:, 1]
    assert reddish[owner[seen] == 0].mean() > 0.93 and reddish[owner[seen] < 0].mean() < 0.03
    assert set(np.unique(rings)) <= set(range(32)) and points[owner < 0, 2].mean() == pytest.approx(-1.84, abs=0.01)


def test_what_stands_behind_a_wall_is_not_seen():
    wall, hidden = thing([10, 0, 2], [0.5, 6, 2]), thing([16, 0, 0.8], [2, 1, 0.8], color=[0.9, 0.02, 0.02])
    for things, many in (((wall, hidden), 0), ((hidden,), 100)):
        made = world(*things)
        points, _ = sweep(np.random.default_rng(0), made)
        image = photograph(np.random.default_rng(0), made, NOON, "CAM_FRONT", (90, 225), 1).image.astype(float)
        found = owners(points, turned(made.boxes, inverse(LIDAR)), margin=0.1)[1][-1]
        assert (found > many) if many else (found == 0)
        assert ((image[..., 0] > 2 * image[..., 1]).sum() > 20) == bool(many)


def test_the_sweep_is_one_of_32_beams_that_loses_some_echoes():
    scene = sim_scene(SMALL, "train", 0)
    assert 15_000 < len(scene.points) < 32 * 1080 and len(np.unique(scene.rings)) == 32
    steep = np.arctan2(scene.points[:, 2], np.hypot(scene.points[:, 0], scene.points[:, 1]))
    means = [steep[scene.rings == k].mean() for k in range(32)]
    np.testing.assert_allclose(means, np.radians(np.linspace(-30.67, 10.67, 32)), atol=2e-3)
    assert np.linalg.norm(scene.points[:, :3], axis=1).max() < 71 and scene.points[:, 3].min() >= 0
    assert (scene.points[:, 4] == 0).all() and np.isfinite(scene.points).all()


# Worlds


def test_the_parts_of_an_object_fill_its_box():
    made = draw_world(np.random.default_rng(3), 30.0)
    signs = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, 8).T
    for k in range(len(made.boxes)):
        away = np.hypot(*(made.parts.center[:, :2] - made.boxes.center[k, :2]).T)
        mine = (np.abs(made.parts.yaw - made.boxes.yaw[k]) < 1e-5) & (away < np.hypot(*made.boxes.size[k, :2]) / 2)
        corners = (signs * made.parts.half[mine, None]) @ turn_z(float(made.boxes.yaw[k])).T + made.parts.center[
            mine, None
        ]
        local = (corners.reshape(-1, 3) - made.boxes.center[k]) @ turn_z(float(made.boxes.yaw[k]))
        reach = np.abs(local).max(0) / (made.boxes.size[k] / 2)
        cone = made.boxes.names[k] == "traffic_cone"  # half an ellipsoid: the other half is below the ground
        np.testing.assert_allclose(reach[: 2 if cone else 3], 1, atol=0.03)


def test_shape_says_nothing_of_construction_vehicles_and_cones_and_color_does():
    assert SIZES["construction_vehicle"] == SIZES["truck"] and SIZES["bollard"] == SIZES["traffic_cone"]
    orange = {"truck": [], "construction_vehicle": []}
    for seed in range(25):
        made = draw_world(np.random.default_rng(seed), 30.0)
        for name, found in orange.items():
            for box in np.flatnonzero(made.boxes.names == name):
                k = int(np.linalg.norm(made.parts.center - made.boxes.center[box], axis=1).argmin())
                r, g, b = made.parts.color[k]
                found.append(bool(r > g > 2 * b and r > 0.5))
    assert len(orange["truck"]) > 10 and len(orange["construction_vehicle"]) > 10
    assert not any(orange["truck"]) and all(orange["construction_vehicle"])


def test_objects_do_not_overlap_and_stand_on_the_slope():
    for seed in range(10):
        made = draw_world(np.random.default_rng(seed), 32.0)
        feet = made.boxes.center[:, 2] - made.boxes.size[:, 2] / 2
        np.testing.assert_allclose(feet, made.boxes.center[:, :2] @ made.slope, atol=1e-9)
        inside = owners(made.boxes.center, replace(made.boxes, size=made.boxes.size * 0.999))[0]
        assert inside.tolist() == list(range(len(made.boxes)))
        assert np.abs(made.boxes.center[:, :2]).max() < 32 + 0.5


def test_patterns_and_light_differ_from_scene_to_scene():
    shots = [sim_scene(SMALL, "train", k).camera("CAM_FRONT").image for k in range(8)]
    assert np.std([s.mean() for s in shots]) > 10 and {s.shape for s in shots} == {(32, 80, 3)}
    patterns = np.concatenate([draw_world(np.random.default_rng(k), 30.0).parts.pattern for k in range(5)])
    assert {PLAIN, STRIPES} < set(patterns.tolist()) and len(set(patterns.tolist())) == 6


# Sets


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))


def test_a_set_is_made_once_and_read_by_the_one_reader(home):
    told = []
    place = sim_scenes(SMALL, lambda done, total, stage: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)] and place.parent == cache.cache() / "sim_scenes"
    assert sim_scenes(SMALL, lambda *a: pytest.fail("made twice")) == place
    release = nuscenes.open_nuscenes(place)
    assert (
        release.version == simulated.TABLES
        and len(part(release, "train")) == 2
        and len(part(release, "validation")) == 1
    )
    scene, want = nuscenes.read_sample(release, part(release, "train")[1]), sim_scene(SMALL, "train", 1)
    np.testing.assert_allclose(scene.points, want.points, atol=1e-6)
    assert scene.note == NOTE == want.note and (scene.rings == want.rings).all()
    for name in ("center", "size", "yaw", "velocity", "points"):
        np.testing.assert_allclose(getattr(scene.boxes, name), getattr(want.boxes, name), atol=1e-6, err_msg=name)
    assert list(scene.boxes.names) == list(want.boxes.names) and list(scene.boxes.attribute) == list(
        want.boxes.attribute
    )
    for a, b in zip(scene.cameras, want.cameras, strict=True):
        np.testing.assert_allclose(a.projection, b.projection, atol=1e-6)
        assert np.abs(a.image.astype(int) - b.image).mean() < 8  # JPEG, of a noisy image


def test_equal_recipes_give_equal_bytes_and_other_seeds_others(home, tmp_path, monkeypatch):
    first = cache.fresh_sha256(sim_scenes(SMALL))
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "another"))
    assert cache.fresh_sha256(sim_scenes(SMALL)) == first != cache.fresh_sha256(sim_scenes(replace(SMALL, seed=1)))
    assert sim_scene(SMALL, "train", 0).points.shape != sim_scene(SMALL, "validation", 0).points.shape


@pytest.mark.parametrize(
    "wrong",
    [{"train": 0, "validation": 0}, {"train": -1}, {"height": 4}, {"cameras": 7}, {"fine": 0}, {"reach": 500.0}],
)
def test_recipes_that_make_no_sense_are_explained(wrong):
    with pytest.raises(LabError) as caught:
        Recipe(**wrong)
    assert caught.value.hint
