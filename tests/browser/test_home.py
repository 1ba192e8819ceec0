"""A home that cannot be used: every page says so in a sentence, and the data page needs none."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def test_pages_say_that_the_home_cannot_be_used(page, server_without_home, tmp_path):
    trouble = page.get_by_text("cannot use its folder").filter(visible=True).first
    page.goto(server_without_home)
    expect(page.get_by_role("link", name="Runs", exact=True)).to_be_visible()
    for query in ("page=runs", "lab=trial", "lab=rs&run=nobody", "page=compare&runs=a,b", "page=sweep&sweep=nobody"):
        page.goto(f"{server_without_home}?{query}")
        expect(trouble).to_be_visible()
        assert page.get_by_text("Traceback").count() == 0, query
    page.goto(f"{server_without_home}?page=data")
    expect(page.get_by_text("Licence").first).to_be_visible()
    blob = b"a,b,class\n" + b"".join(b"%d,%d,%d\n" % (k, k * k % 7, k % 2) for k in range(50))
    page.goto(f"{server_without_home}?lab=rs")
    file = {"name": "mine.csv", "mimeType": "text/csv", "buffer": blob}
    page.locator("input[type=file]").set_input_files(file)
    expect(page.get_by_role("alert").filter(has_text="cannot use its folder").first).to_be_visible()
    assert "Traceback" not in (tmp_path / "server.log").read_text()
