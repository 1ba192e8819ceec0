"""Runs side by side: what was asked differently, the numbers, the claims, the curves, and a view of each."""

from __future__ import annotations

import asyncio
from html import escape
from typing import TYPE_CHECKING, Any

import panel as pn
import panel_material_ui as pmui
from bokeh.plotting import figure

from workbench.comparison import Comparison, compare_runs
from workbench.engine import open_engine
from workbench.lab import LabError, get_lab
from workbench.record import Run
from workbench.store import open_store
from workbench.ui import style
from workbench.ui.address import href
from workbench.ui.errors import error_card
from workbench.ui.link import Link, State
from workbench.ui.palette import PALETTE
from workbench.ui.reading import paper_text
from workbench.ui.runs import say_value
from workbench.ui.soon import soon

if TYPE_CHECKING:
    from workbench.ui.shell import Shell

LETTERS = "ABCDEFGH"
DASHES = ("solid", "dashed", "dotted", "dotdash")


class ComparePage:
    """The comparison of the runs that an address names.

    Parameters
    ----------
    shell
        The session, whose address keeps what the views remember: one cursor and one selection for all columns.
    ids
        The runs, the first being the one that the others are compared with.
    """

    def __init__(self, shell: Shell, ids: list[str]):
        self._shell, self.ids = shell, ids
        waiting = style.html("<h1>Compare</h1><p class='soft' role='status'>Reading …</p>")
        self.layout = pn.Column(waiting, sizing_mode="stretch_width", margin=0)
        soon(self._fill)

    async def _fill(self) -> None:
        try:
            found = await asyncio.to_thread(read, self.ids)
        except LabError as error:
            self.layout.objects = [style.html("<h1>Compare</h1>"), error_card(error)]
            return
        parts: list[Any] = [style.html(words(found))]
        if curves := curve_plots(found):
            parts += [style.html("<h2>Curves</h2>"), pn.FlexBox(*curves, gap="12px", sizing_mode="stretch_width")]
        self.layout.objects = [*parts, *self._views(found)]

    def _views(self, found: Comparison) -> list[Any]:
        """Return a menu of the lab's views, and the chosen one of every run, beside each other."""
        state = State(dict(self._shell.here.view))
        state.watch(lambda key, value: self._shell.note(view=dict(state)))
        lab, engine = get_lab(found.runs[0].lab), open_engine()
        makers = []
        for run in found.runs:
            ask = lambda request, run=run: engine.probe(run.id, request)  # noqa: E731
            makers.append(lab.views(run.result, Link(run.id, ask, self._shell.later, state)))
        titles = [title for title in makers[0] if all(title in maker for maker in makers)]
        if not titles:
            return []
        first = self._shell.here.tab if self._shell.here.tab in titles else titles[0]
        menu = pmui.Select(label="View", options=titles, value=first, size="small", width=280, margin=(5, 0))
        place = pn.FlexBox(gap="24px", sizing_mode="stretch_width", align_items="flex-start")

        def draw(title: str) -> None:
            columns = []
            for letter, run, maker in zip(LETTERS, found.runs, makers, strict=False):
                try:
                    view = maker[title]()
                except Exception as error:  # one view may fail in any way; the others go on
                    view = error_card(error, f"drawing “{title}”")
                column = pn.Column(
                    style.html(f"<h3>{letter}: {escape(run.name)}</h3>"), view, sizing_mode="stretch_width"
                )
                column.styles = {"flex": "1 1 420px", "min-width": "min(100%, 280px)"}
                columns.append(column)
            place.objects = columns

        menu.param.watch(lambda event: (draw(event.new), self._shell.note(push=True, tab=event.new)), "value")
        draw(first)
        return [style.html("<h2>Views</h2>"), menu, place]


def read(ids: list[str]) -> Comparison:
    """Read the runs and compare them; takes a while, so call it off the page's thread."""
    store = open_store()
    return compare_runs([store.run(run_id) for run_id in ids])


