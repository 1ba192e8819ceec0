"""A run taken home: files that need no workbench, and ways to the same numbers that are run here."""

import base64
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from importlib import import_module
from importlib.util import find_spec

import pandas as pd
import pytest
import safetensors.numpy
from PIL import Image

import workbench
from workbench import viewers
from workbench.api import runs as api
from workbench.contract import Tab
from workbench.contract.errors import LabError
from workbench.contract.lab import get_lab
from workbench.engine.provenance import provenance
from workbench.engine.worker import merge
from workbench.runs.record import Run, recorded_run
from workbench.runs.reproduce import base_preset, command_line, notebook
from workbench.toolkit.memory import MemoryContext
from workbench.transfer import figures
from workbench.transfer.export import export
from workbench.transfer.import_run import import_run
from workbench.transfer.report import report_html, slug

PARAMS = {"darts": 300, "steps": 4, "mood": "good", "pause": 0.0}


@pytest.fixture(scope="module")
def run(home, tmp_path_factory):
    """Return a real run of the trial lab with values of its own, in the store as if it had come from elsewhere."""
    lab, ctx, folder = get_lab("trial"), MemoryContext(seed=7), tmp_path_factory.mktemp("far")
    result = merge(lab.run(lab.Params.make(**PARAMS), ctx), ctx.kept)
    result.save(folder)
    (folder / "models").mkdir()
    (folder / "models" / "board.safetensors").write_bytes(safetensors.numpy.save(ctx.models["board"]))
    (folder / "log.txt").write_text("".join(f"12:00:00 {line}\n" for line in ctx.lines))
    known = provenance("cpu", data={}, timings={}, peak_memory=0)
    (folder / "provenance.json").write_text(json.dumps(known))
    given = {"name": "<b>a & b</b>", "status": "done", "preset": "", "seed": 7, "device": "cpu", "seconds": 0.1}
    made = Run("far", "trial", params=PARAMS, created=datetime.now(UTC), metrics=result.metrics, folder=folder, **given)
    return import_run(export(made, tmp_path_factory.mktemp("zip") / "far.zip", figures=False))


# the same numbers again -----------------------------------------------------------------------------------------


def test_the_command_line_gives_the_same_numbers(run):
    words = shlex.split(command_line(run))
    assert words[:3] == ["workbench", "run", "trial"] and "darts=300" in words and "pause=0.0" not in words
    done = subprocess.run(
        [sys.executable, "-m", "workbench.cli", *words[1:], "--json"], capture_output=True, text=True, timeout=300
    )
    again = json.loads(done.stdout)
    assert again["metrics"] == run.result.metrics and again["params"] == run.params


def test_the_notebook_gives_the_same_numbers(run, tmp_path):
    nbformat, nbclient = import_module("nbformat"), import_module("nbclient")
    book = nbformat.reads(notebook(run), as_version=4)
    nbformat.validate(book)
    compare = next(index for index, cell in enumerate(book.cells) if "then =" in cell.source)
    check = "assert table['same'].all() and len(table); print('same')"
    book.cells.insert(compare + 1, nbformat.v4.new_code_cell(check))
    nbclient.NotebookClient(book, timeout=300, kernel_name="python3").execute(cwd=str(tmp_path))
    printed = [out.text for cell in book.cells for out in cell.get("outputs", ()) if out.output_type == "stream"]
    assert "same\n" in printed


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"eps": 0.123456789012345678, "studies": [], "also": ["iris", "wine"], "center": False, "n": 61},
        {"dataset": "own file", "file": "/tmp/it's a 'file' $HOME; `x`.csv", "target": "[a] = b"},
    ],
)
@pytest.mark.parametrize("preset", ["quick", "claims", "", "gone"])
def test_a_command_line_says_every_value_exactly(values, preset):
    """What the shell makes of the line is parsed as the terminal parses it, and gives the params of the run."""
    lab = get_lab("rs")
    params = lab.Params.make(preset if preset in lab.Params.presets else "full", **values).to_dict()
    run = replace(recorded_run("rs"), params=params, preset=preset, seed=12)
    words = shlex.split(command_line(run))
    options = list(zip(words[3::2], words[4::2], strict=True))
    asked = dict(options)
    found = dict(text.partition("=")[::2] for flag, text in options if flag == "--set")
    again = lab.Params.make(asked["--preset"], **{name: lab.Params.parse(name, text) for name, text in found.items()})
    assert again.to_dict() == params and asked["--seed"] == "12" and asked["--device"] == "cpu"


def test_without_a_preset_the_nearest_one_is_the_base():
    lab = get_lab("rs")
    values = lab.Params.make("full", eps=0.25).to_dict()
    assert base_preset(lab.Params, replace(recorded_run("rs"), params=values, preset="")) == "full"


# the report -----------------------------------------------------------------------------------------------------


