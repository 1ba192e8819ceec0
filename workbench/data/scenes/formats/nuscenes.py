"""nuScenes v1.0, read without its devkit: tables, sweeps and images (Caesar et al. 2020, arXiv 1903.11027)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from workbench.contract.errors import LabError
from workbench.data.scenes.checks import check_size, checked
from workbench.data.scenes.geometry import (
    from_quaternion,
    inverse,
    moved,
    quarter_turn,
    rigid,
    turned,
    yaw_of,
)
from workbench.data.scenes.images import read_image
from workbench.data.scenes.scene import Boxes, Camera, Scene, boxes

CLASSES = (
    "car", "truck", "trailer", "bus", "construction_vehicle", "bicycle", "motorcycle", "pedestrian", "traffic_cone",
    "barrier",
)  # fmt: skip
"""The ten classes of the detection task, in the order of mmdetection3d."""

CATEGORIES = {
    "movable_object.barrier": "barrier",
    "vehicle.bicycle": "bicycle",
    "vehicle.bus.bendy": "bus",
    "vehicle.bus.rigid": "bus",
    "vehicle.car": "car",
    "vehicle.construction": "construction_vehicle",
    "vehicle.motorcycle": "motorcycle",
    "human.pedestrian.adult": "pedestrian",
    "human.pedestrian.child": "pedestrian",
    "human.pedestrian.construction_worker": "pedestrian",
    "human.pedestrian.police_officer": "pedestrian",
    "movable_object.trafficcone": "traffic_cone",
    "vehicle.trailer": "trailer",
    "vehicle.truck": "truck",
}
"""The class of the detection task that each category counts as; the others count as none."""

TABLES = (
    "category", "attribute", "instance", "sensor", "calibrated_sensor", "ego_pose", "scene", "sample", "sample_data",
    "sample_annotation",
)  # fmt: skip
LIDAR = "LIDAR_TOP"
LONGEST = 1.5  # s between two annotations of which a velocity is taken, as in the devkit


@dataclass(frozen=True)
class NuScenes:
    """An opened release.

    Attributes
    ----------
    folder
        With ``samples``, ``sweeps`` and the tables' folder.
    version
        The name of that folder, such as ``"v1.0-mini"``.
    samples
        Tokens of the key frames, drive after drive, in the order of time.
    note
        From a file ``NOTE.txt`` beside the tables: whoever wrote the folder has something to say, such as that it is
        simulated.
    """

    folder: Path
    version: str
    samples: tuple[str, ...]
    note: str
    tables: dict[str, dict[str, dict]] = field(repr=False)
    data: dict[str, dict[str, dict]] = field(repr=False)
    annotations: dict[str, list[dict]] = field(repr=False)

    def __len__(self) -> int:
        return len(self.samples)

    def drive(self, sample: str) -> str:
        """Return the name of the drive (``scene`` in the tables) that a key frame belongs to."""
        return self.tables["scene"][self.tables["sample"][sample]["scene_token"]]["name"]


def versions(folder: Path) -> list[str]:
    """Return the names of the folders that hold tables."""
    return sorted(p.parent.name for p in folder.glob("*/sample_data.json")) if folder.is_dir() else []


def open_nuscenes(folder: Path | str, version: str = "") -> NuScenes:
    """Open a release.

    Parameters
    ----------
    folder
        The one that holds ``samples`` and the folder of tables.
    version
        The latter's name; needed if there are several.

    Raises
    ------
    LabError
        If a table is missing or broken.
    """
    folder = Path(folder)
    found = [version] if version else versions(folder)
    if len(found) != 1:
        raise LabError(
            f"{folder.name} holds {len(found)} folders of nuScenes' tables ({', '.join(found) or 'none'}).",
            "Expected is a folder such as v1.0-mini with sample.json and the others.",
        )
    tables = {name: _table(folder / found[0] / f"{name}.json") for name in TABLES}
    try:
        data: dict[str, dict[str, dict]] = {}
        for row in tables["sample_data"].values():
            if row["is_key_frame"]:
                sensor = tables["calibrated_sensor"][row["calibrated_sensor_token"]]["sensor_token"]
                data.setdefault(row["sample_token"], {})[tables["sensor"][sensor]["channel"]] = row
        annotations: dict[str, list[dict]] = {}
        for row in tables["sample_annotation"].values():
            annotations.setdefault(row["sample_token"], []).append(row)
        rows = sorted(
            tables["sample"].values(), key=lambda r: (tables["scene"][r["scene_token"]]["name"], r["timestamp"])
        )
    except (KeyError, TypeError) as error:
        raise _broken(found[0], error) from error
    remarks = folder / found[0] / "NOTE.txt"
    note = remarks.read_text(encoding="utf-8").strip() if remarks.is_file() else ""
    return NuScenes(folder, found[0], tuple(r["token"] for r in rows), note, tables, data, annotations)


def read_sample(
    release: NuScenes, sample: str, sweeps: int = 0, images: bool = True, classes: Iterable[str] = CLASSES
) -> Scene:
    """Read a key frame.

    Parameters
    ----------
    release
        See `open_nuscenes`.
    sample
        A token of ``release.samples``.
    sweeps
        How many sweeps before it are joined to its own points, moved to where the vehicle stands now; their points tell
        by how many seconds they are older. The detection literature takes 9, which are 10 with the key frame's.
    images
        False leaves the cameras out.
    classes
        What is annotated; other boxes are left out.

    Returns
    -------
    Scene
        A sensor without a file in the tables is absent.

    Raises
    ------
    LabError
        If the tables contradict each other, or a file is missing or damaged.
    """
    if sample not in release.tables["sample"]:
        raise LabError(f"There is no sample {sample!r}.", "Tokens are in sample.json.")
    try:
        return checked(_sample(release, sample, sweeps, images, tuple(classes)))
    except (KeyError, TypeError, ValueError) as error:
        raise _broken(release.version, error) from error


def _sample(release: NuScenes, sample: str, sweeps: int, images: bool, classes: tuple[str, ...]) -> Scene:
    rows = release.data.get(sample, {})
    anchor = rows.get(LIDAR) or next(iter(rows.values()), None)  # the vehicle's own frame if there is no LiDAR
    if anchor is None:
        raise LabError(f"No sensor saw the sample {sample}.", "sample_data.json lacks its rows.")
    if LIDAR in rows:
        mount = _mount(release, anchor)
        turn = quarter_turn(mount[:3, :3])
        ego = mount @ inverse(turn)  # from scene to vehicle
    else:
        turn, ego = np.eye(4), np.eye(4)
    pose = _pose(release, anchor) @ ego
    clouds = [(np.zeros((0, 5), np.float32), np.zeros(0, np.int16))]
    row, remarks = rows.get(LIDAR), []
    for _ in range(sweeps + 1):
        if not row:
            break
        points, rings, words = _cloud(release, row)
        remarks += [words] if words else []
        here = turn if row is anchor else inverse(pose) @ _pose(release, row) @ _mount(release, row)
        points[:, :3] = moved(here, points[:, :3].astype(float))
        points[:, 4] = (anchor["timestamp"] - row["timestamp"]) / 1e6
        clouds.append((points, rings))
        row = release.tables["sample_data"].get(row["prev"])
    cameras = [n for n in rows if n.startswith("CAM")] if images else []
    info = release.tables["sample"][sample]
    scene = Scene(
        name=f"{release.drive(sample)} {info['timestamp']}",
        points=np.concatenate([c[0] for c in clouds]),
        rings=np.concatenate([c[1] for c in clouds]),
        cameras=tuple(_camera(release, name, rows[name], pose, anchor["timestamp"]) for name in sorted(cameras)),
        boxes=_boxes(release, sample, pose, classes) if release.annotations else None,
        pose=pose,
        ego=ego,
        time=info["timestamp"] / 1e6,
        token=sample,
        sequence=release.drive(sample),
    )
    return scene.noted(release.note, *sorted(set(remarks)))


def _cloud(release: NuScenes, row: dict) -> tuple[np.ndarray, np.ndarray, str]:
    from workbench.data.scenes.formats.points import read_points

    points, rings, words = read_points(release.folder / row["filename"], 5)
    return points, rings, words


def _camera(release: NuScenes, name: str, row: dict, pose: np.ndarray, time: int) -> Camera:
    """The camera's own ego pose counts: the vehicle moves between the sweep and the picture."""
    image = read_image(release.folder / row["filename"])
    check_size(name, image, int(row.get("width") or 0), int(row.get("height") or 0))
    sensor = release.tables["calibrated_sensor"][row["calibrated_sensor_token"]]
    intrinsics = np.array(sensor["camera_intrinsic"], float).reshape(3, 3)
    extrinsics = inverse(_pose(release, row) @ _mount(release, row)) @ pose
    return Camera(name, image, intrinsics, extrinsics, (row["timestamp"] - time) / 1e6)


