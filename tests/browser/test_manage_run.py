"""Runs are worth keeping: found, starred, named, noted, thrown away and brought back, in the page."""

import json
from urllib.parse import parse_qs, urlsplit

import pandas as pd
import pytest
from playwright.sync_api import Page, expect

from workbench.contract.lab import get_lab
from workbench.contract.result import Result
from workbench.runs.store import open_store

pytestmark = pytest.mark.browser


@pytest.fixture
def finished(server, server_home):
    """Return a function that puts a finished run of the trial lab into the server's store, and returns its id."""
    store = open_store("", str(server_home))

    def make(darts: int, pi: float = 3.1) -> str:
        params = get_lab("trial").Params.make(darts=darts).to_dict()
        run = store.create("trial", params, seed=0, preset="quick", device="cpu", scheduler="nobody")
        last = pd.DataFrame({"x": [0.1, 0.9], "y": [0.2, 0.8]})
        Result(metrics={"pi": pi}, tables={"last": last}).save(run.folder)
        store.update(run.id, metrics=[("pi", pi, 0)])
        store.close(run.id, "done")
        return run.id

    return make


def query(page: Page) -> dict[str, str]:
    return {key: values[0] for key, values in parse_qs(urlsplit(page.url).query).items()}


def rows(page: Page):
    return page.locator("table.runs tbody tr")


def test_a_run_is_named_noted_starred_and_found_again(visitor, link, finished):
    page = visitor()
    page.goto(link(lab="trial", run=finished(210)))
    page.get_by_role("button", name="Star", exact=True).click()
    expect(page.get_by_role("button", name="Starred", exact=True)).to_be_visible()
    page.get_by_role("button", name="Name, tags, note").click()
    page.get_by_label("Name", exact=True).fill("the <best> 'one'")
    page.get_by_label("Tags: short words").fill("paper two")
    page.locator("textarea").filter(visible=True).first.fill("Look at <this> again.")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("link", name="the <best> 'one'")).to_be_visible()
    expect(page.get_by_role("paragraph").filter(has_text="Look at <this> again.")).to_be_visible()

    finished(220)
    page.goto(link(page="runs"))
    page.get_by_label("Search names").fill("BEST>")
    page.get_by_label("Search names").press("Enter")
    expect(rows(page)).to_have_count(1)
    expect(rows(page).first).to_contain_text("darts = 210")
    page.get_by_label("Value", exact=True).fill("nonsense")
    page.get_by_role("button", name="Add filter").click()
    expect(page.get_by_text("No run fits.")).to_be_visible()
    page.get_by_role("link", name="Take away: status = nonsense").click()
    expect(rows(page)).to_have_count(1)
    assert json.loads(query(page)["filter"]) == {"where": ["name contains BEST>"]}

    other = visitor()  # the address restores the list
    other.goto(page.url)
    expect(rows(other)).to_have_count(1)
    other.get_by_role("link", name="Take away: name contains BEST>").click()
    expect(rows(other).nth(1)).to_be_visible()
    star = other.get_by_role("button", name="Take the star away from the <best> 'one'")
    star.click()
    expect(other.get_by_role("button", name="Star the <best> 'one'")).to_be_visible()
    other.get_by_role("link", name="paper", exact=True).click()  # a tag narrows the list down
    expect(rows(other)).to_have_count(1)


def test_trash_undo_restore_and_delete_for_good(page, link, finished):
    kept, thrown = finished(310), finished(320)
    box = lambda run_id: page.get_by_role("table").locator(f'input[data-id="{run_id}"]')  # noqa: E731 - names may be equal
    page.goto(link(page="runs", filter={"where": ["params.darts >= 310", "params.darts <= 320"]}))
    expect(rows(page)).to_have_count(2)
    for run_id in (kept, thrown):
        box(run_id).check()
    page.get_by_role("button", name="Move to trash").click()
    expect(page.get_by_text("2 runs moved to the trash.")).to_be_visible()
    expect(rows(page)).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(rows(page)).to_have_count(2)

    box(thrown).check()
    page.get_by_role("button", name="Move to trash").click()
    expect(box(thrown)).to_have_count(0)
    page.get_by_role("button", name="Trash", exact=True).click()
    box(thrown).check()
    page.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_role("alert")).to_contain_text("There is no way back.")
    page.get_by_role("button", name="Keep", exact=True).click()
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(box(thrown)).to_be_checked()
    page.get_by_role("button", name="Delete for good").click()
    page.get_by_role("button", name="Yes, delete for good").click()
    expect(page.get_by_text("1 run deleted for good.")).to_be_visible()
    expect(rows(page)).to_have_count(0)


def test_a_click_on_a_point_of_the_comparison_opens_its_run(page, link, finished):
    ids = [finished(410, 3.0), finished(420, 3.2)]
    page.goto(link(page="compare", runs=",".join(ids)))
    expect(page.get_by_role("heading", name="In one picture")).to_be_visible()
    plot = page.locator(".bk-Figure").first
    plot.scroll_into_view_if_needed()
    expect(plot.locator("canvas").first).to_be_visible()
    box, tip = plot.bounding_box(), page.get_by_text("click opens the run").first
    for x, y in ((x, y) for y in (56, 118) for x in range(40, int(box["width"]), 6)):  # along both rows of dots
        page.mouse.move(box["x"] + x, box["y"] + y)
        page.wait_for_timeout(40)
        if tip.is_visible():
            page.mouse.click(box["x"] + x, box["y"] + y)
            break
    page.wait_for_function("location.search.includes('run=')")
    assert query(page)["run"] in ids
    expect(page.get_by_role("heading", name="Darts")).to_be_visible()


@pytest.mark.parametrize("width", [390, 1280])
def test_runs_and_tabs_fit_the_screen(visitor, link, width):
    page = visitor(width, 900)
    page.goto(link(lab="rs", tab="Runs"))
    expect(page.get_by_role("tab").first).to_be_visible()
    for tab in page.get_by_role("tab").all():
        box = tab.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= width, tab.inner_text()
    page.goto(link(page="runs"))
    expect(page.get_by_label("Search names")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
