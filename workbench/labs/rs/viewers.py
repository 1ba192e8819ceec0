"""Desktop windows of the lab `rs`: the chosen set as a cloud in three dimensions, and its digits as images."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from workbench.labs.rs.common.sets import Set, chosen, principal
from workbench.labs.rs.params import Params
from workbench.toolkit.memory import MemoryContext
from workbench.ui.palette import PALETTE, YELLOW
from workbench.viewers import desktop, has_screen, no_screen

SIDE = 8  # pixels of a digit, on each side


def viewers(run: Any) -> dict[str, Callable[[Path | None], None]]:
    """Return the viewers that suit a run: ``open3d`` for any set of three features or more, ``napari`` for digits."""
    params = Params.make(**run.params)
    data = chosen(params, MemoryContext(run.seed))  # drawn by the run's own seed: the very rows that were measured
    found: dict[str, Callable[[Path | None], None]] = {}
    if data.x.shape[1] >= 3:
        found["open3d"] = partial(show_cloud, data)
    if data.name == "digits":
        found["napari"] = partial(show_digits, data)
    return found


def show_cloud(data: Set, save: Path | None = None) -> None:
    """Show the set in its first three principal components, a color a class."""
    o3d = desktop("open3d")
    if save is None and not has_screen():  # Open3D would draw into a window that nobody sees, for ever
        raise no_screen("Open3D")
    colors = [color for color in PALETTE.classes if color != YELLOW]
    rgb = np.array([[int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)] for color in colors])  # (C, 3)
    cloud = o3d.geometry.PointCloud(o3d.utility.Vector3dVector(principal(data.x, 3)))
    cloud.colors = o3d.utility.Vector3dVector(rgb[data.y % len(rgb)])
    window = o3d.visualization.Visualizer()
    title = f"{data.name}: first three principal components"
    if not window.create_window(title, 1000, 800, visible=save is None):
        raise no_screen("Open3D")
    window.add_geometry(cloud)
    window.get_render_option().point_size = 6
    if save is None:
        window.run()
    else:
        window.poll_events()
        window.capture_screen_image(str(save), do_render=True)
    window.destroy_window()


def show_digits(data: Set, save: Path | None = None) -> None:
    """Show the images of the set, one after the other, with the class of each as a slice's name."""
    napari = desktop("napari")
    images = data.x.reshape(-1, SIDE, SIDE)  # (n, 8, 8), 0..1
    # shown even to be saved: a canvas that never was stays black
    viewer = napari.Viewer(title=f"{len(images)} digits", show=True)
    viewer.add_image(images, name="digits", interpolation2d="nearest", contrast_limits=(0, 1))
    viewer.text_overlay.visible, viewer.text_overlay.position = True, "top_left"

    def say(_event: Any = None) -> None:
        viewer.text_overlay.text = f"class {data.labels[viewer.dims.current_step[0]]}"

    viewer.dims.events.current_step.connect(say)
    say()
    if save is None:
        napari.run()
    else:
        viewer.reset_view()
        viewer.screenshot(str(save), canvas_only=False, flash=False)
        viewer.close()
