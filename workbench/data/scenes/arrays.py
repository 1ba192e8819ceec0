"""A scene as one NPZ file of plain arrays.

``points`` (N, 4 or 5): x, y, z in the scene frame (see `workbench.data.scenes.scene`), intensity, seconds. ``images``
(V, H, W, 3) uint8, or ``image_0``, ``image_1`` ... where sizes differ; ``intrinsics`` (V, 3, 3); ``extrinsics`` (V,
4, 4) from scene to camera. ``boxes`` (M, 7 or 9): center, length, width, height, yaw, and velocity; ``labels`` (M,),
words or indices into ``classes``. All may be absent, but not both points and images. `write_npz` writes also
``rings``, ``camera_names``, ``pose``, ``ego``, ``tracks``, ``attributes``, ``counts``, ``radar``, ``scores`` and
``said``.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from workbench.contract.errors import LabError
from workbench.data.npz import read_arrays
from workbench.data.scenes.checks import MAX_POINTS, checked
from workbench.data.scenes.scene import Boxes, Camera, Scene, boxes

LIMIT = 40 * MAX_POINTS  # bytes that a file may unpack to


def write_npz(path: Path | str, scene: Scene) -> None:
    """Write a scene so that `read_npz` gives it back."""
    arrays: dict[str, np.ndarray] = {"points": scene.points, "rings": scene.rings, "pose": scene.pose, "ego": scene.ego}
    for k, camera in enumerate(scene.cameras):
        arrays[f"image_{k}"] = camera.image
    if scene.cameras:
        arrays["camera_names"] = np.array([c.name for c in scene.cameras])
        arrays["intrinsics"] = np.stack([c.intrinsics for c in scene.cameras])
        arrays["extrinsics"] = np.stack([c.extrinsics for c in scene.cameras])
        arrays["camera_times"] = np.array([c.time for c in scene.cameras])
    if scene.boxes is not None:
        b = scene.boxes
        arrays |= {"boxes": np.concatenate([b.center, b.size, b.yaw[:, None], b.velocity], 1), "labels": b.label}
        arrays |= {"counts": b.points, "radar": b.radar, "scores": b.score}
        arrays |= {k: np.array(list(v), dtype=np.str_) for k, v in
                   (("classes", b.classes), ("tracks", b.track), ("attributes", b.attribute))}  # fmt: skip
    said = {k: getattr(scene, k) for k in ("name", "time", "token", "sequence", "note")}
    np.savez_compressed(path, said=np.array(json.dumps(said)), **arrays)


def read_npz(path: Path | str) -> Scene:
    """Read a scene; see the module for the arrays.

    Raises
    ------
    LabError
        If it is no NPZ file, an array has the wrong shape, or it would have to be unpickled.
    """
    path = Path(path)
    arrays = read_arrays(path, LIMIT)
    if not {"points", "images", "image_0"} & set(arrays):
        raise LabError(f"{path.name} holds {', '.join(arrays) or 'nothing'}.", "Name the arrays points and images.")
    said = json.loads(str(arrays["said"])) if "said" in arrays else {}
    points = _shaped(path, arrays, "points", (-1, (3, 4, 5)), np.float32, np.zeros((0, 5)))
    full = np.zeros((len(points), 5), np.float32)
    full[:, : points.shape[1]] = points
    rings = _shaped(path, arrays, "rings", (len(points),), np.int16, np.full(len(points), -1))
    scene = Scene(
        name=said.get("name", path.stem),
        points=full,
        rings=rings,
        cameras=_cameras(path, arrays),
        boxes=_boxes(path, arrays) if "boxes" in arrays else None,
        pose=_shaped(path, arrays, "pose", (4, 4), float, np.eye(4)),
        ego=_shaped(path, arrays, "ego", (4, 4), float, np.eye(4)),
        **{k: said[k] for k in ("time", "token", "sequence", "note") if k in said},
    )
    return checked(scene)


def _cameras(path: Path, arrays: dict[str, np.ndarray]) -> tuple[Camera, ...]:
    images = list(arrays["images"]) if "images" in arrays else []
    while f"image_{len(images)}" in arrays:
        images.append(arrays[f"image_{len(images)}"])
    v = len(images)
    if not v:
        return ()
    if any(i.dtype != np.uint8 for i in images):
        raise LabError(f"The images of {path.name} are {images[0].dtype}.", "Save them as uint8, 0 to 255.")
    for key in ("intrinsics", "extrinsics"):
        if key not in arrays:
            raise LabError(f"{path.name} has images but no {key}.", "Points and pixels meet only by a calibration.")
    intrinsics = _shaped(path, arrays, "intrinsics", (v, 3, 3), float, None)
    extrinsics = _shaped(path, arrays, "extrinsics", (v, 4, 4), float, None)
    names = [str(n) for n in arrays.get("camera_names", [f"camera {k}" for k in range(v)])]
    times = _shaped(path, arrays, "camera_times", (v,), float, np.zeros(v))
    if len(names) != v:
        raise LabError(f"{path.name} has {v} images but {len(names)} camera_names.", "Give one name an image.")
    return tuple(Camera(*row) for row in zip(names, images, intrinsics, extrinsics, times.tolist(), strict=True))


def _boxes(path: Path, arrays: dict[str, np.ndarray]) -> Boxes:
    rows = _shaped(path, arrays, "boxes", (-1, (7, 9)), float, None)
    m = len(rows)
    labels = arrays.get("labels", np.zeros(m, int))
    if labels.shape != (m,):
        raise LabError(f"{path.name} has {m} boxes but labels of the shape {labels.shape}.", "Give one a box.")
    classes = [str(c) for c in arrays.get("classes", [])]
    if labels.dtype.kind == "U":
        classes = classes or sorted(set(labels.tolist()))
        labels = np.array([classes.index(c) if c in classes else -1 for c in labels.tolist()], int)
    classes = classes or [f"class {k}" for k in range(int(labels.max(initial=-1)) + 1)]
    given = {"track": "tracks", "attribute": "attributes", "points": "counts", "radar": "radar", "score": "scores"}
    more = {key: _shaped(path, arrays, name, (m,), None, None) for key, name in given.items() if name in arrays}
    return boxes(
        rows[:, :3],
        rows[:, 3:6],
        rows[:, 6],
        labels,
        classes,
        velocity=rows[:, 7:] if rows.shape[1] == 9 else None,
        **more,
    )


def _shaped(
    path: Path, arrays: dict, key: str, shape: tuple, kind: type | None, default: np.ndarray | None
) -> np.ndarray:
    array = arrays.get(key, default)
    fits = array.ndim == len(shape) and all(
        want == -1 or have == want or (isinstance(want, tuple) and have in want)
        for have, want in zip(array.shape, shape, strict=True)
    )
    if not fits or (kind is not None and array.dtype.kind not in "biuf"):
        words = " x ".join(
            "any" if s == -1 else " or ".join(map(str, s)) if isinstance(s, tuple) else str(s) for s in shape
        )
        raise LabError(f"{key} of {path.name} has the shape {array.shape} ({array.dtype}).", f"Expected is {words}.")
    return array.astype(kind) if kind is not None else array
