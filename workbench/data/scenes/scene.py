"""Driving scenes: one frozen record of points, images, calibration and boxes, whatever layout they were read from.

The conventions, stated once; every reader turns its format into them:

* **Scene frame**: right-handed, origin at the LiDAR, x forward, y left, z up, in meters. KITTI's velodyne frame is this
  frame. The LiDAR of nuScenes looks to the right, so its frame is turned by a quarter: ``(x, y, z) -> (y, -x, z)``,
  which is exact and keeps the tilt of the sensor.
* **Box**: the origin is the center of the volume (KITTI's labels have the center of the bottom face). Size is ``length,
  width, height``: length along the heading (nuScenes' tables have ``width, length, height``, KITTI's labels ``height,
  width, length``). Yaw turns x to y, counterclockwise seen from above, 0 for a heading along +x, in (-pi, pi].
* **Camera frame**: x right, y down, z into the picture. `Camera.extrinsics` takes scene coordinates to camera
  coordinates, `Camera.intrinsics` those to pixels. The middle of the upper left pixel is (0, 0).
* **Pose** takes scene coordinates to the world. Velocity is over the ground, along x and y of the scene frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace

import numpy as np

COLUMNS = ("x", "y", "z", "intensity", "time")


@dataclass(frozen=True)
class Camera:
    """One picture and where it was taken.

    Attributes
    ----------
    name
        Such as ``"CAM_FRONT"``.
    image
        (H, W, 3) uint8.
    intrinsics
        (3, 3) float64, from camera coordinates to pixels.
    extrinsics
        (4, 4) float64, from scene coordinates to camera coordinates.
    time
        Seconds after the sweep.
    """

    name: str
    image: np.ndarray = field(repr=False)
    intrinsics: np.ndarray = field(repr=False)
    extrinsics: np.ndarray = field(repr=False)
    time: float = 0.0

    @property
    def projection(self) -> np.ndarray:
        """The (4, 4) matrix from scene coordinates to (u d, v d, d, 1): ``lidar2img`` of the papers."""
        full = np.eye(4)
        full[:3, :3] = self.intrinsics
        return full @ self.extrinsics


@dataclass(frozen=True)
class Boxes:
    """Upright boxes, true or predicted; see the module for origin, order and yaw.

    Attributes
    ----------
    center, size, yaw
        (M, 3) m, (M, 3) m as length, width, height, (M,) rad; float64.
    label
        (M,) int64, index into `classes`.
    classes
        The names of the classes.
    velocity
        (M, 2) m/s; NaN where unknown.
    track
        (M,) str, equal for one object over time; ``""`` where unknown.
    attribute
        (M,) str such as ``"vehicle.moving"``; ``""`` where unknown or without meaning.
    points
        (M,) int64, how many LiDAR points the data set says lie inside; -1 where it says nothing.
    radar
        (M,) int64, the same of radar points, which are not read.
    score
        (M,) in [0, 1]; 1 for a true box.
    """

    center: np.ndarray
    size: np.ndarray
    yaw: np.ndarray
    label: np.ndarray
    classes: tuple[str, ...]
    velocity: np.ndarray
    track: np.ndarray
    attribute: np.ndarray
    points: np.ndarray
    radar: np.ndarray
    score: np.ndarray

    def __len__(self) -> int:
        return len(self.center)

    @property
    def names(self) -> np.ndarray:
        """(M,) str, the name of the class of each box."""
        return np.array(self.classes or ("",), dtype=object)[self.label] if len(self) else np.zeros(0, object)

    def index_in(self, classes: Sequence[str]) -> np.ndarray:
        """Return (M,) int64, the place of each box's class among others, in any case of letters; -1 if it has none."""
        places = {name.lower(): k for k, name in enumerate(classes)}
        return np.array([places.get(name.lower(), -1) for name in self.names], np.int64)

    def take(self, which: np.ndarray) -> Boxes:
        """Return some of the boxes: a mask (M,) or an index."""
        rows = {f.name: getattr(self, f.name)[which] for f in fields(self) if f.name != "classes"}
        return replace(self, **rows)


