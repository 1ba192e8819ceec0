"""The lab `reliant` in the page: a hidden column is answered, a gap is closed, and every tab at two widths."""

import re

import pytest
from playwright.sync_api import expect

from workbench.contract.lab import get_lab

pytestmark = pytest.mark.browser
RUN = {"lab": "reliant", "run": "recorded-reliant"}
TABS = ("Who pays", "Trade-off", "Thresholds", "Graph", "Proxies", "What if", "Data card", "Losses")


def test_the_student_answers_when_the_column_is_hidden(page, link):
    assert get_lab("reliant").recorded
    page.goto(link(**RUN, tab="What if"))
    answered = page.get_by_text(re.compile(r"answered in \d+ ms"))
    expect(answered).to_be_visible()  # the first question rebuilds the graph's edges
    table = page.get_by_role("row", name=re.compile("^ΔSP"))
    before = table.inner_text()
    page.get_by_role("switch", name="Hide the sensitive column").or_(
        page.get_by_role("checkbox", name="Hide the sensitive column")
    ).check()
    expect(table).not_to_have_text(re.sub(r"\s+", " ", before))


def test_a_button_closes_the_gap(page, link):
    page.goto(link(**RUN, tab="Thresholds"))
    cell = page.get_by_role("row", name=re.compile("^ΔSP")).get_by_role("cell").nth(1)
    expect(cell).to_be_visible()
    gap = float(cell.inner_text())
    assert gap > 1  # points
    page.get_by_role("button", name="Close ΔSP").click()
    expect(cell).to_have_text(re.compile(r"^0\.\d\d$"))
    assert float(cell.inner_text()) < gap / 4


@pytest.mark.parametrize("width", [390, 1280])
def test_no_tab_scrolls_the_page_sideways(visitor, link, fits, width):
    page = visitor(width, 900)
    page.goto(link(**RUN, tab="Who pays"))
    fits(page, TABS)


def test_all_nodes_are_drawn_and_the_one_that_is_clicked_is_explained(page, link):
    page.goto(link(**RUN, tab="Graph"))
    page.get_by_role("switch", name="All nodes and edges").or_(
        page.get_by_role("checkbox", name="All nodes and edges")
    ).check()
    expect(page.get_by_text("All 18,876 nodes and 311,870 edges")).to_be_visible()
    drawn = "() => [...Bokeh.documents[0]._all_models.values()].some(m => m.data?.image?.length && m.data.dw)"
    page.wait_for_function(drawn)
    page.locator(".bk-Figure").first.click()  # in its middle
    expect(page.get_by_text("How P(ŷ=1) changes")).to_be_visible()
