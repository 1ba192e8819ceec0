"""Training: what a batch costs, and the loop around it; resumable, and a function of seed and step alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from workbench.labs.cmt.method.denoising import GROUPS, denoising_losses, noised
from workbench.labs.cmt.method.frames import Frames
from workbench.labs.cmt.method.guidance import guidance_losses
from workbench.labs.cmt.method.masking import masked
from workbench.labs.cmt.method.matching import Truth, matching_losses
from workbench.labs.cmt.method.model import Cmt
from workbench.toolkit.training import State, fabric_for, restore_training, training_state

Batch = tuple[Frames, Truth]
START = 1 / 8  # of the highest rate: the released schedule rises eightfold
DECAY = 0.01


@dataclass(frozen=True)
class Recipe:
    """Settings of a training; AdamW with weight decay 0.01.

    Not taken over from the released recipe: its cycle of the momentum, class-balanced resampling, pasted objects.

    Attributes
    ----------
    steps
        Updates.
    rate
        Highest learning rate. The released one is 8e-4 at 16 scenes a step, and users saw it diverge.
    rise
        Share of the steps in which the rate rises.
    body
        Factor on the rate of the image network's body, 0.01 in the released configuration, which starts from trained
        weights; 1 for random ones.
    masked
        Masked-modal training.
    groups
        Of denoising queries, at most; 0: none.
    clip
        Largest norm of the gradient.
    seed
        Of denoising and masking.
    """

    steps: int
    rate: float = 8e-4
    rise: float = 0.4
    body: float = 1.0
    masked: bool = False
    groups: int = GROUPS
    clip: float = 35.0
    seed: int = 0


def batch_losses(
    model: Cmt, frames: Frames, truth: Truth, generator: torch.Generator | None = None, groups: int = GROUPS
) -> dict[str, Tensor]:
    """Return what a batch costs: ``classes``, ``boxes``; ``dn_classes``, ``dn_boxes`` with denoising, and ``guidance``.

    Parameters
    ----------
    model
        May be wrapped by Fabric.
    frames, truth
        B scenes.
    generator
        Draws the noise of denoising.
    groups
        Of denoising queries, at most.
    """
    shape = model.shape
    shaken = noised(truth, shape, generator, groups) if groups else None
    found = model(frames, shaken and shaken.anchors, shaken and shaken.mask, shape.guided)
    found, guesses = found if shape.guided else (found, None)
    parts = {}
    if shaken is not None:
        E = shaken.anchors.shape[1]
        extra = denoising_losses(found.part(slice(E)), shaken, truth)
        parts |= {"dn_classes": extra.classes, "dn_boxes": extra.boxes}
        found = found.part(slice(E, None))
    if guesses is not None:
        parts["guidance"] = guidance_losses(guesses, frames, truth, model)
    own = matching_losses(found, truth)
    return {"classes": own.classes, "boxes": own.boxes, **parts}


def train(
    model: Cmt, batch_at: Callable[[int], Batch], recipe: Recipe, device: str = "cpu", state: State | None = None
) -> Iterator[tuple[int, dict[str, float], Callable[[], State]]]:
    """Train a network, or go on where a state stands.

    Parameters
    ----------
    model
        Is trained in place.
    batch_at
        Returns the batch of a step: a function of the step alone, so that a resumed training sees the same.
    recipe
        How.
    device
        As torch names it.
    state
        From an earlier call.

    Yields
    ------
    step, losses, freeze
        Steps done; each part of the loss, and ``total``; and a function that returns the state.
    """
    fabric = fabric_for(device)
    body = list(model.images.body.parameters()) if model.images else []  # in order, as the moments in a state are
    apart = {id(p) for p in body}
    groups = [
        {"params": [p for p in model.parameters() if id(p) not in apart], "factor": 1.0},
        {"params": body, "factor": recipe.body},
    ]
    groups = [g for g in groups if g["params"]]
    net, optimizer = fabric.setup(model, torch.optim.AdamW(groups, lr=recipe.rate, weight_decay=DECAY))
    done = restore_training(state, model, optimizer) if state else 0
    net.train()
    for step in range(done, recipe.steps):
        set_rate(optimizer, recipe, step)
        generator = torch.Generator().manual_seed(recipe.seed * 1_000_003 + step)
        frames, truth = batch_at(step)
        frames = (masked(frames, generator) if recipe.masked else frames).to(fabric.device)
        truth = Truth(truth.codes.to(fabric.device), truth.labels.to(fabric.device))
        parts = batch_losses(net, frames, truth, generator, recipe.groups)
        total = sum(parts.values())
        optimizer.zero_grad()
        fabric.backward(total)
        fabric.clip_gradients(net, optimizer, max_norm=recipe.clip)
        optimizer.step()
        told = {name: float(value.detach()) for name, value in (parts | {"total": total}).items()}
        yield step + 1, told, lambda at=step + 1: training_state(at, model, optimizer)


def set_rate(optimizer: Any, recipe: Recipe, step: int) -> None:
    """Set the learning rate of a step: half a cosine up from an eighth, half a cosine down to nothing."""
    share = (step + 0.5) / recipe.steps
    if share < recipe.rise:
        factor = START + (1 - START) * (1 - math.cos(math.pi * share / recipe.rise)) / 2
    else:
        factor = (1 + math.cos(math.pi * (share - recipe.rise) / (1 - recipe.rise))) / 2
    for group in optimizer.param_groups:
        group["lr"] = recipe.rate * factor * group["factor"]
