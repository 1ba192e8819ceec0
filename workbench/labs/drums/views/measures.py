"""Measures of every player with their intervals, beside people and GPT-3; copies; learning curves."""

from __future__ import annotations

from typing import Any

import bokeh.models as bm
import numpy as np
import pandas as pd
import panel as pn
import panel_material_ui as pmui
from bokeh.plotting import figure

from workbench.contract import Result
from workbench.labs.drums.common.evaluation import TIMES
from workbench.labs.drums.common.measures import ANCHORS
from workbench.labs.drums.views import style
from workbench.ui import frame
from workbench.ui.palette import PALETTE
from workbench.ui.plots.charts import forest, learning_curves
from workbench.ui.plots.series import Series, SeriesTable

SHADES = ("#C3CCD4", "#9DBFDA", "#6AA5CE", "#3886BD", "#0F6399")  # the oftener, the bluer
OTHERS = ("train", "prompt", "distinct", "hits")  # computed from the authors' files, bars 3 to 16 with a hit
PAPER = {
    "people (paper)": ("human", (0.191, 0.085, 0.817, 17.1)),
    "GPT-3 davinci": ("davinci", (0.133, 0.242, 0.574, 16.4)),
    "GPT-3 ada": ("ada", (0.192, 0.243, 0.654, 15.8)),
}


def paper(name: str) -> dict[str, float]:
    """Return what is known of a player of the paper, by measure."""
    anchor, others = PAPER[name]
    triple = {key: getattr(ANCHORS[anchor], key) for key in ("mean", "between", "within")}
    return triple | dict(zip(OTHERS, others, strict=True))


def measures_view(result: Result, link: Any = None) -> pn.Column:
    """Draw the table `summary`, one measure at a time, and give it whole beneath."""
    summary = result.tables["summary"]
    measure = pmui.Select(
        label="Measure", options={words: key for key, words in style.MEASURES.items()}, value="between", width=380
    )
    return frame.view(
        "Every player by itself, with the 95 % bootstrap interval over test grooves and trainings. Diamonds are the "
        "paper's GPT-3 models, whose outputs are fixed: no interval. Near the people's star is near to what people do.",
        measure,
        frame.redraw_on_change(lambda key: frame.pane(players_forest(summary, key)), measure),
        whole_table(summary),
        frame.paragraph(
            "GPT-3 and *people (paper)*: the authors' analysis, run again on their own files. Theirs counts silent "
            "bars that padding adds; the three measures *silent bars left out* do not, so GPT-3 has no value there."
        ),
    )


def players_forest(summary: pd.DataFrame, measure: str) -> figure:
    """Return one measure of all players with its intervals, and what the paper's players have."""
    rows = summary[summary["measure"] == measure].dropna(subset=["value"]).set_index("player", drop=False)
    rows = rows.rename(columns={"player": "name", "value": "mean"})[["name", "mean", "low", "high"]]
    rows = rows.loc[[one.name for one in style.PLAYERS.among(rows["name"])]]
    known = [{"name": name, "mean": paper(name)[measure]} for name in PAPER if measure in paper(name)]
    series = SeriesTable([*style.PLAYERS.values(), *(Series(n, n, PALETTE.quiet, "diamond") for n in PAPER)])
    rows = pd.concat([rows, pd.DataFrame(known)], ignore_index=True)
    return forest(rows, series, xlabel=style.MEASURES[measure], min_border_left=150)


def whole_table(summary: pd.DataFrame) -> pn.Column:
    """Return every measure of every player as a table of numbers."""
    keys = ["mean", "between", "within", "masked_mean", "masked_between", "masked_within", "distinct", "fills", "timed"]
    keys += ["train", "prompt", "hits"]
    table = summary.pivot(index="player", columns="measure", values="value").reindex(columns=keys)
    players = style.PLAYERS.among(table.index)
    table = table.reindex([one.name for one in players])
    table.index = [one.label for one in players]
    table = pd.concat([table, pd.DataFrame({name: paper(name) for name in PAPER}).T.reindex(columns=keys)])
    table.columns = [key.replace("masked_", "masked ") for key in keys]
    html = table.to_html(float_format=lambda v: f"{v:.3g}" if np.isfinite(v) else "–", na_rep="–", border=0)
    return pn.Column(
        pn.pane.HTML(html, stylesheets=[TABLE], sizing_mode="stretch_width"),
        sizing_mode="stretch_width",
        styles={"overflow-x": "auto", "max-height": "none"},
    )


