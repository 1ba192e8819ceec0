"""The chosen set: its points in two projections, every measure with its null band, and the distortion ε."""

from __future__ import annotations

import re
from typing import Any

import bokeh.models as bm
import holoviews as hv
import numpy as np
import pandas as pd
import panel as pn
from bokeh.core.properties import value as bokeh_value
from bokeh.plotting import figure

from workbench.contract import Result
from workbench.labs.rs.views import style
from workbench.ui.link import remember_selection
from workbench.ui.palette import GRAY


def set_view(result: Result, link: Any = None) -> pn.Column:
    """Draw the tables `set` and `measures`."""
    parts: list[Any] = []
    if "set" in result.tables:
        points = result.tables["set"]
        parts.append(style.flow(*[pn.pane.Bokeh(p, sizing_mode="stretch_width") for p in projections(points, link)]))
        parts.append(
            style.words(
                f"{len(points):,} rows. Drag a box or a lasso in either picture: the same rows light up in the other. "
                "Click a class in the legend to hide it in both."
            )
        )
    if "measures" in result.tables:
        parts.append(pn.pane.Bokeh(MeasureDots(result.tables["measures"]).plot, sizing_mode="stretch_width"))
        parts.append(style.words(NOT_COMPARABLE))
    return style.view(
        "Classes that lie apart above should get marks far to the right of their gray band below; "
        "the band is what the same measure says when the labels are shuffled.",
        *parts,
    )


NOT_COMPARABLE = (
    "**Do not compare the positions of different measures**: 1 − LSC never exceeds one over the number of classes, "
    "1 − N2 starts near one half. Compare each mark with its own band, and measures by how they *rank* sets. "
    "Hover for the raw value."
)


