"""Masked-modal training: the shares, and that the only sensor of a scene stays."""

import pytest
import torch

from workbench.labs.cmt.method.frames import framed
from workbench.labs.cmt.method.masking import masked, without


def many(count, points=True, cameras=2):
    cloud = torch.zeros(1 if points else 0, 5)
    images = torch.zeros(count, cameras, 3, 1, 1)
    return framed([cloud] * count, images, torch.eye(4).expand(count, cameras, 4, 4))


def test_a_quarter_loses_the_cameras_a_quarter_the_lidar():
    drawn = masked(many(20_000), torch.Generator().manual_seed(0))
    lidar, camera = drawn.lidar, drawn.camera.any(1)
    assert bool((drawn.camera.all(1) == camera).all())  # all cameras of a scene, or none
    assert float((~camera).float().mean()) == pytest.approx(0.25, abs=0.01)
    assert float((~lidar).float().mean()) == pytest.approx(0.25, abs=0.01)
    assert bool((lidar | camera).all())


def test_the_only_sensor_of_a_scene_stays():
    assert bool(masked(many(200, cameras=0), torch.Generator().manual_seed(0)).lidar.all())
    assert bool(masked(many(200, points=False), torch.Generator().manual_seed(0)).camera.all())


def test_the_same_generator_draws_the_same():
    one, two = (masked(many(50), torch.Generator().manual_seed(4)) for _ in range(2))
    assert torch.equal(one.lidar, two.lidar) and torch.equal(one.camera, two.camera)


def test_sensors_are_switched_off_by_hand():
    frames = many(2, cameras=3)
    assert without(frames, lidar=True).lidar.tolist() == [False, False]
    assert without(frames, cameras=(0, 2)).camera.tolist() == [[False, True, False]] * 2
    assert bool(frames.camera.all())  # the frames themselves stay as they are
