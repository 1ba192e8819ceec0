"""The views: they build from what there is, and the probe's view asks and shows what it is answered."""

import numpy as np
import pytest

from workbench.contract.errors import LabError
from workbench.contract.lab import labs
from workbench.contract.result import Result
from workbench.labs.eam.params import CT_ONLY, EAM, JOINT, KEPT, MR_ONLY
from workbench.labs.eam.views.slices import Bench
from workbench.toolkit.cases import stored_cases
from workbench.toolkit.memory import MemoryContext
from workbench.ui.link import Link

LAB = labs()["eam"]
TITLES = ["Dice", "Annotated", "Slices", "Probe", "Attention", "Correlations", "Representations", "Learning"]


@pytest.fixture(scope="module")
def ran(tiny, loaded_run):
    values = {**tiny, "shots": [1, 2], "seeds": 2, "few": "both"}
    params = LAB.Params.make("quick", **values, arms=[MR_ONLY, CT_ONLY, JOINT, EAM, KEPT])
    ctx = MemoryContext(seed=1)
    result = LAB.run(params, ctx)
    return loaded_run(params, ctx, result, 1)


def test_every_view_builds_on_a_page(ran, answering):
    views = LAB.views(ran.result, Link("x", answering(LAB, ran)))
    assert list(views) == TITLES
    for build in views.values():
        build()


def test_choices_draw_anew(ran):
    for title in ("Dice", "Annotated", "Attention", "Correlations", "Representations", "Learning"):
        view = LAB.views(ran.result)[title]()
        for widget in view[1]:
            options = getattr(widget, "options", None)
            before = view[2][0]
            if options and len(options) > 1:
                widget.value = list(options.values() if isinstance(options, dict) else options)[-1]
                widget.param.trigger("value")
                assert view[2][0] is not before


def test_made_up_scores_and_nothing_are_drawn_as_far_as_they_go(scored):
    views = LAB.views(scored())
    assert list(views) == ["Dice", "Annotated"]
    for build in views.values():
        build()
    assert LAB.views(Result()) == {}


def test_ct_and_mr_stand_on_one_cursor(ran, answering):
    view = LAB.views(ran.result, Link("x", answering(LAB, ran)))["Slices"]()
    assert len(view[2][0][0].sides) == 2


def test_the_probe_asks_where_the_cursor_goes_and_says_what_fails(ran, answering):
    asked = answering(LAB, ran)
    bench = Bench(ran.result, stored_cases(ran.result), Link("x", asked))
    assert "Answered" in bench.note.object and len(bench.found[0]) == 2
    first = bench.cases["CT test 1"]["truth"]
    assert first[tuple(bench.at)] == np.bincount(first[first > 0]).argmax() > 0  # it begins in the largest organ
    bench.scan[0][0].cursor = [3, 4, 1]
    assert asked.requests[-1]["at"] == [3, 4, 1] and "(4, 5), slice 2 of the CT" in bench.note.object
    bench.of.value = "MR"
    assert asked.requests[-1]["subject"].startswith("MR") and "of the MR" in bench.note.object
    bench.organ.value = "liver"
    assert "**liver**" in bench.note.object
    bench._fail(LabError("Nobody is there.", "Wait."))
    assert "Nobody is there" in bench.note.object


def test_a_window_of_napari_gets_masks_and_maps_on_the_grid_of_the_scan(ran, monkeypatch):
    from workbench.labs.eam import viewers

    taken = []
    monkeypatch.setattr(viewers, "show_volume", lambda *args: taken.append(args))
    LAB.viewers(ran)["napari"](None)
    volume, truth, prediction, save, title, maps = taken[0]
    assert volume.modality == "MR" and title == "MR test 1, joint + EAM, 1 MR" and save is None
    assert truth.voxels.shape == prediction.voxels.shape == volume.shape and "SIMULATED" in volume.note
    assert list(maps) == [f"attention: {c}" for c in ("background", "liver", "right kidney", "left kidney", "spleen")]
    total = sum(maps.values())
    assert total.shape == volume.shape and np.allclose(total, 1, atol=0.01)


def test_a_slice_is_drawn_with_the_right_on_the_left():
    from workbench.labs.eam.views.style import slice_figure

    image = np.zeros((4, 3), np.float32)
    image[3, 2] = 1  # right, front
    drawn = slice_figure(image, image, "x").renderers[0].data_source.data["image"][0]
    assert drawn[2, 0] == 1 and drawn.sum() == 1
