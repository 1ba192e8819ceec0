"""Arrays of labeled images in NPZ files; Python objects are never loaded."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from workbench.contract.errors import LabError
from workbench.data import npz

ARRAYS = {
    "x": (("x_train", "train_images", "images_train", "train_x", "images", "x"),
          ("x_test", "test_images", "images_test", "test_x")),
    "y": (("y_train", "train_labels", "labels_train", "train_y", "labels", "y"),
          ("y_test", "test_labels", "labels_test", "test_y")),
}  # fmt: skip
"""Names of the arrays of an NPZ file, for training and test, in any case."""


def read_arrays(path: Path, limit: int) -> tuple[list[np.ndarray], list[list[str]]]:
    """Read an NPZ file.

    Parameters
    ----------
    limit
        Bytes that it may unpack to.

    Returns
    -------
    list of arrays of any shape, list of lists of words
        Images and labels, as many of one as of the other; of training, and of testing if the file has that part.

    Raises
    ------
    LabError
        If it is damaged or lacks an array, or one would have to be unpickled.
    """
    keys = _keys(path, list(npz.read_heads(path)))
    arrays = npz.read_arrays(path, limit, [name for pair in keys for name in pair])
    images, labels = [arrays[x] for x, _ in keys], [_words(arrays[y], y) for _, y in keys]
    for (x, y), some, named in zip(keys, images, labels, strict=True):
        if some.ndim == 0 or len(some) != len(named):
            raise LabError(f"{x} has the shape {some.shape} and {y} {len(named):,} labels.", "Give one an image.")
        if some.size == 0:
            raise LabError(f"{x} holds no images.", "Save it with some.")
    return images, [named.tolist() for named in labels]


def _keys(path: Path, names: list[str]) -> list[tuple[str, str]]:
    """Return the names of images and labels, for training and, if they are there, for testing."""
    lower = {name.lower(): name for name in names}
    found = []
    for part in (0, 1):
        x, y = (next((lower[k] for k in ARRAYS[kind][part] if k in lower), "") for kind in "xy")
        if part == 1 and not x and not y:
            break
        if not x or not y:
            wanted = "x_test and y_test" if part else "images and labels, or x_train and y_train"
            raise LabError(f"{path.name} holds {', '.join(names[:8]) or 'no arrays'}.", f"Name the arrays {wanted}.")
        found.append((x, y))
    return found


def _words(labels: np.ndarray, name: str) -> np.ndarray:
    """Return labels (N,) as words."""
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        raise LabError(f"{name} has the shape {labels.shape}.", "It has to be (N,): one integer or word an image.")
    if labels.dtype.kind == "S":
        return np.char.decode(labels, "utf-8", "replace")
    if labels.dtype.kind == "f" and np.isfinite(labels).all() and (labels == np.rint(labels)).all():
        labels = labels.astype(np.int64)
    if labels.dtype.kind not in "biuU":
        raise LabError(f"{name} holds {labels.dtype} that are no whole numbers.", "Save integers or words.")
    return labels.astype(np.str_)
