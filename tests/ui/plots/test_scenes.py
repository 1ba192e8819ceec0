"""The shared view of scenes: what is shown of whom, one selection, and what a link restores."""

from __future__ import annotations

from dataclasses import replace

import bokeh.models as bm
import numpy as np
import pytest

from workbench.data.scenes.scene import Boxes, Scene, boxes
from workbench.data.scenes.simulated import Recipe, sim_scene
from workbench.toolkit.detection.verdicts import FALSE, FOUND, MISSED, verdicts
from workbench.ui.link import Link, State
from workbench.ui.plots.scene_plots import BUDGET
from workbench.ui.plots.scene_rows import INSIDE, STATES
from workbench.ui.plots.scenes import scene_view
from workbench_widgets import Scene3D


@pytest.fixture(scope="module")
def scene() -> Scene:
    return sim_scene(Recipe(height=64, width=160, fine=1), "train", 1)


def guesses(scene: Scene) -> Boxes:
    """All objects but the first, a little off, with falling scores; and one where nothing is."""
    b = scene.boxes.take(np.arange(1, len(scene.boxes)))
    center = np.concatenate([b.center + (0.3, 0.2, 0), [[-25.0, 25, 0]]])
    label, score = np.append(b.label, 0), np.linspace(1, 0.4, len(b) + 1)
    return boxes(center, np.append(b.size, [[4, 2, 1.5]], 0), np.append(b.yaw, 0), label, b.classes, score=score)


def sources(view) -> list[bm.ColumnDataSource]:
    """The boxes' data of each picture, cameras first."""
    figures = [p.object for p in view.select(lambda o: isinstance(getattr(o, "object", None), bm.Plot))]
    return [next(r.data_source for r in f.renderers if isinstance(r.glyph, bm.MultiLine)) for f in figures]


def link(**kept) -> Link:
    return Link("run", lambda request: None, state=State({"scene": kept} if kept else {}))


def widget(view, label: str):
    return next(iter(view.select(lambda o: getattr(o, "label", "") == label)))


def test_verdicts_are_those_of_the_metric_in_one_scene(scene):
    mine, theirs, partner = verdicts(scene.boxes, guesses(scene))
    n = len(scene.boxes)
    assert mine.tolist() == [MISSED] + [FOUND] * (n - 1) and theirs.tolist() == [FOUND] * (n - 1) + [FALSE]
    assert partner.tolist() == [*range(1, n), -1]
    other = replace(guesses(scene), label=(guesses(scene).label + 1) % 7)
    assert (verdicts(scene.boxes.take(np.arange(3)), other)[0] != MISSED).sum() <= 1  # of another class


def test_every_picture_has_every_box_in_the_same_row(scene):
    view = scene_view(scene, guesses(scene))
    found = sources(view)
    assert len(found) == 7 and {len(s.data["xs"]) for s in found} == {2 * len(scene.boxes)}
    assert found[-1].data["dash"] == ["solid"] * len(scene.boxes) + ["dashed"] * len(scene.boxes)
    k = int(scene.boxes.points.argmax())
    x, y = np.nanmean(found[-1].data["xs"][k]), np.nanmean(found[-1].data["ys"][k])
    np.testing.assert_allclose([y, -x], scene.boxes.center[k, :2], atol=3)  # left is left, ahead is up
    assert any(s.data["xs"][k] for s in found[:-1])


def test_cameras_run_from_left_to_right_ahead_and_then_back(scene):
    titles = [
        p.object.title.text for p in scene_view(scene).select(lambda o: isinstance(getattr(o, "object", None), bm.Plot))
    ]
    assert titles[:-1] == [
        "CAM_FRONT_LEFT",
        "CAM_FRONT",
        "CAM_FRONT_RIGHT",
        "CAM_BACK_LEFT",
        "CAM_BACK",
        "CAM_BACK_RIGHT",
    ]


def test_the_slider_hides_and_judges_by_what_is_left(scene):
    kept = link()
    view = scene_view(scene, guesses(scene), link=kept)
    widget(view, "Boxes by").value = "matched, missed, false"
    data, n = sources(view)[-1].data, len(scene.boxes)
    assert (
        data["color"][0] == STATES[MISSED] and data["color"][1] == STATES[FOUND] and data["color"][-1] == STATES[FALSE]
    )
    assert all(data["alpha"])
    widget(view, "Score from").value = 0.99
    assert data["alpha"] == [1.0] * (n + 1) + [0.0] * (n - 1) and data["color"][2] == STATES[MISSED]
    assert kept.state["scene"]["score"] == 0.99 and kept.state["scene"]["paint"] == "matched, missed, false"


def test_a_selection_is_described_kept_and_restored(scene):
    kept = link(selected=[2], score=0.5, paint="truth or prediction", points="intensity")
    view = scene_view(scene, guesses(scene), link=kept)
    assert [s.selected.indices for s in sources(view)] == [[2]] * 7
    assert widget(view, "Score from").value == 0.5 and widget(view, "Points by").value == "intensity"
    assert "LiDAR points" in view[-1].object and scene.boxes.names[2] in view[-1].object
    sources(view)[-1].selected.indices = [len(scene.boxes)]
    assert "score 1.00, matched" in view[-1].object and kept.state["scene"]["selected"] == [len(scene.boxes)]


def test_what_is_absent_is_left_out_and_what_is_thinned_is_said(scene):
    bare = replace(scene, cameras=(), boxes=None)
    assert len(sources(scene_view(bare))) == 1
    assert len(sources(scene_view(replace(scene, points=scene.points[:0], rings=scene.rings[:0])))) == 7
    words = scene_view(scene)[0].object
    assert "SIMULATED" in words and f"of {len(scene.points):,} points are drawn" in words and len(scene.points) > BUDGET
    odd = link(selected=[999, "x"], score=0.2, paint="nonsense", points=None)
    assert sources(scene_view(scene, link=odd))[0].selected.indices == []


def test_in_3d_the_choice_colors_and_points_are_those_of_the_other_pictures(scene):
    bare = scene_view(scene)
    assert not list(bare.select(Scene3D)) and widget(bare, "Show in 3-D").visible
    kept = link(camera=[0, 30, 20, 1, 2, -1])
    view = scene_view(scene, guesses(scene), link=kept)
    [space] = view.select(Scene3D)  # a link to it shows it at once
    space.selected = [1]
    assert [s.selected.indices for s in sources(view)] == [[1]] * 7 and kept.state["scene"]["selected"] == [1]
    sources(view)[-1].selected.indices = [3]
    assert space.selected == [3]
    space.shade = INSIDE
    assert widget(view, "Points by").value == kept.state["scene"]["points"] == INSIDE
    widget(view, "Boxes by").value = "matched, missed, false"
    widget(view, "Score from").value = 0.99
    rows = np.frombuffer(space.looks, np.uint8).reshape(-1, 4)
    assert bytes(rows[0, :3]).hex() == STATES[MISSED][1:].lower()
    assert rows[:, 3].tolist() == [255] * (len(scene.boxes) + 1) + [0] * (len(scene.boxes) - 1)
    space.camera = [10, 20, 30, 0, 0, 0]
    assert kept.state["scene"]["camera"] == [10, 20, 30, 0, 0, 0]
