"""Class representations in CT and in MR: correlations, principal components, attention."""

from __future__ import annotations

from typing import Any

import bokeh.models as bm
import numpy as np
import pandas as pd
import panel as pn
import panel_material_ui as pmui
from bokeh.palettes import PuOr
from bokeh.plotting import figure

from workbench.contract import Result
from workbench.labs.eam.params import MODALITIES
from workbench.labs.eam.views import style
from workbench.toolkit.cases import stored_cases
from workbench.ui import frame
from workbench.ui.link import remember
from workbench.ui.palette import PALETTE
from workbench.ui.plots.charts import heat_map

BACKGROUND = "background"


def classes_of(result: Result) -> list[str]:
    """Return the classes of a result, the background first."""
    return [BACKGROUND, *dict.fromkeys(result.tables["scores"]["organ"])]


def sources(result: Result, link: Any) -> pmui.Select:
    """Return the choice of an arm, a source and a scale: a row of the table `alignment`."""
    rows = result.tables["alignment"]
    options = {
        f"{r.arm}: {'modules' if r.source.startswith('rep') else 'features'}, scale {r.scale + 1}": i
        for i, r in enumerate(rows.itertuples())
    }
    start = max(options.values())
    for i, row in enumerate(rows.itertuples()):
        if row.source.startswith("rep") and row.scale == 0:
            start = i
    chosen = pmui.Select(label="Arm and source", options=options, value=start, width=290)
    remember(link, source=chosen)
    return chosen


def correlations_view(result: Result, link: Any = None) -> pn.Column:
    """Draw R of CT and of MR, and their difference."""
    names, matrices = classes_of(result), result.arrays["correlations"]
    chosen = sources(result, link)

    def draw(i: int) -> pn.Column:
        ct, mr = matrices[i].astype(float)
        row = result.tables["alignment"].iloc[i]
        plots = [
            frame.pane(cosines(m, names, title)) for m, title in ((ct, "R, CT"), (mr, "R, MR"), (ct - mr, "CT − MR"))
        ]
        text = (
            f"Mean |R(CT) − R(MR)| = **{row['gap']:.3f}**; a class in CT against the same class in MR, mean cosine "
            f"**{row['same']:.3f}**; mean off-diagonal **{row['off']:.3f}**"
            + (": nearly all classes are alike here, so a small difference means little." if row["off"] > 0.9 else ".")
        )
        return pn.Column(frame.paragraph(text), frame.flow(*plots, width=240), sizing_mode="stretch_width")

    return frame.view(
        "Cosines between the mean representations of the classes, over test images: -1 to 1. *Structured semantic "
        "consistency* means that the two left matrices are alike. *Modules*: their Z; "
        "*features*: means over the pixels of a class in the network alone, which can be compared with "
        "*joint*. First seed, first number of annotated subjects.",
        pn.FlexBox(chosen),
        frame.redraw_on_change(draw, chosen),
        style.caution(result),
    )


def cosines(matrix: np.ndarray, names: list[str], title: str) -> figure:
    """Return the heat map of a matrix (K, K) of values from -1 to 1."""
    across, down = np.meshgrid(names, names)
    cells = pd.DataFrame({"x": across.ravel(), "y": down.ravel(), "value": matrix.ravel()})
    plot, squares = heat_map(cells, names, names[::-1], low=-1, palette=PuOr[11], height=330, title=title)
    plot.add_tools(frame.hover(("", "@y and @x"), ("", "@text"), renderers=[squares]))
    plot.xaxis.major_label_orientation = 0.8
    return plot


def representations_view(result: Result, link: Any = None) -> pn.Column:
    """Draw class representations of test images on two principal components."""
    chosen = sources(result, link)
    table, names = result.tables["points"], classes_of(result)

    def draw(i: int) -> pn.pane.Bokeh:
        row = result.tables["alignment"].iloc[i]
        own = table[
            (table["arm"] == row["arm"]) & (table["source"] == row["source"]) & (table["scale"] == row["scale"])
        ]
        plot = frame.plain_figure(460, "box_zoom,reset,save")
        dots = []
        for k, name in enumerate(names):
            for modality in MODALITIES:
                part = own[(own["organ"] == name) & (own["modality"] == modality)]
                if part.empty:
                    continue
                source = bm.ColumnDataSource(part[["x", "y", "organ", "modality", "subject"]].to_dict("list"))
                color = PALETTE.quiet if name == BACKGROUND else PALETTE.color(k - 1)
                look = {"fill_alpha": 0.75 if modality == "CT" else 0.0, "line_width": 1.6}
                dots.append(
                    plot.scatter(
                        "x",
                        "y",
                        source=source,
                        size=8,
                        color=color,
                        marker=style.MODALITY[modality].marker,
                        legend_label=f"{name}, {modality}",
                        **look,
                    )  # fmt: skip
                )
        plot.add_tools(frame.hover(("", "@organ, @modality"), ("", "@subject"), renderers=dots))
        plot.xaxis.axis_label, plot.yaxis.axis_label = "first principal component", "second principal component"
        if dots:
            frame.below(plot, 2)
        return frame.pane(plot)

    return frame.view(
        "A mark is a class in a test slice; its color says which class, its shape which modality (CT filled circle, MR "
        "open diamond). Consistent knowledge puts the two shapes of a color together and the colors apart. Axes are "
        "principal components (PCA): what they leave out is not seen.",
        pn.FlexBox(chosen),
        frame.redraw_on_change(draw, chosen),
        style.caution(result),
    )


def attention_view(result: Result, link: Any = None) -> pn.Column:
    """Draw where the module sees a class, over a slice of a test subject of each modality."""
    names = classes_of(result)
    cases = {name: arrays for name, arrays in stored_cases(result).items() if "attention 0" in arrays}
    scales = sorted(k for k in next(iter(cases.values())) if k.startswith("attention "))
    organ = pmui.Select(label="Class", options=names, value=names[1], width=180)
    scale = pmui.Select(
        label="Module", options={f"scale {i + 1}": key for i, key in enumerate(scales)}, value=scales[-1], width=140
    )
    depth = min(arrays["image"].shape[2] for arrays in cases.values())
    z = pmui.IntSlider(label="Slice", start=1, end=max(depth, 2), value=depth // 2 + 1, width=220)
    remember(link, organ=organ, scale=scale, z=z)

    def draw(organ: str, scale: str, z: int) -> pn.FlexBox:
        k = names.index(organ)
        plots = []
        for name, arrays in cases.items():
            at = min(z - 1, arrays["image"].shape[2] - 1)
            image = arrays["values"][:, :, at].astype(np.float32)
            over = grown(arrays[scale][k], arrays["image"].shape)[:, :, at]
            plots.append(frame.pane(style.slice_figure(image, over, name, None, pixel_aspect(arrays["affine"]))))
        return frame.flow(*plots, width=300)

    return frame.view(
        "The share that the external module gives to a class in every token, asked in the words of the image's own "
        "modality; a block is a token. The module is thrown away after training: no prediction uses this.",
        pn.FlexBox(organ, scale, z),
        frame.redraw_on_change(draw, organ, scale, z),
        style.caution(result),
    )


def grown(share: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return shares of tokens (h, w, S) in the pixels of slices (X, Y, S): one block a token, not smoothed."""
    x, y = (a // b for a, b in zip(shape, share.shape[:2], strict=False))
    return np.repeat(np.repeat(share.astype(np.float32), x, axis=0), y, axis=1)


def pixel_aspect(affine: np.ndarray) -> float:
    """Return the height of a pixel over its width."""
    step = np.linalg.norm(affine[:3, :3], axis=0)
    return float(step[1] / step[0])