def words(found: Comparison) -> str:
    """Return the runs, the params that differ, the metrics and the claims as HTML."""
    heads = "".join(f'<th class="num">{letter}</th>' for letter, _ in zip(LETTERS, found.runs, strict=False))
    runs = "".join(f"<li>{_named(letter, run)}</li>" for letter, run in zip(LETTERS, found.runs, strict=False))
    parts = [f"<h1>Compare</h1><ul class='plain'>{runs}</ul><h2>What was asked differently</h2>"]
    if found.params:
        rows = "".join(
            f"<tr><td>{escape(name)}</td>"
            + "".join(f'<td class="num">{escape(say_value(v))}</td>' for v in values)
            + "</tr>"
            for name, values in found.params.items()
        )
        parts.append(f'<div class="scroll"><table><tr><th>Parameter</th>{heads}</tr>{rows}</table></div>')
    else:
        parts.append('<p class="soft">Nothing: the same parameters, preset, seed and device.</p>')
    parts.append(f"<h2>Metrics</h2>{_metrics(found, heads)}<h2>Claims</h2>{_claims(found, heads)}")
    return "".join(parts)


def _named(letter: str, run: Run) -> str:
    link = escape(href(lab=run.lab, run=run.id))
    when = run.created.astimezone().strftime("%d %b %Y, %H:%M")
    name = f'<a href="{link}">{escape(run.name)}</a> <span class="soft small">{when}</span>'
    return f"<strong>{letter}</strong> {style.chip(run.status)} {name}"


def _metrics(found: Comparison, heads: str) -> str:
    rows = []
    for row in found.metrics:
        cells = []
        for value, spread, delta in zip(row.values, row.spreads, row.deltas, strict=True):
            noise = f" ± {style.number(spread, 2)}" if spread == spread else ""
            change = f"{delta:+.3g}" if cells and delta == delta else ""
            cells.append(
                f'<td class="num"><span class="big">{style.number(value)}</span>{noise}'
                f'<br><span class="soft small">{change}</span></td>'
            )
        metric = row.metric
        name = f"<strong>{escape(metric.label)}</strong>{f' ({escape(metric.unit)})' if metric.unit else ''}"
        rows.append(
            f'<tr><td>{name}<br><span class="soft small">{escape(metric.definition)}</span></td>{"".join(cells)}'
            f'<td class="small">{escape(paper_text(metric))}</td></tr>'
        )
    note = '<p class="soft small">± is the standard deviation over seeds; below it, the difference from A.</p>'
    return (
        f'<div class="scroll"><table><tr><th>Metric</th>{heads}<th>Paper</th></tr>{"".join(rows)}</table></div>{note}'
    )


def _claims(found: Comparison, heads: str) -> str:
    rows = "".join(
        f"<tr><td><strong>{escape(claim.key)}</strong> {escape(claim.text)}</td>"
        + "".join(f'<td class="num">{style.chip(verdict.verdict)}</td>' for verdict in verdicts)
        + "</tr>"
        for claim, verdicts in found.claims
    )
    return f'<div class="scroll"><table><tr><th>Claim</th>{heads}</tr>{rows}</table></div>'


def curve_plots(found: Comparison) -> list[pn.pane.Bokeh]:
    """Return one picture a curve, with a line for every run that has it."""
    keys = list(dict.fromkeys(key for run in found.runs for key in run.result.curves))
    plots = []
    for key in keys:
        plot = figure(height=240, width=380, title=key, toolbar_location=None, tools="hover", tooltips="@x: @y")
        for index, (letter, run) in enumerate(zip(LETTERS, found.runs, strict=False)):
            steps, values = run.result.curves.get(key, ([], []))
            if steps:
                dash = DASHES[index % len(DASHES)]  # color is never the only sign
                plot.line(steps, values, color=PALETTE.color(index), line_dash=dash, line_width=2, legend_label=letter)
        plot.legend.click_policy, plot.legend.background_fill_alpha = "hide", 0.4
        plot.outline_line_color = None
        plots.append(pn.pane.Bokeh(plot, margin=0))
    return plots
