"""The images of a run: read, drawn by class, resized and normalized."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from workbench.contract import Context, LabError
from workbench.data.images.named import ImageSet, open_images
from workbench.data.images.own import read_images
from workbench.labs.doorping.method.triggers import Pixels
from workbench.labs.doorping.params import OWN, Params


@dataclass(frozen=True)
class Material:
    """Real images, ready for networks.

    Attributes
    ----------
    images, tests
        (N, channels, side, side), normalized by mean and standard deviation of the training images.
    labels, test_labels
        (N,) int64.
    mean, std
        (channels,), of pixels in 0..1.
    classes
        Names.
    counts
        All training and test images of each class (classes, 2), before some were drawn.
    notes
        What was done.
    """

    images: Tensor
    labels: Tensor
    tests: Tensor
    test_labels: Tensor
    mean: Tensor
    std: Tensor
    classes: tuple[str, ...]
    counts: np.ndarray
    notes: tuple[str, ...]

    @property
    def pixels(self) -> Pixels:
        """The range of valid pixels."""
        return Pixels.of(self.mean, self.std)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width."""
        return tuple(self.images.shape[1:])

    def shown(self, images: Tensor) -> np.ndarray:
        """Return normalized images (..., channels, h, w) as pictures (..., h, w, channels) uint8, cut to the range."""
        width = self.std[:, None, None]
        pixels = (images.detach() * width + self.mean[:, None, None]).clamp(0, 1)
        return (255 * pixels).round().to(torch.uint8).movedim(-3, -1).cpu().numpy()


def read(params: Params, ctx: Context) -> ImageSet:
    """Return the chosen set of images.

    Raises
    ------
    LabError
        If it cannot be had, or a file of the user's own cannot be used.
    """
    if params.dataset != OWN:
        return open_images(params.dataset, ctx.data)
    if not params.file:
        raise LabError("No file is named.", "Give the path of a zip, a folder or an NPZ as `file`.")
    return read_images(ctx.data(f"file:{Path(params.file).expanduser().resolve()}"))


def material(params: Params, ctx: Context) -> Material:
    """Read images, draw some of each class, and normalize them; the same for every distillation of a run.

    Raises
    ------
    LabError
        If they do not fit the parameters.
    """
    held = read(params, ctx)
    classes = len(held.classes)
    if params.target >= classes:
        raise LabError(f"There is no class {params.target}.", f"{held.name} has classes 0 to {classes - 1}.")
    if not 1 <= params.size <= params.side - 1:
        raise LabError(
            f"A trigger of {params.size} pixels does not fit into images of {params.side}.",
            f"Choose 1 to {params.side - 1}.",
        )
    rng = ctx.rng("images")
    x, y = _drawn(held.train, held.train_labels, classes, params.images, rng)
    tests, test_y = _drawn(held.test, held.test_labels, classes, params.tests, rng)
    x, tests = (_resized(one, params.side).to(ctx.device) for one in (x, tests))
    mean, std = x.mean((0, 2, 3)), x.std((0, 2, 3)).clamp(min=1e-3)
    count = lambda labels: np.bincount(labels, minlength=classes)  # noqa: E731
    notes = list(held.notes)
    if held.train.shape[1] != params.side:
        notes.append(f"Images of {held.train.shape[1]} pixels a side were resized to {params.side}.")
    return Material(
        normalized(x, mean, std),
        torch.as_tensor(y, device=ctx.device),
        normalized(tests, mean, std),
        torch.as_tensor(test_y, device=ctx.device),
        mean,
        std,
        held.classes,
        np.stack([count(held.train_labels), count(held.test_labels)], 1),
        tuple(notes),
    )


def normalized(pixels: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """Return pixels (..., channels, h, w) in 0..1 less mean, over standard deviation; both are (channels,)."""
    return (pixels - mean[:, None, None]) / std[:, None, None]


def _drawn(
    images: np.ndarray, labels: np.ndarray, classes: int, most: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return at most so many images of each class."""
    rows = np.concatenate([rng.permutation(np.flatnonzero(labels == c))[:most] for c in range(classes)])
    return images[rows], labels[rows]


def _resized(images: np.ndarray, side: int) -> Tensor:
    """Return pictures (N, h, w, channels) uint8 as (N, channels, side, side) in 0..1."""
    x = torch.as_tensor(images).movedim(-1, 1).float() / 255
    if x.shape[-1] == side:
        return x
    return F.interpolate(x, size=(side, side), mode="bilinear", antialias=True, align_corners=False).clamp(0, 1)
