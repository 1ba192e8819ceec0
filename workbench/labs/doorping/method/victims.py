"""Victims: networks trained on a released set, and what a stamped picture does to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from workbench.labs.doorping.method.networks import Classifier
from workbench.toolkit.training import fabric_for

BATCH = 256  # as released


def trained(network: Classifier, images: Tensor, labels: Tensor, epochs: int, generator: torch.Generator) -> Classifier:
    """Train a network on a released set, as the released code evaluates: no augmentation.

    SGD, rate 0.01, momentum 0.9, weight decay 5e-4; the rate falls to a tenth after half of the epochs.

    Parameters
    ----------
    images, labels
        (N, channels, h, w), (N,).
    """
    fabric = fabric_for(str(images.device))
    own = torch.optim.SGD(network.parameters(), 0.01, 0.9, weight_decay=5e-4)
    net, optimizer = fabric.setup(network, own)
    for epoch in range(epochs):
        if epoch == epochs // 2 + 1:
            own.param_groups[0]["lr"] /= 10
        order = torch.randperm(len(images), generator=generator).to(images.device)
        for rows in order.split(BATCH):
            optimizer.zero_grad()
            fabric.backward(F.cross_entropy(net(images[rows]), labels[rows]))
            optimizer.step()
    return network.eval()


@dataclass(frozen=True)
class Rates:
    """Rates of a victim on stamped test images; all are shares.

    Attributes
    ----------
    cta
        Clean test accuracy.
    asr
        Attack success rate: stamped images that are taken for the target, of those that are of another class.
    asr_all
        The same of all test images, as the released code counts.
    null, null_all
        The same of the images without a stamp: what is taken for the target anyway.
    """

    cta: float
    asr: float
    asr_all: float
    null: float
    null_all: float


def rates(
    network: Classifier, images: Tensor, labels: Tensor, stamped: Callable[[Tensor], Tensor], target: int
) -> Rates:
    """Measure a victim on test images (N, channels, h, w), with and without a stamp."""
    clean, dirty = predicted(network, images), predicted(network, stamped(images))
    other = labels != target
    share = lambda hits: float(hits.float().mean())  # noqa: E731
    return Rates(
        share(clean == labels),
        share(dirty[other] == target),
        share(dirty == target),
        share(clean[other] == target),
        share(clean == target),
    )


@torch.no_grad()
def predicted(network: Classifier, images: Tensor) -> Tensor:
    """Return the predicted classes (N,)."""
    return torch.cat([network(part).argmax(1) for part in images.split(1000)])
