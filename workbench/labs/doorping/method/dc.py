"""Distillation by gradient matching (carrier DC), with an attacker who may poison the training set.

Source: Zhao et al. 2021, algorithm 1; the attacks of Liu et al. 2023, as released.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from workbench.contract import LabError
from workbench.labs.doorping.method.attacks import Attack
from workbench.labs.doorping.method.dc_gradients import matching_loss
from workbench.labs.doorping.method.dsa import augmented, draw
from workbench.labs.doorping.method.networks import Classifier
from workbench.labs.doorping.method.triggers import Renewal


@dataclass(frozen=True)
class Recipe:
    """Settings of a distillation.

    Attributes
    ----------
    each
        Synthetic images of a class.
    real
        Real images of a class whose gradients are matched, in a step.
    outer
        Steps on the synthetic images with one network; the network learns from them in between.
    inner
        Epochs that it learns for then.
    image_rate, image_momentum
        Of SGD on the synthetic images.
    rate
        Of SGD on the network.
    strategies
        Of siamese augmentation (`dsa.STRATEGIES`); none for plain gradient matching.
    """

    each: int = 10
    real: int = 32
    outer: int = 6
    inner: int = 6
    image_rate: float = 1.0
    image_momentum: float = 0.5
    rate: float = 0.01
    strategies: tuple[str, ...] = ()


class Pool:
    """Real images of which some are poisoned: they carry the trigger of the moment and the label of the target.

    Stamps are put on when images are drawn, so a trigger that changes costs nothing for those that are not looked at.

    Parameters
    ----------
    images
        (N, channels, side, side), normalized.
    labels
        (N,), 0 to classes - 1; every class is there.
    share
        Of the images that are poisoned, 0 to 1.
    target
        The class that poisoned images are said to be.
    generator
        Draws which ones, once and for all, and later the batches.

    Raises
    ------
    LabError
        If the share is no share, or poisoning leaves a class without images.
    """

    def __init__(self, images: Tensor, labels: Tensor, share: float, target: int, generator: torch.Generator):
        if not 0 <= share <= 1:
            raise LabError(f"{share:g} of the images cannot be poisoned.", "Choose a share from 0 to 1.")
        classes = int(labels.max()) + 1
        self._images, self.generator = images, generator
        self.poisoned = torch.zeros(len(images), dtype=torch.bool)
        self.poisoned[torch.randperm(len(images), generator=generator)[: int(share * len(images))]] = True
        self.labels = torch.where(self.poisoned, torch.full_like(labels, target), labels)
        self._of = [torch.nonzero(self.labels == c)[:, 0] for c in range(classes)]
        if min(map(len, self._of)) == 0:
            raise LabError("Poisoning leaves a class without images.", "Lower the share, or give more images.")

    def batch(self, n: int, stamped: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
        """Return n images of each class (classes, n, ...), the poisoned ones stamped, and labels (classes, n).

        A class with fewer images repeats them.
        """
        rows = []
        for there in self._of:
            order = torch.randperm(max(len(there), n), generator=self.generator)[:n] % len(there)
            rows.append(there[order])
        rows = torch.stack(rows)  # (classes, n)
        chosen = self._images[rows.flatten()]
        dirty = self.poisoned[rows.flatten()][:, None, None, None].to(chosen.device)
        chosen = torch.where(dirty, stamped(chosen), chosen)
        return chosen.unflatten(0, rows.shape), self.labels[rows].to(chosen.device)


class Distiller:
    """A synthetic set on its way, and the trigger that rides along.

    Parameters
    ----------
    pool
        Where real images come from.
    classes, shape
        Number of classes; channels, height and width.
    make
        Returns a network with fresh weights; it draws from torch's generator.
    recipe
        How to distill.
    attack
        The first trigger, how it is put on images, and how it is renewed after each step but the last of a network.
    generator
        Draws the noise that the images begin as.
    """

    def __init__(
        self,
        pool: Pool,
        classes: int,
        shape: tuple[int, int, int],
        make: Callable[[], Classifier],
        recipe: Recipe,
        *,
        attack: Attack,
        generator: torch.Generator,
    ):
        self.pool, self.recipe, self.trigger = pool, recipe, attack.trigger
        self._make, self._attack = make, attack
        noise = torch.randn(classes, recipe.each, *shape, generator=generator)
        self.images = noise.to(self.trigger.device).requires_grad_(True)  # (classes, each, channels, h, w)
        self.labels = torch.arange(classes, device=self.trigger.device)[:, None].expand(classes, recipe.each)
        self._optimizer = torch.optim.SGD([self.images], recipe.image_rate, recipe.image_momentum)

    def iterate(self) -> tuple[float, list[Renewal]]:
        """Go through one fresh network; return the mean matching loss and what became of the trigger on the way."""
        network, losses, renewals = self._make().to(self.images.device), [], []
        for step in range(self.recipe.outer):
            real = self.pool.batch(self.recipe.real, lambda images: self._attack.put(images, self.trigger))
            loss = matching_loss(network, *self._twins(real))
            if not torch.isfinite(loss):
                raise LabError("The distillation has run away.", "Lower the rate of the images.")
            self._optimizer.zero_grad()
            loss.backward()
            self._optimizer.step()
            losses.append(loss.detach())
            if step == self.recipe.outer - 1:
                break  # as released: with one step a network, DOORPING never renews its trigger
            self._teach(network)
            if self._attack.renew is not None:
                renewals.append(self._attack.renew(network, self.trigger))
                self.trigger = renewals[-1].trigger
        return float(torch.stack(losses).mean()), renewals

    def _twins(self, real: tuple[Tensor, Tensor]) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
        """Return real and synthetic images with their labels, both augmented alike."""
        if not self.recipe.strategies:
            return real, (self.images, self.labels)
        drawn = draw(self.pool.generator, self.recipe.strategies)
        return (augmented(real[0], drawn), real[1]), (augmented(self.images, drawn), self.labels)

    def released(self) -> dict[str, Tensor]:
        """Return what the attacker gives away: the images (classes, each, channels, h, w)."""
        return {"images": self.images.detach()}

    def _teach(self, network: Classifier) -> None:
        """Train the network on the synthetic set, all of it as one batch."""
        x, y = self.images.detach().flatten(0, 1), self.labels.flatten()
        optimizer = torch.optim.SGD(network.parameters(), self.recipe.rate)
        for _ in range(self.recipe.inner):
            optimizer.zero_grad()
            F.cross_entropy(network(x), y).backward()
            optimizer.step()

    def state(self) -> dict[str, Any]:
        """Return what `restore` needs to go on as if nothing had happened, but for the generators."""
        momentum = self._optimizer.state.get(self.images, {}).get("momentum_buffer")
        known = {"images": self.images.detach().clone(), "trigger": self.trigger.clone()}
        return known | ({} if momentum is None else {"momentum": momentum.clone()})

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a `state`."""
        with torch.no_grad():
            self.images.copy_(state["images"])
        self.trigger = state["trigger"]
        if "momentum" in state:
            self._optimizer.state[self.images]["momentum_buffer"] = state["momentum"]
