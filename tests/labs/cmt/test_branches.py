"""Points to a BEV image and images to features: against loops, against pixels computed by hand, and for odd input."""

import pytest
import torch
from torch import nn

from workbench.labs.cmt.common.shapes import SMALL, TINY
from workbench.labs.cmt.method.branches import Images, Lift, Pillars, cell_of, inside, means
from workbench.labs.cmt.method.encoding import corners, depths


def cloud(n, seed=0, reach=12.0):
    g = torch.Generator().manual_seed(seed)
    return (2 * torch.rand(n, 5, generator=g) - 1) * torch.tensor([reach, reach, 2.5, 1, 1])


def test_means_are_those_of_a_loop():
    values, cell = cloud(200), torch.randint(7, (200,), generator=torch.Generator().manual_seed(1))
    found, number = means(values, cell, 9)
    for i in range(9):
        mine = values[cell == i]
        assert int(number[i]) == len(mine)
        torch.testing.assert_close(found[i], mine.mean(0) if len(mine) else torch.zeros(5))


def test_cells_are_counted_along_y_first_and_the_far_border_is_none():
    xy = torch.tensor([[-12.8, -12.8], [12.79, -12.8], [-12.8, 12.79], [0.1, 0.9]])
    assert cell_of(xy, TINY, (32, 32)).tolist() == [0, 31, 31 * 32, 17 * 32 + 16]
    points = torch.tensor([[-12.8, 0, 0], [12.8, 0, 0], [0, 0, -3.0], [0, 0, 3.0], [torch.nan, 0, 0]])
    assert inside(nn.functional.pad(points, (0, 2)), TINY).tolist() == [True, False, True, False, False]


@pytest.fixture(scope="module")
def pillars():
    torch.manual_seed(0)
    return Pillars(TINY).eval()


def test_the_bev_image_does_not_depend_on_order_padding_or_what_lies_outside(pillars):
    points = cloud(300)
    filled = torch.ones(1, 300, dtype=torch.bool)
    shuffled = points[torch.randperm(300, generator=torch.Generator().manual_seed(2))]
    beyond = torch.cat([shuffled, torch.tensor([[90.0, 0, 0, 1, 0], [0, 0, 7, 1, 0]]), torch.full((1, 5), torch.nan)])
    padded = torch.cat([beyond, cloud(20, seed=3)])
    there = torch.arange(323)[None] < 303
    with torch.no_grad():
        one, two = pillars(points[None], filled), pillars(padded[None], there)
    torch.testing.assert_close(one, two, atol=1e-5, rtol=1e-4)


def test_a_pillar_keeps_the_maxima_of_its_points(pillars):
    """Against a loop over pillars, before the convolutions."""
    points = cloud(400, reach=3.0)
    cell = cell_of(points[:, :2], TINY, TINY.pillars)
    middle, _ = means(points[:, :3], cell, 32 * 32)
    with torch.no_grad():
        read = pillars.read(pillars.features(points, cell, middle[cell]))
    wanted = torch.zeros(32 * 32, TINY.pillar)
    for i in cell.unique().tolist():
        wanted[i] = read[cell == i].amax(0)
    seen = {}
    handle = pillars.body.register_forward_pre_hook(lambda _, given: seen.update(image=given[0]))
    with torch.no_grad():
        pillars(points[None], torch.ones(1, 400, dtype=torch.bool))
    handle.remove()
    torch.testing.assert_close(seen["image"][0].permute(1, 2, 0).flatten(0, 1), wanted, atol=1e-6, rtol=1e-5)


def test_features_of_a_point_are_computed_by_hand(pillars):
    """(0.9, -0.3, 1) in the pillar [0.8, 1.6) x [-0.8, 0) whose other point is (1.1, -0.5, 0)."""
    points = torch.tensor([[0.9, -0.3, 1.0, 0.7, 0.1], [1.1, -0.5, 0.0, 0.0, 0.0]])
    cell = cell_of(points[:, :2], TINY, TINY.pillars)
    middle, _ = means(points[:, :3], cell, 32 * 32)
    found = pillars.features(points, cell, middle[cell])[0]
    wanted = [13.7 / 25.6, 12.5 / 25.6, 4 / 6, -0.1, 0.1, 0.5, -0.375, 0.125, 0.7, 0.1]
    torch.testing.assert_close(found, torch.tensor(wanted), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("count", [0, 1])
def test_no_point_and_one_point_are_points_enough(pillars, count):
    found = pillars(cloud(5)[None], torch.arange(5)[None] < count)
    found.sum().backward()
    assert bool(found.isfinite().all())
    assert all(p.grad is None or bool(p.grad.isfinite().all()) for p in pillars.parameters())
    pillars.zero_grad()


def test_strides_give_the_grid_of_the_shape():
    torch.manual_seed(0)
    found = Pillars(SMALL)(cloud(50)[None], torch.ones(1, 50, dtype=torch.bool))
    assert found.shape == (1, 64, *SMALL.grid) == (1, 64, 64, 64)
    assert SMALL.cell * SMALL.stride <= 1


@pytest.mark.parametrize(("size", "cells"), [((32, 64), (4, 8)), ((33, 50), (6, 8))])
def test_images_of_any_size_are_padded_to_whole_strides(size, cells):
    torch.manual_seed(0)
    found = Images(TINY)(torch.rand(2, 3, 3, *size))
    assert found.shape == (2, 3, TINY.width, *cells)


def test_a_larger_backbone_has_stride_sixteen():
    from dataclasses import replace

    torch.manual_seed(0)
    images = Images(replace(TINY, backbone="resnet18"))
    assert images(torch.rand(1, 1, 3, 64, 96)).shape == (1, 1, TINY.width, 4, 6)
    assert images.stride == 16


def test_a_pixel_of_known_depth_is_lifted_into_its_cell():
    """A camera at the origin looks along +x; all of the depth is at d_4, so pixel (u, v) lands at x = d_4."""
    from dataclasses import replace

    torch.manual_seed(0)
    lift = Lift(replace(TINY, bev=True))
    nn.init.zeros_(lift.share.weight)
    lift.share.bias.data = torch.where(torch.arange(TINY.depths) == 4, 50.0, 0.0)
    matrix = torch.eye(4)
    matrix[:3, :3] = torch.tensor([[16.0, -16, 0], [8, 0, -16], [1, 0, 0]])  # u = 16 - 16 y/x, v = 8 - 16 z/x
    inverse = matrix.inverse()[None, None]
    features = torch.zeros(1, 1, TINY.width, 2, 4)
    features[..., 1, 3] = torch.arange(TINY.width).float()  # u = 24, v = 8: y = -x / 2
    camera = torch.ones(1, 1, dtype=torch.bool)
    plane = lift(features, corners((2, 4), 8), inverse, camera)[0]
    x = float(depths(TINY)[4])
    row, column = int((12.8 - x / 2) / 0.8), int((12.8 + x) / 0.8)
    torch.testing.assert_close(plane[:, row, column], torch.arange(TINY.width).float())
    plane[:, row, column] = 0
    assert float(plane.abs().max()) < 1e-6
    assert float(lift(features, corners((2, 4), 8), inverse, ~camera).abs().max()) == 0
