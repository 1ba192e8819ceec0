"""Point-based query denoising: queries whose anchors are shaken centers of known objects, told which object is theirs.

They need no matching, so boxes are learned from the first step. Only in training; groups of them stand before the
network's own queries and are hidden from these.

Shapes: B scenes, G objects of the scene that has most, R groups, E = R G extra queries, N own queries.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi

import torch
from torch import Tensor

from workbench.labs.cmt.common.shapes import Shape
from workbench.labs.cmt.method.encoding import to_range
from workbench.labs.cmt.method.matching import BOX_WEIGHT, CLASS_WEIGHT, Losses, Truth, distance, focal
from workbench.labs.cmt.method.model import Found

GROUPS = 10  # at most
NOISE = 1.0  # of half an object's size, at most
SPLIT = 0.75  # noise above which a query should say "no object"


@dataclass(frozen=True)
class Noised:
    """Shaken queries of B scenes.

    Attributes
    ----------
    anchors
        (B, E, 3) in the range: group after group, in each the objects in order.
    kept
        (B, E) bool: those that should still say their object's class.
    there
        (B, E) bool: those that have an object at all.
    mask
        (B, 1, E + N, E + N) bool: who may attend to whom. Own queries see no shaken one; a shaken one sees its own
        group and all own queries.
    groups
        R.
    """

    anchors: Tensor
    kept: Tensor
    there: Tensor
    mask: Tensor
    groups: int


def noised(truth: Truth, shape: Shape, generator: torch.Generator | None = None, groups: int = GROUPS) -> Noised | None:
    """Return shaken queries, or None where no scene has an object or more have than there are queries.

    Parameters
    ----------
    truth
        Objects.
    shape
        Of the network.
    generator
        Draws the noise, on its own device.
    groups
        At most so many; fewer if there would be more shaken queries than own ones.
    """
    B, G = truth.labels.shape
    R = min(groups, shape.queries // G) if G else 0
    if not R or not bool(truth.there.any()):
        return None
    device = generator.device if generator else truth.codes.device
    noise = (2 * torch.rand(B, R, G, 3, generator=generator, device=device) - 1).to(truth.codes.device)
    center, half = truth.codes[:, None, :, :3], truth.codes[:, None, :, 3:6].exp() / 2  # (B, 1, G, 3)
    # half sizes along the range's axes, not turned by the yaw, as released
    anchors = to_range(center + noise * half * NOISE, shape).clamp(0, 1).flatten(1, 2)  # (B, E, 3)
    there = truth.there.repeat(1, R)  # (B, E)
    kept = there & (noise.norm(dim=-1) <= SPLIT).flatten(1)
    return Noised(anchors, kept, there, visible(there, R, shape.queries), R)


def visible(there: Tensor, groups: int, own: int) -> Tensor:
    """Return who may attend to whom (B, 1, E + N, E + N), from which shaken queries are real (B, E)."""
    E = there.shape[1]
    group = torch.cat(
        [
            torch.arange(groups, device=there.device).repeat_interleave(E // groups),
            there.new_full((own,), -1, dtype=torch.long),
        ]
    )
    same = (group[:, None] == group) | (group < 0)  # (E + N, E + N): the seer's row, the seen's column
    real = torch.cat([there, there.new_ones(len(there), own)], 1)  # (B, E + N)
    return (same & real[:, None])[:, None]


def denoising_losses(found: Found, noised: Noised, truth: Truth) -> Losses:
    """Return what the shaken queries cost.

    Parameters
    ----------
    found
        Of the E shaken queries alone.
    noised, truth
        What they were made of.

    Returns
    -------
    Losses
        Focal loss divided by M pi/6 0.75^3 with M shaken queries: so many keep their class on average (a ball of radius
        0.75 in the cube of the noise). L1 divided by M: boxes are asked for also where the class is not.
    """
    labels = truth.labels.repeat(1, noised.groups)  # (B, E)
    target = torch.zeros_like(found.logits)
    scene, one = noised.kept.nonzero(as_tuple=True)
    target[:, scene, one, labels[scene, one]] = 1
    many = max(1.0, float(noised.there.sum()))
    scene, one = noised.there.nonzero(as_tuple=True)
    goal = truth.codes.repeat(1, noised.groups, 1)[scene, one].expand(len(found.codes), -1, -1)  # (L, M, 10)
    return Losses(
        CLASS_WEIGHT * focal(found.logits, target)[:, scene, one].sum() / (many * pi / 6 * SPLIT**3),
        BOX_WEIGHT * distance(found.codes[:, scene, one], goal).sum() / many,
    )
