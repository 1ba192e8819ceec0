"""Sets of images known by name, from files of the real layouts, and what a card says of a set."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from workbench.contract.errors import LabError
from workbench.data.catalog.catalog import get_entry, resolve
from workbench.data.images.card import brightness, contact_sheet, image_card
from workbench.data.images.named import KNOWN, ImageSet, open_images
from workbench.data.images.own import read_images

SHARED = Path(os.environ.get("WORKBENCH_DATA_MIRROR") or Path(__file__).parents[4] / "shared" / "data").resolve()
CLOTHES = get_entry("fashion_mnist").place  # the user's, before the tests take a home of their own


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def counts(images: ImageSet) -> list[list[int]]:
    n = len(images.classes)
    return [np.bincount(y, minlength=n).tolist() for y in (images.train_labels, images.test_labels)]


def npz(place: Path, **arrays) -> Path:
    np.savez(place / "set.npz", **arrays)
    return place / "set.npz"


# known by name -------------------------------------------------------------------------------------------------------


def test_digits_are_all_there_and_none_is_in_both_parts():
    images = open_images("digits", lambda name: resolve(name)[0])
    assert images.train.shape[1:] == (8, 8, 1) and len(images.train) + len(images.test) == 1797
    train, test = counts(images)
    assert all(b == -(-(a + b) // 5) for a, b in zip(train, test, strict=True))
    assert image_card(images)["both"] == 0 and images.train.max() == 255


def test_fashion_mnist_where_it_is_here():
    if not CLOTHES.exists():
        pytest.skip("data: fashion_mnist was not fetched on this machine")
    images = open_images("fashion-mnist", lambda _: CLOTHES)
    assert counts(images) == [[6000] * 10, [1000] * 10] and images.train.shape == (60000, 28, 28, 1)
    mean, std = brightness(images.train)
    assert mean[0] / 255 == pytest.approx(0.2860, abs=1e-4) and std[0] / 255 == pytest.approx(0.3530, abs=1e-4)


@pytest.mark.skipif(not (SHARED / "images" / "cifar10").is_dir(), reason="data: no mirror")
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
