"""What a notebook's cell is given: a script that asks this machine only, and a picture or numbers for afterwards."""

from __future__ import annotations

import base64
import io
import re
import urllib.error
import urllib.request

import numpy as np
import psutil
import pytest
from bokeh.document import Document
from panel.io.state import set_curdoc
from PIL import Image

import workbench
from workbench.lab import LabError
from workbench.ui import notebook
from workbench.ui.notebook_server import notebook_server
from workbench.ui.style import html


@pytest.fixture
def cell(monkeypatch) -> list[dict[str, str]]:
    """Return the outputs that were displayed."""
    outputs: list[dict[str, str]] = []
    monkeypatch.setattr(notebook, "display", lambda data, raw: outputs.append(data))
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
    run._ipython_display_()
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
