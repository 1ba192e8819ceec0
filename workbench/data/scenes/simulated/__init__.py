"""Simulated drives in the layout of nuScenes: streets of blocks, followed ray by ray by a LiDAR and six cameras.

The only source of many annotated scenes that needs no download. What it is not: traffic. Every scene is a moment of its
own, so neither velocity nor attribute can be seen in it: of NDS's terms, AVE and AAE say nothing here (see `TERMS`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from workbench.contract.errors import LabError
from workbench.data.catalog import cache
from workbench.data.scenes.formats.nuscenes import NuScenes
from workbench.data.scenes.formats.nuscenes_write import write_nuscenes
from workbench.data.scenes.geometry import inverse, owners, rigid, turn_z, turned
from workbench.data.scenes.scene import Scene
from workbench.data.scenes.simulated.sensors import LIDAR, MOUNTS, draw_light, photograph, sweep
from workbench.data.scenes.simulated.world import CLASSES, draw_world

__all__ = ["CLASSES", "NOTE", "TERMS", "TABLES", "Recipe", "part", "sim_scene", "sim_scenes"]

VERSION = 1  # of what is drawn: another number, another set
TABLES = "v1.0-sim"
NOTE = "SIMULATED: streets of blocks, cast ray by ray; scores on it say nothing of nuScenes"
TERMS = ("ATE", "ASE", "AOE")
"""The errors of NDS that the simulator can give."""


@dataclass(frozen=True)
class Recipe:
    """Contents of a set of simulated scenes.

    Attributes
    ----------
    train, validation
        Numbers of scenes.
    seed
        Of everything that is drawn.
    reach
        m from the vehicle within which objects stand.
    height, width
        Of an image, in pixels.
    cameras
        How many: the first of front, front left, front right, back, back left, back right.
    fine
        Rays a pixel, along each side.
    """

    train: int = 400
    validation: int = 100
    seed: int = 0
    reach: float = 32.0
    height: int = 64
    width: int = 160
    cameras: int = 6
    fine: int = 2

    def __post_init__(self) -> None:
        if min(self.train, self.validation, self.cameras) < 0 or self.train + self.validation < 1:
            raise LabError("A simulated set needs at least one scene.", "Give numbers of 0 or more.")
        if not (
            8 <= self.height <= 1600 and 8 <= self.width <= 3200 and self.cameras <= len(MOUNTS) and self.fine >= 1
        ):
            raise LabError("Images have 8 to 1,600 x 3,200 pixels, of up to 6 cameras.", "Choose within these bounds.")
        if not 8 <= self.reach <= 60:
            raise LabError(f"Objects cannot stand up to {self.reach:g} m away.", "Choose 8 to 60 m.")

    @property
    def key(self) -> str:
        """A name for the set on the disk."""
        text = json.dumps(asdict(self) | {"version": VERSION}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def sim_scenes(recipe: Recipe, progress: Callable[[int, int, str], None] = lambda done, total, stage: None) -> Path:
    """Return the folder of a set, made at its first use; equal recipes give equal bytes.

    Open it with `nuscenes.open_nuscenes`, and see `part`.
    """
    place = cache.cache() / "sim_scenes" / recipe.key
    if not (place / TABLES / "sample.json").exists():
        with cache.workshop(f"sim_scenes_{recipe.key}", progress) as work:
            if not (place / TABLES / "sample.json").exists():
                write_nuscenes(work / "files", _all(recipe, progress), TABLES, NOTE)
                cache.install(work / "files", place)
    return place


def part(release: NuScenes, name: str) -> list[str]:
    """Return the samples of ``"train"`` or ``"validation"``."""
    return [s for s in release.samples if release.drive(s).startswith(name)]


def sim_scene(recipe: Recipe, name: str, number: int) -> Scene:
    """Return one scene of a set, the `number`-th of ``"train"`` or ``"validation"``, without the set."""
    rng = np.random.default_rng([recipe.seed, ("train", "validation").index(name), number])
    world, light = draw_world(rng, recipe.reach), draw_light(rng)
    points, rings = sweep(rng, world)
    size = (recipe.height, recipe.width)
    cameras = [photograph(rng, world, light, n, size, recipe.fine) for n in list(MOUNTS)[: recipe.cameras]]
    made = turned(world.boxes, inverse(LIDAR))
    made = replace(made, points=owners(points, made)[1], radar=np.zeros(len(made), np.int64))
    street = rigid(turn_z(rng.uniform(-np.pi, np.pi)), np.append(rng.uniform(0, 2000, 2), 0.0))
    return Scene(
        name=f"{name}-{number:05d}",
        points=points,
        rings=rings,
        cameras=tuple(sorted(cameras, key=lambda c: c.name)),
        boxes=made,
        pose=street @ LIDAR,
        ego=LIDAR,
        time=float(number),
        sequence=f"{name}-{number:05d}",
        note=NOTE,
    )


def _all(recipe: Recipe, progress: Callable[[int, int, str], None]) -> Iterator[Scene]:
    total = recipe.train + recipe.validation
    jobs = [("train", k) for k in range(recipe.train)] + [("validation", k) for k in range(recipe.validation)]
    for done, (name, number) in enumerate(jobs):
        yield sim_scene(recipe, name, number)
        progress(done + 1, total, "simulating scenes")
