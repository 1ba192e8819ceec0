"""Organ by organ and case by case: DSC and NSD side by side."""

from __future__ import annotations

from typing import Any

import bokeh.models as bm
import numpy as np
import pandas as pd
import panel as pn
import panel_material_ui as pmui

from workbench.contract import Result
from workbench.labs.amos.views import style
from workbench.labs.amos.views.board import modalities
from workbench.ui import frame
from workbench.ui.link import remember

ABSENT = {"both": "in both", "missed": "missed", "invented": "invented", "neither": "in neither"}


def with_teams(result: Result) -> pd.DataFrame:
    """Return the scores with the name of the team."""
    rows = result.tables["scores"]
    return rows.assign(team=rows["network"] + ", " + rows["arm"])


def teams_of(rows: pd.DataFrame, link: Any) -> pmui.Select:
    """Return the choice of a network and arm."""
    options = list(dict.fromkeys(rows["team"]))
    chosen = pmui.Select(label="Network, arm", options=options, value=options[0], width=260)
    remember(link, team=chosen)
    return chosen


def organs_view(result: Result, link: Any = None) -> pn.Column:
    """Draw every organ's mean DSC and NSD, in the order of DSC, and the counts of absent organs."""
    rows = with_teams(result)
    team, modality = teams_of(rows, link), modalities(result, link, "scores")

    def draw(team: str, modality: str) -> pn.Column:
        own = rows[(rows["team"] == team) & (rows["modality"] == modality)]
        means = own.groupby("name")[["dsc", "nsd"]].mean().dropna().sort_values("dsc")
        plot = frame.plain_figure(110 + 27 * max(len(means), 1), "save", y_range=list(means.index), min_border_left=130)
        source = bm.ColumnDataSource({"name": list(means.index), "dsc": means["dsc"], "nsd": means["nsd"]})
        plot.segment("dsc", "name", "nsd", "name", source=source, color="#8C8C8C", line_width=2, alpha=0.6)
        dots = [
            plot.scatter(key, "name", source=source, size=11, marker=marker, color=color, legend_label=name)
            for (name, key), marker, color in zip(
                style.MEASURES.items(), ("circle", "diamond"), ("#0072B2", "#E69F00"), strict=True
            )
        ]
        tips = frame.hover(("", "@name"), ("DSC", "@dsc{0.000}"), ("NSD", "@nsd{0.000}"))
        tips.renderers = dots
        plot.add_tools(tips)
        plot.x_range = bm.Range1d(0, 1)
        plot.xaxis.axis_label = "DSC and NSD (0–1)"
        frame.below(plot, 2)
        counts = own.groupby(["name", "state"]).size().unstack(fill_value=0).reindex(columns=list(ABSENT), fill_value=0)
        counts = counts.rename(columns=ABSENT).reset_index().rename(columns={"name": "organ"})
        return pn.Column(frame.pane(plot), frame.table_pane(counts, wrap=True), sizing_mode="stretch_width")

    return frame.view(
        "Organs in the order of their DSC, means over cases and seeds. Where the diamond lies far from the circle, NSD "
        "judges otherwise: a thin organ has a low DSC while its surface is nearly right. The table counts cases and "
        "seeds in which an organ was in both masks, missed, invented, or in neither (then it does not count).",
        pn.FlexBox(team, modality),
        frame.redraw_on_change(draw, team, modality),
        frame.paragraph(style.rules(result)),
    )


def cases_view(result: Result, link: Any = None) -> pn.Column:
    """Draw a dot for every case, by team, CT and MR, own site and other."""
    rows = with_teams(result)
    measure = pmui.RadioButtonGroup(label="Measure", options=dict(style.MEASURES), value="dsc", size="small", width=160)
    remember(link, measure=measure)

    def draw(measure: str) -> pn.Column:
        mean = rows.groupby(["team", "modality", "site", "case"])[measure].mean().dropna().reset_index()
        plots = []
        series = style.teams(mean["team"])
        for (modality, site), own in mean.groupby(["modality", "site"]):
            teams = sorted(own["team"].unique(), reverse=True)
            place = f"{modality}, site {site}" if site else modality
            plot = frame.plain_figure(90 + 36 * len(teams), "save", y_range=teams, title=place, min_border_left=120)
            rng = np.random.default_rng(0)
            for team, part in own.groupby("team"):
                color, marker = series[team].color, series[team].marker
                source = bm.ColumnDataSource(
                    {
                        "x": part[measure],
                        "y": [(team, float(v)) for v in rng.uniform(-0.2, 0.2, len(part))],
                        "case": part["case"],
                    }
                )
                dots = plot.scatter("x", "y", source=source, size=8, color=color, marker=marker, alpha=0.7)
                tips = frame.hover(("", "@case"), (measure.upper(), "@x{0.000}"))
                tips.renderers = [dots]
                plot.add_tools(tips)
                plot.scatter(
                    [part[measure].mean()], [team], marker="dash", angle=np.pi / 2, size=24, line_width=3, color=color
                )
            plot.x_range = bm.Range1d(0, 1)
            plot.xaxis.axis_label = f"{measure.upper()} (0–1), mean over organs"
            plots.append(frame.pane(plot))
        return pn.Column(frame.flow(*plots, width=400), sizing_mode="stretch_width")

    return frame.view(
        "A dot is a validation case, a bar the mean. Networks learn on scans of site A; site B has other scanners. A "
        "network that never saw a modality is shown on it, too.",
        pn.FlexBox(measure),
        frame.redraw_on_change(draw, measure),
        frame.paragraph(style.rules(result)),
    )
