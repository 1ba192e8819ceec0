"""Distillation: seeds repeat it, it goes on where it stopped, and the trigger rides along only where it may."""

import pytest
import torch

from workbench.contract.errors import LabError
from workbench.labs.doorping.method.attacks import make_attack
from workbench.labs.doorping.method.dc import Distiller, Pool, Recipe
from workbench.labs.doorping.method.dc_gradients import matching_loss
from workbench.labs.doorping.method.networks import make_network
from workbench.labs.doorping.method.triggers import Pixels, Rule, square, stamp

SHAPE, CLASSES = (1, 8, 8), 3
PIXELS, MASK = Pixels.of(torch.tensor([0.5]), torch.tensor([0.25])), square(8, 3)
RECIPE = Recipe(each=2, real=8, outer=3, inner=2, image_rate=0.1)


def data(n=90):
    """Three classes, each bright in another third of the image.

    Eight pixels are few for instance norm, since the last layer has four of them: the networks here have none.
    """
    labels = torch.arange(n) % CLASSES
    images = 0.3 * torch.randn(n, *SHAPE, generator=torch.Generator().manual_seed(5)) - 1
    for c, rows in enumerate((slice(0, 3), slice(3, 5), slice(5, 8))):
        images[labels == c, :, rows] += 2
    return images, labels


def distiller(share=0.1, rule=None, seed=0):
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    pool = Pool(*data(), share, 0, generator)
    make = lambda: make_network("convnet", SHAPE, CLASSES, norm="none", width=8, hidden=8)  # noqa: E731
    attack = make_attack("random" if rule is None else "doorping", MASK, PIXELS, rule or Rule(), generator, make)
    return Distiller(pool, CLASSES, SHAPE, make, RECIPE, attack=attack, generator=generator)


def test_a_batch_carries_the_trigger_on_poisoned_images_alone():
    images, labels = data()
    pool = Pool(images, labels, 0.2, 1, torch.Generator().manual_seed(0))
    assert int(pool.poisoned.sum()) == 18 and (pool.labels[pool.poisoned] == 1).all()
    assert torch.equal(pool.labels[~pool.poisoned], labels[~pool.poisoned])
    trigger = torch.full(SHAPE, 9.0)
    batch, said = pool.batch(40, lambda images: stamp(images, trigger, MASK))  # more than a class has: drawn again
    assert batch.shape == (CLASSES, 40, *SHAPE) and torch.equal(said[:, 0], torch.arange(CLASSES))
    marked = (batch[..., MASK[0].bool()] == 9).flatten(2).all(-1)  # (classes, n)
    assert not marked[0].any() and not marked[2].any() and 0 < int(marked[1].sum()) < 40
    assert (batch[~marked] < 9).all() and (batch[marked][..., ~MASK[0].bool()] < 9).all()
    assert torch.equal(images, data()[0])  # the pool itself stays clean


@pytest.mark.parametrize("share", [-0.1, 1.5, 1.0])
def test_a_share_that_cannot_be_is_told(share):
    with pytest.raises(LabError):
        Pool(*data(), share, 0, torch.Generator().manual_seed(0))


def test_no_poison_leaves_the_pool_as_it_is():
    pool = Pool(*data(), 0.0, 0, torch.Generator().manual_seed(0))
    assert not pool.poisoned.any() and torch.equal(pool.labels, data()[1])


def test_gradients_come_nearer_and_victims_learn_from_the_set():
    ours = distiller(share=0.0)
    noise = ours.images.detach().clone()
    for _ in range(60):
        ours.iterate()
    apart = lambda fake, network: float(matching_loss(network, real, (fake, ours.labels)).detach())  # noqa: E731
    real, networks = ours.pool.batch(30, lambda images: images), [ours._make() for _ in range(8)]
    before, after = (sum(apart(fake, network) for network in networks) for fake in (noise, ours.images.detach()))
    assert after < 0.9 * before
    victim = ours._make()
    optimizer = torch.optim.SGD(victim.parameters(), 0.05, 0.9)
    for _ in range(300):
        optimizer.zero_grad()
        x = ours.images.detach().flatten(0, 1)
        torch.nn.functional.cross_entropy(victim(x), ours.labels.flatten()).backward()
        optimizer.step()
    images, labels = data()
    assert float((victim(images).argmax(1) == labels).float().mean()) > 0.7  # guessing: 0.33


def test_a_seed_repeats_the_set_bit_for_bit_and_another_does_not():
    def images(seed):
        ours = distiller(rule=Rule(steps=20), seed=seed)
        for _ in range(2):
            ours.iterate()
        return ours.images.detach(), ours.trigger

    one, two, other = images(1), images(1), images(2)
    assert torch.equal(one[0], two[0]) and torch.equal(one[1], two[1])
    assert not torch.equal(one[0], other[0])


def test_it_goes_on_where_it_stopped():
    whole, parts = distiller(rule=Rule(steps=20)), distiller(rule=Rule(steps=20))
    torch.manual_seed(7)
    whole.iterate()
    random, state, pool = torch.get_rng_state(), whole.state(), whole.pool.generator.get_state()
    whole.iterate()
    parts.restore(state)
    torch.set_rng_state(random)
    parts.pool.generator.set_state(pool)
    parts.iterate()
    assert torch.equal(parts.images, whole.images) and torch.equal(parts.trigger, whole.trigger)


def test_only_doorping_renews_its_trigger_and_one_step_a_network_never_does():
    still, ours = distiller(), distiller(rule=Rule(steps=20))
    first = ours.trigger
    assert still.iterate()[1] == [] and torch.equal(still.trigger, first)
    assert len(ours.iterate()[1]) == RECIPE.outer - 1
    single = distiller(rule=Rule(steps=20))
    single.recipe = Recipe(each=2, real=8, outer=1)
    assert single.iterate()[1] == [] and torch.equal(single.trigger, first)
