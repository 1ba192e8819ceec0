"""Sets that get harder step by step, one knob at a time (study S2)."""

from __future__ import annotations

from typing import Any

import holoviews as hv
import panel as pn
import panel_material_ui as pmui

from workbench.contract import Result
from workbench.labs.rs.views import style
from workbench.ui.link import remember
from workbench.ui.palette import GRAY

LEVELS = {
    "std": "standard deviation of each class (means 10 apart)",
    "distance": "distance of the means (standard deviations)",
    "classes": "number of classes K",
}
FAMILIES = {"std": "wider", "distance": "farther apart", "classes": "more classes"}
ACCURACIES = (("lr", "dashed", "circle"), ("svc", "dotted", "square"), ("knn", "dotdash", "triangle"))


def graded_view(result: Result, link: Any = None) -> pn.Column:
    """Draw the table `graded` (study S2)."""
    table = result.tables["graded"]
    families = [f for f in FAMILIES if f in set(table["family"])] or list(table["family"].unique())
    family = pmui.RadioButtonGroup(
        label="What is varied",
        options={FAMILIES.get(f, f): f for f in families},
        value=families[0],
        size="small",
        width=360,
    )
    keys = style.ordered(table["measure"])
    chosen = pmui.MultiChoice(
        label="Measures",
        options={style.label(k): k for k in keys},
        value=[k for k in style.HEADLINE if k in keys],
        sizing_mode="stretch_width",
    )

    remember(link, family=family, measures=chosen)

    def draw(family: str, chosen: list[str]) -> hv.Overlay:
        rows = table[table["family"] == family]
        level = hv.Dimension("level", label=LEVELS.get(family, family))
        parts = []
        for key in [k for k in keys if k in chosen]:
            color, dash = style.LOOK.get(key, (GRAY, "dotdash"))
            width = 4 if key == "rs" else 2
            parts += style.line_with_band(
                rows[rows["measure"] == key], level, "value", style.label(key), color, dash, width
            )
        once = rows.drop_duplicates(["level", "seed"])
        for key, dash, marker in (
            ("lr", "dashed", "circle"),
            ("svc", "dotted", "square"),
            ("knn", "dotdash", "triangle"),
        ):
            parts += style.line_with_band(once, level, key, f"accuracy {style.label(key)}", GRAY, dash, 2, marker)
        title = {"ylim": (-0.02, 1.05), "ylabel": "value, accuracy (0–1)"}
        return hv.Overlay(parts).opts(**style.frame_options(420, **title))

    return style.view(
        "The sets get harder (or easier) step by step: a good measure goes the same way as the gray accuracy lines, "
        "however high it stands.",
        pn.FlexBox(family, sizing_mode="stretch_width"),
        chosen,
        style.live(draw, family, chosen),
        style.words("Bands: smallest to largest value over the seeds. Click a name in the legend to hide its line."),
    )
