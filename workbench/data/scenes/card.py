"""The data card of a scene."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from workbench.data.catalog import cache
from workbench.data.scenes import own as own_scenes
from workbench.data.scenes.formats.nuscenes import CLASSES
from workbench.data.scenes.geometry import owners, project
from workbench.data.scenes.pictures import from_above, seen_by
from workbench.data.scenes.scene import Scene

THUMB = 320  # pixels across


@dataclass(frozen=True)
class SceneCard:
    """A scene in figures.

    Attributes
    ----------
    name, frames
        Its name, and how many frames the file or folder holds; the figures are those of the first.
    points, beams, reach
        Number of points, of beams (0 if unknown), and the distance in m that 99 % of the points are within.
    cameras
        Name, width, height and how many points each picture shows.
    boxes
        Number by class, the most first; empty without an annotation.
    sha256
        Of the file or folder.
    notes, warnings
        What was done on reading, and what a model may stumble over.
    pictures
        From above, and each camera, uint8, thinned out, with points and boxes drawn.
    """

    name: str
    frames: int
    points: int
    beams: int
    reach: float
    cameras: tuple[tuple[str, int, int, int], ...]
    boxes: dict[str, int]
    sha256: str
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    pictures: tuple[tuple[str, np.ndarray], ...] = field(default=(), repr=False)


def scene_card(path: Path) -> SceneCard:
    """Describe a scene of the user's own: what `own.open_scene` takes.

    Raises
    ------
    LabError
        If it cannot be read.
    """
    scene = own_scenes.open_scene(path)
    many = len(own_scenes.frames(path)) if path.is_dir() else 1
    return card_of(scene, many, cache.sha256(path))


def card_of(scene: Scene, frames: int, sha256: str) -> SceneCard:
    """Describe a scene that was read."""
    distance = np.hypot(scene.points[:, 0], scene.points[:, 1])
    reach = float(np.percentile(distance, 99)) if len(distance) else 0.0
    sizes = tuple(
        (c.name, c.image.shape[1], c.image.shape[0], int(project(scene.points, c)[2].sum())) for c in scene.cameras
    )
    pictures = [("From above", from_above(scene, max(20.0, min(60.0, reach)), THUMB))] if len(scene.points) else []
    pictures += [(c.name, _thin(seen_by(scene, c))) for c in scene.cameras]
    return SceneCard(
        name=scene.name,
        frames=frames,
        points=len(scene.points),
        beams=len(np.unique(scene.rings[scene.rings >= 0])),
        reach=reach,
        cameras=sizes,
        boxes=_counted(scene.boxes.names) if scene.boxes is not None else {},
        sha256=sha256,
        notes=tuple(filter(None, scene.note.split("; "))),
        warnings=tuple(_warnings(scene, sizes, reach)),
        pictures=tuple(pictures),
    )


def facts(card: SceneCard) -> dict[str, str]:
    """Return the figures of a card as words, for a page or a terminal."""
    words = {"Points": f"{card.points:,}" + (f" of {card.beams} beams" if card.beams else "")}
    if card.points:
        words["Reach"] = f"{card.reach:.0f} m (99 % of the points)"
    if card.frames > 1:
        words["Frames"] = f"{card.frames:,}; this is the first"
    sizes = sorted({f"{width} × {height}" for _, width, height, _ in card.cameras})
    words["Cameras"] = f"{len(card.cameras)}, {' and '.join(sizes)} pixels" if sizes else "none"
    words["Boxes"] = ", ".join(f"{name} ({count:,})" for name, count in card.boxes.items()) or "no annotation"
    return words


def _counted(names: np.ndarray) -> dict[str, int]:
    """Return how often each name (M,) stands, the most first."""
    return dict(sorted(Counter(map(str, names)).items(), key=lambda pair: (-pair[1], pair[0])))


def _thin(image: np.ndarray) -> np.ndarray:
    step = max(1, image.shape[1] // THUMB)
    return np.ascontiguousarray(image[::step, ::step])


def _warnings(scene: Scene, cameras: tuple[tuple[str, int, int, int], ...], reach: float) -> list[str]:
    found = []
    if not len(scene.points):
        found.append("There is no LiDAR: a detector has the images alone.")
    elif len(scene.points) < 1000:
        found.append(f"Only {len(scene.points):,} points.")
    if not cameras:
        found.append("There is no camera: a detector has the points alone.")
    if len(scene.points) and not 3 < reach < 400:
        found.append(f"The points reach {reach:.3g} m: are they in meters?")
    blind = [name for name, _, _, seen in cameras if not seen]
    if blind and len(scene.points):
        found.append(f"No point falls into {', '.join(blind)}: are the extrinsics from the LiDAR to the camera?")
    if len(scene.points) and np.percentile(scene.points[:, 2], 5) > 0.5:
        found.append("Nearly all points lie above the LiDAR: is z up?")
    if scene.boxes is not None and len(scene.boxes) and len(scene.points):
        empty = int((owners(scene.points, scene.boxes)[1] == 0).sum())
        if empty > len(scene.boxes) / 2:
            found.append(f"{empty} of {len(scene.boxes)} boxes hold no point: are they in the frame of the points?")
    if scene.boxes is not None and (other := _counted(scene.boxes.names[scene.boxes.index_in(CLASSES) < 0])):
        told = ", ".join(f"{name} {count:,}" for name, count in other.items())
        found.append(f"The lab cmt leaves out boxes of classes that nuScenes does not have: {told}.")
    return found
