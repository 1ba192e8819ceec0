"""The frame of a lab's view: readable text width, side-by-side pictures, plain figures."""

from __future__ import annotations

from collections.abc import Callable
from operator import setitem
from typing import Any

import bokeh.models as bm
import pandas as pd
import panel as pn
import panel_material_ui as pmui
from bokeh.plotting import figure


def paragraph(text: str, margin: tuple[int, int] = (0, 5)) -> pn.pane.Markdown:
    """Return a paragraph that is narrow enough to read, in Markdown; HTML in it stands for itself.

    Its text may hold names out of a file.
    """
    look = {"sizing_mode": "stretch_width", "styles": {"max-width": "75ch"}, "margin": margin}
    return pn.pane.Markdown(text, renderer_options={"html": False}, **look)


def flow(*items: Any, width: int = 320) -> pn.Row:
    """Lay pictures beside each other where there is room for `width` pixels each, else below each other.

    A row that wraps, and no FlexBox: figures inside of one stay blank when they change before they are drawn.
    """
    for item in items:
        item.styles = {**item.styles, "flex": f"1 1 {width}px", "min-width": "min(100%, 280px)"}
    look = {"flex-wrap": "wrap", "gap": "12px", "align-items": "flex-start", "max-height": "none"}
    return pn.Row(*items, sizing_mode="stretch_width", styles=look)


def plain_figure(height: int = 340, tools: str = "box_zoom,reset,save", **options: Any) -> figure:
    """Return an empty Bokeh figure without decoration; a finger on it scrolls the page."""
    plot = figure(height=height, sizing_mode="stretch_width", tools=tools, toolbar_location="above", **options)
    plain(plot)
    return plot


def plain(plot: figure) -> None:
    """Take the decoration out of a figure, and let a finger on it scroll the page."""
    plot.toolbar.logo = None
    plot.toolbar.autohide = True
    plot.toolbar.active_drag = None
    plot.outline_line_color = None
    plot.xgrid.grid_line_alpha = plot.ygrid.grid_line_alpha = 0.4
    plot.axis.minor_tick_line_color = None
    plot.axis.axis_label_text_font_style = "normal"


def view(how_to_read: str, *content: Any) -> pn.Column:
    """Return a view: one plain sentence on how to read it, then its pictures."""
    return pn.Column(paragraph(how_to_read), *content, sizing_mode="stretch_width", styles={"max-height": "none"})


def needs_page(how_to_read: str, who: str) -> pn.Column:
    """Return a view that asks, where there is nobody to ask: a report, a page without its run; and who would answer."""
    why = (
        "This page is a record, so there is nobody to ask. Open the run in the workbench (`workbench serve`) or in a "
        f"notebook (`workbench.open_run(id).views()`), and {who}."
    )
    return view(how_to_read, pmui.Alert(object=why, severity="info", sizing_mode="stretch_width"))


TABLE = """
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { padding: 4px 9px; text-align: right; border-bottom: 1px solid var(--mui-palette-divider, #8884); }
td:first-child, th:first-child { text-align: left; white-space: nowrap; }
thead th { font-weight: 500; vertical-align: bottom; }
"""
WHOLE = "th, td { white-space: nowrap; }"


def table_pane(table: pd.DataFrame, wrap: bool = False) -> pn.Column:
    """Return a table of texts that scrolls sideways where it is narrow; cells but the first may `wrap`."""
    html = table.to_html(index=False, border=0, justify="right")
    inner = pn.pane.HTML(html, stylesheets=[TABLE if wrap else TABLE + WHOLE], sizing_mode="stretch_width")
    return pn.Column(inner, sizing_mode="stretch_width", styles={"overflow-x": "auto", "max-height": "none"})


def pane(plot: figure) -> pn.pane.Bokeh:
    """Return a Bokeh picture that takes the width it is given."""
    return pn.pane.Bokeh(plot, sizing_mode="stretch_width")


def below(plot: figure, columns: int = 3) -> None:
    """Put a figure's legend under it, without a box; a click hides what it names."""
    legend = plot.legend[0]
    legend.update(
        click_policy="hide",
        border_line_color=None,
        background_fill_alpha=0,
        label_text_font_size="12px",
        ncols=columns,
        margin=4,
        padding=2,
    )
    plot.add_layout(legend, "below")


def hover(*pairs: tuple[str, str], **options: Any) -> bm.HoverTool:
    """Return a hover box with these (words, Bokeh field) lines."""
    return bm.HoverTool(tooltips=list(pairs), visible=False, **options)


def redraw_on_change(draw: Callable[..., Any], *widgets: Any) -> pn.Column:
    """Return what ``draw(*values)`` makes, made again when a widget's value changes."""
    holder = pn.Column(
        draw(*[w.value for w in widgets]), sizing_mode="stretch_width", styles={"max-height": "none"}, margin=0
    )
    for widget in widgets:
        widget.param.watch(lambda _: setitem(holder, 0, draw(*[w.value for w in widgets])), "value")
    return holder
