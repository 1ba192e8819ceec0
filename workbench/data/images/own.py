"""Labeled images of the user's own: a folder with one folder a class, a zip of that, or an NPZ file."""

from __future__ import annotations

import tempfile
import zipfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from workbench.contract.errors import LabError
from workbench.data.catalog import archives
from workbench.data.images.arrays import read_arrays
from workbench.data.images.named import TEST_SHARE, ImageSet
from workbench.data.images.pixels import RESIZED, checked_side, read_size, read_square, squares
from workbench.data.reader import reader

SUFFIXES = (".zip", ".npz")
MIN_CLASSES, MAX_CLASSES = 2, 100
MAX_IMAGES = 100_000
MAX_BYTES = 400_000_000  # of an unpacked file, and of the images once they have one size
TRAIN = ("train", "training")
TEST = ("test", "testing", "val", "valid", "validation")  # the first that is there
LEFT = ("thumbs.db", "desktop.ini", "__macosx")  # what systems leave in folders, beside hidden files


@reader
def read_images(path: Path | str) -> ImageSet:
    """Read labeled images.

    Parameters
    ----------
    path
        A folder with one folder a class, or with ``train/`` and ``test/`` of such; a zip of one, perhaps below one
        common folder; or an NPZ file with ``images`` (N, h, w), (N, h, w, c) or (N, c, h, w) and ``labels`` (N,),
        integers or words, or with ``x_train``, ``y_train``, ``x_test``, ``y_test`` (see `arrays.ARRAYS`).
        Without a test part, every fifth image of a class, and at least one, is for testing.

    Returns
    -------
    ImageSet
        Its notes tell what was done: see `pixels`.

    Raises
    ------
    LabError
        In words, for everything that is wrong with the files.
    """
    path = Path(path)
    name = path.name.lower()
    if path.is_dir():
        return _folder(path, path.name)
    if not path.is_file():
        raise LabError(f"There is no file or folder {path}.", "Check the path, or upload the file again.")
    if not name.endswith(SUFFIXES):
        raise LabError(f"{path.name} is no set of images.", "Give a folder, a zip or an NPZ file.")
    if not zipfile.is_zipfile(path):  # an NPZ is one too
        raise LabError(f"{path.name} is no whole {path.suffix[1:]} file.", "Pack or save it again.")
    if name.endswith(".npz"):
        return _npz(path)
    with tempfile.TemporaryDirectory(prefix="workbench-images-") as place:
        left = _unzip(path, Path(place))
        return _folder(Path(place), path.stem, left, archives.encoding(path))


# folders -------------------------------------------------------------------------------------------------------


def _folder(path: Path, name: str, left: int = 0, code: str = "") -> ImageSet:
    root = _root(path)
    inner = {p.name.lower(): p for p in _visible(root) if p.is_dir()}
    train = next(
        (inner[word] for word in TRAIN if word in inner and any(p.is_dir() for p in _visible(inner[word]))), None
    )
    test = next((inner[word] for word in TEST if word in inner), None) if train else None
    parts = [_files(part, name) for part in (train or root, test) if part]
    _check_count(sum(map(len, parts)))
    labels, classes = _numbered([[p.parent.name for p in part] for part in parts])
    tops: dict[str, float] = {}
    sizes = Counter(min(read_size(p, tops)) for part in parts for p in part)
    usual = max(sizes, key=lambda size: (sizes[size], size))
    side, changes = checked_side(usual), Counter()
    _check_bytes(sum(map(len, parts)) * side * side)
    read = [[read_square(p, side, tops, changes) for p in part] for part in parts]
    channels = max(image.shape[2] for part in read for image in part)
    _check_bytes(sum(map(len, parts)) * side * side * channels)
    images = [np.stack([np.broadcast_to(i, (side, side, channels)) for i in part]) for part in read]
    notes = [f"{left:,} files of the zip have names that leave its folder, or stand twice: left out."] if left else []
    if code:
        notes.append(f"The zip does not say how its names are encoded, or says it wrongly: {code} was guessed.")
    if train:
        others = sorted({p.name for p in inner.values()} - {train.name, test.name if test else ""})
        notes += [f"Left out: {', '.join(others)}."] if others else []
    return _made(name, images, labels, classes, changes, notes)


def _root(path: Path) -> Path:
    """Archives often have one folder around everything: step into it."""
    for _ in range(4):
        inner = [p for p in _visible(path) if p.is_dir()]
        if len(inner) != 1 or not any(p.is_dir() for p in _visible(inner[0])):
            break
        if inner[0].name.lower() in TRAIN:  # a set without test images
            break
        path = inner[0]
    return path


