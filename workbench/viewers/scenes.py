"""Driving scenes in Open3D: the points, boxes and colors of the page, in a window, or as a picture without any screen.

For a lab's ``viewers.py``::

    def viewers(run):
        return {"open3d": partial(show_scene, scene, found)}   # found: predicted boxes in the scene's frame, or None

A picture is drawn by a process of its own (`workbench.viewers.offscreen`): where Vulkan is missing, Open3D ends the
process that asks for it. So a page, a notebook or a report may ask for one without importing Open3D.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np

from workbench.contract.errors import LabError
from workbench.data.scenes.geometry import EDGES
from workbench.data.scenes.pictures import BEHIND
from workbench.data.scenes.scene import Boxes, Scene
from workbench.ui.plots.scene_rows import PAINTS, POINTS, Rows
from workbench.viewers import desktop, has_screen, no_screen, offscreen
from workbench.viewers.offscreen import geometries

FIELD = 55.0  # degrees of view, as in the browser
PERIOD, DASH = 0.7, 0.6  # m from dash to dash, at most, and the share that is drawn; as in the browser
WAYS = ("vulkan", "opengl")  # of drawing without a screen; the first has smooth and thick lines
PATIENCE = 300  # seconds: the first picture on a new machine can take minutes, while shaders are compiled
J, K = 74, 75  # keys of the window


def show_scene(
    scene: Scene,
    found: Boxes | None,
    save: Path | None = None,
    title: str = "",
    *,
    paint: str = PAINTS[0],
    points: str = POINTS[0],
    least: float = 0.3,
) -> None:
    """Show a scene in Open3D until the window is closed: J changes the points' colors, K those of the boxes.

    Parameters
    ----------
    scene, found
        As in `workbench.ui.plots.scenes.scene_view`: predictions are dashed.
    save
        Write one picture into this PNG instead; that needs no screen.
    title
        Of the window; by default the scene's name.
    paint, points
        What boxes and points are colored by at first: one of `PAINTS`, one of `POINTS`.
    least
        The score from which predictions are shown.

    Raises
    ------
    LabError
        If Open3D is not installed, there is no screen for the window, or no way to draw without one.
    """
    if save is not None:
        from PIL import Image

        Image.fromarray(picture(scene, found, paint=paint, points=points, least=least)).save(save, "PNG")
        return
    o3d = desktop("open3d")
    if not has_screen():  # Open3D would draw into a window that nobody sees, for ever
        raise no_screen("Open3D")
    window = o3d.visualization.VisualizerWithKeyCallback()
    words = f"{title or scene.name}: J colors points, K colors boxes"
    if not window.create_window(words, 1280, 860):
        raise no_screen("Open3D")
    state = {"paint": paint, "points": points}
    cloud, lines = geometries(o3d, parts(scene, found, **state, least=least))
    for geometry in (cloud, lines):
        window.add_geometry(geometry)
    look = window.get_render_option()
    look.background_color, look.point_size = np.array(BEHIND) / 255, 2.0
    center, eye = camera(scene.points)
    view = window.get_view_control()
    view.set_lookat(center)
    view.set_front((eye - center) / np.linalg.norm(eye - center))
    view.set_up((0, 0, 1))
    view.set_zoom(0.35)

    def change(key: str, options: tuple[str, ...]) -> Any:
        turns = cycle([*options[options.index(state[key]) + 1 :], *options[: options.index(state[key]) + 1]])

        def turn(_window: Any) -> bool:
            state[key] = next(turns)
            new = parts(scene, found, **state, least=least)
            cloud.colors = o3d.utility.Vector3dVector(new["rgb"] / 255)
            lines.colors = o3d.utility.Vector3dVector(new["ink"] / 255)
            window.update_geometry(cloud)
            window.update_geometry(lines)
            return True

        return turn

    window.register_key_callback(J, change("points", POINTS))
    window.register_key_callback(K, change("paint", PAINTS if found is not None else PAINTS[:1]))
    window.run()
    window.destroy_window()


def picture(
    scene: Scene,
    found: Boxes | None = None,
    *,
    paint: str = PAINTS[0],
    points: str = POINTS[0],
    least: float = 0.3,
    width: int = 1280,
    height: int = 800,
) -> np.ndarray:
    """Return what Open3D shows of a scene from behind and above, (height, width, 3) uint8; no screen is needed.

    In a view of a lab ``pn.pane.PNG`` takes it, and so do reports and notebooks. Parameters are those of `show_scene`.

    Raises
    ------
    LabError
        If Open3D is not installed, or can draw here neither by Vulkan nor by OpenGL: the reason of each.
    """
    from PIL import Image

    center, eye = camera(scene.points)
    drawn = parts(scene, found, paint, points, least)
    drawn |= {"center": center, "eye": eye, "field": FIELD, "ground": np.array(BEHIND), "size": (width, height)}
    why = {}
    with tempfile.TemporaryDirectory(prefix="workbench-open3d-") as name:
        work, out = Path(name) / "scene.npz", Path(name) / "scene.png"
        np.savez(work, **drawn)
        for way in WAYS:
            command = [sys.executable, "-P", offscreen.__file__, way, str(work), str(out)]
            try:
                done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                why[way] = f"no picture within {PATIENCE} s"
                continue
            if done.returncode == 0 and out.is_file():
                return np.asarray(Image.open(out).convert("RGB"))
            said = [line for line in done.stderr.splitlines() if line.strip()]
            why[way] = said[-1].strip()[:300] if said else f"it ended with {done.returncode}"
            if done.returncode == offscreen.NO_OPEN3D:
                break
    reasons = "; ".join(f"{way}: {reason}" for way, reason in why.items())
    raise LabError(f"Open3D cannot draw here ({reasons}).", "`make desktop` installs it; `workbench doctor` says more.")


def parts(
    scene: Scene, found: Boxes | None, paint: str = PAINTS[0], points: str = POINTS[0], least: float = 0.3
) -> dict[str, np.ndarray]:
    """Return what is drawn.

    Returns
    -------
    dict
        ``xyz`` (N, 3) m and ``rgb`` (N, 3) uint8 of points; ``ends`` (L, 2, 3) m and ``ink`` (L, 3) uint8 of lines: the
        edges of each box that is shown, and on its roof a line from the middle to the front. True boxes come first.
    """
    rows = Rows(scene.boxes, found)
    color, shown, _ = rows.drawn(paint, least)
    roof = rows.corners()  # (M, 8, 3)
    heading = np.stack([roof[:, 4:].mean(1), roof[:, 4:6].mean(1)], 1)[:, None]  # (M, 1, 2, 3)
    ends = np.concatenate([roof[:, np.array(EDGES)], heading], 1)  # (M, 13, 2, 3)
    inks = np.frombuffer(bytes.fromhex("".join(c[1:] for c in color)), np.uint8).reshape(-1, 3)
    ink = np.repeat(inks[:, None], ends.shape[1], 1)  # (M, 13, 3)
    solid, dashed = shown & ~rows.predicted, shown & rows.predicted
    pieces, of = dashes(ends[dashed].reshape(-1, 2, 3))
    return {
        "xyz": scene.points[:, :3].astype(float),
        "rgb": rows.point_colors(scene.points, points, color, shown),
        "ends": np.concatenate([ends[solid].reshape(-1, 2, 3), pieces]),
        "ink": np.concatenate([ink[solid].reshape(-1, 3), ink[dashed].reshape(-1, 3)[of]]),
    }


def dashes(ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cut lines (L, 2, 3) into dashes (K, 2, 3); also return the line (K,) that each comes from."""
    length = np.maximum(np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1), 1e-9)  # (L,)
    period = np.minimum(PERIOD / length, 1 / 2.5)  # as parts of the line
    count = np.ceil(1 / period - 1e-6).astype(int)
    of = np.repeat(np.arange(len(ends)), count)
    number = np.arange(len(of)) - np.repeat(np.cumsum(count) - count, count)  # 0, 1, ... along each line
    along = np.stack([number, number + DASH], 1) * period[of, None]  # (K, 2)
    along = np.minimum(along, 1)[..., None]
    return ends[of, :1] + along * (ends[of, 1:] - ends[of, :1]), of


def camera(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the place that is looked at, and from where, in m: the start of the browser's view."""
    far = np.percentile(np.hypot(points[:, 0], points[:, 1]), 90) if len(points) else 40.0
    floor = np.percentile(points[:, 2], 20) if len(points) else 0.0
    reach, tilt = np.clip(far, 3, 60), np.radians(32)
    center = np.array([0.3 * reach, 0, floor])
    return center, center + 1.25 * reach * np.array([-np.cos(tilt), 0, np.sin(tilt)])
