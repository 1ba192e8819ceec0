"""Attacks of the paper and their controls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from workbench.contract import LabError
from workbench.labs.doorping.method.networks import Classifier
from workbench.labs.doorping.method.triggers import (
    Pixels,
    Renewal,
    Rule,
    drawn,
    fixed,
    heaviest,
    renewed,
    stamp,
)
from workbench.labs.doorping.params import ATTACKS

VISIBLE = 8 / 255  # how far an invisible trigger may move a pixel, in widths of the range
WAY = 200  # steps that an invisible trigger is searched for
FADE = 0.05  # weight of its size in the loss


@dataclass(frozen=True)
class Attack:
    """One attack on a distillation.

    Attributes
    ----------
    trigger
        The first trigger (channels, h, w), normalized.
    put
        Returns images (N, channels, h, w) that carry a trigger.
    renew
        Returns the next trigger after a look at a network; None for a trigger that stays.
    """

    trigger: Tensor
    put: Callable[[Tensor, Tensor], Tensor]
    renew: Callable[[Classifier, Tensor], Renewal] | None = None


def make_attack(
    name: str,
    mask: Tensor,
    pixels: Pixels,
    rule: Rule,
    generator: torch.Generator,
    make: Callable[[], Classifier],
) -> Attack:
    """Return an attack.

    Parameters
    ----------
    name
        Of `ATTACKS`: ``clean`` poisons nothing (its trigger, NAIVEATTACK's, is what it is tested with); ``random`` is
        DOORPING's first trigger, never renewed; ``naive`` is NAIVEATTACK; ``doorping`` renews its trigger and lets it
        leave the valid range, as released; ``clipped`` keeps it there; ``invisible`` adds a faint image to the whole.
    mask
        Where a patch lies (1, h, w).
    rule
        How DOORPING renews.
    make
        Returns a fresh network, on which ``invisible`` looks for its image.

    Raises
    ------
    LabError
        If there is no such attack.
    """
    patch = lambda images, trigger: stamp(images, trigger, mask)  # noqa: E731
    if name in ("clean", "naive"):
        return Attack(fixed(pixels, mask), patch)
    if name == "random":
        return Attack(drawn(pixels, mask, generator), patch)
    if name in ("doorping", "clipped"):
        own = replace(rule, clip=name == "clipped")
        return Attack(
            drawn(pixels, mask, generator), patch, lambda network, now: renewed(network, now, mask, pixels, own)
        )
    if name == "invisible":
        added = lambda images, trigger: pixels.clip(images + trigger)  # noqa: E731
        return Attack(faint(make(), mask.shape[1:], pixels, rule, generator), added)
    raise LabError(f"There is no attack {name!r}.", f"There are {', '.join(ATTACKS)}.")


def faint(network: Classifier, size: tuple[int, int], pixels: Pixels, rule: Rule, generator: torch.Generator) -> Tensor:
    """Return an image to add (channels, h, w) that drives the heaviest units and moves no pixel far.

    A reconstruction from the idea of Li et al. 2021 (a trigger by regularization): the released code of this attack
    fails with an error under gradient matching. The loss is mean (a(t) - alpha a(t0))^2 / (alpha a(t0))^2 plus the mean
    square of t in widths of the valid range, which t leaves by `VISIBLE` at most.
    """
    width = pixels.white - pixels.black
    noise = (2 * torch.rand(len(width), *size, generator=generator) - 1).to(width.device)
    now = (VISIBLE * noise * width).requires_grad_(True)
    said = lambda t: network.units(t[None])[0].relu()  # noqa: E731
    with torch.no_grad():
        first = said(now)
        units = heaviest(network, rule.k, first > 0)
        goal = rule.alpha * first[units]
    optimizer = torch.optim.Adam([now], lr=VISIBLE / 10)
    for _ in range(WAY if len(units) else 0):
        loss = ((said(now)[units] - goal) / goal).square().mean() + FADE * (now / width / VISIBLE).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            now.copy_(torch.clamp(now, -VISIBLE * width, VISIBLE * width))
    return now.detach()
