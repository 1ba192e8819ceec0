"""Runs side by side: what was asked differently, the numbers, the claims, the curves, and a view of each."""

from __future__ import annotations

import asyncio
import io
from html import escape
from typing import TYPE_CHECKING, Any

import panel as pn
import panel_material_ui as pmui

from workbench.contract.errors import LabError
from workbench.contract.lab import get_lab
from workbench.engine import open_engine
from workbench.pages.compare.plots import curve_plots, dot_plots
from workbench.pages.runs.filter import switch
from workbench.runs.compare import LETTERS, Comparison, MetricRow, compare_runs
from workbench.runs.describe import format_number, format_value
from workbench.runs.record import Run
from workbench.runs.store import open_store
from workbench.ui import style
from workbench.ui.address import href
from workbench.ui.deferred import soon
from workbench.ui.errors import error_card
from workbench.ui.link import Link, State
from workbench.ui.palette import of_theme
from workbench.ui.reading import paper_text

if TYPE_CHECKING:
    from workbench.pages.navigation import Navigation


class ComparePage:
    """The comparison of the runs that an address names.

    Parameters
    ----------
    shell
        The session, whose address keeps what the views remember: one cursor and one selection for all columns.
    ids
        The runs, the first being the one that the others are compared with.
    fold
        Put runs that differ in their seed only into one column.
    """

    def __init__(self, shell: Navigation, ids: list[str], fold: bool = False):
        self._shell, self.ids, self.fold = shell, ids, fold
        waiting = style.html("<h1>Compare</h1><p class='soft' role='status'>Reading …</p>")
        self.layout = pn.Column(waiting, sizing_mode="stretch_width", margin=0)
        soon(self._fill)

    async def _fill(self) -> None:
        try:
            found = await asyncio.to_thread(read, self.ids, self.fold)
        except LabError as error:
            self.layout.objects = [style.html("<h1>Compare</h1>"), error_card(error)]
            return
        palette = of_theme(self._shell.page.dark_theme)
        parts: list[Any] = [style.html(words(found, self._folding(found))), self._csv(found)]
        for title, plots in (("In one picture", dot_plots(found, palette)), ("Curves", curve_plots(found, palette))):
            if plots:
                parts += [style.html(f"<h2>{title}</h2>"), pn.FlexBox(*plots, gap="12px", sizing_mode="stretch_width")]
        self.layout.objects = [*parts, *self._views(found)]

    def _folding(self, found: Comparison) -> str:
        """Return the switch that folds runs of several seeds, if there are any."""
        if not found.can_fold:
            return ""
        there = self._shell.here.but(filter={} if self.fold else {"fold": True}).search
        return f'<p class="row">{switch("One column for runs that differ in their seed only", self.fold, there)}</p>'

    @staticmethod
    def _csv(found: Comparison) -> pmui.FileDownload:
        text = found.to_csv()
        return pmui.FileDownload(
            label="Tables as CSV",
            callback=lambda: io.BytesIO(text.encode()),
            filename=f"{found.runs[0].lab}-comparison.csv",
            variant="outlined",
            size="small",
            margin=(12, 0),
            width=160,
        )

    def _views(self, found: Comparison) -> list[Any]:
        """Return a menu of the lab's views, and the chosen one of every run, beside each other."""
        state = State(dict(self._shell.here.view))
        state.watch(lambda key, value: self._shell.note(view=dict(state)))
        lab, engine = get_lab(found.runs[0].lab), open_engine()
        makers = []
        shown = [column[0] for column in found.columns]
        for run in shown:
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
            for letter, run, maker in zip(LETTERS, shown, makers, strict=False):
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


def read(ids: list[str], fold: bool = False) -> Comparison:
    """Read the runs and compare them; takes a while, so call it off the page's thread."""
    store = open_store()
    return compare_runs([store.run(run_id) for run_id in ids], fold)


def words(found: Comparison, folding: str = "") -> str:
    """Return the runs, the params that differ, the metrics and the claims as HTML."""
    heads = "".join(f'<th class="num">{letter}</th>' for letter in LETTERS[: len(found.columns)])
    runs = "".join(f"<li>{_named(letter, column)}</li>" for letter, column in zip(LETTERS, found.columns, strict=False))
    parts = [f"<h1>Compare</h1><ul class='plain'>{runs}</ul>{folding}<h2>What was asked differently</h2>"]
    if found.params:
        rows = "".join(
            f"<tr><td>{escape(name)}</td>"
            + "".join(f'<td class="num">{escape(format_value(v))}</td>' for v in values)
            + "</tr>"
            for name, values in found.params.items()
        )
        parts.append(f'<div class="scroll"><table><tr><th>Parameter</th>{heads}</tr>{rows}</table></div>')
    else:
        parts.append('<p class="soft">Nothing: the same parameters, preset, seed and device.</p>')
    parts.append(f"<h2>Metrics</h2>{_metrics(found, heads)}<h2>Claims</h2>{_claims(found, heads)}")
    return "".join(parts)


def _named(letter: str, column: tuple[Run, ...]) -> str:
    run = column[0]
    when = run.created.astimezone().strftime("%d %b %Y, %H:%M")
    name = f'{_link(run, run.name)} <span class="soft small">{when}</span>'
    if len(column) > 1:
        name = f"{len(column)} runs: " + ", ".join(_link(run, f"seed {run.seed}") for run in column)
    return f"<strong>{letter}</strong> {style.chip(run.status)} {name}"


def _link(run: Run, word: str) -> str:
    return f'<a href="{escape(href(lab=run.lab, run=run.id))}">{escape(word)}</a>'


def _metrics(found: Comparison, heads: str) -> str:
    rows = []
    for row in found.metrics:
        cells = [_cell(row, index) for index in range(len(row.values))]
        metric = row.metric
        name = f"<strong>{escape(metric.label)}</strong>{f' ({escape(metric.unit)})' if metric.unit else ''}"
        rows.append(
            f'<tr><td>{name}<br><span class="soft small">{escape(metric.definition)}</span></td>{"".join(cells)}'
            f'<td class="small">{escape(paper_text(metric))}</td></tr>'
        )
    note = (
        '<p class="soft small">± is the standard deviation over seeds; below it, the difference from A with its '
        "standard error.</p>"
    )
    if scaled := dict.fromkeys(note for run in found.runs for note in run.result.notes):
        items = "".join(f"<li>{escape(text)}</li>" for text in scaled)
        note += f'<p class="small"><strong>Our scale-down:</strong></p><ul class="small">{items}</ul>'
    return (
        f'<div class="scroll"><table><tr><th>Metric</th>{heads}<th>Paper</th></tr>{"".join(rows)}</table></div>{note}'
    )


def _cell(row: MetricRow, index: int) -> str:
    spread, delta, error = row.spreads[index], row.deltas[index], row.delta_errors[index]
    noise = f" ± {format_number(spread, 2)}" if spread == spread else ""
    change = f"{delta:+.3g}" + (f" ± {format_number(error, 2)}" if error == error else "")
    below = f'<br><span class="soft small">{change}</span>' if index and delta == delta else ""
    return f'<td class="num"><span class="big">{format_number(row.values[index])}</span>{noise}{below}</td>'


def _claims(found: Comparison, heads: str) -> str:
    rows = "".join(
        f"<tr><td><strong>{escape(claim.key)}</strong> {escape(claim.text)}</td>"
        + "".join(f'<td class="num">{style.chip(words)}</td>' for words in found.verdicts(verdicts))
        + "</tr>"
        for claim, verdicts in found.claims
    )
    return f'<div class="scroll"><table><tr><th>Claim</th>{heads}</tr>{rows}</table></div>'
