"""Shared style of this lab's pictures: the series of arms and modalities, a slice with something over it."""

from __future__ import annotations

import bokeh.models as bm
import numpy as np
import panel as pn
from bokeh.plotting import figure

from workbench.contract import Result
from workbench.labs.eam.params import ABLATIONS, ARMS
from workbench.ui import frame
from workbench.ui.palette import BLUE, ORANGE
from workbench.ui.plots.series import Series, SeriesTable

MODALITY = SeriesTable([Series("CT", "CT", BLUE, "circle"), Series("MR", "MR", ORANGE, "diamond")])
SERIES = SeriesTable.of((*ARMS, *ABLATIONS))


def arms_on(modality: str) -> SeriesTable:
    """Return the arms in the color and with the marker of a modality."""
    look = MODALITY[modality]
    return SeriesTable(Series(arm, arm, look.color, look.marker) for arm in SERIES)


OVER = (230, 159, 0)  # what lies over a slice: orange


def caution(result: Result) -> pn.pane.Markdown:
    """Return the notes on what is simulated and what is re-implemented."""
    told = [note for note in result.notes if note.startswith(("SIMULATED", "EAM here", "The layout", "Label values"))]
    return frame.paragraph(" ".join(told))


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
    plot = frame.plain_figure(300, "save", title=title, match_aspect=True, x_range=(0, x), y_range=(0, y * aspect))
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
