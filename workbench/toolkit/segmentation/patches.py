"""Random patches of prepared scans for training, with augmentation of their values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from workbench.toolkit.segmentation.training import Batch

AIMED = 0.5  # share of the patches that are cut around a voxel of an organ, every organ of a scan as often


@dataclass(frozen=True)
class Sample:
    """A prepared scan to cut patches from.

    Attributes
    ----------
    name, modality, site
        Of its case.
    image
        (X, Y, Z) float32 as the network sees it; may be memory-mapped.
    mask
        (X, Y, Z) uint8 on the same grid.
    places
        Organ -> up to so many voxels of it, (n, 3): where a patch may be aimed at.
    """

    name: str
    modality: str
    site: str
    image: np.ndarray
    mask: np.ndarray
    places: dict[int, np.ndarray]


def places_of(mask: np.ndarray, rng: np.random.Generator, most: int = 500) -> dict[int, np.ndarray]:
    """Return up to `most` voxels (n, 3) of every organ of a mask."""
    flat = mask.ravel()
    found = {}
    for k in np.unique(flat):
        if k:
            at = np.flatnonzero(flat == k)
            at = at if len(at) <= most else rng.choice(at, most, replace=False)
            found[int(k)] = np.stack(np.unravel_index(at, mask.shape), 1)
    return found


def batch_of(
    groups: Sequence[Sequence[Sample]], size: int, patch: tuple[int, int, int], rng: np.random.Generator
) -> Batch:
    """Return a batch of random patches.

    Parameters
    ----------
    groups
        Samples by modality: every patch takes one of the groups at random, each as often however many scans it has,
        then a scan of it.
    size, patch
        Patches, and their shape.
    rng
        Decides everything.
    """
    images, masks = [], []
    for _ in range(size):
        group = groups[rng.integers(len(groups))]
        sample = group[rng.integers(len(group))]
        image, mask = cut(sample, patch, rng)
        images.append(disturbed(image, rng))
        masks.append(mask)
    stacked = np.stack(images)[:, None].astype(np.float32)  # (B, 1, X, Y, Z)
    return torch.from_numpy(stacked), torch.from_numpy(np.stack(masks).astype(np.int64))


def cut(sample: Sample, patch: tuple[int, int, int], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return a patch of a scan and its mask; what lies outside is padded with the lowest value and background."""
    shape = np.array(sample.image.shape)
    aimed = rng.random() < AIMED and sample.places
    if aimed:
        organs = list(sample.places)
        voxels = sample.places[organs[rng.integers(len(organs))]]
        start = voxels[rng.integers(len(voxels))] - rng.integers(0, patch)
    else:
        start = rng.integers(0, np.maximum(shape - patch, 0) + 1)
    start = np.clip(start, 0, np.maximum(shape - patch, 0))
    where = tuple(slice(s, s + p) for s, p in zip(start, patch, strict=True))
    image, mask = np.asarray(sample.image[where]), np.asarray(sample.mask[where])
    missing = [p - n for p, n in zip(patch, image.shape, strict=True)]
    if any(missing):
        before = [int(rng.integers(0, m + 1)) for m in missing]
        pads = [(b, m - b) for b, m in zip(before, missing, strict=True)]
        image, mask = np.pad(image, pads, constant_values=float(image.min())), np.pad(mask, pads)
    return image, mask


def disturbed(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the values scaled, shifted and with noise; never mirrored: there is a left and a right kidney."""
    image = image * rng.uniform(0.85, 1.15) + rng.uniform(-0.15, 0.15)
    if rng.random() < 0.3:
        image = image + rng.normal(0, rng.uniform(0, 0.15), image.shape)
    return image
