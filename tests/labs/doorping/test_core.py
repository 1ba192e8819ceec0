"""Triggers, networks and gradient matching, each against what it should equal."""

import pytest
import torch
import torch.nn.functional as F

from workbench.contract.errors import LabError
from workbench.labs.doorping.method.dc_gradients import TINY, class_gradients, distance, matching_loss
from workbench.labs.doorping.method.networks import NETWORKS, NORMS, make_network
from workbench.labs.doorping.method.triggers import (
    RELEASED,
    Pixels,
    Rule,
    drawn,
    fixed,
    heaviest,
    renewed,
    square,
    stamp,
)

PIXELS = Pixels.of(torch.tensor([0.5, 0.4, 0.3]), torch.tensor([0.2, 0.25, 0.3]))


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def net(norm="instance", name="convnet"):
    return make_network(name, (3, 16, 16), 4, norm=norm, width=8, hidden=12)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("norm", NORMS)
def test_every_network_answers_and_no_image_changes_anothers_answer(name, norm):
    network, images = net(norm, name), torch.randn(5, 3, 16, 16)
    logits = network(images)
    assert logits.shape == (5, 4) and network.units(images).shape == (5, 12)
    assert torch.allclose(logits[2:3], network(images[2:3]), atol=1e-5)


@pytest.mark.parametrize("bad", [("vgg", (3, 16, 16), "none"), ("mlp", (3, 16, 12), "none"), ("mlp", (3, 16, 16), "x")])
def test_a_network_that_cannot_be_is_told(bad):
    name, shape, norm = bad
    with pytest.raises(LabError):
        make_network(name, shape, 4, norm=norm)


@pytest.mark.parametrize("size", [1, 4, 15])
def test_a_stamp_touches_its_mask_alone(size):
    mask, images = square(16, size), torch.randn(6, 3, 16, 16)
    trigger = drawn(PIXELS, mask, torch.Generator().manual_seed(1))
    stamped = stamp(images, trigger, mask)
    inside = mask.bool().expand_as(images)
    assert int(mask.sum()) == size * size and mask[0, 14, 14] == 1 and mask[0, 15].sum() == 0
    assert torch.equal(stamped[~inside], images[~inside])
    assert torch.equal(stamped[inside], trigger.expand_as(images)[inside])


@pytest.mark.parametrize("size", [0, 16, 40])
def test_a_trigger_that_does_not_fit_is_told(size):
    with pytest.raises(LabError, match="does not fit"):
        square(16, size)


def test_first_triggers_can_be_stored_and_seeds_repeat_them():
    mask = square(16, 3)
    white = fixed(PIXELS, mask)
    assert torch.equal(white[:, 13, 13], PIXELS.white[:, 0, 0]) and torch.equal(white[:, 0, 0], PIXELS.black[:, 0, 0])
    one, two, other = (drawn(PIXELS, mask, torch.Generator().manual_seed(s)) for s in (3, 3, 4))
    assert torch.equal(one, two) and not torch.equal(one, other)
    assert PIXELS.excess(white) == PIXELS.excess(one) == 0
    assert PIXELS.excess(PIXELS.white + 2 * (PIXELS.white - PIXELS.black)) == pytest.approx(2, abs=1e-5)
    assert PIXELS.excess(PIXELS.clip(100 * torch.randn(3, 16, 16))) == 0


def test_the_heaviest_units_are_those_of_the_largest_rows():
    network = net()
    with torch.no_grad():
        network.inner.weight[7] = 5.0
        network.inner.weight[2] = -4.0
    assert heaviest(network, 2).tolist() == [7, 2]
    among = torch.ones(12, dtype=torch.bool)
    among[7] = False
    assert heaviest(network, 1, among).tolist() == [2]
    assert heaviest(network, 3, torch.zeros(12, dtype=torch.bool)).tolist() == []


