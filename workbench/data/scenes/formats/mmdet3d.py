"""One key frame of nuScenes as mmdetection3d describes it: a ``sample_info.json`` beside its sweep and images."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from workbench.contract.errors import LabError
from workbench.data.scenes.checks import checked
from workbench.data.scenes.formats.points import read_points
from workbench.data.scenes.geometry import inverse, moved, quarter_turn, turned
from workbench.data.scenes.images import read_image
from workbench.data.scenes.scene import Camera, Scene, boxes

FILE = "sample_info.json"


def read_info(folder: Path | str, index: int = 0) -> Scene:
    """Read a frame.

    Parameters
    ----------
    folder
        That of `FILE`, of the sweep and of the images; in the file, boxes are x, y, z of the center, length, width,
        height and yaw in the LiDAR's frame.
    index
        Which of the file's frames.

    Raises
    ------
    LabError
        If the description or a file is missing or damaged.
    """
    folder = Path(folder)
    try:
        content = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return checked(_scene(folder, content["data_list"][index], content["metainfo"]["categories"]))
    except OSError as error:
        raise LabError(f"{folder.name} holds no {FILE}.", "Fetch the frame anew.") from error
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise LabError(f"{FILE} is not what mmdetection3d writes: {error!r}.", "Fetch the frame anew.") from error


def _scene(folder: Path, info: dict, categories: dict[str, int]) -> Scene:
    lidar = info["lidar_points"]
    mount = np.array(lidar["lidar2ego"], float)
    turn = quarter_turn(mount[:3, :3])
    points, rings, words = read_points(folder / lidar["lidar_path"], int(lidar.get("num_pts_feats", 0)), usual=5)
    points[:, :3] = moved(turn, points[:, :3].astype(float))
    cameras = []
    for name, row in sorted(info["images"].items()):
        extrinsics = np.array(row["lidar2cam"], float) @ inverse(turn)
        late = float(row.get("timestamp", info["timestamp"])) - float(info["timestamp"])
        image = read_image(folder / row["img_path"])
        cameras.append(Camera(name, image, np.array(row["cam2img"], float)[:3, :3], extrinsics, late))
    rows = [r for r in info["instances"] if r["bbox_label_3d"] >= 0]  # -1: no class of the detection task
    numbers = np.array([r["bbox_3d"] for r in rows], float).reshape(-1, 7)
    own = boxes(
        numbers[:, :3],
        numbers[:, 3:6],
        numbers[:, 6],
        [r["bbox_label_3d"] for r in rows],
        sorted(categories, key=categories.get),
        velocity=np.array([r.get("velocity", (np.nan, np.nan)) for r in rows], float).reshape(-1, 2),
        points=[r.get("num_lidar_pts", -1) for r in rows],
        radar=[r.get("num_radar_pts", -1) for r in rows],
    )
    return Scene(
        name=f"nuScenes {info['token'][:8]}",
        points=points,
        rings=rings,
        cameras=tuple(cameras),
        boxes=turned(own, turn),
        pose=np.array(info["ego2global"], float) @ mount @ inverse(turn),
        ego=mount @ inverse(turn),
        time=float(info["timestamp"]),
        token=info["token"],
        note=words,
    )
