"""Ten classes and more can be told apart, by color and by a second sign, on light and on dark ground."""

import itertools

import numpy as np
import pytest

from workbench.ui.palette import DARK, PALETTE, YELLOW

# Machado, Oliveira, Fernandes (2009): what a color looks like without one kind of cone
SIGHT = {
    "all cones": np.eye(3),
    "no green": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "no red": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
}
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def linear(color):
    part = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)


def lab(color, sight):
    seen = XYZ @ np.clip(np.array(SIGHT[sight]) @ linear(color), 0, 1) / (0.9505, 1, 1.089)
    x, y, z = np.where(seen > 0.008856, np.cbrt(seen), 7.787 * seen + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def contrast(color, ground):
    high, low = sorted((float(XYZ[1] @ linear(c)) + 0.05 for c in (color, ground)), reverse=True)
    return high / low


@pytest.mark.parametrize("palette", [PALETTE, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("sight", SIGHT)
def test_ten_colors_differ_to_every_eye_or_have_a_marker_of_their_own(palette, sight):
    ten = [(palette.color(i), palette.marker(i)) for i in range(10)]
    assert len(set(ten)) == 10 and len({marker for _, marker in ten}) == 10
    for (one, _), (other, _) in itertools.combinations(ten, 2):
        assert np.linalg.norm(lab(one, sight) - lab(other, sight)) > 8  # 2.3 is the least that an eye can tell


def test_every_color_stands_out_from_its_ground():
    assert all(contrast(color, "#ffffff") > 2.2 for color in PALETTE.classes if color != YELLOW)
    assert all(contrast(color, "#14181c") > 3 for color in DARK.classes)
