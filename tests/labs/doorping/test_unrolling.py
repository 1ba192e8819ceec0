"""Distillation through training: its slopes are right, seeds repeat it, it goes on where it stopped, it teaches."""

import pytest
import torch
import torch.nn.functional as F

from workbench.lab import LabError
from workbench.labs.doorping.attacks import make_attack
from workbench.labs.doorping.distilling import Pool
from workbench.labs.doorping.networks import make_network
from workbench.labs.doorping.triggers import Pixels, Rule, square
from workbench.labs.doorping.unrolling import Unroller, Unrolling, taught

SHAPE, CLASSES = (1, 8, 8), 3
PIXELS, MASK = Pixels.of(torch.tensor([0.5]), torch.tensor([0.25])), square(8, 3)


def data(n=90):
    """Three classes, each bright in another third of the image."""
    labels = torch.arange(n) % CLASSES
    images = 0.3 * torch.randn(n, *SHAPE, generator=torch.Generator().manual_seed(5)) - 1
    for c, rows in enumerate((slice(0, 3), slice(3, 5), slice(5, 8))):
        images[labels == c, :, rows] += 2
    return images, labels


def unroller(name="clean", seed=0, **recipe):
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    pool = Pool(*data(), 0.0 if name == "clean" else 0.2, 0, generator)
    make = lambda: make_network("mlp", SHAPE, CLASSES, hidden=16)  # noqa: E731
    attack = make_attack(name, MASK, PIXELS, Rule(steps=30), generator, make)
    known = {"each": 1, "steps": 3, "epochs": 2, "real": 10} | recipe
    return Unroller(pool, CLASSES, SHAPE, make, Unrolling(**known), attack=attack, generator=generator)


@pytest.mark.parametrize("known", [False, True])
def test_victims_learn_from_the_set(known):
    ours = unroller(known=known)
    losses = [ours.iterate()[0] for _ in range(60)]
    assert sum(losses[-5:]) < 0.5 * sum(losses[:5])
    gone = ours.released()
    victim = make_network("mlp", SHAPE, CLASSES, hidden=16)
    if known:
        victim.load_state_dict({k.removeprefix("start."): v for k, v in gone.items() if k.startswith("start.")})
    victim.load_state_dict(taught(victim, gone["images"], ours.labels, gone["rates"]))
    images, labels = data()
    assert (victim(images).argmax(1) == labels).float().mean() > 0.8
    assert ("start.inner.weight" in gone) == known


def test_slopes_of_images_and_rates_are_those_of_finite_differences():
    torch.manual_seed(1)
    network = make_network("mlp", SHAPE, CLASSES, hidden=5).double()
    images = torch.randn(2, CLASSES, 1, *SHAPE, dtype=torch.float64).requires_grad_(True)
    rates = torch.tensor([0.1, 0.2], dtype=torch.float64, requires_grad=True)
    x, y = data(12)
    labels = torch.arange(CLASSES)[:, None]

    def loss(images, rates):
        weights = taught(network, images, labels, rates, graph=True)
        return F.cross_entropy(torch.func.functional_call(network, weights, (x.double(),)), y)

    assert torch.autograd.gradcheck(loss, (images, rates), eps=1e-6, atol=1e-7)


def went(ours, steps):
    """Return the losses of some iterations, each with the networks of its own seed."""
    losses = []
    for step in range(steps):
        torch.manual_seed(step)
        losses.append(ours.iterate()[0])
    return losses


def test_a_seed_repeats_it_and_it_goes_on_where_it_stopped():
    whole, again = unroller("doorping"), unroller("doorping")
    assert went(whole, 4) == went(again, 4)
    assert torch.equal(whole.images, again.images) and torch.equal(whole.trigger, again.trigger)
    other = unroller("doorping", seed=7)
    other.restore(again.state())
    other.pool = again.pool  # its generator stands where it stood
    assert went(whole, 3) == went(other, 3)
    assert all(torch.equal(value, other.released()[name]) for name, value in whole.released().items())


def test_doorping_renews_once_an_iteration_and_naive_never():
    assert [len(unroller(name).iterate()[1]) for name in ("naive", "doorping")] == [0, 1]


def test_a_set_that_runs_away_is_told():
    with pytest.raises(LabError, match="run away"):
        ours = unroller(first_rate=1e30)
        for _ in range(3):
            ours.iterate()
