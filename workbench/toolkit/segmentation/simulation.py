"""Simulated CT and MR of the abdomen from real label maps: warped anatomy, painted organ by organ, with flaws.

An `Anatomy` is a real organ map (pseudo-labels) with four kinds of tissue around the organs. `warp` gives it another
body, `paint_ct` and `paint_mr` another scanner. Every volume made here is SIMULATED, and must be called so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from workbench.data.volumes.organs import AMOS
from workbench.data.volumes.volume import Labels, Volume

AIR, FAT, SOFT, HARD = 16, 17, 18, 19  # tissues without a label, numbered after the organs; AIR also holds lung and gas
TISSUES = {AIR: "air", FAT: "fat", SOFT: "soft tissue", HARD: "bone and vessels"}
CLASSES = 20  # 0 is never used
LIMITS = {"CT": (-300.0, -20.0, 120.0)}  # HU that part air, fat, soft tissue and bone
SMOOTH = 0.7  # voxels: how far the soft maps of `Anatomy` blur, so that a warped edge is no staircase
CONTRAST = {2: 140.0, 3: 140.0, 8: 260.0, 9: 90.0, 1: 60.0, 10: 45.0, 6: 40.0}  # HU at full enhancement
GALLBLADDER, MISSING = 4, 0.15


@dataclass(frozen=True)
class Anatomy:
    """A real map of organs and tissues.

    Attributes
    ----------
    soft
        (20, X, Y, Z) float32: how much of each class is at a voxel, slightly blurred.
    spacing
        mm.
    middle
        (3,) in voxels: the center of the organs in the plane, and of the map along z.
    name
        Of the scan it comes from.
    organs
        Numbers of the organs in it.
    """

    soft: np.ndarray
    spacing: tuple[float, float, float]
    middle: np.ndarray
    name: str
    organs: tuple[int, ...]


@dataclass(frozen=True)
class Look:
    """Mean and standard deviation of every class in one modality, each (20,), measured on real scans."""

    mean: np.ndarray
    std: np.ndarray


@dataclass(frozen=True)
class Site:
    """A scanner: what it does to a picture.

    Attributes
    ----------
    noise
        Standard deviation: HU in CT, a share of the brightest tissue in MR.
    streaks
        Height of the streaks of a CT, HU.
    contrast
        Range of the enhancement of a CT, 0 to 1.
    gamma
        Range of the exponent of an MR's intensities.
    bias
        Largest deviation of an MR's bias field, as a share.
    inverted
        Share of MR with turned contrast, as T1 and T2 look to each other.
    spacing
        mm in the plane and along z.
    """

    name: str
    noise: float
    streaks: float = 0.0
    contrast: tuple[float, float] = (0.0, 0.0)
    gamma: tuple[float, float] = (1.0, 1.0)
    bias: float = 0.0
    inverted: float = 0.0
    spacing: tuple[float, float] = (4.5, 5.0)


SITES = {
    ("CT", "A"): Site("A", 18.0, 10.0, (0.0, 0.5), spacing=(4.5, 5.0)),
    ("CT", "B"): Site("B", 45.0, 45.0, (0.7, 1.0), spacing=(4.0, 6.0)),
    ("MR", "A"): Site("A", 0.04, gamma=(0.85, 1.2), bias=0.3, spacing=(4.5, 5.0)),
    ("MR", "B"): Site("B", 0.09, gamma=(0.6, 0.8), bias=0.5, inverted=0.5, spacing=(4.0, 6.0)),
}


def tissue_map(volume: Volume, labels: Labels) -> np.ndarray:
    """Return organs and, around them, tissues by their values: (X, Y, Z) uint8 of the numbers above.

    In a CT by HU. In an MR by its own quantiles: below a tenth of the body's median is air, the brightest third is fat.
    """
    values = np.asarray(volume.voxels, np.float32)
    if volume.modality == "CT":
        order, limits = (AIR, FAT, SOFT, HARD), LIMITS["CT"]
    else:
        body = values[values > 0.1 * np.median(values[values > 0])]
        order, limits = (AIR, HARD, SOFT, FAT), (0.1 * np.median(body), *np.quantile(body, (0.1, 0.66)))
    tissue = np.asarray(order, np.uint8)[np.searchsorted(limits, values)]
    return np.where((labels.voxels > 0) & (labels.voxels < AIR), labels.voxels, tissue).astype(np.uint8)


def anatomy(volume: Volume, labels: Labels) -> Anatomy:
    """Return the anatomy of a real scan and its organ map, both in RAS."""
    tissues = tissue_map(volume, labels)
    soft = np.zeros((CLASSES, *tissues.shape), np.float32)
    for k in np.unique(tissues):
        ndimage.gaussian_filter((tissues == k).astype(np.float32), SMOOTH, output=soft[k], mode="nearest")
    at = np.argwhere((tissues > 0) & (tissues < AIR))
    middle = (at.min(0) + at.max(0)) / 2
    middle[2] = (tissues.shape[2] - 1) / 2
    return Anatomy(soft, volume.spacing, middle, volume.name, tuple(int(k) for k in np.unique(tissues) if k in AMOS))


def looks(scans: list[tuple[Volume, Labels]]) -> dict[str, Look]:
    """Return how each class looks in CT and in MR: median, and spread from the quartiles, which gas in a bowel spares.

    A class that no scan of a modality has takes the look of soft tissue there. MR is scaled to 1000.
    """
    found = {}
    for modality in ("CT", "MR"):
        mean, std = np.full((2, CLASSES), np.nan)
        for k in range(1, CLASSES):
            values = [np.asarray(v.voxels)[tissue_map(v, m) == k] for v, m in scans if v.modality == modality]
            values = np.concatenate(values) if values else np.zeros(0)
            if len(values) > 20:
                low, mean[k], high = np.quantile(values, (0.25, 0.5, 0.75))
                std[k] = (high - low) / 1.35
        if np.isnan(mean[SOFT]):
            continue
        mean, std = (np.where(np.isnan(a), a[SOFT], a) for a in (mean, std))
        if modality == "MR":
            scale = 1000 / mean.max()
            mean, std = mean * scale, np.minimum(std * scale, 120.0)
        else:
            std = np.minimum(std, 40.0)
        found[modality] = Look(mean, std)
    return found


def warp(
    source: Anatomy, shape: tuple[int, int, int], spacing: tuple[float, float, float], rng: np.random.Generator
) -> np.ndarray:
    """Return another body: classes on a new grid, (X, Y, Z) uint8.

    A random affine (to 6 degrees, scales 0.9 to 1.1, shifts to 12 mm) and a smooth displacement (Gaussian of 8 to 12
    source voxels, amplitude 3 to 5 voxels); every organ a little larger or smaller; a random window along z; no
    gallbladder in 15 %. Equal states of `rng` give the same body on any grid.
    """
    grid = np.stack(np.meshgrid(*(np.arange(n) - (n - 1) / 2 for n in shape), indexing="ij"))  # (3, X, Y, Z)
    at = grid * np.reshape(spacing, (3, 1, 1, 1))  # mm from the center
    turn = _rotation(np.deg2rad(rng.uniform(-6, 6, 3))) / rng.uniform(0.9, 1.1, 3)
    at = np.tensordot(turn, at, 1) + np.append(rng.uniform(-12, 12, 2), 0).reshape(3, 1, 1, 1)
    at = at / np.reshape(source.spacing, (3, 1, 1, 1))  # source voxels
    spare = max(0.0, source.soft.shape[3] - shape[2] * spacing[2] / source.spacing[2]) / 2
    at += source.middle.reshape(3, 1, 1, 1) + np.array([0, 0, rng.uniform(-spare, spare)]).reshape(3, 1, 1, 1)
    sigma, height = rng.uniform(8, 12), rng.uniform(3, 5)
    moved = []
    for axis in range(3):  # drawn on the source's grid: the body is the same whatever grid it is seen on
        field = ndimage.gaussian_filter(rng.normal(size=source.soft.shape[1:]), sigma, mode="reflect")
        field *= height * (0.5 if axis == 2 else 1) / max(np.abs(field).max(), 1e-9)
        moved.append(ndimage.map_coordinates(field, at, order=1, mode="nearest"))
    at += np.stack(moved)
    grown = rng.normal(0, 0.06, CLASSES)
    gone = {GALLBLADDER} if rng.random() < MISSING else set()
    best, classes = np.full(shape, -np.inf, np.float32), np.full(shape, AIR, np.uint8)
    for k in (*source.organs, *TISSUES):
        if k in gone:
            continue
        share = ndimage.map_coordinates(source.soft[k], at, order=1, mode="nearest") + (grown[k] if k < AIR else 0)
        wins = share > best
        best[wins], classes[wins] = share[wins], k
    return classes


def paint_ct(classes: np.ndarray, look: Look, site: Site, rng: np.random.Generator) -> np.ndarray:
    """Return a CT of classes (X, Y, Z) in HU, int16: organ by organ, a contrast phase, streaks, noise."""
    mean = look.mean + rng.normal(0, 6, CLASSES)
    phase = rng.uniform(*site.contrast)
    for organ, height in CONTRAST.items():
        mean[organ] = min(look.mean[organ], 60.0) + phase * height
    image = _textured(classes, mean, look.std, rng)
    image += site.streaks * _streaks(classes.shape[:2], rng)[..., None]
    image += rng.normal(0, site.noise, classes.shape)
    return np.clip(np.rint(image), -1024, 3071).astype(np.int16)


def paint_mr(classes: np.ndarray, look: Look, site: Site, rng: np.random.Generator) -> np.ndarray:
    """Return an MR of classes (X, Y, Z), int16 from 0 up: gamma, contrast turned, bias field, Rician noise."""
    mean = look.mean * (1 + rng.normal(0, 0.06, CLASSES))
    if rng.random() < site.inverted:
        body = [k for k in range(1, CLASSES) if k != AIR]
        mean[body] = mean[body].max() + mean[body].min() - mean[body]
    image = np.clip(_textured(classes, mean, look.std, rng), 0, None) / 1000
    image = image ** rng.uniform(*site.gamma) * bias_field(classes.shape, site.bias, rng)
    real, imaginary = rng.normal(0, site.noise, (2, *classes.shape))
    return np.rint(1000 * np.hypot(image + real, imaginary)).astype(np.int16)


def bias_field(shape: tuple[int, ...], height: float, rng: np.random.Generator) -> np.ndarray:
    """Return a smooth factor around 1, a polynomial of order two whose largest deviation is `height`."""
    x = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij", sparse=True)
    terms = [*x, *(a * b for i, a in enumerate(x) for b in x[i:])]
    field = sum(c * t for c, t in zip(rng.normal(size=len(terms)), terms, strict=True))
    field = np.broadcast_to(field, shape) - np.mean(field)
    return 1 + height * field / max(np.abs(field).max(), 1e-9)


def _textured(classes: np.ndarray, mean: np.ndarray, std: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    texture = ndimage.gaussian_filter(rng.normal(size=classes.shape), 1.0)
    texture /= max(texture.std(), 1e-9)
    image = mean[classes] + std[classes] * texture
    return ndimage.gaussian_filter(image, 0.4)  # partial volume


def _streaks(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Return streaks (X, Y) that leave a dense spot in all directions and fade, of height 1."""
    x, y = np.meshgrid(*(np.arange(n) for n in shape), indexing="ij")
    px, py = rng.uniform(0.3, 0.7, 2) * shape
    angle, far = np.arctan2(y - py, x - px), np.hypot(x - px, y - py) + 4
    waves = sum(np.cos(n * angle + rng.uniform(0, 2 * np.pi)) for n in rng.integers(5, 16, 4))
    return waves / 2 * np.sqrt(4 / far)


def _rotation(angles: np.ndarray) -> np.ndarray:
    out = np.eye(3)
    for axis, angle in enumerate(angles):
        i, j = [k for k in range(3) if k != axis]
        one = np.eye(3)
        one[i, i] = one[j, j] = np.cos(angle)
        one[i, j], one[j, i] = -np.sin(angle), np.sin(angle)
        out = one @ out
    return out
