"""The plot of a sweep: a heat map over two parameters, or a line with error bars over one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
from bokeh.models import ColorBar, ColumnDataSource, HoverTool, LinearColorMapper, Span, TapTool, Whisker
from bokeh.palettes import cividis
from bokeh.plotting import figure

from workbench.contract.lab import Metric
from workbench.runs.describe import format_number
from workbench.sweeps.spec import Spec
from workbench.sweeps.table import axis_value
from workbench.ui.palette import PALETTE

COLORS = cividis(256)
NOTHING = "rgba(128, 128, 128, 0.25)"  # a cell without a value
WRITTEN = 80  # cells up to which the value stands in each


class SweepPlot:
    """A figure over one or two axes; `draw` puts new numbers into it.

    Parameters
    ----------
    spec
        The sweep.
    metric
        What is drawn.
    by
        The one or two axes, x first.
    opened
        Called with the ids of the runs behind the point or cell that the user clicks.
    """

    def __init__(self, spec: Spec, metric: Metric, by: list[str], opened: Callable[[list[str]], Any]):
        self._spec, self._metric, self.by = spec, metric, by
        self._ids: list[list[str]] = []  # behind each row of the source
        self._source = ColumnDataSource({})
        self._source.selected.on_change("indices", lambda _name, _old, new: self._tapped(new, opened))
        self._mapper = LinearColorMapper(palette=COLORS, nan_color=NOTHING)
        self._source.data = {key: [] for key in (*"xyabvw", "low", "high", "text", "ink", "tip", "n", "more")}
        self.figure = self._heat() if len(by) == 2 else self._line()

    def draw(self, cells: pd.DataFrame) -> None:
        """Show the cells of `workbench.sweeps.table.cells_table`."""
        values, spread = cells["mean"].astype(float), cells["sd"].astype(float).fillna(0)
        finite = values.dropna()
        if len(finite):
            low, high = float(finite.min()), float(finite.max())
            margin = 0.0 if high > low else max(abs(low), 1.0) / 100
            self._mapper.low, self._mapper.high = low - margin, high + margin
        if len(self.by) == 1 and len(finite):
            paper = [] if self._metric.paper is None else [self._metric.paper.value]
            low, high = min([*(values - spread).dropna(), *paper]), max([*(values + spread).dropna(), *paper])
            margin = (high - low or max(abs(low), 1.0)) / 20
            self.figure.y_range.update(start=low - margin, end=high + margin)
        middle = (self._mapper.low + self._mapper.high) / 2 if len(finite) else 0
        written = len(cells) <= WRITTEN
        axes = [[self._place(value, name) for value in cells[name]] for name in self.by]
        self._ids = list(cells["run_ids"])
        self._source.data = {
            "x": axes[0],
            "y": axes[1] if len(axes) == 2 else list(values),
            "v": list(values),
            "low": list(values - spread),
            "high": list(values + spread),
            "text": [format_number(value, 3) if written else "" for value in values],
            # On a cell without a value there is the page's own ground, light or dark.
            "ink": ["#808080" if v != v else "#ffffff" if v < middle else "#14181c" for v in values],
            "tip": [
                format_number(value) + (f" ± {format_number(sd, 2)}" if sd == sd else "")
                for value, sd in zip(values, cells["sd"], strict=True)
            ],
            "n": list(cells["n"]),
            "more": [_more(row) for row in cells.to_dict("records")],
        }

    def _place(self, value: Any, name: str) -> Any:
        return value if len(self.by) == 1 and self._numeric(name) else str(value)

    def _numeric(self, name: str) -> bool:
        return all(isinstance(v, int | float) and not isinstance(v, bool) for v in self._spec.axes[name])

    def _factors(self, name: str) -> list[str]:
        return [str(axis_value(value)) for value in self._spec.axes[name]]

    def _hover(self) -> HoverTool:
        axes = [(name, f"@{place}") for name, place in zip(self.by, "xy", strict=False)]
        return HoverTool(tooltips=[*axes, (self._metric.label, "@tip"), ("n", "@n@more")])

    def _heat(self) -> figure:
        x, y = self.by
        plot = figure(
            x_range=self._factors(x),
            y_range=self._factors(y),
            height=110 + 46 * min(12, max(4, len(self._spec.axes[y]))),
            sizing_mode="stretch_width",
            max_width=900,
            toolbar_location=None,
            tools="",
        )
        fill = {"field": "v", "transform": self._mapper}
        cells = plot.rect(
            "x", "y", 0.96, 0.96, source=self._source, fill_color=fill, line_color=None, nonselection_alpha=1.0
        )
        plot.text(
            "x", "y", "text", source=self._source, text_color="ink", text_align="center", text_baseline="middle",
            text_font_size="13px", nonselection_alpha=1.0,
        )  # fmt: skip
        hover = self._hover()
        hover.renderers = [cells]
        plot.add_tools(hover, TapTool(renderers=[cells]))
        plot.add_layout(ColorBar(color_mapper=self._mapper, width=12, padding=4, title=""), "right")
        return _named(plot, x, y)

    def _line(self) -> figure:
        (x,) = self.by
        known = {} if self._numeric(x) else {"x_range": self._factors(x)}
        plot = figure(height=320, sizing_mode="stretch_width", max_width=900, toolbar_location=None, tools="", **known)
        plot.line("x", "y", source=self._source, line_width=2, color=PALETTE.color(0), nonselection_alpha=1.0)
        dots = plot.scatter("x", "y", source=self._source, size=11, color=PALETTE.color(0), nonselection_alpha=1.0)
        bars = Whisker(base="x", lower="low", upper="high", source=self._source, line_color=PALETTE.color(0))
        for head in (bars.upper_head, bars.lower_head):
            head.line_color, head.size = PALETTE.color(0), 10
        plot.add_layout(bars)
        if self._metric.paper is not None:
            dash = {"line_dash": "dashed", "line_color": PALETTE.quiet}
            plot.add_layout(Span(location=self._metric.paper.value, dimension="width", **dash))
        hover = self._hover()
        hover.renderers = [dots]
        plot.add_tools(hover, TapTool(renderers=[dots]))
        return _named(plot, x, self._metric.label)

    def _tapped(self, rows: list[int], opened: Callable[[list[str]], Any]) -> None:
        if rows:
            opened([run_id for row in rows for run_id in self._ids[row]])


def _more(row: dict[str, Any]) -> str:
    """Return what is missing behind a cell, in words."""
    missing = [f"{row[key]} {word}" for key, word in (("failed", "failed"), ("under way", "under way")) if row[key]]
    return f" ({', '.join(missing)})" if missing else ""


def _named(plot: figure, x: str, y: str) -> figure:
    plot.xaxis.axis_label, plot.yaxis.axis_label = x, y
    plot.axis.axis_label_text_font_style = "normal"
    plot.axis.major_label_text_font_size = "13px"
    plot.outline_line_color = None
    plot.grid.grid_line_alpha = 0.25
    plot.axis.axis_line_alpha = 0.3
    plot.axis.minor_tick_line_color = None
    return plot
