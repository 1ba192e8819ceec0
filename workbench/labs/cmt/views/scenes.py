"""A kept scene with its true boxes and what an arm found under a condition."""

from __future__ import annotations

from typing import Any

import numpy as np
import panel as pn
import panel_material_ui as pmui

from workbench.contract import Result
from workbench.data.scenes.scene import Scene
from workbench.labs.cmt.common.conditions import CONDITIONS
from workbench.labs.cmt.common.kept_scenes import found_in, scenes_of
from workbench.labs.cmt.views import style
from workbench.ui.frame import redraw_on_change, view
from workbench.ui.link import remember
from workbench.ui.plots.scenes import scene_view


def scenes_view(result: Result, link: Any = None) -> pn.Column:
    """Draw a scene: cameras and bird's eye, truth and predictions, matched, missed and false."""
    scenes, table = scenes_of(result), result.tables.get("boxes")
    name = pmui.Select(label="Scene", options=list(scenes), value=next(iter(scenes)), width=200)
    arms = {one.label: one.name for one in style.SERIES.among(table["arm"])} if table is not None else {}
    arm = pmui.Select(label="Arm", options=arms or {"none yet": ""}, value=first([*arms.values()]), width=330)
    conditions = style.conditions_in(table["condition"]) if table is not None else []
    condition = pmui.Select(
        label="Condition",
        options={CONDITIONS[c].title: c for c in conditions} or {"none yet": ""},
        value=next(iter(conditions), ""),
        width=230,
    )
    remember(link, scene_name=name, scene_arm=arm, scene_condition=condition)

    def draw(name: str, arm: str, condition: str) -> pn.Column:
        scene = scenes[name]
        found = found_in(result, scene, arm, condition) if arm else None
        return scene_view(scene, found, link=link, key="scene", reach=reach_of(scene))

    return view(
        "A scene that no arm learned from, as the network reads it: points and boxes in its range, images in its size. "
        "The picture shows all sensors; the predictions are those under the chosen condition.",
        pn.FlexBox(name, arm, condition),
        redraw_on_change(draw, name, arm, condition),
        style.caution(result),
    )


def first(arms: list[str]) -> str:
    """Return the arm that is shown first."""
    return "masked" if "masked" in arms else next(iter(arms), "")


def reach_of(scene: Scene) -> float:
    """Return how far the view from above reaches, in m."""
    if not len(scene.points):
        return 50.0
    return float(np.clip(np.ceil(np.abs(scene.points[:, :2]).max()), 8, 60))
