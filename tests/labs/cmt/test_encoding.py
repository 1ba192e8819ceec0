"""Coordinates encoding: the ladders as measured on the released code, rays of chosen pixels, the sum over views."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.contract.errors import LabError
from workbench.labs.cmt.common.shapes import PAPER, TINY
from workbench.labs.cmt.method.encoding import (
    Encoding,
    cells,
    corners,
    depths,
    from_range,
    inverted,
    ladder,
    projected,
    psi,
    rays,
    to_range,
)

SIZE = (80, 100)


def forward_camera(shift=(0.0, 0.0, 0.0)):
    """f = 100 px, center (50, 40), looks along +x from `shift`: u = 50 - 100 y / x, v = 40 - 100 z / x."""
    matrix = torch.eye(4)
    matrix[:3, :3] = torch.tensor([[50.0, -100, 0], [40, 0, -100], [1, 0, 0]])
    matrix[:3, 3] = -matrix[:3, :3] @ torch.tensor(shift)
    return matrix


@pytest.mark.parametrize(
    ("name", "meters", "alike"),
    [("released", d, c) for d, c in ((2, 0.998), (5, 0.989), (10, 0.958), (20, 0.838))]
    + [("textbook", d, c) for d, c in ((5, 0.999), (10, 0.995), (20, 0.981))]
    + [("octaves", d, c) for d, c in ((2, 0.774), (5, 0.435), (10, 0.226))],
)
def test_ladders_tell_places_apart_as_measured(name, meters, alike):
    """Cosine of psi at two places of a 108 m scene, mean over directions."""
    turn = torch.linspace(0, 2 * math.pi, 721)[:-1]
    here = torch.tensor([0.4, 0.55])
    there = here + torch.stack([turn.cos(), turn.sin()], 1) * meters / 108
    waves = ladder(name, 256)
    found = torch.nn.functional.cosine_similarity(psi(here, waves), psi(there, waves), dim=-1).mean()
    assert float(found) == pytest.approx(alike, abs=0.012 if name == "octaves" else 0.002)


def test_the_released_ladder_has_periods_from_one_to_nearly_two_ranges():
    """t_i = 1 + 2 floor(i/2) / 256 ends at 1 + 254/256."""
    periods = 1 / ladder("released", 256)
    torch.testing.assert_close(periods[:4], torch.tensor([1, 1, 1 + 2 / 256, 1 + 2 / 256]))
    assert float(periods[-1]) == pytest.approx(1 + 254 / 256)


def test_the_textbook_ladder_is_the_transformers():
    i = torch.arange(256, dtype=torch.float64)
    wanted = 1 / 10_000 ** (2 * (i // 2) / 256)
    torch.testing.assert_close(ladder("textbook", 256).double(), wanted, rtol=1e-5, atol=1e-9)


def test_psi_lists_y_first_and_sine_before_cosine():
    found = psi(torch.tensor([0.25, 0.5]), torch.ones(2))
    torch.testing.assert_close(found, torch.tensor([0.0, -1.0, 1.0, 0.0]), atol=1e-6, rtol=0)  # y = 1/2, then x = 1/4


def test_cells_are_centers_and_pixels_are_corners():
    torch.testing.assert_close(cells((2, 4))[1, 2], torch.tensor([2.5 / 4, 1.5 / 2]))
    torch.testing.assert_close(corners((3, 5), 16)[2, 4], torch.tensor([64.0, 32.0]))


def test_depths_are_linear_from_one_meter():
    d = depths(PAPER)
    assert len(d) == 64
    assert float(d[0]) == 1
    torch.testing.assert_close(d.diff(), torch.full((63,), 53 / 64))


def test_the_ray_of_a_pixel_is_computed_by_hand():
    """Pixel (70, 10) of the forward camera at (1, 2, 3): direction (1, -0.2, 0.3)."""
    inverse = forward_camera((1.0, 2.0, 3.0)).inverse()
    found = rays(torch.tensor([70.0, 10.0]), inverse, PAPER)
    d = depths(PAPER)[:, None]
    wanted = torch.tensor([1.0, 2.0, 3.0]) + d * torch.tensor([1.0, -0.2, 0.3])
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-5)
    first = to_range(found, PAPER)[0]  # d = 1: (2, 1.8, 3.3) in -54..54, -54..54, -5..3
    torch.testing.assert_close(first, torch.tensor([56 / 108, 55.8 / 108, 8.3 / 8]))  # above 1: not cut


@settings(deadline=None)
@given(st.floats(0, 99), st.floats(0, 79), st.integers(1, 63), st.floats(-3, 3))
def test_a_point_on_a_ray_falls_on_its_pixel(u, v, k, shift):
    camera = forward_camera((shift, -shift, shift / 2))
    point = rays(torch.tensor([u, v]), camera.inverse(), PAPER)[k]
    pixels, seen = projected(point[None, None], camera[None, None], SIZE)
    torch.testing.assert_close(pixels[0, 0, 0], torch.tensor([u, v]), atol=2e-2, rtol=1e-3)
    if 1 < u < 98 and 1 < v < 78:
        assert bool(seen)


def test_what_lies_behind_or_beside_is_not_seen():
    points = torch.tensor([[[-5.0, 0, 0], [5.0, 0, 0], [5.0, 3.0, 0], [0.0, 1.0, 0.0]]])
    _, seen = projected(points, forward_camera()[None, None], SIZE)
    assert seen.tolist() == [[[False, True, False, False]]]


def test_the_range_goes_there_and_back():
    points = torch.randn(7, 3, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(from_range(to_range(points, PAPER), PAPER), points, atol=1e-5, rtol=1e-4)


def test_a_query_sums_the_rays_of_the_views_that_see_its_anchor():
    """Two cameras look ahead, the third backwards: an anchor ahead gets two rays, one behind gets one."""
    torch.manual_seed(0)
    encoding = Encoding(TINY)
    back = forward_camera()
    back[:3, :2] *= -1
    lidar2img = torch.stack([forward_camera(), forward_camera((0.5, 0, 0)), back])[None]
    camera = torch.ones(1, 3, dtype=torch.bool)
    inverse = inverted(lidar2img, camera)
    points = torch.tensor([[[6.0, 0.5, 0.2], [-6.0, 0.5, 0.2], [0.0, 9.0, 0.0]]])
    anchors = to_range(points, TINY)
    found = encoding.query(anchors, lidar2img, inverse, camera, SIZE)[0]
    plane = encoding.plane(anchors[..., :2])[0]
    pixels, _ = projected(points, lidar2img, SIZE)
    ray = [encoding.ray(pixels[0, v, q], inverse[0, v]) for v, q in ((0, 0), (1, 0), (2, 1))]
    torch.testing.assert_close(found, plane + torch.stack([ray[0] + ray[1], ray[2], torch.zeros_like(ray[0])]))
    only = encoding.query(anchors, lidar2img, inverse, torch.tensor([[False, True, False]]), SIZE)[0]
    torch.testing.assert_close(only - plane, torch.stack([ray[1], 0 * ray[0], 0 * ray[0]]), atol=1e-6, rtol=1e-5)


def test_tokens_and_queries_share_their_encoding():
    """A pixel's token and a query whose anchor falls on that pixel have the same share of the ray network."""
    torch.manual_seed(0)
    encoding = Encoding(TINY)
    lidar2img = forward_camera()[None, None]
    camera = torch.ones(1, 1, dtype=torch.bool)
    inverse = inverted(lidar2img, camera)
    pixel = torch.tensor([40.0, 32.0])
    token = encoding.ray(pixel, inverse[0, 0])
    anchor = to_range(rays(pixel, inverse[0, 0], TINY)[3], TINY)[None, None]
    query = encoding.query(anchor, lidar2img, inverse, camera, SIZE)[0, 0]
    torch.testing.assert_close(query - encoding.plane(anchor[0, 0, :2]), token, atol=1e-3, rtol=1e-3)


def test_a_calibration_without_an_inverse_is_told_unless_its_camera_is_absent():
    matrices = torch.stack([forward_camera(), torch.zeros(4, 4)])[None]
    with pytest.raises(LabError, match="camera 1 in scene 0"):
        inverted(matrices, torch.tensor([[True, True]]))
    matrices[0, 1, 0, 0] = math.nan
    with pytest.raises(LabError, match="no inverse"):
        inverted(matrices, torch.tensor([[True, True]]))
    assert bool(inverted(matrices, torch.tensor([[True, False]])).isfinite().all())