class Links(HTMLParser):
    """Collects what a page would load, and where its links lead."""

    def __init__(self):
        super().__init__()
        self.loads, self.leads, self.scripts = [], [], 0

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.scripts += tag == "script"
        self.loads += [found[name] for name in ("src", "srcset", "poster", "data") if name in found]
        self.loads += [found["href"]] if tag == "link" else []
        self.leads += [found["href"]] if tag == "a" and "href" in found else []


def test_the_report_of_a_real_run_is_whole_and_loads_nothing(run):
    import_module("panel.models.tabulator")  # as the page and a notebook do: Bokeh would add its style sheet's address
    html = report_html(run)
    links = Links()
    links.feed(html)
    assert all(address.startswith("data:") for address in links.loads)
    assert "@import" not in html and "url(" not in re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL)
    assert "&lt;b&gt;a &amp; b&lt;/b&gt;" in html and "<b>a & b</b>" not in html
    for words in ("Darts find pi.", "error below 0.2", "holds", "Four times the share", "300", "Darts are simulated."):
        assert words in html
    assert "threw 1200 darts" in html and run.id in html and "pandas" in html
    assert html.count("root.Bokeh") == 1 or html.count('"bokehjs"') <= 1
    csv = next(address for address in links.leads if address.startswith("data:text/csv"))
    kept = io.BytesIO(base64.b64decode(csv.partition(",")[2]))
    assert pd.read_csv(kept).equals(run.result.tables["last"])


def test_every_view_of_the_recorded_run_is_in_its_report():
    run = recorded_run("rs")
    html = report_html(run)
    lab = get_lab("rs")
    assert len(html) < 6e6
    for title in lab.views(run.result, None):
        assert f'id="view-{slug(title)}"' in html
    assert html.count("<figure data-figure=") >= 20 and "Something went wrong" not in html
    assert "<math" in html and "Shown with What is varied: wider" in html  # formulas; a widget told in words
    assert "This page is a record, so there is nobody to ask" in html  # the probe says why it is still
    for metric in lab.metrics:
        assert metric.label.replace("&", "&amp;") in html
    assert all(digest in html for digest in run.provenance["data"].values())


def test_a_view_that_fails_is_told_and_the_others_stand(run, monkeypatch):
    import holoviews as hv
    import trial_lab.views

    tabs = (
        Tab("Broken", lambda result, link: 1 / 0),
        Tab("Whole", lambda result, link: hv.Curve([1, 2, 3])),
        Tab("Odd", lambda result, link: Odd()),
    )
    monkeypatch.setattr(trial_lab.views, "TABS", tabs)
    html = report_html(run)
    assert "division by zero" in html and html.count("<figure data-figure=") == 1
    assert "(Odd) needs a running workbench" in html


def Odd():  # noqa: N802 - stands for a class
    """Return a component of the browser that only a server can feed."""
    from panel.custom import JSComponent

    class Odd(JSComponent):
        _esm = "export function render() {}"

    return Odd()


# files ----------------------------------------------------------------------------------------------------------


