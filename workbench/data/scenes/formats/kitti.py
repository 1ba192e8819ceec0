"""KITTI's object benchmark: velodyne, image_2 (and image_3), calib, label_2 (Geiger et al., CVPR 2012)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from workbench.contract.errors import LabError
from workbench.data.scenes.checks import checked
from workbench.data.scenes.formats.points import read_points
from workbench.data.scenes.geometry import moved, rigid
from workbench.data.scenes.images import read_image
from workbench.data.scenes.scene import Boxes, Camera, Scene, boxes

CLASSES = ("Car", "Van", "Truck", "Pedestrian", "Person_sitting", "Cyclist", "Tram", "Misc")
"""All that KITTI labels, but `REGION`; files in its layout may have others."""

REGION = "dontcare"  # in any case: a region of an image and no box
NUMBERS = 14  # of a label, after its class; a detector's result has a score, too

CAMERAS = {"image_2": "P2", "image_3": "P3"}  # the color cameras


def frames(folder: Path) -> list[str]:
    """Return the numbers of the frames of a folder that holds ``velodyne`` or ``image_2`` beside ``calib``."""
    found = {p.stem for part in ("velodyne", *CAMERAS) for p in (folder / part).glob("*.*")}
    return sorted(found & {p.stem for p in (folder / "calib").glob("*.txt")})


def read_frame(folder: Path | str, frame: str) -> Scene:
    """Read a frame.

    Parameters
    ----------
    folder
        ``training`` or ``testing``.
    frame
        Such as ``"000000"``.

    Returns
    -------
    Scene
        In the velodyne's frame, with the names of classes as they stand in the file. A sensor without a file is absent;
        without a label file the boxes are None.

    Raises
    ------
    LabError
        If the calibration is missing or broken, or a file is damaged.
    """
    folder = Path(folder)
    calib = _calibration(folder / "calib" / f"{frame}.txt")
    velodyne = folder / "velodyne" / f"{frame}.bin"
    points, rings, remark = np.zeros((0, 5), np.float32), np.zeros(0, np.int16), ""
    if velodyne.is_file():
        points, rings, remark = read_points(velodyne, usual=4)
    rectified = _square(calib["R0_rect"].reshape(3, 3)) @ _square(calib["Tr_velo_to_cam"].reshape(3, 4))
    cameras = []
    for part, key in CAMERAS.items():
        image = next((p for p in (folder / part / f"{frame}.png", folder / part / f"{frame}.jpg") if p.is_file()), None)
        if image is not None:
            matrix = calib[key].reshape(3, 4)
            shift = rigid(np.eye(3), np.linalg.solve(matrix[:, :3], matrix[:, 3]))  # the camera beside camera 0
            cameras.append(Camera(part, read_image(image), matrix[:, :3], shift @ rectified))
    labels = folder / "label_2" / f"{frame}.txt"
    scene = Scene(
        name=f"KITTI {frame}",
        points=points,
        rings=rings,
        cameras=tuple(cameras),
        boxes=_labels(labels, rectified) if labels.is_file() else None,
        token=frame,
        note=remark,
    )
    return checked(scene)


def _labels(path: Path, rectified: np.ndarray) -> Boxes:
    """A line is: class, truncated, occluded, alpha, 4 numbers of the box in the image, h, w, l, x, y, z, yaw."""
    names, numbers = [], []
    for number, line in enumerate(path.read_text(encoding="utf-8-sig", errors="replace").splitlines(), 1):
        name, *words = line.split() or ("",)
        if not name or name.lower() == REGION:
            continue
        if len(words) not in (NUMBERS, NUMBERS + 1):
            why = "has commas between them" if "," in line else f"has {len(words) + 1}"
            raise _bad_label(path, number, f"a label has {NUMBERS + 1} columns, this line {why}")
        try:
            numbers.append([float(word) for word in words[:NUMBERS]])
        except ValueError as error:
            raise _bad_label(path, number, str(error)) from error
        names.append(name)
    height, width, length, x, y, z, turn = np.array(numbers, float).reshape(len(names), NUMBERS)[:, 7:].T
    back = np.linalg.inv(rectified)
    center = moved(back, np.stack([x, y - height / 2, z], 1))  # y looks down, the origin is on the ground
    ahead = np.stack([np.cos(turn), np.zeros_like(turn), -np.sin(turn)], 1) @ back[:3, :3].T
    classes = list(dict.fromkeys((*CLASSES, *names)))
    label = [classes.index(name) for name in names]
    return boxes(center, np.stack([length, width, height], 1), np.arctan2(ahead[:, 1], ahead[:, 0]), label, classes)


def _bad_label(path: Path, line: int, why: str) -> LabError:
    return LabError(
        f"{path.name} is no label file of KITTI: line {line}: {why}.",
        "A line has blanks between the class, one word, and 14 numbers: truncated, occluded, alpha, 4 of the box in "
        "the image, height, width, length, x, y, z, yaw.",
    )


def _calibration(path: Path) -> dict[str, np.ndarray]:
    if not path.is_file():
        raise LabError(f"The calibration {path.parent.name}/{path.name} is missing.", "KITTI has one file a frame.")
    found = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        key, _, values = line.partition(":")
        try:
            found[key.strip()] = np.array(values.split(), float)
        except ValueError:
            continue  # a comment
    wanted = {"P2": 12, "R0_rect": 9, "Tr_velo_to_cam": 12}
    wrong = [k for k, n in wanted.items() if found.get(k, np.zeros(0)).size != n]
    if found.get("P3", np.zeros(12)).size != 12 or wrong:
        raise LabError(
            f"{path.name} lacks {', '.join(wrong) or 'P3'}, or its numbers are too few.",
            "Expected are the lines P2, R0_rect and Tr_velo_to_cam of KITTI's object benchmark.",
        )
    for key in ("P2", "P3"):
        if key in found and abs(np.linalg.det(found[key].reshape(3, 4)[:, :3])) < 1e-6:
            raise LabError(f"{key} of {path.name} is singular.", "Take the calibration of that frame.")
    for key, shape in (("R0_rect", (3, 3)), ("Tr_velo_to_cam", (3, 4))):
        if abs(np.linalg.det(found[key].reshape(shape)[:, :3])) < 0.5:
            raise LabError(
                f"{key} of {path.name} is singular: it is no rotation.", "Take the calibration of that frame."
            )
    return found


def _square(matrix: np.ndarray) -> np.ndarray:
    full = np.eye(4)
    full[: matrix.shape[0], : matrix.shape[1]] = matrix
    return full
