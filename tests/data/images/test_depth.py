"""Pixels of more than 8 bits, and files of rarer names: what comes out is what Pillow reads."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from workbench.contract.errors import LabError
from workbench.data.images.card import image_card
from workbench.data.images.own import read_images

CASES = Path(__file__).parents[2] / "cases"
rng = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("dtype", "suffix", "top", "factor", "words"),
    [
        (np.uint16, "png", 255, 1, "had more than 8 bits, but nothing above 255, and were taken as they are"),
        (np.uint16, "tif", 255, 1, "had more than 8 bits, but nothing above 255, and were taken as they are"),
        (np.int32, "tif", 255, 1, "had more than 8 bits, but nothing above 255, and were taken as they are"),
        (np.int32, "tif", 65535, 257, "had 16 bits and were scaled to 8"),
        (np.float32, "tif", 255, 1, "held floats from 0 to 255 and were rounded"),
        (np.float32, "tif", 1, 1 / 255, "held floats from 0 to 1 and were scaled to 0 to 255"),
    ],
)
def test_the_range_of_the_whole_set_decides_how_deep_pixels_are_scaled(dtype, suffix, top, factor, words, tmp_path):
    values = rng.uniform(0, top / 300, (4, 12, 12)).astype(dtype)  # one is bright, the others are dark
    values[3, 0, 0] = top
    for k, one_of_four in enumerate(values):
        (tmp_path / "set" / "ab"[k % 2]).mkdir(parents=True, exist_ok=True)
        Image.fromarray(one_of_four).save(tmp_path / "set" / "ab"[k % 2] / f"{k}.{suffix}")
    images = read_images(tmp_path / "set")
    read = np.concatenate([images.test, images.train])[..., 0]  # 0.png and 1.png are for testing
    assert np.array_equal(read, np.rint(values / factor)) and f"4 images {words}." in images.notes


def test_eight_bits_in_32_are_what_pillow_reads():
    images = read_images(CASES / "img_i32tif.zip")
    with zipfile.ZipFile(CASES / "img_i32tif.zip") as box:
        files = [io.BytesIO(box.read(name)) for name in box.namelist() if name.endswith(".tif")]
    expected = np.stack([np.asarray(Image.open(file)) for file in files])
    read = np.concatenate([images.train, images.test])[..., 0]
    assert sorted(map(bytes, read)) == sorted(map(bytes, expected.astype(np.uint8)))
    assert image_card(images)["mean"][0] == pytest.approx(images.train.mean()) and round(read.mean(), 2) == 88.63
    assert "12 images had more than 8 bits, but nothing above 255, and were taken as they are." in images.notes
    assert not any("alike" in warning for warning in image_card(images)["warnings"])


def deep_png(value: int) -> bytes:
    """Return a PNG of 12 x 12 pixels with 16 bits a color, all alike."""
    rows = (b"\0" + value.to_bytes(2, "big") * 36) * 12
    chunks = (b"IHDR", struct.pack(">IIBBBBB", 12, 12, 16, 2, 0, 0, 0)), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


def test_colors_of_16_bits_are_scaled_and_refused_where_8_bits_would_be_lost(tmp_path):
    root = tmp_path / "set"
    for name in ("a/0", "a/1", "b/0", "b/1"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (12, 12), dtype=np.uint8)).save(root / f"{name}.png")
    (root / "b" / "1.png").write_bytes(deep_png(0x8042))
    images = read_images(root)
    assert (images.train[1] == 0x80).all() and "1 image had 16 bits and was scaled to 8." in images.notes
    (root / "b" / "1.png").write_bytes(deep_png(200))
    with pytest.raises(LabError, match="1.png has 16 bits a color, and none is above 255"):
        read_images(root)


def test_files_named_jfif_are_jpeg():
    images = read_images(CASES / "img_jfif.zip")
    assert len(images.train) + len(images.test) == 12
    with zipfile.ZipFile(CASES / "img_jfif.zip") as box:
        files = [io.BytesIO(box.read(name)) for name in box.namelist() if name.endswith(".jfif")]
    read = np.concatenate([images.train, images.test])
    expected = np.stack([np.asarray(Image.open(file).convert("RGB")) for file in files])[..., : read.shape[3]]
    assert sorted(map(bytes, read)) == sorted(map(bytes, np.ascontiguousarray(expected)))
