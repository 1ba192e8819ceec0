"""The page of one lab: parameters on the left, results on the right."""

from __future__ import annotations

import asyncio
import functools
from html import escape
from typing import TYPE_CHECKING, Any

import panel as pn
import panel_material_ui as pmui

from workbench.contract.errors import LabError
from workbench.contract.lab import Lab
from workbench.engine import open_engine
from workbench.pages.access import user_name
from workbench.pages.form import STRETCH, Form
from workbench.pages.lab.banner import RunBanner
from workbench.pages.lab.expected_time import ExpectedTime
from workbench.pages.lab.manage import ManagePanel
from workbench.pages.lab.own_data import OwnDataInput
from workbench.pages.lab.progress import LivePanel
from workbench.pages.lab.share import SharePanel
from workbench.pages.runs.table import RunsTable
from workbench.pages.sweep.form import SweepForm
from workbench.runs.record import ACTIVE, RESUMABLE, Run
from workbench.runs.store import open_store
from workbench.ui import reading, style
from workbench.ui.address import Place
from workbench.ui.claims import claims_html
from workbench.ui.deferred import soon
from workbench.ui.errors import error_card, error_html
from workbench.ui.link import Link, State
from workbench.ui.palette import of_theme
from workbench.ui.tabs import LazyTabs

if TYPE_CHECKING:
    from workbench.pages.navigation import Navigation

OWN = "own file"  # a selector with this option gets it when a file is dropped


