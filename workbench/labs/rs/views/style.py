"""Shared style of this lab's pictures: names and colors of the measures, the frame of a view, plot defaults."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import setitem
from typing import Any

import bokeh.models as bm
import holoviews as hv
import holoviews.plotting.bokeh  # noqa: F401 - registers the backend
import pandas as pd
import panel as pn

from workbench.ui.frame import flow as flow
from workbench.ui.frame import hover as hover
from workbench.ui.frame import paragraph as words
from workbench.ui.frame import plain
from workbench.ui.frame import plain_figure as plain_figure
from workbench.ui.palette import BLUE, GRAY, GREEN, ORANGE, PALETTE, PURPLE, SKY, VERMILLION, YELLOW

if hv.Store.current_backend != "bokeh":
    hv.Store.set_current_backend("bokeh")

MEASURES = {
    "rs": "RS",
    "rs_adj": "RS adjusted",
    "rs_local": "RS local",
    "rs_eps1": "RS, ε = 1",
    "dsi": "DSI",
    "n2": "1 − N2",
    "lsc": "1 − LSC",
    "density": "1 − Density",
    "gsi": "GSI = 1 − N3",
    "n1": "1 − N1",
    "clscoef": "1 − ClsCoef",
    "f1": "1 − F1",
}
HEADLINE = ("rs", "rs_adj", "dsi", "n2", "lsc", "density")
LOOK = {  # color and dash of a measure's line; the rest take gray and the dashes in turn
    "rs": (BLUE, "solid"),
    "rs_adj": (SKY, "dashed"),
    "dsi": (ORANGE, "solid"),
    "n2": (GREEN, "solid"),
    "lsc": (PURPLE, "solid"),
    "density": (VERMILLION, "solid"),
    "rs_local": (BLUE, "dotted"),
    "rs_eps1": (BLUE, "dashed"),
    "gsi": (GREEN, "dotted"),
    "n1": (GREEN, "dashed"),
    "clscoef": (VERMILLION, "dashed"),
    "f1": (GRAY, "solid"),
}
DASHES = ("solid", "dashed", "dotted", "dotdash")
CLASSIFIERS = {"lr": "LR", "svc": "SVC", "knn": "5-NN", "qda": "QDA", "mean": "mean of three"}

# One language in every picture: blue circle = coding rate, orange diamond = distances, green square = classifier.
FAMILY = {"coding rate": (BLUE, "circle"), "distances": (ORANGE, "diamond"), "classifier": (GREEN, "square")}


def look(index: int) -> tuple[str, str]:
    """Return color and marker of a category: no two of the first 49 are alike, and none is yellow, which vanishes."""
    colors = [c for c in PALETTE.classes if c != YELLOW]
    again, index = divmod(index, len(colors))  # the second time around each color gets another marker
    return colors[index], PALETTE.markers[(index + again) % len(PALETTE.markers)]


def label(key: str) -> str:
    """Return the words for a measure or classifier key."""
    return MEASURES.get(key) or CLASSIFIERS.get(key) or key


def family(key: str) -> str:
    """Return the family of a measure or classifier key: a key of `FAMILY`."""
    if key in CLASSIFIERS:
        return "classifier"
    return "coding rate" if key.startswith("rs") else "distances"


def ordered(keys: Iterable[str]) -> list[str]:
    """Return measure keys without doubles, RS first; unknown ones last."""
    keys = list(dict.fromkeys(keys))
    return [k for k in MEASURES if k in keys] + [k for k in keys if k not in MEASURES]


def columns(frame: pd.DataFrame) -> bm.ColumnDataSource:
    """Return a data source with the columns of the frame, without its index."""
    return bm.ColumnDataSource({str(name): frame[name].to_numpy() for name in frame})


def view(how_to_read: str, *content: Any) -> pn.Column:
    """Return a view: one plain sentence on how to read it, then its pictures."""
    return pn.Column(words(how_to_read), *content, sizing_mode="stretch_width")


def pane(plot: Any) -> pn.pane.HoloViews:
    """Return a HoloViews picture that takes the width it is given."""
    return pn.pane.HoloViews(plot, backend="bokeh", linked_axes=False, sizing_mode="stretch_width")


def frame_options(height: int = 340, legend: str | None = "bottom", columns: int = 3, **options: Any) -> dict[str, Any]:
    """Return the options of an overlay: responsive width, quiet frame, legend below the plot."""
    shown = {"legend_position": legend, "legend_cols": columns} if legend else {"show_legend": False}
    return {
        "responsive": True,
        "height": height,
        "show_grid": True,
        "toolbar": "above",
        "default_tools": ["box_zoom", "reset", "save"],
        "active_tools": [],
        "hooks": [_plain_hook],
        "padding": (0.02, 0.06),
        **shown,
        **options,
    }


def _plain_hook(plot: Any, _element: Any) -> None:
    plain(plot.state)
    for legend in plot.state.legend:
        legend.click_policy = "hide"
        legend.border_line_color = None
        legend.background_fill_alpha = 0
        legend.label_text_font_size = "12px"
        legend.margin = 4


def bare_legend(items: list[bm.LegendItem], click: str = "hide", columns: int = 5) -> bm.Legend:
    """Return a legend without a box, in as many columns as fit a phone."""
    return bm.Legend(
        items=items,
        location="left",
        orientation="horizontal",
        ncols=min(columns, len(items)),
        click_policy=click,
        border_line_color=None,
        background_fill_alpha=0,
        label_text_font_size="12px",
        margin=4,
        padding=2,
    )


def live(draw: Callable[..., Any], *widgets: Any) -> pn.Column:
    """Return the picture ``draw(*values)``, drawn again when a widget's value changes."""

    def update(*values: Any) -> Any:
        drawn = draw(*values)
        return pane(drawn) if isinstance(drawn, hv.core.Dimensioned) else drawn

    holder = pn.Column(update(*[w.value for w in widgets]), sizing_mode="stretch_width")
    for widget in widgets:
        widget.param.watch(lambda _: setitem(holder, 0, update(*[w.value for w in widgets])), "value")
    return holder


def line_with_band(
    rows: pd.DataFrame,
    x: hv.Dimension,
    column: str,
    name: str,
    color: str,
    dash: str = "solid",
    width: float = 2,
    marker: str = "",
) -> list[hv.Element]:
    """Return the mean over seeds as a line, with a band from the smallest to the largest."""
    if column not in rows or not rows[column].notna().any():
        return []
    stats = rows.groupby(x.name)[column].agg(["mean", "min", "max", "count"]).reset_index()
    value = hv.Dimension("mean", label="value")
    tool = hover(("", name), (x.label, f"@{x.name}"), ("mean", "@mean{0.000}"), ("seeds", "@count"))
    parts: list[hv.Element] = []
    if (stats["count"] > 1).any():
        area = hv.Area(stats, x, ["min", "max"], label=name)
        parts.append(area.opts(color=color, fill_alpha=0.18, line_alpha=0))
    curve = hv.Curve(stats, x, [value, "min", "max", "count"], label=name)
    parts.append(curve.opts(color=color, line_dash=dash, line_width=width, tools=[tool]))
    if marker:
        parts.append(hv.Scatter(stats, x, [value], label=name).opts(color=color, marker=marker, size=7))
    return parts
