"""The user's own scene, with detection of its layout."""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path

from workbench.contract.errors import LabError
from workbench.data.catalog import archives
from workbench.data.reader import reader
from workbench.data.scenes import arrays as scene_arrays
from workbench.data.scenes.checks import checked
from workbench.data.scenes.formats import (
    folder,
    kitti,
    mmdet3d,
    nuscenes,
)
from workbench.data.scenes.formats import (
    points as point_files,
)
from workbench.data.scenes.scene import Scene

SUFFIXES = (".zip", ".npz", *point_files.SUFFIXES)
MAX_UNPACKED = 2**32
PATTERNS = ("*.json", "*.txt", "*.bin", "*.pcd", "*.ply", "*.npz", "*.png", "*.jpg", "*.jpeg")


@reader
def open_scene(path: Path | str, frame: str = "") -> Scene:
    """Open one scene.

    Parameters
    ----------
    path
        A point cloud (``.bin``, ``.pcd``, ``.ply``), an NPZ file (see `arrays`), or a folder, or a zip of one, in
        the layout of nuScenes v1.0, KITTI's object benchmark, mmdetection3d's ``sample_info.json``, or with a
        ``calibration.json`` (see `formats.folder`).
    frame
        Which of several: a sample's token, a frame's number. The first by default.

    Raises
    ------
    LabError
        If it is none of these, or is damaged.
    """
    path = Path(path)
    name = path.name.lower()
    if not path.exists():
        raise LabError(f"There is no {path.name}.", "Check the path.")
    if name.endswith(".zip"):
        if not zipfile.is_zipfile(path):
            raise LabError(f"{path.name} is no zip archive, or is cut off.", "Pack it again.")
        with tempfile.TemporaryDirectory(prefix="workbench-zip-") as work:  # a scene is read whole: nothing stays there
            inside = archives.extract(path, "", Path(work) / path.stem, PATTERNS, MAX_UNPACKED)
            return open_scene(inside, frame)
    if path.is_dir():
        return _folder(path, frame)
    if name.endswith(".npz"):
        return scene_arrays.read_npz(path)
    if name.endswith(point_files.SUFFIXES):
        points, rings, remark = point_files.read_points(path)
        scene = Scene(path.name, points, rings, note=remark)
        if not len(points):
            raise LabError(f"{path.name} is empty: it has no points.", "A scene without points needs images.")
        return checked(scene)
    raise LabError(f"{path.name} is no scene that can be read here.", f"{', '.join(SUFFIXES)} and folders can.")


def frames(path: Path | str) -> list[str]:
    """Return the names of the frames of a folder; one empty name if it is one scene."""
    root = _root(Path(path))
    if nuscenes.versions(root):
        return list(nuscenes.open_nuscenes(root).samples)
    return kitti.frames(root) or [""]


def _folder(path: Path, frame: str) -> Scene:
    root = _root(path)
    if nuscenes.versions(root):
        release = nuscenes.open_nuscenes(root)
        if not len(release):
            raise LabError(f"{path.name} holds no sample.", "sample.json is empty.")
        return nuscenes.read_sample(release, frame or release.samples[0])
    if (root / mmdet3d.FILE).is_file():
        return mmdet3d.read_info(root, int(frame or 0))
    if (root / folder.FILE).is_file():
        return folder.read_folder(root)
    if found := kitti.frames(root):
        return kitti.read_frame(root, frame or found[0])
    files = [p for p in sorted(root.rglob("*")) if p.suffix.lower() in (".npz", *point_files.SUFFIXES)]
    if len(files) == 1:
        return open_scene(files[0])
    raise LabError(
        f"{path.name} holds no scene: {len(files)} point clouds, and nothing that joins them with images.",
        f"Expected is nuScenes (v1.0-*/sample.json), KITTI (velodyne, calib ...), or {folder.FILE}.",
    )


def _root(path: Path) -> Path:
    """Archives often have one folder around everything, and KITTI has ``training``: step into it."""
    marks = (mmdet3d.FILE, folder.FILE)
    for _ in range(4):
        if nuscenes.versions(path) or any((path / m).is_file() for m in marks) or kitti.frames(path):
            break
        inner = [p for p in sorted(path.iterdir()) if p.is_dir()] if path.is_dir() else []
        named = [p for p in inner if p.name in ("training", "object")]
        if len(inner) != 1 and not named:
            break
        path = (named or inner)[0]
    return path
