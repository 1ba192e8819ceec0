"""Over settings: what runs of this lab, of a sweep for example, make of trigger size, share, alpha and the rest."""

from __future__ import annotations

import asyncio
from typing import Any

import bokeh.models as bm
import numpy as np
import pandas as pd
import panel as pn
import panel_material_ui as pmui

from workbench.record import Run
from workbench.result import Result
from workbench.store import open_store
from workbench.ui.address import href
from workbench.ui.frame import pane, plain_figure, view
from workbench.ui.link import remember
from workbench.ui.opening import open_on_click
from workbench.ui.palette import PALETTE
from workbench.ui.soon import soon
from workbench.ui.style import html

MOST = 400  # runs that are looked at
SETTINGS = {
    "trigger size": "size",
    "share poisoned": "share",
    "images a class": "each",
    "alpha": "alpha",
    "units k": "k",
    "iterations": "iterations",
    "network": "network",
    "norm": "norm",
    "hidden units": "hidden",
    "images": "dataset",
}
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
    """Draw the finished runs of this lab in the store over two settings."""
    across = pmui.Select(label="Across", options=SETTINGS, value="size", width=170)
    up = pmui.Select(label="Up", options=SETTINGS, value="share", width=170)
    measure = pmui.Select(label="Measure", options=MEASURES, value="asr_doorping", width=200)
    remember(link, across=across, up=up, rate=measure)
    holder = pn.Column(html("<p class='soft'>Looks for runs …</p>"), sizing_mode="stretch_width", margin=0)
    runs: list[Run] = []

    def draw() -> None:
        frame = cells(runs, across.value, up.value, measure.value)
        few = (
            f"<p class='small'>{len(runs)} finished runs of this lab. More cells need runs with other settings: "
            "start them together under <em>Sweep</em>, for example size 2, 4, 8 by share 0.01, 0.05, 0.2.</p>"
        )
        holder[:] = ([pane(heat(frame, across, up))] if len(frame) else []) + [html(few)]

    async def look() -> None:
        runs[:] = await asyncio.to_thread(stored)
        link.later(draw)

    for widget in (across, up, measure):
        widget.param.watch(lambda _: draw(), "value")
    if link is not None:
        soon(look)
    else:
        draw()
    return view(
        "Each cell is the mean over the finished runs with these two settings, whatever their other ones are; hover to "
        "see how many, click to open one. Read success beside accuracy and the share taken without a stamp.",
        pn.FlexBox(across, up, measure, gap="4px 16px", align_items="center"),
        holder,
    )


def stored() -> list[Run]:
    """Return the finished runs of this lab; it takes a moment: call it in a thread."""
    return list(open_store().runs("doorping", MOST, ("done",)))


def cells(runs: list[Run], across: str, up: str, measure: str) -> pd.DataFrame:
    """Return a row for each pair of settings: texts `x` and `y`, mean `value`, count `n`, and `link` to one run."""
    rows = [
        {"across": run.params.get(across), "up": run.params.get(up), "value": run.metrics[measure]}
        | {"link": href(lab=run.lab, run=run.id)}
        for run in runs
        if np.isfinite(run.metrics.get(measure, np.nan))
    ]
    if not rows:
        return pd.DataFrame()
    found = pd.DataFrame(rows).groupby(["across", "up"], as_index=False).agg(
        value=("value", "mean"), n=("value", "size"), link=("link", "first")
    )  # fmt: skip
    return found.assign(x=found["across"].astype(str), y=found["up"].astype(str))


def heat(frame: pd.DataFrame, across: Any, up: Any) -> Any:
    """Return the heat map."""
    names = lambda column: list(dict.fromkeys(frame.sort_values(column)[column].astype(str)))  # noqa: E731
    words = {value: label for label, value in SETTINGS.items()}
    plot = plain_figure(120 + 48 * frame["y"].nunique(), "tap,save", x_range=names("across"), y_range=names("up"))
    color = bm.LinearColorMapper(palette=f"{PALETTE.sequential.title()}256", low=0, high=1)
    source = bm.ColumnDataSource(frame.assign(text=frame["value"].map("{:.2f}".format)))
    source.data["ink"] = np.where(frame["value"] > 0.55, "black", "white")
    look = {"field": "value", "transform": color}
    box = plot.rect("x", "y", 0.97, 0.94, source=source, fill_color=look, line_color=None)
    plot.text("x", "y", "text", source=source, text_align="center", text_baseline="middle", text_color="ink")
    plot.xaxis.axis_label, plot.yaxis.axis_label = words[across.value], words[up.value]
    plot.grid.grid_line_color = None
    open_on_click(plot, [box], [("", "@text"), ("runs", "@n")])
    return plot
