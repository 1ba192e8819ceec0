"""The trigger on its way: what it looks like, how far it leaves the range of pixels, whom it would have fooled."""

from __future__ import annotations

from typing import Any

import bokeh.models as bm
import numpy as np
import pandas as pd
import panel as pn
import panel_material_ui as pmui

from workbench.contract import Result
from workbench.labs.doorping.views import style
from workbench.ui.frame import below, flow, hover, pane, plain_figure, redraw_on_change, view
from workbench.ui.link import remember
from workbench.ui.palette import BLUE, GRAY, GREEN, ORANGE, VERMILLION
from workbench.ui.style import html

TILES = 24  # of the film strip


def has_renewals(result: Result) -> bool:
    """Return True if an attack of the run renews its trigger."""
    return bool((result.tables["trajectory"]["calls"] > 0).any())


def trigger_view(result: Result, link: Any = None) -> pn.Column:
    """Draw the arrays `patch_*` and the tables `trajectory` and `doors`."""
    rows = result.tables["trajectory"]
    pairs = rows.loc[rows["calls"] > 0, ["carrier", "attack"]].drop_duplicates()
    words = lambda carrier, attack: f"{style.ATTACKS[attack].label}, {style.CARRIERS.get(carrier, carrier)}"  # noqa: E731
    options = {words(c, a): f"{c}_{a}" for c, a in pairs.itertuples(index=False)}
    favorite = next((v for v in options.values() if v.endswith("_doorping")), next(iter(options.values())))
    which = pmui.Select(label="Trigger", options=options, value=favorite, width=360)
    seeds = sorted(int(v) for v in rows["seed"].unique())
    seed = pmui.Select(label="Distillation", options={str(v + 1): v for v in seeds}, value=0, width=130)
    remember(link, trigger=which, distillation=seed)
    return view(
        "The strip shows the trigger after each iteration, as much of it as a picture can hold. Below it, how far its "
        "pixels leave the range from black (0) to white (1): the shaded band is all that a file can store, and the "
        "released code never cuts it. Then what the driven unit says before and after a renewal, and how many images "
        "the final victim would take for the target with the trigger of that moment.",
        pn.FlexBox(which, seed, gap="4px 16px", align_items="center"),
        redraw_on_change(lambda name: html(strip(result, name)), which),
        redraw_on_change(lambda name, number: flow(*figures(result, name, number), width=330), which, seed),
    )


def strip(result: Result, name: str) -> str:
    """Return the triggers of the first distillation beside each other."""
    patches = np.asarray(result.arrays[f"patch_{name}"])  # (times, s, s, channels)
    places = np.unique(np.linspace(0, len(patches) - 1, TILES).astype(int))
    tiles = [(str(k), style.picture(style.visible(patches[k]), 44, f"trigger {k}")) for k in places]
    return style.framed(tiles, 44)


def figures(result: Result, name: str, seed: int) -> list[Any]:
    """Return the figures: range (first distillation), activations, and whom it would have fooled."""
    carrier, _, attack = name.partition("_")
    pick = lambda rows: rows[  # noqa: E731
        (rows["carrier"] == carrier) & (rows["attack"] == attack) & (rows["seed"] == seed)
    ]
    parts = [pane(ranges(np.asarray(result.arrays[f"patch_{name}"])))] if seed == 0 else []
    parts.append(pane(activations(pick(result.tables["trajectory"]))))
    doors = pick(result.tables["doors"]) if result.has("doors") else pd.DataFrame()
    if len(doors):
        parts.append(pane(opened(doors)))
    return parts


def ranges(patches: np.ndarray) -> Any:
    """Return lowest and highest pixel of each trigger, over the band of valid pixels."""
    flat = squeezed(patches.reshape(len(patches), -1))
    x = np.arange(len(flat))
    plot = plain_figure(260)
    ticks = [sign * 10**power for power in range(5) for sign in (-1, 1)] + [0]
    plot.yaxis.ticker = [float(squeezed(np.array(v))) for v in ticks]
    plot.yaxis.major_label_overrides = {float(squeezed(np.array(v))): f"{v:,}" for v in ticks}
    plot.add_layout(bm.BoxAnnotation(bottom=0, top=1, fill_color=GREEN, fill_alpha=0.25, line_color=None))
    plot.varea(x, flat.min(1), flat.max(1), color=VERMILLION, alpha=0.25)
    for values, words in ((flat.max(1), "brightest pixel"), (flat.min(1), "darkest pixel")):
        plot.line(
            x,
            values,
            color=VERMILLION,
            line_width=2,
            line_dash="solid" if "bright" in words else "dashed",
            legend_label=words,
        )
    plot.xaxis.axis_label, plot.yaxis.axis_label = "iteration", "pixel value (0 black, 1 white)"
    below(plot, 2)
    return plot


def squeezed(values: np.ndarray) -> np.ndarray:
    """Return values as they are up to 1 and by their logarithm beyond, so that the valid band can be seen at all.

    >>> squeezed(np.array([0.5, 1.0, -100.0])).tolist()
    [0.5, 1.0, -3.0]
    """
    size = np.abs(values)
    return np.where(size <= 1, values, np.sign(values) * (1 + np.log10(np.maximum(size, 1))))


def activations(rows: pd.DataFrame) -> Any:
    """Return the mean activation of the driven units before and after, and the renewals that were skipped."""
    source = bm.ColumnDataSource(rows.assign(skipped=rows["calls"] - rows["updated"]).fillna(np.nan))
    plot = plain_figure(260, y_axis_type="log")
    plot.segment("iteration", "before", "iteration", "after", source=source, color=GRAY, line_width=2)
    first = plot.scatter("iteration", "before", source=source, color=BLUE, size=7, legend_label="before")
    plot.scatter("iteration", "after", source=source, marker="triangle", color=ORANGE, size=8, legend_label="after")
    tips = (("iteration", "@iteration"), ("before, after", "@before{0.00}, @after{0.00}"), ("units", "@units"))
    plot.add_tools(hover(*tips, ("updated, skipped", "@updated, @skipped"), ("steps", "@steps"), renderers=[first]))
    plot.xaxis.axis_label, plot.yaxis.axis_label = "iteration", "activation of the driven units"
    total, skipped = int(rows["calls"].sum()), int((rows["calls"] - rows["updated"]).sum())
    plot.title.text = f"{total - skipped} renewals, {skipped} skipped"
    below(plot, 2)
    return plot


def opened(rows: pd.DataFrame) -> Any:
    """Return the success of every trigger of the way on the final victim."""
    source = bm.ColumnDataSource(rows)
    plot = plain_figure(260, y_range=(-0.02, 1.05))
    looks = (("asr as is", "as is", VERMILLION, "solid"), ("asr cut", "cut to valid pixels", BLUE, "dashed"))
    for key, words, color, dash in looks:
        plot.line("iteration", key, source=source, color=color, line_width=2, line_dash=dash, legend_label=words)
    dots = plot.scatter("iteration", "asr as is", source=source, color=VERMILLION, size=5)
    plot.line("iteration", "null", source=source, color=GRAY, line_width=2, legend_label="no stamp")
    tips = (("iteration", "@iteration"), ("as is", "@{asr as is}{0.000}"), ("cut", "@{asr cut}{0.000}"))
    plot.add_tools(hover(*tips, ("beyond the range", "@excess{0.0} widths"), renderers=[dots]))
    plot.xaxis.axis_label, plot.yaxis.axis_label = "trigger of iteration", "ASR on the first final victim"
    below(plot, 3)
    return plot
