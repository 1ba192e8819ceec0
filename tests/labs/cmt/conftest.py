"""Small scenes for tests: boxes on a plane, points on them, and cameras that see them in the color of their class.

Not a simulator: no occlusion of points, no noise, no beams. Just enough that both sensors tell where a box is.
"""

import math

import pytest
import torch

from workbench.labs.cmt.method.boxes import encode
from workbench.labs.cmt.method.frames import Frames, framed
from workbench.labs.cmt.method.matching import Truth, truth_of

SIZES = torch.tensor([[4.2, 1.8, 1.6], [0.8, 0.8, 1.8], [8.0, 2.5, 3.0], [0.4, 0.4, 0.8]])  # l, w, h by class
COLORS = torch.tensor([[0.9, 0.2, 0.1], [0.1, 0.8, 0.3], [0.2, 0.3, 0.9], [0.9, 0.8, 0.1]])
GROUND = -1.8  # m


def scenes(
    count: int, seed: int, reach: float = 10.0, classes: int = 2, cameras: int = 4, size=(32, 64), most: int = 3
) -> tuple[Frames, Truth]:
    g = torch.Generator().manual_seed(seed)
    lidar2img = around(cameras, size)
    clouds, pictures, codes, labels = [], [], [], []
    for _ in range(count):
        number = int(torch.randint(1, most + 1, (1,), generator=g))
        label = torch.randint(classes, (number,), generator=g)
        boxes = torch.zeros(number, 9)
        boxes[:, :2] = (2 * torch.rand(number, 2, generator=g) - 1) * reach
        boxes[:, 3:6] = SIZES[label] * (0.9 + 0.2 * torch.rand(number, 3, generator=g))
        boxes[:, 2] = GROUND + boxes[:, 5] / 2
        boxes[:, 6] = (2 * torch.rand(number, generator=g) - 1) * math.pi
        clouds.append(cloud(boxes, reach, g))
        pictures.append(photographed(boxes, COLORS[label], lidar2img, size))
        codes.append(encode(boxes))
        labels.append(label)
    frames = framed(clouds, torch.stack(pictures), lidar2img.expand(count, -1, -1, -1).clone())
    return frames, truth_of(codes, labels)


def around(cameras: int, size=(32, 64)) -> torch.Tensor:
    """Return lidar2img (V, 4, 4) of cameras that look around, together seeing everything."""
    turn = torch.arange(cameras) * 2 * math.pi / cameras
    zero, one = torch.zeros(cameras), torch.ones(cameras)
    right = torch.stack([turn.sin(), -turn.cos(), zero], 1)
    down, ahead = torch.stack([zero, zero, -one], 1), torch.stack([turn.cos(), turn.sin(), zero], 1)
    focal = size[1] / 2 / math.tan(math.pi / cameras)
    inner = torch.tensor([[focal, 0, size[1] / 2], [0, focal, size[0] / 2], [0, 0, 1.0]])
    whole = torch.eye(4).repeat(cameras, 1, 1)
    whole[:, :3, :3] = inner @ torch.stack([right, down, ahead], 1)
    return whole


def turned(xy: torch.Tensor, yaw: torch.Tensor) -> torch.Tensor:
    c, s = yaw.cos(), yaw.sin()
    return torch.stack([c * xy[..., 0] - s * xy[..., 1], s * xy[..., 0] + c * xy[..., 1]], -1)


def cloud(boxes: torch.Tensor, reach: float, g: torch.Generator, each: int = 60, ground: int = 300) -> torch.Tensor:
    """Return points (N, 5) on the sides of boxes and on the ground."""
    n = len(boxes)
    local = torch.rand(n, each, 3, generator=g) - 0.5
    side, axis = torch.randint(2, (n, each, 1), generator=g) - 0.5, torch.randint(2, (n, each, 1), generator=g)
    local = local.scatter(2, axis, side) * boxes[:, None, 3:6]
    at = torch.cat([turned(local[..., :2], boxes[:, None, 6]), local[..., 2:]], -1) + boxes[:, None, :3]
    plane = torch.rand(ground, 3, generator=g) * torch.tensor([2 * reach, 2 * reach, 0]) + torch.tensor(
        [-reach, -reach, GROUND]
    )
    xyz = torch.cat([at.flatten(0, 1), plane])
    return torch.cat([xyz, torch.full((len(xyz), 1), 0.5), torch.zeros(len(xyz), 1)], 1)


def photographed(boxes, colors, lidar2img, size) -> torch.Tensor:
    """Return images (V, 3, H, W): the nearest box of each pixel's ray, else sky or ground."""
    v, u = torch.meshgrid(torch.arange(size[0]) + 0.5, torch.arange(size[1]) + 0.5, indexing="ij")
    pixel = torch.stack([u, v, torch.ones_like(u)], -1)  # (H, W, 3)
    ray = torch.einsum("vij,hwj->vhwi", lidar2img[:, :3, :3].inverse(), pixel)  # from the origin
    yaw, shape = boxes[:, 6], ray.shape[:3]
    start = torch.cat([turned(-boxes[:, :2], -yaw), -boxes[:, 2:3]], -1)  # (n, 3) origin in the frame of the box
    ahead = ray[..., None, :].expand(*shape, len(boxes), 3)
    ahead = torch.cat([turned(ahead[..., :2], -yaw), ahead[..., 2:]], -1)
    ahead = torch.where(ahead.abs() < 1e-6, 1e-6, ahead)
    one, two = (-boxes[:, 3:6] / 2 - start) / ahead, (boxes[:, 3:6] / 2 - start) / ahead
    near, far = torch.minimum(one, two).amax(-1), torch.maximum(one, two).amin(-1)  # (V, H, W, n)
    depth = torch.where((near < far) & (near > 0), near, torch.inf)
    nearest, which = depth.min(-1)
    back = torch.where((ray[..., 2:] < 0), torch.tensor([0.4, 0.4, 0.4]), torch.tensor([0.6, 0.7, 0.8]))
    return torch.where(nearest.isfinite()[..., None], colors[which], back).permute(0, 3, 1, 2)


@pytest.fixture(scope="session")
def make_scenes():
    """`scenes`: conftest files are not imported by name here."""
    return scenes


@pytest.fixture(scope="session")
def make_cameras():
    return around


@pytest.fixture(scope="session")
def tiny():
    """Parameters of a run of seconds."""
    return {
        "train": 3,
        "validation": 3,
        "height": 16,
        "width": 32,
        "steps": 2,
        "batch": 2,
        "queries": 9,
        "cell": 1.0,
        "points": 2000,
    }
