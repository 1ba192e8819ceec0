"""The runs table: of one lab, or of the whole workbench."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from html import escape
from typing import TYPE_CHECKING, Any

import pandas as pd
import panel as pn
import panel_material_ui as pmui

from workbench.lab import Lab, LabError, labs
from workbench.store import open_store
from workbench.ui import style
from workbench.ui.address import href
from workbench.ui.errors import error_html

if TYPE_CHECKING:
    from workbench.store import Run

MOST_METRICS = 4  # columns of headline metrics; all of them stand on the run's own page


def changed(run: Run, lab: Lab | None) -> dict[str, Any]:
    """Return the params of a run that differ from the lab's defaults."""
    if lab is None or lab.state != "works":
        return run.params
    base = json.loads(json.dumps(lab.Params.make(next(iter(lab.Params.presets))).to_dict(), default=str))
    return {key: value for key, value in run.params.items() if base.get(key, ...) != value}


def say(params: dict[str, Any]) -> str:
    """Return params as short text: ``eps = 0.1, seeds = 5``."""
    return "; ".join(f"{key} = {say_value(value)}" for key, value in params.items())


def say_value(value: Any) -> str:
    """Return the value of a param as short text."""
    return ", ".join(map(str, value)) if isinstance(value, list) else style.number(value)


def rows(runs: Iterable[Run], lab: Lab | None = None) -> pd.DataFrame:
    """Return the table: one row a run, newest first as given.

    Columns: status, run (a link), lab, created (local time), duration (s), params, then metrics; with `lab` a column
    each for its first metrics, without it one text column.
    """
    known = labs()
    table = []
    for run in runs:
        own = lab or known.get(run.lab)
        metrics = own.metrics if own else ()
        link = f'<a href="{escape(href(lab=run.lab, run=run.id))}">{escape(run.name or run.id[:8])}</a>'
        row: dict[str, Any] = {
            "Status": style.status_text(run.status),
            "Run": link,
            "Lab": run.lab,
            "Created": run.created.astimezone().strftime("%Y-%m-%d %H:%M:%S"),
            "Duration (s)": round(run.seconds, 1) if run.seconds is not None else None,
            "Changed": " · ".join(
                filter(None, (run.preset, f"seed {run.seed}" if run.seed else "", say(changed(run, own))))
            ),
        }
        if lab is not None:
            row |= {m.label: run.metrics.get(m.key) for m in metrics[:MOST_METRICS]}
        else:
            told = (f"{m.label} {style.number(run.metrics[m.key])}" for m in metrics if m.key in run.metrics)
            row["Metrics"] = " · ".join(list(told)[:MOST_METRICS])
        table.append(row)
    columns = ["Status", "Run", "Lab", "Created", "Duration (s)", "Changed"]
    columns += [m.label for m in lab.metrics[:MOST_METRICS]] if lab is not None else ["Metrics"]
    frame = pd.DataFrame(table, columns=columns)
    return frame.drop(columns="Lab") if lab is not None else frame


class RunsTable:
    """The table in the page; sorted by its heads, filtered below them, opened by its links.

    Parameters
    ----------
    compare
        Called with the ids of the runs that the user chose to see side by side.
    lab
        Show only this lab's runs, with a column for each of its first metrics.
    """

    def __init__(self, compare: Callable[[list[str]], Any], lab: Lab | None = None):
        self._lab = lab
        self._ids: list[str] = []  # of the rows, in their order
        self._note = style.html()
        self._button = pmui.Button(
            label="Compare", icon="compare_arrows", variant="outlined", size="small", margin=(0, 0, 8, 0)
        )
        self._button.on_click(lambda _: compare([self._ids[row] for row in sorted(self._table.selection)]))
        frame = rows([], lab)
        texts = {"type": "input", "func": "like", "placeholder": "filter"}
        self._table = pn.widgets.Tabulator(
            frame,
            show_index=False,
            disabled=True,
            selectable="checkbox",
            pagination="local",
            page_size=20,
            layout="fit_data_stretch",
            sizing_mode="stretch_width",
            formatters={"Run": {"type": "html"}},
            header_filters={name: texts for name in frame.columns if name not in ("Duration (s)",)},
            widths={"Changed": 380} if lab is None else {},
            configuration={"columnDefaults": {"tooltip": True}},  # a long text is whole when pointed at
            margin=0,
            stylesheets=[TABLE_CSS],
            visible=False,
        )
        self._table.param.watch(lambda _: self._count(), "selection")
        self._count()
        self.layout = pn.Column(self._note, self._button, self._table, sizing_mode="stretch_width", margin=0)

    def _count(self) -> None:
        """Say what the button would do."""
        chosen = len(self._table.selection)
        self._button.disabled = chosen < 2
        self._button.label = f"Compare {chosen} runs" if chosen > 1 else "Compare: tick two runs or more"

    async def refresh(self) -> None:
        """Read the store again, beside the page's own work."""
        try:
            found = await asyncio.to_thread(lambda: open_store().runs(self._lab.name if self._lab else None))
        except LabError as error:
            self._note.object = error_html(error, "reading the runs")
            return
        self._note.object = "" if found else '<p class="soft">No runs yet. Open a lab and press Run.</p>'
        frame = rows(found, self._lab)
        if not frame.equals(self._table.value):
            chosen = {self._ids[row] for row in self._table.selection}
            self._ids = [run.id for run in found]
            self._table.value = frame
            self._table.selection = [row for row, run_id in enumerate(self._ids) if run_id in chosen]
        self._table.visible = self._button.visible = bool(found)


TABLE_CSS = """
.tabulator { background: transparent; border: none; font-size: 14px; color: var(--mui-palette-text-primary); }
.tabulator .tabulator-header, .tabulator .tabulator-header .tabulator-col, .tabulator .tabulator-footer {
  background: transparent; color: var(--mui-palette-text-secondary); border-color: var(--mui-palette-divider); }
.tabulator .tabulator-row, .tabulator .tabulator-row.tabulator-row-even { background: transparent; color: inherit;
  border-bottom: 1px solid var(--mui-palette-divider); }
.tabulator .tabulator-row .tabulator-cell { border: none; padding: 8px; }
.tabulator a { color: var(--mui-palette-primary-main); }
.tabulator-header-filter input { background: transparent; color: inherit; border: 1px solid var(--mui-palette-divider);
  border-radius: 6px; padding: 3px 6px; }
"""
