"""The charts of a comparison: curves, and a dot a run beside the paper's value; a click on a point opens its run."""

from __future__ import annotations

import math

import bokeh.models as bm
import panel as pn
from bokeh.plotting import figure

from workbench.runs.compare import LETTERS, Comparison, MetricRow
from workbench.runs.describe import format_number
from workbench.runs.record import Run
from workbench.ui.address import href
from workbench.ui.open_run import open_on_click
from workbench.ui.palette import Palette

DASHES = ("solid", "dashed", "dotted", "dotdash", "dashdot")
WIDTH = 380


def curve_plots(found: Comparison, palette: Palette) -> list[pn.pane.Bokeh]:
    """Return one picture a curve, with a line for every run that has it, in the color and dash of its column."""
    plots = []
    for key in dict.fromkeys(key for run in found.runs for key in run.result.curves):
        plot = _figure(key, 240)
        dots = []
        for index, (letter, column) in enumerate(zip(LETTERS, found.columns, strict=False)):
            look = {"color": palette.color(index), "legend_label": letter}
            for run in column:
                steps, values = run.result.curves.get(key, ([], []))
                if not steps:
                    continue
                source = bm.ColumnDataSource({"x": steps, "y": values, **_told(letter, run, len(steps))})
                alpha = 0.9 if len(column) == 1 else 0.5
                line = DASHES[index % len(DASHES)]  # color is never the only sign
                plot.line("x", "y", source=source, line_dash=line, line_width=2, alpha=alpha, **look)
                marker = palette.marker(index)
                dots.append(plot.scatter("x", "y", source=source, marker=marker, size=6, alpha=alpha, **look))
        open_on_click(plot, dots, [("", "@letter: @name"), ("step", "@x"), ("value", "@y{0.0000}")])
        plot.legend.click_policy, plot.legend.background_fill_alpha = "hide", 0.4
        plots.append(pn.pane.Bokeh(plot, margin=0))
    return plots


def dot_plots(found: Comparison, palette: Palette) -> list[pn.pane.Bokeh]:
    """Return one picture a metric: a dot a run with its spread over seeds, the mean of a column, the paper's value."""
    return [pn.pane.Bokeh(_dots(found, row, palette), margin=0) for row in found.metrics]


def _dots(found: Comparison, row: MetricRow, palette: Palette) -> figure:
    letters = list(LETTERS[: len(found.columns)])
    title = row.metric.label + f" ({row.metric.unit})" * bool(row.metric.unit)
    plot = _figure(title, 110 + 34 * len(letters), y_range=letters[::-1])
    plot.ygrid.grid_line_color = None
    drawn = []
    for index, (letter, column) in enumerate(zip(letters, found.columns, strict=True)):
        color, runs = palette.color(index), [run for run in column if row.metric.key in run.result.metrics]
        value, spread = row.values[index], row.spreads[index]
        if math.isfinite(value) and math.isfinite(spread):
            plot.segment([value - spread], [letter], [value + spread], [letter], color=color, line_width=3, alpha=0.6)
        if len(column) > 1 and math.isfinite(value):
            plot.scatter([value], [letter], marker="dash", angle=math.pi / 2, size=26, color=color, line_width=3)
        told: dict[str, list] = {"x": [], "y": [], "letter": [], "name": [], "link": []}
        for run in runs:
            told["x"].append(run.result.metrics[row.metric.key])
            told["y"].append(letter)
            for key, values in _told(letter, run, 1).items():
                told[key] += values
        small = 9 if len(column) > 1 else 13
        source = bm.ColumnDataSource(told)
        drawn.append(plot.scatter("x", "y", source=source, marker=palette.marker(index), size=small, color=color))
    if (paper := row.metric.paper) is not None:
        recalled = ", recalled" * (paper.origin == "recalled")
        plot.add_layout(bm.Span(location=paper.value, dimension="height", line_dash="dashed", line_color=palette.quiet))
        words = f"┆ paper {format_number(paper.value)}{recalled}: {paper.setting}"
        plot.add_layout(bm.Title(text=_cut(words), text_font_size="11px", text_font_style="normal"), "below")
        every = [run.result.metrics.get(row.metric.key, math.nan) for run in found.runs]
        ends = [value for value in (*every, *row.values, paper.value) if math.isfinite(value)]
        spare = (max(ends) - min(ends)) * 0.15 or abs(paper.value) * 0.1 or 1
        widest = max((s for s in row.spreads if math.isfinite(s)), default=0)
        plot.x_range = bm.Range1d(min(ends) - spare - widest, max(ends) + spare + widest)
    open_on_click(plot, drawn, [("", "@letter: @name"), ("value", "@x{0.0000}")])
    return plot


def _figure(title: str, height: int, **more: object) -> figure:
    plot = figure(height=height, width=WIDTH, title=title, toolbar_location=None, tools="", **more)
    plot.outline_line_color = None
    plot.grid.grid_line_alpha = 0.3
    plot.axis.minor_tick_line_color = None
    return plot


def _told(letter: str, run: Run, count: int) -> dict[str, list]:
    """Return what a point says of its run, once a point."""
    return {"letter": [letter] * count, "name": [run.name] * count, "link": [href(lab=run.lab, run=run.id)] * count}


def _cut(text: str, most: int = 62) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
