"""Scenes that are damaged, odd or only half there: each is read rightly or explained in a sentence."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from workbench.contract.errors import LabError
from workbench.data.scenes import arrays as scene_arrays
from workbench.data.scenes.card import scene_card
from workbench.data.scenes.checks import MAX_POINTS, checked
from workbench.data.scenes.formats import nuscenes, nuscenes_write, pcd
from workbench.data.scenes.formats.folder import read_folder
from workbench.data.scenes.formats.points import read_points
from workbench.data.scenes.geometry import rigid
from workbench.data.scenes.own import open_scene
from workbench.data.scenes.scene import Camera, Scene, boxes

CASES = Path(__file__).parents[2] / "cases"
rng = np.random.default_rng(0)
XYZI = np.c_[rng.uniform(-40, 40, (500, 3)), rng.uniform(0, 1, 500)].astype(np.float32)
AHEAD = rigid(np.array([[0, -1, 0], [0, 0, -1], [1, 0, 0.0]]), np.zeros(3))
K = np.array([[50, 0, 32], [0, 50, 24], [0, 0, 1.0]])


def camera(**changes) -> Camera:
    given = {"name": "front", "image": np.zeros((48, 64, 3), np.uint8), "intrinsics": K, "extrinsics": AHEAD}
    return Camera(**{**given, **changes})


def scene(points=XYZI, **more) -> Scene:
    full = np.zeros((len(points), 5), np.float32)
    full[:, : points.shape[1]] = points
    return Scene("s", full, np.full(len(points), -1, np.int16), **more)


# Point clouds


def test_an_empty_bin_is_an_absent_lidar_but_alone_no_scene(tmp_path):
    (tmp_path / "a.bin").touch()
    assert read_points(tmp_path / "a.bin")[0].shape == (0, 5)
    with pytest.raises(LabError, match="a.bin is empty"):
        open_scene(tmp_path / "a.bin")
    assert len(checked(scene(XYZI[:0], cameras=(camera(),))).points) == 0
    with pytest.raises(LabError, match="neither points nor images"):
        checked(scene(XYZI[:0]))


@pytest.mark.parametrize("columns", [3, 4, 5])
@pytest.mark.parametrize("from_float32", [True, False])
def test_float64_is_named(columns, from_float32, tmp_path):
    wide = np.c_[XYZI, np.arange(500) % 32][:, :columns].astype(np.float64)
    (wide if from_float32 else wide + 1e-9 * rng.normal(size=wide.shape)).tofile(tmp_path / "a.bin")
    with pytest.raises(LabError, match="holds float64 numbers.*astype"):
        read_points(tmp_path / "a.bin")


def test_a_cut_bin_is_named(tmp_path):
    (tmp_path / "a.bin").write_bytes(XYZI.tobytes()[:-7])
    with pytest.raises(LabError, match="7,993 bytes, which are no rows of 3, 4, 5, 6 or 7"):
        read_points(tmp_path / "a.bin")
    (tmp_path / "b.bin").write_bytes(XYZI.tobytes()[:-4])
    with pytest.raises(LabError, match="cut off"):
        read_points(tmp_path / "b.bin", 4)


def test_nan_points_are_left_out_and_counted(tmp_path):
    odd = XYZI.copy()
    odd[::10, 1] = np.nan
    odd[1, 0], odd[2, 3] = np.inf, np.nan
    odd.tofile(tmp_path / "a.bin")
    found = open_scene(tmp_path / "a.bin")
    assert len(found.points) == 449 == len(found.rings) and np.isfinite(found.points).all()
    assert "51 of 500 points are not finite and were left out" in found.note and "of 1 points" in found.note
    with pytest.raises(LabError, match="None of the 40 points"):
        checked(scene(np.full((40, 4), np.nan)))


def test_one_point_is_a_scene(tmp_path):
    np.array([[5, 0, 0, 0.5]], np.float32).tofile(tmp_path / "a.bin")
    card = scene_card(tmp_path / "a.bin")
    assert card.points == 1 and card.warnings[0] == "Only 1 points."


def test_five_million_points_are_read_and_too_many_are_refused(tmp_path):
    np.tile(XYZI, (10_000, 1)).tofile(tmp_path / "a.bin")
    assert len(open_scene(tmp_path / "a.bin").points) == 5_000_000
    with (tmp_path / "b.bin").open("wb") as file:
        file.truncate(41 * MAX_POINTS)
    with pytest.raises(LabError, match="more than can be shown.*Thin it out"):
        read_points(tmp_path / "b.bin")


def pcd_bytes(form: str, number: int = 500, end: str = "\n") -> bytes:
    head = (
        f"# .PCD v0.7\nVERSION 0.7\nFIELDS x y z intensity\nSIZE 4 4 4 4\nTYPE F F F F\nCOUNT 1 1 1 1\nWIDTH {number}\n"
    )
    head += f"HEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS {number}\nDATA {form}\n"
    head = head.replace("\n", end)
    if form == "ascii":
        return head.encode() + end.join(" ".join(map(repr, map(float, row))) for row in XYZI).encode()
    if form == "binary":
        return head.encode() + XYZI.tobytes()
    whole = XYZI.T.tobytes()
    literal = b"".join(bytes([len(whole[i : i + 32]) - 1]) + whole[i : i + 32] for i in range(0, len(whole), 32))
    return head.encode() + struct.pack("<II", len(literal), len(whole)) + literal


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("form", ["ascii", "binary", "binary_compressed"])
def test_pcd_is_read_and_a_truncated_one_named(form, end, tmp_path):
    path = tmp_path / "a.pcd"
    path.write_bytes(pcd_bytes(form, end=end))
    np.testing.assert_allclose(open_scene(path).points[:, :4], XYZI, rtol=1e-6)
    path.write_bytes(pcd_bytes(form)[:-300])
    with pytest.raises(LabError, match=r"a.pcd is cut off: its header says 500 points"):
        open_scene(path)


def test_lzf_copies_may_run_into_themselves():
    assert pcd.unpack(bytes([2]) + b"abc" + bytes([(3 << 5), 2]), 8) == b"abcabcab"
    assert pcd.unpack(bytes([0]) + b"a" + bytes([(7 << 5), 20, 0]), 30) == b"a" * 30
    for bad, size in ((bytes([2]) + b"abc", 9), (bytes([1 << 5, 9]), 3)):
        with pytest.raises(LabError, match="do not unpack"):
            pcd.unpack(bad, size)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("order", ["<", ">", "ascii"])
def test_ply_is_read_and_a_truncated_one_named(order, end, tmp_path):
    form = {"<": "binary_little_endian", ">": "binary_big_endian", "ascii": "ascii"}[order]
    head = f"ply\nformat {form} 1.0\nelement vertex 500\nproperty double x\nproperty float y\nproperty float z\n"
    head += "property uchar red\nproperty float scalar_intensity\nend_header\n"
    head = head.replace("\n", end)
    kinds = [(n, t) for n, t in zip("xyzri", ("f8", "f4", "f4", "u1", "f4"), strict=True)]
    rows = np.zeros(500, [(n, ("<" if order == "ascii" else order) + t) for n, t in kinds])
    for k, n in enumerate("xyz"):
        rows[n] = XYZI[:, k]
    rows["i"] = XYZI[:, 3]
    body = end.join(" ".join(map(str, r)) for r in rows.tolist()).encode() if order == "ascii" else rows.tobytes()
    (tmp_path / "a.ply").write_bytes(head.encode() + body)
    np.testing.assert_allclose(open_scene(tmp_path / "a.ply").points[:, :4], XYZI, rtol=1e-6)
    (tmp_path / "a.ply").write_bytes(head.encode() + body[:-400])
    with pytest.raises(LabError, match="a.ply is cut off: its header says 500 points"):
        open_scene(tmp_path / "a.ply")


def test_ply_with_carriage_returns_alone():
    lines = (CASES / "cr_ascii.ply").read_bytes().split(b"end_header\r")[1].split(b"\r")
    expected = np.array([line.split() for line in lines if line.strip()], float)
    assert expected.shape == (500, 4)
    np.testing.assert_allclose(open_scene(CASES / "cr_ascii.ply").points[:, :4], expected, rtol=1e-6)


BAD_FILES = {
    "no header.pcd": (b"hello", "has no PCD header"),
    "huge.pcd": (pcd_bytes("binary", 10**9), "claims 1,000,000,000 points"),
    "no xyz.pcd": (pcd_bytes("binary").replace(b"x y z", b"a b c"), "has the fields a, b, c"),
    "odd.pcd": (pcd_bytes("binary").replace(b"DATA binary", b"DATA zipped"), "data of the kind 'zipped'"),
    "words.pcd": (pcd_bytes("ascii").replace(b"0.", b"x.", 5), "cannot be read"),
    "no header.ply": (b"hello", "has no PLY header"),
    "no end.ply": (b"ply\nformat ascii 1.0\n", "has no end"),
    "faces.ply": (b"ply\nformat ascii 1.0\nelement face 1\nend_header\n", "face before its vertices"),
    "picture.png": (b"", "no scene that can be read"),
    "a.zip": (b"PK", "no zip archive"),
    "a.npz": (b"PK\x03\x04", "no NPZ file"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_explained(name, tmp_path):
    (tmp_path / name).write_bytes(BAD_FILES[name][0])
    with pytest.raises(LabError, match=BAD_FILES[name][1]) as caught:
        open_scene(tmp_path / name)
    assert caught.value.hint


# Calibration, images, boxes


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"intrinsics": np.zeros((3, 3))}, "intrinsics of front are singular"),
        ({"intrinsics": np.diag([50, np.nan, 1])}, "intrinsics of front are singular"),
        ({"extrinsics": np.diag([1, 1, 0, 1.0])}, "extrinsics of front are singular, mirrored or skewed"),
        ({"extrinsics": np.diag([1, 1, -1, 1.0])}, "singular, mirrored or skewed"),
        ({"extrinsics": np.full((4, 4), np.nan)}, "no 4 x 4 finite numbers"),
        ({"image": np.zeros((24, 24, 3), np.uint8)}, r"principal point of front, \(32, 24\), lies outside"),
        ({"image": np.zeros((48, 64), np.uint8)}, r"has the shape \(48, 64\)"),
    ],
)
def test_a_camera_that_cannot_be_used_is_named(changes, why):
    with pytest.raises(LabError, match=why):
        checked(scene(cameras=(camera(**changes),)))


def test_boxes_without_a_volume_are_left_out_and_counted():
    odd = boxes(np.zeros((4, 3)), [[4, 2, 1], [4, 0, 1], [4, 2, -1], [4, 2, np.nan]], np.zeros(4), [0] * 4, ["car"])
    found = checked(scene(boxes=odd))
    assert len(found.boxes) == 1 and found.note == "3 boxes without a volume were left out"
    with pytest.raises(LabError, match="class without a name"):
        checked(scene(boxes=boxes(np.zeros((1, 3)), np.ones((1, 3)), [0], [7], ["car"])))


def folder(tmp_path: Path, **changes) -> Path:
    """A folder with a calibration.json, a point cloud whose y looks ahead, and a camera."""
    XYZI.tofile(tmp_path / "sweep.bin")
    Image.fromarray(np.full((48, 64, 3), 90, np.uint8)).save(tmp_path / "front.png")
    right = rigid(np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0.0]]), np.zeros(3))
    told = {
        "points": "sweep.bin",
        "forward": "y",
        "cameras": {"front": {"image": "front.png", "intrinsics": K.tolist(), "extrinsics": right.tolist(),
                              "width": 64, "height": 48}},
        "boxes": [{"class": "car", "center": [1, 9, 0], "size": [4, 2, 1.5], "yaw": np.pi / 2}],
    }  # fmt: skip
    for key, value in changes.items():
        at = told["cameras"]["front"] if key in ("image", "intrinsics", "extrinsics", "width") else told
        if value is None:
            at.pop(key)
        else:
            at[key] = value
    (tmp_path / "calibration.json").write_text(json.dumps(told))
    return tmp_path


def test_a_calibration_json_joins_points_images_and_boxes(tmp_path):
    found = open_scene(folder(tmp_path))
    np.testing.assert_allclose(found.points[:, :2], np.c_[XYZI[:, 1], -XYZI[:, 0]], rtol=1e-6)  # y was ahead
    assert found.boxes.center[0].round(6).tolist() == [9, -1, 0] and abs(found.boxes.yaw[0]) < 1e-9
    spot = found.cameras[0].projection @ (9, -1, 0, 1)
    assert (spot[:2] / spot[2]).round(3).tolist() == [round(32 + 50 / 9, 3), 24]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"forward": "up"}, "says that 'up' looks ahead"),
        ({"points": "other.bin"}, "There is no point cloud other.bin"),
        ({"points": "../secret.bin"}, "lies outside of its folder"),
        ({"image": "other.png"}, "There is no image other.png"),
        ({"intrinsics": None}, "lacks intrinsics"),
        ({"intrinsics": [1, 2]}, "intrinsics of camera front are no 3 x 3 numbers"),
        ({"width": 1600}, "has 64 x 48 pixels, but was calibrated with 1600 x 48"),
        ({"boxes": [{"class": "car"}]}, "A box in calibration.json is not complete"),
        ({"cameras": []}, "no JSON object"),
    ],
)
def test_a_bad_calibration_json_is_explained(changes, why, tmp_path):
    with pytest.raises(LabError, match=why):
        read_folder(folder(tmp_path, **changes))


def test_a_sensor_that_is_left_out_of_the_json_is_absent(tmp_path):
    assert read_folder(folder(tmp_path, cameras={})).cameras == ()
    assert len(read_folder(folder(tmp_path, points="")).points) == 0
    (tmp_path / "calibration.json").write_text("{")
    with pytest.raises(LabError, match="is no JSON"):
        read_folder(tmp_path)


def test_bad_npz_is_explained(tmp_path):
    image = np.zeros((1, 48, 64, 3), np.uint8)
    for arrays, why in (
        ({"cloud": XYZI}, "holds cloud"),
        ({"points": XYZI[:, :2]}, r"points of .* has the shape \(500, 2\)"),
        ({"points": np.array([object()])}, "holds Python objects"),
        ({"points": XYZI, "images": image}, "images but no intrinsics"),
        ({"points": XYZI, "images": image / 2, "intrinsics": K[None], "extrinsics": AHEAD[None]}, "float64"),
        ({"points": XYZI, "boxes": np.zeros((2, 5))}, r"boxes of .* has the shape \(2, 5\)"),
        ({"points": XYZI, "boxes": np.ones((2, 7)), "labels": np.zeros(3)}, "2 boxes but labels"),
    ):
        np.savez(tmp_path / "a.npz", **arrays)
        with pytest.raises(LabError, match=why):
            scene_arrays.read_npz(tmp_path / "a.npz")
    np.savez(tmp_path / "a.npz", points=XYZI, boxes=np.ones((2, 7)), labels=np.array(["car", "van"]))
    assert list(scene_arrays.read_npz(tmp_path / "a.npz").boxes.names) == ["car", "van"]


# Layouts


def release(tmp_path: Path) -> Path:
    frame = scene(cameras=(camera(name="CAM_FRONT"),), boxes=boxes([[5, 0, 0]], [[4, 2, 1]], [0], [0], ["car"]))
    nuscenes_write.write_nuscenes(tmp_path, [frame], "v1.0-x", "")
    return tmp_path


def test_broken_tables_are_explained(tmp_path):
    place = release(tmp_path) / "v1.0-x"
    (place / "ego_pose.json").write_text("[]")
    found = nuscenes.open_nuscenes(tmp_path)
    with pytest.raises(LabError, match="do not fit together: KeyError"):
        nuscenes.read_sample(found, found.samples[0])
    with pytest.raises(LabError, match="There is no sample 'x'"):
        nuscenes.read_sample(found, "x")
    (place / "sensor.json").write_text("[{")
    with pytest.raises(LabError, match="sensor.json is no table"):
        nuscenes.open_nuscenes(tmp_path)
    (place / "sensor.json").unlink()
    with pytest.raises(LabError, match="v1.0-x/sensor.json is missing"):
        nuscenes.open_nuscenes(tmp_path)
    with pytest.raises(LabError, match="0 folders of nuScenes"):
        nuscenes.open_nuscenes(tmp_path / "samples")


def test_an_image_of_another_size_and_a_lost_file_are_named(tmp_path):
    image = next(release(tmp_path).glob("samples/CAM_FRONT/*.jpg"))
    Image.fromarray(np.zeros((24, 32, 3), np.uint8)).save(image)
    with pytest.raises(LabError, match="32 x 24 pixels, but was calibrated with 64 x 48"):
        open_scene(tmp_path)
    image.write_bytes(b"no image")
    with pytest.raises(LabError, match="cannot be read as an image"):
        open_scene(tmp_path)
    image.unlink()
    with pytest.raises(LabError, match="There is no image"):
        open_scene(tmp_path)


def test_a_kitti_folder_without_its_calibration_or_with_a_broken_one(tmp_path):
    for name in ("velodyne", "calib", "label_2"):
        (tmp_path / name).mkdir()
    XYZI.tofile(tmp_path / "velodyne" / "000001.bin")
    assert open_scene(tmp_path).cameras == ()  # without a calibration it is a folder with one point cloud
    calib = tmp_path / "calib" / "000001.txt"
    eye = "1 0 0 0 0 1 0 0 0 0 1 0"
    for text, why in (
        ("nothing", "lacks P2, R0_rect, Tr_velo_to_cam"),
        (f"P2: {eye}\nR0_rect: 1 0 0 0 1 0 0 0 0\nTr_velo_to_cam: {eye}", "R0_rect of 000001.txt is singular"),
        (f"P2: 0 {eye[2:]}\nR0_rect: 1 0 0 0 1 0 0 0 1\nTr_velo_to_cam: {eye}", "P2 of 000001.txt is singular"),
    ):
        calib.write_text(text)
        with pytest.raises(LabError, match=why):
            open_scene(tmp_path)
    calib.write_text(f"P2: {eye}\nR0_rect: 1 0 0 0 1 0 0 0 1\nTr_velo_to_cam: {eye}")
    (tmp_path / "label_2" / "000001.txt").write_text("Car 0 0\n")
    with pytest.raises(LabError, match="000001.txt is no label file"):
        open_scene(tmp_path)
    (tmp_path / "label_2" / "000001.txt").write_text("DontCare -1 -1 -10 0 0 0 0 -1 -1 -1 -1000 -1000 -1000 -10\n")
    assert len(open_scene(tmp_path).boxes) == 0
