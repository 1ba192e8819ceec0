"""Networks that distill, and victims: small classifiers of images (N, channels, side, side).

Batch norm is missing on purpose: a synthetic set is a handful of images, and its statistics are not those of real ones
(the authors' reason too, in the discussion of the released code). The AlexNet here has no local response norm and one
linear layer less than the released one.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from workbench.contract import LabError
from workbench.labs.doorping.params import NETWORKS, NORMS

LEAST = 8  # pixels of a side, so that three poolings leave something


def make_network(
    name: str, shape: tuple[int, int, int], classes: int, *, norm: str = "instance", width: int = 32, hidden: int = 64
) -> nn.Module:
    """Return a network with fresh weights, drawn from torch's generator.

    Parameters
    ----------
    name
        Of `NETWORKS`.
    shape
        Channels, height and width of an image; height and width are equal.
    classes
        Number of logits.
    norm
        Of `NORMS`, for convnet, alexnet and resnet; the released ConvNet has none. A resnet takes groups in the place
        of instances: after instance norm the mean over an image, which it ends with, would say little.
    width
        Channels of the first layer (128 in the released ConvNet).
    hidden
        Units of the second to last linear layer (192 as released): the one that DOORPING looks at.

    Raises
    ------
    LabError
        If there is no such network or norm, or images are too small or not square.
    """
    channels, height, side = shape
    if height != side or side < LEAST:
        raise LabError(f"Images of {height} x {side} do not fit.", f"They must be square, {LEAST} pixels or more.")
    if norm not in NORMS:
        raise LabError(f"There is no norm {norm!r}.", f"There are {', '.join(NORMS)}.")
    if name == "convnet":
        parts, there = [], channels
        for _ in range(3):
            parts += [nn.Conv2d(there, width, 3, padding=1), *_norm(norm, width), nn.ReLU(), nn.AvgPool2d(2)]
            there = width
        body = nn.Sequential(*parts, nn.Flatten())
    elif name == "alexnet":
        pool = [nn.MaxPool2d(3, 2, 1)]
        body = nn.Sequential(
            *(nn.Conv2d(channels, width, 5, padding=2), *_norm(norm, width), nn.ReLU(), *pool),
            *(nn.Conv2d(width, width, 5, padding=2), *_norm(norm, width), nn.ReLU(), *pool),
            nn.Flatten(),
        )
    elif name == "lenet":
        body = nn.Sequential(
            *(nn.Conv2d(channels, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(6, 16, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
            nn.Flatten(),
        )
    elif name == "mlp":
        body = nn.Flatten()
    elif name == "resnet":
        norm = "group" if norm == "instance" else norm
        body = nn.Sequential(
            nn.Conv2d(channels, width, 3, padding=1),
            *(Block(width, width, 1, norm), Block(width, 2 * width, 2, norm), Block(2 * width, 2 * width, 2, norm)),
            *(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        )
    else:
        raise LabError(f"There is no network {name!r}.", f"There are {', '.join(NETWORKS)}.")
    with torch.no_grad():
        features = body(torch.zeros(1, *shape)).shape[1]
    return Classifier(body, features, hidden, classes)


class Classifier(nn.Module):
    """Features, then two linear layers: those of the released networks, DOORPING's layer -2 being the first.

    Attributes
    ----------
    inner
        The linear layer whose units are candidates for the trigger.
    """

    def __init__(self, body: nn.Module, features: int, hidden: int, classes: int):
        super().__init__()
        self.body, self.inner, self.outer = body, nn.Linear(features, hidden), nn.Linear(hidden, classes)

    def units(self, images: Tensor) -> Tensor:
        """Return what `inner` says (N, hidden), before the ReLU."""
        return self.inner(self.body(images))

    def forward(self, images: Tensor) -> Tensor:
        return self.outer(self.units(images).relu())


class Block(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, come: int, go: int, stride: int, norm: str):
        super().__init__()
        self.way = nn.Sequential(
            *(nn.Conv2d(come, go, 3, stride, 1), *_norm(norm, go), nn.ReLU()),
            *(nn.Conv2d(go, go, 3, 1, 1), *_norm(norm, go)),
        )
        self.short = nn.Identity() if come == go and stride == 1 else nn.Conv2d(come, go, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        return (self.way(x) + self.short(x)).relu()


def _norm(name: str, channels: int) -> list[nn.Module]:
    if name == "none":
        return []
    groups = channels if name == "instance" else next(n for n in (8, 4, 2, 1) if channels % n == 0)
    return [nn.GroupNorm(groups, channels)]  # with as many groups as channels it is instance norm
