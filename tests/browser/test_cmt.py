"""The lab `cmt` in the page: a sensor switched off, a box moved, and every tab at two widths."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
RUN = {"lab": "cmt", "run": "recorded-cmt"}
TABS = ("Arms", "Scenes", "Probe", "Positions", "Classes", "Learning")


def test_the_network_answers_without_its_lidar(page, link):
    page.goto(link(**RUN, tab="Probe"))
    answered = page.get_by_text(re.compile(r"Answered in \d+ ms"))
    expect(answered).to_be_visible()
    found = re.compile(r"(\d+) of \d+ objects found")
    before = found.search(answered.inner_text()).group(1)
    page.get_by_role("switch", name="LiDAR on").click()
    expect(answered).not_to_have_text(re.compile(rf"{before} of \d+ objects found"))
    expect(page.get_by_text("SIMULATED").first).to_be_visible()
    frames = page.locator(".bk-CartesianFrame")
    expect(frames).to_have_count(7)  # from above, and six cameras
    for k in range(7):
        expect(frames.nth(k)).to_be_visible()  # one of no size would not be


@pytest.mark.parametrize("width", [390, 1280])
def test_no_tab_scrolls_the_page_sideways(visitor, link, fits, width):
    page = visitor(width, 900)
    page.goto(link(**RUN, tab="Arms"))
    fits(page, TABS)
