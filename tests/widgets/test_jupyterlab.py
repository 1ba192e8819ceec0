"""The step grid and the slices in a real JupyterLab: drawn, clicked, and in step with the kernel."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PATIENCE = 180_000  # ms: JupyterLab starts slowly where other tests run beside it
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


@pytest.fixture
def notebook(request, tmp_path: Path) -> Iterator[str]:
    """Serve JupyterLab with a notebook of the cells it is given; yields the notebook's address."""
    cells = [nbformat.v4.new_code_cell(cell) for cell in request.param]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    (tmp_path / "work").mkdir()
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), tmp_path / "work" / "cells.ipynb")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    own = ("JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR")
    options = ["--no-browser", "--allow-root", "--IdentityProvider.token=", f"--ServerApp.port={port}"]
    options += [f"--ServerApp.root_dir={tmp_path / 'work'}", "--LabApp.extension_manager=readonly"]
    # no dialog that suggests a build: some packages bring an extension as source (dash does)
    options.append("--ServerApp.tornado_settings={'page_config_data': {'buildCheck': False, 'buildAvailable': False}}")
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options],
            env=os.environ | {name: str(tmp_path / name) for name in own},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        address = f"http://localhost:{port}/lab"
        end = time.time() + PATIENCE / 1000
        while True:
            try:
                urllib.request.urlopen(address, timeout=60).close()
                break
            except OSError:
                assert process.poll() is None and time.time() < end, (tmp_path / "log").read_text()[-2000:]
                time.sleep(0.3)
        yield f"{address}/tree/cells.ipynb"
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture
def tab(notebook: str, chromium) -> Iterator[Page]:
    """Open the notebook; at the end, nothing has been asked of another host."""
    tab, foreign = chromium.new_page(viewport={"width": 1280, "height": 1400}), []
    tab.set_default_timeout(PATIENCE)
    tab.on("request", lambda r: foreign.append(r.url) if "//localhost" not in r.url and r.url[:5] != "data:" else None)
    try:
        tab.goto(notebook)
        yield tab
        assert foreign == []
    finally:
        tab.close()


def run_cell(tab: Page, number: int) -> None:
    tab.locator(".jp-Notebook .jp-Cell .cm-content").nth(number).click()
    tab.keyboard.press("Shift+Enter")


@pytest.mark.parametrize("notebook", [GRID], indirect=True, ids=["grid"])
def test_the_grid_works_in_jupyterlab(tab):
    run_cell(tab, 0)
    snare = tab.get_by_role("row", name="snare", exact=True).get_by_role("gridcell")
    snare.nth(4).click()
    for key in ("ArrowRight", "ArrowRight", "Space", "m"):  # keys that JupyterLab has uses of its own for
        tab.keyboard.press(key)
    expect(tab.locator(".hit")).to_have_count(3)
    assert tab.locator(".jp-Notebook .jp-Cell").count() == len(GRID)
    expect(tab.get_by_role("button", name="Mute snare")).to_have_attribute("aria-pressed", "true")
    tab.wait_for_timeout(500)  # on its way to the kernel
    run_cell(tab, 1)
    expect(tab.get_by_text("kernel has [[0, 3], [4, 2], [6, 2]] 2 ['snare']")).to_be_visible(timeout=PATIENCE)
    run_cell(tab, 2)
    expect(tab.locator(".hit")).to_have_count(4, timeout=PATIENCE)
    expect(tab.get_by_role("spinbutton", name="Tempo")).to_have_value("99")
    tab.get_by_role("button", name="Play", exact=True).click()
    expect(tab.locator(".head")).to_have_attribute("data-step", re.compile(r"^\d*[1-9]"), timeout=PATIENCE)


@pytest.mark.parametrize("notebook", [SLICES], indirect=True, ids=["slices"])
def test_the_slices_work_in_jupyterlab(tab):
    run_cell(tab, 0)
    axial = tab.get_by_role("slider", name="Axial", exact=True)
    expect(axial).to_have_attribute("data-shown", "15", timeout=PATIENCE)
    axial.focus()
    for key in ("PageUp", "ArrowDown", "m", "o"):  # keys that JupyterLab has uses of its own for
        tab.keyboard.press(key)
    expect(axial).to_have_attribute("data-shown", "16", timeout=PATIENCE)
    tab.get_by_role("button", name="Show liver").click()
    assert tab.locator(".jp-Notebook .jp-Cell").count() == len(SLICES)
    tab.wait_for_timeout(1000)  # on its way to the kernel
    run_cell(tab, 1)
    expect(tab.get_by_text("kernel has [20, 24, 16] [1]")).to_be_visible(timeout=PATIENCE)
    run_cell(tab, 2)
    expect(axial).to_have_attribute("data-shown", "5", timeout=PATIENCE)
