"""From a result to its pictures, each drawn when its tab is opened. They read tables and compute nothing."""

from __future__ import annotations

from typing import Any

import holoviews as hv
import holoviews.plotting.bokeh  # noqa: F401 - the options below are Bokeh's
import panel as pn
import panel_material_ui as pmui

from workbench.contract import Result, Tab

SLIDERS = {  # label: range and start, in centimeters
    "Sepal length (cm)": (4.0, 8.0, 5.8),
    "Sepal width (cm)": (2.0, 4.5, 3.0),
    "Petal length (cm)": (1.0, 7.0, 4.3),
    "Petal width (cm)": (0.1, 2.5, 1.3),
}


def flowers(result: Result, link: Any) -> hv.Points:
    """Every flower by its petals, colored by species; the larger it is, the more often it was mistaken."""
    table = result.tables["flowers"].fillna({"mistaken": 0})
    table = table.assign(size=6 + 12 * table["mistaken"])
    axes = [("petal_length", "Petal length (cm)"), ("petal_width", "Petal width (cm)")]
    return hv.Points(table, axes, ["species", "mistaken", "size"]).opts(
        color="species",
        cmap="Category10",
        size="size",
        alpha=0.7,
        tools=["hover"],
        legend_position="top_left",
        responsive=True,
        height=400,
    )


def splits(result: Result, link: Any) -> hv.Overlay:
    """The accuracy of each split, and the line of guessing."""
    points = hv.Scatter(list(enumerate(result.samples["accuracy"])), "Split", "Accuracy (0–1)")
    line = hv.HLine(1 / 3).opts(color="gray", line_dash="dashed")
    return (points.opts(size=7) * line).opts(ylim=(0, 1.05), responsive=True, height=400)


def name_a_flower(result: Result, link: Any) -> pn.viewable.Viewable:
    """Four sliders, and the species that the run's centroids name."""
    if link is None:
        return pmui.Alert(object="Open this run in the workbench, and this picture answers.", severity="info")
    sliders = [
        pmui.FloatSlider(label=label, start=low, end=high, value=value, step=0.1)
        for label, (low, high, value) in SLIDERS.items()
    ]
    answer = pn.pane.Markdown("Asking …")

    def told(found: Result) -> None:
        rows = found.tables["answer"].itertuples(index=False)
        lines = [f"{species}: {distance:.2f} cm away" for species, distance in rows]
        answer.object = f"**{lines[0]}**\n\n" + "\n\n".join(lines[1:])

    def ask(*_: Any) -> None:
        request = {"flower": [slider.value for slider in sliders]}
        link.probe(request, told, lambda error: answer.param.update(object=str(error)), channel="flower")

    for slider in sliders:
        slider.param.watch(ask, "value")
    ask()
    return pn.FlexBox(pn.Column(*sliders), answer)  # on a phone one below the other


TABS = (
    Tab("Flowers", flowers, needs=("flowers",)),
    Tab("Splits", splits, when=lambda result: bool(result.samples.get("accuracy"))),
    Tab("Name a flower", name_a_flower),
)