def projections(points: pd.DataFrame, link: Any = None) -> list[figure]:
    """Return PCA and t-SNE of the same rows, one data source under both, so that a selection shows in both."""
    points = points.assign(label=points["label"].astype(str))
    names = sorted(points["label"].unique())
    looks = {name: style.look(i) for i, name in enumerate(names)}
    points = points.assign(marker=[looks[name][1] for name in points["label"]])
    source, size = style.columns(points), 7 if len(points) < 800 else 5
    remember_selection(link, "rows", source, len(points))
    views = {n: bm.CDSView(filter=bm.GroupFilter(column_name="label", group=n)) for n in names}
    plots: list[figure] = []
    marks: dict[str, list[bm.GlyphRenderer]] = {name: [] for name in names}
    for title, x, y in (("PCA", "x", "y"), ("t-SNE", "tx", "ty")):
        if x not in points or points[x].isna().all():
            continue
        plot = style.plain_figure(380, "box_select,lasso_select,box_zoom,wheel_zoom,tap,reset,save", title=title)
        plot.xaxis.axis_label, plot.yaxis.axis_label = AXES[title]
        plot.toolbar.active_drag = plot.select_one(bm.BoxSelectTool)
        # add_glyph, and one gray glyph for all that is not selected: `plot.scatter` makes four models a class, and
        # this is the picture that opens the lab
        gray = bm.Scatter(x=x, y=y, marker="marker", size=size, fill_color=GRAY, fill_alpha=0.12, line_color=None)
        for name, (color, marker) in looks.items():
            glyph = bm.Scatter(
                x=x, y=y, marker=bokeh_value(marker), size=size, fill_color=color, line_color=color, fill_alpha=0.7
            )
            marks[name].append(plot.add_glyph(source, glyph, view=views[name], nonselection_glyph=gray))
        plot.add_tools(bm.HoverTool(tooltips=[("row", "@row"), ("class", "@label")], visible=False))
        plots.append(plot)
    for name in names if len(plots) > 1 else ():  # hiding a class hides it in both pictures
        marks[name][0].js_link("visible", marks[name][1], "visible")
    if plots:
        legend = [bm.LegendItem(label=name, renderers=found[:1]) for name, found in marks.items()]
        plots[0].add_layout(style.bare_legend(legend), "below")
        for plot in plots[1:]:
            plot.height -= 26 * -(-len(legend) // 5)  # without a legend, its frame is as high as the first one's
    return plots


AXES = {
    "PCA": ("1st principal component", "2nd principal component"),
    "t-SNE": ("t-SNE 1 (no unit)", "t-SNE 2 (no unit)"),
}


class MeasureDots:
    """All measures on one 0–1 axis, each with its null band; `update` moves the marks (the probe does so).

    Parameters
    ----------
    table
        Columns measure, value, raw, null_mean, null_lo, null_hi.
    """

    def __init__(self, table: pd.DataFrame, height: int | None = None):
        self.keys = style.ordered(table["measure"])
        self.source = bm.ColumnDataSource(self.columns(table))
        height = height or 90 + 28 * len(self.keys)
        plot = style.plain_figure(height, "save", y_range=[style.label(k) for k in reversed(self.keys)])
        low = min(0.0, float(np.nanmin(table[["value", "null_lo"]].to_numpy(float))) - 0.02)
        plot.x_range = bm.Range1d(low, max(1.02, float(np.nanmax(table["value"])) + 0.02))
        plot.xaxis.axis_label = "value (no unit; right = more separable)"
        band = plot.hbar("name", left="null_lo", right="null_hi", height=0.62, source=self.source, color=GRAY)
        band.glyph.fill_alpha, band.glyph.line_color = 0.4, None
        plot.segment("zero", "name", "value", "name", source=self.source, color="color", line_width=2, alpha=0.5)
        mean = plot.scatter("null_mean", "name", marker="dash", angle=np.pi / 2, size=14, source=self.source)
        mean.glyph.line_color, mean.glyph.line_width = GRAY, 2
        dots = plot.scatter("value", "name", marker="marker", size="size", color="color", source=self.source)
        lines = [("", "@name"), ("value", "@value{0.000}"), ("raw", "@raw{0.0000}")]
        lines += [("shuffled labels", "@null_mean{0.000} (@null_lo{0.000} to @null_hi{0.000})")]
        plot.add_tools(bm.HoverTool(tooltips=lines, renderers=[dots, band], visible=False))
        keys = [("coding rate", *style.FAMILY["coding rate"]), ("distances", *style.FAMILY["distances"])]
        items = [bm.LegendItem(label=n, renderers=[_key(plot, c, m)]) for n, c, m in keys]
        items.append(bm.LegendItem(label="shuffled", renderers=[band]))
        plot.add_layout(style.bare_legend(items, "none"), "above")
        self.plot = plot

    def columns(self, table: pd.DataFrame) -> dict[str, Any]:
        """Return the table as columns of the plot's source, in the order of `keys`."""
        table = table.drop_duplicates("measure").set_index("measure").reindex(self.keys)
        looks = [style.FAMILY[style.family(k)] for k in self.keys]
        numbers = {c: table[c].to_numpy(float) for c in ("value", "raw", "null_mean", "null_lo", "null_hi")}
        return numbers | {
            "name": [style.label(k) for k in self.keys],
            "color": [c for c, _ in looks],
            "marker": [m for _, m in looks],
            "size": [13 if m == "circle" else 17 for _, m in looks],  # a diamond looks smaller than it is
            "zero": np.nan_to_num(numbers["null_mean"]),
        }

    def update(self, table: pd.DataFrame) -> None:
        """Move the marks to new values of the same measures."""
        self.source.data = self.columns(table)


def _key(plot: figure, color: str, marker: str) -> Any:
    """Return a mark outside of the picture, which shows its color and marker in the legend."""
    return plot.scatter([-9], [plot.y_range.factors[0]], marker=marker, size=10, color=color)


def epsilon_view(result: Result, link: Any = None) -> pn.Column:
    """Draw the tables `epsilon` and `bias`."""
    panes = []
    if "epsilon" in result.tables:
        table = result.tables["epsilon"]
        panes += [
            style.pane(_sweep(rows, variant, chosen_eps(result)))
            for variant, rows in table.groupby("variant", sort=False)
        ]
    if "bias" in result.tables:
        panes.append(style.pane(_bias(result.tables["bias"])))
    return style.view(
        "RS depends on the distortion ε, the distance below which differences count as nothing: trust a comparison of "
        "two sets only at one ε, and only the part of RS above the gray line, which shuffled labels reach as well.",
        style.flow(*panes),
        style.words(
            "A small ε sees thin directions, but counts noise too, so that the share explained by the classes sinks; a "
            "large ε sees only the widest directions. The last picture shows why RS must be corrected: with few "
            "rows per dimension even random labels look separable."
        ),
    )


TICKS = [(t, f"{t:g}") for t in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)]
UNITS = {"ratio": "share of the rate, 0–1", "delta": "bits per sample", "length": "share of the length, ≤ 1"}


