"""3-D view of a scene's points and boxes, created on demand."""

from __future__ import annotations

import asyncio
from typing import Any

import panel as pn
import panel_material_ui as pmui

from workbench.data.scenes.pictures import SHADES, STOPS, shade
from workbench.data.scenes.scene import Scene
from workbench.ui.plots.scene_rows import Rows
from workbench_widgets import Scene3D
from workbench_widgets.scene import packed


def in_bytes(scene: Scene, rows: Rows) -> bytes:
    """Return the points and boxes of a scene as `Scene3D` takes them."""
    return packed(
        scene.points,
        rows.corners(),
        shades={name: shade(scene.points, name) for name in SHADES},
        inside=rows.inside(scene.points) if len(rows) else None,
        predicted=rows.predicted,
        ramp=STOPS.astype(int).tolist(),
    )


class Space:
    """The button "Show in 3-D"; a press puts the `Scene3D` below it.

    Parameters
    ----------
    scene, rows
        What is shown.
    camera
        Where it was looked from, by a link: then it is shown at once. None: after the press.
    """

    def __init__(self, scene: Scene, rows: Rows, camera: Any = None):
        self._scene, self._rows = scene, rows
        self.view = Scene3D(labels=rows.tags(), sizing_mode="stretch_width")
        self._button = pmui.Button(label="Show in 3-D", icon="view_in_ar", variant="outlined", margin=(5, 0))
        self._button.on_click(self._show)
        self._place = pn.Column(sizing_mode="stretch_width")
        self.layout = pn.Column(self._button, self._place, sizing_mode="stretch_width")
        if isinstance(camera, list):
            self.view.param.update(scene=in_bytes(scene, rows), camera=camera)
            self._open()

    @property
    def camera(self) -> list[float] | None:
        """Position of the camera, [] for the start; None while it is not shown."""
        return list(self.view.camera) if self._place.objects else None

    async def _show(self, _: Any = None) -> None:
        self._button.param.update(disabled=True, label="Making the view …")
        try:
            self.view.scene = await asyncio.to_thread(in_bytes, self._scene, self._rows)
            self._open()
        finally:
            self._button.param.update(disabled=False, label="Show in 3-D")

    def _open(self) -> None:
        self._place.objects = [self.view]
        self._button.visible = False
        self.view.param.trigger("camera")  # so that a link knows