def _boxes(release: NuScenes, sample: str, pose: np.ndarray, classes: tuple[str, ...]) -> Boxes:
    tables, rows = release.tables, []
    for row in release.annotations.get(sample, []):
        category = tables["category"][tables["instance"][row["instance_token"]]["category_token"]]["name"]
        label = CATEGORIES.get(category, category)
        if label in classes:
            rows.append((classes.index(label), row))
    size = np.array([r["size"] for _, r in rows], float).reshape(-1, 3)[:, [1, 0, 2]]  # w, l, h -> l, w, h
    turn = from_quaternion(np.array([r["rotation"] for _, r in rows], float).reshape(-1, 4))
    world = boxes(
        np.array([r["translation"] for _, r in rows], float).reshape(-1, 3),
        size,
        yaw_of(turn),
        [k for k, _ in rows],
        classes,
        velocity=np.array([_velocity(release, r) for _, r in rows]).reshape(-1, 2),
        track=[r["instance_token"] for _, r in rows],
        attribute=[
            tables["attribute"][r["attribute_tokens"][0]]["name"] if r["attribute_tokens"] else "" for _, r in rows
        ],
        points=[r["num_lidar_pts"] for _, r in rows],
        radar=[r["num_radar_pts"] for _, r in rows],
    )
    return turned(world, inverse(pose))


