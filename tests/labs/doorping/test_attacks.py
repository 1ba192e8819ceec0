"""The attacks: what each puts on an image, and which of them look at networks."""

import pytest
import torch

from workbench.contract.errors import LabError
from workbench.labs.doorping.method.attacks import ATTACKS, VISIBLE, make_attack
from workbench.labs.doorping.method.networks import make_network
from workbench.labs.doorping.method.triggers import Pixels, Rule, square

SHAPE = (3, 16, 16)
PIXELS, MASK = Pixels.of(torch.tensor([0.5, 0.4, 0.3]), torch.tensor([0.2, 0.3, 0.25])), square(16, 4)
make = lambda: make_network("convnet", SHAPE, 4, width=8, hidden=8)  # noqa: E731


def attack(name):
    torch.manual_seed(0)
    return make_attack(name, MASK, PIXELS, Rule(steps=20), torch.Generator().manual_seed(0), make)


@pytest.mark.parametrize("name", ATTACKS)
def test_every_first_trigger_makes_pictures_that_can_be_stored(name):
    ours = attack(name)
    images = PIXELS.clip(torch.randn(5, *SHAPE, generator=torch.Generator().manual_seed(1)))
    stamped = ours.put(images, ours.trigger)
    assert torch.allclose(PIXELS.clip(stamped), stamped, atol=1e-5) and not torch.equal(stamped, images)
    if name != "invisible":
        outside = (~MASK.bool()).expand(SHAPE)
        assert torch.equal(stamped[:, outside], images[:, outside])


def test_the_invisible_trigger_is_faint_and_drives_what_weighs_most():
    ours = attack("invisible")
    width = PIXELS.white - PIXELS.black
    assert float((ours.trigger / width).abs().max()) <= VISIBLE + 1e-6
    torch.manual_seed(0)
    network, noise = make(), torch.Generator().manual_seed(0)
    first = VISIBLE * (2 * torch.rand(3, 16, 16, generator=noise) - 1) * width
    said = lambda t: network.units(t[None])[0].relu()  # noqa: E731
    units = network.inner.weight.abs().sum(1).masked_fill(said(first) <= 0, 0).argmax()
    assert float(said(ours.trigger)[units].detach()) > 1.2 * float(said(first)[units].detach())


def test_only_doorping_looks_at_networks_and_only_when_clipped_its_trigger_stays_valid():
    assert [name for name in ATTACKS if attack(name).renew] == ["clipped", "doorping"]
    torch.manual_seed(3)
    network = make()
    free, kept = (attack(name).renew(network, attack(name).trigger).trigger for name in ("doorping", "clipped"))
    assert PIXELS.excess(free) > 0.05 and PIXELS.excess(kept) < 1e-5


def test_an_unknown_attack_is_told():
    with pytest.raises(LabError, match="no attack"):
        attack("noisy")
