"""The lab `doorping` in the page: the ladder slides, a stamp turns an answer, and every tab at two widths."""

import re

import pytest
from playwright.sync_api import expect

from workbench.contract.lab import get_lab

pytestmark = pytest.mark.browser
RUN = {"lab": "doorping", "run": "recorded-doorping"}
TABS = ("Ladder", "Synthetic set", "Trigger", "Stamp it", "Leaderboard", "Defenses", "Settings", "Data card")


def test_the_ladder_slides_from_rung_to_rung(page, link):
    assert get_lab("doorping").recorded
    page.goto(link(**RUN, tab="Ladder"))
    expect(page.get_by_text("The trigger may leave the range of pixels")).to_be_visible()
    slider = page.get_by_role("slider").first
    slider.focus()
    slider.press("Home")
    expect(page.get_by_text("Nothing was poisoned")).to_be_visible()


def test_a_victim_answers_and_the_cut_stamp_is_another_question(page, link):
    page.goto(link(**RUN, tab="Stamp it"))
    expect(page.get_by_text(re.compile(r"answered in \d+ ms"))).to_be_visible()
    expect(page.get_by_text("The stamp leaves the range")).to_be_visible()
    page.get_by_role("switch", name="Cut to valid pixels").or_(
        page.get_by_role("checkbox", name="Cut to valid pixels")
    ).check()
    expect(page.get_by_text("The stamp leaves the range")).to_be_hidden()
    page.get_by_role("button", name="Stamp all test images").click()
    expect(page.get_by_text("Of all test images of other classes")).to_be_visible()


def test_a_stamp_of_ones_own_is_drawn(page, link):
    page.goto(link(**RUN, tab="Stamp it"))
    answered = page.get_by_text(re.compile(r"answered in \d+ ms"))
    expect(answered).to_be_visible()
    page.get_by_text("the attacker's", exact=True).first.click()
    page.get_by_text("my own", exact=True).last.click()
    frames = page.locator(".bk-CartesianFrame")
    expect(frames).to_have_count(3)
    for k in range(3):
        expect(frames.nth(k)).to_be_visible()  # the square to draw on, the place, the chances
    stamped = page.get_by_role("img", name="stamped", exact=True)
    expect(stamped).to_be_visible()
    before = stamped.get_attribute("src")
    ink = page.get_by_role("slider", name=re.compile("Ink"))
    ink.focus()
    ink.press("Home")
    page.locator(".bk-Figure").nth(1).click(position={"x": 60, "y": 80})  # the square; the chances come first
    expect(stamped).not_to_have_attribute("src", before)


@pytest.mark.parametrize("width", [390, 1280])
def test_no_tab_scrolls_the_page_sideways(visitor, link, fits, width):
    page = visitor(width, 900)
    page.goto(link(**RUN, tab="Ladder"))
    fits(page, TABS)
