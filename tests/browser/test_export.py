"""A run leaves by its page and comes back by the Runs page; a link shows another visitor exactly the same."""

import io
import json
import re
import zipfile
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from playwright.sync_api import Page, expect

from workbench.runs.record import recorded_run
from workbench.transfer.report import report_html
from workbench.ui.link import unpacked

pytestmark = pytest.mark.browser

COPY = """() => { window.copied = []; navigator.clipboard.writeText = async (text) => { window.copied.push(text) } }"""


def open_recorded(page: Page, link, **parts) -> None:
    page.goto(link(lab="rs", run="recorded-rs", **parts))
    page.get_by_role("button", name="Take home").click()
    expect(page.get_by_role("button", name="Copy link")).to_be_visible()


def copied_link(page: Page) -> str:
    """Press Copy link and return what went to the clipboard."""
    page.evaluate(COPY)
    page.get_by_role("button", name="Copy link").click()
    page.wait_for_function("window.copied.length > 0")
    return page.evaluate("window.copied.at(-1)")


def download(page: Page, name: str) -> tuple[str, bytes]:
    with page.expect_download(timeout=240_000) as waiting:
        page.get_by_role("button", name=name).click()
    return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()


def choose(page: Page, label: str, option: str) -> None:
    """Choose an option of a Material select; again where a picture that was drawn just then moved it from under us."""
    page.get_by_role("combobox", name=re.compile(f"^{label}")).first.click()
    menu = page.get_by_role("listbox")
    for patience in (10_000, 10_000, 90_000):
        page.get_by_role("menuitem", name=option, exact=True).click()
        try:
            expect(menu).to_be_hidden(timeout=patience)
            return
        except AssertionError:
            if patience == 90_000:
                raise


# links ----------------------------------------------------------------------------------------------------------


def test_a_copied_link_names_run_and_tab_and_its_field_shows_it(page, link):
    open_recorded(page, link)
    address = copied_link(page)
    assert parse_qs(urlsplit(address).query) == {"lab": ["rs"], "run": ["recorded-rs"], "tab": ["Set"]}
    expect(page.get_by_role("textbox", name="Link", exact=True)).to_have_value(address)
    expect(page.get_by_text("The link is copied.")).to_be_visible()
    page.evaluate("() => { navigator.clipboard.writeText = async () => { throw new Error('no') } }")
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_text("take the link from the field")).to_be_visible()


def test_a_link_restores_every_selector_of_a_view(visitor, link):
    page = visitor()
    open_recorded(page, link, tab="Tasks")
    choose(page, "Tasks", "digits, triples, noisy")
    choose(page, "Measure", "DSI")
    choose(page, "Correlation", "Pearson (straight line)")
    page.get_by_role("tab", name="Layers", exact=True).click()
    page.get_by_role("button", name="RS adjusted", exact=True).click()
    page.get_by_role("tab", name="Graded", exact=True).click()
    page.get_by_role("button", name="more classes", exact=True).click()
    page.wait_for_function("location.search.includes('classes')")
    address = copied_link(page)
    view = json.loads(parse_qs(urlsplit(address).query)["view"][0])
    assert view["tasks"] == "digits, triples, noisy" and view["measure"] == "dsi" and view["family"] == "classes"

    other = visitor()
    other.goto(address)
    pressed = other.get_by_role("button", name="more classes", exact=True)
    expect(pressed).to_have_attribute("aria-pressed", "true")
    other.get_by_role("tab", name="Layers", exact=True).click()
    expect(other.get_by_role("button", name="RS adjusted", exact=True)).to_have_attribute("aria-pressed", "true")
    other.get_by_role("tab", name="Tasks", exact=True).click()
    for words in ("digits, triples, noisy", "DSI", "Pearson (straight line)"):
        expect(other.get_by_role("combobox").filter(has_text=re.compile(f"^{re.escape(words)}$"))).to_be_visible()


def test_a_link_restores_the_selected_rows_and_the_form(visitor, link):
    page = visitor()
    open_recorded(page, link, params={"eps": 0.25})
    rows = [3, 14, 159, 1700]
    select = "(rows) => { for (const one of Bokeh.documents[0]._all_models.values())"
    select += " if (one.type === 'ColumnDataSource' && one.data.tx) { one.selected.indices = rows; return } }"
    expect(page.locator("canvas").first).to_be_visible()
    page.evaluate(select, rows)
    page.wait_for_function("location.search.includes('rows')")
    address = copied_link(page)
    view = json.loads(parse_qs(urlsplit(address).query)["view"][0])
    assert unpacked(view["rows"], 1797) == rows

    other = visitor()
    other.goto(address)
    expect(other.locator("canvas").first).to_be_visible()
    expect(other.get_by_label("Eps", exact=False).first).to_have_value("0.25")
    read = "() => { for (const one of Bokeh.documents[0]._all_models.values())"
    read += " if (one.type === 'ColumnDataSource' && one.data.tx) { return [...one.selected.indices] } }"
    assert other.evaluate(read) == rows


