"""Points, images and boxes of a scene, with shares of tokens over them; drawn once, then only changed."""

from __future__ import annotations

from collections.abc import Callable

import bokeh.models as bm
import numpy as np
import panel as pn

from workbench.data.scenes.scene import Boxes, Scene, no_boxes
from workbench.ui.frame import flow, pane
from workbench.ui.plots.scene_plots import bird_eye, edges, footprints, from_left, picture, points_from_above

YELLOW = (240, 228, 66)
FAINT = 0.15  # of the picture of a camera that is off


class Layers:
    """The pictures of one scene.

    Parameters
    ----------
    scene
        What is drawn.
    reach
        m from the middle to the border of the view from above; the tokens' plane reaches as far.
    clicked
        Called with the row of a box that was clicked, true ones first.
    """

    def __init__(self, scene: Scene, reach: float, clicked: Callable[[int], None]):
        self.scene, self.reach, self.clicked = scene, reach, clicked
        self.truth = no_boxes() if scene.boxes is None else scene.boxes
        self.cameras = sorted(scene.cameras, key=from_left)
        self.place = {camera.name: k for k, camera in enumerate(scene.cameras)}
        nothing = no_boxes(self.truth.classes)
        self.boxes = bm.ColumnDataSource(footprints(self.truth, nothing))
        self.lines = [bm.ColumnDataSource(edges(self.truth, nothing, camera)) for camera in self.cameras]
        cloud, _ = points_from_above(scene, reach)
        self.above = bird_eye(self.boxes, cloud, reach)
        self.points = self.above.renderers[0]
        self.shots = [picture(scene, c, s) for c, s in zip(self.cameras, self.lines, strict=True)]
        self.covers = [bm.ColumnDataSource({"image": []}) for _ in (self.above, *self.shots)]
        self.anchor = bm.ColumnDataSource({"x": [], "y": []})
        self.ghost = bm.ColumnDataSource({"xs": [], "ys": []})
        self.above.image_rgba("image", source=self.covers[0], x=-reach, y=-reach, dw=2 * reach, dh=2 * reach)
        self.above.scatter("x", "y", source=self.anchor, marker="x", size=12, color="white", line_width=2)
        self.above.multi_line("xs", "ys", source=self.ghost, color="white", line_width=2)
        self.sizes = []
        for plot, source, camera in zip(self.shots, self.covers[1:], self.cameras, strict=True):
            glyph = plot.image_rgba("image", source=source, x=-0.5, y=-0.5, dw=1, dh=1)
            self.sizes.append((glyph.glyph, camera.image.shape))
        for source in (self.boxes, *self.lines):
            source.selected.on_change("indices", self._selected)
        items = [flow(*[pane(plot) for plot in self.shots], width=300)] if self.shots else []
        self.layout = pn.Column(pane(self.above), *items, sizing_mode="stretch_width", styles={"max-height": "none"})

    def _selected(self, _name: str, _old: list[int], new: list[int]) -> None:
        if new:
            for source in (self.boxes, *self.lines):
                if source.selected.indices:
                    source.selected.indices = []
            self.clicked(new[0])

    def draw(self, guess: Boxes, colors: list[str], said: list[str], ghost: Boxes | None) -> None:
        """Draw true and predicted boxes anew; colors and words are of both, true ones first."""
        self.boxes.data = footprints(self.truth, guess) | {"color": colors, "word": said}
        for source, camera in zip(self.lines, self.cameras, strict=True):
            source.data = edges(self.truth, guess, camera) | {"color": colors, "word": said}
        outline = footprints(ghost, no_boxes()) if ghost is not None else {"xs": [], "ys": []}
        self.ghost.data = {key: outline[key] for key in ("xs", "ys")}

    def switch(self, lidar: bool, cameras: dict[str, bool]) -> None:
        """Show which sensors are on."""
        self.points.visible = lidar
        for plot, camera in zip(self.shots, self.cameras, strict=True):
            on = cameras[camera.name]
            for renderer in plot.renderers:
                if isinstance(renderer.glyph, bm.ImageRGBA) and renderer.level == "image":
                    renderer.glyph.global_alpha = 1.0 if on else FAINT
            plot.title.text = camera.name if on else f"{camera.name}, off"

    def cover(self, bev: np.ndarray | None, views: np.ndarray | None, anchor: np.ndarray, signed: bool) -> None:
        """Lay values of tokens over the pictures.

        Parameters
        ----------
        bev, views
            (Y, X) and (V, h, w), or None for a sensor that is not there. Shares of attention are brightened to the
            largest of both; cosines are drawn from 0 to 1.
        anchor
            (3,) m.
        signed
            Whether they are cosines.
        """
        there = [values.max() for values in (bev, views) if values is not None and values.size]
        top = 1.0 if signed else max([*there, 1e-9])
        shape = (lambda v: np.clip(v, 0, 1) ** 3) if signed else (lambda v: np.sqrt(np.clip(v / top, 0, 1)))
        # left is left and ahead is up: x of the picture is -y of the scene
        self.covers[0].data = {"image": [] if bev is None else [yellow(shape(bev.T[:, ::-1]))]}
        for k, (source, camera) in enumerate(zip(self.covers[1:], self.cameras, strict=True)):
            if views is None or self.place[camera.name] >= len(views):
                source.data = {"image": []}
                continue
            values = views[self.place[camera.name]]
            glyph, (height, width, _) = self.sizes[k]
            stride = width / values.shape[1]
            glyph.dw, glyph.dh = width, min(stride * values.shape[0], height)
            source.data = {"image": [yellow(shape(values))]}
        self.anchor.data = {"x": [-float(anchor[1])], "y": [float(anchor[0])]}


def yellow(share: np.ndarray) -> np.ndarray:
    """Return shares (h, w) in 0..1 as a picture whose opacity they are, as Bokeh takes it."""
    rgba = np.zeros((*share.shape, 4), np.uint8)
    rgba[..., :3] = YELLOW
    rgba[..., 3] = np.rint(220 * share)
    return np.ascontiguousarray(rgba).view(np.uint32)[..., 0]
