"""Do the proxies carry the sensitive attribute? What a linear probe reads from them, where they go, and the losses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import bokeh.models as bm
import pandas as pd
import panel as pn
import panel_material_ui as pmui

from workbench.contract import Result
from workbench.labs.reliant.views import style
from workbench.ui.frame import below, flow, hover, pane, paragraph, plain_figure, redraw_on_change, view
from workbench.ui.link import remember
from workbench.ui.palette import BLUE, GRAY, PALETTE
from workbench.ui.plots.charts import learning_curves
from workbench.ui.plots.series import SeriesTable

DASHES = ("solid", "dashed", "dotted", "dotdash")


def proxies_view(result: Result, link: Any = None) -> pn.Column:
    """Draw the tables `proxies` and `trails`."""
    table = result.tables["proxies"]
    names = list(table["set"].unique())
    graph = pmui.Select(label="Graph", options=names, value=names[0], width=160)
    remember(link, graph=graph)
    return view(
        "The paper's idea: proxies soak up the bias, so that the rest of the student is free of it. If they did, a "
        "linear probe could read the group from them (AUC well above 0.5), and the two colors of the lower picture "
        "would part.",
        pn.FlexBox(graph),
        redraw_on_change(
            lambda name: flow(pane(auc_plot(table, name)), pane(mean_plot(table, name)), width=360), graph
        ),
        redraw_on_change(lambda name: pane(trail_plot(result, name)), graph),
        paragraph(told(result)),
    )


def told(result: Result) -> str:
    """Return the probe's AUC over all trainings, in words."""
    summary = result.tables["summary"]
    rows = (
        summary[(summary["arm"] == "reliant") & summary["proxy_auc"].notna()]
        if "proxy_auc" in summary
        else summary.iloc[:0]
    )
    parts = [
        f"{r['set']}, {style.arm_words(r)}: {r['proxy_auc']:.2f}"
        for _, r in rows.drop_duplicates(["set", "alpha", "metric"]).iterrows()
    ]
    return f"AUC of the probe at the end, mean over trainings: {'; '.join(parts)}." if parts else ""


def auc_plot(table: pd.DataFrame, name: str) -> Any:
    """Return the probe's AUC over the epochs of the first training."""
    rows = table[table["set"] == name]
    plot = plain_figure(300, "save", y_range=(0.4, 1.02))
    plot.xaxis.axis_label, plot.yaxis.axis_label = "epoch", "AUC, proxies to group"
    plot.hspan(y=[0.5], line_color=GRAY, line_dash="dotted")
    source = bm.ColumnDataSource(rows)
    plot.line("epoch", "auc", source=source, color=BLUE, line_width=2.5)
    dots = plot.scatter("epoch", "auc", source=source, color=BLUE, size=7, marker="triangle")
    plot.add_tools(hover(("epoch", "@epoch"), ("AUC", "@auc{0.000}"), renderers=[dots]))
    return plot


def mean_plot(table: pd.DataFrame, name: str) -> Any:
    """Return the mean proxy over the epochs: what every node gets at inference."""
    rows = table[table["set"] == name]
    plot = plain_figure(300, "save")
    plot.xaxis.axis_label, plot.yaxis.axis_label = "epoch", "mean proxy"
    for k, column in enumerate(c for c in rows if c.startswith("mean ")):
        color = PALETTE.color(k)
        plot.line(rows["epoch"], rows[column], color=color, line_width=2.5, legend_label=f"column {k + 1}")
    below(plot)
    return plot


def trail_plot(result: Result, name: str) -> Any:
    """Return where the proxies of some nodes of both groups go."""
    rows = result.tables["trails"]
    rows = rows[rows["set"] == name].sort_values(["node", "epoch"])
    one = "p1" not in rows or rows["p1"].isna().all()
    x, y = ("epoch", "p0") if one else ("p0", "p1")
    plot = plain_figure(400)
    plot.xaxis.axis_label = "epoch" if one else "proxy, column 1"
    plot.yaxis.axis_label = "proxy, column 1" if one else "proxy, column 2"
    for v, text in enumerate(style.group_words(result, name)):
        part = [g for _, g in rows[rows["group"] == v].groupby("node")]
        lines = {
            "xs": [g[x].tolist() for g in part],
            "ys": [g[y].tolist() for g in part],
            "node": [int(g["node"].iloc[0]) for g in part],
        }
        drawn = plot.multi_line(
            "xs", "ys", source=bm.ColumnDataSource(lines), color=style.GROUP[v], line_alpha=0.6, line_width=1.5
        )
        ends = {"x": [xs[-1] for xs in lines["xs"]], "y": [ys[-1] for ys in lines["ys"]]}
        plot.scatter(ends["x"], ends["y"], color=style.GROUP[v], size=9, marker=PALETTE.markers[v], legend_label=text)
        plot.add_tools(hover(("node", "@node"), ("", text), renderers=[drawn]))
    below(plot)
    plot.title.text = "a line a node, to the last epoch (the mark)"
    plot.title.text_font_style, plot.title.text_font_size = "normal", "12px"
    return plot


def losses_view(result: Result, link: Any = None) -> pn.Column:
    """Draw the table `training`: the losses of the first seed."""
    table = result.tables["training"]
    names = list(table["set"].unique())
    graph = pmui.Select(label="Graph", options=names, value=names[0], width=160)
    both = table[["teacher", "student"]].drop_duplicates().itertuples(index=False)
    pairs = {pair_words(t, s): f"{t} → {s}" for t, s in both}
    first = next((p for p in pairs.values() if not p.endswith("-")), next(iter(pairs.values())))
    pair = pmui.Select(label="Networks", options=pairs, value=first, width=240)
    remember(link, graph=graph, pair=pair)

    def draw(name: str, both: str) -> pn.pane.Bokeh:
        teacher, student = both.split(" → ")
        rows = table[(table["set"] == name) & (table["teacher"] == teacher) & (table["student"] == student)]
        rows = rows[rows["seed"] == rows["seed"].min()]
        rows = rows.assign(line=[style.arm_words(row) for _, row in rows.iterrows()])
        lines = rows.drop_duplicates("line")
        series = SeriesTable(
            replace(style.ARMS[arm], name=line, label=line, dash=DASHES[k % len(DASHES)])
            for k, (arm, line) in enumerate(zip(lines["arm"], lines["line"], strict=True))
        )
        look = {"height": 320 + 26 * len(lines), "columns": 1}  # the legend takes a line an arm
        axes = {"step": "epoch", "xlabel": "epoch", "ylabel": "loss (imitation + α bias)"}
        return pane(learning_curves(rows, "loss", "line", series, **axes, **look))

    return view(
        "The losses of the first training of each arm: they should have settled where the line ends. Losses with "
        "another α are other sums, so only their shapes compare.",
        pn.FlexBox(graph, pair, gap="8px"),
        redraw_on_change(draw, graph, pair),
    )


def pair_words(teacher: str, student: str) -> str:
    """Return teacher and student in words."""
    name = style.NETWORKS.get(teacher, teacher)
    return f"{name}, the teacher" if student == "-" else f"{name} → {style.NETWORKS.get(student, student)}"
