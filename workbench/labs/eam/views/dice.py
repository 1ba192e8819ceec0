"""Dice and ASD of the arms, the same against the number of annotated subjects, and the losses."""

from __future__ import annotations

from typing import Any

import bokeh.models as bm
import pandas as pd
import panel as pn
import panel_material_ui as pmui
from bokeh.plotting import figure

from workbench.contract import Result
from workbench.labs.eam.params import MODALITIES
from workbench.labs.eam.views import style
from workbench.toolkit.statistics import interval
from workbench.ui import frame
from workbench.ui.link import remember
from workbench.ui.plots.charts import forest, learning_curves

ALL = "mean of the organs"
NUMBERS = ("mean", "low", "high")
MEASURES = {"dice": "Dice (0–1)", "asd": "ASD, mm"}


def tested(result: Result, measure: str = "dice", organ: str = ALL) -> pd.DataFrame:
    """Return a measure of test subjects: few, arm, shots, seed, modality, subject, value; of an organ or their mean."""
    rows = result.tables["scores"]
    rows = rows[rows["split"] == "test"]
    rows = rows if organ == ALL else rows[rows["organ"] == organ]
    keys = ["few", "arm", "shots", "seed", "modality", "subject"]
    return rows.groupby(keys)[measure].mean().dropna().rename("value").reset_index()


def summary(rows: pd.DataFrame) -> dict[str, float]:
    """Return the mean with its 95 % interval, over seeds and subjects."""
    mean, low, high = interval(rows.pivot_table("value", "subject", "seed").to_numpy())
    return {"mean": mean, "low": low, "high": high}


def measures(result: Result, **more: Any) -> pmui.RadioButtonGroup:
    """Return the choice of a measure, of those that a result has."""
    there = {title.split(" ")[0].strip(","): key for key, title in MEASURES.items() if key in result.tables["scores"]}
    return pmui.RadioButtonGroup(label="Measure", options=there, value="dice", size="small", **more)


def choices(result: Result, link: Any) -> tuple[pmui.Select, pmui.Select, pmui.RadioButtonGroup]:
    """Return the choice of a setting (modality with few annotations, and how many), an organ and a measure."""
    rows = result.tables["scores"]
    pairs = rows[rows["shots"] > 0][["few", "shots"]].drop_duplicates().itertuples(index=False)
    options = {f"{shots} annotated {few}": f"{few}/{shots}" for few, shots in pairs}
    if not options:
        options = {"as it was": "MR/0"}
    setting = pmui.Select(label="Annotated", options=options, value=next(iter(options.values())), width=200)
    organ = pmui.Select(label="Organ", options=[ALL, *rows["organ"].unique()], value=ALL, width=200)
    measure = measures(result)
    remember(link, setting=setting, organ=organ, measure=measure)
    return setting, organ, measure


def dice_view(result: Result, link: Any = None) -> pn.Column:
    """Draw Dice or ASD of every arm on CT and on MR, with its seeds and interval."""
    setting, organ, measure = choices(result, link)

    def draw(setting: str, organ: str, measure: str) -> pn.Column:
        few, shots = setting.split("/")
        rows = tested(result, measure, organ)
        rows = rows[(rows["few"] == few) & rows["shots"].isin([0, int(shots)])]
        arms = [one.name for one in style.SERIES.among(rows["arm"])]
        cells = pd.DataFrame({"arm": arms})
        plots = []
        for modality in MODALITIES:
            own = rows[rows["modality"] == modality]
            found = {arm: summary(own[own["arm"] == arm]) for arm in arms if (own["arm"] == arm).any()}
            plots.append(frame.pane(arms_forest(found, own, modality, measure, top(rows, measure))))
            cells[f"{MEASURES[measure]}, {modality}"] = [
                "{mean:.3f} ({low:.3f}–{high:.3f})".format(**found[arm]) if arm in found else "–" for arm in arms
            ]
        cells["seeds"] = [str(rows[rows["arm"] == arm]["seed"].nunique()) for arm in arms]
        return pn.Column(frame.flow(*plots, width=380), frame.table_pane(cells), sizing_mode="stretch_width")

    return frame.view(
        "A large mark is the mean over test subjects and seeds, the line its 95 % interval (both drawn again), a small "
        "dot a seed. Where lines overlap, look at *Claims*: those compare the same subjects. Prediction is by the "
        "shared network alone, except for *EAM kept*. ASD (average symmetric surface distance): less is better; an "
        "organ that was missed or invented altogether has none.",
        pn.FlexBox(setting, organ, measure, align_items="center"),
        frame.redraw_on_change(draw, setting, organ, measure),
        style.caution(result),
    )