def test_a_zip_and_a_folder_hold_the_same(run, tmp_path):
    packed = export(run, tmp_path / "run.zip", figures=False)
    folder = export(run, tmp_path / "run", figures=False)
    with zipfile.ZipFile(packed) as box:
        names = set(box.namelist())
        assert names == {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
        same = [name for name in names if box.read(name) == (folder / name).read_bytes()]
    assert {"README.txt", "run.json", "result.json", "log.txt", "provenance.json", "manifest.json"} <= names
    assert {"tables/last.parquet", "csv/last.csv", "models/board.safetensors", "reproduce.ipynb"} <= names
    assert names - set(same) <= {"report.html", "manifest.json"}  # Bokeh gives its models new numbers each time
    kept = pd.read_csv(folder / "csv" / "last.csv")
    assert kept.equals(pd.read_parquet(folder / "tables" / "last.parquet"))
    assert command_line(run) in (folder / "README.txt").read_text()


def test_what_is_there_is_not_written_over(run, tmp_path):
    target = tmp_path / "run.ipynb"
    export(run, target)
    before = target.stat().st_mtime_ns
    with pytest.raises(LabError, match="exists already"):
        export(run, target)
    assert target.stat().st_mtime_ns == before
    export(replace(run, seed=99), target, force=True)
    assert "seed=99" in target.read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.ipynb"]  # nothing half made beside it


def test_a_place_that_cannot_be_written_is_told_in_words(run, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LabError, match="cannot be written"):
        export(run, tmp_path / "file" / "run.ipynb")


def test_a_run_under_way_is_not_exported(run, tmp_path):
    with pytest.raises(LabError, match="has not ended"):
        export(replace(run, status="running"), tmp_path / "run.zip")


def test_figures_are_drawn_as_png_and_svg(run, tmp_path):
    if not any(map(shutil.which, figures.CHROMIUM)):
        pytest.skip("Chromium is not installed")
    folder = export(run, tmp_path / "run")
    found = sorted(path.name for path in (folder / "figures").iterdir())
    assert found == ["board-1.png", "board-1.svg"]
    assert (folder / "figures" / "board-1.png").read_bytes().startswith(b"\x89PNG")
    svg = (folder / "figures" / "board-1.svg").read_text()
    assert svg.startswith("<svg") and svg.count("<path") + svg.count("<circle") > 300  # each dart is drawn


def test_without_a_chromium_the_zip_says_so(run, tmp_path, monkeypatch):
    monkeypatch.setattr(figures, "CHROMIUM", ("no-such-browser",))
    with zipfile.ZipFile(export(run, tmp_path / "run.zip")) as box:
        assert "no Chromium" in box.read("figures/README.txt").decode()
    assert workbench.import_run(tmp_path / "run.zip").metrics["pi"] == run.result.metrics["pi"]


def test_the_api_exports_and_imports(run, tmp_path):
    path = workbench.open_run(run.id).export(tmp_path / "run.zip", figures=False)
    again = workbench.import_run(path)
    assert again.id != run.id and again.metrics == run.result.metrics and again.status == "done"


def test_an_imported_run_resumes_where_it_was_stopped(engine, tmp_path, wait_for):
    run_id = engine.submit("trial", PARAMS | {"steps": 60, "pause": 0.1}, seed=7, device="cpu")
    wait_for(lambda: (live := engine.live(run_id)) and live.done > 5, what="a few steps")
    engine.stop(run_id)
    api.follow(engine, run_id, show=False)
    stopped = workbench.open_run(run_id).record
    assert stopped.status == "stopped"
    moved = workbench.import_run(export(stopped, tmp_path / "stopped.zip", figures=False))
    assert moved.status == "stopped" and (moved.record.folder / "checkpoint.safetensors").exists()
    done = api.Run(moved.record, engine).resume(progress=False)
    assert done.status == "done" and done.record.result.curves["estimate"][0] == list(range(60))


# the terminal ---------------------------------------------------------------------------------------------------


def call(*words, code=0, **more):
    done = subprocess.run([sys.executable, "-m", "workbench.cli", *words], capture_output=True, text=True, **more)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def test_export_and_import_in_the_terminal(run, tmp_path):
    said = call("export", run.id, "--to", str(tmp_path / "run.zip"), "--no-figures")
    assert "run.zip" in said and command_line(run) in said
    again = json.loads(call("import", str(tmp_path / "run.zip"), "--json"))
    assert again["status"] == "done" and again["metrics"]["pi"] == run.result.metrics["pi"]
    assert again["run_id"] != run.id
    assert "exists already" in call("export", run.id, "--to", str(tmp_path / "run.zip"), code=2)
    assert "no zip" in call("import", __file__, code=2)


def test_view_opens_the_page_of_the_server_that_is_there(run, tmp_path, monkeypatch):
    import http.server
    import threading

    class Page(http.server.BaseHTTPRequestHandler):
        title = b"<title>Workbench</title>"

        def do_GET(self):  # noqa: N802 - its name in the library
            self.send_response(200)
            self.end_headers()
            self.wfile.write(self.title)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("localhost", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/opened\n')
    browser.chmod(0o755)
    environment = os.environ | {"BROWSER": f"{browser} %s"}
    port = str(server.server_port)
    said = call("view", run.id, "--port", port, env=environment)
    address = f"http://localhost:{port}/app?lab=trial&run={run.id}"
    assert address in said and (tmp_path / "opened").read_text().strip() == address
    Page.title = b"<title>Another</title>"
    assert "Another program answers" in call("view", run.id, "--port", port, code=2, env=environment)
    server.shutdown()


def test_a_viewer_that_a_lab_lacks_is_told_with_those_it_has(run):
    assert "It has: browser." in call("view", run.id, "--in", "napari", code=2)
    assert "open3d" in call("view", "recorded-rs", "--in", "hologram", code=2)


def test_a_viewer_that_is_not_installed_is_told_in_words(monkeypatch):
    monkeypatch.setattr(viewers.importlib, "import_module", lambda name: exec("raise ImportError('no such module')"))
    with pytest.raises(LabError, match="make desktop"):
        viewers.desktop("open3d")


@pytest.mark.parametrize("name", ["open3d", "napari"])
def test_a_desktop_viewer_draws_the_run(name, tmp_path):
    """In a Python of its own, since a window that fails takes its process along."""
    if find_spec(name) is None or not shutil.which("xvfb-run"):
        pytest.skip(f"{name} or xvfb-run is not installed")
    picture = tmp_path / "seen.png"
    command = ["xvfb-run", "-a", "-s", "-screen 0 1280x900x24", sys.executable, "-m", "workbench.cli"]
    command += ["view", "recorded-rs", "--in", name, "--save", str(picture)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stdout + done.stderr
    with Image.open(picture) as seen:
        assert min(seen.size) > 300 and len(seen.convert("RGB").getcolors(10**7)) > 5


def test_the_recorded_run_comes_back_as_one_that_is_done(tmp_path):
    found = workbench.import_run(export(recorded_run("rs"), tmp_path / "rs.zip", figures=False))
    assert found.metrics == recorded_run("rs").result.metrics and found.status == "done"
