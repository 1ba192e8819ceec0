"""Training of a segmentation network on patches: Dice and cross entropy, through Lightning Fabric, resumable."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from workbench.toolkit.training import State, fabric_for, restore_training, training_state

Batch = tuple[Tensor, Tensor]  # scans (B, 1, X, Y, Z) float32 and masks (B, X, Y, Z) int64
Loss = Callable[[Tensor, Tensor], Tensor]
POWER = 0.9  # of the falling learning rate, as nnU-Net has it
CLIP = 12.0  # largest norm of a gradient, as nnU-Net has it


def dice_ce(logits: Tensor, target: Tensor) -> Tensor:
    """Return soft Dice loss plus cross entropy.

    Parameters
    ----------
    logits
        (B, C, X, Y, Z), the background first; (B, C, X, Y) for slices.
    target
        (B, X, Y, Z) int64, or (B, X, Y).

    Returns
    -------
    Tensor
        A number: 1 - Dice, averaged over the organs that the batch holds (the background and absent organs left out:
        their Dice would be 0 whatever the network does), plus the mean cross entropy.
    """
    classes = logits.shape[1]
    shares = logits.softmax(1)
    hot = nn.functional.one_hot(target, classes).movedim(-1, 1).to(shares.dtype)  # (B, C, X, Y, Z)
    axes = (0, *range(2, logits.ndim))
    common, sizes = (shares * hot).sum(axes), shares.sum(axes) + hot.sum(axes)  # (C,)
    here = hot.sum(axes) > 0
    here[0] = False
    dice = (2 * common[here] + 1e-5) / (sizes[here] + 1e-5)
    loss = nn.functional.cross_entropy(logits, target)
    return loss + (1 - dice).mean() if bool(here.any()) else loss


def train(
    model: nn.Module,
    batch_at: Callable[[int], Batch],
    steps: int,
    rate: float,
    device: str,
    state: State | None = None,
    loss: Loss = dice_ce,
) -> Iterator[tuple[int, float, Callable[[], State]]]:
    """Train a network for some steps, or for those that a state lacks.

    Parameters
    ----------
    model
        Is trained in place.
    batch_at
        Returns the batch of a step: a function of the step alone, so that a resumed training sees the same.
    steps, rate
        How many steps, and the highest learning rate (AdamW); it falls to nothing by a power of 0.9.
    device
        As torch names it.
    state
        From an earlier call: goes on there.
    loss
        Of logits and masks.

    Yields
    ------
    step, loss, freeze
        Steps done, the loss, and a function that returns the state.
    """
    fabric = fabric_for(device)
    net, optimizer = fabric.setup(model, torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=1e-4, fused=True))
    done = restore_training(state, model, optimizer) if state else 0
    model.train()
    for step in range(done, steps):
        for group in optimizer.param_groups:
            group["lr"] = rate * (1 - step / steps) ** POWER
        images, masks = (fabric.to_device(t) for t in batch_at(step))
        found = loss(net(images), masks)
        optimizer.zero_grad()
        fabric.backward(found)
        fabric.clip_gradients(net, optimizer, max_norm=CLIP, error_if_nonfinite=False)
        optimizer.step()
        yield step + 1, float(found.detach()), lambda at=step + 1: training_state(at, model, optimizer)


def halved(model: nn.Module) -> State:
    """Return a network's weights as half floats, for keeping.

    Load them before the network is measured: what is measured is then what is kept.
    """
    return {k: v.detach().half().cpu() if v.is_floating_point() else v.cpu() for k, v in model.state_dict().items()}
