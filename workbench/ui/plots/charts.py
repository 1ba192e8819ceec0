"""Charts that several labs draw: learning curves, a forest plot, a heat map."""

from __future__ import annotations

from typing import Any

import bokeh.models as bm
import bokeh.palettes
import numpy as np
import pandas as pd
from bokeh.plotting import figure

from workbench.ui.frame import below, hover, plain_figure
from workbench.ui.plots.series import SeriesTable

MARKS = 8  # markers on a learning curve, so that color is not its only sign


def learning_curves(
    rows: pd.DataFrame,
    value: str,
    by: str,
    series: SeriesTable,
    *,
    step: str = "step",
    repeats: str = "",
    log: bool = False,
    columns: int = 2,
    height: int = 380,
    xlabel: str = "training step",
    ylabel: str = "",
    **options: Any,
) -> figure:
    """Return a quantity over the steps of a training: for each series the mean of its rows at a step.

    Parameters
    ----------
    rows
        With the columns `step`, `value` and `by`; rows without a value are left out.
    value
        The column that is drawn.
    by
        The column that names the series.
    series
        How they are drawn.
    repeats
        A column (the seed, say) of whose values each gets a thin line of its own besides; none if it has only one.
    log
        Whether the vertical axis is logarithmic; values of 0 and less are left out then.
    columns
        Of the legend below.
    options
        Of the figure.
    """
    plot = plain_figure(height, "box_zoom,reset,save", y_axis_type="log" if log else "linear", **options)
    rows = rows[rows[value].notna() & ((rows[value] > 0) | (not log))]
    for one in series.among(rows[by]):
        own = rows[rows[by] == one.name]
        for _, single in own.groupby(repeats) if repeats and own[repeats].nunique() > 1 else ():
            plot.line(single[step].to_numpy(), single[value].to_numpy(), color=one.color, alpha=0.35)
        mean = own.groupby(step)[value].mean()
        at = mean.iloc[:: max(1, len(mean) // MARKS)]
        look = {"color": one.color, "legend_label": one.label}
        line = plot.line(mean.index.to_numpy(), mean.to_numpy(), line_width=2.2, line_dash=one.dash, **look)
        plot.scatter(at.index.to_numpy(), at.to_numpy(), size=8, marker=one.marker, **look)
        plot.add_tools(hover(("", one.label), (xlabel, "@x"), ("mean", "@y{0.0000}"), renderers=[line]))
    plot.xaxis.axis_label, plot.yaxis.axis_label = xlabel, ylabel
    if plot.legend:
        below(plot, columns)
    return plot


def forest(
    rows: pd.DataFrame,
    series: SeriesTable,
    *,
    xlabel: str,
    points: pd.DataFrame | None = None,
    tips: tuple[tuple[str, str], ...] = (),
    digits: int = 3,
    **options: Any,
) -> figure:
    """Return a row a series, the first one on top: its mean as a mark, its 95 % interval as a line.

    Parameters
    ----------
    rows
        In the order in which they are shown: ``name`` of the series, ``mean``, ``low`` and ``high`` (NaN: no interval),
        and what else `tips` tell.
    series
        How they are drawn.
    xlabel
        What is measured, with its unit.
    points
        Single values, drawn as small dots below the mean: ``name``, ``value``, and ``tip``, which says what each is.
    tips
        More lines of the hover box: (words, Bokeh field).
    digits
        Decimals in the hover boxes.
    options
        Of the figure.
    """
    shown = [series[name] for name in rows["name"]]
    plot = plain_figure(100 + 38 * len(rows), "save", y_range=[one.label for one in reversed(shown)], **options)
    looks = {"label": [s.label for s in shown], "color": [s.color for s in shown], "marker": [s.marker for s in shown]}
    source = bm.ColumnDataSource({str(key): rows[key].to_numpy() for key in rows} | looks)
    plot.segment("low", "label", "high", "label", source=source, color="color", line_width=3, alpha=0.6)
    marks = plot.scatter("mean", "label", source=source, size=12, color="color", marker="marker")
    number = "{0." + "0" * digits + "}"
    lines = ("", "@label"), ("mean", f"@mean{number}"), ("95 %", f"@low{number} to @high{number}"), *tips
    plot.add_tools(hover(*lines, renderers=[marks]))
    if points is not None and len(points):
        plot.add_tools(_points(plot, points, series, number))
    plot.xaxis.axis_label = xlabel
    return plot


def _points(plot: figure, points: pd.DataFrame, series: SeriesTable, number: str) -> bm.HoverTool:
    """Draw single values below the marks of a forest plot; return the tool that tells of each."""
    places, colors = [], []
    for name, own in points.groupby("name", sort=False):
        places += [(series[name].label, float(shift)) for shift in np.linspace(-0.25, -0.1, len(own))]
        colors += [series[name].color] * len(own)
    ordered = pd.concat([own for _, own in points.groupby("name", sort=False)])
    data = {"x": ordered["value"].to_numpy(float), "y": places, "color": colors, "tip": ordered["tip"].tolist()}
    dots = plot.scatter("x", "y", source=bm.ColumnDataSource(data), size=6, color="color", alpha=0.5)
    return hover(("", "@tip"), ("", f"@x{number}"), renderers=[dots])


def heat_map(
    cells: pd.DataFrame,
    across: list[str],
    up: list[str],
    *,
    low: float = 0.0,
    high: float = 1.0,
    palette: tuple[str, ...] = bokeh.palettes.Cividis256,
    digits: int = 2,
    text: bool = True,
    tools: str = "save",
    **options: Any,
) -> tuple[figure, bm.GlyphRenderer]:
    """Return a figure of colored cells with their numbers, and the cells, for a hover box or a click.

    Parameters
    ----------
    cells
        A row a cell: texts ``x`` and ``y``, number ``value`` (NaN: no color, a dash), and what else a hover box tells.
    across, up
        All texts of either axis, in their order; up begins at the bottom.
    low, high
        The values at the ends of the palette.
    palette
        Colors from `low` to `high`.
    digits
        Decimals of the numbers.
    text
        Whether the numbers stand in the cells; without them a color bar says what the colors mean.
    tools, options
        Of the figure.
    """
    value = cells["value"].to_numpy(float)
    ink, written = _inks(value, low, high, palette), [_number(v, digits) for v in value]
    source = bm.ColumnDataSource({str(key): cells[key].to_numpy() for key in cells} | {"text": written, "ink": ink})
    plot = plain_figure(options.pop("height", 120 + 40 * len(up)), tools, x_range=across, y_range=up, **options)
    colors = bm.LinearColorMapper(palette, low=low, high=high, nan_color="rgba(0, 0, 0, 0)")
    fill = {"field": "value", "transform": colors}
    look = {"fill_color": fill, "line_color": None, "nonselection_alpha": 0.8}
    squares = plot.rect("x", "y", 0.98, 0.96, source=source, **look)
    if text:
        look = {"text_align": "center", "text_baseline": "middle", "text_color": "ink", "text_font_size": "12px"}
        plot.text("x", "y", "text", source=source, nonselection_text_alpha=1, **look)
    else:
        plot.add_layout(bm.ColorBar(color_mapper=colors, width=12), "right")
    plot.grid.grid_line_color = None
    plot.min_border_right = 56  # or the last slanted title has no room
    return plot, squares


def _number(value: float, digits: int) -> str:
    text = f"{value:.{digits}f}" if np.isfinite(value) else "–"
    return text.removeprefix("-") if not text.strip("-0.") else text


def _inks(value: np.ndarray, low: float, high: float, palette: tuple[str, ...]) -> list[str]:
    """Return for each value the ink that can be read on its color: black on bright, white on dark, gray on none."""
    luminance = np.array([_luminance(color) for color in palette])
    share = np.clip((np.nan_to_num(value) - low) / (high - low if high > low else 1.0), 0, 1)
    bright = luminance[np.minimum((share * len(palette)).astype(int), len(palette) - 1)] > 0.5
    return ["gray" if not np.isfinite(v) else "black" if b else "white" for v, b in zip(value, bright, strict=True)]


def _luminance(color: str) -> float:
    """Return how bright ``#rrggbb`` is to the eye, from 0 to 1."""
    red, green, blue = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return 0.299 * red + 0.587 * green + 0.114 * blue
