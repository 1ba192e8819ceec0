"""Checks that every reader of scenes applies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from workbench.contract.errors import LabError
from workbench.data.scenes.scene import Boxes, Camera, Scene

MAX_POINTS = 10_000_000  # 200 MB
FAR = 1e5  # m; nothing that a LiDAR measures is farther away
SKEW = 0.02  # how far a rotation may be from one


def checked(scene: Scene) -> Scene:
    """Return a scene without what no method can use, and with what was taken away in its note.

    Points that are not finite or farther than `FAR`, and boxes without a volume, are taken out. No points, or no
    cameras, are no error, for a sensor may be absent.

    Raises
    ------
    LabError
        If there are neither points nor cameras, no point is finite, a calibration is singular, or an image is not the
        one that was calibrated.
    """
    if not len(scene.points) and not scene.cameras:
        raise LabError(f"{scene.name} holds neither points nor images.", "Give at least one of them.")
    if len(scene.points) > MAX_POINTS:
        raise LabError(f"{scene.name} has {len(scene.points):,} points; {MAX_POINTS:,} is the limit.", "Thin it out.")
    for name, matrix in (("pose", scene.pose), ("ego", scene.ego)):
        check_rigid(matrix, f"The {name} of {scene.name}")
    for camera in scene.cameras:
        check_camera(camera)
    scene = _points(scene)
    return scene if scene.boxes is None else _boxes(scene, scene.boxes)


def check_camera(camera: Camera) -> None:
    """Raise LabError if a camera's image or calibration cannot be used."""
    shape = camera.image.shape
    if len(shape) != 3 or shape[2] != 3 or min(shape) < 1:
        raise LabError(f"The image of {camera.name} has the shape {shape}.", "Expected is (height, width, 3).")
    k = camera.intrinsics
    if k.shape != (3, 3) or not np.isfinite(k).all() or abs(np.linalg.det(k)) < 1e-6 or min(k[0, 0], k[1, 1]) <= 0:
        raise LabError(
            f"The intrinsics of {camera.name} are singular: no point has a place in its image.",
            "Expected is [[fx, 0, cx], [0, fy, cy], [0, 0, 1]] in pixels.",
        )
    check_rigid(camera.extrinsics, f"The extrinsics of {camera.name}")
    height, width = shape[:2]
    if not (0 <= k[0, 2] <= width and 0 <= k[1, 2] <= height):
        raise LabError(
            f"The principal point of {camera.name}, ({k[0, 2]:.0f}, {k[1, 2]:.0f}), lies outside of its image of "
            f"{width} x {height} pixels.",
            "Was the image made smaller? Then multiply fx, fy, cx, cy by the same factor.",
        )


def check_size(name: str, image: np.ndarray, width: int, height: int) -> None:
    """Raise LabError if an image is not as large as its calibration says (0: it does not say)."""
    if width and height and image.shape[:2] != (height, width):
        raise LabError(
            f"The image of {name} has {image.shape[1]} x {image.shape[0]} pixels, but was calibrated with "
            f"{width} x {height}.",
            "Give the image as it was taken, or scale width, height and the intrinsics with it.",
        )


def check_rigid(matrix: np.ndarray, what: str) -> None:
    """Raise LabError if a (4, 4) matrix is no turn and shift."""
    if matrix.shape != (4, 4) or not np.isfinite(matrix).all():
        raise LabError(f"{what} are no 4 x 4 finite numbers.", "Give a 4 x 4 matrix [R t; 0 1].")
    r = matrix[:3, :3]
    if (
        np.abs(r @ r.T - np.eye(3)).max() > SKEW
        or np.linalg.det(r) < 0
        or np.abs(matrix[3] - (0, 0, 0, 1)).max() > 1e-6
    ):
        raise LabError(
            f"{what} are singular, mirrored or skewed: the upper left 3 x 3 must be a rotation.",
            "Give [R t; 0 1], R orthonormal with determinant 1, t in meters.",
        )


def _points(scene: Scene) -> Scene:
    xyz = scene.points[:, :3]
    good = (np.abs(xyz) < FAR).all(1)  # False for NaN too
    if good.all() and np.isfinite(scene.points[:, 3:]).all():
        return scene
    if len(good) and not good.any():
        raise LabError(
            f"None of the {len(good):,} points of {scene.name} has finite coordinates below {FAR:,.0f} m.",
            "Are the columns x, y, z first, and in meters?",
        )
    points = np.nan_to_num(scene.points[good], nan=0.0, posinf=1.0, neginf=0.0)  # left to mend: intensity and time
    lost = int((~good).sum())
    remarks = [f"{lost:,} of {len(good):,} points are not finite and were left out"] if lost else []
    odd = int((~np.isfinite(scene.points[good, 3:])).any(1).sum())
    remarks += [f"the intensity or time of {odd:,} points is not finite and was set to 0"] if odd else []
    return replace(scene, points=points, rings=scene.rings[good]).noted(*remarks)


def _boxes(scene: Scene, boxes: Boxes) -> Scene:
    numbers = np.concatenate([boxes.center, boxes.size, boxes.yaw[:, None]], 1)  # (M, 7)
    good = np.isfinite(numbers).all(1) & (boxes.size > 0).all(1)
    if len(boxes) and (boxes.label.min() < 0 or boxes.label.max() >= len(boxes.classes)):
        raise LabError(
            f"A box of {scene.name} has a class without a name.", "Labels count from 0 in the list of classes."
        )
    if good.all():
        return scene
    lost = int((~good).sum())
    return replace(scene, boxes=boxes.take(good)).noted(f"{lost} boxes without a volume were left out")
