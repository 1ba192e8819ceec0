"""The shell: one page, one session, four places in it, and an address that says where one is."""

from __future__ import annotations

import asyncio
import functools
import importlib
import threading
from collections.abc import Callable
from typing import Any

import panel as pn
import panel_material_ui as pmui
from panel.io.state import set_curdoc
from panel.util import edit_readonly

from workbench.engine import open_engine
from workbench.lab import get_lab, labs
from workbench.ui import style
from workbench.ui.address import Address, Place, href
from workbench.ui.comparepage import ComparePage
from workbench.ui.datapage import data_html
from workbench.ui.errors import error_card
from workbench.ui.gallery import gallery_html
from workbench.ui.labpage import LabPage
from workbench.ui.runs import RunsTable
from workbench.ui.soon import soon

POLL = 300  # milliseconds


@functools.cache
def warm() -> None:
    """Start the engine and import what the first lab page needs, in the background; once in a process."""
    open_engine()

    def load() -> None:
        for lab in labs().values():
            if lab.state == "works":
                importlib.import_module(f"{lab.module}.views")

    threading.Thread(target=load, name="warm", daemon=True).start()


class Shell:
    """One session of the workbench: its address, its header and the page that is open."""

    def __init__(self) -> None:
        self.here = Place.parse(pn.state.location.search if pn.state.location else "")
        self._doc = pn.state.curdoc
        self._labs: dict[str, LabPage] = {}
        self._runs: RunsTable | None = None
        self._compare: ComparePage | None = None
        self._seen: tuple = ()
        self._unsaid = False  # the address bar is behind
        self._nav = style.html(sizing_mode="stretch_width")
        self._body = pn.Column(sizing_mode="stretch_width", margin=0, stylesheets=[BODY])
        self.address = Address(self.visit)
        cookie = (pn.state.cookies or {}).get("workbench_theme", "")
        dark = (pn.config.theme if "theme" in (pn.state.session_args or {}) else cookie) == "dark"
        self.page = pmui.Page(
            title="Workbench",
            site_url="?",
            header=[self._nav],
            main=[self._body, self.address],
            dark_theme=dark,
            theme_config=style.THEME,
            sx=style.PAGE_SX,
            busy_indicator=None,
            raw_css=["#loader:not(.error) { display: none !important; }"],  # it would veil a page that is ready to read
        )
        # Page mirrors "busy" on every event, and each time walks all models of the document: seconds with a few plots
        with edit_readonly(self.page):
            self.page.busy = False
        self.page.param.watch(lambda event: self.address.remember_theme(event.new), "dark_theme")
        self._render()
        pn.state.add_periodic_callback(self._poll, POLL)

    # -- moving about --------------------------------------------------------------------------------

    def visit(self, place: Place, back: bool = False) -> None:
        """Go to a place, by a link or by the back button."""
        self.here = place
        self._render()
        if not back:
            self._write(push=True)

    def compare(self, ids: list[str]) -> None:
        """Go to the comparison of some runs."""
        self.visit(Place(page="compare", runs=",".join(ids)))

    def note(self, push: bool = False, **changes: Any) -> None:
        """Change parts of the address without moving; without `push` it is written at the next look around."""
        self.here = self.here.but(**changes)
        if push:
            self._write(push=True)
        else:
            self._unsaid = True

    def later(self, call: Callable[[], Any]) -> None:
        """Call something on this session's own thread; from any thread, dropped when the session is gone."""

        def inside() -> None:
            with set_curdoc(self._doc):  # without it, Panel would take style sheets from another host
                call()

        if self._doc is not None and self._doc.session_context is not None:
            self._doc.add_next_tick_callback(inside)

    def _write(self, push: bool) -> None:
        self._unsaid = False
        self.address.write(self.here, f"{self._title()} · Workbench", push)

    def _title(self) -> str:
        if self.here.page == "lab" and self.here.lab in self._labs:
            return self._labs[self.here.lab].title
        return {"runs": "Runs", "compare": "Compare", "data": "Data"}.get(self.here.page, "Labs")

    # -- what is shown ---------------------------------------------------------------------------------

    def _render(self) -> None:
        here = self.here
        links = (("Labs", href(), "gallery"), ("Runs", href(page="runs"), "runs"), ("Data", href(page="data"), "data"))
        current = {"lab": "gallery", "compare": "runs"}.get(here.page, here.page)
        self._nav.object = (
            '<nav class="main" aria-label="Main">'
            + "".join(
                f'<a href="{where}"{" aria-current=page" if page == current else ""}>{word}</a>'
                for word, where, page in links
            )
            + "</nav>"
        )
        try:
            getattr(self, f"_show_{here.page}")()
        except Exception as error:  # a wrong link, or a lab that fails in any way: the rest of the page goes on
            self._body.objects = [error_card(error), style.html('<p><a href="?">All labs</a></p>')]

    def _show_gallery(self) -> None:
        self._body.objects = [style.html(gallery_html())]

    def _show_lab(self) -> None:
        lab = get_lab(self.here.lab)
        page = self._labs.get(lab.name)
        if page is None:
            page = self._labs[lab.name] = LabPage(lab, self)
        page.arrive(self.here)
        self._body.objects = [page.layout]

    def _show_runs(self) -> None:
        self._runs = self._runs or RunsTable(self.compare)
        self._body.objects = [style.html("<h1>Runs</h1>"), self._runs.layout]
        soon(self._runs.refresh)

    def _show_compare(self) -> None:
        ids = [run_id for run_id in self.here.runs.split(",") if run_id]
        if self._compare is None or self._compare.ids != ids:
            self._compare = ComparePage(self, ids)
        self._body.objects = [self._compare.layout]

    def _show_data(self) -> None:
        place = style.html('<p class="soft" role="status">Looking …</p>')
        self._body.objects = [place]

        async def fill() -> None:
            place.object = await asyncio.to_thread(data_html)

        soon(fill)

    async def _poll(self) -> None:
        """Look around: the run under way, runs that others started, and the address bar."""
        if self._unsaid:
            self._write(push=False)
        if self.here.page == "lab" and self.here.lab in self._labs:
            await self._labs[self.here.lab].poll()
        seen = tuple((live.run_id, live.status) for live in open_engine().active())
        if seen != self._seen:
            self._seen = seen
            if self.here.page == "runs" and self._runs is not None:
                await self._runs.refresh()


# Panel gives every column the window's height at most: what is longer would be drawn over what follows
BODY = """
* { max-height: none; }
:host { padding: 28px clamp(16px, 4vw, 48px) 64px; max-width: 1440px; margin: 0 auto !important; width: 100%;
  max-height: none !important; }
"""
