"""The lab `eam` in the page: CT and MR on one cursor, the module asked about a pixel, and every tab at two widths."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
RUN = {"lab": "eam", "run": "recorded-eam"}
TABS = ("Dice", "Annotated", "Slices", "Probe", "Attention", "Correlations", "Representations", "Learning")


def test_the_module_answers_for_the_pixel_and_for_a_class_that_is_asked_for(page, link):
    page.goto(link(**RUN, tab="Probe"))
    answered = page.get_by_text(re.compile(r"Answered in \d+ ms"))
    expect(answered).to_be_visible()
    expect(page.get_by_role("columnheader", name="module, asked as MR")).to_be_visible()
    page.get_by_role("combobox", name=re.compile("^Class")).click()
    page.get_by_role("menuitem", name="spleen", exact=True).click()
    expect(answered).to_contain_text("spleen")
    before = answered.inner_text()
    slider = page.get_by_role("slider", name="Axial slice")  # both modalities follow it
    slider.focus()
    slider.press("ArrowLeft")
    expect(answered).not_to_have_text(before)
    expect(page.get_by_text("SIMULATED").first).to_be_visible()


@pytest.mark.parametrize("width", [390, 1280])
def test_no_tab_scrolls_the_page_sideways(visitor, link, fits, width):
    page = visitor(width, 900)
    page.goto(link(**RUN, tab="Dice"))
    fits(page, TABS)
