"""The page of one sweep: progress, plot and runs."""

from __future__ import annotations

import asyncio
import functools
import io
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import panel as pn
import panel_material_ui as pmui

from workbench.contract.errors import LabError
from workbench.contract.lab import get_lab
from workbench.engine import Engine, open_engine
from workbench.pages.sweep.plot import SweepPlot
from workbench.pages.sweep.text import head_html, run_link, runs_html, under_html
from workbench.runs.record import Run
from workbench.runs.store import open_store
from workbench.sweeps import conductor
from workbench.sweeps.record import SweepRecord, read, runs_of
from workbench.sweeps.table import axis_value, cells_table, points_table, tally
from workbench.ui import style
from workbench.ui.address import Place
from workbench.ui.deferred import soon
from workbench.ui.errors import error_card, error_html

if TYPE_CHECKING:
    from workbench.pages.navigation import Navigation

QUICK, SLOW = 1.0, 5.0  # seconds between two looks: while it is under way, and after its end
MEAN = "mean of all"  # of an axis that is not in the picture


class SweepPage:
    """The sweep that an address names.

    Parameters
    ----------
    shell
        The session.
    sweep_id
        The sweep.
    """

    def __init__(self, shell: Navigation, sweep_id: str):
        self._shell, self.id = shell, sweep_id
        self._sweep: SweepRecord | None = None
        self._runs: list[Run] = []
        self._looked = 0.0
        self._plot: SweepPlot | None = None
        self._head, self._word, self._under, self._list = (style.html() for _ in range(4))
        self._stop = pmui.Button(label="Stop all", icon="stop", variant="outlined", margin=(0, 8, 0, 0))
        self._more = pmui.Button(label="Continue", icon="replay", variant="outlined", margin=(0, 8, 0, 0))
        self._stop.on_click(functools.partial(self._ask, conductor.stop))
        self._more.on_click(functools.partial(self._ask, conductor.go_on))
        self._file = pmui.FileDownload(
            callback=self._csv, filename=f"sweep-{sweep_id[:8]}.csv", label="CSV", variant="outlined", margin=0
        )
        self._menus = pn.FlexBox(gap="12px", sizing_mode="stretch_width", margin=(8, 0))
        self._picture = pn.pane.Bokeh(sizing_mode="stretch_width", margin=0)
        waiting = style.html("<h1>Sweep</h1><p class='soft' role='status'>Reading …</p>")
        self.layout = pn.Column(waiting, sizing_mode="stretch_width", margin=0, styles={"max-height": "none"})
        soon(self._open)

    async def _open(self) -> None:
        try:
            await self._look()
        except LabError as error:
            self.layout.objects = [style.html("<h1>Sweep</h1>"), error_card(error)]
            return
        self._make_menus()
        self._show()
        buttons = pn.FlexBox(self._stop, self._more, self._file, sizing_mode="stretch_width", margin=(8, 0))
        self.layout.objects = [
            self._head,
            buttons,
            self._word,
            self._menus,
            self._picture,
            self._under,
            self._list,
        ]

    async def poll(self) -> None:
        """Look again; called a few times a second while the page is open."""
        if self._sweep is None or time.time() - self._looked < (QUICK if self._sweep.active else SLOW):
            return
        before = (self._sweep, self._runs)
        await self._look()
        if self._sweep.active or (self._sweep, self._runs) != before:
            self._show()

    async def _look(self) -> None:
        self._looked = time.time()
        store = open_store()
        self._sweep = await asyncio.to_thread(read, store, self.id)
        self._runs = await asyncio.to_thread(runs_of, store, self._sweep)

    async def _ask(self, what: Callable[[Engine, str], None], _event: Any) -> None:
        """Stop or continue."""
        self._word.object = ""
        try:
            await asyncio.to_thread(what, open_engine(), self.id)
            await self._look()
        except LabError as error:
            self._word.object = error_html(error)
        self._show()

    # -- the words -----------------------------------------------------------------------------------

    def _show(self) -> None:
        found, runs = self._sweep, self._runs
        counts = tally(found.spec, runs)
        self._head.object = head_html(found, counts)
        self._stop.disabled = found.status not in ("running", "lost")
        self._more.disabled = found.active or counts["done"] == found.spec.runs
        lives = {live.run_id: live for live in open_engine().active()}
        self._list.object = runs_html(found, runs, lives)
        self._shell.later(self._draw)  # it changes Bokeh's models, for which one must hold the document

    # -- the picture ---------------------------------------------------------------------------------

    def _make_menus(self) -> None:
        spec = self._sweep.spec
        axes = list(spec.axes)
        labels = {metric.label: metric.key for metric in get_lab(spec.lab).metrics}
        small, two = {"size": "small", "width": 200, "margin": 0}, len(axes) > 1
        self._metric = pmui.Select(label="Metric", options=labels, value=spec.metric, **small)
        self._x = pmui.Select(label="Across", options=axes, value=axes[0], visible=two, **small)
        self._y = pmui.Select(label="Up", options=axes, value=axes[1] if two else axes[0], visible=two, **small)
        self._others = {
            name: pmui.Select(label=name, options=[MEAN, *map(_text, spec.axes[name])], value=MEAN, **small)
            for name in axes
        }
        for menu in (self._metric, self._x, self._y, *self._others.values()):
            menu.param.watch(lambda _: self._replot(), "value")
        self._menus.objects = [self._metric, self._x, self._y, *self._others.values()]
        self._replot()

    def _replot(self) -> None:
        """Make the figure anew for what the menus say."""
        spec = self._sweep.spec
        by = list(dict.fromkeys((self._x.value, self._y.value)))
        for name, menu in self._others.items():
            menu.visible = name not in by
        metric = next(metric for metric in get_lab(spec.lab).metrics if metric.key == self._metric.value)
        self._plot = SweepPlot(spec, metric, by, self._clicked)
        self._draw()
        self._picture.object = self._plot.figure
        self._under.object = under_html(metric, by)

    def _draw(self) -> None:
        by, spec = self._plot.by, self._sweep.spec
        where = {
            name: next(value for value in spec.axes[name] if _text(value) == menu.value)
            for name, menu in self._others.items()
            if name not in by and menu.value != MEAN
        }
        self._plot.draw(cells_table(spec, self._runs, self._metric.value, by, where))

    def _clicked(self, run_ids: list[str]) -> None:
        """Open the run behind a point or a cell, or say which runs there are."""
        runs = [run for run in self._runs if run.id in run_ids]
        if len(runs) == 1:
            self._shell.later(lambda: self._shell.visit(Place(page="lab", lab=runs[0].lab, run=runs[0].id)))
            return
        lines = "".join(f"<li>{run_link(run)}</li>" for run in runs)
        self._word.object = f'<div class="note"><p>The {len(runs)} runs there:</p><ul class="plain">{lines}</ul></div>'

    def _csv(self) -> io.StringIO:
        return io.StringIO(points_table(self._sweep.spec, self._runs).to_csv(index=False))


def _text(value: Any) -> str:
    return str(axis_value(value))
