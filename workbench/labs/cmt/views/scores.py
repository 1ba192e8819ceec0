"""Arms against conditions, the AP of each class, and how the arms learned."""

from __future__ import annotations

from typing import Any

import bokeh.models as bm
import pandas as pd
import panel as pn
import panel_material_ui as pmui
from bokeh.palettes import Cividis256
from bokeh.plotting import figure

from workbench.contract import Result
from workbench.labs.cmt.common.conditions import CONDITIONS
from workbench.labs.cmt.views import style
from workbench.ui.frame import below, flow, hover, pane, paragraph, plain_figure, redraw_on_change, table_pane, view
from workbench.ui.link import remember
from workbench.ui.palette import PALETTE
from workbench.ui.plots.charts import heat_map, learning_curves

PLACES = ("0.5 m", "1 m", "2 m", "4 m")
TERMS = {
    "all terms": "total",
    "classes (focal)": "classes",
    "boxes (L1)": "boxes",
    "denoising: classes": "dn_classes",
    "denoising: boxes": "dn_boxes",
    "guidance of tokens": "guidance",
}


def whole(result: Result, name: str = style.ALL) -> pd.DataFrame:
    """Return the scores of all classes together, or of one."""
    rows = result.tables["scores"]
    return rows[rows["class"] == name]


def arms_view(result: Result, link: Any = None) -> pn.Column:
    """Draw a measure of every arm under every condition, as a picture and as a table with its seeds."""
    options = style.measures_of(result)
    measure = pmui.Select(label="Measure", options=options, value="nds", width=160)
    remember(link, measure=measure)

    def draw(measure: str) -> pn.Column:
        rows = whole(result)
        arms, conditions = style.SERIES.among(rows["arm"]), style.conditions_in(rows["condition"])
        cells = rows.groupby(["arm", "condition"])[measure].agg(["mean", "std", "count"])
        table = pd.DataFrame({"arm": [one.label for one in arms]})
        for condition in conditions:
            table[CONDITIONS[condition].title] = [told(cells, one.name, condition) for one in arms]
        return pn.Column(pane(arms_map(cells, conditions, measure)), table_pane(table), sizing_mode="stretch_width")

    return view(
        "A row is an arm, a column what the sensors were like in the test; no arm was trained for it, but *masked* saw "
        "scenes without LiDAR or without cameras. Mean over the trainings; in the table with their standard deviation. "
        "Brighter is better. A specialist without its sensor has nothing to look at: what it then says is guessed.",
        pn.FlexBox(measure),
        redraw_on_change(draw, measure),
        style.caution(result),
    )


def told(cells: pd.DataFrame, arm: str, condition: str) -> str:
    """Return a cell of the table as text."""
    if (arm, condition) not in cells.index:
        return "–"
    mean, spread, count = cells.loc[(arm, condition)]
    return f"{mean:.3f}" + (f" ± {spread:.3f}" if count > 1 else "")


def arms_map(cells: pd.DataFrame, conditions: list[str], measure: str) -> figure:
    """Return the heat map of arms and conditions; brighter is better, whatever the measure."""
    means = cells["mean"].reset_index()
    arms = [one.label for one in style.SERIES.among(means["arm"])]
    rows = pd.DataFrame(
        {
            "x": [CONDITIONS[c].title for c in means["condition"]],
            "y": [style.SERIES[a].label for a in means["arm"]],
            "value": means["mean"],
        }
    )
    palette = Cividis256 if measure in style.HIGHER else Cividis256[::-1]
    plot, squares = heat_map(
        rows,
        [CONDITIONS[c].title for c in conditions],
        arms[::-1],
        high=max(float(rows["value"].max()), 1e-6),
        palette=palette,
        digits=3,
        x_axis_location="above",
    )
    plot.add_tools(hover(("", "@y"), ("", "@x"), ("", "@text"), renderers=[squares]))
    plot.xaxis.major_label_orientation = 0.8
    return plot


