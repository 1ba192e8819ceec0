"""The user's own drive, the plain way: a point cloud, images, and one ``calibration.json`` that joins them.

    {"points": "sweep.pcd", "columns": 4, "forward": "x",
     "cameras": {"front": {"image": "front.png", "intrinsics": [[fx, 0, cx], [0, fy, cy], [0, 0, 1]],
                           "extrinsics": [[...], [...], [...], [0, 0, 0, 1]], "width": 1600, "height": 900}},
     "boxes": [{"class": "car", "center": [x, y, z], "size": [length, width, height], "yaw": 0.1}]}

``extrinsics`` take points as they stand in the file to the camera (x right, y down, z ahead). ``forward`` is the axis
of the point cloud that looks ahead: ``x`` (the default), ``y``, ``-x`` or ``-y``; z is up. ``columns`` of a BIN file
are found by their values if it does not say. Boxes are in the frame of the point cloud, too. Everything may be left
out, but not both points and cameras.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from workbench.contract.errors import LabError
from workbench.data.scenes.checks import check_size, checked
from workbench.data.scenes.formats.points import read_points
from workbench.data.scenes.geometry import inverse, moved, rigid, turn_z, turned
from workbench.data.scenes.images import read_image
from workbench.data.scenes.scene import Boxes, Camera, Scene, boxes

FILE = "calibration.json"
MAX_COLUMNS = 100
FORWARD = {"x": 0, "y": -1, "-x": 2, "-y": 1}  # quarter turns that bring the axis to +x


def read_folder(folder: Path | str) -> Scene:
    """Read a folder that holds `FILE`; see the module.

    Raises
    ------
    LabError
        If the calibration is no JSON, lacks something or names a file that is not below the folder.
    """
    folder = Path(folder)
    try:
        content = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except OSError as error:
        raise LabError(f"{folder.name} holds no {FILE}.", "Describe sensors and boxes in one.") from error
    except ValueError as error:
        raise LabError(f"{FILE} of {folder.name} is no JSON: {error}.", "Mend that line.") from error
    if not isinstance(content, dict):
        raise LabError(f"{FILE} of {folder.name} is no JSON object.", "It starts with {.")
    forward = content.get("forward", "x")
    if forward not in FORWARD:
        raise LabError(f"{FILE} says that {forward!r} looks ahead.", f"Choose one of {', '.join(FORWARD)}.")
    turn = rigid(np.rint(turn_z(FORWARD[forward] * np.pi / 2)), np.zeros(3))
    points, rings, words = np.zeros((0, 5), np.float32), np.zeros(0, np.int16), ""
    if content.get("points"):
        columns = content.get("columns", 0)
        if not (columns == 0 or isinstance(columns, int) and 3 <= columns <= MAX_COLUMNS):
            raise LabError(f"{FILE} says {columns!r} columns.", f"Give a whole number from 3 to {MAX_COLUMNS}.")
        points, rings, words = read_points(_below(folder, content["points"]), columns)
        points[:, :3] = moved(turn, points[:, :3].astype(float))
    cameras = content.get("cameras", {})
    if not isinstance(cameras, dict):
        raise LabError(f"The cameras in {FILE} are no JSON object.", 'Write {"front": {"image": ...}}.')
    scene = Scene(
        name=str(content.get("name", folder.name)),
        points=points,
        rings=rings,
        cameras=tuple(_camera(folder, str(name), row, inverse(turn)) for name, row in cameras.items()),
        boxes=turned(_boxes(content["boxes"]), turn) if "boxes" in content else None,
        note=words,
    )
    return checked(scene)


def _camera(folder: Path, name: str, row: dict, back: np.ndarray) -> Camera:
    lacking = [k for k in ("image", "intrinsics", "extrinsics") if k not in row]
    if lacking:
        raise LabError(f"Camera {name} in {FILE} lacks {', '.join(lacking)}.", "Points and pixels meet only by them.")
    matrices = {}
    for key, shape in (("intrinsics", (3, 3)), ("extrinsics", (4, 4))):
        try:
            matrices[key] = np.array(row[key], float).reshape(shape)
        except (ValueError, TypeError) as error:
            raise LabError(
                f"The {key} of camera {name} are no {shape[0]} x {shape[1]} numbers.", "Give rows."
            ) from error
    image = read_image(_below(folder, row["image"]))
    check_size(name, image, int(row.get("width", 0)), int(row.get("height", 0)))
    return Camera(name, image, matrices["intrinsics"], matrices["extrinsics"] @ back)


def _boxes(rows: list[dict]) -> Boxes:
    try:
        classes = sorted({str(r["class"]) for r in rows})
        return boxes(
            np.array([r["center"] for r in rows], float).reshape(-1, 3),
            np.array([r["size"] for r in rows], float).reshape(-1, 3),
            np.array([r["yaw"] for r in rows], float),
            [classes.index(str(r["class"])) for r in rows],
            classes,
            velocity=np.array([r.get("velocity", (np.nan, np.nan)) for r in rows], float).reshape(-1, 2),
            track=[str(r.get("track", "")) for r in rows],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise LabError(
            f"A box in {FILE} is not complete: {error!r}.",
            "Each has class, center (3 numbers), size (length, width, height) and yaw.",
        ) from error


def _below(folder: Path, name: str) -> Path:
    """A name may come from a stranger: it must stay within the folder."""
    path = (folder / str(name)).resolve()
    if folder.resolve() not in path.parents:
        raise LabError(f"{FILE} names {name}, which lies outside of its folder.", "Copy the file beside it.")
    return path