def test_a_renewed_trigger_drives_its_units_and_leaves_the_rest_of_the_image():
    network, mask = net(name="mlp"), square(16, 6)
    with torch.no_grad():
        network.inner.bias += 2.5  # every unit is live
    trigger = drawn(PIXELS, mask, torch.Generator().manual_seed(2))
    free = renewed(network, trigger, mask, PIXELS, Rule(k=2, steps=400))
    assert len(free.units) == 2 and free.steps > 0 and free.after > 3 * free.before > 0
    outside = ~mask.bool().expand_as(trigger)
    assert torch.equal(free.trigger[outside], trigger[outside]) and PIXELS.excess(free.trigger) > 0
    kept = renewed(network, trigger, mask, PIXELS, Rule(k=2, steps=400, clip=True))
    assert PIXELS.excess(kept.trigger) < 1e-6 and kept.before < kept.after < free.after
    with torch.no_grad():
        said = network.units(free.trigger[None])[0, list(free.units)].mean()
    assert float(said) == pytest.approx(free.after, rel=1e-5)


def test_a_dead_unit_ends_the_released_search_and_ours_takes_a_live_one():
    network, mask = net("none"), square(16, 4)
    with torch.no_grad():
        network.inner.weight[5] *= 50
        network.inner.bias[5] = -1e6  # the heaviest, and it never answers
        network.inner.bias[0] = 1.0
    trigger = drawn(PIXELS, mask, torch.Generator().manual_seed(2))
    asleep = renewed(network, trigger, mask, PIXELS, RELEASED)
    assert asleep.units == (5,) and asleep.steps == 0 and torch.equal(asleep.trigger, trigger)
    awake = renewed(network, trigger, mask, PIXELS, Rule(steps=50))
    assert awake.units != (5,) and awake.steps > 0 and awake.after > awake.before
    with torch.no_grad():
        network.inner.bias -= 1e6
    assert renewed(network, trigger, mask, PIXELS, Rule()).units == ()


def by_loops(network, images, labels):
    """The released way: one class after another."""
    found = []
    for x, y in zip(images, labels, strict=True):
        found.append(torch.autograd.grad(F.cross_entropy(network(x), y), list(network.parameters()), create_graph=True))
    return found


@pytest.mark.parametrize("norm", NORMS)
def test_gradients_of_all_classes_at_once_are_those_of_one_after_another(norm):
    network, images = net(norm), torch.randn(4, 5, 3, 16, 16)
    labels = torch.arange(4)[:, None].expand(4, 5)
    at_once = class_gradients(network, dict(network.named_parameters()), images, labels)
    for k, slopes in enumerate(by_loops(network, images, labels)):
        for (name, together), alone in zip(at_once.items(), slopes, strict=True):
            assert torch.allclose(together[k], alone, atol=1e-5), name


def test_the_matching_loss_and_its_slope_are_the_released_ones():
    network = net("none")
    real, fake = torch.randn(4, 8, 3, 16, 16), torch.randn(4, 2, 3, 16, 16, requires_grad=True)
    labels = lambda n: torch.arange(4)[:, None].expand(4, n)  # noqa: E731
    loss = matching_loss(network, (real, labels(8)), (fake, labels(2)))
    (slope,) = torch.autograd.grad(loss, fake)
    expected = 0
    for a, b in zip(by_loops(network, fake, labels(2)), by_loops(network, real, labels(8)), strict=True):
        for x, y in zip(a, b, strict=True):
            if x.ndim < 2:
                continue
            x, y = x.reshape(len(x), -1), y.detach().reshape(len(y), -1)
            expected = expected + (1 - (x * y).sum(-1) / (x.norm(dim=-1) * y.norm(dim=-1) + TINY)).sum()
    (wanted,) = torch.autograd.grad(expected, fake)
    assert float(loss.detach()) == pytest.approx(float(expected.detach()), rel=1e-5)
    assert torch.allclose(slope, wanted, atol=1e-5) and float(slope.abs().max()) > 0


def test_equal_gradients_are_no_distance_apart():
    network, images = net(), torch.randn(4, 3, 3, 16, 16)
    slopes = class_gradients(network, dict(network.named_parameters()), images, torch.arange(4)[:, None].expand(4, 3))
    rows = sum(w.shape[0] for w in network.parameters() if w.ndim > 1)
    opposite = {name: -slope for name, slope in slopes.items()}
    assert float(distance(slopes, slopes).detach()) < 0.1 * 4 * rows
    assert float(distance(slopes, opposite).detach()) > 1.5 * float(4 * rows - distance(slopes, slopes).detach())
