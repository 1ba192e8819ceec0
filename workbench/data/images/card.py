"""The data card of a set of images: exact counts, brightness, some images of each class, and what to mind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from workbench.data.images.named import ImageSet
from workbench.data.images.png import png

EACH = 8  # images of a class on the contact sheet, fewer if there are many classes
ACROSS = 16  # images beside each other
SHOWN = 96  # images in all, about
GAP = 2  # pixels between images
FEW = 10  # training images of a class
UNEVEN = 5  # times as many images in the largest class as in the smallest
FAINT = 4.0  # standard deviation of pixels, of 255
CHUNK = 1024  # images counted at once


def image_card(images: ImageSet) -> dict[str, Any]:
    """Describe a set of images.

    Returns
    -------
    dict
        ``name``; ``train``, ``test``: images; ``side``: pixels; ``channels``: 1 or 3; ``classes``: name -> (training
        images, test images); ``mean``, ``std``: of the training pixels of each channel, 0 to 255; ``both``: test images
        that are training images too, pixel by pixel; ``sheet``: see `contact_sheet`; ``notes``, ``warnings``.
    """
    n = len(images.classes)
    counts = [np.bincount(y, minlength=n).tolist() for y in (images.train_labels, images.test_labels)]
    mean, std = brightness(images.train)
    card = {
        "name": images.name,
        "train": len(images.train),
        "test": len(images.test),
        "side": images.train.shape[1],
        "channels": images.train.shape[3],
        "classes": dict(zip(images.classes, zip(*counts, strict=True), strict=True)),
        "mean": mean,
        "std": std,
        "both": in_both(images),
        "sheet": contact_sheet(images),
        "notes": images.notes,
    }
    return card | {"warnings": tuple(_warnings(card))}


def facts(card: dict[str, Any]) -> dict[str, str]:
    """Return the figures of a card as words, for a page or a terminal."""
    numbers = lambda values: ", ".join(f"{v:.1f}" for v in values)  # noqa: E731
    told = ", ".join(f"{name} {train:,} + {test:,}" for name, (train, test) in list(card["classes"].items())[:20])
    more = len(card["classes"]) - 20
    return {
        "Images": f"{card['train']:,} for training, {card['test']:,} for testing",
        "Size": f"{card['side']} × {card['side']} pixels, {'gray' if card['channels'] == 1 else 'RGB'}",
        f"{len(card['classes'])} classes": told + (f" and {more} more" if more > 0 else ""),
        "Mean of pixels": f"{numbers(card['mean'])} of 255",
        "Deviation": numbers(card["std"]),
    }


def brightness(images: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation of each channel of (N, h, w, channels) uint8, exact: levels are counted.

    >>> brightness(np.array([0, 0, 2, 2], np.uint8).reshape(1, 2, 2, 1))
    ((1.0,), (1.0,))
    """
    means, deviations = [], []
    for c in range(images.shape[3]):
        counts = np.zeros(256, np.int64)
        for k in range(0, len(images), CHUNK):
            counts += np.bincount(images[k : k + CHUNK, ..., c].ravel(), minlength=256)
        mean = counts @ np.arange(256) / counts.sum()
        means.append(float(mean))
        deviations.append(float(np.sqrt(counts @ (np.arange(256) - mean) ** 2 / counts.sum())))
    return tuple(means), tuple(deviations)


def in_both(images: ImageSet) -> int:
    """Return how many test images are training images too."""
    known = {image.tobytes() for image in images.train}
    return sum(image.tobytes() in known for image in images.test)


def contact_sheet(images: ImageSet) -> bytes:
    """Return a PNG with training images of each class, in the order of the classes.

    The images of a class stand beside each other, from left to right; a class follows the one before, in the same row
    where there is room. They are spread evenly over the class.
    """
    side, each = images.train.shape[1], max(1, min(EACH, SHOWN // len(images.classes)))
    across = ACROSS // each  # classes in a row
    rows = -(-len(images.classes) // across)
    step = side + GAP
    sheet = np.full((rows * step - GAP, across * each * step - GAP, images.train.shape[3]), 255, np.uint8)
    for c, chosen in enumerate(_chosen(images, each)):
        row, column = divmod(c, across)
        for k, image in enumerate(images.train[chosen]):
            top, left = row * step, (column * each + k) * step
            sheet[top : top + side, left : left + side] = image
    return png(sheet)


def _chosen(images: ImageSet, each: int) -> Iterator[np.ndarray]:
    for c in range(len(images.classes)):
        there = np.flatnonzero(images.train_labels == c)
        yield there[np.linspace(0, len(there) - 1, min(each, len(there))).astype(int)]


def _warnings(card: dict[str, Any]) -> Iterator[str]:
    sizes = {name: train for name, (train, _) in card["classes"].items()}
    least, most = min(sizes, key=sizes.get), max(sizes, key=sizes.get)
    if sizes[least] < FEW:
        yield f"The class {least} has {sizes[least]:,} training images: too few to learn it well."
    if sizes[most] > UNEVEN * sizes[least]:
        yield f"{most} has {sizes[most]:,} training images and {least} {sizes[least]:,}: accuracy favors the larger."
    if card["both"]:
        yield f"{card['both']:,} test images are training images too: test accuracy is too high."
    if max(card["std"]) < FAINT:
        yield "All pixels are nearly alike: were the images scaled before?"
