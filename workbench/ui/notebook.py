"""A run shown in a notebook: the same views, metrics and claims as on the page."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import holoviews as hv
import panel as pn

from workbench.ui.claims import claims_html
from workbench.ui.reading import metrics_html
from workbench.ui.style import html

if TYPE_CHECKING:
    from workbench.api import Run


@functools.cache
def prepare() -> None:
    """Load what a notebook needs to draw; once in a kernel."""
    hv.extension("bokeh", logo=False)
    pn.extension("tabulator")


def show(run: Run) -> pn.viewable.Viewable:
    """Return a run as tabs; a view is built when its tab is first opened.

    Parameters
    ----------
    run
        The run to show; a stopped or failed one says so and shows what it has.
    """
    prepare()
    record = run.record
    head = f"<strong>{run.lab.title}</strong>: {record.name}, {record.status}"
    if record.result.notes:
        head += "<ul>" + "".join(f"<li>{note}</li>" for note in record.result.notes) + "</ul>"
    tabs = [(title, pn.panel(lambda build=build: build(), lazy=True)) for title, build in run.views().items()]
    tabs.append(("Metrics", html(metrics_html(run.lab, run.result))))
    tabs.append(("Claims", html(claims_html(record, run.lab))))
    return pn.Column(html(head), pn.Tabs(*tabs, dynamic=True), sizing_mode="stretch_width")
