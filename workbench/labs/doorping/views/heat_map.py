"""Over settings: what trigger size, poisoned share, alpha and the rest do, from a sweep of ours or the runs at hand."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import panel as pn
import panel_material_ui as pmui

from workbench.contract import Result
from workbench.runs.store import open_store
from workbench.ui.address import href
from workbench.ui.deferred import soon
from workbench.ui.frame import hover, pane, view
from workbench.ui.link import remember
from workbench.ui.open_run import open_on_click
from workbench.ui.plots.charts import heat_map
from workbench.ui.style import html

MOST = 400  # runs that are looked at
OURS, THEIRS = "a sweep of ours", "the runs of this store"
KEPT = Path(__file__).parents[1] / "bundled" / "settings.csv"  # written by benchmarks/settings.py
SETTINGS = {
    "trigger size": "size",
    "share poisoned": "share",
    "alpha": "alpha",
    "units k": "k",
    "images a class": "each",
    "rule": "rule",
    "iterations": "iterations",
    "network": "network",
    "norm": "norm",
    "hidden units": "hidden",
    "images": "dataset",
}
PAIRS = ("size", "share"), ("alpha", "k"), ("each", "rule")  # of our sweep
MEASURES = {
    "ASR, DOORPING": "asr_doorping",
    "ASR, DOORPING cut": "asr_cut",
    "ASR, kept valid": "asr_clipped",
    "ASR, NAIVEATTACK": "asr_naive",
    "no stamp": "null_doorping",
    "CTA, DOORPING": "cta_doorping",
    "CTA, clean": "cta_clean",
}


def heat_view(result: Result, link: Any = None) -> pn.Column:
    """Draw runs over two settings."""
    origin = pmui.Select(label="Runs", options=[OURS, THEIRS], value=OURS, width=200)
    across = pmui.Select(label="Across", options=SETTINGS, value="size", width=170)
    up = pmui.Select(label="Up", options=SETTINGS, value="share", width=170)
    measure = pmui.Select(label="Measure", options=MEASURES, value="asr_doorping", width=200)
    remember(link, origin=origin, across=across, up=up, rate=measure)
    holder = pn.Column(sizing_mode="stretch_width", margin=0)
    found = {OURS: kept(), THEIRS: pd.DataFrame()}

    def draw() -> None:
        frame = cells(found[origin.value], across.value, up.value, measure.value)
        holder[:] = ([pane(heat(frame, across.value, up.value))] if len(frame) else []) + [
            html(f"<p class='small'>{told(origin.value, found[origin.value], frame)}</p>")
        ]

    async def look() -> None:
        found[THEIRS] = await asyncio.to_thread(stored)
        link.later(draw)

    for widget in (origin, across, up, measure):
        widget.param.watch(lambda _: draw(), "value")
    if link is not None:
        soon(look)
    draw()
    return view(
        "Each cell is the mean over runs with these two settings, whatever their other ones are; hover for how many. "
        "Read success beside accuracy and the share taken without a stamp.",
        pn.FlexBox(origin, across, up, measure, gap="4px 16px", align_items="center"),
        holder,
    )


def told(origin: str, runs: pd.DataFrame, frame: pd.DataFrame) -> str:
    """Return what stands below the picture."""
    if origin == THEIRS:
        return (
            f"Finished runs of this lab here: {len(runs)}. Start more together under <em>Sweep</em>, for example size "
            "2, 4, 8 by share 0.01, 0.05, 0.2; a click on a cell opens one."
        )
    names = {value: label for label, value in SETTINGS.items()}
    pairs = "; ".join(f"{names[a]} by {names[b]}" for a, b in PAIRS)
    return (
        f"{len(runs)} runs of the preset <code>quick</code> (Fashion-MNIST, a perceptron) that we made: {pairs}; two "
        "seeds each, all else as the preset has it." + ("" if len(frame) > 3 else " This pair was not swept.")
    )


def kept() -> pd.DataFrame:
    """Return our sweep: a row a run, with its settings and metrics."""
    return pd.read_csv(KEPT) if KEPT.is_file() else pd.DataFrame()


def stored() -> pd.DataFrame:
    """Return the finished runs of this lab in the store likewise; it takes a moment, so a thread calls it."""
    runs = open_store().runs("doorping", MOST, ("done",))
    return pd.DataFrame([run.params | run.metrics | {"link": href(lab=run.lab, run=run.id)} for run in runs])


def cells(runs: pd.DataFrame, across: str, up: str, measure: str) -> pd.DataFrame:
    """Return a row for each pair of settings: texts `x` and `y`, mean `value`, count `n`, and `link` to one run.

    Of our sweep, only runs that differ from the preset in these two settings alone are taken.
    """
    if across == up or not {across, up, measure} <= set(runs):
        return pd.DataFrame()
    runs = runs[np.isfinite(runs[measure].astype(float))]
    if "link" not in runs:
        others = [pair for pair in PAIRS if set(pair) != {across, up}]
        for name in {name for pair in others for name in pair} - {across, up}:
            runs = runs[runs[name] == runs[name].mode().iloc[0]]
        runs = runs.assign(link="")
    if runs.empty:
        return pd.DataFrame()
    runs = runs.rename(columns={across: "across", up: "up", measure: "value"})
    found = runs.groupby(["across", "up"], as_index=False).agg(
        value=("value", "mean"), n=("value", "size"), link=("link", "first")
    )
    return found.assign(x=found["across"].astype(str), y=found["up"].astype(str))


def heat(frame: pd.DataFrame, across: str, up: str) -> Any:
    """Return the heat map."""
    names = lambda column: list(dict.fromkeys(frame.sort_values(column)[column].astype(str)))  # noqa: E731
    words = {value: label for label, value in SETTINGS.items()}
    plot, box = heat_map(frame, names("across"), names("up"), tools="tap,save")
    plot.xaxis.axis_label, plot.yaxis.axis_label = words[across], words[up]
    tips = [("", "@text"), ("runs", "@n")]
    if frame["link"].any():
        open_on_click(plot, [box], tips)
    else:
        plot.add_tools(hover(*tips, renderers=[box]))
    return plot
