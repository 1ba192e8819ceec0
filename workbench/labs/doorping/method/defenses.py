"""Defenses that look at a victim: an ABS-style scan, STRIP, fine-pruning. Neural Cleanse is in `neural_cleanse`.

The list of defenses in the paper was not to be had; these are the well-known ones, each from its own paper, and the
scan is only in the style of ABS. All see a victim as a `Classifier`, and images normalized. Those of sets: `detectors`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from workbench.contract import LabError
from workbench.labs.doorping.method.networks import Classifier

BATCH = 512  # images a network sees at once


def answers(said: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """Return what a network, or its `units`, says of images (N, c, side, side), as (N, ...) and without gradients.

    Raises
    ------
    LabError
        If there are no images, or they are not of that shape.
    """
    if images.ndim != 4 or not len(images):
        raise LabError(f"Images of shape {tuple(images.shape)} do not fit.", "They are (N, channels, side, side).")
    with torch.no_grad():
        return torch.cat([said(some) for some in images.split(BATCH)])


# --- A scan of units ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Scanned:
    """Result of a scan of units.

    Attributes
    ----------
    lift
        (hidden, classes), of -1..1: what raising a unit adds to the share that a class has of nearly all images.
    unit, cls
        Where it is largest.
    score
        How much more the best unit does for `cls` than the best unit does for the median class.
    """

    lift: Tensor
    unit: int
    cls: int
    score: float


def abs_scan(
    network: Classifier, images: Tensor, *, reach: float = 2.0, values: int = 16, nearly: float = 0.9
) -> Scanned:
    """Raise one unit of the inner layer at a time, and see which class gains: ABS-style (Liu et al. 2019), not ABS.

    A unit takes `values` values up to `reach` times the largest activation of the layer on clean images, the rest
    staying as it is. The share (softmax) of a class that `nearly` all images exceed is compared with and without, and
    lift is the difference, averaged over the values: a unit that decides early and for all images stands out. ABS goes
    on to invert a trigger for each suspect; this does not. The outer layer is linear: images pass the network once.

    Parameters
    ----------
    images
        Clean ones (N, c, side, side), of all classes.

    Raises
    ------
    LabError
        If the range is empty, or no unit is ever active.
    """
    if values < 1 or reach <= 0 or not 0 < nearly < 1:
        raise LabError(
            f"{values} values up to {reach}, nearly all being {nearly}.", "Take 1 or more, above 0, in 0..1."
        )
    active = answers(network.units, images).relu()  # (N, hidden)
    top = active.max()
    if float(top) <= 0:
        raise LabError("No unit of the inner layer is ever active.", "Train the network, or give other images.")
    with torch.no_grad():
        logits, weight = network.outer(active), network.outer.weight.T  # (N, classes), (hidden, classes)
        before, lift = logits.softmax(1).quantile(1 - nearly, dim=0), torch.zeros_like(weight)
        for value in torch.linspace(0, reach, values + 1)[1:].tolist():
            more = (value * top - active).T[:, :, None] * weight[:, None]  # (hidden, N, classes)
            lift += (logits + more).softmax(2).quantile(1 - nearly, dim=1) - before
        lift /= values
    best = lift.amax(0)  # (classes,)
    cls = int(best.argmax())
    return Scanned(lift, int(lift[:, cls].argmax()), cls, float(best[cls] - best.quantile(0.5)))


# --- STRIP ----------------------------------------------------------------------------------------------------------


def strip(
    network: Classifier, images: Tensor, overlays: Tensor, generator: Generator, *, n: int = 64, alpha: float = 0.5
) -> Tensor:
    """Return how unsure the network is of each image (N,) once others lie over it: mean entropy in bits.

    STRIP (Gao et al. 2019): what a trigger decides stays decided, so low entropy is suspect. Every image is blended
    with n clean overlays (M, c, side, side), drawn anew for each, as (1 - alpha) image + alpha overlay.

    Raises
    ------
    LabError
        If overlays have another shape than images, there are none, or alpha is not in 0..1.
    """
    if not len(overlays) or overlays.shape[1:] != images.shape[1:]:
        raise LabError(
            f"Overlays {tuple(overlays.shape)} do not fit images {tuple(images.shape)}.", "Give images of one shape."
        )
    if n < 1 or not 0 < alpha < 1:
        raise LabError(f"{n} overlays with a weight of {alpha}.", "Take 1 or more, and a weight between 0 and 1.")
    drawn = torch.randint(len(overlays), (len(images), n), generator=generator).to(images.device)
    entropies = []
    some = max(BATCH // n, 1)
    for image, which in zip(images.split(some), drawn.split(some), strict=True):
        blended = torch.lerp(image[:, None], overlays[which], alpha).flatten(0, 1)
        share = answers(network, blended).softmax(1)
        entropies.append(-torch.xlogy(share, share).sum(1).unflatten(0, (-1, n)).mean(1) / torch.log(torch.tensor(2.0)))
    return torch.cat(entropies)


def detection_rate(clean: Tensor, stamped: Tensor, share: float = 0.05) -> float:
    """Return the share of entropies (M,) of stamped images below the quantile `share` of those of clean ones (N,).

    That quantile is the false alarms that Gao et al. allow for.

    Raises
    ------
    LabError
        If there are no entropies, or the share is not in 0..1.
    """
    if not clean.numel() or not stamped.numel() or not 0 < share < 1:
        raise LabError("There is nothing to compare.", "Give clean and stamped images, and a share in 0..1.")
    return float((stamped < clean.quantile(share)).float().mean())


def strip_auc(clean: Tensor, stamped: Tensor) -> float:
    """Return how well low entropy tells stamped (M,) from clean (N,): 1 always, .5 not at all."""
    from sklearn.metrics import roc_auc_score

    if not clean.numel() or not stamped.numel():
        raise LabError("There is nothing to compare.", "Give entropies of clean and of stamped images.")
    truth = torch.cat([torch.zeros(len(clean)), torch.ones(len(stamped))])
    return float(roc_auc_score(truth.numpy(), -torch.cat([clean, stamped]).cpu().numpy()))


# --- Fine-pruning ---------------------------------------------------------------------------------------------------


def fine_pruned(network: Classifier, images: Tensor, steps: int | None = None) -> Iterator[tuple[int, Classifier]]:
    """Yield how many units are pruned, and a copy of the network without them: from none to all.

    Pruning of Liu et al. 2018: units sleep on clean images (N, c, side, side) that only a trigger wakes, so the one
    with the least mean activation goes first. Theirs are channels of the last convolution; ours are those of the
    inner layer, which DOORPING drives. Fine-tuning afterwards is left out.

    Parameters
    ----------
    steps
        In how many equal parts units are pruned; one at a time if not given.

    Raises
    ------
    LabError
        If there is no step.
    """
    hidden = network.inner.out_features
    if steps is not None and steps < 1:
        raise LabError(f"Units cannot be pruned in {steps} steps.", "Take 1 or more.")
    order = answers(network.units, images).relu().mean(0).argsort(stable=True)
    for count in torch.linspace(0, hidden, min(steps or hidden, hidden) + 1).round().long().tolist():
        pruned = copy.deepcopy(network)
        with torch.no_grad():
            pruned.inner.weight[order[:count]] = 0
            pruned.inner.bias[order[:count]] = 0
        yield count, pruned
