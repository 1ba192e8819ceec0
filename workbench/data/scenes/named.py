"""The scenes of the catalog by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from workbench.contract.errors import LabError
from workbench.data.catalog.catalog import resolve
from workbench.data.scenes.own import open_scene
from workbench.data.scenes.scene import Scene

Find = Callable[[str], Path]


@dataclass(frozen=True)
class SceneSet:
    """A scene by name: its title, the catalog entry it is read from, the file below it, and what must be said of it."""

    title: str
    entry: str
    file: str = ""
    note: str = ""


ALONE = "one frame: it shows how a detector sees, and says nothing of how well it does"

SETS: dict[str, SceneSet] = {
    "nuscenes_frame": SceneSet("nuScenes, six cameras and a sweep", "nuscenes_frame", note=ALONE),
    "kitti_frame": SceneSet("KITTI, one camera and a sweep", "kitti_frame", note=ALONE),
    "lidar_source": SceneSet("A LiDAR scan, without a camera", "lidar_pair", "source.ply"),
    "lidar_target": SceneSet("The same place from half a meter away", "lidar_pair", "target.ply"),
}
"""Every scene by name; all are downloads, the first two for non-commercial use."""


def open_set(name: str, find: Find | None = None) -> Scene:
    """Return a scene of the catalog.

    Parameters
    ----------
    name
        One of `SETS`.
    find
        What gives the local path of a catalog entry (``ctx.data`` in a lab); by default the catalog itself.

    Raises
    ------
    LabError
        If there is no such set, or it is not here and cannot be had.
    """
    if name not in SETS:
        raise LabError(f"There is no scene {name!r}.", f"There are {', '.join(SETS)}.")
    chosen = SETS[name]
    place = find(chosen.entry) if find else resolve(chosen.entry)[0]
    scene = open_scene(place / chosen.file if chosen.file else place)
    return replace(scene, name=name).noted(chosen.note)
