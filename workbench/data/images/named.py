"""Sets of labeled images: those known by name, read from the files their authors publish."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from workbench.contract.errors import LabError

Data = Callable[[str], Path]  # name of the catalog -> path
CLOTHES = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot")
THINGS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
STL = ("airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck")
DIGITS = tuple("0123456789")
TEST_SHARE = 5  # of the digits, which come as one set, every fifth of a class is a test image


@dataclass(frozen=True)
class ImageSet:
    """Images of one size with one label each.

    Attributes
    ----------
    name
        What to call it.
    train, test
        (N, side, side, channels) uint8; one channel for gray, three for RGB.
    train_labels, test_labels
        (N,) int64, 0 to classes - 1.
    classes
        Their names.
    notes
        What was done to the images.
    """

    name: str
    train: np.ndarray
    train_labels: np.ndarray
    test: np.ndarray
    test_labels: np.ndarray
    classes: tuple[str, ...]
    notes: tuple[str, ...] = ()


def open_images(name: str, data: Data) -> ImageSet:
    """Return one of `KNOWN`.

    Raises
    ------
    LabError
        If it cannot be had, or a file is damaged.
    """
    read, classes = KNOWN[name]
    try:
        parts = read(data)
    except LabError:
        raise
    except Exception as error:  # decoders and zip fail in many ways
        raise LabError(f"The files of {name} cannot be read: {error}", "Delete them and fetch them again.") from error
    return ImageSet(name, *parts, classes)


Parts = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def fashion(data: Data) -> Parts:
    """Read the four gzipped IDX files of Fashion-MNIST (Xiao et al. 2017)."""
    folder, parts = data("fashion_mnist"), []
    for part in ("train", "t10k"):
        pixels = gzip.decompress((folder / f"{part}-images-idx3-ubyte.gz").read_bytes())
        labels = gzip.decompress((folder / f"{part}-labels-idx1-ubyte.gz").read_bytes())
        parts.append(np.frombuffer(pixels, np.uint8, offset=16).reshape(-1, 28, 28, 1))
        parts.append(np.frombuffer(labels, np.uint8, offset=8).astype(np.int64))
    return tuple(parts)


def cifar(data: Data) -> Parts:
    """Read CIFAR-10 (Krizhevsky 2009) from a mirror's JPEG pack, or the authors' binary archive."""
    try:
        folder = data("cifar10_jpeg")
    except LabError:  # there is no mirror
        return _cifar_binary(data("cifar10"))
    from PIL import Image

    parts = []
    for part in ("train", "test"):
        with np.load(folder / f"{part}_jpegpack.npz", allow_pickle=False) as pack:
            blob, ends, labels = pack["bytes"].tobytes(), pack["offset"], pack["label"].astype(np.int64)
        images = [Image.open(io.BytesIO(blob[a:b])).convert("RGB") for a, b in zip(ends[:-1], ends[1:], strict=True)]
        parts += [np.stack([np.asarray(image) for image in images]), labels]
    return tuple(parts)


def _cifar_binary(path: Path) -> Parts:
    with tarfile.open(path) as box:
        rows = {m.name.rsplit("/", 1)[-1]: _bytes(box, m) for m in box if m.name.endswith(".bin")}
    train = np.concatenate([rows[f"data_batch_{k}.bin"].reshape(-1, 3073) for k in range(1, 6)])
    parts = []
    for part in (train, rows["test_batch.bin"].reshape(-1, 3073)):
        parts += [part[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), part[:, 0].astype(np.int64)]
    return tuple(parts)


def svhn(data: Data) -> Parts:
    """Read the cropped house numbers of SVHN (Netzer et al. 2011); its label 10 is the digit 0."""
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    parts = []
    for part in ("svhn_train", "svhn_test"):
        try:
            held = loadmat(data(part))
        except MatReadError as error:  # it is a bare Exception
            raise ValueError(str(error)) from error
        parts += [held["X"].transpose(3, 0, 1, 2), held["y"][:, 0].astype(np.int64) % 10]
    return tuple(parts)


def stl(data: Data) -> Parts:
    """Read the labeled images of STL-10 (Coates et al. 2011); they are stored column by column."""
    wanted = ("train_X.bin", "train_y.bin", "test_X.bin", "test_y.bin")
    with tarfile.open(data("stl10")) as box:
        found = {m.name.rsplit("/", 1)[-1]: _bytes(box, m) for m in box if m.name.endswith(wanted)}
    images = [found[name].reshape(-1, 3, 96, 96).transpose(0, 3, 2, 1) for name in wanted[::2]]
    labels = [found[name].astype(np.int64) - 1 for name in wanted[1::2]]
    return images[0], labels[0], images[1], labels[1]


def digits(data: Data) -> Parts:
    """Read the 8 x 8 digits that scikit-learn ships; every fifth of a class is a test image."""
    table = pd.read_csv(data("digits"), header=None).to_numpy()
    labels = table[:, -1].astype(np.int64)
    images = (table[:, :-1] * (255 / 16)).round().astype(np.uint8).reshape(-1, 8, 8, 1)
    test = np.zeros(len(labels), bool)
    for c in range(10):
        test[np.flatnonzero(labels == c)[::TEST_SHARE]] = True
    return images[~test], labels[~test], images[test], labels[test]


def _bytes(box: tarfile.TarFile, member: tarfile.TarInfo) -> np.ndarray:
    return np.frombuffer(box.extractfile(member).read(), np.uint8)


KNOWN: dict[str, tuple[Callable[[Data], Parts], tuple[str, ...]]] = {
    "fashion-mnist": (fashion, CLOTHES),
    "cifar10": (cifar, THINGS),
    "svhn": (svhn, DIGITS),
    "stl10": (stl, STL),
    "digits": (digits, DIGITS),
}
