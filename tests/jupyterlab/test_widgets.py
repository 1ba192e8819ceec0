"""The widgets in a real JupyterLab: drawn, clicked, and in step with the kernel."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]

GRID = (
    "from workbench_widgets import StepGrid, jupyter_widget\n"
    "grid = jupyter_widget(StepGrid)(hits=[[0, 3, 100, 0.0]])\n"
    "grid",
    "print('kernel has', [hit[:2] for hit in grid.hits], grid.settled, grid.muted)",
    "grid.hits = [*grid.hits, [8, 5, 64, 0.0]]; grid.tempo = 99.0",
)


SLICES = (
    "import numpy as np\n"
    "from workbench_widgets import Side, Slices, jupyter_widget, slices_of\n"
    "scan = np.arange(40 * 50 * 30, dtype=np.int16).reshape(40, 50, 30)\n"
    "mask = np.zeros(scan.shape, np.uint8); mask[5:15, 5:15, 5:15] = 1\n"
    "side = Side(scan, np.eye(4), 'MR', truth=mask, truth_names={1: 'liver'})\n"
    "view = jupyter_widget(Slices)(**slices_of(side))\n"
    "view",
    "print('kernel has', view.cursor, view.hidden)",
    "view.cursor = [3, 4, 5]",
)


def run_cell(tab: Page, number: int) -> None:
    tab.locator(".jp-Notebook .jp-Cell .cm-content").nth(number).click()
    tab.keyboard.press("Shift+Enter")


def kernel_has(tab: Page, state: str) -> None:
    """Ask the kernel again and again what it has: what a hand changed is on its way."""
    said = tab.locator(".jp-OutputArea-output", has_text="kernel has")
    for _ in range(120):
        run_cell(tab, 1)
        expect(said).to_be_visible()
        if state in said.inner_text():
            return
        tab.wait_for_timeout(500)
    raise AssertionError(f"the kernel never had {state}: {said.inner_text()}")


def test_the_grid_works_in_jupyterlab(opened):
    tab = opened("grid.ipynb", *GRID)
    run_cell(tab, 0)
    snare = tab.get_by_role("row", name="snare", exact=True).get_by_role("gridcell")
    snare.nth(4).click()
    for key in ("ArrowRight", "ArrowRight", "Space", "m"):  # keys that JupyterLab has uses of its own for
        tab.keyboard.press(key)
    expect(tab.locator(".hit")).to_have_count(3)
    assert tab.locator(".jp-Notebook .jp-Cell").count() == len(GRID)
    expect(tab.get_by_role("button", name="Mute snare")).to_have_attribute("aria-pressed", "true")
    kernel_has(tab, "[[0, 3], [4, 2], [6, 2]] 2 ['snare']")
    run_cell(tab, 2)
    expect(tab.locator(".hit")).to_have_count(4)
    expect(tab.get_by_role("spinbutton", name="Tempo")).to_have_value("99")
    tab.get_by_role("button", name="Play", exact=True).click()
    expect(tab.locator(".head")).to_have_attribute("data-step", re.compile(r"^\d*[1-9]"))


def test_the_slices_work_in_jupyterlab(opened):
    tab = opened("slices.ipynb", *SLICES)
    run_cell(tab, 0)
    axial = tab.get_by_role("slider", name="Axial", exact=True)
    expect(axial).to_have_attribute("data-shown", "15")
    axial.focus()
    for key in ("PageUp", "ArrowDown", "m", "o"):  # keys that JupyterLab has uses of its own for
        tab.keyboard.press(key)
    expect(axial).to_have_attribute("data-shown", "16")
    tab.get_by_role("button", name="Show liver").click()
    assert tab.locator(".jp-Notebook .jp-Cell").count() == len(SLICES)
    kernel_has(tab, "[20, 24, 16] [1]")
    run_cell(tab, 2)
    expect(axial).to_have_attribute("data-shown", "5")


OTHERS = (
    "import numpy as np\n"
    "from workbench_widgets import ClassHandles, Scene3D, Surfaces, flat, jupyter_widget\n"
    "from workbench_widgets.scene import packed\n"
    "points, names = flat([0, 1, 4], [2, 3, 1], ['b', 'a', 'a'])\n"
    "jupyter_widget(ClassHandles)(points=points, labels=names)",
    "rng = np.random.default_rng(0)\n"
    "points = rng.normal(0, 9, (500, 3)).astype(np.float32)\n"
    "jupyter_widget(Scene3D)(scene=packed(points, shades={'height': rng.random(500)}))",
    "from workbench_widgets.surfaces import packed as packed_mesh, surfaces\n"
    "ball = ((np.indices((40, 40, 40)) - 20) ** 2).sum(0) < 200\n"
    "found, note = surfaces(ball.astype(np.uint8), np.eye(4), {1: 1})\n"
    "jupyter_widget(Surfaces)(mesh=packed_mesh(found, note), organs=[['liver', '#00aa00', '1 ml']])",
)


def test_handles_scene_and_surfaces_are_drawn_in_jupyterlab(opened, run_all, colors, wait_for):
    tab = opened("others.ipynb", *OTHERS)
    run_all(tab)
    cells = tab.locator(".jp-CodeCell .jp-OutputArea")
    for number in range(len(OTHERS)):
        picture = cells.nth(number).locator("canvas, svg").first
        picture.scroll_into_view_if_needed()
        expect(picture).to_be_visible()
        wait_for(lambda picture=picture: colors(picture) > 3, what="a picture of several colors")


VIEW = (
    "import workbench\nview = workbench.open_run('recorded-rs').views()['Graded']()\nview",
    "print('it is a', type(view).__name__)",
)


def test_a_view_by_itself_is_drawn_in_jupyterlab(opened, run_all, colors):
    tab = opened("view.ipynb", *VIEW)
    run_all(tab)
    expect(tab.get_by_text("it is a Column")).to_be_visible()
    picture = tab.locator("iframe[title=Workbench]").content_frame.locator("canvas").first
    expect(picture).to_be_visible()
    assert colors(picture) > 3
