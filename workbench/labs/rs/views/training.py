"""Separability inside a network: RS of every layer over the epochs, and RS as a loss."""

from __future__ import annotations

from typing import Any

import holoviews as hv
import pandas as pd
import panel as pn
import panel_material_ui as pmui

from workbench.contract import Result
from workbench.labs.rs.views import style
from workbench.ui.frame import hover, pane
from workbench.ui.link import remember
from workbench.ui.palette import GREEN, ORANGE
from workbench.ui.plots.charts import heat_map

EPOCH = hv.Dimension("epoch", label="epoch")
QUANTITIES = {"RS": "rs", "RS adjusted": "adjusted"}


def layers_view(result: Result, link: Any = None) -> pn.Column:
    """Draw the table `layers`."""
    table = result.tables["layers"]
    options = {words: key for words, key in QUANTITIES.items() if key in table}
    quantity = pmui.RadioButtonGroup(label="Quantity", options=options, value="rs", size="small", width=360)
    remember(link, quantity=quantity)
    names = list(table.sort_values("depth")["layer"].unique())

    def curves(quantity: str) -> hv.Overlay:
        parts = []
        for i, name in enumerate(names):
            rows = table[table["layer"] == name]
            color, marker = style.look(i)
            parts += style.line_with_band(
                rows, EPOCH, quantity, name, color, "dashed" if i == 0 else "solid", 2.5, marker
            )
        return hv.Overlay(parts).opts(**style.frame_options(380, ylabel=_words(quantity), title="by layer"))

    def heat(quantity: str) -> pn.pane.Bokeh:
        cells = table.groupby(["epoch", "layer"], sort=False)[quantity].mean().reset_index().sort_values("epoch")
        cells = pd.DataFrame({"x": cells["epoch"].astype(str), "y": cells["layer"], "value": cells[quantity]})
        low, high = float(cells["value"].min()), float(cells["value"].max())
        ends = {"low": low, "high": high if high > low else low + 1}
        look = {"height": 130 + 34 * len(names), "title": "layer by epoch", "text": False}
        plot, squares = heat_map(cells, list(dict.fromkeys(cells["x"])), names[::-1], **ends, **look)
        plot.add_tools(hover(("epoch", "@x"), ("layer", "@y"), (_words(quantity), "@text"), renderers=[squares]))
        plot.xaxis.axis_label = "epoch"
        return pane(plot)

    return style.view(
        "Each line is one layer: if the network pulls the classes apart, deeper layers rise above the input and keep "
        "rising while accuracy grows.",
        pn.FlexBox(quantity),
        style.flow(style.live(curves, quantity), style.pane(_accuracy(table)), width=360),
        style.live(heat, quantity),
        style.words("Bands: smallest to largest value over the seeds. The input does not change: it is the baseline."),
    )


def _words(quantity: str) -> str:
    return next(words for words, key in QUANTITIES.items() if key == quantity) + " (0–1)"


def _accuracy(table: pd.DataFrame) -> hv.Overlay:
    once = table.drop_duplicates(["seed", "epoch"])
    parts = style.line_with_band(once, EPOCH, "train_accuracy", "training", ORANGE, "dashed", 2.5)
    parts += style.line_with_band(once, EPOCH, "test_accuracy", "test", GREEN, "solid", 2.5)
    return hv.Overlay(parts).opts(**style.frame_options(380, ylabel="accuracy (0–1)", title="accuracy", ylim=(0, 1.02)))


def loss_view(result: Result, link: Any = None) -> pn.Column:
    """Draw the table `loss`."""
    table = result.tables["loss"]
    plots = []
    for column, words in (("test_accuracy", "test accuracy (0–1)"), ("rs", "RS of the last hidden layer (0–1)")):
        parts = []
        for i, (name, rows) in enumerate(table.groupby("objective", sort=False)):
            color, marker = style.look(i)
            parts += style.line_with_band(rows, EPOCH, column, str(name), color, style.DASHES[i % 4], 2.5, marker)
        plots.append(style.pane(hv.Overlay(parts).opts(**style.frame_options(360, ylabel=words))))
    return style.view(
        "The same network trained with cross entropy (CE) alone and with RS added: RS should rise faster; whether "
        "accuracy follows is the question, and overlapping bands mean no.",
        style.flow(*plots, width=360),
        style.words("An extra of ours, after the authors’ later work on radar; not a claim of this paper."),
    )
