"""Every notebook in JupyterLab without a network: it runs, its pictures are drawn and answer, and a picture stays."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import FrameLocator, Locator, Page, expect

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PICTURES = "canvas, img, svg[role=img]"
WORDS = ("Metrics", "Claims")  # tabs without a picture

pytestmark = [pytest.mark.browser, pytest.mark.slow]
# By notebook: a tab of its run with a widget of ours or a question to the model, what stands there, and what is said.
ANSWERED = re.compile(r"\d+ ms")
PARTS = {
    "amos": [("Slices", "[role=slider][aria-label=Axial]", None), ("Probe", "canvas", ANSWERED)],
    "cmt": [("Scenes", "canvas", None), ("Probe", "canvas", ANSWERED)],
    "drums": [("Play", "[role=gridcell]", None)],
    "eam": [("Probe", "canvas", ANSWERED)],
    "reliant": [("What if", "canvas", ANSWERED)],
    "rs": [("Move the classes", "svg, canvas", ANSWERED)],
}


def frames(tab: Page) -> list[FrameLocator]:
    """Return the frames of a notebook's cells, each loaded."""
    found = tab.locator("iframe[title=Workbench]")
    for number in range(found.count()):
        found.nth(number).scroll_into_view_if_needed()
    return [found.nth(number).content_frame for number in range(found.count())]


def look_at(tab: Page, frame: FrameLocator, colors, title: str) -> bool:
    """Open a tab of a run; return whether a picture of more than one color stands there, once it does."""
    head = frame.get_by_role("tab", name=title, exact=True)
    head.click()
    expect(head).to_have_attribute("aria-selected", "true")
    expect(frame.get_by_text("Drawing …")).to_have_count(0)
    expect(frame.get_by_text("Something went wrong")).to_have_count(0)
    for _ in range(1 if title in WORDS else 8):  # a tab without a picture is left after some seconds
        if any(is_drawn(one, colors) for one in frame.locator(PICTURES).all()):
            return True
        tab.wait_for_timeout(500)
    return False


def is_drawn(picture: Locator, colors) -> bool:
    """Return whether a picture of some size has more than one color; one that is drawn anew meanwhile has not yet."""
    try:
        box = picture.bounding_box(timeout=2000)
        return bool(box) and box["width"] * box["height"] > 4000 and colors(picture) > 1
    except PlaywrightError:
        return False


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_a_notebook_runs_and_all_that_it_shows_is_drawn(file, opened, run_all, colors):
    tab = opened(file.name, file=file)
    run_all(tab)
    shown = frames(tab)
    assert shown, "no run is shown"
    for frame in shown:
        expect(frame.get_by_role("tab", name="Claims", exact=True)).to_be_visible()
    frame = shown[-1]
    titles = frame.get_by_role("tab").all_inner_texts()
    drawn = {title: look_at(tab, frame, colors, title) for title in titles}
    assert sum(drawn.values()) >= 2, drawn
    for title, element, said in PARTS.get(file.stem, ()):
        look_at(tab, frame, colors, title)
        expect(frame.locator(element).first).to_be_visible()
        if said:
            expect(frame.get_by_text(said).first).to_be_visible()


SMALL = "import workbench\nworkbench.open_run('recorded-rs')"


def test_a_run_is_live_after_a_reload_and_leaves_its_picture_when_the_kernel_ends(opened, run_all, colors, folder):
    tab = opened("small.ipynb", SMALL)
    run_all(tab)
    frame, still = tab.locator("iframe[title=Workbench]"), tab.locator("img[alt*='rs=']")
    expect(frame.content_frame.get_by_role("tab", name="Epsilon")).to_be_visible()
    expect(still).to_be_hidden()
    tab.keyboard.press("Control+s")
    expect(tab.locator(".lm-TabBar-tab.jp-mod-dirty")).to_have_count(0)
    tab.reload()
    expect(frame.content_frame.get_by_role("tab", name="Epsilon")).to_be_visible()
    tab.locator(".jp-Notebook").click()
    tab.get_by_role("menuitem", name="Kernel", exact=True).click()
    tab.locator("[data-command='kernelmenu:restart']").click()
    tab.get_by_role("button", name="Confirm Kernel Restart").click()
    expect(tab.get_by_text("Not live: the kernel of this output has ended")).to_be_visible()
    expect(frame).to_have_count(0)
    expect(still).to_be_visible()
    assert colors(still) > 50
    assert_exported(tab, folder / "small.ipynb", colors)


def assert_exported(tab: Page, file: Path, colors) -> None:
    """Find a saved notebook small, and its picture in the page that nbconvert makes of it."""
    assert file.stat().st_size < 400_000
    book = json.loads(file.read_text())
    assert [list(output["data"]) for output in book["cells"][0]["outputs"]] == [["text/html", "text/plain"]] * 2
    command = [sys.executable, "-m", "nbconvert", "--to", "html", str(file)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    page = tab.context.browser.new_page(viewport={"width": 1200, "height": 1400})
    try:
        page.route(re.compile("^http"), lambda route: route.abort())
        page.goto(file.with_suffix(".html").as_uri(), wait_until="domcontentloaded")
        still = page.locator("img[alt*='rs=']")
        expect(still).to_be_visible()
        assert colors(still) > 50
    finally:
        page.close()
