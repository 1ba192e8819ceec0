"""The shell: one session with its header, its pages and its address."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import importlib
import threading
from collections.abc import Callable
from html import escape
from typing import Any

import panel as pn
import panel_material_ui as pmui
from panel.io.resources import LOCAL_DIST
from panel.util import edit_readonly
from tornado.websocket import WebSocketClosedError

from workbench.contract.lab import get_lab, labs
from workbench.engine import open_engine
from workbench.pages.access import user_name
from workbench.pages.compare.page import ComparePage
from workbench.pages.data import data_html
from workbench.pages.gallery import gallery_html
from workbench.pages.lab.page import LabPage
from workbench.pages.runs.import_run import ImportCard
from workbench.pages.runs.table import RunsTable
from workbench.pages.sweep.list import SweepList
from workbench.pages.sweep.page import SweepPage
from workbench.runs.compare import MOST
from workbench.ui import style
from workbench.ui.address import Address, Place, href
from workbench.ui.deferred import later, send_rest, soon
from workbench.ui.errors import error_card
from workbench.ui.palette import of_theme

POLL = 300  # milliseconds


@functools.cache
def warm() -> None:
    """Start the engine and import what the first lab page needs, in the background; once in a process."""
    open_engine()
    # Not in the thread: Panel uses HoloViews as soon as it is being imported, even if that has only half happened.
    importlib.import_module("holoviews")
    # Nor these: a page is told of the widgets' models when it opens, and of none that is defined a moment later.
    importlib.import_module("workbench_widgets")

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
        if self._doc is not None:
            # Panel says it when it writes the HTML. A browser so slow that its session was given up meanwhile gets
            # another one by its websocket, without HTML, and would take style sheets from another host.
            self._doc._template_variables.setdefault("dist_url", LOCAL_DIST)
        self._labs: dict[str, LabPage] = {}
        self._runs: RunsTable | None = None
        self._compare: ComparePage | None = None
        self._sweep: SweepPage | None = None
        self._seen: tuple = ()
        self._unsaid = False  # the address bar is behind
        self._by_system = False  # the theme changes because the system's is dark
        self._nav = style.html(sizing_mode="stretch_width")
        opening = style.html('<p class="soft" role="status">Opening …</p>')
        self._body = pn.Column(opening, sizing_mode="stretch_width", margin=0, stylesheets=[BODY])
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
        _forget_busy(self.page)
        _let_leave()
        self.page.param.watch(self._themed, "dark_theme")
        self.address.param.watch(lambda _: soon(self._go_dark), "prefers_dark")
        # Nothing can be pressed before Panel has heard of the page: what a hand does earlier would be lost (`soon`).
        # Nor at once then: until all that waited for the page is done, changes go a way on which later ones overtake.
        soon(lambda: self.later(self._render))
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
        self.visit(Place(page="compare", runs=",".join(ids), filter={"fold": True} if len(ids) > MOST else {}))

    def note(self, push: bool = False, **changes: Any) -> None:
        """Change parts of the address without moving; without `push` it is written at the next look around."""
        self.here = self.here.but(**changes)
        if push:
            self._write(push=True)
        else:
            self._unsaid = True

    def later(self, call: Callable[[], Any]) -> None:
        """Call something on this session's own thread; from any thread, dropped when the session is gone."""
        later(self._doc, call)

    def _go_dark(self) -> None:
        """Follow the system into the dark, without remembering it as a choice."""
        self._by_system = True
        self.page.dark_theme = True
        self._by_system = False
        self.address.heard_dark()

    def _themed(self, event: Any) -> None:
        """Remember the theme if it was chosen by hand, and draw anew what has its colors from it."""
        if not self._by_system:
            self.address.remember_theme(event.new)
        self._compare = None
        for page in self._labs.values():
            page.live.recolor(of_theme(event.new))
        if self.here.page == "compare":
            self._render()

    def _write(self, push: bool) -> None:
        self._unsaid = False
        self.address.write(self.here, f"{self._title()} · Workbench", push)

    def _title(self) -> str:
        if self.here.page == "lab" and self.here.lab in self._labs:
            return self._labs[self.here.lab].title
        return {"runs": "Runs", "compare": "Compare", "sweep": "Sweep", "data": "Data"}.get(self.here.page, "Labs")

    # -- what is shown ---------------------------------------------------------------------------------

    def _render(self) -> None:
        here = self.here
        links = (("Labs", href(), "gallery"), ("Runs", href(page="runs"), "runs"), ("Data", href(page="data"), "data"))
        current = {"lab": "gallery", "compare": "runs", "sweep": "runs"}.get(here.page, here.page)
        self._nav.object = (
            '<div class="top"><nav class="main" aria-label="Main">'
            + "".join(
                f'<a href="{where}"{" aria-current=page" if page == current else ""}>{word}</a>'
                for word, where, page in links
            )
            + f"</nav>{_account_html(user_name())}</div>"
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
        self._runs = self._runs or RunsTable(self)
        self._runs.arrive(self.here.filter)
        parts = (SweepList().layout, self._runs.layout, ImportCard().layout)
        self._body.objects = [style.html("<h1>Runs</h1>"), *parts]
        soon(self._runs.refresh)

    def _show_compare(self) -> None:
        ids = [run_id for run_id in self.here.runs.split(",") if run_id]
        fold = bool(self.here.filter.get("fold"))
        if self._compare is None or (self._compare.ids, self._compare.fold) != (ids, fold):
            self._compare = ComparePage(self, ids, fold)
        self._body.objects = [self._compare.layout]

    def _show_sweep(self) -> None:
        if self._sweep is None or self._sweep.id != self.here.sweep:
            self._sweep = SweepPage(self, self.here.sweep)
        self._body.objects = [self._sweep.layout]

    def _show_data(self) -> None:
        place = style.html('<p class="soft" role="status">Looking …</p>')
        self._body.objects = [place]

        async def fill() -> None:
            place.object = await asyncio.to_thread(data_html)

        soon(fill)

    async def _poll(self) -> None:
        """Look around: the run under way, runs that others started, and the address bar."""
        send_rest(self._doc)
        if self._unsaid:
            self._write(push=False)
        if self.here.page == "lab" and self.here.lab in self._labs:
            await self._labs[self.here.lab].poll()
        if self.here.page == "sweep" and self._sweep is not None:
            await self._sweep.poll()
        seen = tuple((live.run_id, live.status) for live in open_engine().active())
        if seen != self._seen:
            self._seen = seen
            if self.here.page == "runs" and self._runs is not None:
                await self._runs.refresh()


def _forget_busy(page: pmui.Page) -> None:
    """Keep a page from mirroring whether the server is busy: every event of any session would walk all its models.

    The server's state would also hold on to the page, and so to its session, for ever: hence the watcher must go too.
    """
    with edit_readonly(page):
        page.busy = False
    for watcher in list(pn.state.param.watchers.get("busy", {}).get("value", [])):
        if getattr(getattr(watcher.fn, "__self__", None), "self", None) is page:
            pn.state.param.unwatch(watcher)


def _let_leave() -> None:
    """Keep the log quiet when a user closes a tab to which a message is under way; Panel logs that as an error."""
    with contextlib.suppress(RuntimeError):  # no loop, no visitors: a test or a notebook
        asyncio.get_running_loop().set_exception_handler(_unless_left)


def _unless_left(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    if not isinstance(context.get("exception"), WebSocketClosedError):
        loop.default_exception_handler(context)


def _account_html(name: str) -> str:
    """Return who has logged in and the way out; nothing on a machine without a login."""
    return f'<p class="account"><span>{escape(name)}</span> <a href="logout">Log out</a></p>' if name else ""


# Panel gives every column the window's height at most: what is longer would be drawn over what follows
BODY = """
* { max-height: none; }
:host { padding: 28px clamp(16px, 4vw, 48px) 64px; max-width: 1440px; margin: 0 auto !important; width: 100%;
  max-height: none !important; }
"""
