"""What a notebook's cell is given: a script that asks this machine only, and a picture or numbers for afterwards."""

from __future__ import annotations

import base64
import io
import re
import urllib.error
import urllib.request
from types import SimpleNamespace

import numpy as np
import panel as pn
import psutil
import pytest
from bokeh.document import Document
from panel.io.state import set_curdoc
from PIL import Image

import workbench
from workbench.api import progress
from workbench.api.progress import Bar, progress_display
from workbench.contract.errors import LabError
from workbench.notebook import cell as notebook
from workbench.notebook import in_notebook
from workbench.notebook import server as notebook_server_module
from workbench.notebook.server import notebook_server
from workbench.transfer import figures
from workbench.ui.style import html


@pytest.fixture
def cell(monkeypatch) -> list[dict[str, str]]:
    """Return the outputs that were displayed."""
    outputs: list[dict[str, str]] = []
    monkeypatch.setattr(notebook, "display", lambda data, metadata=None, raw=False: outputs.append(data))
    return outputs


def fetch(path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{notebook_server().port}/{path}", timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""


def test_the_server_listens_to_this_machine_and_to_those_who_know_its_secret():
    server = notebook_server()
    listening = {c.laddr.ip for c in psutil.Process().net_connections("tcp") if c.laddr.port == server.port}
    assert listening == {"127.0.0.1"} and len(server.secret) > 20
    assert fetch(f"{server.secret}/alive")[0] == 204
    assert fetch("alive")[0] == fetch(f"{server.secret[:-1]}/alive")[0] == fetch("")[0] == 404


def test_a_page_brings_all_it_needs_from_its_own_server():
    server = notebook_server()
    status, page = fetch(f"{server.secret}?view={server.add(lambda: notebook._page(lambda: html('<p>here</p>')))}")
    assert status == 200 and "bokeh" in page
    assert re.findall(r"""(?:src|href)=["'](?:https?:)?//[^"']+""", page) == []
    assert fetch(f"{server.secret}?view=none")[0] == 200


def test_a_cell_without_a_chromium_keeps_the_numbers(cell, monkeypatch):
    def none(*_):
        raise LabError("There is no Chromium on this machine.")

    monkeypatch.setattr(notebook, "screenshot", none)
    run = workbench.open_run("recorded-rs")
    notebook.show_run(run)
    live, still = cell
    assert live["text/plain"] == repr(run) and f'"port": {notebook_server().port}' in live["text/html"]
    assert "Rate of Separability" in still["text/html"] and "RS adjusted" in still["text/html"]
    assert re.search(r'id="workbench-still-[\w-]+"', still["text/html"])
    assert not re.search(r"""(src|href)=["']?https?://""", live["text/html"])


def test_a_picture_is_cut_to_its_content_and_stays_small(cell, monkeypatch):
    noise = np.random.default_rng(0).integers(0, 255, (300, 200, 3), np.uint8)
    kept = io.BytesIO()
    Image.fromarray(noise).save(kept, "PNG")
    monkeypatch.setattr(notebook, "screenshot", lambda *_: kept.getvalue())
    monkeypatch.setattr(notebook_server(), "height", lambda key: 120)
    notebook.show_run(workbench.open_run("recorded-rs"))
    png = re.search(r"base64,([^\"]+)", cell[1]["text/html"])[1]
    picture = Image.open(io.BytesIO(base64.b64decode(png)))
    assert picture.size == (200, 120) and len(picture.convert("RGB").getcolors()) <= notebook.COLORS


def test_what_cannot_be_drawn_is_told_in_its_place():
    def build():
        raise LabError("There are no darts.")

    with set_curdoc(Document()):
        assert "There are no darts." in notebook._page(build)[0].object


def test_a_picture_that_was_not_drawn_in_time_is_none(cell, monkeypatch):
    monkeypatch.setattr(notebook, "screenshot", lambda *_: b"a page half drawn")
    notebook.show_run(workbench.open_run("recorded-rs"))
    assert "RS adjusted" in cell[1]["text/html"] and "<img" not in cell[1]["text/html"]


def test_the_frame_says_when_it_is_drawn_and_nobody_else():
    server = notebook_server()
    key = server.add(lambda: None)
    for query in ("view=none&height=5", f"view={key}&height=nan", f"view={key}", "view=none&wait=1"):
        assert fetch(f"{server.secret}/drawn?{query}")[0] in (400, 404)
    assert server.height(key) is None
    assert fetch(f"{server.secret}/drawn?view={key}&height=321")[0] == 204
    assert fetch(f"{server.secret}/drawn?view={key}&wait=1")[0] == 204 and server.height(key) == 321


def test_chromium_is_told_the_secret_by_a_file(monkeypatch, tmp_path):
    """The list of processes shows commands to every user of a machine."""
    browser = tmp_path / "chromium"
    browser.write_text('#!/bin/sh\necho "$@" > "$(dirname "$0")/said"\n')
    browser.chmod(0o755)
    monkeypatch.setattr(figures, "CHROMIUM", (str(browser),))
    server = notebook_server()
    with pytest.raises(LabError, match="took no picture"):
        figures.screenshot(server.still_page(server.add(lambda: None)), 10, 10)
    said = (tmp_path / "said").read_text()
    assert "--screenshot=" in said and "page.html" in said and server.secret not in said


def test_pages_of_the_past_are_forgotten():
    server = notebook_server()
    keys = [server.add(lambda: None) for _ in range(notebook_server_module.MOST + 5)]
    assert list(server._pages) == keys[-notebook_server_module.MOST :]


def test_a_view_is_shown_by_this_machine_unless_panel_was_asked_for(cell, monkeypatch):
    notebook.show_view(html("<p>a view</p>"))
    assert f'"port": {notebook_server().port}' in cell[0]["text/html"]
    monkeypatch.setattr(pn.extension, "_loaded", True)
    notebook.show_view(SimpleNamespace(_repr_mimebundle_=lambda: ({"text/html": "Panel's own"}, {})))
    assert cell[1] == {"text/html": "Panel's own"}


# the progress of a run --------------------------------------------------------------------------------------------


def test_progress_in_a_cell_is_one_output_and_ends_with_a_line(monkeypatch):
    updates: list[dict[str, str]] = []
    handle = SimpleNamespace(update=lambda data, raw: updates.append(data))
    monkeypatch.setattr("IPython.display.display", lambda data, raw, display_id: handle)
    monkeypatch.setattr(progress, "in_notebook", lambda: True)
    with progress_display(True) as draw:
        draw({"sweep": Bar("running", 1, 0), "run": Bar("<train>", 3, 9, "3/9")}, False)
        assert '<progress max="9" value="3"></progress> &lt;train&gt; 3/9' in updates[0]["text/html"]
        assert updates[0]["text/plain"] == "running\n<train> 3/9"
        draw({"sweep": Bar("done", 9, 9)}, True)
    assert re.fullmatch(r"<div>done after \d+ s</div>", updates[-1]["text/html"])


def test_without_a_kernel_a_run_is_its_numbers(capsys):
    assert not in_notebook()
    workbench.open_run("recorded-rs")._ipython_display_()
    assert "<Run " in capsys.readouterr().out