TABLE = """
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { padding: 4px 9px; text-align: right; border-bottom: 1px solid var(--mui-palette-divider, #8884); }
tbody th { text-align: left; font-weight: 500; white-space: nowrap; }
thead th { font-weight: 500; vertical-align: bottom; }
"""


def copies_view(result: Result, link: Any = None) -> pn.Column:
    """Draw how often the bars that were played stand in the training grooves."""
    rows = result.tables["measures"]
    columns = [f"in train {name}" for name in TIMES]
    share = rows.groupby("player")[columns].sum()
    share = share.div(share.sum(axis=1).clip(lower=1), axis=0)
    players = style.PLAYERS.among(share.index)
    plot = frame.plain_figure(110 + 32 * len(players), "save", y_range=[one.label for one in reversed(players)])
    share = share.loc[[one.name for one in players]]
    source = {name: share[column].to_numpy() for name, column in zip(TIMES, columns, strict=True)}
    source["player"] = [one.label for one in players]
    plot.hbar_stack(
        list(TIMES), y="player", height=0.7, source=bm.ColumnDataSource(source), color=SHADES,
        legend_label=list(TIMES),
    )  # fmt: skip
    plot.add_tools(frame.hover(("", "@player"), ("times in training", "$name"), ("share of bars", "@$name{0.0%}")))
    plot.x_range = bm.Range1d(0, 1)
    plot.xaxis.formatter = bm.NumeralTickFormatter(format="0%")
    plot.xaxis.axis_label = "share of the bars of the continuations, silent ones left out"
    plot.ygrid.grid_line_color = None
    frame.below(plot, 5)
    return frame.view(
        "How often a bar that was played stands in the training grooves: *never* is a new bar, *20 or more* one that "
        "many grooves share. The authors count in the test set, where every bar of people is found at least once; here "
        "it is the training set.",
        frame.pane(plot),
    )


def training_view(result: Result, link: Any = None) -> pn.Column:
    """Draw the loss over the training on drums, and each arm's bits on the test grooves."""
    table = result.tables["training"]
    drums = table[table["text"] == "drums"]
    plots = []
    for part, name in ((drums, "learning to drum"), (table[table["text"] == "text"], "reading the text")):
        if part.empty:
            continue
        look = {"height": 340, "title": name, "ylabel": "bits a character (mean of 10 steps)"}
        plots.append(frame.pane(learning_curves(part, "bits", "arm", style.PLAYERS, repeats="seed", log=True, **look)))
    parts = [frame.flow(*plots, width=380)]
    if "bits" in result.tables:
        parts.append(frame.pane(bits_plot(result.tables["bits"])))
    return frame.view(
        "The small arms are one network that sees the same grooves in the same order; only what it read first differs. "
        "The sudden fall is the moment at which a network finds out that it can look up what it has played before; "
        "thin lines are single trainings, thick ones their mean.",
        *parts,
    )


def bits_plot(bits: pd.DataFrame) -> bm.Plot:
    """Return the bits a character on each test groove, by arm."""
    arms = style.PLAYERS.among(bits["player"])
    each = bits.groupby(["player", "prompt_number"])["bits"].mean().reset_index()
    labels = [one.label for one in arms]
    plot = frame.plain_figure(90 + 34 * len(arms), "save", y_range=list(reversed(labels)), title="test grooves")
    for one in arms:
        own = each[each["player"] == one.name]["bits"].dropna()
        plot.scatter(own, [one.label] * len(own), size=6, alpha=0.35, color=one.color)
        mark = {"marker": "dash", "angle": np.pi / 2, "size": 26, "line_width": 3}
        plot.scatter([own.mean()], [one.label], color=one.color, **mark)
    plot.xaxis.axis_label = "bits a character (a dot is a groove, a bar the mean); fewer is better"
    return plot
