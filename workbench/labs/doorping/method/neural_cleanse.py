"""Neural Cleanse (Wang et al. 2019): the least trigger of every class, and which of them is suspiciously small."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from workbench.contract import LabError
from workbench.labs.doorping.method.defenses import BATCH, answers
from workbench.labs.doorping.method.networks import Classifier
from workbench.labs.doorping.method.triggers import Pixels

SUCCESS, PATIENCE, FIRST_COST, UP, DOWN = 0.98, 5, 1e-3, 2.0, 2**1.5  # as BackdoorBench sets them
MAD = 1.4826  # makes the median absolute deviation of normal numbers their standard deviation
OUTLIER = 2.0  # anomaly index above which Wang et al. flag a class
OPEN = 1 - 1e-6  # keeps a first value away from the ends, where its atanh is infinite


@dataclass(frozen=True)
class Cleansed:
    """Result of Neural Cleanse.

    Attributes
    ----------
    norms
        L1 norm (classes,) of the least mask that sends images to each class.
    index
        Anomaly index (classes,): how far a norm is from the median, in MADs x 1.4826.
    flagged
        Classes with an index above 2 and a norm below the median, the least norm first.
    masks
        (classes, side, side), of 0..1.
    patterns
        (classes, c, side, side), of valid pixels.
    success
        Share (classes,) of all images that mask and pattern send to the class. One that never came to .98 of a batch
        has the last mask, not the least, and is not flagged.
    """

    norms: Tensor
    index: Tensor
    flagged: tuple[int, ...]
    masks: Tensor
    patterns: Tensor
    success: Tensor


def neural_cleanse(
    network: Classifier,
    images: Tensor,
    pixels: Pixels,
    classes: int,
    generator: Generator,
    *,
    labels: Tensor | None = None,
    steps: int = 400,
    batch: int = 32,
) -> Cleansed:
    """Search the least trigger of every class (Wang et al. 2019), all classes in one batched optimization.

    Minimize CE(f((1 - m) x + m p), c) + cost |m|_1 by Adam (rate .1, betas .5 and .9). A class's own cost doubles after
    5 batches in a row with a success of .98 or more, and is divided by 2^1.5 after 5 with less. Unlike in the released
    code a step is one batch, not an epoch, cost begins at 1e-3 instead of 0, and there is no early stop.

    Parameters
    ----------
    images
        Clean ones (N, c, side, side).
    labels
        True classes (N,): with them, images of a class do not count towards its own trigger. Released without.
    batch
        Images per step; each is seen with the masks of all classes.

    Raises
    ------
    LabError
        If there are fewer than 3 classes (nothing is an outlier among two), no steps, or labels do not fit.
    """
    if classes < 3 or steps < 1 or batch < 1:
        raise LabError(
            f"{classes} classes, {steps} steps, batches of {batch}.", "It takes 3 classes and 1 step or more."
        )
    if labels is not None and len(labels) != len(images):
        raise LabError(f"{len(images)} images have {len(labels)} labels.", "Give a label to every image, or none.")
    if answers(network, images[:1]).shape[1] != classes:
        raise LabError(f"The network does not know {classes} classes.", "Give the number of its logits.")
    channels, side, there = images.shape[1], images.shape[-1], images.device
    black, width = pixels.black.to(there), (pixels.white - pixels.black).to(there)
    free = [  # masks and patterns before tanh, the first ones uniform as released
        torch.atanh((2 * torch.rand(classes, n, side, side, generator=generator) - 1) * OPEN).to(there).requires_grad_()
        for n in (1, channels)
    ]
    bounded = lambda: (free[0].tanh() / 2 + 0.5, black + (free[1].tanh() / 2 + 0.5) * width)  # noqa: E731
    optimizer = torch.optim.Adam(free, lr=0.1, betas=(0.5, 0.9))
    each = torch.arange(classes, device=there)
    cost, best = torch.full((classes,), FIRST_COST, device=there), torch.full((classes,), torch.inf, device=there)
    well, badly = torch.zeros_like(each), torch.zeros_like(each)
    masks, patterns = (t.detach().clone() for t in bounded())
    for _ in range(steps):
        drawn = torch.randperm(len(images), generator=generator)[:batch].to(there)
        counts = _counted(labels, drawn, each)
        mask, pattern = bounded()
        logits = network(_mixed(images[drawn], mask, pattern).flatten(0, 1)).unflatten(0, (classes, -1))
        wrong = F.cross_entropy(logits.transpose(1, 2), each[:, None].expand(counts.shape), reduction="none")
        norm = mask.sum((1, 2, 3))
        # classes share no parameter, so that the gradient of the sum is that of every class alone
        loss = ((wrong * counts).sum(1) / counts.sum(1).clamp(min=1) + cost * norm).sum()
        for t, slope in zip(free, torch.autograd.grad(loss, free), strict=True):
            t.grad = slope
        success = _success(logits, counts, each)
        with torch.no_grad():
            # until one works, the last one is kept
            better = torch.where(success >= SUCCESS, norm < best, best.isinf())
            masks[better], patterns[better] = mask[better], pattern[better]
            best = torch.where(better & (success >= SUCCESS), norm, best)
            well, badly = ((n + 1) * on for n, on in ((well, success >= SUCCESS), (badly, success < SUCCESS)))
            up, down = well >= PATIENCE, badly >= PATIENCE
            cost = torch.where(up, cost * UP, torch.where(down, cost / DOWN, cost))
            well, badly = well * ~up, badly * ~down
        optimizer.step()
    norms = masks.sum((1, 2, 3))
    index = anomaly(norms)
    low = (index > OUTLIER) & (norms < _median(norms)) & best.isfinite()
    flagged = tuple(c for c in norms.argsort().tolist() if low[c])
    return Cleansed(norms, index, flagged, masks[:, 0], patterns, _verified(network, images, labels, masks, patterns))


def anomaly(norms: Tensor) -> Tensor:
    """Return how far each of norms (classes,) is from their median, in MADs x 1.4826 (Wang et al. 2019)."""
    far = (norms - _median(norms)).abs()
    return far / (MAD * _median(far)).clamp(min=1e-12)


def _median(numbers: Tensor) -> Tensor:
    return numbers.quantile(0.5)  # torch's own median is the lower of two middle ones


def _mixed(images: Tensor, mask: Tensor, pattern: Tensor) -> Tensor:
    """Return images (n, c, h, w) with each of the masks (k, 1, h, w) and patterns (k, c, h, w), as (k, n, c, h, w)."""
    return torch.lerp(images[None], pattern[:, None], mask[:, None])


def _counted(labels: Tensor | None, drawn: Tensor, each: Tensor) -> Tensor:
    """Return (classes, n), 1 where an image counts towards a class."""
    if labels is None:
        return torch.ones(len(each), len(drawn), device=each.device)
    return (labels.to(each.device)[drawn] != each[:, None]).float()


def _success(logits: Tensor, counts: Tensor, each: Tensor) -> Tensor:
    """Return the share (classes,) of images that count whose largest logit (classes, n, classes) is the class's."""
    return ((logits.argmax(2) == each[:, None]) * counts).sum(1) / counts.sum(1).clamp(min=1)


def _verified(network: Classifier, images: Tensor, labels: Tensor | None, masks: Tensor, patterns: Tensor) -> Tensor:
    each = torch.arange(len(masks), device=images.device)
    some = max(BATCH // len(masks), 1)
    with torch.no_grad():
        said = [
            network(_mixed(x, masks, patterns).flatten(0, 1)).unflatten(0, (len(each), -1)) for x in images.split(some)
        ]
    return _success(torch.cat(said, 1), _counted(labels, torch.arange(len(images), device=images.device), each), each)
