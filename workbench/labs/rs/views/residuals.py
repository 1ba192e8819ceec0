"""Accuracy adjusted for difficulty: who is better than the separability of the tasks lets one expect? (claim C5)"""

from __future__ import annotations

from functools import partial
from typing import Any

import bokeh.models as bm
import holoviews as hv
import pandas as pd
import panel as pn
import panel_material_ui as pmui

from workbench.contract import Result
from workbench.labs.rs.views import style
from workbench.labs.rs.views.tasks import keyed
from workbench.ui.link import remember
from workbench.ui.palette import GRAY

ORDER = ("lr", "svc", "knn")  # each classifier keeps its color in every picture of this view


def residuals_view(result: Result, link: Any = None) -> pn.Column:
    """Draw the tables `ranking`, `adjusted` and `judging`."""
    tables = {n: keyed(result.tables[n]) for n in ("ranking", "adjusted", "judging") if n in result.tables}
    parts: list[Any] = []
    draws = {"ranking": (_slopes, _residuals), "adjusted": (_expected,)}
    panes = [(tables[name], draw) for name in draws if name in tables for draw in draws[name]]
    if panes:
        groups = list(dict.fromkeys(panes[0][0]["group"]))
        group = pmui.Select(label="Tasks", options=groups, value=groups[0], width=280)
        remember(link, residuals=group)
        shown = [style.live(partial(_of_group, draw, table), group) for table, draw in panes]
        parts += [pn.FlexBox(group), style.flow(*shown, width=340)]
        parts.append(
            style.words(
                "Expected accuracy is a straight line through mean accuracy against RS over the tasks; R² says how "
                "much of it the line explains. When all classifiers saw the same tasks, as here, both rankings agree "
                "by construction: the adjustment can matter only between classifiers that saw different tasks."
            )
        )
    if "judging" in tables:
        parts.append(pn.pane.Markdown("#### Classifiers judged on different tasks"))
        parts.append(pn.pane.Bokeh(_judging(tables["judging"]), sizing_mode="stretch_width"))
        parts.append(
            style.words(
                "Each classifier gets five tasks of its own. Circle: how often two of them come out in the right order "
                "by raw accuracy; square: by accuracy adjusted for RS; 0.5 is a coin. The line is the 95 % interval "
                "of the gain: the adjustment has helped only where it does not reach the circle."
            )
        )
    return style.view(
        "Left ends: classifiers ranked by mean accuracy; right ends: by how far they stay above what the separability "
        "of each task lets one expect. Crossing lines would mean that raw accuracy told another story.",
        *parts,
    )


def _of_group(draw: Any, table: pd.DataFrame, group: str) -> Any:
    return draw(table[table["group"] == group])


def _look(classifier: str) -> tuple[str, str]:
    return style.look(ORDER.index(classifier) if classifier in ORDER else len(ORDER))


def _slopes(rows: pd.DataFrame) -> hv.Overlay:
    """Slope chart: rank by raw accuracy, rank by residual."""
    layers: list[hv.Element] = []
    last = int(max(rows["raw_rank"].max(), rows["residual_rank"].max()))
    for row in rows.itertuples():
        name, (color, marker) = style.label(row.classifier), _look(row.classifier)
        ends = pd.DataFrame({"x": [0.0, 1.0], "rank": [row.raw_rank, row.residual_rank]})
        layers.append(hv.Curve(ends, "x", "rank").opts(color=color, line_width=3))
        layers.append(hv.Scatter(ends, "x", "rank").opts(color=color, size=12, marker=marker))
        for x, rank, text, side in (
            (-0.08, row.raw_rank, f"{name} {row.raw:.3f}", "right"),
            (1.08, row.residual_rank, f"{name} {row.residual:+.3f}", "left"),
        ):
            words = hv.Text(x, rank, text, halign=side, fontsize=10)
            layers.append(words.opts(color=GRAY, text_baseline="middle"))
    options = style.frame_options(
        300,
        None,
        title=f"rank by accuracy → rank by residual (R² {rows['r2'].iloc[0]:.2f})",
        xlim=(-0.9, 1.9),
        ylim=(last + 0.5, 0.5),
        xticks=[(0, "accuracy"), (1, "residual")],
        yticks=[(r, f"{r}") for r in range(1, last + 1)],
        xlabel="",
        ylabel="rank (1 = best)",
        show_grid=False,
        fontsize={"title": "12px"},
    )
    return hv.Overlay(layers).opts(**options)


