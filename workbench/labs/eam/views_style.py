"""What the pictures of this lab share: the frame of a view, colors of arms, a slice with something over it."""

from __future__ import annotations

from collections.abc import Iterable

import bokeh.models as bm
import numpy as np
import pandas as pd
import panel as pn
from bokeh.plotting import figure

from workbench.labs.eam.params import ABLATIONS, ARMS
from workbench.result import Result
from workbench.ui.frame import below as below
from workbench.ui.frame import flow as flow
from workbench.ui.frame import hover as hover
from workbench.ui.frame import live as live
from workbench.ui.frame import pane as pane
from workbench.ui.frame import plain_figure as plain_figure
from workbench.ui.frame import view as view
from workbench.ui.frame import words as words
from workbench.ui.palette import BLUE, ORANGE, PALETTE

LOOK = {"CT": (BLUE, "circle"), "MR": (ORANGE, "diamond")}
OVER = (230, 159, 0)  # what lies over a slice: orange
TABLE = """
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { padding: 4px 9px; text-align: right; white-space: nowrap; }
th, td { border-bottom: 1px solid var(--mui-palette-divider, #8884); }
td:first-child, th:first-child { text-align: left; }
thead th { font-weight: 500; vertical-align: bottom; }
"""


def table_pane(table: pd.DataFrame) -> pn.Column:
    """Return a table of texts that scrolls sideways where it is narrow."""
    html = table.to_html(index=False, border=0, justify="right")
    inner = pn.pane.HTML(html, stylesheets=[TABLE], sizing_mode="stretch_width")
    return pn.Column(inner, sizing_mode="stretch_width", styles={"overflow-x": "auto", "max-height": "none"})


def caution(result: Result) -> pn.pane.Markdown:
    """Return the notes on what is simulated and what is re-implemented."""
    told = [note for note in result.notes if note.startswith(("SIMULATED", "EAM here", "The layout", "Label values"))]
    return words(" ".join(told))


def arms_in(found: Iterable[str]) -> list[str]:
    """Return the arms of a result in their own order."""
    there = set(found)
    return [arm for arm in (*ARMS, *ABLATIONS) if arm in there]


def arm_look(arm: str) -> tuple[str, str]:
    """Return color and marker of an arm, the same everywhere."""
    order = (*ARMS, *ABLATIONS)
    i = order.index(arm) if arm in order else 0
    return PALETTE.color(i), PALETTE.marker(i)


def slice_figure(
    image: np.ndarray, over: np.ndarray | None, title: str, at: tuple[float, float] | None = None, aspect: float = 1.0
) -> figure:
    """Return a slice (X, Y) in gray as a radiologist sees it, right on the left, with shares (X, Y) in orange over it.

    Parameters
    ----------
    image, over
        In RAS.
    at
        Pixel to mark.
    aspect
        Height of a pixel over its width.
    """
    x, y = image.shape
    plot = plain_figure(300, "save", title=title, match_aspect=True, x_range=(0, x), y_range=(0, y * aspect))
    plot.aspect_ratio = x / (y * aspect)
    plot.height, plot.max_width = None, 460
    plot.sizing_mode = "scale_width"
    where = {"x": 0, "y": 0, "dw": x, "dh": y * aspect}
    gray = bm.LinearColorMapper("Greys256", low=float(image.min()), high=float(image.max()) or 1.0)
    plot.image([image.T[:, ::-1].astype(np.float32)], color_mapper=gray, **where)
    if over is not None:
        rgba = np.zeros((y, x, 4), np.uint8)
        rgba[..., :3] = OVER
        rgba[..., 3] = np.clip(over.T[:, ::-1] * 190, 0, 255).astype(np.uint8)
        plot.image_rgba([rgba.view(np.uint32)[..., 0]], **where)
    if at is not None:
        plot.scatter(
            [x - at[0] - 0.5], [(at[1] + 0.5) * aspect], marker="cross", size=18, color="#56B4E9", line_width=2
        )
    plot.axis.visible = False
    plot.grid.visible = False
    return plot
