"""NSD by both definitions: on shapes whose surface is known, beside both peers, and at the edges of what can be."""

import math
from importlib import import_module

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from workbench.toolkit.segmentation import surfaces
from workbench.toolkit.segmentation.surfaces import area_table, average_distance, surface_overlap

MM = (1.0, 1.0, 1.0)


def cube(side, at=(2, 2, 2), shape=(16, 16, 16)):
    mask = np.zeros(shape, bool)
    mask[tuple(slice(a, a + side) for a in at)] = True
    return mask


def blobs(seed, shape=(11, 9, 12)):
    rng = np.random.default_rng(seed)
    noise = ndimage.gaussian_filter(rng.normal(size=(2, *shape)), (0, 1.3, 1.3, 1.3))
    return noise[0] > 0.05, noise[0] + 0.6 * noise[1] > 0.05


def deepmind(a, b, spacing, tolerance):
    peer = import_module("surface_distance")
    return peer.compute_surface_dice_at_tolerance(peer.compute_surface_distances(a, b, spacing), tolerance)


def test_the_area_of_a_cube_is_that_of_a_cube_with_its_edges_cut():
    area = surface_overlap(cube(8), cube(8), MM, 0).whole_a
    # six faces of 7x7 squares, twelve cut edges of 7 times sqrt(1/2), eight corners of a triangle each
    assert area == pytest.approx(6 * 49 + 12 * 7 * math.sqrt(0.5) + 8 * math.sqrt(3) / 8)


def test_the_area_of_a_ball_nears_that_of_a_sphere():
    r = 20
    grid = np.stack(np.meshgrid(*[np.arange(-r - 2, r + 3)] * 3, indexing="ij"))
    ball = (grid**2).sum(0) <= r * r
    found = surface_overlap(ball, ball, (2.0, 2.0, 2.0), 0)
    assert found.whole_a == pytest.approx(4 * math.pi * (2 * r) ** 2, rel=0.1) and found.nsd == 1


def test_edge_voxels_of_a_cube_are_its_shell():
    assert surface_overlap(cube(8), cube(8), MM, 0, "voxels").whole_a == 8**3 - 6**3


def test_a_cube_shifted_by_two_voxels_is_near_exactly_from_two_voxels_on():
    a, b = cube(6), cube(6, at=(4, 2, 2))
    for surface in surfaces.SURFACES:
        assert surface_overlap(a, b, MM, 2.0, surface).nsd == 1
        assert surface_overlap(a, b, MM, 1.99, surface).nsd < 1
        assert surface_overlap(a, b, (0.7, 1.0, 1.0), 1.4, surface).nsd == 1  # 1.4 mm, however it is rounded
        assert surface_overlap(a, b, (3.0, 1.0, 1.0), 2.0, surface).nsd < 1  # the same voxels are 6 mm apart


def test_masks_at_the_border_of_the_array_have_a_surface_there():
    full = np.ones((4, 4, 4), bool)
    assert surface_overlap(full, full, MM, 0, "voxels").whole_a == 64 - 8
    assert surface_overlap(full, full, MM, 0).whole_a == surface_overlap(cube(4), cube(4), MM, 0).whole_a


def test_an_empty_mask_has_no_surface():
    none = np.zeros((5, 5, 5), bool)
    assert math.isnan(surface_overlap(none, none, MM, 1).nsd)
    some = surface_overlap(none, cube(2, (1, 1, 1), (5, 5, 5)), MM, 100)
    assert some.nsd == 0 and some.whole_b > 0 == some.whole_a


@pytest.mark.parametrize("spacing", [MM, (0.7, 1.3, 2.1), (3.0, 3.0, 0.5)])
def test_the_areas_are_deepminds(spacing):
    tables = import_module("surface_distance.lookup_tables")
    np.testing.assert_allclose(area_table(spacing)[1:255], peer_areas(tables, spacing), rtol=1e-6)


def peer_areas(tables, spacing):
    """Return the peer's areas in our order of bits: its kernel has the highest bit first."""
    theirs = tables.create_table_neighbour_code_to_surface_area(spacing)
    ours = (np.arange(1, 255)[:, None] >> np.arange(8)) & 1  # bit b is the voxel b
    return theirs[(ours * np.asarray(tables.ENCODE_NEIGHBOURHOOD_3D_KERNEL).ravel()).sum(1)]


@pytest.mark.parametrize("spacing", [MM, (0.71, 1.3, 2.1), (3.0, 3.0, 5.0)])
@pytest.mark.parametrize("tolerance", [0.0, 0.9, 2.5, 7.3])
def test_by_area_it_agrees_with_deepmind(spacing, tolerance):
    for seed in range(4):
        a, b = blobs(seed)
        assert surface_overlap(a, b, spacing, tolerance).nsd == pytest.approx(
            deepmind(a, b, spacing, tolerance), abs=1e-9
        )


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    spacing=st.tuples(*[st.floats(0.4, 5)] * 3),
    tolerance=st.floats(0, 12),
    surface=st.sampled_from(surfaces.SURFACES),
)
def test_the_ball_and_the_distance_transform_say_the_same(seed, spacing, tolerance, surface):
    a, b = blobs(seed)
    by_ball = surface_overlap(a, b, spacing, tolerance, surface)
    before, surfaces._ball = surfaces._ball, lambda *_: None
    try:
        assert surface_overlap(a, b, spacing, tolerance, surface) == by_ball
    finally:
        surfaces._ball = before


@pytest.mark.slow
def test_both_definitions_agree_with_monai():
    torch = import_module("torch")
    metrics = import_module("monai.metrics")
    for spacing in (MM, (0.7, 1.3, 2.1)):
        a, b = blobs(3)
        asked = [torch.from_numpy(np.stack([~m, m])[None].astype(np.float32)) for m in (a, b)]
        for surface, exact in (("area", True), ("voxels", False)):
            theirs = metrics.compute_surface_dice(*asked, [1.1], spacing=spacing, use_subvoxels=exact)
            assert surface_overlap(a, b, spacing, 1.1, surface).nsd == pytest.approx(float(theirs), abs=5e-5)


def test_the_average_distance_of_shifted_slabs_is_the_shift_and_an_empty_mask_has_none():
    a = np.zeros((9, 9, 9), bool)
    a[:, :, 2] = True  # one voxel thin: all of it is surface
    assert average_distance(a, np.roll(a, 3, axis=2), (1.0, 1.0, 2.5)) == pytest.approx(7.5)
    assert average_distance(a, a, MM) == 0
    assert math.isnan(average_distance(a, np.zeros_like(a), MM))
    one, other = blobs(5)
    assert average_distance(one, other, (1.0, 2.0, 3.0)) == average_distance(other, one, (1.0, 2.0, 3.0)) > 0


@pytest.mark.slow
def test_the_average_distance_agrees_with_monai():
    torch = import_module("torch")
    metrics = import_module("monai.metrics")
    for spacing in (MM, (0.7, 1.3, 2.1)):
        a, b = blobs(4)
        asked = [torch.from_numpy(np.stack([~m, m])[None].astype(np.float32)) for m in (a, b)]
        theirs = metrics.compute_average_surface_distance(*asked, symmetric=True, spacing=spacing)
        assert average_distance(a, b, spacing) == pytest.approx(float(theirs), abs=1e-4)
