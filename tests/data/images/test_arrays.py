"""Images of the user's own in NPZ files: every form that is read, everything that is wrong told in words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.contract.errors import LabError
from workbench.data.images import own as own_images
from workbench.data.images import pixels as image_pixels
from workbench.data.images.named import ImageSet
from workbench.data.images.own import read_images
from workbench.data.images.pixels import squares

from .test_own import counts, gray, rng


def npz(place: Path, **arrays) -> Path:
    np.savez(place / "set.npz", **arrays)
    return place / "set.npz"


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
    monkeypatch.setattr(image_pixels, "MAX_PIXELS", 100)
    with pytest.raises(LabError, match="12 x 12 pixels"):
        read_images(path)
    monkeypatch.setattr(own_images, "MAX_IMAGES", 9)
    with pytest.raises(LabError, match="more than 9 images"):
        read_images(path)
    monkeypatch.setattr(own_images, "MAX_BYTES", 1000)
    with pytest.raises(LabError, match="unpacks to more than"):
        read_images(path)
    (tmp_path / "set.npy").write_bytes(b"x")
    with pytest.raises(LabError, match="no set of images"):
        read_images(tmp_path / "set.npy")


def test_alpha_is_counted_where_something_shows_through():
    told = image_pixels.Counter()
    stack = np.full((3, 8, 8, 2), 255, np.uint8)
    stack[0, 1, 1] = 100, 128
    [out] = squares([stack], told)
    assert out[0, 1, 1, 0] == round(100 * 128 / 255 + 255 * 127 / 255) and told[image_pixels.ALPHA] == 1
