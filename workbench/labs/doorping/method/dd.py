"""Distillation by back-propagation through training (carrier DD), with an attacker who may poison the training set.

Source: Wang et al., Dataset Distillation, arXiv 1811.10959, algorithm 1; the attacks of Liu et al. 2023. The released
code draws which images are poisoned by their place in a shuffled batch, so that other ones are each epoch; here they
are chosen once, as the paper says.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.func import functional_call

from workbench.contract import LabError
from workbench.labs.doorping.method.attacks import Attack
from workbench.labs.doorping.method.dc import Pool
from workbench.labs.doorping.method.networks import Classifier
from workbench.labs.doorping.method.triggers import Renewal
from workbench.toolkit.training import optimizer_moments, restore_moments

HALVED = 40  # iterations, after which Adam's rate is halved


@dataclass(frozen=True)
class Unrolling:
    """Settings of a distillation.

    Attributes
    ----------
    each
        Synthetic images of a class in a step.
    steps
        Inner steps, each with images of its own.
    epochs
        Times that they are gone through; every step has a learned rate of its own.
    real
        Real images of a class by which the last weights are judged.
    rate
        Of Adam (betas .5 and .999) on images and rates.
    first_rate
        Of every step, before it is learned.
    known
        One initial network for all, victims too, as released; else a fresh one each iteration.
    """

    each: int = 10
    steps: int = 5
    epochs: int = 2
    real: int = 32
    rate: float = 0.05
    first_rate: float = 0.2
    known: bool = False


class Unroller:
    """A synthetic set on its way, and the trigger that rides along; as `dc.Distiller`.

    Attributes
    ----------
    images
        (steps, classes, each, channels, h, w).
    labels
        (classes, each).
    """

    def __init__(
        self,
        pool: Pool,
        classes: int,
        shape: tuple[int, int, int],
        make: Callable[[], Classifier],
        recipe: Unrolling,
        *,
        attack: Attack,
        generator: torch.Generator,
    ):
        self.pool, self.recipe, self.trigger = pool, recipe, attack.trigger
        self._make, self._attack, self._done = make, attack, 0
        device = self.trigger.device
        noise = torch.randn(recipe.steps, classes, recipe.each, *shape, generator=generator)
        self.images = noise.to(device).requires_grad_(True)
        self.labels = torch.arange(classes, device=device)[:, None].expand(classes, recipe.each)
        first = torch.full((recipe.steps * recipe.epochs,), recipe.first_rate).expm1().log()  # softplus takes it back
        self._raw = first.to(device).requires_grad_(True)
        self._start = make().to(device) if recipe.known else None
        self._optimizer = torch.optim.Adam([self.images, self._raw], recipe.rate, betas=(0.5, 0.999))

    def iterate(self) -> tuple[float, list[Renewal]]:
        """Train one network, learn from how it did; return its loss on real images and what became of the trigger."""
        network = copy.deepcopy(self._start) if self._start is not None else self._make().to(self.images.device)
        weights = taught(network, self.images, self.labels, F.softplus(self._raw), graph=True)
        _bounded(weights.values())  # else a trigger would be blamed that is renewed on them
        renewals = []
        if self._attack.renew is not None:
            last = copy.deepcopy(network)
            last.load_state_dict({name: value.detach() for name, value in weights.items()})
            renewals.append(self._attack.renew(last, self.trigger))
            self.trigger = renewals[-1].trigger
        x, y = self.pool.batch(self.recipe.real, lambda images: self._attack.put(images, self.trigger))
        loss = F.cross_entropy(functional_call(network, weights, (x.flatten(0, 1),)), y.flatten())
        _bounded([loss])
        self._optimizer.param_groups[0]["lr"] = self.recipe.rate * 0.5 ** (self._done // HALVED)
        self._optimizer.zero_grad()
        loss.backward()
        # A finite loss may have slopes that are not; after the last iteration nobody would see what they did.
        _bounded([self.images.grad, self._raw.grad])
        self._optimizer.step()
        self._done += 1
        return float(loss.detach()), renewals

    def released(self) -> dict[str, Tensor]:
        """Return what the attacker gives away: images, rates of the steps, and the initial network if it is known."""
        return {"images": self.images.detach(), "rates": F.softplus(self._raw).detach()} | self._known()

    def state(self) -> dict[str, Any]:
        """Return what `restore` needs to go on as if nothing had happened, but for the generators."""
        known = {
            "images": self.images.detach().clone(),
            "raw": self._raw.detach().clone(),
            "trigger": self.trigger.clone(),
        }
        return known | {"done": torch.tensor(self._done)} | optimizer_moments(self._optimizer) | self._known()

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a `state`."""
        with torch.no_grad():
            self.images.copy_(state["images"])
            self._raw.copy_(state["raw"])
        self.trigger, self._done = state["trigger"], int(state["done"])
        if self._start is not None:
            self._start.load_state_dict({name: state[f"start.{name}"] for name in self._start.state_dict()})
        restore_moments(self._optimizer, state)

    def _known(self) -> dict[str, Tensor]:
        """Return the weights of the initial network by name, if it is known."""
        if self._start is None:
            return {}
        return {f"start.{name}": value.clone() for name, value in self._start.state_dict().items()}


def taught(
    network: Classifier, images: Tensor, labels: Tensor, rates: Tensor, graph: bool = False
) -> dict[str, Tensor]:
    """Return the weights of a network after its training on such a set: plain steps, in order, with the given rates.

    Parameters
    ----------
    images
        (steps, classes, each, channels, h, w).
    labels
        (classes, each).
    rates
        (steps x epochs,).
    graph
        Keep what is needed to differentiate the weights after images and rates.
    """
    weights = {name: value.detach().requires_grad_(True) for name, value in network.named_parameters()}
    for step, rate in enumerate(rates):
        x = images[step % len(images)].flatten(0, 1)
        loss = F.cross_entropy(functional_call(network, weights, (x,)), labels.flatten())
        slopes = torch.autograd.grad(loss, list(weights.values()), create_graph=graph)
        weights = {name: value - rate * slope for (name, value), slope in zip(weights.items(), slopes, strict=True)}
        if not graph:
            weights = {name: value.detach().requires_grad_(True) for name, value in weights.items()}
    return weights


def _bounded(values: Iterable[Tensor]) -> None:
    """Raise an error when a value is no longer finite."""
    if not all(value.isfinite().all() for value in values):
        raise LabError("The distillation has run away.", "Take fewer inner steps, a lower first rate, or norm layers.")