class LabPage:
    """Form, Run and Stop, the live run, and the result's tabs of one lab in one session."""

    def __init__(self, lab: Lab, shell: Navigation):
        self.lab, self.shell = lab, shell
        self.engine = open_engine()
        self.shown: Run | None = None  # whose result stands on the right
        self.watched = ""  # the run under way that this page follows
        self._asked: str | None = None  # the run the URL named last
        self._tabs: LazyTabs | None = None
        self._state = State()
        self._touched = False
        self.form = Form(lab.Params, self._edited)
        self.live = LivePanel(of_theme(shell.page.dark_theme))
        self.runs = RunsTable(shell, lab)
        self.manage = ManagePanel(self._kept)
        self.share = SharePanel(self._exactly_here, shell.address)
        self._run = pmui.Button(label="Run", icon="play_arrow", color="primary", variant="contained", **STRETCH)
        self._stop = pmui.Button(
            label="Stop", icon="stop", color="primary", variant="outlined", disabled=True, **STRETCH
        )
        self._run.on_click(self._start)
        self._stop.on_click(self._halt)
        self.sweep = SweepForm(lab, self.form, shell)
        self._word = style.html()  # what went wrong with Run or Stop, and what the engine says
        self._expected = ExpectedTime(lab, self.engine.scheduler)
        self._banner = RunBanner(lab)
        self._place = pn.Column(sizing_mode="stretch_width", margin=0)
        self.layout = self._compose()

    @property
    def title(self) -> str:
        return self.lab.title

    def _compose(self) -> pn.Column:
        lab = self.lab
        head = style.html(
            f'<a class="small" href="?">← All labs</a><h1>{escape(lab.title)}</h1>'
            f'<p class="lead">{escape(lab.summary)}</p>',
            css_classes=["head"],
        )
        buttons = pn.Row(
            self._run, self._stop, self.sweep.button, sizing_mode="stretch_width", margin=0, styles={"gap": "8px"}
        )
        actions = pn.Column(
            *(buttons, self._expected.layout, self._word, self.sweep.layout),
            sizing_mode="stretch_width",
            margin=0,
            css_classes=["actions"],
        )
        fields = [style.html("<h2 style='margin-top:8px'>What goes in</h2>"), self.form.preset]
        if "file" in self.form.fields:
            fields.append(OwnDataInput(self.lab.modality, self._file_chosen).layout)
        form = pn.Column(*fields, self.form.layout, sizing_mode="stretch_width", margin=0, css_classes=["form"])
        parts = (self.live.layout, self._banner.layout, self.manage.layout, self.share.layout, self._place)
        out = pn.Column(*parts, sizing_mode="stretch_width", margin=0, css_classes=["out"])
        return pn.Column(head, actions, form, out, sizing_mode="stretch_width", margin=0, stylesheets=[GRID])

    # -- where the URL leads -----------------------------------------------------------------------

    def arrive(self, place: Place) -> None:
        """Show what a place says; called at the first visit, by links and by the back button."""
        first = self._asked is None
        if (
            first
            or place.params != self.form.changes()
            or (place.preset or self._first_preset) != self.form.preset.value
        ):
            self.form.fill(place.preset, place.params, place.seed or 0, place.device or "auto")
            self._touched = bool(place.params or place.preset)
            if not self._touched and self.shown is not None:
                self._take_over(self.shown)
                self._say_shown()
        self._expect()
        for key, value in place.view.items():
            self._state[key] = value
        if place.filter != self.runs.filter:
            self.runs.arrive(place.filter)
            soon(self.runs.refresh)
        if first or place.run != self._asked:
            self._asked = place.run
            soon(functools.partial(self._open, place))
        elif self._tabs is not None and place.tab:
            self._tabs.open(place.tab)

    @property
    def _first_preset(self) -> str:
        return next(iter(self.lab.Params.presets))

    async def _open(self, place: Place) -> None:
        """Find the run that a place means, and show it."""
        try:
            run = await self._read(place.run) if place.run else await self._newest()
        except LabError as error:
            self._place.objects = [error_card(error)]
            return
        if run is not None and not run.finished:
            self._take_over(run)
            self._watch(run.id)
            run = None if self.shown is not None else await self._newest(finished=True)
            if run is None and self.shown is None:
                self._place.objects = [style.html('<p class="soft">The result will stand here.</p>')]
        if run is None:
            if self.shown is None and not self.watched:
                self._place.objects = [style.html(_nothing(self.lab))]
            return
        self._show(run, place.tab)

    async def _read(self, run_id: str) -> Run:
        run = await asyncio.to_thread(lambda: open_store().run(run_id))
        if run.lab != self.lab.name:
            raise LabError(f"That run belongs to the lab {run.lab!r}.", "The Runs page links each run to its lab.")
        return run

    async def _newest(self, finished: bool = False) -> Run | None:
        """Return the newest run worth showing: under way, else one's own, else the recorded one."""
        runs = await asyncio.to_thread(lambda: open_store().runs(self.lab.name, 30))
        for run in runs:
            if run.status in ("done", "stopped") or (run.status in ACTIVE and not finished):
                return await self._read(run.id)
        if self.lab.recorded is None:
            return None
        return await self._read(f"recorded-{self.lab.name}")

    def _take_over(self, run: Run) -> None:
        """Fill the form with the parameters of the user's own run, unless the user has changed the form."""
        if run.status != "recorded" and not self._touched:
            self.form.fill(run.preset, run.params, run.seed, self.form.device.value)
            self._expect()

    # -- a result ------------------------------------------------------------------------------------

    def _show(self, run: Run, tab: str = "") -> None:
        """Build the tabs of a finished run."""
        self._take_over(run)
        tab = tab or (self._tabs.titles[self._tabs.layout.active] if self._tabs else "")
        self.shown = run
        link = Link(run.id, lambda request: self.engine.probe(run.id, request), self.shell.later, self._state)
        if not self._state.watched:
            self._state.watch(lambda key, value: self.shell.note(view=dict(self._state)))
        makers: dict[str, Any] = {}
        try:
            if run.result.tables or run.result.arrays or run.result.media:
                makers |= self.lab.views(run.result, link)
        except Exception as error:  # a partial or an old result may be too little for a lab's views
            makers["Views"] = lambda error=error: error_card(error, "looking for views of this result")
        makers |= {
            "Metrics": lambda: style.html(reading.metrics_html(self.lab, run.result)),
            "Claims": lambda: style.html(claims_html(run, self.lab)),
            "Method": lambda: style.html(reading.method_html(self.lab)),
            "Runs": self._runs_tab,
        }
        trouble = [error_card(run.error, "running this")] if run.error else []
        if run.status in RESUMABLE:
            again = pmui.Button(label="Resume this run", icon="replay", variant="outlined", margin=(8, 0))
            again.on_click(functools.partial(self._resume, run.id))
            trouble.append(again)
        self._tabs = LazyTabs(makers, tab, lambda title: self.shell.note(push=True, tab=title))
        self._place.objects = [*trouble, self._tabs.layout]
        self.manage.show(run)
        self.share.show(run)
        self._say_shown()

    def _kept(self, run: Run) -> None:
        """Show the new name of the shown run, which its user has just starred, renamed or moved to the trash."""
        self.shown = run
        self._say_shown()
        soon(self.runs.refresh)

    def _exactly_here(self) -> Place:
        """Return the place with all that the page has chosen by itself: the run and the tab."""
        tab = self._tabs.titles[self._tabs.layout.active]
        return self.shell.here.but(run=self.shown.id, tab=tab, view=dict(self._state))

    async def _runs_tab(self) -> Any:
        await self.runs.refresh()
        return self.runs.layout

    def _say_shown(self) -> None:
        """Show which run is shown, and whether the form differs from it."""
        stale = self._banner.show(self.shown, self.form, self._touched)
        self._place.styles = {"opacity": "0.7" if stale else "1"}  # leaving it out would not take it away again

    # -- the form ----------------------------------------------------------------------------------------

    def _edited(self) -> None:
        self._touched = True
        preset, device = self.form.preset.value, self.form.device.value
        self.shell.note(
            preset="" if preset == self._first_preset else preset,
            params=self.form.changes(),
            seed=str(self.form.seed.value or ""),
            device="" if device == "auto" else device,
        )
        self._say_shown()
        self._expect()

    def _expect(self) -> None:
        self._expected.show("" if self.form.changes() else self.form.preset.value)

    def _file_chosen(self, path: str) -> None:
        self.form.put("file", path)
        if not path:
            return
        for name, field in self.form.fields.items():
            if OWN in getattr(field, "options", ()):
                self.form.put(name, OWN)

    # -- a run under way -----------------------------------------------------------------------------------

    async def _start(self, _event: Any) -> None:
        self._word.object = ""
        try:
            values = self.form.values()
            preset = "" if self.form.changes() else self.form.preset.value
            seed, device, user = self.form.seed.value or 0, self.form.device.value, user_name()
            run_id = await asyncio.to_thread(
                self.engine.submit, self.lab.name, values, seed=seed, device=device, preset=preset, user=user
            )
        except Exception as error:
            self._word.object = error_html(error)
            return
        self._touched = True
        self._follow(run_id)

    async def _resume(self, run_id: str, _event: Any) -> None:
        try:
            await asyncio.to_thread(self.engine.resume, run_id)
        except LabError as error:
            self._word.object = error_html(error)
            return
        self._follow(run_id)

    def _follow(self, run_id: str) -> None:
        """Watch a run that this page has just set going, and show its result when it ends."""
        self._asked = run_id
        self._watch(run_id)
        self.shell.note(push=True, run=run_id)

    async def _halt(self, _event: Any) -> None:
        await asyncio.to_thread(self.engine.stop, self.watched)

    def _watch(self, run_id: str) -> None:
        self.watched = run_id
        self._stop.disabled = False

    async def poll(self) -> None:
        """Look at the engine; called a few times a second while the page is open."""
        if self.engine.state != "ready":
            tone = "bad" if self.engine.state == "failed" else "soft"
            self._word.object = f'<p class="small {tone}" role="status">{escape(self.engine.message)}</p>'
        elif 'role="status"' in (self._word.object or ""):
            self._word.object = ""
        if not self.watched:
            return
        live = self.engine.live(self.watched)
        if live is not None:
            self.live.show(live)
            if live.status in ACTIVE:
                return
        run = await self._read(self.watched)
        if not run.finished:
            return
        self.watched = ""
        self._stop.disabled = True
        self.live.hide()
        self._expect()
        if self._asked in ("", run.id):
            self._show(run)
        if self._tabs is not None:
            self._tabs.rebuild("Runs")


def _nothing(lab: Lab) -> str:
    return (
        f'<div class="note"><p><strong>No result yet.</strong> The lab “{escape(lab.name)}” ships no recorded run.</p>'
        "<p>Press <strong>Run</strong>: the preset <em>quick</em> takes about a minute.</p></div>"
    )


GRID = """
:host { display: grid !important; grid-template-columns: minmax(280px, 340px) minmax(0, 1fr); column-gap: 40px;
  row-gap: 8px; grid-template-rows: max-content max-content 1fr; align-items: start; }
.head, .out, .actions, .form { max-height: none; }
.head { grid-column: 1 / -1; }
.out { grid-column: 2; grid-row: 2 / 4; min-width: 0; }
.actions, .form { grid-column: 1; min-width: 0; }
@media (max-width: 860px) {
  :host { grid-template-columns: minmax(0, 1fr); grid-template-rows: none; }
  .out { grid-column: 1; grid-row: auto; order: 2; }
  .form { order: 3; }
}
"""