def classes_view(result: Result, link: Any = None) -> pn.Column:
    """Draw the AP of each class: every arm, and for one of them every distance."""
    rows = result.tables["scores"]
    names = [c for c in dict.fromkeys(rows["class"]) if c != style.ALL]
    arms = style.SERIES.among(rows["arm"])
    conditions = style.conditions_in(rows["condition"])
    condition = pmui.Select(
        label="Condition", options={CONDITIONS[c].title: c for c in conditions}, value=conditions[0], width=230
    )
    options = {one.label: one.name for one in arms}
    arm = pmui.Select(label="Distances of", options=options, value=arms[-1].name, width=330)
    remember(link, class_condition=condition, class_arm=arm)

    def draw(condition: str, arm: str) -> pn.Column:
        own = rows[(rows["condition"] == condition) & (rows["class"] != style.ALL)]
        plot = plain_figure(380, "save", x_range=names, title="AP of each class, mean over 0.5, 1, 2 and 4 m")
        for i, one in enumerate(arms):
            part = own[own["arm"] == one.name]
            mean = part.groupby("class")["ap"].mean()
            shift = (i - (len(arms) - 1) / 2) * 0.8 / max(len(arms), 1)
            at = [(c, shift) for c in mean.index]
            look = {"color": one.color, "marker": one.marker, "legend_label": one.label}
            dots = plot.scatter(at, mean.to_numpy(), size=11, **look)
            plot.add_tools(hover(("AP", "@y{0.000}"), renderers=[dots]))
            seeds = [(c, shift) for c in part["class"]]
            plot.scatter(seeds, part["ap"].to_numpy(), size=4, color=one.color, alpha=0.5)
        plot.y_range = bm.Range1d(-0.02, 1)
        plot.yaxis.axis_label = "AP"
        if arms:
            below(plot, 2)
        second = plain_figure(380, "save", x_range=list(PLACES), title=f"{style.SERIES[arm].label}: AP by distance")
        for i, name in enumerate(names):
            mean = own[(own["arm"] == arm) & (own["class"] == name)][[f"ap {p}" for p in PLACES]].mean()
            look = {"color": PALETTE.color(i), "legend_label": name}
            second.line(list(PLACES), mean.to_numpy(), line_width=2, **look)
            second.scatter(list(PLACES), mean.to_numpy(), size=9, marker=PALETTE.marker(i), **look)
        second.y_range = bm.Range1d(-0.02, 1)
        second.xaxis.axis_label = "a box counts as found within"
        below(second)
        return pn.Column(flow(pane(plot), pane(second), width=420), sizing_mode="stretch_width")

    return view(
        "AP (average precision, 0 to 1): large marks are means over trainings, small dots single ones. A traffic cone "
        "has the shape of a bollard, which is no class: only its color tells. On the right, how near to the true "
        "center a box has to be.",
        pn.FlexBox(condition, arm),
        redraw_on_change(draw, condition, arm),
        style.caution(result),
    )


def training_view(result: Result, link: Any = None) -> pn.Column:
    """Draw the table `training`: the terms of the loss over the steps."""
    table = result.tables["training"]
    terms = {words: key for words, key in TERMS.items() if key in table}
    term = pmui.Select(label="Term", options=terms, value="total", width=240)
    remember(link, term=term)

    def draw(term: str) -> pn.pane.Bokeh:
        ylabel = "loss, weighted (mean of 10 steps)"
        return pane(learning_curves(table, term, "arm", style.SERIES, log=True, ylabel=ylabel))

    return view(
        "Sums over the decoder layers, mean over the trainings. Losses of arms that see different sensors are not of "
        "the same task: *masked* has to find boxes in scenes without LiDAR, too.",
        pn.FlexBox(term),
        redraw_on_change(draw, term),
        paragraph(networks(result)),
    )


def networks(result: Result) -> str:
    """Return the sizes of the networks in a sentence."""
    if "networks" not in result.tables:
        return ""
    sizes = result.tables["networks"].groupby("arm", sort=False)["parameters"].first()
    return "Numbers learned: " + ", ".join(f"{style.SERIES[a].label} {n:,}" for a, n in sizes.items()) + "."
