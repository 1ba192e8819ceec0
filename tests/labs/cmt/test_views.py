"""The views: they build from what there is, and the probe's view asks and shows what it is answered."""

from dataclasses import replace

import bokeh.models as bm
import numpy as np
import pytest

from workbench.contract.errors import LabError
from workbench.contract.result import Result
from workbench.labs.cmt import LAB
from workbench.labs.cmt.common.kept_scenes import scenes_of
from workbench.labs.cmt.views.layers import Layers
from workbench.labs.cmt.views.probe import ATTENTION, SIMILARITY, Bench
from workbench.labs.cmt.views.scores import arms_map, whole
from workbench.toolkit.memory import MemoryContext
from workbench.ui.link import Link

TITLES = ["Arms", "Scenes", "Probe", "Positions", "Classes", "Learning"]


@pytest.fixture(scope="module")
def ran(tiny, loaded_run):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("workbench.labs.cmt.method.evaluation.DRAWS", 10)
        params = LAB.Params.make("quick", **tiny, arms=["plain", "masked", "late"], seeds=2)
        ctx = MemoryContext(seed=1)
        return loaded_run(params, ctx, LAB.run(params, ctx), 1)


def test_every_view_builds_on_a_page(ran, answering):
    views = LAB.views(ran.result, Link("x", answering(LAB, ran)))
    assert list(views) == TITLES
    for build in views.values():
        build()
    assert LAB.views(Result()) == {}


def test_choices_draw_anew(ran):
    for title in ("Arms", "Scenes", "Classes", "Learning"):
        view = LAB.views(ran.result)[title]()
        for widget in view[1]:
            before = view[2][0]
            widget.value = list(widget.options.values() if isinstance(widget.options, dict) else widget.options)[-1]
            widget.param.trigger("value")
            assert view[2][0] is not before


def test_the_picture_of_arms_holds_the_means_over_trainings(ran):
    rows = whole(ran.result)
    cells = rows.groupby(["arm", "condition"])["nds"].agg(["mean", "std", "count"])
    plot = arms_map(cells, ["both", "no lidar", "no cameras"], "nds")
    data = next(r.data_source.data for r in plot.renderers if isinstance(r.glyph, bm.Rect))
    at = [k for k, (x, y) in enumerate(zip(data["x"], data["y"], strict=True)) if x == "No LiDAR" and "masked" in y]
    own = rows[(rows["arm"] == "masked") & (rows["condition"] == "no lidar")]["nds"]
    assert len(own) == 2 and data["value"][at[0]] == pytest.approx(own.mean())


def test_the_probe_asks_with_what_is_switched_off_and_says_what_fails(ran, answering):
    asked = answering(LAB, ran)
    bench = Bench(ran.result, scenes_of(ran.result), Link("x", asked), ATTENTION)
    assert "Answered" in bench.note.object and bench.layers.points.visible
    bench.lidar.value = False
    assert asked.requests[-1]["lidar"] is False and not bench.layers.points.visible
    bench.off.value = ["CAM_FRONT"]
    assert asked.requests[-1]["off"] == ["CAM_FRONT"]
    titles = [plot.title.text for plot in bench.layers.shots]
    assert "CAM_FRONT, off" in titles and "CAM_BACK" in titles
    bench.moves["ahead"].value = 1.0
    bench.moves["ahead"].param.trigger("value_throttled")
    assert asked.requests[-1]["ahead"] == 1.0 and "**1.00 m**" in bench.moved.object
    assert len(bench.layers.ghost.data["xs"]) == 1
    bench._fail(LabError("Nobody is there.", "Wait."))
    assert "Nobody is there" in bench.note.object


def test_a_clicked_box_gives_its_query_or_is_the_one_that_is_moved(ran, answering):
    asked = answering(LAB, ran)
    bench = Bench(ran.result, scenes_of(ran.result), Link("x", asked), SIMILARITY)
    bench.least.value = 0.0
    row = len(bench.truth) + 2
    bench.layers.boxes.selected.indices = [row]
    assert asked.requests[-1]["query"] == int(bench.found["query"].iloc[2])
    assert bench.layers.boxes.selected.indices == []
    bench.layers.boxes.selected.indices = [1]
    assert bench.box == 1
    assert "box" not in asked.requests[-1]  # that is for the other tab


def test_a_token_lies_where_its_cell_is(ran):
    """The token 3rd along y (left) and 1st along x (back) is drawn at the bottom, left of the middle's right half."""
    scene = next(iter(scenes_of(ran.result).values()))
    layers = Layers(scene, 16.0, lambda row: None)
    bev = np.zeros((4, 4))
    bev[2, 0] = 1  # y from 0 to 8 m left, x from -16 to -8 m: behind, left
    views = np.zeros((6, 2, 4))
    views[0, 1, 3] = 1
    layers.cover(bev, views, np.array([1.0, 2.0, 0.0]), signed=False)
    alpha = layers.covers[0].data["image"][0].view(np.uint8).reshape(4, 4, 4)[..., 3]
    assert np.argwhere(alpha).tolist() == [[0, 1]]  # lowest row (behind), just left of the middle
    k = [camera.name for camera in layers.cameras].index(scene.cameras[0].name)
    alpha = layers.covers[1 + k].data["image"][0].view(np.uint8).reshape(2, 4, 4)[..., 3]
    assert np.argwhere(alpha).tolist() == [[1, 3]]
    assert layers.anchor.data == {"x": [-2.0], "y": [1.0]}


def test_the_window_of_open3d_gets_what_the_tab_shows_at_first(ran, monkeypatch):
    from workbench.labs.cmt import viewers

    taken = []
    monkeypatch.setattr(viewers, "show_scene", lambda *args: taken.append(args))
    LAB.viewers(ran)["open3d"](None)
    scene, found, save, title = taken.pop()
    assert scene.name == next(iter(scenes_of(ran.result))) and save is None
    assert title == f"{scene.name}, Fusion, masked-modal training, Both sensors"
    table = ran.result.tables["boxes"]
    rows = table[(table["scene"] == scene.name) & (table["arm"] == "masked") & (table["condition"] == "both")]
    assert len(found) == len(rows) > 0 and found.names.tolist() == rows["class"].tolist()


def test_a_run_stopped_before_its_first_box_shows_the_scene_and_one_before_its_first_scene_no_window(ran, monkeypatch):
    from workbench.labs.cmt import viewers

    taken = []
    monkeypatch.setattr(viewers, "show_scene", lambda *args: taken.append(args))
    early = replace(ran, result=Result(media=ran.result.media))
    LAB.viewers(early)["open3d"](None)
    assert len(taken[0][0].points) > 0 and taken[0][1] is None
    assert LAB.viewers(replace(ran, result=Result())) == {}
