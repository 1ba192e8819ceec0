"""Images of the user's own in folders and zips: every form that is read, everything that is wrong told in words."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from workbench.contract.errors import LabError
from workbench.data.images import own as own_images
from workbench.data.images.named import ImageSet
from workbench.data.images.own import read_images
from workbench.data.images.pixels import MAX_SIDE


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def gray(n: int, side: int = 12) -> np.ndarray:
    return rng(n).integers(0, 256, (n, side, side), dtype=np.uint8)


def counts(images: ImageSet) -> list[list[int]]:
    n = len(images.classes)
    return [np.bincount(y, minlength=n).tolist() for y in (images.train_labels, images.test_labels)]


def folders(root: Path, sizes: dict[str, int], make: Callable[[int], Image.Image] | None = None) -> Path:
    """Write folders of PNG files."""
    for name, n in sizes.items():
        (root / name).mkdir(parents=True)
        for k in range(n):
            image = make(k) if make else Image.fromarray(gray(k + 1)[-1])
            image.save(root / name / f"{k:03}.png")
    return root


def zipped(folder: Path, below: str = "") -> Path:
    path = folder.parent / "set.zip"
    with zipfile.ZipFile(path, "w") as box:
        for file in sorted(p for p in folder.rglob("*") if p.is_file()):
            box.write(file, f"{below}{file.relative_to(folder).as_posix()}")
    return path


def one(place: Path, image: Image.Image, suffix: str = "png") -> ImageSet:
    """Read a set in which class b has twice that image."""
    root = folders(place / "set", {"a": 2}, lambda k: Image.new("L", (12, 12), 9 * k))
    (root / "b").mkdir()
    for k in range(2):
        image.save(root / "b" / f"{k}.{suffix}")
    return read_images(root)


@pytest.mark.parametrize("form", ["folder", "zip", "below"])
def test_one_folder_a_class(form, tmp_path):
    root = folders(tmp_path / "set", {"cat": 11, "ant": 2})
    (root / ".DS_Store").write_bytes(b"x")
    (root / "cat" / "Thumbs.db").write_bytes(b"x")
    if form == "below":
        root = zipped(root, "my pictures/")
    elif form != "folder":
        root = zipped(root)
    images = read_images(root)
    assert images.classes == ("ant", "cat") and images.name == "set"
    assert counts(images) == [[1, 8], [1, 3]] and images.train.shape[1:] == (12, 12, 1)
    assert images.train.dtype == np.uint8 and images.train_labels.dtype == np.int64
    assert (images.test[-1, ..., 0] == gray(11)[-1]).all()  # the eleventh cat
    assert images.notes == ("There is no test part: every fifth image of a class is a test image.",)


@pytest.mark.parametrize(("train", "test"), [("train", "test"), ("Training", "val")])
def test_folders_of_training_and_test(train, test, tmp_path):
    root = folders(tmp_path / "set", {f"{train}/{k}": 2 for k in (10, 9, 1)} | {f"{test}/9": 3, "other/9": 1})
    for path in (root, zipped(root, "top/")):
        images = read_images(path)
        assert images.classes == ("1", "9", "10") and counts(images) == [[2, 2, 2], [0, 3, 0]]
        assert images.notes == ("Left out: other.", "No test image shows 1, 10.")


def test_a_class_may_be_named_train(tmp_path):
    assert read_images(folders(tmp_path / "set", {"train": 3, "test": 2})).classes == ("test", "train")


def test_color_alpha_palette_and_depth_of_files(tmp_path):
    red = Image.new("RGBA", (12, 12), (255, 0, 0, 255))
    red.putpixel((0, 0), (0, 0, 0, 0))
    images = one(tmp_path / "rgba", red)
    assert images.train.shape[3] == 3 and images.train[1, 0, :2].tolist() == [[255, 255, 255], [255, 0, 0]]
    assert (images.train[0, ..., 0] == images.train[0, ..., 2]).all()  # the gray ones became RGB
    assert "2 images had transparent parts, now white." in images.notes
    palette = Image.new("P", (12, 12), 1)
    palette.putpalette([0, 0, 0, 7, 7, 7])
    images = one(tmp_path / "palette", palette)
    assert images.train.shape[3] == 1 and (images.train[1] == 7).all()
    palette.putpalette([0, 0, 0, 7, 7, 8])
    assert one(tmp_path / "color", palette).train[1, 0, 0].tolist() == [7, 7, 8]
    deep = Image.fromarray(np.full((12, 12), 40000, np.uint16))
    images = one(tmp_path / "deep", deep)
    assert (
        images.train[1] == round(40000 / 257)
    ).all() and "2 images had 16 bits and were scaled to 8." in images.notes
    images = one(tmp_path / "float", Image.fromarray(np.full((12, 12), 0.5, np.float32)), "tif")
    assert (images.train[1] == 128).all() and any("floats" in note for note in images.notes)
    assert (one(tmp_path / "bits", Image.new("1", (12, 12), 1)).train[1] == 255).all()


def test_other_sizes_are_cropped_and_brought_to_the_most_common(tmp_path):
    wide = np.zeros((12, 24), np.uint8)
    wide[:, 6:18] = 200
    images = one(tmp_path / "wide", Image.fromarray(wide))
    assert (images.train[1] == 200).all() and "2 images were not square: the middle was cut out." in images.notes
    root = folders(tmp_path / "set", {"a": 3, "b": 2}, lambda k: Image.new("L", (10, 10), 50))
    Image.new("L", (20, 20), 50).save(root / "b" / "big.png")
    images = read_images(root)
    assert images.train.shape[1:] == (10, 10, 1) and (images.train == 50).all()
    assert "1 image was resized to 10 x 10." in images.notes
    fine = (
        np.indices((200, 200)).sum(0) % 2 * 255
    )  # a board of single pixels: without antialias it stays black or white
    images = one(tmp_path / "fine", Image.fromarray(fine.astype(np.uint8)))
    assert images.train.shape[1] == MAX_SIDE and 100 < images.train[1].min() <= images.train[1].max() < 155


def test_photos_stand_as_the_camera_was_held(tmp_path):
    half = np.zeros((12, 12), np.uint8)
    half[:, 6:] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned right by a quarter
    root = folders(tmp_path / "set", {"a": 2, "b": 1})
    Image.fromarray(half).save(root / "b" / "turned.png", exif=exif)
    turned = read_images(root).train[1, ..., 0]
    assert (turned[6:] == 255).all() and not turned[:6].any()


def bad_folder(place: Path, what: str) -> Path:
    root = folders(place / "set", {"a": 3, "b": 3} if what != "single" else {"a": 3, "b": 1})
    file = root / "a" / "001.png"
    if what == "text":
        (root / "a" / "notes.txt").write_text("hello")
    elif what == "cut":
        file.write_bytes(file.read_bytes()[:90])
    elif what == "eps":
        file.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    elif what == "huge":
        Image.new("1", (8000, 6300)).save(file)
    elif what == "bomb":
        Image.new("1", (20000, 9100)).save(file)
    elif what == "nan":
        Image.fromarray(np.full((12, 12), np.nan, np.float32)).save(root / "a" / "nan.tif")
    elif what == "tiny":
        root = folders(place / "tiny", {"a": 2, "b": 2}, lambda k: Image.new("L", (3, 9)))
    elif what == "deeper":
        folders(root / "a", {"more": 1})
    elif what == "hollow":
        (root / "c").mkdir()
    elif what == "one":
        root = folders(place / "one", {"a": 3})
    elif what == "empty":
        root = place / "empty"
        root.mkdir()
    elif what == "flat":
        root = root / "a"
    elif what == "many":
        root = folders(place / "many", {str(k): 1 for k in range(101)})
    elif what == "strange":
        root = folders(place / "strange", {"train/a": 2, "train/b": 2, "test/c": 1})
    elif what == "missing":
        root = place / "nothing"
    return root


BAD = {
    "text": "notes.txt is no image",
    "cut": "001.png cannot be read as an image",
    "eps": "001.png is no image",
    "huge": "001.png has 8000 x 6300 pixels",
    "bomb": "001.png is too large",
    "nan": "nan.tif run from nan to nan",
    "tiny": "3 pixels on their shorter side",
    "deeper": "The class a has a folder in it, more",
    "hollow": "The folder c is empty",
    "one": "one class only: a",
    "single": "The class b has one image",
    "empty": "empty is empty",
    "flat": "a has no folders in it",
    "many": "101 classes",
    "strange": "No training image shows the class c",
    "missing": "no file or folder",
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_wrong_with_a_folder_is_told(what, tmp_path):
    with pytest.raises(LabError, match=BAD[what]) as caught:
        read_images(bad_folder(tmp_path, what))
    assert caught.value.hint


def test_hostile_names_in_a_zip_are_left_out_and_told(tmp_path):
    path = zipped(folders(tmp_path / "deep" / "set", {"a": 2, "b": 2}))
    with zipfile.ZipFile(path, "a") as box:
        for name in ("../../out.png", "/abs.png", "a/..\\x.png"):
            box.writestr(name, b"x")
    images = read_images(path)
    assert counts(images) == [[1, 1], [1, 1]] and images.notes[0].startswith("3 files of the zip")
    assert not list(tmp_path.rglob("out.png")) and not Path("/abs.png").exists()


def test_bad_zips_are_told(tmp_path, monkeypatch):
    path = zipped(folders(tmp_path / "set", {"a": 2, "b": 2}))
    whole = path.read_bytes()
    for blob, why in (
        (b"hello", "no whole zip"),
        (whole[: len(whole) // 2], "no whole zip"),
        (whole.replace(b"IDAT", b"IDBT"), "cannot be unpacked"),  # the zip's own checksum tells
    ):
        path.write_bytes(blob)
        with pytest.raises(LabError, match=why):
            read_images(path)
    path.write_bytes(whole)
    monkeypatch.setattr(own_images, "MAX_BYTES", 500)
    with pytest.raises(LabError, match="more than 0.0005 MB"):
        read_images(path)
    monkeypatch.setattr(own_images, "MAX_IMAGES", 3)
    with pytest.raises(LabError, match="more than 3 images"):
        read_images(path)


def test_a_damaged_deflate_stream_is_told(tmp_path):
    path = tmp_path / "set.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as box:
        box.writestr("a/1.png", bytes(5000))
    blob = bytearray(path.read_bytes())
    blob[37:41] = b"\xff\xff\xff\xff"  # right after the local header and its name
    path.write_bytes(bytes(blob))
    with pytest.raises(LabError, match="cannot be unpacked"):
        read_images(path)
