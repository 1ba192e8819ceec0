"""Triggers: where they lie, how they are stamped, and how DOORPING renews one while a set is distilled."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from workbench.contract import LabError
from workbench.labs.doorping.common.sheets import patch_at
from workbench.labs.doorping.method.networks import Classifier


@dataclass(frozen=True)
class Pixels:
    """The range of valid pixels once they are normalized: black and white (channels, 1, 1)."""

    black: Tensor
    white: Tensor

    @classmethod
    def of(cls, mean: Tensor, std: Tensor) -> Pixels:
        """Return it for images (x - mean) / std with x in 0..1; mean and std are (channels,)."""
        return cls((-mean / std)[:, None, None], ((1 - mean) / std)[:, None, None])

    def clip(self, images: Tensor) -> Tensor:
        """Return images (..., channels, h, w) that can be shown and stored."""
        return images.clamp(self.black, self.white)

    def excess(self, trigger: Tensor) -> float:
        """Return how far a trigger leaves the valid range, in widths of that range; 0 for one that can be stored."""
        over = torch.maximum(trigger - self.white, self.black - trigger) / (self.white - self.black)
        return float(over.clamp(min=0).max())


def square(side: int, size: int) -> Tensor:
    """Return the mask (1, side, side) of a square one pixel in from the lower right corner, as released.

    Raises
    ------
    LabError
        If the square does not fit into the image.
    """
    if not 1 <= size <= side - 1:
        raise LabError(f"A trigger of {size} pixels does not fit.", f"Choose 1 to {side - 1} for images of {side}.")
    mask = torch.zeros(1, side, side)
    at = patch_at(side, size)
    mask[:, at, at] = 1
    return mask


def stamp(images: Tensor, trigger: Tensor, mask: Tensor) -> Tensor:
    """Return images (N, channels, h, w) with the trigger (channels, h, w) where the mask (1, h, w) is 1."""
    return torch.where(mask.bool(), trigger, images)


def fixed(pixels: Pixels, mask: Tensor) -> Tensor:
    """Return NAIVEATTACK's trigger (channels, h, w): white inside of the mask, black outside."""
    return torch.where(mask.bool(), pixels.white, pixels.black)


def drawn(pixels: Pixels, mask: Tensor, generator: torch.Generator) -> Tensor:
    """Return a random valid trigger: DOORPING's first one, and the control that is never renewed."""
    levels = torch.randint(1, 256, (len(pixels.black), *mask.shape[1:]), generator=generator) / 255
    inside = pixels.black + levels.to(mask) * (pixels.white - pixels.black)
    return torch.where(mask.bool(), inside, pixels.black)


@dataclass(frozen=True)
class Rule:
    """Settings of DOORPING's trigger renewal.

    Attributes
    ----------
    k
        Units that are driven up.
    alpha
        By what factor.
    rate, steps
        Of Adam (betas .9 and .99), which begins anew at every call.
    threshold
        It stops below this loss; with `relative`, below this share of the loss at the first step.
    relative
        The released threshold is absolute, so a unit with little to say ends the search before it begins.
    live
        Look only at units that answer (above 0) to the trigger; as released, a dead one may be chosen, whose loss is 0.
    clip
        Keep the trigger among valid pixels; as released it is not, and no picture can hold it.
    """

    k: int = 1
    alpha: float = 10.0
    rate: float = 0.08
    steps: int = 300
    threshold: float = 0.005
    relative: bool = True
    live: bool = True
    clip: bool = False


RELEASED = Rule(steps=1000, threshold=0.5, relative=False, live=False)


@dataclass(frozen=True)
class Renewal:
    """Result of a call of `renewed`.

    Attributes
    ----------
    trigger
        The trigger (channels, h, w) after it.
    units
        Numbers of the units that were driven up; none when no unit was live.
    before, after
        Their mean activation.
    steps
        Of Adam; 0 means that the trigger was left as it was (skipped).
    """

    trigger: Tensor
    units: tuple[int, ...]
    before: float
    after: float
    steps: int


def heaviest(network: Classifier, k: int, among: Tensor | None = None) -> Tensor:
    """Return the k units of the inner layer with the largest L1 norm of incoming weights, the heaviest first.

    `among` (hidden,) is true for those that may be chosen; fewer than k may be left.
    """
    score = network.inner.weight.detach().abs().sum(1)  # (hidden,)
    if among is not None:
        score = torch.where(among, score, -torch.inf)
    best = score.topk(min(k, len(score)))
    return best.indices[best.values.isfinite()]


def renewed(network: Classifier, trigger: Tensor, mask: Tensor, pixels: Pixels, rule: Rule) -> Renewal:
    """Drive the units that weigh most towards alpha times what they say to the trigger now.

    As released, the network sees the trigger alone, as a whole image on black, and not photos that carry it: the loss
    is mean (a(t) - alpha a(t0))^2 over the chosen units, a being their activations after the ReLU.

    Raises
    ------
    LabError
        If the trigger is no longer a finite number.
    """
    said = lambda t: network.units(t[None])[0].relu()  # noqa: E731  (hidden,)
    with torch.no_grad():
        first = said(trigger)
    units = heaviest(network, rule.k, first > 0 if rule.live else None)
    told, start = tuple(units.tolist()), first[units]
    if not told:
        return Renewal(trigger, (), 0.0, 0.0, 0)
    now = trigger.clone().requires_grad_(True)
    optimizer = torch.optim.Adam([now], lr=rule.rate, betas=(0.9, 0.99))
    least, steps, after = rule.threshold, 0, start
    for step in range(rule.steps):
        after = said(now)[units]
        loss = F.mse_loss(after, rule.alpha * start)
        if step == 0 and rule.relative:
            least = rule.threshold * float(loss.detach())
        if not torch.isfinite(loss):
            raise LabError("The trigger has left all bounds.", "Lower alpha or the number of steps, or clip it.")
        if float(loss.detach()) < least or float(loss.detach()) == 0:
            break
        (slope,) = torch.autograd.grad(loss, now)
        now.grad = slope * mask
        optimizer.step()
        if rule.clip:
            with torch.no_grad():
                now.copy_(pixels.clip(now))
        steps = step + 1
    with torch.no_grad():
        after = said(now)[units]
    return Renewal(now.detach(), told, float(start.mean()), float(after.mean()), steps)
