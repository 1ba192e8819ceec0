"""Plots of a scene: camera images and bird's-eye view, with linked boxes."""

from __future__ import annotations

import bokeh.models as bm
import numpy as np
from bokeh.plotting import figure

from workbench.data.scenes.geometry import box_lines, corners, project
from workbench.data.scenes.pictures import heights, ramp
from workbench.data.scenes.scene import Boxes, Camera, Scene
from workbench.ui.frame import plain_figure

BUDGET = 20_000  # points of the bird's-eye view: more make a browser slow and show no more
SEEN = 3_000  # points of each picture
ACROSS = 640  # pixels of a picture that are sent
FILL = 0.08  # opacity of a box from above
GROUND = "#12161E"  # behind the points, in light and dark


def footprints(truth: Boxes, guess: Boxes) -> dict[str, list]:
    """Each box from above: once around, with a line from the middle to the front. Left is left: x is -y of the
    scene."""
    xs, ys, dash = [], [], []
    for boxes, kind in ((truth, "solid"), (guess, "dashed")):
        feet = corners(boxes)[:, :4, :2]  # (M, 4, 2) front left, front right, back right, back left
        nose, middle = feet[:, :2].mean(1), feet.mean(1)
        way = np.stack([nose, middle, nose, *(feet[:, k] for k in (1, 2, 3, 0)), nose], 1)  # (M, 8, 2)
        xs += (-way[..., 1]).tolist()
        ys += way[..., 0].tolist()
        dash += [kind] * len(boxes)
    return {
        "xs": xs,
        "ys": ys,
        "dash": dash,
        "color": ["white"] * len(xs),
        "alpha": [1.0] * len(xs),
        "fill": [FILL] * len(xs),
        "word": [""] * len(xs),
    }


def edges(truth: Boxes, guess: Boxes, camera: Camera) -> dict[str, list]:
    """Each box's edges in a picture, as one line with gaps; empty where it is not seen."""
    xs, ys, dash = [], [], []
    height, width = camera.image.shape[:2]
    for boxes, kind in ((truth, "solid"), (guess, "dashed")):
        lines, which = box_lines(boxes, camera)
        inside = (lines.max(1) > -0.5).all(1) & (lines[..., 0].min(1) < width) & (lines[..., 1].min(1) < height)
        lines, which = np.clip(lines[inside], -9 * width, 9 * width), which[inside]
        gapped = np.concatenate([lines, np.full((len(lines), 1, 2), np.nan)], 1)  # (L, 3, 2)
        for k in range(len(boxes)):
            mine = gapped[which == k].reshape(-1, 2)
            xs.append(mine[:, 0].tolist())
            ys.append(mine[:, 1].tolist())
        dash += [kind] * len(boxes)
    return {
        "xs": xs,
        "ys": ys,
        "dash": dash,
        "color": ["white"] * len(xs),
        "alpha": [1.0] * len(xs),
        "word": [""] * len(xs),
    }


def points_from_above(scene: Scene, reach: float) -> tuple[bm.ColumnDataSource, np.ndarray]:
    """Return the points within `reach` m, thinned to `BUDGET`, as the picture's data and as they are (n, 5)."""
    near = np.flatnonzero((np.abs(scene.points[:, :2]) < reach).all(1))
    step = max(1, -(-len(near) // BUDGET))
    points = scene.points[near[::step]]
    x, y = points[:, :2].astype(np.float32).T
    return bm.ColumnDataSource({"x": -y, "y": x, "color": rgba(heights(points[:, 2]))}), points


def rgba(colors: np.ndarray) -> np.ndarray:
    """Return colors (N, 3) uint8 as Bokeh takes them, (N, 4)."""
    return np.concatenate([colors, np.full((len(colors), 1), 255, np.uint8)], 1)


def bird_eye(source: bm.ColumnDataSource, cloud: bm.ColumnDataSource, reach: float) -> figure:
    """Draw points and boxes from above, the vehicle in the middle, ahead up."""
    plot = plain_figure(
        tools="pan,wheel_zoom,tap,reset,save",
        x_range=(-reach, reach),
        y_range=(-reach, reach),
        x_axis_label="m to the right",
        y_axis_label="m ahead",
    )
    plot.update(aspect_ratio=1, height=None, sizing_mode="scale_width", max_width=640)
    plot.grid.grid_line_alpha = 0.12
    plot.add_layout(bm.BoxAnnotation(fill_color=GROUND, fill_alpha=1, line_color=None, level="image"))  # in any theme
    plot.scatter("x", "y", source=cloud, size=1.6, fill_color="color", line_color=None, level="underlay")
    plot.scatter([0], [0], marker="triangle", size=10, color="white")
    area = plot.patches("xs", "ys", source=source, fill_color="color", fill_alpha="fill", line_color=None)
    area.nonselection_glyph, area.selection_glyph = area.glyph, area.glyph
    _outline(plot, source)
    return plot


def picture(scene: Scene, camera: Camera, source: bm.ColumnDataSource) -> figure:
    """Draw a camera's image, the points colored by distance, and the boxes."""
    height, width = camera.image.shape[:2]
    plot = plain_figure(
        height=190,
        tools="wheel_zoom,tap,reset",
        x_range=(-0.5, width - 0.5),
        y_range=bm.Range1d(height - 0.5, -0.5),
        title=camera.name,
    )
    plot.update(aspect_ratio=width / height, height=None, sizing_mode="scale_width")
    plot.axis.visible = plot.grid.visible = False
    thin = max(1, width // ACROSS)
    small = camera.image[::thin, ::thin]
    opaque = np.dstack([small, np.full(small.shape[:2], 255, np.uint8)])
    packed = np.ascontiguousarray(opaque).view(np.uint32)[..., 0]
    plot.image_rgba(image=[packed], x=-0.5, y=-0.5, dw=width, dh=height, level="image")
    uv, depth, seen = project(scene.points, camera)
    seen = np.flatnonzero(seen)
    seen = seen[:: max(1, -(-len(seen) // SEEN))]
    color = rgba(ramp(1 - depth[seen] / 50))
    plot.scatter(uv[seen, 0], uv[seen, 1], size=1.8, fill_color=color, line_color=None, level="underlay", alpha=0.8)
    _outline(plot, source)
    return plot


def from_left(camera: Camera) -> tuple[bool, float]:
    """Those that look ahead come first, from left to right; then those that look back, from the left on, too."""
    ahead, left = camera.extrinsics[2, :2]  # where the camera looks
    yaw = np.arctan2(left, ahead)
    back = bool(ahead < -1e-6)
    return back, float(yaw % (2 * np.pi) if back else -yaw)


def _outline(plot: figure, source: bm.ColumnDataSource) -> None:
    """Draw the boxes: a selected one thick, and the others then faint."""
    style = {"line_color": "color", "line_dash": "dash"}
    lines = plot.multi_line("xs", "ys", source=source, line_width=2, line_alpha="alpha", **style)
    lines.selection_glyph = bm.MultiLine(xs="xs", ys="ys", line_width=4, line_alpha="alpha", **style)
    lines.nonselection_glyph = bm.MultiLine(xs="xs", ys="ys", line_width=1.5, line_alpha="alpha", **style)
    plot.add_tools(bm.HoverTool(renderers=[lines], tooltips=[("", "@word")], visible=False, line_policy="interp"))
