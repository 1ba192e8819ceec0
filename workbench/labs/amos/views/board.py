"""Leaderboard with its intervals, ranks, learning curves, and what others report on the true data."""

from __future__ import annotations

from typing import Any

import pandas as pd
import panel as pn
import panel_material_ui as pmui
from bokeh.plotting import figure

from workbench.contract import Result
from workbench.labs.amos.common.published import anchors
from workbench.labs.amos.views import style
from workbench.toolkit.segmentation.ranking import between
from workbench.ui import frame
from workbench.ui.link import remember
from workbench.ui.plots.charts import forest, learning_curves


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
        plots = [frame.pane(team_forest(rows, key, name)) for name, key in style.MEASURES.items()]
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


def team_forest(rows: pd.DataFrame, key: str, name: str) -> figure:
    """Return one measure of all teams with its intervals, the best at the top."""
    rows = rows.sort_values(key, ascending=False)
    columns = {"team": "name", key: "mean", f"{key}_low": "low", f"{key}_high": "high"}
    xlabel = f"{name} (0–1), mean over organs and cases"
    return forest(rows.rename(columns=columns), style.teams(rows["team"]), xlabel=xlabel, title=name)


def ranks_view(result: Result, link: Any = None) -> pn.Column:
    """Draw each team's mean rank by DSC and by NSD, with lines between the two."""
    board = result.tables["leaderboard"]
    chosen = modalities(result, link, "leaderboard")

    def draw(modality: str) -> pn.pane.Bokeh:
        rows = board[board["modality"] == modality]
        series = style.teams(rows["team"])
        plot = frame.plain_figure(360, "save", x_range=["by DSC", "by NSD"])
        for row in rows.to_dict(orient="records"):
            one, ends = series[row["team"]], ["by DSC", "by NSD"]
            look = {"color": one.color, "legend_label": one.label}
            plot.line(ends, [row["rank_dsc"], row["rank_nsd"]], line_width=2.5, **look)
            for end, key in zip(ends, ("rank_dsc", "rank_nsd"), strict=True):
                plot.segment([end], [row[f"{key}_low"]], [end], [row[f"{key}_high"]], color=one.color, line_width=2)
                plot.scatter([end], [row[key]], marker=one.marker, size=11, **look)
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
    xlabel, ylabel = "training step (the joint arm takes twice as many)", "Dice loss + cross entropy (mean of 10 steps)"
    plot = learning_curves(table, "loss", "team", style.teams(table["team"]), xlabel=xlabel, ylabel=ylabel)
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
