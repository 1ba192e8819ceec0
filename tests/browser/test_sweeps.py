"""A sweep through the page: asked for, watched, stopped, continued, looked at, found again."""

import csv
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


def chip(page: Page, word: str):
    return expect(page.locator(".row", has=page.get_by_text("Darts")).locator(".chip").get_by_text(word, exact=True))


def ask(page: Page, axes: dict[str, str], seeds: str) -> None:
    """Open the form of a sweep on a lab's page and fill it in."""
    page.get_by_role("button", name="Sweep", exact=True).click()
    expect(page.get_by_text("No parameter varies")).to_be_visible()
    expect(page.get_by_role("button", name="Start the sweep")).to_be_disabled()
    for name, values in axes.items():
        page.get_by_role("combobox", name="Parameters that vary").click()
        page.get_by_role("menuitem", name=name, exact=True).click()
        expect(page.get_by_role("listbox")).to_be_hidden()
        field = page.get_by_label(f"Values of {name}", exact=False)
        field.fill(values)
        field.press("Tab")
    field = page.get_by_label("Seeds", exact=True)
    field.fill(seeds)
    field.press("Tab")


def test_a_sweep_is_asked_for_watched_stopped_continued_and_found_again(page, link, tmp_path):
    page.goto(link(lab="trial", params={"pause": 0.1}))
    ask(page, {"Darts": "100, 200", "Steps": "60, 61"}, "0-1")
    expect(page.get_by_text("4 points × 2 seeds = 8 runs")).to_be_visible()
    page.get_by_role("button", name="Start the sweep").click()
    page.wait_for_function("location.search.includes('sweep=')")
    expect(page.get_by_role("progressbar", name="Progress of the sweep")).to_be_visible()
    chip(page, "running").to_be_visible()
    expect(page.locator("td").get_by_text("throwing").first).to_be_visible()  # a run, and how far it is
    page.get_by_role("button", name="Stop all").click()
    chip(page, "stopped").to_be_visible()
    expect(page.get_by_text("Not every run is done").first).to_be_visible()
    expect(page.get_by_role("button", name="Stop all")).to_be_disabled()
    page.reload()
    page.get_by_role("button", name="Continue", exact=True).click()
    chip(page, "done").to_be_visible(timeout=300_000)  # 8 runs of six seconds
    expect(page.get_by_text("8 of 8 runs have ended")).to_be_visible()
    expect(page.get_by_role("button", name="Continue", exact=True)).to_be_disabled()
    expect(page.locator("canvas").first).to_be_visible()

    with page.expect_download() as download:
        page.get_by_text("CSV", exact=True).click()
    download.value.save_as(tmp_path / "sweep.csv")
    rows = list(csv.DictReader((tmp_path / "sweep.csv").open()))
    assert [(row["darts"], row["steps"], row["pi n"]) for row in rows] == [
        ("100", "60", "2"),
        ("100", "61", "2"),
        ("200", "60", "2"),
        ("200", "61", "2"),
    ]

    sweep = parse_qs(urlsplit(page.url).query)["sweep"][0]
    page.locator(".bk-Figure").first.click(position={"x": 200, "y": 60}, force=True)  # a cell: it has two runs
    expect(page.get_by_text("The 2 runs there:")).to_be_visible()
    page.locator(".note").get_by_role("link").first.click()
    expect(page.get_by_text("Showing").first).to_be_visible()
    page.get_by_role("link", name="trial sweep of", exact=False).first.click()
    expect(page.get_by_role("heading", name="trial sweep of", exact=False)).to_be_visible()
    page.goto(link(page="runs"))
    page.get_by_role("link", name="trial sweep of", exact=False).first.click()
    page.wait_for_function(f"location.search.includes('{sweep}')")


def test_a_line_over_one_axis_opens_its_run(page, link):
    page.goto(link(lab="trial"))
    ask(page, {"Darts": "100, 300, 200"}, "7")
    page.get_by_role("button", name="Start the sweep").click()
    chip(page, "done").to_be_visible()
    expect(page.get_by_text("not known").first).to_be_visible()  # what the paper says of pi
    page.get_by_role("link", name="darts = 300, seed 7").click()
    expect(page.get_by_text("seed 7").first).to_be_visible()


def test_mistakes_are_told_in_the_form_and_on_the_page(page, link):
    page.goto(link(lab="trial"))
    ask(page, {"Darts": "100, 1"}, "0")
    expect(page.get_by_text("does not fit").first).to_be_visible()
    expect(page.get_by_role("button", name="Start the sweep")).to_be_disabled()
    page.goto(link(page="sweep", sweep="nothing"))
    expect(page.get_by_role("alert")).to_contain_text("There is no sweep 'nothing'.")