def _velocity(release: NuScenes, row: dict) -> tuple[float, float]:
    """From the annotation before to the one after, as in the devkit: NaN if they are too far apart or do not exist.

    Without either, what `nuscenes_write` may have written counts.
    """
    known, samples = release.tables["sample_annotation"], release.tables["sample"]
    first, last = known.get(row["prev"], row), known.get(row["next"], row)
    if first is last:
        return tuple(row.get("velocity", (np.nan, np.nan)))
    seconds = (samples[last["sample_token"]]["timestamp"] - samples[first["sample_token"]]["timestamp"]) / 1e6
    both = bool(row["prev"]) and bool(row["next"])
    if not 0 < seconds <= LONGEST * (2 if both else 1):
        return np.nan, np.nan
    way = np.subtract(last["translation"][:2], first["translation"][:2]) / seconds
    return float(way[0]), float(way[1])


def _mount(release: NuScenes, row: dict) -> np.ndarray:
    """From the sensor to the vehicle."""
    return _rigid(release.tables["calibrated_sensor"][row["calibrated_sensor_token"]])


def _pose(release: NuScenes, row: dict) -> np.ndarray:
    """From the vehicle, when the sensor measured, to the world."""
    return _rigid(release.tables["ego_pose"][row["ego_pose_token"]])


def _rigid(row: dict) -> np.ndarray:
    return rigid(from_quaternion(np.array(row["rotation"], float)), np.array(row["translation"], float))


def _table(path: Path) -> dict[str, dict]:
    if not path.is_file():
        raise LabError(
            f"The table {path.parent.name}/{path.name} is missing.", "Unpack the meta data of nuScenes again."
        )
    try:
        return {row["token"]: row for row in json.loads(path.read_text(encoding="utf-8"))}
    except (ValueError, KeyError, TypeError) as error:
        raise LabError(f"{path.name} is no table of nuScenes: {error}.", "Unpack the meta data again.") from error


def _broken(version: str, error: Exception) -> LabError:
    return LabError(f"The tables of {version} do not fit together: {error!r}.", "Unpack the meta data again.")
