"""Scenes in Open3D: the boxes and colors of the page, and a real frame drawn without a screen."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from workbench import viewers
from workbench.contract.errors import LabError
from workbench.data.scenes.geometry import corners
from workbench.data.scenes.named import open_set
from workbench.data.scenes.pictures import BEHIND
from workbench.data.scenes.scene import Scene, boxes
from workbench.ui.plots.scene_rows import INSIDE, PAINTS, STATES
from workbench.viewers import scenes

MIRROR = Path(os.environ.get("WORKBENCH_DATA_MIRROR") or Path(__file__).parents[3] / "shared" / "data")
SHARED = MIRROR.resolve() / "lidar" / "nuscenes"


@pytest.fixture(scope="module")
def frame() -> Scene:
    """The key frame of nuScenes: 34,688 points, 69 boxes."""
    if not SHARED.exists():
        pytest.skip("data: no mirror of the real frames")
    return open_set("nuscenes_frame", lambda entry: SHARED)


def small() -> tuple[Scene, object]:
    """A point in a true car, one in a prediction, one in none; the prediction's score is 0.4."""
    points = np.array([[10, 2, 0, 0.5, 0], [20, -5, 0, 0.5, 0], [5, 5, 0, 0.5, 0]], np.float32)
    truth = boxes([[10, 2, 0]], [[4, 2, 2]], [0.0], [0], ("car",))
    found = boxes([[20, -5, 0]], [[4, 2, 2]], [np.pi / 2], [0], ("car",), score=np.array([0.4]))
    return Scene("s", points, np.full(3, -1, np.int16), boxes=truth), found


def rgb(color: str) -> list[int]:
    return list(bytes.fromhex(color[1:]))


def test_boxes_have_the_places_dashes_and_colors_of_the_page():
    scene, found = small()
    drawn = scenes.parts(scene, found, PAINTS[2], INSIDE)
    assert drawn["ends"].shape[1:] == (2, 3) and len(drawn["ends"]) == len(drawn["ink"])
    missed, false = rgb(STATES["missed"]), rgb(STATES["false"])
    solid = drawn["ends"][:13]
    assert (drawn["ink"][:13] == missed).all() and (drawn["ink"][13:] == false).all()
    np.testing.assert_allclose(np.unique(solid[:12].reshape(-1, 3), axis=0), np.unique(corners(scene.boxes)[0], axis=0))
    np.testing.assert_allclose(solid[12], [[10, 2, 1], [12, 2, 1]])  # on the roof, to the front
    lengths = np.linalg.norm(drawn["ends"][13:, 1] - drawn["ends"][13:, 0], axis=1)
    assert lengths.max() == pytest.approx(0.42) and lengths.sum() == pytest.approx(0.6 * (4 * 8 + 2), rel=0.1)
    assert drawn["rgb"][0].tolist() == missed and drawn["rgb"][1].tolist() == false
    assert drawn["rgb"][2].tolist() not in (missed, false)
    hidden = scenes.parts(scene, found, PAINTS[2], INSIDE, least=0.5)
    assert len(hidden["ends"]) == 13 and (hidden["rgb"][1] == hidden["rgb"][2]).all()
    bare = scenes.parts(replace(scene, points=scene.points[:0], boxes=None), None)
    assert bare["xyz"].shape == (0, 3) and bare["ends"].shape == (0, 2, 3)


@pytest.mark.parametrize(
    ("module", "reasons"),
    [
        ("raise ImportError('libusb-1.0.so.0 is missing')", ["vulkan: open3d cannot be loaded: libusb"]),
        (
            "import os, sys; 'vulkan' in sys.argv and os.abort(); raise OSError('no EGL')",
            ["vulkan: it ended", "no EGL"],
        ),
    ],
    ids=["absent", "aborts"],
)
def test_what_cannot_be_drawn_is_told_and_the_process_lives(module, reasons, tmp_path, monkeypatch):
    (tmp_path / "open3d.py").write_text(module)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=":")
    with pytest.raises(LabError) as told:
        scenes.picture(*small())
    assert all(reason in told.value.cause for reason in reasons) and "make desktop" in told.value.hint


def test_a_window_without_a_screen_is_refused(monkeypatch):
    monkeypatch.setattr(scenes, "desktop", lambda name: None)
    monkeypatch.setattr(scenes, "has_screen", lambda: False)
    with pytest.raises(LabError, match="Open3D found no screen"):
        scenes.show_scene(*small())


@pytest.mark.slow
def test_a_real_frame_is_drawn_headless_for_a_run_of_a_lab(frame, tmp_path, monkeypatch):
    """By the door of `workbench view RUN --in open3d --save PNG`, as a lab opens it."""
    if find_spec("open3d") is None:
        pytest.skip("open3d is not installed")
    lab = SimpleNamespace(viewers=lambda run: {"open3d": partial(scenes.show_scene, frame, None)})
    monkeypatch.setattr(viewers, "get_lab", lambda name: lab)
    monkeypatch.delenv("DISPLAY", raising=False)
    viewers.show(SimpleNamespace(lab="cmt"), "open3d", tmp_path / "seen.png")
    seen = np.asarray(Image.open(tmp_path / "seen.png")).astype(int)
    assert seen.shape == (800, 1280, 3)
    near = lambda color, slack=12: (np.abs(seen - color) <= slack).all(-1)  # noqa: E731
    assert 0.5 < near(BEHIND, 3).mean() < 0.99, "points lie on the ground of the page"
    drawn = scenes.parts(frame, None)
    x, y = frame.boxes.center[:, :2].T
    colors = np.unique(drawn["ink"][::13][(x > 5) & (x < 35) & (abs(y) < 15)], axis=0)
    assert len(colors) >= 3 and all(near(color).sum() > 10 for color in colors), "each kind of box that is in view"
    # the largest box, a truck ahead on the left, is left of the middle and in its color
    k = int(frame.boxes.size.prod(1).argmax())
    assert frame.boxes.center[k, 1] > 0
    columns = np.nonzero(near(drawn["ink"][13 * k]))[1]
    assert np.median(columns) < 640
