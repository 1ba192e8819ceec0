"""No text that a person or a file brings is taken for HTML: on no page, and not in the report of a run."""

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Page, expect

from workbench.contract.lab import get_lab
from workbench.contract.result import Result
from workbench.runs import manage
from workbench.runs.store import open_store
from workbench.transfer.report import report_html

pytestmark = pytest.mark.browser

MARK = "<img src=x onerror=window.hit=1>"
SMALL = {"dataset": "iris", "studies": ["set"], "seeds": 1, "null": 2}  # a run of `rs` of a few seconds


@pytest.fixture
def store(server, server_home):
    return open_store("", str(server_home))


@pytest.fixture
def named(store):
    """Return a function that gives a run a name, a note and a group that are HTML."""

    def name(run_id: str) -> str:
        manage.rename(store, run_id, f"name {MARK}")
        manage.write_note(store, run_id, f"note {MARK} *and* [link](javascript:window.hit=1)")
        manage.put_in_group(store, run_id, f"group {MARK}")  # a tag has letters only
        return run_id

    return name


@pytest.fixture
def trial(store, named):
    """Return a function that makes a run of the trial lab in which everything that has a name is named in HTML."""

    def make() -> str:
        params = get_lab("trial").Params.make().to_dict()
        run = store.create("trial", params, seed=0, preset=MARK, device=MARK, scheduler="nobody", user=MARK)
        tables = {"last": pd.DataFrame({"x": [0.1, 0.9], "y": [0.2, 0.8], MARK: [MARK, MARK]})}
        curves = {MARK: ([0, 1], [3.0, 3.1])}
        Result(metrics={"pi": 3.1, MARK: 1.0}, tables=tables, curves=curves, notes=[MARK]).save(run.folder)
        (run.folder / "log.txt").write_text(MARK)
        store.update(run.id, metrics=[("pi", 3.1, 0)])
        store.close(run.id, "failed", {"cause": MARK, "hint": MARK, "traceback": MARK})
        return named(run.id)

    return make


def check(page: Page) -> None:
    """Point at whatever may show a tooltip, and find that no text has become an element or a script."""
    for canvas in page.locator("canvas").filter(visible=True).all()[:4]:
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        for x, y in np.mgrid[0.15:0.9:5j, 0.15:0.9:5j].reshape(2, -1).T if box else ():
            page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
    page.wait_for_timeout(300)
    assert page.evaluate("window.hit") is None, page.url
    assert page.locator("img[src='x']").count() == 0, page.url
    assert page.locator("a[href^='javascript:']").count() == 0, page.url


def look_through(page: Page) -> None:
    """Open tab after tab."""
    tabs = page.get_by_role("tab")
    expect(tabs.first).to_be_visible()
    for tab in tabs.all():
        tab.click()
        expect(tab).to_have_attribute("aria-selected", "true")
        expect(page.get_by_text("Drawing …")).to_have_count(0)
        check(page)


def test_names_in_html_are_shown_as_they_are(page, link, store, trial):
    first, second = trial(), trial()
    page.goto(link(lab="trial", run=first))
    expect(page.get_by_text(f"name {MARK}").first).to_be_visible()
    look_through(page)
    page.goto(link(page="runs"))
    expect(page.get_by_text(f"name {MARK}").first).to_be_visible()
    check(page)
    page.goto(link(page="compare", runs=f"{first},{second}"))
    expect(page.get_by_text(f"name {MARK}").first).to_be_visible()
    check(page)
    page.goto(link(page="data"))
    expect(page.get_by_text("Licence").first).to_be_visible()
    check(page)
    page.goto(link(lab=MARK, run=MARK, tab=MARK))
    expect(page.get_by_role("alert").first).to_contain_text(MARK)
    check(page)


def test_a_table_in_html_is_shown_as_it_is(page, link, store, named, server):
    rng = np.random.default_rng(0)
    lines = [f"{a:.3f},{b:.3f},{'left' if a < 0 else 'right'} {MARK}" for a, b in rng.normal(size=(90, 2))]
    blob = "\n".join([f"a {MARK},b {MARK},class {MARK}", *lines]).encode()
    page.goto(link(lab="rs", params=SMALL))
    expect(page.get_by_role("button", name="Run", exact=True)).to_be_visible()
    file = {"name": f"{MARK}.csv", "mimeType": "text/csv", "buffer": blob}
    page.locator("input[type=file]").set_input_files(file)
    expect(page.get_by_text("SHA-256").first).to_be_visible()
    check(page)
    page.get_by_role("button", name="Run", exact=True).click()
    page.wait_for_function("location.search.includes('run=')")
    expect(page.locator(".chip").filter(visible=True).get_by_text("done", exact=True).first).to_be_visible()
    look_through(page)
    run_id = named(store.runs("rs", limit=1)[0].id)
    page.goto(link(page="compare", runs=f"{run_id},recorded-rs"))
    expect(page.get_by_text(f"name {MARK}").first).to_be_visible()
    check(page)


def test_a_report_holds_no_html_of_others(page, server, store, trial):
    html = report_html(store.run(trial()))
    address = f"{server.removesuffix('/app')}/report.html"
    page.route(address, lambda route: route.fulfill(body=html, content_type="text/html"))
    page.goto(address)
    expect(page.get_by_text(MARK).first).to_be_attached()
    check(page)