def _files(folder: Path, name: str) -> list[Path]:
    """Return the files of all classes; beside those of systems, each is taken for an image."""
    found: list[Path] = []
    folders = [p for p in _visible(folder) if p.is_dir()]
    if not folders:
        what = "is empty" if not _visible(folder) else "has no folders in it"
        raise LabError(f"{name} {what}.", "Put the images of each class into a folder with the name of the class.")
    for one in folders:
        inside = _visible(one)
        if deeper := next((p for p in inside if p.is_dir()), None):
            raise LabError(f"The class {one.name} has a folder in it, {deeper.name}.", "Put all its images into one.")
        if not inside:
            raise LabError(f"The folder {one.name} is empty.", "Take it out, or put in images.")
        found += inside
        _check_count(len(found))
    return found


def _visible(folder: Path) -> list[Path]:
    try:
        return sorted(p for p in folder.iterdir() if not p.name.startswith(".") and p.name.lower() not in LEFT)
    except OSError as error:
        raise LabError(
            f"The folder {folder.name} cannot be read: {error.strerror}.", "Check who may read it."
        ) from error


def _unzip(path: Path, place: Path) -> int:
    """Unpack a zip and return how many files were left out."""
    members = archives.names(path)
    _check_count(len(members))
    archives.extract(path, "", place, limit=MAX_BYTES)
    return len(members) - sum(1 for p in place.rglob("*") if p.is_file())


# arrays --------------------------------------------------------------------------------------------------------


def _npz(path: Path) -> ImageSet:
    images, named = read_arrays(path, MAX_BYTES)
    _check_count(sum(map(len, images)))
    labels, classes = _numbered(named)
    changes: Counter[str] = Counter()
    return _made(path.stem, squares(images, changes), labels, classes, changes, [])


# both ----------------------------------------------------------------------------------------------------------


def _numbered(parts: Sequence[Sequence[str]]) -> tuple[list[np.ndarray], tuple[str, ...]]:
    """Return each part's labels (N,) int64 and the names of the classes; names that are integers in their order."""
    names = set(parts[0])
    if len(names) < MIN_CLASSES:
        raise LabError(f"There is one class only: {', '.join(names)}.", "Give at least two.")
    if len(names) > MAX_CLASSES:
        raise LabError(f"There are {len(names):,} classes.", f"{MAX_CLASSES} is the limit: leave some out.")
    if strange := sorted(set().union(*parts) - names):
        raise LabError(f"No training image shows the class {strange[0]}.", "Give both parts the same classes.")
    rare, count = Counter(parts[0]).most_common()[-1]
    if len(parts) == 1 and count < 2:
        raise LabError(f"The class {rare} has one image, and there is no test part.", "Give it at least two.")
    try:
        order = sorted(names, key=lambda name: (int(name), name))
    except ValueError:
        order = sorted(names)
    number = {name: k for k, name in enumerate(order)}
    return [np.array([number[name] for name in part], np.int64) for part in parts], tuple(order)


def _made(
    name: str,
    images: list[np.ndarray],
    labels: list[np.ndarray],
    classes: tuple[str, ...],
    changes: Counter[str],
    notes: list[str],
) -> ImageSet:
    side = images[0].shape[1]
    words = {word: word + (f" to {side} x {side}" if word == RESIZED else "") for word in changes}
    notes = notes + [counted(count, words[word]) for word, count in changes.items() if count]
    if len(images) == 1:
        test = np.zeros(len(labels[0]), bool)
        for c in range(len(classes)):
            test[np.flatnonzero(labels[0] == c)[::TEST_SHARE]] = True
        images, labels = ([part[0][~test], part[0][test]] for part in (images, labels))
        notes.append("There is no test part: every fifth image of a class is a test image.")
    elif missing := [name for k, name in enumerate(classes) if not (labels[1] == k).any()]:
        notes.append(f"No test image shows {', '.join(missing)}.")
    return ImageSet(name, images[0], labels[0], images[1], labels[1], classes, tuple(notes))


def _check_count(count: int) -> None:
    if count > MAX_IMAGES:
        raise LabError(f"There are more than {MAX_IMAGES:,} images.", "Take a part of them.")


def _check_bytes(size: int) -> None:
    if size > MAX_BYTES:
        raise LabError(f"The images take more than {MAX_BYTES / 1e6:,.0f} MB.", "Take a part of them.")


def counted(count: int, words: str) -> str:
    """Return how many images are or have what.

    >>> counted(2, "were not square"), counted(1, "had 16 bits and were scaled")
    ('2 images were not square.', '1 image had 16 bits and was scaled.')
    """
    return f"{count:,} images {words}." if count > 1 else f"1 image {words.replace('were', 'was')}."
