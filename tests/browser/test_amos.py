"""The lab `amos` in the page: slices of a case, the network asked about a place, and every tab at two widths."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
RUN = {"lab": "amos", "run": "recorded-amos"}
TABS = ("Slices", "Probe", "Leaderboard", "Organs", "Cases", "Ranks", "Learning", "Literature")


def test_the_network_answers_where_the_crosshair_is_and_when_the_picture_is_spoiled(page, link):
    page.goto(link(**RUN, tab="Probe"))
    answered = page.get_by_text(re.compile(r"Answered in \d+ ms"))
    expect(answered).to_be_visible()  # the first question may have to make the simulated set
    before = answered.inner_text()
    slider = page.get_by_role("slider").first  # noise
    slider.focus()
    for _ in range(10):
        slider.press("ArrowRight")
    expect(answered).not_to_have_text(before)
    expect(page.get_by_text("SIMULATED").first).to_be_visible()


@pytest.mark.parametrize("width", [390, 1280])
def test_no_tab_scrolls_the_page_sideways(visitor, link, fits, width):
    page = visitor(width, 900)
    page.goto(link(**RUN, tab="Leaderboard"))
    fits(page, TABS)
