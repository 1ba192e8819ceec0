"""Runs through the page: start, watch, stop, come back, compare the form with what is shown.

Most tests use the trial lab (see tests/trial): it is quick, and misbehaves when told to.
"""

import importlib
import json
import re
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from bokeh.client import pull_session
from bokeh.models import ImportedStyleSheet
from playwright.sync_api import Page, expect

importlib.import_module("workbench.pages.shell")  # the models of its page
pytestmark = pytest.mark.browser

SMALL = {"dataset": "iris", "studies": ["set"], "seeds": 1, "null": 2}  # a run of `rs` of a few seconds
SLOW = {"steps": 5000, "pause": 0.1}  # a run of `trial` of many minutes


def start(page: Page) -> None:
    """Press Run and wait until the address names the run; a short run may be over before its bar is drawn."""
    page.get_by_role("button", name="Run", exact=True).click()
    page.wait_for_function("location.search.includes('run=')")


def status(page: Page, word: str):
    return expect(page.locator(".chip").filter(visible=True).get_by_text(word, exact=True).first)


def query(page: Page) -> dict[str, str]:
    return {key: values[0] for key, values in parse_qs(urlsplit(page.url).query).items()}


def test_a_real_run_from_link_to_result(page, link):
    page.goto(link(lab="rs", params=SMALL))
    start(page)
    status(page, "done").to_be_visible()
    expect(page.locator("canvas").first).to_be_visible()  # the first view is drawn
    for tab, text in (("Metrics", "not known"), ("Claims", "Rule."), ("Method", "The question")):
        page.get_by_role("tab", name=tab, exact=True).click()
        expect(page.get_by_text(text).first).to_be_visible()
    expect(page.locator("math").first).to_be_attached()
    page.get_by_role("tab", name="Runs", exact=True).click()
    expect(page.get_by_role("columnheader", name="Duration")).to_be_visible()
    assert query(page)["tab"] == "Runs"
    assert query(page)["run"]


def test_own_table_is_shown_first_and_runs(page, link):
    rng = np.random.default_rng(0)
    lines = [f"{a:.3f},{b:.3f},{'left' if a < 0 else 'right'}" for a, b in rng.normal(size=(90, 2))]
    blob = "\n".join(["a,b,class", *lines]).encode()
    page.goto(link(lab="rs", params=SMALL))
    expect(page.get_by_role("button", name="Run", exact=True)).to_be_visible()
    page.locator("input[type=file]").set_input_files({"name": "mine.csv", "mimeType": "text/csv", "buffer": blob})
    expect(page.get_by_text("SHA-256").first).to_be_visible()  # the data card, before anything runs
    expect(page.get_by_text("2 classes").first).to_be_visible()
    page.wait_for_function("location.search.includes('mine.csv')")
    assert json.loads(query(page)["params"])["dataset"] == "own file"
    start(page)
    expect(page.get_by_role("progressbar", name="Progress of the run")).to_be_hidden()
    status(page, "done").to_be_visible()


def test_bad_file_is_told_in_words(page, link):
    page.goto(link(lab="rs"))
    drop = page.locator("input[type=file]")
    drop.set_input_files({"name": "bad.csv", "mimeType": "text/csv", "buffer": b"\x89PNG\r\n\x1a\n\x00\x00\x00"})
    expect(page.get_by_role("alert")).to_contain_text("bad.csv")
    assert page.get_by_text("Traceback").count() == 0
    expect(page.get_by_role("button", name="Run", exact=True)).to_be_enabled()


def test_link_restores_the_form_and_says_that_the_result_is_older(visitor, link):
    page = visitor()
    page.goto(link(lab="trial", params={"steps": 3}))
    start(page)
    status(page, "done").to_be_visible()
    field = page.get_by_label("Darts", exact=False).first
    field.fill("300")
    field.press("Tab")
    expect(page.get_by_text("The form has changed since:").first).to_be_visible()
    page.wait_for_function("location.search.includes('darts')")
    assert json.loads(query(page)["params"]) == {"darts": 300, "steps": 3}
    other = visitor()
    other.goto(page.url)
    expect(other.get_by_label("Darts", exact=False).first).to_have_value("300")
    field.fill("7")  # out of bounds: told at the field, and the run is refused
    field.press("Tab")
    expect(page.locator(".Mui-error").first).to_be_visible()
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("darts")