def arms_forest(
    found: dict[str, dict[str, float]], rows: pd.DataFrame, modality: str, measure: str, end: float
) -> figure:
    """Return the means of arms on a modality with their intervals, the seeds below them, on an axis from 0 to `end`."""
    seeds = rows.groupby(["arm", "seed"])["value"].mean().reset_index()
    points = seeds.rename(columns={"arm": "name"}).assign(tip=[f"seed {seed}" for seed in seeds["seed"]])
    means = pd.DataFrame([{"name": arm} | numbers for arm, numbers in found.items()], columns=["name", *NUMBERS])
    options = {"title": f"Test subjects, {modality}", "x_range": (0, end), "min_border_left": 140}
    return forest(means, style.arms_on(modality), xlabel=MEASURES[measure], points=points, **options)


def top(rows: pd.DataFrame, measure: str) -> float:
    """Return the end of an axis: 1 for Dice, a little above the largest mean of a seed for ASD."""
    if measure == "dice" or rows.empty:
        return 1.0
    return 1.1 * float(rows.groupby(["arm", "shots", "modality", "seed"])["value"].mean().max())


def has_shots(result: Result) -> bool:
    """Return True if an arm had only some annotated subjects of a modality."""
    return bool((result.tables["scores"]["shots"] > 0).any())


def shots_view(result: Result, link: Any = None) -> pn.Column:
    """Draw Dice or ASD against the number of annotated subjects."""
    rows = tested(result)
    directions = list(dict.fromkeys(rows[rows["shots"] > 0]["few"]))
    few = pmui.Select(label="Few annotated", options=directions, value=directions[0], width=160)
    on = pmui.RadioButtonGroup(
        label="Measured on", options=list(MODALITIES), value=directions[0], size="small", width=160
    )
    measure = measures(result, width=140)
    remember(link, few=few, on=on, shots_measure=measure)

    def draw(few: str, on: str, measure: str) -> pn.Column:
        own = tested(result, measure)
        own = own[(own["few"] == few) & (own["modality"] == on)]
        counts = [str(s) for s in sorted(set(own["shots"]) - {0})]
        plot = frame.plain_figure(400, "save", x_range=counts or ["0"])
        arms = style.SERIES.among(own["arm"])
        for i, one in enumerate(arms):
            part = own[own["arm"] == one.name]
            found = {int(s): summary(p) for s, p in part.groupby("shots")}
            flat = 0 in found  # it does not see that modality, so its number is the same everywhere
            marks = [(c, found[0 if flat else int(c)]) for c in counts if flat or int(c) in found]
            shift = (i - (len(arms) - 1) / 2) * 0.06
            x = [(c, shift) for c, _ in marks]
            label = {"legend_label": one.label, "color": one.color}
            plot.line(x, [f["mean"] for _, f in marks], line_width=2, line_dash="dashed" if flat else "solid", **label)
            plot.segment(x, [f["low"] for _, f in marks], x, [f["high"] for _, f in marks], line_width=2, **label)
            plot.scatter(x, [f["mean"] for _, f in marks], size=10, marker=one.marker, **label)
        plot.y_range = bm.Range1d(0, top(own, measure))
        plot.xaxis.axis_label = f"annotated {few} subjects"
        plot.yaxis.axis_label = f"{MEASURES[measure]}, on {on}"
        if arms:
            frame.below(plot)
        return frame.pane(plot)

    return frame.view(
        "Dice or ASD against the annotated subjects of one modality, while the other has many. Lines are 95 % "
        "intervals over seeds and subjects. Dashed: an arm that never sees that modality.",
        pn.FlexBox(few, on, measure, align_items="center"),
        frame.redraw_on_change(draw, few, on, measure),
        style.caution(result),
    )


TERMS = {
    "Dice + CE": "dice_ce",
    "attention (L_att)": "attention",
    "image level (L_img)": "image",
    "modality level (L_mod)": "modality",
    "distillation (UMMKD)": "distillation",
}


def training_view(result: Result, link: Any = None) -> pn.Column:
    """Draw the table `training`: every term of the loss over the steps."""
    table = result.tables["training"]
    options = {name: key for name, key in TERMS.items() if key in table and table[key].notna().any()}
    term = pmui.Select(label="Term", options=options, value="dice_ce", width=240)
    remember(link, term=term)

    def draw(term: str) -> pn.pane.Bokeh:
        ylabel = "loss, before its weight (mean of 10 steps)"
        return frame.pane(learning_curves(table, term, "arm", style.SERIES, ylabel=ylabel, columns=3))

    return frame.view(
        "Terms of the loss on the slices that are learned from, mean over seeds and numbers of annotated subjects. "
        "Terms of the modules are sums over their scales.",
        pn.FlexBox(term),
        frame.redraw_on_change(draw, term),
    )
