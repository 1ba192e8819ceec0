"""Scenes written in the layout of nuScenes v1.0, so that its reader, its devkit, and every other tool can open them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from workbench.contract.errors import LabError
from workbench.data.scenes.formats.nuscenes import CATEGORIES, LIDAR, TABLES
from workbench.data.scenes.geometry import inverse, moved, quarter_turn, to_quaternion, turn_z, turned
from workbench.data.scenes.scene import Scene

NAMED = {label: category for category, label in reversed(CATEGORIES.items())}  # the first category of each class
EMPTY = ("log", "map", "visibility")  # tables that the devkit asks for


def write_nuscenes(folder: Path, scenes: Iterable[Scene], version: str, note: str, quality: int = 90) -> None:
    """Write key frames.

    Parameters
    ----------
    folder
        Made here; ``samples`` and the tables go below it.
    scenes
        Frames of one drive (``sequence``) must follow each other in time. Their ``pose`` and ``ego`` place vehicle and
        sensors; tracks and attributes join the tables. nuScenes takes a velocity from the annotations before and after;
        for a frame without them a column ``velocity``, m/s in the world, is added, which other tools pass over.
    version
        The name of the folder of tables.
    note
        Of all of them; becomes the file ``NOTE.txt``.
    quality
        Of the JPEG images, 1 to 95.
    """
    rows: dict[str, list[dict]] = {k: [] for k in (*TABLES, *EMPTY)}
    known: dict[str, set[str]] = {k: set() for k in rows}

    def put(table: str, token: str, row: dict) -> str:
        if token not in known[table]:
            known[table].add(token)
            rows[table].append({"token": token} | row)
        return token

    log = put("log", _token("log"), {"logfile": "", "vehicle": "", "date_captured": "", "location": ""})
    put("map", _token("map"), {"category": "", "filename": "", "log_tokens": [log]})  # the devkit wants one of each
    last: dict[str, dict] = {}  # by drive, or by drive and track: the row before
    instances: dict[str, dict] = {}
    for scene in scenes:
        drive = scene.sequence or scene.name
        begun = put(
            "scene", _token("scene", drive), {"name": drive, "description": note, "nbr_samples": 0, "log_token": log}
        )
        micro = round(scene.time * 1e6)
        token = scene.token or _token("sample", drive, micro)
        sample = {"timestamp": micro, "scene_token": begun, "prev": "", "next": ""}
        put("sample", token, sample)
        _chain(last, ("sample", drive), rows["sample"][-1])
        vehicle = scene.pose @ inverse(scene.ego)  # to the world
        pose = put("ego_pose", _token("ego", token), _placed(vehicle) | {"timestamp": micro})
        if len(scene.points) or not scene.cameras:
            mount = scene.ego @ quarter_turn(turn_z(-np.pi / 2))  # nuScenes' LiDAR looks to the right
            name = f"samples/{LIDAR}/{token}.pcd.bin"
            _write_points(folder / name, scene)
            sensor = _sensor(put, LIDAR, "lidar", mount, [], drive)
            _put_data(put, name, "pcd", token, sensor, pose, micro, 0, 0)
        for camera in scene.cameras:
            name = f"samples/{camera.name}/{token}.jpg"
            _write_image(folder / name, camera.image, quality)
            mount = inverse(camera.extrinsics @ inverse(scene.ego))
            sensor = _sensor(put, camera.name, "camera", mount, camera.intrinsics.tolist(), drive)
            height, width = camera.image.shape[:2]
            _put_data(put, name, "jpg", token, sensor, pose, micro, width, height)
        if scene.boxes is not None:
            _annotate(put, rows, last, instances, scene, token, drive)
    for scene in rows["scene"]:
        tokens = [r["token"] for r in rows["sample"] if r["scene_token"] == scene["token"]]
        scene |= {"nbr_samples": len(tokens), "first_sample_token": tokens[0], "last_sample_token": tokens[-1]}
    place = folder / version
    place.mkdir(parents=True, exist_ok=True)
    for name, table in rows.items():
        (place / f"{name}.json").write_text(json.dumps(table), encoding="utf-8")
    (place / "NOTE.txt").write_text(note + "\n", encoding="utf-8")


def _annotate(put, rows: dict, last: dict, instances: dict, scene: Scene, token: str, drive: str) -> None:
    world = turned(scene.boxes, scene.pose)
    quaternions = to_quaternion(turn_z(world.yaw)) if len(world) else np.zeros((0, 4))
    for k, label in enumerate(world.names):
        category = put("category", _token("category", NAMED.get(label, label)), {"name": NAMED.get(label, label)})
        track = _token("instance", drive, world.track[k] or f"{token} {k}")
        said = str(world.attribute[k])
        row = {
            "sample_token": token,
            "instance_token": track,
            "visibility_token": "",
            "attribute_tokens": [put("attribute", _token("attribute", said), {"name": said})] if said else [],
            "translation": world.center[k].tolist(),
            "size": world.size[k, [1, 0, 2]].tolist(),
            "rotation": quaternions[k].tolist(),
            "num_lidar_pts": max(0, int(world.points[k])),
            "num_radar_pts": max(0, int(world.radar[k])),
            "prev": "",
            "next": "",
        }
        if np.isfinite(world.velocity[k]).all():
            row["velocity"] = world.velocity[k].tolist()
        name = put("sample_annotation", _token("annotation", token, k), row)
        if track not in instances:
            put("instance", track, {"category_token": category, "nbr_annotations": 0, "first_annotation_token": name})
            instances[track] = rows["instance"][-1]
        instances[track]["nbr_annotations"] += 1
        instances[track]["last_annotation_token"] = name
        _chain(last, ("annotation", track), rows["sample_annotation"][-1])


def _chain(last: dict, key: tuple, row: dict) -> None:
    if key in last:
        last[key]["next"], row["prev"] = row["token"], last[key]["token"]
    last[key] = row


def _sensor(put, channel: str, modality: str, mount: np.ndarray, intrinsics: list, drive: str) -> str:
    sensor = put("sensor", _token("sensor", channel), {"channel": channel, "modality": modality})
    placed = _placed(mount)
    token = _token("calibrated", channel, drive, placed, intrinsics)
    return put("calibrated_sensor", token, {"sensor_token": sensor, "camera_intrinsic": intrinsics} | placed)


def _put_data(
    put, name: str, form: str, sample: str, sensor: str, pose: str, time: int, width: int, height: int
) -> None:
    row = {
        "sample_token": sample, "ego_pose_token": pose, "calibrated_sensor_token": sensor, "filename": name,
        "fileformat": form, "width": width, "height": height, "timestamp": time, "is_key_frame": True,
        "next": "", "prev": "",
    }  # fmt: skip
    put("sample_data", _token("data", name), row)


def _write_points(path: Path, scene: Scene) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    own = scene.points[:, 4] == 0  # points of earlier sweeps have files of their own in nuScenes
    back = inverse(quarter_turn(turn_z(-np.pi / 2)))
    xyz = moved(back, scene.points[own, :3])
    columns = [xyz, np.rint(scene.points[own, 3:4] * 255), np.maximum(scene.rings[own, None], 0)]
    np.concatenate(columns, 1).astype("<f4").tofile(path)


def _write_image(path: Path, image: np.ndarray, quality: int) -> None:
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    if image.dtype != np.uint8:
        raise LabError(f"An image of {image.dtype} cannot be written.", "Images are uint8.")
    Image.fromarray(image).save(path, quality=quality, subsampling=0)


def _placed(matrix: np.ndarray) -> dict:
    return {"translation": matrix[:3, 3].tolist(), "rotation": to_quaternion(matrix[:3, :3]).tolist()}


def _token(*parts: object) -> str:
    return hashlib.md5(repr(parts).encode(), usedforsecurity=False).hexdigest()