def _residuals(rows: pd.DataFrame) -> pn.pane.Bokeh:
    """Mean residual of every classifier with its interval."""
    looks = [_look(c) for c in rows["classifier"]]
    names = [style.label(c) for c in rows["classifier"]]
    frame = pd.DataFrame({"name": names, "color": [c for c, _ in looks], "marker": [m for _, m in looks]})
    for column in ("residual", "residual_lo", "residual_hi", "r2"):
        frame[column] = rows[column].to_numpy(float)
    plot = style.plain_figure(300, "save", y_range=list(reversed(names)), title="mean residual, 95 % interval")
    plot.xaxis.axis_label = "accuracy above expectation"
    plot.xaxis.ticker = bm.BasicTicker(desired_num_ticks=4)
    plot.xaxis.formatter = bm.NumeralTickFormatter(format="+0.000")
    plot.vspan(x=[0], line_color=GRAY, line_dash="dotted", line_width=2)
    source = style.columns(frame)
    plot.segment("residual_lo", "name", "residual_hi", "name", source=source, color="color", line_width=4, alpha=0.6)
    dots = plot.scatter("residual", "name", source=source, color="color", marker="marker", size=13)
    interval = "@residual{+0.0000} [@residual_lo{+0.0000}, @residual_hi{+0.0000}]"
    tips = [("", "@name"), ("residual", interval), ("R² of the line", "@r2{0.00}")]
    plot.add_tools(bm.HoverTool(renderers=[dots], tooltips=tips, visible=False))
    return pn.pane.Bokeh(plot, sizing_mode="stretch_width")


def _expected(rows: pd.DataFrame) -> hv.Overlay:
    """Every task and classifier: accuracy against expected accuracy."""
    x, y = hv.Dimension("expected", label="expected accuracy (0–1)"), hv.Dimension("accuracy", label="accuracy (0–1)")
    ends = [rows[["expected", "accuracy"]].min().min(), rows[["expected", "accuracy"]].max().max()]
    layers: list[hv.Element] = [hv.Curve((ends, ends), x, y, label="as expected").opts(color=GRAY, line_dash="dashed")]
    for key, part in rows.groupby("classifier", sort=False):
        color, marker = _look(str(key))
        tips = [("", style.label(str(key))), ("task", "@task"), ("accuracy", "@accuracy{0.000}")]
        tool = style.hover(*tips, ("residual", "@residual{+0.000}"))
        dots = hv.Scatter(part, x, [y, "task", "residual"], label=style.label(str(key)))
        layers.append(dots.opts(color=color, marker=marker, size=8, alpha=0.75, tools=[tool]))
    return hv.Overlay(layers).opts(**style.frame_options(340, columns=4, padding=0.05, title="task by task"))


def _judging(table: pd.DataFrame) -> bm.Plot:
    """Return how often two classifiers are ranked correctly, raw and adjusted, one row a group of tasks."""
    names = list(table["group"])
    plot = style.plain_figure(120 + 28 * len(names), "save", y_range=list(reversed(names)))
    plot.xaxis.axis_label = "chance of the right order (0.5 = coin)"
    plot.vspan(x=[0.5], line_color=GRAY, line_dash="dotted", line_width=2)
    source = style.columns(
        table.assign(low=table["raw_right"] + table["gain_lo"], high=table["raw_right"] + table["gain_hi"])
    )
    plot.segment("low", "group", "high", "group", source=source, color=style.look(0)[0], line_width=3, alpha=0.6)
    legend = []
    for column, index, words in (("raw_right", 1, "raw accuracy"), ("adjusted_right", 0, "adjusted for RS")):
        color, marker = style.look(index)[0], ("square", "circle")[index]
        dots = plot.scatter(column, "group", source=source, color=color, marker=marker, size=12)
        legend.append(bm.LegendItem(label=words, renderers=[dots]))
        tips = [("", "@group"), (words, f"@{column}{{0.000}}"), ("tasks", "@n_tasks")]
        tips.append(("gain", "@gain{+0.000} [@gain_lo{+0.000}, @gain_hi{+0.000}]"))
        plot.add_tools(bm.HoverTool(renderers=[dots], tooltips=tips, visible=False))
    plot.add_layout(style.bare_legend(legend, "none"), "above")
    return plot
