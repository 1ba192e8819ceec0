"""nuScenes' rules for the boxes that count, and its metric over whole scenes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from workbench.contract.errors import LabError
from workbench.data.scenes.geometry import inverse, owners, turned
from workbench.data.scenes.scene import Boxes, Scene
from workbench.toolkit.detection.nds import Scores, evaluate

RANGES = {
    "car": 50.0, "truck": 50.0, "bus": 50.0, "trailer": 50.0, "construction_vehicle": 50.0, "pedestrian": 40.0,
    "motorcycle": 40.0, "bicycle": 40.0, "traffic_cone": 30.0, "barrier": 30.0,
}  # fmt: skip
"""m from the vehicle up to which boxes of a class count."""
DEFAULT = 50.0  # m, of classes that nuScenes does not have
MOST = 500  # predictions of one scene
RACKED = ("bicycle", "motorcycle")


def counted(boxes: Boxes, vehicle: np.ndarray, truth: bool, racks: Boxes | None = None) -> np.ndarray:
    """Return which boxes count.

    Parameters
    ----------
    boxes
        True or predicted.
    vehicle
        (2,) or more: where the vehicle's own origin is, in the frame of the boxes.
    truth
        True boxes count only if at least one LiDAR or radar point was counted in them, or nothing was (`Boxes.points`
        of -1).
    racks
        Bicycle racks: bicycles and motorcycles with their center inside do not count.

    Returns
    -------
    (M,) bool
    """
    reach = np.array([RANGES.get(c, DEFAULT) for c in boxes.classes] or [0.0])[boxes.label]
    good = np.hypot(*(boxes.center[:, :2] - vehicle[:2]).T) < reach
    if truth:
        good &= (boxes.points < 0) | (boxes.points + np.maximum(boxes.radar, 0) > 0)
    if racks is not None and len(racks):
        good &= ~(np.isin(boxes.names.astype(str), RACKED) & (owners(boxes.center, racks)[0] >= 0))
    return good


def evaluate_scenes(
    scenes: Sequence[Scene],
    found: Sequence[Boxes],
    classes: Sequence[str],
    racks: Sequence[Boxes | None] | None = None,
) -> Scores:
    """Measure the predictions of whole scenes, as nuScenes does: in the world's frame, within each class's range.

    Parameters
    ----------
    scenes
        Annotated; points and images may be left out.
    found
        One `Boxes` a scene, in the scene's frame. Of more than `MOST` the best scores count.
    classes
        Those that are measured.
    racks
        Bicycle racks of each scene, in its frame.

    Raises
    ------
    LabError
        If a scene is not annotated, or the numbers do not fit.
    """
    if len(scenes) != len(found):
        raise LabError(f"{len(scenes)} scenes cannot be measured by predictions of {len(found)}.", "Give one a scene.")
    truth, taken = [], []
    for k, (scene, boxes) in enumerate(zip(scenes, found, strict=True)):
        if scene.boxes is None:
            raise LabError(f"{scene.name} is not annotated.", "Nothing can be measured there.")
        vehicle = (scene.pose @ inverse(scene.ego))[:3, 3]
        rack = turned(racks[k], scene.pose) if racks is not None and racks[k] is not None else None
        if len(boxes) > MOST:
            boxes = boxes.take(np.sort(np.argsort(-boxes.score, kind="stable")[:MOST]))
        for keep, given in ((truth, scene.boxes), (taken, boxes)):
            world = turned(given, scene.pose)
            keep.append(world.take(counted(world, vehicle, keep is truth, rack)))
    return evaluate(truth, taken, classes)
