"""Draws one picture by Open3D without a screen; a program of its own, since Open3D may end the process it draws in.

    python offscreen.py vulkan|opengl SCENE.npz OUT.png

``SCENE.npz`` is written by `workbench.viewers.scenes.picture`. Exit code 3: Open3D cannot be imported. It is started
as a file, and imports nothing of the workbench, which would take longer than the picture.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

NO_OPEN3D = 3  # exit code


def geometries(o3d: Any, drawn: dict[str, np.ndarray]) -> tuple[Any, Any]:
    """Return Open3D's point cloud and line set of `workbench.viewers.scenes.parts`."""
    cloud = o3d.geometry.PointCloud(o3d.utility.Vector3dVector(drawn["xyz"]))
    cloud.colors = o3d.utility.Vector3dVector(drawn["rgb"] / 255)
    pairs = np.arange(2 * len(drawn["ends"])).reshape(-1, 2)
    ends = o3d.utility.Vector3dVector(drawn["ends"].reshape(-1, 3))
    lines = o3d.geometry.LineSet(ends, o3d.utility.Vector2iVector(pairs))
    lines.colors = o3d.utility.Vector3dVector(drawn["ink"] / 255)
    return cloud, lines


def vulkan(o3d: Any, drawn: dict[str, np.ndarray], out: str) -> bool:
    """Draw by Filament; ends the process where there is no Vulkan."""
    rendering = o3d.visualization.rendering
    width, height = (int(n) for n in drawn["size"])
    stage = rendering.OffscreenRenderer(width, height)
    stage.scene.view.set_post_processing(False)  # its tone mapping would change the colors
    ground = 1.055 * (drawn["ground"] / 255) ** (1 / 2.4) - 0.055  # which would turn this to linear light, and back
    stage.scene.set_background([*ground, 1.0])
    for name, geometry in zip(("points", "lines"), geometries(o3d, drawn), strict=True):
        look = rendering.MaterialRecord()
        look.shader = "defaultUnlit" if name == "points" else "unlitLine"
        look.point_size, look.line_width = 2.0, 1.8
        if not geometry.is_empty():
            stage.scene.add_geometry(name, geometry, look)
    stage.setup_camera(float(drawn["field"]), drawn["center"], drawn["eye"], np.array([0.0, 0, 1]), 0.2, 2000.0)
    return o3d.io.write_image(out, stage.render_to_image())


def opengl(o3d: Any, drawn: dict[str, np.ndarray], out: str) -> bool:
    """Draw by OpenGL: by EGL, or on the screen that there is."""
    window = o3d.visualization.Visualizer()
    width, height = (int(n) for n in drawn["size"])
    if not window.create_window("", width, height, visible=False):
        raise RuntimeError("OpenGL found neither a screen nor EGL")
    for geometry in geometries(o3d, drawn):
        if not geometry.is_empty():
            window.add_geometry(geometry)
    look = window.get_render_option()
    look.background_color, look.point_size = drawn["ground"] / 255, 2.0
    view = window.get_view_control()
    there = view.convert_to_pinhole_camera_parameters()
    focal = height / 2 / np.tan(np.radians(float(drawn["field"])) / 2)
    there.intrinsic = o3d.camera.PinholeCameraIntrinsic(width, height, focal, focal, width / 2 - 0.5, height / 2 - 0.5)
    there.extrinsic = extrinsic(drawn["center"], drawn["eye"])
    view.convert_from_pinhole_camera_parameters(there, allow_arbitrary=True)
    window.poll_events()
    window.update_renderer()
    window.capture_screen_image(out, do_render=True)
    return True


def extrinsic(center: np.ndarray, eye: np.ndarray) -> np.ndarray:
    """Return the (4, 4) map from the scene to a camera at `eye` that looks at `center`: x right, y down, z ahead."""
    ahead = (center - eye) / np.linalg.norm(center - eye)
    right = np.cross(ahead, [0.0, 0, 1])
    right /= np.linalg.norm(right)
    turn = np.stack([right, np.cross(ahead, right), ahead])
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = turn, -turn @ eye
    return matrix


def main(way: str, work: str, out: str) -> int:
    try:
        import open3d as o3d
    except (ImportError, OSError) as error:  # or a system library that it needs is missing
        print(f"open3d cannot be loaded: {error}", file=sys.stderr)
        return NO_OPEN3D
    with np.load(work) as held:
        drawn = dict(held)
    return 0 if {"vulkan": vulkan, "opengl": opengl}[way](o3d, drawn, out) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
