"""Distillation through training: its slopes are right, seeds repeat it, it goes on where it stopped, it teaches."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from workbench.contract.errors import LabError
from workbench.data.images.named import open_images
from workbench.labs.doorping.method.attacks import Attack, make_attack
from workbench.labs.doorping.method.dc import Pool
from workbench.labs.doorping.method.dd import Unroller, Unrolling, taught
from workbench.labs.doorping.method.networks import make_network
from workbench.labs.doorping.method.triggers import Pixels, Renewal, Rule, square
from workbench.toolkit.memory import MemoryContext

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
    rates = torch.tensor([0.1, 0.2, 0.15], dtype=torch.float64, requires_grad=True)
    x, y = data(12)  # the third rate is that of a second epoch, which goes through the first step again
    labels = torch.arange(CLASSES)[:, None]

    def loss(images, rates):
        weights = taught(network, images, labels, rates, graph=True)
        return F.cross_entropy(torch.func.functional_call(network, weights, (x.double(),)), y)

    assert torch.autograd.gradcheck(loss, (images, rates), eps=1e-6, atol=1e-7)


def test_training_goes_through_the_steps_in_order_and_again_each_epoch():
    torch.manual_seed(2)
    network = make_network("mlp", SHAPE, CLASSES, hidden=5)
    images, labels = torch.randn(2, CLASSES, 2, *SHAPE), torch.arange(CLASSES)[:, None].expand(CLASSES, 2)
    rates = torch.tensor([0.1, 0.2, 0.3, 0.4])
    found = taught(network, images, labels, rates)
    for x, rate in zip((images[0], images[1], images[0], images[1]), rates.tolist(), strict=True):
        optimizer = torch.optim.SGD(network.parameters(), rate)
        optimizer.zero_grad()
        F.cross_entropy(network(x.flatten(0, 1)), labels.flatten()).backward()
        optimizer.step()
    assert all(torch.allclose(found[name], value, atol=1e-6) for name, value in network.named_parameters())


def test_a_set_of_real_digits_teaches_a_fresh_network_digits_it_has_not_seen():
    found = open_images("digits", MemoryContext().data)
    ready = lambda images: (torch.as_tensor(images).movedim(-1, 1) / 255 - 0.3) / 0.35  # noqa: E731
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    pool = Pool(ready(found.train), torch.as_tensor(found.train_labels), 0.0, 0, generator)
    make = lambda: make_network("mlp", SHAPE, 10, hidden=32)  # noqa: E731
    attack = make_attack("clean", MASK, PIXELS, Rule(), generator, make)
    recipe = Unrolling(each=1, steps=5, epochs=2, real=16)
    ours = Unroller(pool, 10, SHAPE, make, recipe, attack=attack, generator=generator)
    tests, truth = ready(found.test), torch.as_tensor(found.test_labels)

    def right():
        """Return how many test digits three fresh networks know after their training on the set."""
        torch.manual_seed(9)
        gone, hits = ours.released(), []
        for victim in (make() for _ in range(3)):
            victim.load_state_dict(taught(victim, gone["images"], ours.labels, gone["rates"]))
            hits.append(float((victim(tests).argmax(1) == truth).float().mean()))
        return sum(hits) / 3

    before, losses = right(), [ours.iterate()[0] for _ in range(40)]
    assert sum(losses[-5:]) < 0.5 * sum(losses[:5])
    assert before < 0.3 and right() > 0.7  # guessing: 0.1


def test_the_last_network_renews_the_trigger_which_real_images_then_carry():
    seen = {}

    def renew(network, trigger):
        seen["last"] = {name: value.clone() for name, value in network.state_dict().items()}
        return Renewal(trigger + 1, (0,), 1.0, 2.0, 1)

    def put(images, trigger):
        seen["put"] = trigger
        return images

    ours = unroller("naive")
    first = ours.trigger.clone()
    ours._attack = Attack(first, put, renew)
    torch.manual_seed(4)
    gone = ours.released()
    wanted = taught(make_network("mlp", SHAPE, CLASSES, hidden=16), gone["images"], ours.labels, gone["rates"])
    torch.manual_seed(4)
    ours.iterate()
    assert all(torch.equal(value, wanted[name]) for name, value in seen["last"].items())
    assert torch.equal(seen["put"], first + 1) and torch.equal(ours.trigger, first + 1)


@pytest.mark.parametrize(("done", "times"), [(0, 1), (39, 1), (40, 2), (80, 4)])
def test_the_rate_of_images_is_halved_every_forty_iterations(done, times):
    ours = unroller(rate=0.08)
    ours.restore(ours.state() | {"done": torch.tensor(done)})
    before = ours.images.detach().clone()
    ours.iterate()
    # The first step of Adam moves a pixel by the whole rate, whatever its slope.
    assert float((ours.images.detach() - before).abs().max()) == pytest.approx(0.08 / times, rel=1e-3)


def went(ours, steps):
    """Return the losses of some iterations, each with the networks of its own seed."""
    losses = []
    for step in range(steps):
        torch.manual_seed(step)
        losses.append(ours.iterate()[0])
    return losses


@pytest.mark.parametrize("known", [False, True])
def test_a_seed_repeats_it_and_it_goes_on_where_it_stopped(known):
    whole, again = unroller("doorping", known=known), unroller("doorping", known=known)
    assert went(whole, 4) == went(again, 4)
    assert torch.equal(whole.images, again.images) and torch.equal(whole.trigger, again.trigger)
    other = unroller("doorping", seed=7, known=known)
    other.restore(again.state())
    other.pool = again.pool  # its generator stands where it stood
    assert went(whole, 3) == went(other, 3)
    assert all(torch.equal(value, other.released()[name]) for name, value in whole.released().items())


def test_doorping_renews_once_an_iteration_and_naive_never():
    assert [len(unroller(name).iterate()[1]) for name in ("naive", "doorping")] == [0, 1]


def test_weights_that_run_away_are_told_before_a_trigger_is_renewed_on_them():
    ours = unroller("naive", first_rate=1e30)
    ours._attack = replace(ours._attack, renew=lambda network, trigger: pytest.fail("renewed on broken weights"))
    with pytest.raises(LabError, match="run away"):
        ours.iterate()


@pytest.mark.parametrize("what", ["images", "_raw"])
def test_slopes_that_run_away_are_told_before_they_spoil_the_set(what):
    ours = unroller()
    before = ours.state()
    getattr(ours, what).register_hook(lambda slope: slope * torch.inf)
    with pytest.raises(LabError, match="run away"):
        ours.iterate()
    assert all(torch.equal(value, ours.state()[name]) for name, value in before.items())