def test_reload_and_second_browser_find_the_run_and_stop_ends_it(visitor, link):
    first = visitor()
    first.goto(link(lab="trial", params=SLOW))
    start(first)
    expect(first.get_by_role("progressbar", name="Progress of the run")).to_be_visible()
    first.reload()
    second = visitor()
    second.goto(first.url)
    for page in (first, second):
        expect(page.get_by_role("progressbar", name="Progress of the run")).to_be_visible()
        status(page, "running").to_be_visible()
    expect(second.get_by_text(" of 5000").first).to_be_visible()
    expect(second.locator("canvas").first).to_be_visible()  # the live curve

    second.get_by_role("link", name="Data", exact=True).click()  # with the run going, the page still answers
    expect(second.get_by_role("heading", name="Data", exact=True)).to_be_visible()
    second.go_back()
    status(second, "running").to_be_visible()

    second.get_by_role("button", name="Stop", exact=True).click()
    for page in (first, second):
        status(page, "stopped").to_be_visible()
        expect(page.get_by_role("button", name="Stop", exact=True)).to_be_disabled()
        expect(page.get_by_text("Stopped before its end").first).to_be_visible()

    second.get_by_role("button", name="Resume this run").click()
    status(second, "running").to_be_visible()
    second.get_by_role("button", name="Stop", exact=True).click()
    status(second, "stopped").to_be_visible()


def test_nothing_can_be_pressed_before_the_server_has_heard_of_the_page(page, link):
    """On a busy machine a page is drawn seconds before; what was pressed then used to be lost."""
    frames, held = [], []

    def between(browser) -> None:
        server = browser.connect_to_server()

        def forward(frame: str | bytes) -> None:
            frames.append(frame)  # a message of Bokeh's: head, metadata, content, and two for each buffer
            if len(frames) < 3 + 2 * json.loads(frames[0]).get("num_buffers", 0):
                return
            message = [*frames]
            frames.clear()
            if "document_ready" in message[2]:
                held.append(lambda: [server.send(part) for part in message])
            else:
                for part in message:
                    server.send(part)

        browser.on_message(forward)

    page.route_web_socket("**/ws*", between)
    page.goto(link(lab="trial", params={"steps": 3}))
    expect(page.get_by_text("Opening")).to_be_visible()
    for _ in range(900):
        if held:
            break
        page.wait_for_timeout(100)
    page.wait_for_timeout(1000)
    assert page.get_by_role("button").filter(has_text=re.compile("Run|Sweep")).count() == 0
    held[0]()
    start(page)
    status(page, "done").to_be_visible()


def test_a_session_that_begins_with_its_websocket_asks_no_other_host(server):
    """A browser that is slower than the server's patience gets such a session: no HTML has been written for it."""

    def pull() -> list[str]:
        session = pull_session(url=server, arguments={"lab": "trial"})
        try:
            return [model.url for model in session.document.select({"type": ImportedStyleSheet})]
        finally:
            session.close()

    with ThreadPoolExecutor() as pool:  # this thread has a loop already, Playwright's
        sheets = pool.submit(pull).result(60)
    assert sheets and [url for url in sheets if "://" in url] == []


def test_faults_are_told_where_they_happen(page, link):
    page.goto(link(lab="trial", params={"mood": "careful"}))
    start(page)
    status(page, "failed").to_be_visible()
    expect(page.get_by_role("alert")).to_contain_text("There is no board.")
    assert page.get_by_text("Traceback").count() == 0

    page.goto(link(lab="trial", params={"mood": "clumsy"}))
    start(page)
    expect(page.get_by_role("alert")).to_contain_text("the darts fell down")
    fold = page.locator("details", has=page.get_by_text("Traceback"))
    assert fold.get_attribute("open") is None
    page.get_by_role("tab", name="Method", exact=True).click()  # the rest goes on working
    expect(page.locator(".prose").first).to_be_visible()


def test_runs_page_lists_and_opens(page, link):
    page.goto(link(page="runs"))
    expect(page.get_by_role("columnheader", name="Status")).to_be_visible()
    page.get_by_role("link", name="trial ").first.click()
    expect(page.get_by_text("Showing").first).to_be_visible()
    assert query(page)["lab"] == "trial"


def test_two_runs_side_by_side(page, link):
    for darts in (200, 4000):
        page.goto(link(lab="trial", params={"darts": darts}))
        start(page)
        status(page, "done").to_be_visible()
    page.goto(link(page="runs"))
    expect(page.get_by_role("button", name="Compare: tick two runs or more")).to_be_disabled()
    boxes = page.locator("table.runs tbody tr").get_by_role("checkbox")
    boxes.nth(0).check()
    boxes.nth(1).check()
    page.get_by_role("button", name="Compare 2 runs").click()
    expect(page.get_by_role("heading", name="What was asked differently")).to_be_visible()
    expect(page.get_by_role("row", name="darts 4,000 200", exact=True)).to_be_visible()  # newest first
    expect(page.get_by_role("heading", name="Views")).to_be_visible()
    expect(page.locator("canvas").first).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="Runs", exact=True)).to_be_visible()


def test_a_comparison_that_makes_no_sense_is_told_in_words(page, link):
    page.goto(link(page="compare", runs="nothing,recorded-rs"))
    expect(page.get_by_role("alert")).to_contain_text("There is no run")