def test_a_link_restores_what_was_moved_in_the_probe(visitor, link):
    page = visitor()
    open_recorded(page, link, tab="Move the classes")
    expect(page.get_by_text("answered in")).to_be_visible()
    slider = page.get_by_role("slider", name=re.compile("^Rotation")).first
    slider.focus()
    for _ in range(5):  # each press seen before the next: a busy page may take two for one
        before = slider.get_attribute("aria-valuenow")
        page.keyboard.press("ArrowRight")
        expect(slider).not_to_have_attribute("aria-valuenow", before)
    for _ in range(900):  # a slow page takes the last presses later than we see them
        if '"rotation":' in unquote(page.url):
            break
        page.wait_for_timeout(100)
    address = copied_link(page)
    [kept] = re.findall(r'"rotation":(\d+)', unquote(address))
    assert int(kept) > 0
    other = visitor()
    other.goto(address)
    moved = other.get_by_role("slider", name=re.compile("^Rotation")).first
    expect(moved).to_have_attribute("aria-valuenow", kept)


# files ----------------------------------------------------------------------------------------------------------


def test_tables_notebook_and_command_line_leave_by_the_page(page, link):
    open_recorded(page, link)
    expect(page.get_by_label("Command line")).to_have_text("workbench run rs --preset claims --seed 0 --device cpu")
    page.evaluate(COPY)
    page.get_by_role("button", name="Copy command line").click()
    page.wait_for_function("window.copied.length > 0")
    assert page.evaluate("window.copied[0]") == "workbench run rs --preset claims --seed 0 --device cpu"
    for kind in ("CSV", "Parquet"):
        for _ in range(2):  # the same file twice is two downloads
            name, blob = download(page, f"Tables ({kind})")
        assert name == f"recorded-rs-{kind.lower()}.zip"
        with zipfile.ZipFile(io.BytesIO(blob)) as box:
            assert len(box.namelist()) == len(recorded_run("rs").result.tables)
    name, blob = download(page, "Notebook")
    assert name == "recorded-rs.ipynb" and json.loads(blob)["nbformat"] == 4


def test_a_run_leaves_as_a_zip_and_comes_back_by_the_runs_page(page, link):
    page.goto(link(lab="trial", params={"steps": 2}))
    page.get_by_role("button", name="Run", exact=True).click()
    page.wait_for_function("location.search.includes('run=')")
    page.get_by_role("button", name="Take home").click()
    name, blob = download(page, "All of it (zip)")
    with zipfile.ZipFile(io.BytesIO(blob)) as box:
        assert {"report.html", "figures/board-1.png", "figures/board-1.svg"} <= set(box.namelist())
        assert b"</html>" in box.read("report.html")
    name, blob_of_figures = download(page, "Figures (PNG, SVG)")
    with zipfile.ZipFile(io.BytesIO(blob_of_figures)) as box:
        assert sorted(box.namelist()) == ["board-1.png", "board-1.svg"]

    page.goto(link(page="runs"))
    drop = page.locator("input[type=file]")
    drop.set_input_files({"name": "far away.zip", "mimeType": "application/zip", "buffer": blob})
    imported = page.locator(".note", has=page.get_by_text("Imported:"))
    imported.get_by_role("link").click()
    expect(page.get_by_text("Showing").first).to_be_visible()
    page.goto(link(page="runs"))
    drop.set_input_files({"name": "bad.zip", "mimeType": "application/zip", "buffer": blob[:3000]})
    expect(page.get_by_role("alert")).to_contain_text("no zip that can be read")
    assert page.get_by_text("Traceback").count() == 0


# the report -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> str:
    """Return the address of the recorded run's report, as a file."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(report_html(recorded_run("rs")), encoding="utf-8")
    return path.as_uri()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_the_report_opens_offline_without_a_request_or_an_error(chromium, report, scheme, width):
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True)
    page, wrong = context.new_page(), []
    page.on("console", lambda message: wrong.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda request: wrong.append(request.url) if not request.url.startswith("data:") else None)
    page.goto(report)
    page.wait_for_function("Bokeh.documents.length && Bokeh.documents.every((one) => one.is_idle)", timeout=120_000)
    assert wrong == [report]  # itself
    assert page.locator("figure[data-figure]").count() >= 20
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    # the figures take the page's ground: a corner of the first one is as dark or as bright as the page
    corner = "() => { const c = drawnNow(document.querySelector('figure[data-figure]')); return c }"
    page.evaluate(
        """() => { window.drawnNow = (figure) => {
            const layer = view(figure).export("png")
            return [...layer.canvas.getContext("2d").getImageData(2, 2, 1, 1).data] } }"""
    )
    assert page.evaluate(corner)[:3] == ([20, 24, 28] if scheme == "dark" else [255, 255, 255])
    context.close()


def test_figures_of_a_report_are_interactive_and_can_be_saved_on_white(chromium, report):
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, color_scheme="dark", accept_downloads=True)
    page = context.new_page()
    page.goto(report)
    page.wait_for_function("Bokeh.documents.length && Bokeh.documents.every((one) => one.is_idle)", timeout=120_000)
    figure = page.locator("figure[data-figure]").first
    for kind, begins in (("PNG", b"\x89PNG"), ("SVG", b"<svg")):
        with page.expect_download() as waiting:
            figure.get_by_role("button", name=kind).click()
        assert waiting.value.suggested_filename == f"set-1.{kind.lower()}"
        assert Path(waiting.value.path()).read_bytes().startswith(begins)
    box = figure.locator("canvas").first.bounding_box()
    page.mouse.move(box["x"] + 150, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 350, box["y"] + 250, steps=5)
    page.mouse.up()
    chosen = "[...Bokeh.documents[0]._all_models.values()].find((one) => one.data?.tx).selected.indices.length"
    page.wait_for_function(f"{chosen} > 20")
    context.close()
