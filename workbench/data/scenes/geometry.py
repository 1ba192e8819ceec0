"""The geometry of scenes: frames, corners, points in boxes, pixels."""

from __future__ import annotations

import numpy as np

from workbench.data.scenes.scene import Boxes, Camera, wrap

NEAR = 0.1  # m in front of a camera; nothing nearer is projected
CORNERS = np.array([[x, y, z] for z in (-1, 1) for x, y in ((1, 1), (1, -1), (-1, -1), (-1, 1))]) / 2  # of a unit box
EDGES = ((0, 1), (1, 2), (2, 3), (3, 0), (4, 5), (5, 6), (6, 7), (7, 4), (0, 4), (1, 5), (2, 6), (3, 7))
"""Pairs of `corners` that an edge joins; the first edge of each face, (0, 1) and (4, 5), is the front's."""


def moved(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return points (N, 3) under an affine map (4, 4)."""
    return points @ matrix[:3, :3].T + matrix[:3, 3]


def rigid(rotation: np.ndarray, translation: np.ndarray) -> np.ndarray:
    """Return the (4, 4) map of a rotation (3, 3) and a translation (3,)."""
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = rotation, translation
    return matrix


def inverse(matrix: np.ndarray) -> np.ndarray:
    """Return the inverse of a rigid map (4, 4)."""
    turn = matrix[:3, :3].T
    return rigid(turn, -turn @ matrix[:3, 3])


def turn_z(yaw: np.ndarray | float) -> np.ndarray:
    """Return rotations (..., 3, 3) about z by angles (...), x to y."""
    c, s = np.cos(yaw), np.sin(yaw)
    o, i = np.zeros_like(c), np.ones_like(c)
    return np.stack([np.stack([c, -s, o], -1), np.stack([s, c, o], -1), np.stack([o, o, i], -1)], -2)


def from_quaternion(q: np.ndarray) -> np.ndarray:
    """Return rotations (..., 3, 3) of quaternions (..., 4) w, x, y, z, which need not have length 1.

    >>> from_quaternion(np.array([1, 0, 0, 1.0])).round(6).tolist()
    [[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    w, x, y, z = np.moveaxis(q / np.linalg.norm(q, axis=-1, keepdims=True), -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.moveaxis(np.array(rows), (0, 1), (-2, -1))


def to_quaternion(rotation: np.ndarray) -> np.ndarray:
    """Return the quaternions (..., 4) w, x, y, z of rotations (..., 3, 3), with w of 0 or more."""
    from scipy.spatial.transform import Rotation

    return Rotation.from_matrix(rotation).as_quat(canonical=True)[..., [3, 0, 1, 2]]


def yaw_of(rotation: np.ndarray) -> np.ndarray:
    """Return the angle (...) of the turned x axis in the x, y plane, of rotations (..., 3, 3)."""
    return np.arctan2(rotation[..., 1, 0], rotation[..., 0, 0])


def quarter_turn(forward: np.ndarray) -> np.ndarray:
    """Return the (4, 4) turn about z by a multiple of 90 degrees that brings a sensor's frame nearest to x forward.

    Parameters
    ----------
    forward
        (3, 3) rotation from the sensor's frame to one whose x axis looks forward.
    """
    quarters = int(np.rint(yaw_of(forward) / (np.pi / 2)))
    return rigid(np.rint(turn_z(quarters * np.pi / 2)), np.zeros(3))


def turned(boxes: Boxes, matrix: np.ndarray) -> Boxes:
    """Return boxes under a rigid map (4, 4); of its tilt, the center alone takes notice: boxes stay upright."""
    from dataclasses import replace

    head = np.stack([np.cos(boxes.yaw), np.sin(boxes.yaw), np.zeros(len(boxes))], -1) @ matrix[:3, :3].T  # (M, 3)
    flat = np.concatenate([boxes.velocity, np.zeros((len(boxes), 1))], 1) @ matrix[:3, :3].T
    yaw = wrap(np.arctan2(head[:, 1], head[:, 0]))
    return replace(boxes, center=moved(matrix, boxes.center), yaw=yaw, velocity=flat[:, :2])


def corners(boxes: Boxes) -> np.ndarray:
    """Return the corners (M, 8, 3) of boxes: the bottom's, then the top's, each from front left clockwise."""
    local = CORNERS * boxes.size[:, None, :]  # (M, 8, 3)
    return np.einsum("mij,mkj->mki", turn_z(boxes.yaw), local) + boxes.center[:, None, :]


def owners(points: np.ndarray, boxes: Boxes, margin: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Find the points inside of boxes.

    Parameters
    ----------
    points
        (N, 3 or more), x, y and z first.
    margin
        m by which each box is made larger on every side.

    Returns
    -------
    ((N,), (M,)) int64
        The box that holds each point, -1 for none (the last one, where boxes overlap); and how many points lie in each
        box.
    """
    found, counts = np.full(len(points), -1), np.zeros(len(boxes), np.int64)
    order = np.argsort(points[:, 0], kind="stable")
    x = points[order, 0]
    half = boxes.size / 2 + margin  # (M, 3)
    reach = np.hypot(half[:, 0], half[:, 1])
    starts, ends = (
        np.searchsorted(x, boxes.center[:, 0] + s * reach, side) for s, side in ((-1, "left"), (1, "right"))
    )
    for k, turn in enumerate(turn_z(boxes.yaw)):  # over boxes: some tens; each looks at the points of its own strip
        near = order[starts[k] : ends[k]]
        local = (points[near, :3] - boxes.center[k]) @ turn
        inside = near[(np.abs(local) <= half[k]).all(1)]
        found[inside], counts[k] = k, len(inside)
    return found, counts


def project(points: np.ndarray, camera: Camera) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Project scene points (N, 3 or more) into a picture.

    Returns
    -------
    ((N, 2), (N,), (N,))
        Pixels u, v (not finite numbers of points behind the camera are avoided: their depth counts as `NEAR`), depth in
        m, and whether the point is in front of the camera and within the picture.
    """
    seen = moved(camera.extrinsics, np.asarray(points[:, :3], float))  # (N, 3)
    depth = seen[:, 2]
    pixel = seen @ camera.intrinsics.T
    uv = pixel[:, :2] / np.maximum(depth, NEAR)[:, None]
    height, width = camera.image.shape[:2]
    within = (uv >= -0.5).all(1) & (uv[:, 0] < width - 0.5) & (uv[:, 1] < height - 0.5)
    return uv, depth, within & (depth > NEAR)


def box_lines(boxes: Boxes, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Return the edges of boxes as lines in a picture.

    Returns
    -------
    ((L, 2, 2), (L,))
        Both ends of each line in pixels, clipped at the camera's plane, and the box it belongs to. Lines wholly behind
        the camera are left out; such that leave the picture are not.
    """
    ends = moved(camera.extrinsics, corners(boxes).reshape(-1, 3)).reshape(-1, 8, 3)[:, EDGES, :]  # (M, 12, 2, 3)
    box = np.repeat(np.arange(len(boxes)), len(EDGES))
    ends = ends.reshape(-1, 2, 3)
    front = ends[..., 2] > NEAR
    keep = front.any(1)
    ends, box, front = ends[keep], box[keep], front[keep]
    rise = ends[:, 1, 2] - ends[:, 0, 2]
    share = np.clip((NEAR - ends[:, 0, 2]) / np.where(np.abs(rise) < 1e-9, 1.0, rise), 0, 1)[:, None]
    cut = ends[:, 0] + share * (ends[:, 1] - ends[:, 0])  # where the line crosses the plane
    ends = np.where(front[..., None], ends, cut[:, None, :])
    pixel = ends @ camera.intrinsics.T
    return pixel[..., :2] / np.maximum(pixel[..., 2:], NEAR), box
