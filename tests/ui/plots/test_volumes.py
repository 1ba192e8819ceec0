"""The shared view of volumes: masks that fit, what a link restores, and 3-D when it is asked for."""

from __future__ import annotations

import socket

import numpy as np
import panel as pn
import pytest

from workbench.contract.errors import LabError
from workbench.data.volumes.volume import Labels, Volume
from workbench.ui.link import Link, State
from workbench.ui.plots.volumes import labels_of, organ_colors, side, slices_view

AFFINE = np.diag([2.0, 2, 3, 1])
NAMES = {1: "liver", 2: "spleen"}


def scan(name: str = "a.nii.gz", note: str = "") -> Volume:
    voxels = np.arange(20 * 24 * 16, dtype=np.int16).reshape(20, 24, 16)
    return Volume(voxels, AFFINE, "CT", name, note)


def mask(where: slice = slice(4, 12), note: str = "") -> Labels:
    voxels = np.zeros((20, 24, 16), np.uint8)
    voxels[where, 4:12, 4:12] = 1
    voxels[14:18, 4:12, 4:12] = 2
    return Labels(voxels, AFFINE, NAMES, note)


def link(**kept) -> Link:
    return Link("run", lambda request: None, state=State({"slices": kept} if kept else {}))


def test_a_view_has_slices_and_offers_3d_only_where_there_are_organs():
    view = slices_view(scan(), mask(), mask(slice(5, 12)))
    assert view[0].mode == "difference" and [name for name, *_ in view[0].organs] == ["liver", "spleen"]
    assert len(view) == 2
    assert len(slices_view(scan())) == 1 and len(slices_view(scan(), mask(), solid=False)) == 1


def test_a_mask_of_another_grid_is_explained():
    other = Labels(np.zeros((20, 24, 15), np.uint8), AFFINE, NAMES)
    with pytest.raises(LabError, match=r"The prediction does not fit a.nii.gz: 20 x 24 x 15|20 x 24 x 16"):
        slices_view(scan(), mask(), other)
    many = labels_of(mask().voxels, scan(), {k: f"organ {k}" for k in range(1, 300)})
    assert many.voxels.dtype == np.uint16
    with pytest.raises(LabError, match="255"):
        slices_view(scan(), many)


def test_what_must_be_said_is_said():
    view = slices_view(scan(note="SIMULATED"), mask(note="pseudo-labels"), twin=side(scan("b"), mask()))
    assert view[0].grids[0]["note"] == "SIMULATED; truth: pseudo-labels"
    assert [grid["name"] for grid in view[0].grids] == ["a.nii.gz", "b"]


def test_the_state_follows_and_restores():
    page = link()
    view = slices_view(scan(), mask(), link=page)[0]
    assert "slices" not in page.state, "nothing was set"
    view.param.update(cursor=[1, 2, 3], hidden=[2], mode="none")
    assert page.state["slices"] == {"cursor": [1, 2, 3], "hidden": [2], "mode": "none"}
    again = slices_view(scan(), mask(), link=Link("run", lambda request: None, state=page.state))[0]
    assert (again.cursor, again.hidden, again.mode) == ([1, 2, 3], [2], "none")
    again.param.update(cursor=[10, 12, 8], hidden=[], mode="truth")
    assert page.state["slices"] == {}


@pytest.mark.parametrize(
    "kept",
    [
        {"cursor": [99, 0, 0]},
        {"cursor": "abc"},
        {"cursor": [1, 2]},
        {"windows": [[40, -4]]},
        {"windows": [[float("nan"), 4]]},
        {"mode": "all"},
        {"mode": ["truth"]},
        {"opacity": 7},
        {"opacity": True},
        {"hidden": [0]},
        {"hidden": [3]},
        {"outline": 1},
    ],
    ids=str,
)
def test_what_does_not_fit_in_an_address_is_left_alone(kept):
    plain, view = slices_view(scan(), mask())[0], slices_view(scan(), mask(), link=link(**kept))[0]
    for name in ("cursor", "windows", "mode", "opacity", "hidden", "outline"):
        assert getattr(view, name) == getattr(plain, name)


def test_colors_are_bright_and_the_lab_may_choose():
    colors = organ_colors(["a", "b", "a", *map(str, range(20))])
    assert len(colors) == 22 and "#8C8C8C" not in colors.values()
    assert slices_view(scan(), mask(), colors={"liver": "#123456"})[0].organs[0][1] == "#123456"


@pytest.mark.browser
def test_organs_in_3d_come_on_demand_and_follow_the_legend(chromium):
    view = slices_view(scan(), mask(), mask(slice(5, 12), note="SIMULATED"))
    with socket.socket() as probe:  # a free port
        probe.bind(("localhost", 0))
        port = probe.getsockname()[1]
    server = pn.serve(view, port=port, show=False, threaded=True)
    tab = chromium.new_page(viewport={"width": 1000, "height": 1500})
    problems = []
    tab.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
    tab.on("pageerror", lambda e: problems.append(str(e)))
    try:
        tab.goto(f"http://localhost:{port}/")
        tab.locator(".pane[data-shown]").nth(2).wait_for(timeout=60_000)
        assert tab.locator(".surfaces-view").count() == 0
        tab.get_by_role("button", name="Show in 3-D").click()
        tab.locator('.surfaces-view[data-meshes="2"]').wait_for(timeout=60_000)
        assert tab.get_by_text("Truth. Surfaces of cells of 2 × 2 × 3 mm").is_visible()
        assert tab.get_by_text("SIMULATED").count() >= 1
        scene = view[1][1][0]
        tab.get_by_role("button", name="Show spleen").click()
        for _ in range(100):
            if scene.hidden == [2]:
                break
            tab.wait_for_timeout(50)
        assert scene.hidden == [2]
        assert problems == []
    finally:
        tab.close()
        server.stop()
