"""The leaderboard: every attack against every carrier and victim; a click shows what is behind a cell."""

from __future__ import annotations

from typing import Any

import bokeh.models as bm
import numpy as np
import pandas as pd
import panel as pn
import panel_material_ui as pmui

from workbench.contract import Result
from workbench.labs.doorping.common.sheets import tiled
from workbench.labs.doorping.views import style
from workbench.ui.frame import hover, pane, view
from workbench.ui.link import remember
from workbench.ui.plots.charts import heat_map
from workbench.ui.style import html


def board_view(result: Result, link: Any = None) -> pn.Column:
    """Draw the table `victims` as a heat map of attack by carrier and victim."""
    measure = pmui.Select(label="Measure", options=style.MEASURES, value="asr", width=260)
    test = pmui.Select(label="Stamp", options=style.TESTS, value="as is", width=190)
    remember(link, measure=measure, stamp=test)
    holder, told = pn.Column(sizing_mode="stretch_width", margin=0), html("")

    def draw() -> None:
        cells = board(result.tables["victims"], measure.value, test.value)
        plot, source = heat(cells)

        def clicked(_attr: str, _old: list[int], new: list[int]) -> None:
            if new:
                told.object = cell_html(result, cells.iloc[new[0]], test.value)

        source.selected.on_change("indices", clicked)
        holder[:] = [pane(plot)]
        if len(cells):
            first = cells[
                cells["attack"] == ("doorping" if "doorping" in set(cells["attack"]) else cells["attack"].iloc[0])
            ]
            told.object = cell_html(result, first.iloc[0], test.value)

    for widget in (measure, test):
        widget.param.watch(lambda _: draw(), "value")
    draw()
    return view(
        "A column is a carrier and a kind of victim: the first kind has the network that distilled, the others never "
        "met it. Click a cell to see its trainings and pictures. A success is worth only what it exceeds the share "
        "taken *without a stamp*: choose that measure to compare.",
        pn.FlexBox(measure, test, gap="4px 16px", align_items="center"),
        holder,
        told,
    )


def board(victims: pd.DataFrame, measure: str, test: str) -> pd.DataFrame:
    """Return a row for each attack, carrier and kind of victim, with mean and interval of a measure."""
    rows = victims[victims["test"] == test]
    cells = []
    for (carrier, attack, victim), part in rows.groupby(["carrier", "attack", "victim"], sort=False):
        mean, low, high = style.spread(part, measure)
        names = {"carrier": carrier, "attack": attack, "victim": victim, "y": style.ATTACKS[attack].label}
        names |= {"x": f"{carrier} · {victim}", "value": mean, "low": low, "high": high}
        cells.append(names | {"trainings": len(part)})
    return pd.DataFrame(cells)


def heat(cells: pd.DataFrame) -> tuple[Any, bm.ColumnDataSource]:
    """Return the heat map and its source, in the order of the cells."""
    across, up = list(dict.fromkeys(cells["x"])), list(dict.fromkeys(cells["y"]))[::-1]
    plot, squares = heat_map(cells, across, up, tools="tap,save", x_axis_location="above")
    tips = (("", "@y, @x"), ("mean", "@value{0.000} (@low{0.000} to @high{0.000})"), ("trainings", "@trainings"))
    plot.add_tools(hover(*tips, renderers=[squares]))
    plot.xaxis.major_label_orientation = 0.6
    return plot, squares.data_source


def cell_html(result: Result, cell: pd.Series, test: str) -> str:
    """Return what is behind a cell: numbers of each distillation, the released images and the trigger."""
    rows = result.tables["victims"]
    same = (rows[["carrier", "attack", "victim"]] == cell[["carrier", "attack", "victim"]]).all(axis=1)
    rows = rows[same & (rows["test"] == test)]
    keys = {"CTA": "cta", "ASR": "asr", "without a stamp": "null", "ASR, all": "asr_all"}
    head = "<tr><th>distillation</th>" + "".join(f"<th class='num'>{word}</th>" for word in keys) + "</tr>"
    body = "".join(
        f"<tr><td>{seed + 1} (victims: {len(part)})</td>"
        + "".join(f"<td class='num'>{cells(part[key])}</td>" for key in keys.values())
        + "</tr>"
        for seed, part in rows.groupby("seed")
    )
    text = f"<p><strong>{cell['y']}, {cell['x']}</strong></p><table style='max-width:620px'>{head}{body}</table>"
    short = f"{cell['carrier']}_{cell['attack']}"
    if (images := style.released(result, short)) is None:
        return text
    patch = np.asarray(result.arrays[f"patch_{short}"])[-1]
    width = min(300, 44 * images.shape[1])
    parts = [("released images", style.picture(tiled(images), width, "released images"))]
    parts.append(("trigger, cut to what can be shown", style.picture(style.visible(patch), 90, "trigger")))
    return text + style.framed(parts, 300)


def cells(values: pd.Series) -> str:
    """Return a mean and, of several victims, their standard deviation."""
    return f"{values.mean():.3f}" + (f" ± {values.std():.3f}" if len(values) > 1 else "")
