"""Siamese augmentation: alike for all that is compared, differentiable, and every strategy does something."""

import pytest
import torch

from workbench.labs.doorping.method.dsa import STRATEGIES, Draw, augmented, draw

U = (0.2, 0.9, 0.7, 0.4)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_strategy_changes_images_alike_one_by_one_or_together(strategy):
    images = torch.randn(3, 4, 2, 12, 12, generator=torch.Generator().manual_seed(0))
    drawn = Draw(strategy, U)
    whole = augmented(images, drawn)
    assert whole.shape == images.shape and not torch.allclose(whole, images)
    one = augmented(images[1, 2:3], drawn)
    assert torch.allclose(one, whole[1, 2:3], atol=1e-6)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_slopes_go_through(strategy):
    images = torch.randn(1, 1, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    images.requires_grad_(True)
    assert torch.autograd.gradcheck(lambda x: augmented(x, Draw(strategy, U)), (images,))


def test_middling_numbers_leave_geometry_alone():
    images = torch.randn(2, 1, 9, 9, generator=torch.Generator().manual_seed(2))
    assert torch.allclose(augmented(images, Draw("rotate", (0.5, 0.5, 0.5, 0.5))), images, atol=1e-5)
    assert torch.equal(augmented(images, Draw("crop", (0.5, 0.5, 0.5, 0.5))), images)
    assert torch.equal(augmented(images, Draw("flip", (0.1, 0, 0, 0)))[0, 0, :, 0], images[0, 0, :, -1])


def test_a_seed_repeats_what_is_drawn_and_all_strategies_come_up():
    drawn = [[draw(g, STRATEGIES) for _ in range(60)] for g in (torch.Generator().manual_seed(3) for _ in range(2))]
    assert drawn[0] == drawn[1] and {one.strategy for one in drawn[0]} == set(STRATEGIES)
    assert all(0 <= v < 1 for one in drawn[0] for v in one.u)
