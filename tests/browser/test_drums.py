"""The lab `drums` in the page: the reader's two bars are continued, changed, asked about, restored and judged blind."""

import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

PLAY = {"lab": "drums", "run": "recorded-drums", "tab": "Play"}
BAR, WIDTH, CRASH = 16, 6, 0


def cell(page: Page, piece: str, step: int, lane: int = 0):
    row = page.get_by_role("grid").nth(lane).get_by_role("row", name=piece, exact=True)
    return row.get_by_role("gridcell").nth(step)


def state(page: Page) -> dict:
    """Return what the address keeps of the view."""
    view = parse_qs(urlsplit(page.url).query).get("view", ["{}"])[0]
    return json.loads(view).get("play", {})


def until(page: Page, holds, what: str) -> None:
    for _ in range(900):
        if holds():
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"{what} did not come to hold")


def played(page: Page, bars: int) -> None:
    """Wait until both players have continued the groove to so many bars."""
    for lane in (0, 1):
        row = page.get_by_role("grid").nth(lane).get_by_role("row", name="kick", exact=True)
        expect(row.get_by_role("gridcell")).to_have_count(bars * BAR)


def test_two_bars_are_continued_changed_and_restored_by_the_address(visitor, link):
    page = visitor()
    page.goto(link(**PLAY))
    expect(page.get_by_text(re.compile(r"first bar in \d+ ms"))).to_have_count(2)
    played(page, 10)  # bar by bar, as the slider says
    until(page, lambda: "rows" in state(page), "the address that keeps the groove")

    before = state(page)["rows"]
    silent = cell(page, "crash", 5).get_attribute("aria-label").endswith("silent")
    cell(page, "crash", 5).click()
    until(page, lambda: state(page)["rows"] != before, "the new groove in the address")
    place = 5 * WIDTH + CRASH
    assert state(page)["rows"][place] == "01"[silent]
    assert state(page)["rows"][:place] + state(page)["rows"][place + 1 :] == before[:place] + before[place + 1 :]
    now = re.compile("velocity" if silent else "silent")
    expect(cell(page, "crash", 5, lane=1)).to_have_attribute("aria-label", now)  # the other player hears it too
    played(page, 10)

    cell(page, "snare", 3 * BAR).hover()
    cell(page, "snare", 3 * BAR).focus()
    expect(page.get_by_text("Likeliest rows")).to_be_visible()  # why this hit?

    other = visitor()
    other.goto(page.url)
    played(other, 10)
    expect(cell(other, "crash", 5)).to_have_attribute("aria-label", now)


def test_a_blind_listener_chooses_and_is_told_who_played(page, link):
    page.goto(link(**PLAY | {"tab": "Listen"}))
    expect(page.get_by_role("grid")).to_have_count(2)
    expect(page.get_by_text("No choice was made")).to_be_visible()
    page.get_by_role("button", name="A is better").click()
    expect(page.get_by_text(re.compile("A was .+, B was .+ Your choice is kept"))).to_be_visible()
    expect(page.get_by_role("button", name="B is better")).to_be_disabled()  # one choice a pair
    expect(page.get_by_text("1 choice so far")).to_be_visible()
    page.reload()
    expect(page.get_by_text("1 choice so far")).to_be_visible()  # kept in the store


@pytest.mark.parametrize("width", [390, 1280])
def test_no_tab_scrolls_the_page_sideways(visitor, link, fits, width):
    page = visitor(width, 900)
    page.goto(link(**PLAY | {"tab": "Listen"}))
    fits(page, ("Listen", "Learning", "Copies", "Measures", "Grooves", "Play"))