def _sweep(rows: pd.DataFrame, variant: str, eps: float | None) -> hv.Overlay:
    rows = rows.sort_values("eps")
    x, y = hv.Dimension("eps", label="distortion ε (scaled distance, log)"), f"RS, {variant} ({UNITS.get(variant, '')})"
    parts = []
    for column, name, color, dash in (
        ("value", "RS", style.LOOK["rs"][0], "solid"),
        ("adjusted", "RS adjusted", style.LOOK["rs_adj"][0], "solid"),
        ("null_mean", "shuffled labels", GRAY, "dashed"),
    ):
        if column in rows and rows[column].notna().any():
            data = pd.DataFrame({"eps": rows["eps"], "y": rows[column], "variant": variant})
            curve = hv.Curve(data, x, [hv.Dimension("y", label=y), "variant"], label=name)
            lines = style.hover(("", name), ("ε", "@eps{0.000}"), ("RS", "@y{0.0000}"))
            parts.append(curve.opts(color=color, line_dash=dash, line_width=2.5, tools=[lines]))
    if eps is not None:
        parts.append(hv.VLine(eps).opts(color=GRAY, line_width=1.5))
        top = np.nanmax(rows[["value", "null_mean"]].to_numpy(float))
        side = "right" if eps > 0.1 else "left"
        parts.append(hv.Text(eps, top, f"  ε = {eps:g} chosen  ", halign=side).opts(color=GRAY, text_font_size="12px"))
    return hv.Overlay(parts).opts(**style.frame_options(logx=True, xticks=TICKS, title=f"variant “{variant}”"))


def chosen_eps(result: Result) -> float | None:
    """Return the ε of the run, which a run says in its notes ("eps = 0.5; ..."), or None."""
    found = [re.match(r"eps = ([\d.]+)", note) for note in result.notes]
    return next((float(match[1].rstrip(".")) for match in found if match), None)


def _bias(table: pd.DataFrame) -> hv.Overlay:
    table = table.groupby(["d", "n"], as_index=False)[["null_mean", "null_std"]].mean()
    table = table.assign(ratio=table["n"] / table["d"]).sort_values("ratio")
    x = hv.Dimension("ratio", label="rows per dimension n/d (log)")
    y = hv.Dimension("null_mean", label="RS of random labels")
    parts = []
    for i, (d, rows) in enumerate(table.groupby("d")):
        tool = style.hover(("rows n", "@n"), ("dimensions d", "@d"), ("RS", "@null_mean{0.0000} ± @null_std{0.0000}"))
        curve = hv.Curve(rows, x, [y, "n", "d", "null_std"], label=f"d = {d:g}")
        dots = hv.Scatter(rows, x, [y, "n", "d", "null_std"], label=f"d = {d:g}")
        spread = hv.Spread((rows["ratio"], rows["null_mean"], rows["null_std"]), x, [y, "s"], label=f"d = {d:g}")
        color, marker = style.look(i)
        parts += [
            spread.opts(color=color, fill_alpha=0.2, line_alpha=0),
            curve.opts(color=color, line_width=2),
            dots.opts(color=color, marker=marker, size=8, tools=[tool]),
        ]
    return hv.Overlay(parts).opts(**style.frame_options(logx=True, title="bias of the null", columns=4))
