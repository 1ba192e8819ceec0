"""Failure cases of the measures: the classic shapes (S1), sets made to fail (S3), and the repair by RS-local."""

from __future__ import annotations

from typing import Any

import bokeh.models as bm
import holoviews as hv
import numpy as np
import pandas as pd
import panel as pn
from bokeh.plotting import figure

from workbench.contract import Result
from workbench.labs.rs.views import style
from workbench.ui.frame import hover, pane
from workbench.ui.palette import GRAY, GREEN
from workbench.ui.plots.charts import heat_map


def fail_view(result: Result, link: Any = None) -> pn.Column:
    """Draw the tables `classic` (S1), `failures` (S3) and `local`."""
    parts = []
    if "classic" in result.tables:
        parts.append(pane(_classic(result.tables["classic"])))
    if "failures" in result.tables:
        parts.append(pn.pane.Markdown("#### Sets made so that a measure fails"))
        plots = _failures(result.tables["failures"])
        parts.append(style.flow(*[pn.pane.Bokeh(p, sizing_mode="stretch_width") for p in plots], width=300))
        parts.append(
            style.words(
                "Green lines are accuracies: far right means the classes *can* be told apart. A measure left of them "
                "misses what a classifier sees. RS is shown for several ε: on the cigar it needs a small one."
            )
        )
    if "local" in result.tables:
        parts.append(pn.pane.Markdown("#### RS-local: one RS for each part of a mixture"))
        parts.append(style.pane(_local(result.tables["local"])))
        parts.append(
            style.words(
                "RS compares ellipsoids, so it is blind to spirals and rings. Split into enough parts, each part is "
                "nearly Gaussian, and the classes show again; shuffled labels (dashed) stay near zero."
            )
        )
    return style.view(
        "Each row is one measure on six well-known shapes: a dark cell beside a bright accuracy is a failure of the "
        "measure, not of the data.",
        *parts,
    )


def _classic(table: pd.DataFrame) -> figure:
    """Return the heat map of measures and accuracies over the sets, means over seeds."""
    sets = list(dict.fromkeys(table["set"]))
    keys = style.ordered(table["measure"])
    scores = table.groupby(["set", "measure"])["value"].mean()
    once = table.drop_duplicates(["set", "seed"]).groupby("set")
    cells = [(s, style.label(k), scores.get((s, k), np.nan)) for k in keys for s in sets]
    for key in ("lr", "svc", "knn"):
        if key in table:
            cells += [(s, f"accuracy {style.label(key)}", v) for s, v in once[key].mean().reindex(sets).items()]
    frame = pd.DataFrame(cells, columns=["x", "y", "value"])
    rows = list(dict.fromkeys(frame["y"]))
    rows.insert(len(keys), " ")  # a gap before the accuracies
    plot, squares = heat_map(frame, sets, rows[::-1], height=110 + 28 * len(rows), x_axis_location="above")
    plot.add_tools(hover(("", "@y, @x"), ("mean", "@value{0.000}"), renderers=[squares]))
    return plot


FAILURES = {
    "subspaces": "two crossing subspaces, same mean",
    "cigar": "classes across a long noise axis",
    "noise": "blobs and 200 dimensions of noise",
}


def _failures(table: pd.DataFrame) -> list[bm.Plot]:
    """One plot a set: measures as dots, accuracies as green lines."""
    plots = []
    for name in [n for n in FAILURES if n in set(table["set"])]:
        rows = table[table["set"] == name]
        dots = []  # (words, key, value, lowest, highest)
        for key in style.ordered(rows["measure"]):
            mine = rows[rows["measure"] == key]
            by_eps = key.startswith("rs") and mine["eps"].nunique() > 1
            for eps, part in mine.groupby("eps") if by_eps else [(None, mine)]:
                words = style.label(key) + (f", ε = {eps:g}" if by_eps else "")
                dots.append((words, key, part["value"].mean(), part["value"].min(), part["value"].max()))
        frame = pd.DataFrame(dots, columns=["name", "key", "value", "low", "high"])
        looks = [style.FAMILY[style.family(k)] for k in frame["key"]]
        frame["color"], frame["marker"] = [c for c, _ in looks], [m for _, m in looks]
        plot = style.plain_figure(
            110 + 24 * len(frame), "save", y_range=list(reversed(frame["name"])), x_range=(-0.02, 1.04)
        )
        plot.title.text = FAILURES[name]
        plot.xaxis.axis_label = "value, accuracy (0–1)"
        once, legend = rows.drop_duplicates("seed"), []
        for key, dash in (("lr", "dashed"), ("svc", "dotted"), ("knn", "dotdash"), ("qda", "solid")):
            if key in once and once[key].notna().any():
                value = float(once[key].mean())
                line = plot.vspan(x=[value], line_color=GREEN, line_dash=dash, line_width=2)
                legend.append(bm.LegendItem(label=f"{style.label(key)} {value:.2f}", renderers=[line]))
        source = style.columns(frame)
        plot.segment("low", "name", "high", "name", source=source, color="color", line_width=2)
        marks = plot.scatter("value", "name", source=source, color="color", marker="marker", size=11)
        tips = [("", "@name"), ("mean", "@value{0.000}"), ("over seeds", "@low{0.000} to @high{0.000}")]
        plot.add_tools(bm.HoverTool(renderers=[marks], tooltips=tips, visible=False))
        plot.add_layout(style.bare_legend(legend, columns=2), "below")
        plots.append(plot)
    return plots


def _local(table: pd.DataFrame) -> hv.Overlay:
    x = hv.Dimension("components", label="mixture components C (log)")
    parts = []
    for i, (name, rows) in enumerate(table.groupby("set", sort=False)):
        color, marker = style.look(i)
        parts += style.line_with_band(rows, x, "value", str(name), color, style.DASHES[i % 4], 2.5, marker)
    parts += style.line_with_band(table, x, "null_mean", "shuffled labels", GRAY, "dashed")
    ticks = [(int(c), f"{int(c)}") for c in sorted(table["components"].unique())]
    return hv.Overlay(parts).opts(
        **style.frame_options(
            360, logx=True, xticks=ticks, ylabel="RS-local (0–1)", ylim=(-0.03, 1.05), columns=4, padding=0.04
        )
    )
