"""What stands on the page, at desktop and telephone width, in light and dark, by mouse and by keyboard."""

import re

import pytest
from playwright.sync_api import expect

from workbench.contract.lab import MODALITIES, labs

pytestmark = pytest.mark.browser

TITLE = f"{len(labs())} papers, {len(labs())} labs"  # the tests add a trial lab to the ten


def test_gallery_shows_every_lab_and_its_state(page, link):
    page.goto(link())
    expect(page.get_by_role("heading", name=TITLE)).to_be_visible()
    for lab in labs().values():
        expect(page.get_by_role("heading", name=lab.title, exact=True)).to_be_visible()
    for modality in {lab.modality for lab in labs().values()} & set(MODALITIES):
        expect(page.get_by_role("heading", name=modality, exact=True)).to_be_visible()
    planned = sum(lab.state == "planned" for lab in labs().values())
    expect(page.locator(".chip").get_by_text("planned", exact=True)).to_have_count(planned)


def test_keyboard_opens_a_lab_and_the_back_button_returns(page, link):
    page.goto(link())
    card = page.get_by_role("link", name="Rate of Separability")
    card.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Rate of Separability", exact=True).first).to_be_visible()
    expect(page.get_by_role("button", name="Run", exact=True)).to_be_visible()
    expect(page).to_have_url(re.compile("lab=rs"))  # the address follows the page, later on a busy machine
    page.go_back()
    expect(page.get_by_role("heading", name=TITLE)).to_be_visible()
    page.go_forward()
    expect(page.get_by_role("button", name="Run", exact=True)).to_be_visible()


def test_data_page_names_licences(page, link):
    page.goto(link(page="data"))
    expect(page.get_by_role("heading", name="Data", exact=True)).to_be_visible()
    expect(page.get_by_role("columnheader", name="Licence").first).to_be_visible()
    expect(page.get_by_text("digits", exact=True).first).to_be_visible()


def test_wrong_link_is_told_in_words(page, link):
    page.goto(link(lab="no-such-lab"))
    expect(page.get_by_role("alert")).to_contain_text("There is no lab")
    page.get_by_role("link", name="All labs").click()
    expect(page.get_by_role("heading", name=TITLE)).to_be_visible()


def test_theme_is_remembered(page, link):
    page.goto(link())
    page.get_by_role("button", name="Toggle theme").click()
    expect(page.locator(".mui-dark").first).to_be_attached()
    page.wait_for_function("document.cookie.includes('workbench_theme=dark')")
    page.reload()
    expect(page.get_by_role("heading", name=TITLE)).to_be_visible()
    expect(page.locator(".mui-dark").first).to_be_attached()


def test_a_dark_system_gets_a_dark_page_until_the_reader_chooses(page, link):
    page.emulate_media(color_scheme="dark")
    page.goto(link())
    expect(page.locator(".mui-dark").first).to_be_attached()
    assert "workbench_theme" not in page.evaluate("document.cookie")
    page.get_by_role("button", name="Toggle theme").click()
    page.wait_for_function("document.cookie.includes('workbench_theme=default')")
    page.reload()
    expect(page.get_by_role("heading", name=TITLE)).to_be_visible()
    page.wait_for_timeout(1000)
    expect(page.locator(".mui-dark")).to_have_count(0)


def test_a_lab_that_is_opened_first_is_dark_too(page, link):
    """It takes longest to load, and what changes meanwhile may never reach the browser."""
    page.emulate_media(color_scheme="dark")
    page.goto(link(lab="rs", run="recorded-rs"))
    expect(page.locator(".mui-dark").first).to_be_attached()


@pytest.mark.parametrize("parts", [{}, {"lab": "rs"}, {"page": "runs"}, {"page": "data"}], ids=str)
def test_nothing_scrolls_sideways_on_a_telephone(visitor, link, parts):
    page = visitor(390, 844)
    page.goto(link(**parts))
    expect(page.get_by_role("heading", level=1).first).to_be_visible()
    page.wait_for_timeout(1500)
    wide = page.evaluate(
        """() => {
            const found = []
            const look = (root) => root.querySelectorAll("*").forEach((el) => {
                if (el.shadowRoot) { look(el.shadowRoot) }
                const box = el.getBoundingClientRect()
                if (box.width > 391) { found.push(el.tagName + "." + el.className + " " + Math.round(box.width)) }
            })
            if (document.documentElement.scrollWidth > 390) { look(document) }
            return found
        }"""
    )
    assert not wide


def test_form_stands_below_the_result_on_a_telephone(visitor, link):
    page = visitor(390, 844)
    page.goto(link(lab="trial"))
    form = page.get_by_role("heading", name="What goes in")
    result = page.get_by_text("No result yet.").or_(page.get_by_role("tablist"))  # an earlier test may have run the lab
    expect(result).to_be_visible()
    expect(form).to_be_visible()
    assert result.bounding_box()["y"] + result.bounding_box()["height"] < form.bounding_box()["y"]


def test_a_long_result_is_not_drawn_over_the_form_on_a_telephone(visitor, link):
    page = visitor(390, 844)
    page.goto(link(lab="rs", run="recorded-rs", tab="Claims"))
    last = page.get_by_text("Seen on digits, so judged on other sets only").first
    expect(last).to_be_visible()
    form = page.get_by_role("heading", name="What goes in")
    assert last.bounding_box()["y"] + last.bounding_box()["height"] < form.bounding_box()["y"]
