"""The defenses: what each says of every attack, and how far it is from catching it."""

from __future__ import annotations

from typing import Any

import bokeh.models as bm
import numpy as np
import pandas as pd
import panel as pn
import panel_material_ui as pmui

from workbench.contract import Result
from workbench.labs.doorping.views import style
from workbench.ui.frame import below, flow, pane, plain_figure, redraw_on_change, table_pane, view
from workbench.ui.link import remember
from workbench.ui.palette import BLUE, GRAY, PALETTE, VERMILLION
from workbench.ui.style import html

DEFENSES = {  # words, what its score is
    "cleanse": ("Neural Cleanse", "anomaly index of the target class; above 2 it is flagged"),
    "scan": ("ABS-style scan", "how far one unit lifts a class above the median one; our limit 0.5"),
    "strip": ("STRIP", "stamped images found at 5 % false alarms; caught if more than half"),
    "prune": ("Fine-pruning", "success left when pruning begins to cost 4 points of accuracy; caught if below half"),
    "spectral": ("Spectral signatures", "AUC by which synthetic images of the target class stand out; our limit 0.9"),
    "clusters": ("Activation clustering", "silhouette of the target class; caught if it alone has a small part apart"),
    "forest": ("Isolation forest", "AUC by which synthetic images of the target class stand out; our limit 0.9"),
    "range": ("Range of pixels (ours)", "share of a stamped image's pixels beyond black and white"),
}


def defenses_view(result: Result, link: Any = None) -> pn.Column:
    """Draw the tables `defenses`, `cleansed`, `pruning` and `rocs`."""
    rows = result.tables["defenses"]
    carriers = {style.CARRIERS.get(c, c): c for c in rows["carrier"].unique()}
    carrier = pmui.Select(label="Distilled by", options=carriers, value=next(iter(carriers.values())), width=220)
    attacks = {style.ATTACKS[a].label: a for a in rows["attack"].unique()}
    attack = pmui.Select(label="Attack", options=attacks, value=list(attacks.values())[-1], width=230)
    remember(link, carrier=carrier, attack=attack)
    names = rows["defense"].unique()
    return view(
        "In how many distillations each defense catches the attack, and its mean score. The row of the clean set tells "
        "its false alarms: a defense that flags what was never poisoned is of no use. And it does not fail where there "
        "is no back door to find: mind the success rates in *Ladder*.",
        pn.FlexBox(carrier, attack, gap="4px 16px", align_items="center"),
        redraw_on_change(lambda name: table_pane(caught(rows[rows["carrier"] == name]), wrap=True), carrier),
        redraw_on_change(lambda name, who: flow(*figures(result, name, who), width=330), carrier, attack),
        html("<ul class='small'>" + "".join(f"<li>{DEFENSES[n][0]}: {DEFENSES[n][1]}.</li>" for n in names) + "</ul>"),
    )


def caught(rows: pd.DataFrame) -> pd.DataFrame:
    """Return a table of texts: a row an attack, a column a defense."""
    lines = []
    for attack, part in rows.groupby("attack", sort=False):
        line = {"attack": style.ATTACKS[attack].label}
        for name, own in part.groupby("defense", sort=False):
            score = own["score"].astype(float).mean()
            told = f"{score:.2f}" if np.isfinite(score) else "–"
            line[DEFENSES[name][0]] = f"{int(own['caught'].sum())} of {len(own)} ({told})"
        lines.append(line)
    seconds = {DEFENSES[name][0]: f"{own['seconds'].mean():.1f} s" for name, own in rows.groupby("defense", sort=False)}
    return pd.DataFrame([*lines, {"attack": "cost of a look"} | seconds]).fillna("–")


def figures(result: Result, carrier: str, attack: str) -> list[Any]:
    """Return the figures that the run has numbers for."""

    def pick(name: str) -> pd.DataFrame:
        rows = result.tables[name] if result.has(name) else pd.DataFrame({"carrier": [], "attack": []})
        return rows[(rows["carrier"] == carrier) & (rows["attack"] == attack)]

    parts: list[Any] = []
    if len(rows := pick("cleansed")):
        parts.append(pane(norms(rows, [str(c) for c in result.tables["card"]["class"]])))
        parts += masks(result, f"mask_{carrier}_{attack}")
    if len(rows := pick("pruning")):
        parts.append(pane(pruning(rows)))
    if len(rows := pick("rocs")):
        parts.append(pane(rocs(rows)))
    return parts


def norms(rows: pd.DataFrame, classes: list[str]) -> Any:
    """Return how large a mask each class needs, the flagged ones marked."""
    mean = rows.groupby("class").agg(norm=("norm", "mean"), index=("index", "mean"), flagged=("flagged", "sum"))
    color = [VERMILLION if n else GRAY for n in mean["flagged"]]
    names = [classes[c] for c in mean.index]
    plot = plain_figure(280, "save", x_range=names, title="Neural Cleanse: size of the least mask")
    data = {"name": names, "color": color} | mean.to_dict("list")
    bars = plot.vbar("name", 0.7, "norm", source=bm.ColumnDataSource(data), color="color")
    tips = [("", "@name"), ("mask", "@norm{0.0} pixels"), ("anomaly index", "@index{0.0}"), ("flagged in", "@flagged")]
    plot.add_tools(bm.HoverTool(tooltips=tips, renderers=[bars], visible=False))
    plot.yaxis.axis_label = "L1 norm, pixels"
    plot.xaxis.major_label_orientation = 0.8
    plot.y_range.start = 0
    return plot


def masks(result: Result, name: str) -> list[Any]:
    """Return the masks of all classes as pictures (first distillation)."""
    if name not in result.arrays:
        return []
    classes = result.tables["card"]["class"]
    shown = [
        (words, style.picture(one[..., None], 60, f"mask of {words}"))
        for words, one in zip(classes, np.asarray(result.arrays[name]), strict=True)
    ]
    return [html("<p class='small'>Masks that Neural Cleanse found</p>" + style.framed(shown, 60))]


def pruning(rows: pd.DataFrame) -> Any:
    """Return accuracy and success against the units pruned, one line a distillation."""
    plot = plain_figure(280, "save", y_range=(-0.02, 1.05), title="Fine-pruning")
    for _, part in rows.groupby("seed"):
        plot.line(part["pruned"], part["cta"], color=GRAY, line_width=2, line_dash="dashed", legend_label="CTA")
        plot.line(part["pruned"], part["asr"], color=VERMILLION, line_width=2, legend_label="ASR")
        plot.line(part["pruned"], part["null"], color=BLUE, line_width=2, line_dash="dotted", legend_label="no stamp")
    plot.xaxis.axis_label, plot.yaxis.axis_label = "units pruned", "share of test images"
    below(plot, 3)
    return plot


def rocs(rows: pd.DataFrame) -> Any:
    """Return the ROC of each defense that scores images (first distillation)."""
    plot = plain_figure(280, "save", x_range=(0, 1), y_range=(0, 1.02), title="ROC (first distillation)")
    plot.line([0, 1], [0, 1], color=GRAY, line_dash="dotted")
    for number, (name, part) in enumerate(rows.groupby("defense", sort=False)):
        look = {"color": PALETTE.color(number), "line_dash": ("solid", "dashed", "dotdash")[number % 3]}
        plot.line(part["false"], part["true"], line_width=2, legend_label=DEFENSES[name][0], **look)
    plot.xaxis.axis_label, plot.yaxis.axis_label = "false alarms", "found"
    below(plot, 3)
    return plot
