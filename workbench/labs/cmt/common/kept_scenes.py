"""Scenes and boxes that a result keeps to be seen; read by pages, so without torch."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from workbench.contract import Result
from workbench.data.scenes.arrays import read_npz, write_npz
from workbench.data.scenes.scene import Boxes, Scene, boxes

OWN = "own scene"
NUMBERS = ("x", "y", "z", "length", "width", "height", "yaw", "vx", "vy")


def packed(scene: Scene) -> bytes:
    """Return a scene as the bytes of an NPZ file."""
    blob = io.BytesIO()
    write_npz(blob, scene)
    return blob.getvalue()


def unpacked(blob: bytes | np.ndarray) -> Scene:
    """Return the scene of `packed`."""
    with tempfile.NamedTemporaryFile(suffix=".npz") as file:
        file.write(bytes(blob))
        file.flush()
        return read_npz(Path(file.name))


def has_scenes(result: Result) -> bool:
    """Return True if a result keeps any scene."""
    return bool(_files(result))


def scenes_of(result: Result) -> dict[str, Scene]:
    """Return the scenes that a result keeps: name -> scene."""
    return {scene.name: scene for scene in (unpacked(result.media[file]) for file in _files(result))}


def _files(result: Result) -> list[str]:
    return sorted(name for name in result.media if name.startswith("scene_"))


def rows_of(found: Boxes) -> list[dict]:
    """Return a row for each box: its numbers in the scene's frame (m, rad, m/s), class and score."""
    numbers = np.concatenate([found.center, found.size, found.yaw[:, None], found.velocity], 1)
    rows = [dict(zip(NUMBERS, row, strict=True)) for row in numbers.tolist()]
    for row, name, score in zip(rows, found.names, found.score.tolist(), strict=True):
        row |= {"class": name, "score": score}
    return rows


def boxes_of(table: pd.DataFrame, classes: tuple[str, ...]) -> Boxes:
    """Return the boxes of rows."""
    numbers = table[list(NUMBERS)].to_numpy(float)
    label = [classes.index(name) for name in table["class"]]
    score = table["score"].to_numpy(float)
    return boxes(numbers[:, :3], numbers[:, 3:6], numbers[:, 6], label, classes, velocity=numbers[:, 7:], score=score)


def found_in(result: Result, scene: Scene, arm: str, condition: str) -> Boxes:
    """Return the boxes that an arm found in a kept scene, under a condition."""
    table = result.tables["boxes"]
    own = table[(table["scene"] == scene.name) & (table["arm"] == arm) & (table["condition"] == condition)]
    classes = tuple(dict.fromkeys((*(scene.boxes.classes if scene.boxes is not None else ()), *table["class"])))
    return boxes_of(own, classes)
