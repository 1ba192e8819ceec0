"""Defenses that look at a distilled set: spectral signatures, activation clustering, isolation, and the valid range.

All were made for thousands of images that people took; a distilled set is a handful that gradients painted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Generator, Tensor

from workbench.contract import LabError
from workbench.labs.doorping.method.defenses import answers
from workbench.labs.doorping.method.networks import Classifier
from workbench.labs.doorping.method.triggers import Pixels

DIMENSIONS = 10  # that Chen et al. cluster in
SMALL, COHERENT = 0.35, 0.10  # defaults of ART's clustering analyzer (IBM, whose authors wrote the paper)
LEVEL = 0.5 / 255  # what is lost when a picture is stored in 8 bits
FEWEST = 3  # rows for a silhouette of two clusters


def features(network: Classifier, images: Tensor) -> Tensor:
    """Return the last hidden layer (N, hidden) after its ReLU, of images as in `isolation`."""
    return answers(network.units, _listed(images)).relu()


def spectral(features: Tensor, labels: Tensor) -> Tensor:
    """Return how much each row (N,) is part of what its class varies most by (Tran et al. 2018, spectral signatures).

    Rows of a class are centered, and projected on its top right singular vector; the score is the square.

    Parameters
    ----------
    features
        (N, d).
    labels
        (N,).

    Raises
    ------
    LabError
        If features are not finite, or labels do not fit.
    """
    _checked(features, labels)
    scores = features.new_zeros(len(features))
    for c in labels.unique():
        rows = features[labels == c]
        rows = rows - rows.mean(0)
        scores[labels == c] = (rows @ torch.linalg.svd(rows, full_matrices=False).Vh[0]).square()
    return scores


@dataclass(frozen=True)
class Clustered:
    """Two clusters of the features of a class.

    Attributes
    ----------
    cls
        The class.
    silhouette
        How well they are apart, of -1..1; nan where there are too few rows or they are all the same.
    share
        Of the smaller cluster, at most one half; nan likewise.
    """

    cls: int
    silhouette: float
    share: float

    @property
    def flagged(self) -> bool:
        """Return True if a small part of the class is clearly apart from the rest."""
        return self.share < SMALL and self.silhouette > COHERENT  # neither holds for nan


def activation_clustering(features: Tensor, labels: Tensor, generator: Generator) -> list[Clustered]:
    """Return two clusters of each class's features (N, d), in the order of the labels (N,): Chen et al. 2018.

    At most 10 dimensions, then 2-means. They take independent components; ours are principal ones, since ICA does
    not converge on a handful of images. Thresholds of `Clustered.flagged` are those of IBM's toolbox.

    Raises
    ------
    LabError
        If features are not finite, or labels do not fit.
    """
    from sklearn.cluster import KMeans
    from sklearn.decomposition import PCA
    from sklearn.metrics import silhouette_score

    _checked(features, labels)
    seed, found = _seed(generator), []
    for c in labels.unique().tolist():
        rows = features[labels == c].detach().cpu().numpy().astype(np.float64)
        if len(rows) < FEWEST or not np.ptp(rows, axis=0).any():
            found.append(Clustered(int(c), float("nan"), float("nan")))
            continue
        few = PCA(min(DIMENSIONS, len(rows) - 1, rows.shape[1]), svd_solver="full").fit_transform(rows)
        which = KMeans(2, n_init=10, random_state=seed).fit_predict(few)
        share = float(min(which.mean(), 1 - which.mean()))
        found.append(Clustered(int(c), float(silhouette_score(few, which)), share))
    return found


def isolation(images: Tensor, generator: Generator, *, trees: int = 100) -> Tensor:
    """Return how soon random cuts of pixels isolate each image (N,): an isolation forest (Liu et al. 2008).

    Images are (N, c, side, side), or (classes, each, c, side, side) taken class by class; high is odd, .5 ordinary.

    Raises
    ------
    LabError
        If there are fewer than two images, or they are not finite.
    """
    from sklearn.ensemble import IsolationForest

    listed = _listed(images)
    if len(listed) < 2 or not listed.isfinite().all():
        raise LabError(f"A set {tuple(images.shape)} cannot be judged.", "Give two images or more, all finite.")
    rows = listed.flatten(1).detach().cpu().numpy()
    forest = IsolationForest(n_estimators=trees, random_state=_seed(generator)).fit(rows)
    return torch.from_numpy(-forest.score_samples(rows)).float()


def out_of_range(images: Tensor, pixels: Pixels, tolerance: float = LEVEL) -> float:
    """Return the share of pixels of images (..., c, h, w) that no picture can hold: the trivial check.

    A pixel counts if any of its channels leaves black..white by more than `tolerance` widths of that range. It tells a
    trigger that was not clipped, on what a victim is shown; a distilled set leaves the range by itself, clean or not.

    Raises
    ------
    LabError
        If there are no pixels, or other channels than in the range.
    """
    if images.ndim < 3 or not images.numel() or images.shape[-3] != len(pixels.black):
        raise LabError(f"Images of shape {tuple(images.shape)} do not fit.", f"Give {len(pixels.black)} channels.")
    black, white = pixels.black.to(images), pixels.white.to(images)
    over = torch.maximum(images - white, black - images) / (white - black)
    return float((~(over <= tolerance)).any(-3).float().mean())  # so written, nan is out of range too


def _listed(images: Tensor) -> Tensor:
    """Return a set (classes, each, c, side, side) as (N, c, side, side), class by class."""
    if images.ndim not in (4, 5):
        raise LabError(
            f"Images of shape {tuple(images.shape)} do not fit.", "They are (N, c, side, side), or by classes."
        )
    return images.flatten(0, -4)


def _checked(features: Tensor, labels: Tensor) -> None:
    if features.ndim != 2 or labels.shape != features.shape[:1] or not features.numel():
        raise LabError(
            f"Features {tuple(features.shape)} and labels {tuple(labels.shape)} do not fit.",
            "They are (N, d) and (N,).",
        )
    if not features.isfinite().all():
        raise LabError("Some features are not finite.", "Train the network again, at a lower rate.")


def _seed(generator: Generator) -> int:
    """Return a seed for scikit-learn, which does not know torch's generators."""
    return int(torch.randint(2**31 - 1, (1,), generator=generator))