@dataclass(frozen=True)
class Scene:
    """One moment of a drive: the data of all sensors, and the boxes.

    Attributes
    ----------
    name
        The frame's.
    points
        (N, 5) float32: x, y, z (m, scene frame), intensity in [0, 1], and seconds before the sweep (0 for its own
        points). No rows if there is no LiDAR.
    rings
        (N,) int16, the beam of each point from 0 (lowest); -1 where the file does not say.
    cameras
        Any number, also none.
    boxes
        None if the scene is not annotated.
    pose
        (4, 4) from scene coordinates to the world.
    ego
        (4, 4) from scene coordinates to the vehicle's own frame, from which nuScenes measures its ranges.
    time
        Seconds, of the data set's clock.
    token
        The data set's own name of the frame; nuScenes' sample token.
    sequence
        The drive it belongs to, if known.
    note
        What must be said wherever it shows (``"SIMULATED"``), and what was done to it on reading.
    """

    name: str
    points: np.ndarray = field(repr=False)
    rings: np.ndarray = field(repr=False)
    cameras: tuple[Camera, ...] = field(default=(), repr=False)
    boxes: Boxes | None = field(default=None, repr=False)
    pose: np.ndarray = field(default_factory=lambda: np.eye(4), repr=False)
    ego: np.ndarray = field(default_factory=lambda: np.eye(4), repr=False)
    time: float = 0.0
    token: str = ""
    sequence: str = ""
    note: str = ""

    def camera(self, name: str) -> Camera:
        """Return the camera of a name; KeyError if there is none."""
        return {c.name: c for c in self.cameras}[name]

    def noted(self, *words: str) -> Scene:
        """Return the scene with more to be said."""
        return replace(self, note="; ".join(filter(None, (self.note, *words))))


def boxes(
    center: np.ndarray,
    size: np.ndarray,
    yaw: np.ndarray,
    label: np.ndarray | Sequence[int],
    classes: Sequence[str],
    *,
    velocity: np.ndarray | None = None,
    track: Sequence[str] | None = None,
    attribute: Sequence[str] | None = None,
    points: np.ndarray | Sequence[int] | None = None,
    radar: np.ndarray | Sequence[int] | None = None,
    score: np.ndarray | None = None,
) -> Boxes:
    """Return `Boxes` of M boxes, what is not given being unknown, with yaw brought to (-pi, pi]."""
    m = len(center)
    return Boxes(
        center=np.asarray(center, float).reshape(m, 3),
        size=np.asarray(size, float).reshape(m, 3),
        yaw=wrap(np.asarray(yaw, float).reshape(m)),
        label=np.asarray(label, np.int64).reshape(m),
        classes=tuple(classes),
        velocity=np.full((m, 2), np.nan) if velocity is None else np.asarray(velocity, float).reshape(m, 2),
        track=_words(track, m),
        attribute=_words(attribute, m),
        points=np.full(m, -1, np.int64) if points is None else np.asarray(points, np.int64).reshape(m),
        radar=np.full(m, -1, np.int64) if radar is None else np.asarray(radar, np.int64).reshape(m),
        score=np.ones(m) if score is None else np.asarray(score, float).reshape(m),
    )


def no_boxes(classes: Sequence[str] = ()) -> Boxes:
    """Return an annotation that says: nothing is here."""
    return boxes(np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(0), np.zeros(0), classes)


def wrap(angle: np.ndarray) -> np.ndarray:
    """Return angles in (-pi, pi].

    >>> wrap(np.array([3 * np.pi, -np.pi])).round(6).tolist()
    [3.141593, 3.141593]
    """
    return -((-angle + np.pi) % (2 * np.pi) - np.pi)


def _words(words: Sequence[str] | None, m: int) -> np.ndarray:
    return np.array([""] * m if words is None else list(words), dtype=object).reshape(m)
