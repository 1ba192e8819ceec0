"""Who is best: the leaderboard with its intervals, ranks, learning curves, and what others report on the true data."""

from __future__ import annotations

from typing import Any

import bokeh.models as bm
import pandas as pd
import panel as pn
import panel_material_ui as pmui

from workbench.contract import Result
from workbench.labs.amos.common.published import anchors
from workbench.labs.amos.views import style
from workbench.toolkit.segmentation.ranking import between
from workbench.ui import frame
from workbench.ui.link import remember


def modalities(result: Result, link: Any, table: str) -> pmui.RadioButtonGroup:
    """Return the choice between CT and MR, as far as a table has them."""
    options = sorted(result.tables[table]["modality"].unique())
    chosen = pmui.RadioButtonGroup(label="Modality", options=options, value=options[0], size="small", width=200)
    remember(link, modality=chosen)
    return chosen


def leaderboard_view(result: Result, link: Any = None) -> pn.Column:
    """Draw the table `leaderboard`, by modality."""
    board = result.tables["leaderboard"]
    chosen = modalities(result, link, "leaderboard")

    def draw(modality: str) -> pn.Column:
        rows = board[board["modality"] == modality].reset_index(drop=True)
        plots = [frame.pane(forest(rows, key, name)) for name, key in style.MEASURES.items()]
        cells = pd.DataFrame({"network, arm": rows["team"]})
        for name, key in (("DSC", "dsc"), ("NSD", "nsd"), ("mean rank", "rank")):
            cells[name] = [between(r, key, 2 if key == "rank" else 3) for r in rows.to_dict(orient="records")]
        cells["leads in"] = [f"{v:.0%}" for v in rows["first"]]
        cells["cases"] = rows["cases"]
        return pn.Column(frame.flow(*plots, width=380), frame.table_pane(cells, wrap=True), sizing_mode="stretch_width")

    return frame.view(
        "Every trained network over the same validation cases of both sites; seeds are averaged. Lines are 95 % "
        "bootstrap intervals over cases. *Mean rank*: every organ of every case is ranked by DSC and by NSD, 1 is "
        "best; *leads in*: share of resamples in which it has the best mean rank.",
        pn.FlexBox(chosen),
        frame.redraw_on_change(draw, chosen),
        frame.paragraph(style.rules(result)),
    )


def forest(rows: pd.DataFrame, key: str, name: str) -> bm.Plot:
    """Return one measure of all teams as dots with intervals, the best at the top."""
    rows = rows.sort_values(key, ascending=False)
    colors = style.look(list(rows["team"]))
    low, high = f"{key}_low", f"{key}_high"
    plot = frame.plain_figure(90 + 34 * len(rows), "save", y_range=list(reversed(rows["team"])), title=name)
    columns = {"team": rows["team"], "value": rows[key], "low": rows[low], "high": rows[high]}
    columns |= {"color": [colors[t][0] for t in rows["team"]], "marker": [colors[t][1] for t in rows["team"]]}
    source = bm.ColumnDataSource({k: list(v) for k, v in columns.items()})
    plot.segment("low", "team", "high", "team", source=source, color="color", line_width=3, alpha=0.6)
    dots = plot.scatter("value", "team", source=source, size=12, color="color", marker="marker")
    tips = frame.hover(("", "@team"), ("mean", "@value{0.0000}"), ("95 %", "@low{0.000} to @high{0.000}"))
    tips.renderers = [dots]
    plot.add_tools(tips)
    plot.xaxis.axis_label = f"{name} (0–1), mean over organs and cases"
    return plot


def ranks_view(result: Result, link: Any = None) -> pn.Column:
    """Draw each team's mean rank by DSC and by NSD, with lines between the two."""
    board = result.tables["leaderboard"]
    chosen = modalities(result, link, "leaderboard")

    def draw(modality: str) -> pn.pane.Bokeh:
        rows = board[board["modality"] == modality]
        looks = style.look(list(rows["team"]))
        plot = frame.plain_figure(360, "save", x_range=["by DSC", "by NSD"])
        for row in rows.to_dict(orient="records"):
            color, marker = looks[row["team"]]
            ends = ["by DSC", "by NSD"]
            plot.line(ends, [row["rank_dsc"], row["rank_nsd"]], color=color, line_width=2.5, legend_label=row["team"])
            for end, key in zip(ends, ("rank_dsc", "rank_nsd"), strict=True):
                plot.segment([end], [row[f"{key}_low"]], [end], [row[f"{key}_high"]], color=color, line_width=2)
                plot.scatter([end], [row[key]], color=color, marker=marker, size=11, legend_label=row["team"])
        plot.y_range.flipped = True
        plot.yaxis.axis_label = "mean rank over organs and cases (1 is best)"
        frame.below(plot, 2)
        return frame.pane(plot)

    return frame.view(
        "Where lines cross, DSC and NSD put the networks in another order. Bars: 95 % intervals over cases.",
        pn.FlexBox(chosen),
        frame.redraw_on_change(draw, chosen),
        frame.paragraph(style.rules(result)),
    )


def training_view(result: Result, link: Any = None) -> pn.Column:
    """Draw the table `training`: the loss over the steps."""
    table = result.tables["training"]
    table = table.assign(team=table["network"] + ", " + table["arm"])
    looks = style.look(list(table["team"].unique()))
    plot = frame.plain_figure(380, "save,reset")
    for team, rows in table.groupby("team", sort=False):
        color, marker = looks[team]
        mean = rows.groupby("step")["loss"].mean()
        plot.line(mean.index, mean.to_numpy(), color=color, line_width=2.2, legend_label=team)
        few = mean.iloc[:: max(1, len(mean) // 8)]
        plot.scatter(few.index, few.to_numpy(), color=color, marker=marker, size=8, legend_label=team)
    plot.xaxis.axis_label = "training step (the joint arm takes twice as many)"
    plot.yaxis.axis_label = "Dice loss + cross entropy (mean of 10 steps)"
    frame.below(plot, 2)
    return frame.view("Loss on the patches that are learned from, mean over seeds.", frame.pane(plot))


def literature_view(result: Result, link: Any = None) -> pn.Column:
    """Show what others report on the true AMOS22, each with its setting."""
    table = anchors()
    parts: list[Any] = []
    for setting, rows in table.groupby("setting", sort=False):
        shown = rows.sort_values("dsc", ascending=False)[["network", "dsc"]]
        shown = shown.assign(dsc=[f"{v:.3f}" if round(v, 3) == v else f"{v:.4f}" for v in shown["dsc"]])
        shown = shown.rename(columns={"dsc": "mean DSC"})
        parts.append(
            pn.Column(
                frame.paragraph(f"**{setting}**"), frame.table_pane(shown, wrap=True), sizing_mode="stretch_width"
            )
        )
    return frame.view(
        "Mean DSC on the **true AMOS22**, read in the tables of others. The four settings are not comparable with each "
        "other (other cases, other training: SwinUNETR has 0.838, 0.880 and 0.871), and not with AMOS-sim. The "
        "paper's own table could not be read, and what is only recalled of it is not printed.",
        frame.flow(*parts, width=380),
    )
