"""The distillations of a run: which there are, how each is set up, and how it goes on after a stop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch

from workbench.contract import Context
from workbench.labs.doorping.method.attacks import Attack, make_attack
from workbench.labs.doorping.method.data import Material
from workbench.labs.doorping.method.dc import Distiller, Pool, Recipe
from workbench.labs.doorping.method.dd import Unroller, Unrolling
from workbench.labs.doorping.method.dsa import STRATEGIES
from workbench.labs.doorping.method.networks import Classifier, make_network
from workbench.labs.doorping.method.triggers import RELEASED as RELEASED_RULE
from workbench.labs.doorping.method.triggers import Renewal, Rule, square
from workbench.labs.doorping.params import MAIN, RELEASED, Params
from workbench.toolkit.jobs import Freeze, State

UPRIGHT = ("fashion-mnist", "svhn", "digits")  # a mirrored one is another thing, or none
Step = tuple[int, tuple[float, list[Renewal]], Freeze]


@dataclass(frozen=True)
class Job:
    """One distillation."""

    carrier: str
    attack: str
    seed: int

    @property
    def key(self) -> str:
        return f"{self.carrier}_{self.attack}_{self.seed}"

    @property
    def label(self) -> str:
        return f"{self.attack} by {self.carrier}"

    @property
    def about(self) -> dict[str, str | int]:
        return {"carrier": self.carrier, "attack": self.attack, "seed": self.seed}


def jobs_of(params: Params) -> list[Job]:
    """Return the distillations in the order in which they are done: a seed is whole before the next begins."""
    pairs = [
        (carrier, attack)
        for number, carrier in enumerate(params.carriers)
        for attack in params.attacks
        if number == 0 or attack in MAIN
    ]
    return [Job(*pair, seed) for seed in range(params.distillations) for pair in pairs]


def iterations_of(job: Job, params: Params) -> int:
    """Return how many iterations a distillation has."""
    return params.unrolled if job.carrier == "dd" else params.iterations


def rule_of(params: Params) -> Rule:
    """Return how DOORPING renews its trigger."""
    rule = RELEASED_RULE if params.rule == RELEASED else Rule()
    return replace(rule, k=params.k, alpha=params.alpha, steps=params.renew_steps)


def rate_of(params: Params) -> float:
    """Return the learning rate of the images: the chosen one, or what suits the network."""
    return params.image_rate or (10.0 if params.network == "mlp" else 1.0)


def maker(name: str, data: Material, params: Params) -> Callable[[], Classifier]:
    """Return what makes a network of that kind with fresh weights, drawn from torch's own generator."""
    shape, classes = data.shape, len(data.classes)
    look = {"norm": params.norm, "width": params.width, "hidden": params.hidden}
    return lambda: make_network(name, shape, classes, **look)


def attack_of(job: Job, data: Material, params: Params, ctx: Context) -> Attack:
    """Return the attack of a distillation; equal seeds begin with equal triggers, whatever the carrier."""
    torch.manual_seed(ctx.generator(f"{job.seed}/look").initial_seed())
    mask = square(params.side, params.size).to(ctx.device)
    make = maker(params.network, data, params)
    found = make_attack(
        job.attack,
        mask,
        data.pixels,
        rule_of(params),
        ctx.generator(f"{job.seed}/trigger"),
        lambda: make().to(ctx.device),
    )
    return Attack(found.trigger.to(ctx.device), found.put, found.renew)


def distilled(
    job: Job, attack: Attack, data: Material, params: Params, ctx: Context, state: State | None
) -> Iterator[tuple[Step, Distiller | Unroller]]:
    """Distill from a state or from the start, and yield where it stands after each iteration.

    Every iteration begins from a seed of its own, which the attacks of one seed share: so they meet the same networks
    and the same real images, and a stopped run goes on bit for bit.
    """
    pools = torch.Generator()
    pools.manual_seed(ctx.generator(f"{job.seed}/poison").initial_seed())
    share = 0.0 if job.attack == "clean" else params.share
    pool = Pool(data.images, data.labels, share, params.target, pools)
    make = maker(params.network, data, params)
    begin = {"attack": attack, "generator": ctx.generator(f"{job.seed}/noise")}
    if job.carrier == "dd":
        recipe = Unrolling(
            each=params.unrolled_each,
            steps=params.unrolled_steps,
            epochs=params.unrolled_epochs,
            rate=params.unrolled_rate,
            first_rate=params.unrolled_first,
            known=params.known,
        )
        torch.manual_seed(ctx.generator(f"{job.seed}/known").initial_seed())
        ours = Unroller(pool, len(data.classes), data.shape, make, recipe, **begin)
    else:
        strategies = () if job.carrier == "dc" else tuple(s for s in STRATEGIES if s != "flip" or mirrored(params))
        recipe = Recipe(params.each, params.real, params.outer, params.inner, rate_of(params), strategies=strategies)
        ours = Distiller(pool, len(data.classes), data.shape, make, recipe, **begin)
    done = 0
    if state is not None:
        done = int(state["iteration"])
        ours.restore({name: value for name, value in state.items() if name != "iteration"})
    for iteration in range(done + 1, iterations_of(job, params) + 1):
        seed = ctx.generator(f"{job.seed}/{job.carrier}/{iteration}").initial_seed()
        torch.manual_seed(seed)
        pools.manual_seed(seed)
        found = ours.iterate()

        def freeze(iteration: int = iteration) -> State:
            return ours.state() | {"iteration": torch.tensor(iteration)}

        yield (iteration, found, freeze), ours


def mirrored(params: Params) -> bool:
    """Return True if a mirrored image is still one of its class."""
    return params.dataset not in UPRIGHT
