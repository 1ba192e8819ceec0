"""Still pictures of scenes for cards, reports and tests: from above, and each camera with points and boxes."""

from __future__ import annotations

import numpy as np

from workbench.data.scenes.geometry import box_lines, corners, project
from workbench.data.scenes.scene import Boxes, Camera, Scene

PALETTE = np.array(
    [[31, 119, 180], [255, 127, 14], [44, 160, 44], [214, 39, 40], [148, 103, 189], [140, 86, 75], [227, 119, 194],
     [0, 158, 175], [188, 189, 34], [110, 110, 110]], np.uint8,
)  # fmt: skip
"""(10, 3) RGB of a class by its number, counted round."""
STOPS = np.array([[58, 76, 140], [45, 113, 142], [31, 152, 139], [83, 197, 104], [253, 231, 37]], float)
"""(5, 3) RGB of the `ramp` at 0, 1/4, 1/2, 3/4 and 1."""
BEHIND = (18, 22, 30)  # RGB behind the points seen from above
LOW, HIGH = -2.5, 2.5  # m above the LiDAR: from the first to the last color of heights
AWAY = 50.0  # m; the first color of distances
SHADES = ("height", "intensity", "distance")


def from_above(scene: Scene, reach: float = 50.0, pixels: int = 400, boxes: Boxes | None = None) -> np.ndarray:
    """Draw the points and boxes within `reach` m, ahead up, left on the left.

    Returns
    -------
    (pixels, pixels, 3) uint8
    """
    from PIL import Image, ImageDraw

    canvas = np.full((pixels, pixels, 3), BEHIND, np.uint8)
    order = np.argsort(scene.points[:, 2], kind="stable")  # the highest is drawn last
    spot = _pixel(scene.points[order, :2], reach, pixels).astype(int)
    inside = ((spot >= 0) & (spot < pixels)).all(1)
    canvas[spot[inside, 1], spot[inside, 0]] = heights(scene.points[order, 2])[inside]
    picture = Image.fromarray(canvas)
    draw = ImageDraw.Draw(picture)
    shown = boxes if boxes is not None else scene.boxes
    if shown is not None and len(shown):
        feet = _pixel(corners(shown)[:, :4, :2], reach, pixels)  # (M, 4, 2)
        nose = (feet[:, 0] + feet[:, 1]) / 2
        middle = feet.mean(1)
        for k, label in enumerate(shown.label):
            color = tuple(int(c) for c in PALETTE[label % len(PALETTE)])
            draw.polygon([tuple(p) for p in feet[k]], outline=color)
            draw.line([tuple(middle[k]), tuple(nose[k])], fill=color)
    return np.asarray(picture)


def seen_by(scene: Scene, camera: Camera, points: bool = True, boxes: Boxes | None = None) -> np.ndarray:
    """Draw a camera's image with the points, colored by distance, and the edges of the boxes; (H, W, 3) uint8."""
    from PIL import Image, ImageDraw

    canvas = camera.image.copy()
    height, width = canvas.shape[:2]
    if points and len(scene.points):
        uv, depth, inside = project(scene.points, camera)
        far = np.argsort(-depth[inside], kind="stable")
        spot, color = np.rint(uv[inside][far]).astype(int), ramp(1 - depth[inside][far] / 60)
        thick = max(1, width // 500)
        for dx, dy in np.ndindex(thick, thick):
            canvas[np.clip(spot[:, 1] + dy, 0, height - 1), np.clip(spot[:, 0] + dx, 0, width - 1)] = color
    picture = Image.fromarray(canvas)
    shown = boxes if boxes is not None else scene.boxes
    if shown is not None and len(shown):
        lines, which = box_lines(shown, camera)
        lines = np.clip(lines, -4 * width, 5 * width)
        draw = ImageDraw.Draw(picture)
        for (a, b), k in zip(lines, which, strict=True):
            color = tuple(int(c) for c in PALETTE[shown.label[k] % len(PALETTE)])
            draw.line([tuple(a), tuple(b)], fill=color, width=max(1, width // 500))
    return np.asarray(picture)


def heights(z: np.ndarray) -> np.ndarray:
    """Return the colors (N, 3) uint8 of heights z (N,) in m above the LiDAR."""
    return ramp((z - LOW) / (HIGH - LOW))


def shade(points: np.ndarray, by: str) -> np.ndarray:
    """Return where on the `ramp` each point (N, 4 or more) stands, (N,); below 0 and above 1 the ends go on.

    Parameters
    ----------
    by
        One of `SHADES`: m above the LiDAR from `LOW` to `HIGH`; the root of the intensity, since most are small; the
        distance on the ground, from `AWAY` m to none.
    """
    if by == "height":
        return (points[:, 2] - LOW) / (HIGH - LOW)
    if by == "intensity":
        return np.sqrt(np.maximum(points[:, 3], 0))
    return 1 - np.hypot(points[:, 0], points[:, 1]) / AWAY


def ramp(share: np.ndarray) -> np.ndarray:
    """Return colors (N, 3) uint8 from blue over green to yellow for numbers (N,) from 0 to 1, even for the
    color-blind."""
    at = np.clip(share, 0, 1)
    places = np.linspace(0, 1, len(STOPS))
    return np.stack([np.interp(at, places, STOPS[:, k]) for k in range(3)], -1).astype(np.uint8)


def _pixel(xy: np.ndarray, reach: float, pixels: int) -> np.ndarray:
    """Scene x ahead is up, y left is left: (..., 2) to columns and rows."""
    return (reach - xy[..., ::-1]) * (pixels / (2 * reach))
