"""What the network reads of a scene: geometry survives shrinking and turning, and the release's drives stay apart."""

import numpy as np
import pytest
import torch

from workbench.data.scenes.geometry import project
from workbench.data.scenes.simulated import Recipe, sim_scene, sim_scenes
from workbench.labs.cmt.common.conditions import Condition
from workbench.labs.cmt.method.augmentation import moved
from workbench.labs.cmt.method.data import Spec, material, prepared
from workbench.labs.cmt.method.evaluation import spoiled
from workbench.labs.cmt.method.jobs import gathered
from workbench.labs.cmt.params import FOLDER, Params
from workbench.toolkit.memory import MemoryContext

SPEC = Spec((-16.0, -16.0, -5.0, 16.0, 16.0, 3.0), (32, 64), ("car", "pedestrian"), 0)


@pytest.fixture(scope="module")
def scene():
    return sim_scene(Recipe(1, 0, 3, 16.0, 48, 96, 6, 1), "train", 0)


def seen(points, lidar2img):
    flat = torch.cat([points[:, :3], torch.ones(len(points), 1)], 1) @ lidar2img.T
    return flat[:, :2] / flat[:, 2:3], flat[:, 2]


def test_a_point_stays_on_its_pixel_when_an_image_is_shrunk(scene):
    """48 x 96 to 32 x 64: two thirds along both axes, middles of pixels on whole numbers."""
    sample = prepared(scene, SPEC)
    uv, depth, _ = project(scene.points, scene.cameras[0])
    ahead = depth > 1
    now, _ = seen(torch.from_numpy(scene.points[ahead]), sample.lidar2img[0])
    np.testing.assert_allclose(now.numpy() + 0.5, (uv[ahead] + 0.5) * 2 / 3, atol=2e-3, rtol=1e-4)
    assert sample.images.shape == (6, 3, 32, 64)


def test_what_is_too_high_loses_its_sky(scene):
    """To 16 x 64 the image is scaled by two thirds to 32 rows, of which the upper 16 go."""
    low = prepared(scene, Spec(SPEC.area, (16, 64), SPEC.classes, 0))
    high = prepared(scene, SPEC)
    assert torch.equal(low.images, high.images[:, :, 16:])
    points = torch.from_numpy(scene.points[:50])
    torch.testing.assert_close(
        seen(points, low.lidar2img[0])[0] + torch.tensor([0.0, 16.0]), seen(points, high.lidar2img[0])[0],
        rtol=1e-3, atol=1e-2,
    )  # fmt: skip


@pytest.mark.parametrize("mirrored", [False, True])
def test_turned_and_mirrored_points_still_fall_on_the_same_colors(scene, mirrored):
    sample = prepared(scene, SPEC)
    other = moved(sample, 0.4, mirrored)
    for view in range(6):
        (a, depth), (b, _) = seen(sample.points, sample.lidar2img[view]), seen(other.points, other.lidar2img[view])
        inside = (depth > 0.5) & (a >= 0).all(1) & (a[:, 0] <= 63) & (a[:, 1] <= 31)
        expected = torch.stack([63 - a[:, 0], a[:, 1]], 1) if mirrored else a
        torch.testing.assert_close(b[inside], expected[inside], atol=2e-2, rtol=1e-3)
    assert torch.equal(other.images, sample.images.flip(-1) if mirrored else sample.images)
    corner = lambda s: s.boxes[:, :2] + s.boxes[:, 3:4] / 2 * torch.stack([s.boxes[:, 6].cos(), s.boxes[:, 6].sin()], 1)  # noqa: E731
    c, s = np.cos(0.4), np.sin(0.4)
    flip = torch.tensor([1.0, -1.0 if mirrored else 1.0])
    front = (corner(sample) * flip) @ torch.tensor([[c, s], [-s, c]], dtype=torch.float32)
    torch.testing.assert_close(corner(other), front, atol=1e-4, rtol=1e-4)  # noses are turned, too


def test_conditions_take_away_what_they_say(scene):
    sample = prepared(scene, SPEC)
    assert int(spoiled(sample, Condition("", missing=2)).camera.sum()) == 4
    assert not spoiled(sample, Condition("", missing=-1)).camera.any()
    assert not bool(gathered([spoiled(sample, Condition("", lidar=False))]).lidar[0])
    half = spoiled(sample, Condition("", beams=2))
    assert set(half.rings.tolist()) <= set(range(0, 32, 2)) and 0.3 < len(half.points) / len(sample.points) < 0.7
    one, again = (spoiled(sample, Condition("", shake=2.0)).lidar2img for _ in range(2))
    assert torch.equal(one, again)
    turn = torch.linalg.inv(sample.lidar2img.double()) @ one.double()
    angle = torch.rad2deg(torch.arccos((turn[:, :3, :3].diagonal(dim1=1, dim2=2).sum(1) - 1) / 2))
    torch.testing.assert_close(angle, torch.full((6,), 2.0, dtype=torch.float64), atol=0.01, rtol=0)


def test_scenes_with_fewer_cameras_go_into_one_batch(scene):
    from dataclasses import replace

    whole = prepared(scene, SPEC)
    part = prepared(replace(scene, cameras=scene.cameras[:2]), SPEC)
    deaf = prepared(replace(scene, cameras=()), SPEC)
    frames = gathered([whole, part, deaf])
    assert frames.camera.sum(1).tolist() == [6, 2, 0] and frames.images.shape == (3, 6, 3, 32, 64)
    assert gathered([deaf]).images.shape[1] == 0


def test_a_release_in_a_folder_is_read_and_its_drives_stay_apart(tiny):
    folder = sim_scenes(Recipe(3, 2, 7, 16.0, 16, 32, 6, 1))
    data = material(Params.make("quick", **tiny, dataset=FOLDER, folder=str(folder)), MemoryContext())
    drives = [{samples.release.drive(t) for t in samples.tokens} for samples in (data.train, data.validation)]
    assert not drives[0] & drives[1] and all(drives) and data.terms == ("ATE", "ASE", "AOE", "AVE")
    assert data.train[0].boxes.shape[1] == 9 and "SIMULATED" in " ".join(data.notes)
