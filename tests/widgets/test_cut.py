"""Cutting slices: left is left, pixels are where their voxels are, windows and worst slices."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench_widgets.slices import cut

rng = np.random.default_rng(0)


def body(*where: int) -> np.ndarray:
    """Return a volume (20, 30, 40) with one bright voxel."""
    volume = np.zeros((20, 30, 40), np.int16)
    volume[where] = 1000
    return volume


@pytest.mark.parametrize(
    ("plane", "shape", "seen"),
    [
        (0, (30, 20), (30 - 1 - 25, 20 - 1 - 18)),  # axial, from the feet: front on top, right on the left
        (1, (40, 20), (40 - 1 - 33, 20 - 1 - 18)),  # coronal, from the front: head on top, right on the left
        (2, (40, 30), (40 - 1 - 33, 30 - 1 - 25)),  # sagittal, from the left: head on top, front on the left
    ],
)
def test_a_voxel_at_the_right_front_top_is_seen_left_and_on_top(plane, shape, seen):
    where = (18, 25, 33)
    volume = body(*where)
    picture = cut.cut(volume, plane, where[cut.NORMALS[plane]])
    assert picture.shape == shape
    assert np.argwhere(picture).tolist() == [list(seen)]
    assert seen[0] < shape[0] / 2 and seen[1] < shape[1] / 2
    assert np.shares_memory(picture, volume)


@pytest.mark.parametrize("order", ["C", "F"])
def test_memory_order_does_not_matter(order):
    volume = np.asarray(rng.integers(-1000, 1000, (7, 8, 9)), np.int16, order=order)
    for plane, normal in enumerate(cut.NORMALS):
        assert (np.take(volume, 3, normal) == cut.cut(volume, plane, 3)[::-1, ::-1].T).all()


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 90), st.integers(1, 90))
def test_scaling_keeps_size_range_and_constants(rows, columns, width, height):
    picture = np.random.default_rng(rows * columns).normal(size=(rows, columns)).astype(np.float32)
    out = cut.scaled(picture, width, height)
    assert out.shape == (height, width) and out.dtype == np.float32
    assert picture.min() - 1e-4 <= out.min() and out.max() <= picture.max() + 1e-4
    assert cut.scaled(np.full((rows, columns), -7, np.int16), width, height) == pytest.approx(-7)


def test_fewer_pixels_are_means_over_their_area():
    picture = rng.integers(-1000, 3000, (60, 90)).astype(np.int16)
    expected = picture.reshape(20, 3, 30, 3).mean((1, 3))
    assert cut.scaled(picture, 30, 20) == pytest.approx(expected, abs=1e-2)
    assert cut.scaled(picture, 37, 23).mean() == pytest.approx(picture.mean(), rel=1e-4), "no voxel counts twice"


def test_more_pixels_are_linear_between_the_middles_of_voxels():
    ramp = np.arange(10, dtype=np.float32)[None].repeat(4, 0)
    out = cut.scaled(ramp, 40, 4)
    at = (np.arange(40) + 0.5) / 4 - 0.5
    assert out[0] == pytest.approx(np.clip(at, 0, 9))


@given(st.integers(1, 50), st.integers(1, 50), st.integers(1, 80), st.integers(1, 80))
def test_labels_are_those_of_the_voxel_in_which_a_pixel_lies(rows, columns, width, height):
    picture = np.arange(rows * columns, dtype=np.uint16).reshape(rows, columns)
    out = cut.nearest(picture, width, height)
    y = ((np.arange(height) + 0.5) * rows / height).astype(int)
    x = ((np.arange(width) + 0.5) * columns / width).astype(int)
    assert (out == picture[np.ix_(y, x)]).all()


def test_windows():
    gray = np.array([-1000, -160, 40, 140, 240, 3000], np.float32)
    assert cut.windowed(gray, 40, 400).tolist() == [0, 0, 128, 191, 255, 255]
    assert cut.presets(np.zeros((4, 4, 4)), "CT")["Soft tissue"] == (40, 400)
    assert list(cut.presets(np.zeros((4, 4, 4)), "MR")) == ["Auto"]
    assert next(iter(cut.presets(np.zeros((4, 4, 4)), ""))) == "Auto"
    values = rng.normal(500, 50, (60, 60, 60)).astype(np.float32)
    level, width = cut.auto_window(values)
    low, high = np.percentile(values, (1, 99))
    assert (level, width) == pytest.approx(((low + high) / 2, high - low), rel=0.02)
    assert cut.auto_window(np.zeros((3, 3, 3)))[1] > 0, "a flat volume has a window too"


def test_the_most_wrong_slice_is_counted_as_by_hand():
    tables = np.array([0, 1, 2, 0], np.uint8), np.array([0, 2, 1, 0], np.uint8)  # numbers swapped between the two
    truth = rng.integers(0, 4, (9, 8, 7)).astype(np.uint8)
    found = rng.integers(0, 4, (9, 8, 7)).astype(np.uint8)
    counts = cut.most_wrong(truth, found, tables, 2)
    for organ in (1, 2):
        a, b = tables[0][truth] == organ, tables[1][found] == organ
        assert counts[organ].tolist() == (a ^ b).sum((0, 1)).tolist()
    alone = cut.most_wrong(truth, None, tables, 2)
    assert alone[1].tolist() == (truth == 1).sum((0, 1)).tolist()


def test_the_middle_of_a_ring_is_on_the_ring():
    x, y = np.indices((21, 21)) - 10
    ring = (abs(np.hypot(x, y) - 8) < 1) & (x < 5)
    assert ring[cut.middle_of(ring)]
