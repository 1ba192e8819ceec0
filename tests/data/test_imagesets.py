"""Sets of images: those known by name, from files of the real layouts, and the user's own, good and bad."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy.io import savemat

from workbench.data import imagepixels, ownimages
from workbench.data.catalog import get_entry, resolve
from workbench.data.imagecards import brightness, contact_sheet, image_card
from workbench.data.imagepixels import MAX_SIDE, squares
from workbench.data.imagesets import KNOWN, ImageSet, open_images
from workbench.data.ownimages import read_images
from workbench.lab import LabError

SHARED = Path(os.environ.get("WORKBENCH_DATA_MIRROR") or Path(__file__).parents[3] / "shared" / "data").resolve()
CLOTHES = get_entry("fashion_mnist").place  # the user's, before the tests take a home of their own


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def gray(n: int, side: int = 12) -> np.ndarray:
    return rng(n).integers(0, 256, (n, side, side), dtype=np.uint8)


def counts(images: ImageSet) -> list[list[int]]:
    n = len(images.classes)
    return [np.bincount(y, minlength=n).tolist() for y in (images.train_labels, images.test_labels)]


def npz(place: Path, **arrays) -> Path:
    np.savez(place / "set.npz", **arrays)
    return place / "set.npz"


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


# known by name -------------------------------------------------------------------------------------------------------


def test_digits_are_all_there_and_none_is_in_both_parts():
    images = open_images("digits", lambda name: resolve(name)[0])
    assert images.train.shape[1:] == (8, 8, 1) and len(images.train) + len(images.test) == 1797
    train, test = counts(images)
    assert all(b == -(-(a + b) // 5) for a, b in zip(train, test, strict=True))
    assert image_card(images)["both"] == 0 and images.train.max() == 255


def test_fashion_mnist_where_it_is_here():
    if not CLOTHES.exists():
        pytest.skip("fashion_mnist was not fetched on this machine")
    images = open_images("fashion-mnist", lambda _: CLOTHES)
    assert counts(images) == [[6000] * 10, [1000] * 10] and images.train.shape == (60000, 28, 28, 1)
    mean, std = brightness(images.train)
    assert mean[0] / 255 == pytest.approx(0.2860, abs=1e-4) and std[0] / 255 == pytest.approx(0.3530, abs=1e-4)


@pytest.mark.skipif(not (SHARED / "images" / "cifar10").is_dir(), reason="no mirror")
def test_cifar_of_the_mirror(monkeypatch):
    monkeypatch.setenv("WORKBENCH_DATA_MIRROR", str(SHARED))
    images = open_images("cifar10", lambda name: resolve(name)[0])
    assert counts(images) == [[5000] * 10, [1000] * 10] and images.train.shape == (50000, 32, 32, 3)
    assert np.allclose(np.array(brightness(images.train)[0]) / 255, (0.4914, 0.4822, 0.4465), atol=2e-3)


def tar(place: Path, files: dict[str, bytes]) -> Path:
    path = place / "set.tar.gz"
    with tarfile.open(path, "w:gz") as box:
        for name, blob in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(blob)
            box.addfile(info, io.BytesIO(blob))
    return path


def test_the_binary_cifar_is_a_label_and_three_planes_row_by_row(tmp_path):
    pixels, labels = rng().integers(0, 256, (12, 32, 32, 3), dtype=np.uint8), np.arange(12, dtype=np.uint8) % 10
    rows = np.concatenate([labels[:, None], pixels.transpose(0, 3, 1, 2).reshape(12, -1)], 1)
    names = [*(f"data_batch_{k}.bin" for k in range(1, 6)), "test_batch.bin"]
    top = "cifar-10-batches-bin"
    files = {f"{top}/{name}": rows[2 * k : 2 * k + 2].tobytes() for k, name in enumerate(names)}
    path = tar(tmp_path, {f"{top}/batches.meta.txt": b"airplane\n", **dict(reversed(files.items()))})

    def data(name: str) -> Path:
        if name == "cifar10_jpeg":
            raise LabError("There is no mirror.")
        return path

    images = open_images("cifar10", data)
    assert (images.train == pixels[:10]).all() and images.train_labels.tolist() == list(range(10))
    assert (images.test == pixels[10:]).all() and images.test_labels.tolist() == [0, 1]
    assert images.classes[1] == "automobile"


def test_svhn_has_images_last_and_ten_is_the_digit_zero(tmp_path):
    pixels = rng().integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    for part in ("svhn_train", "svhn_test"):
        held = {"X": pixels.transpose(1, 2, 3, 0), "y": np.array([[10], [1], [9]], np.uint8)}
        savemat(tmp_path / f"{part}.mat", held)
    images = open_images("svhn", lambda name: tmp_path / f"{name}.mat")
    assert (images.train == pixels).all() and images.test_labels.tolist() == [0, 1, 9]
    assert [images.classes[k] for k in images.test_labels] == ["0", "1", "9"]


def test_stl_is_stored_column_by_column_and_counts_from_one(tmp_path):
    pixels = rng().integers(0, 256, (2, 96, 96, 3), dtype=np.uint8)
    files = {}
    for part in ("train", "test"):
        files[f"stl10_binary/{part}_X.bin"] = pixels.transpose(0, 3, 2, 1).tobytes()
        files[f"stl10_binary/{part}_y.bin"] = bytes([1, 10])
    files["stl10_binary/unlabeled_X.bin"] = b"not read"
    path = tar(tmp_path, files)
    images = open_images("stl10", lambda _: path)
    assert (images.train == pixels).all() and (images.test == pixels).all()
    assert [images.classes[k] for k in images.test_labels] == ["airplane", "truck"]


@pytest.mark.parametrize("name", [name for name in KNOWN if name != "digits"])
def test_damaged_files_of_a_known_set_are_told(name, tmp_path):
    (tmp_path / "bad").write_bytes(b"hello")
    with pytest.raises(LabError, match=f"The files of {name} cannot be read"):
        open_images(name, lambda _: tmp_path / "bad")


# folders and zips ----------------------------------------------------------------------------------------------------


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
    assert "1 images were resized to 10 x 10." in images.notes
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
    "nan": "nan.tif are not within 0 to 1",
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
    monkeypatch.setattr(ownimages, "MAX_BYTES", 500)
    with pytest.raises(LabError, match="more than the 500 bytes"):
        read_images(path)
    monkeypatch.setattr(ownimages, "MAX_IMAGES", 3)
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


# arrays --------------------------------------------------------------------------------------------------------------


@given(
    n=st.integers(2, 30),
    side=st.integers(8, 20),
    channels=st.sampled_from([0, 1, 2, 3, 4]),
    first=st.booleans(),
    dtype=st.sampled_from(["bool", "uint8", "int64", "uint16", "float32", "float64"]),
    words=st.booleans(),
)
def test_every_form_of_arrays_is_read(n, side, channels, first, dtype, words, tmp_path_factory):
    full = rng(n).integers(0, 256, (2 * n, side, side, max(channels, 1)))
    full[0, 0, 0] = 255  # so that the range is known
    stored = {"bool": full > 127, "uint16": full * 257}.get(dtype, full / 255 if "float" in dtype else full)
    stored = stored.astype(dtype)
    expected = (full > 127) * 255 if dtype == "bool" else full
    stored = stored[..., 0] if channels == 0 else stored.transpose(0, 3, 1, 2) if first and channels else stored
    labels = np.arange(2 * n) % 2
    labels = np.array(["zebra", "ant"])[labels] if words else 7 - 10 * labels  # in either case the second comes first
    images = read_images(npz(tmp_path_factory.mktemp("arrays"), images=stored, labels=labels))
    assert images.classes == (("ant", "zebra") if words else ("-3", "7"))
    test = -(-n // 5)
    assert counts(images) == [[n - test] * 2, [test] * 2]
    if channels in (2, 4):
        alpha = expected[..., -1:] / 255
        expected = np.rint(expected[..., :-1] * alpha + 255 * (1 - alpha))
    chosen = np.arange(2 * n) // 2 % 5 == 0
    assert np.abs(images.test - expected[chosen]).max() <= (channels in (2, 4))
    assert np.abs(images.train - expected[~chosen]).max() <= (channels in (2, 4))


@pytest.mark.parametrize(
    ("names", "more"),
    [("x_train y_train x_test y_test", {}), ("train_images train_labels test_images test_labels", {}),
     ("X_train Y_train X_test Y_test", {"val_images": np.zeros(3)})],
)  # fmt: skip
def test_a_test_part_is_kept(names, more, tmp_path):
    parts = gray(6), np.array([[5], [3]] * 3), gray(4), np.array([3, 5, 5, 5], np.uint8)
    images = read_images(npz(tmp_path, **dict(zip(names.split(), parts, strict=True)), **more))
    assert (images.train[..., 0] == gray(6)).all() and (images.test[..., 0] == gray(4)).all()
    assert images.train_labels.tolist() == [1, 0] * 3 and images.test_labels.tolist() == [0, 1, 1, 1]
    assert images.notes == ()


def test_both_parts_are_scaled_alike_and_gray_rgb_becomes_gray(tmp_path):
    kind = {"y_train": [0, 1], "y_test": [0, 1]}
    bright, dark = np.full((2, 70, 80, 3), 200.0), np.full((2, 70, 80, 3), 1.0)
    images = read_images(npz(tmp_path, x_train=bright, x_test=dark, **kind))
    assert images.train.shape == (2, 64, 64, 1) and (images.train == 200).all() and (images.test == 1).all()
    assert images.notes == (
        "4 images were not square: the middle was cut out.",
        "4 images were resized to 64 x 64.",
        "4 images held floats from 0 to 255 and were rounded.",
    )
    dark[0, 30, 30] = 9, 0, 0
    images = read_images(npz(tmp_path, x_train=bright, x_test=dark, **kind))
    assert images.train.shape[3] == images.test.shape[3] == 3


TEN = np.arange(10) % 2
NAN = np.full((10, 9, 9), np.nan)


@pytest.mark.parametrize(
    ("arrays", "why"),
    [
        ({"images": gray(10), "labels": TEN[:9]}, r"shape \(10, 12, 12\) and labels 9 labels"),
        ({"images": gray(10), "labels": TEN * 0}, "one class only: 0"),
        ({"images": gray(10), "labels": np.r_[TEN[:9], 7]}, "class 7 has one image"),
        ({"images": gray(10), "labels": TEN + 0.5}, "no whole numbers"),
        ({"images": gray(10), "labels": np.eye(10)}, r"labels has the shape \(10, 10\)"),
        ({"images": gray(202), "labels": np.arange(202) % 101}, "101 classes"),
        ({"images": NAN, "labels": TEN}, "NaN or infinite"),
        ({"images": np.where(NAN > 0, 0, np.inf), "labels": TEN}, "NaN or infinite"),
        ({"images": gray(10) - 300.0, "labels": TEN}, "run from -300 to"),
        ({"images": gray(10) * 1000.0, "labels": TEN}, "run from 0 to"),
        ({"images": gray(10).astype(int) << 20, "labels": TEN}, "run from 0 to"),
        ({"images": gray(10).astype(complex), "labels": TEN}, "hold complex128"),
        ({"images": gray(10).astype(str), "labels": TEN}, "hold <U"),
        ({"images": gray(10).reshape(10, -1), "labels": TEN}, "shape 10 x 144"),
        ({"images": np.zeros((10, 9, 9, 9)), "labels": TEN}, "shape 10 x 9 x 9 x 9"),
        ({"images": gray(10)[:, :7], "labels": TEN}, "7 pixels on their shorter side"),
        ({"images": gray(10)[:0], "labels": TEN[:0]}, "holds no images"),
        ({"images": np.zeros((10, 0, 9)), "labels": TEN}, "holds no images"),
        ({"images": np.array(3), "labels": TEN}, r"shape \(\)"),
        ({"images": np.array([{}] * 10, object), "labels": TEN}, "Python objects"),
        ({"images": gray(10), "labels": np.array(list(TEN), object)}, "labels holds Python objects"),
        ({"images": gray(10)}, "holds images"),
        ({"a": gray(10)}, "holds a"),
        ({}, "holds no arrays"),
        ({"x_train": gray(10), "y_train": TEN, "x_test": gray(2)}, "holds x_train, y_train, x_test"),
        ({"x_train": gray(10), "y_train": TEN, "x_test": gray(2), "y_test": [0, 4]}, "shows the class 4"),
        ({"x_train": gray(10), "y_train": TEN, "x_test": gray(2, 13), "y_test": [0, 1]}, "differ in size"),
        ({"x_train": gray(10), "y_train": TEN, "x_test": gray(2) / 255, "y_test": [0, 1]}, "hold uint8 and float64"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_arrays_is_told(arrays, why, tmp_path):
    with pytest.raises(LabError, match=why) as caught:
        read_images(npz(tmp_path, **arrays))
    assert caught.value.hint


@given(noise=st.binary(max_size=40), at=st.integers(0, 2600))
def test_whatever_bytes_are_damaged_nothing_but_words_comes(noise, at, tmp_path_factory):
    place = tmp_path_factory.mktemp("noise")
    blob = npz(place, images=gray(10), labels=TEN).read_bytes()
    (place / "set.npz").write_bytes(blob[:at] + noise + blob[at + len(noise) :])
    try:
        assert isinstance(read_images(place / "set.npz"), ImageSet)
    except LabError as error:
        assert error.cause


def test_limits_hold_for_arrays(tmp_path, monkeypatch):
    path = npz(tmp_path, images=gray(10), labels=TEN)
    monkeypatch.setattr(imagepixels, "MAX_PIXELS", 100)
    with pytest.raises(LabError, match="12 x 12 pixels"):
        read_images(path)
    monkeypatch.setattr(ownimages, "MAX_IMAGES", 9)
    with pytest.raises(LabError, match="more than 9 images"):
        read_images(path)
    monkeypatch.setattr(ownimages, "MAX_BYTES", 1000)
    with pytest.raises(LabError, match="unpacks to more than"):
        read_images(path)
    (tmp_path / "set.npy").write_bytes(b"x")
    with pytest.raises(LabError, match="no set of images"):
        read_images(tmp_path / "set.npy")


def test_alpha_is_counted_where_something_shows_through():
    told = imagepixels.Counter()
    stack = np.full((3, 8, 8, 2), 255, np.uint8)
    stack[0, 1, 1] = 100, 128
    [out] = squares([stack], told)
    assert out[0, 1, 1, 0] == round(100 * 128 / 255 + 255 * 127 / 255) and told[imagepixels.ALPHA] == 1


# cards ---------------------------------------------------------------------------------------------------------------


def test_a_card_counts_exactly_and_warns(tmp_path):
    pixels = rng().integers(0, 256, (40, 9, 9, 3), dtype=np.uint8)
    labels = np.array([0] * 36 + [1] * 4)
    card = image_card(read_images(npz(tmp_path, x_train=pixels, y_train=labels, x_test=pixels[:3], y_test=[0, 0, 0])))
    assert card["classes"] == {"0": (36, 3), "1": (4, 0)} and (card["train"], card["test"]) == (40, 3)
    assert card["side"] == 9 and card["channels"] == 3 and card["both"] == 3
    assert card["mean"] == pytest.approx(pixels.mean((0, 1, 2))) and card["std"] == pytest.approx(pixels.std((0, 1, 2)))
    assert len(card["warnings"]) == 3 and "3 test images are training images too" in card["warnings"][2]
    assert not image_card(read_images(npz(tmp_path, images=pixels, labels=np.arange(40) % 2)))["warnings"]
    flat = image_card(read_images(npz(tmp_path, images=pixels // 200, labels=np.arange(40) % 2)))
    assert "nearly alike" in flat["warnings"][-1]


@pytest.mark.parametrize(("classes", "each", "size"), [(2, 8, (14, 222)), (10, 8, (70, 222)), (100, 1, (98, 222))])
def test_a_contact_sheet_shows_each_class_in_its_order(classes, each, size):
    labels = np.repeat(np.arange(classes), 9)
    train = np.broadcast_to(labels[:, None, None, None] + 1, (len(labels), 12, 12, 1)).astype(np.uint8)
    names = tuple(map(str, range(classes)))
    sheet = np.asarray(Image.open(io.BytesIO(contact_sheet(ImageSet("a", train, labels, train, labels, names)))))
    shown = sheet[::14, ::14].ravel()
    assert sheet.shape == (size[0] - 2, size[1]) and shown[shown < 255].tolist() == [
        c + 1 for c in range(classes) for _ in range(each)
    ]
