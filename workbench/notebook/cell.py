"""Runs and views in the cell of a notebook: live while the kernel runs, and a still picture for afterwards.

A cell gets two outputs. The first holds a few lines of script, which look for the kernel's own server
(`workbench.notebook.server`) and open its page in a frame; nothing is asked of any other host, and what a saved
notebook keeps of it is small. The second is the still picture, hidden as long as the first is live: it is what
a notebook shows without a kernel, on another machine, or exported as HTML.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import io
import json
from collections.abc import Callable
from concurrent.futures import Future
from html import escape
from pathlib import Path
from typing import Any, Protocol

import panel as pn
import panel_material_ui as pmui
from bokeh.models import CustomJS
from IPython.display import display
from panel.io.resources import LOCAL_DIST
from PIL import Image

from workbench.contract.errors import LabError
from workbench.contract.lab import Lab
from workbench.contract.result import Result
from workbench.notebook.server import notebook_server
from workbench.runs.record import Run
from workbench.transfer.figures import screenshot
from workbench.ui import style
from workbench.ui.claims import claims_html
from workbench.ui.deferred import later, send_rest
from workbench.ui.errors import error_card
from workbench.ui.link import Link
from workbench.ui.reading import metrics_html
from workbench.ui.tabs import LazyTabs

CELL_JS = Path(__file__).with_name("cell.js").read_text(encoding="utf-8")
FRAME_JS = Path(__file__).with_name("frame.js").read_text(encoding="utf-8")
WIDTH, HEIGHT = 1000, 1200  # CSS pixels of a still picture; what is longer is cut off
COLORS = 128  # of a still picture: figures have few, and a notebook should stay small
FRAME_CSS = "html, body { height: auto; margin: 0; overflow: hidden; }"


class RunHandle(Protocol):
    """Parts of a run that a cell shows; `workbench.api.runs.Run` has them."""

    id: str
    record: Run
    lab: Lab
    result: Result
    ask: Callable[[dict[str, Any]], Future[Result]]


def show_run(run: RunHandle) -> None:
    """Display a run in this cell: its views, metrics and claims as tabs, the same as on the lab's page.

    Parameters
    ----------
    run
        The run to show; a stopped or failed one says so and shows what it has.
    """
    words = f"<strong>{escape(run.lab.title)}</strong>{metrics_html(run.lab, run.result)}"
    try:
        key = notebook_server().add(functools.partial(_page, functools.partial(_run_content, run)))
    except LabError as error:
        display({"text/plain": repr(run), "text/html": f"<p>{escape(error.cause)}</p>{words}"}, raw=True)
        return
    _show_live(key, repr(run))
    _show_still(key, repr(run), words)


def show_view(view: pn.viewable.Viewable) -> None:
    """Display a Panel object in this cell; IPython calls this instead of Panel's own way, which asks two other hosts.

    A notebook that has called ``pn.extension()`` itself has chosen Panel's own way, and gets it.
    """
    if getattr(pn.extension, "_loaded", False):
        data, metadata = view._repr_mimebundle_()
        display(data, metadata=metadata, raw=True)
        return
    once = iter([view])  # a figure of Bokeh's belongs to one session; a reloaded notebook is another one
    again = style.html("<p>This view was opened once already: run its cell again.</p>")
    _show_live(notebook_server().add(functools.partial(_page, lambda: next(once, again))), "A view of the workbench")


def _show_live(key: str, text: str) -> None:
    """Display a page of the kernel's server in this cell."""
    server = notebook_server()
    place = {"port": server.port, "path": server.secret, "key": key}
    script = CELL_JS.replace("$PLACE", json.dumps(place))
    display({"text/plain": text, "text/html": f"<div><script>{script}</script></div>"}, raw=True)


def _show_still(key: str, text: str, words: str) -> None:
    """Display a picture of a page of the kernel's server; `words` (HTML) stand where none can be drawn."""
    server = notebook_server()
    still = words
    with contextlib.suppress(LabError, OSError):  # no Chromium, one that fails, or a picture cut off
        png = screenshot(server.still_page(key), WIDTH, HEIGHT)
        if (height := server.height(key)) is not None:
            source = f"data:image/png;base64,{_picture(png, height)}"
            still = f'<img alt="{escape(text)}" style="max-width: 100%" src="{source}">'
    display({"text/plain": "", "text/html": f'<div id="workbench-still-{key}">{still}</div>'}, raw=True)


def _picture(png: bytes, height: int) -> str:
    """Return a screenshot, cut to its content and to few colors, as base64."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    picture = picture.crop((0, 0, picture.width, max(1, min(height, picture.height))))
    kept = io.BytesIO()
    picture.quantize(COLORS, dither=Image.Dither.NONE).save(kept, "PNG", optimize=True)
    return base64.b64encode(kept.getvalue()).decode()


def _page(build: Callable[[], Any]) -> Any:
    """Return the content of a session: what `build` makes in the workbench's look, or the error in its place."""
    document = pn.state.curdoc
    document._template_variables.setdefault("dist_url", LOCAL_DIST)  # see workbench.pages.shell
    document.js_on_event("document_ready", _script("ready"))
    document.js_on_event("connection_lost", _script("lost"))
    pn.state.add_periodic_callback(lambda: send_rest(document), 300)
    dark = pn.config.theme == "dark"
    pn.config.raw_css.append(FRAME_CSS)
    try:
        content = build()
    except Exception as error:  # an old or a partial result may be too little for a lab's views
        content = error_card(error, "drawing this")
    look = {"theme_config": style.THEME, "dark_theme": dark}
    # Unseen: on a page without Panel's own frame it is what gives Bokeh's figures the colors of the theme.
    figures = pmui.ThemeToggle(value=dark, styles={"display": "none"}, **look)
    return pmui.Column(content, figures, sizing_mode="stretch_width", margin=0, **look)


def _script(word: str) -> CustomJS:
    """Return the frame's script for one event of its document."""
    return CustomJS(code=FRAME_JS.replace("$WORD", word))


def _run_content(run: RunHandle) -> Any:
    record = run.record
    head = f"<strong>{escape(run.lab.title)}</strong>: {escape(record.name)}, {escape(record.status)}"
    if record.result.notes:
        head += "<ul>" + "".join(f"<li>{escape(note)}</li>" for note in record.result.notes) + "</ul>"
    link = Link(run.id, run.ask, functools.partial(later, pn.state.curdoc))
    makers = {
        **run.lab.views(run.result, link),
        "Metrics": lambda: style.html(metrics_html(run.lab, run.result)),
        "Claims": lambda: style.html(claims_html(record, run.lab)),
    }
    return pn.Column(style.html(head), LazyTabs(makers).layout, sizing_mode="stretch_width", margin=(0, 8))
