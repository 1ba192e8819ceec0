"""Denoising: what shaken queries are, who sees whom, and what they cost."""

import math

import pytest
import torch

from workbench.labs.cmt.common.shapes import TINY
from workbench.labs.cmt.method.boxes import WEIGHTS, encode
from workbench.labs.cmt.method.denoising import denoising_losses, noised, visible
from workbench.labs.cmt.method.encoding import from_range
from workbench.labs.cmt.method.matching import focal, truth_of
from workbench.labs.cmt.method.model import Cmt, Found


@pytest.fixture(scope="module")
def batch(make_scenes):
    return make_scenes(3, seed=5)


def test_shaken_anchors_lie_in_the_box_and_the_far_ones_lose_their_class():
    """A turned box: its half sizes count along the axes of the range, as released."""
    box = torch.tensor([[1.0, -2.0, 0.5, 4.0, 2.0, 1.0, 0.7, 0, 0]])
    truth = truth_of([encode(box)], [torch.tensor([1])])
    shaken = noised(truth, TINY, torch.Generator().manual_seed(0))
    assert shaken.groups == 10  # of 16 // 1 = 16
    noise = (from_range(shaken.anchors[0], TINY) - box[:, :3]) / (box[:, 3:6] / 2)
    assert float(noise.abs().max()) <= 1 + 1e-5
    assert torch.equal(shaken.kept[0], noise.norm(dim=1) <= 0.75)


def test_as_many_keep_their_class_as_the_normalizer_says():
    truth = truth_of([encode(torch.tensor([[0.0, 0, 0, 1, 1, 1, 0, 0, 0]]))] * 4000, [torch.tensor([0])] * 4000)
    shaken = noised(truth, TINY, torch.Generator().manual_seed(0))
    assert float(shaken.kept.float().mean()) == pytest.approx(math.pi / 6 * 0.75**3, abs=0.005)


def test_no_objects_or_too_many_give_no_shaken_queries():
    empty = truth_of([torch.zeros(0, 10)], [torch.zeros(0)])
    assert noised(empty, TINY) is None
    assert noised(truth_of([torch.zeros(17, 10)], [torch.zeros(17)]), TINY) is None  # 16 queries // 17 = 0 groups


def test_who_sees_whom():
    """Two groups of two, three own queries; the second object of the scene does not exist."""
    there = torch.tensor([[True, False, True, False]])
    found = visible(there, 2, 3)[0, 0].int().tolist()
    first, second, own = [1, 0, 0, 0, 1, 1, 1], [0, 0, 1, 0, 1, 1, 1], [0, 0, 0, 0, 1, 1, 1]
    assert found == [first, first, second, second, own, own, own]


def test_own_queries_never_see_shaken_ones_and_groups_do_not_see_each_other(batch):
    frames, truth = batch
    model = Cmt(TINY, torch.Generator().manual_seed(0)).eval()
    shaken = noised(truth, TINY, torch.Generator().manual_seed(1), groups=2)
    E, half = shaken.anchors.shape[1], shaken.anchors.shape[1] // 2
    changed = shaken.anchors.clone()
    changed[:, :half] = torch.rand(changed[:, :half].shape, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        alone = model(frames)
        one, two = (model(frames, anchors, shaken.mask) for anchors in (shaken.anchors, changed))
    for name in ("logits", "codes"):
        torch.testing.assert_close(getattr(one, name)[:, :, E:], getattr(alone, name), atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(
            getattr(one, name)[:, :, half:], getattr(two, name)[:, :, half:], atol=1e-4, rtol=1e-4
        )
        assert not torch.allclose(getattr(one, name)[:, :, :half], getattr(two, name)[:, :, :half], atol=1e-2)


def test_losses_are_the_stated_sums_over_their_normalizers(batch):
    _, truth = batch
    g = torch.Generator().manual_seed(3)
    shaken = noised(truth, TINY, g, groups=3)
    B, E = shaken.kept.shape
    found = Found(torch.randn(2, B, E, 2, generator=g).requires_grad_(), torch.randn(2, B, E, 10, generator=g))
    G = truth.labels.shape[1]
    classes, boxes, many = 0.0, 0.0, int(truth.there.sum()) * 3
    for layer in range(2):
        for b in range(B):
            for e in range(E):
                if truth.labels[b, e % G] < 0:
                    continue
                target = torch.zeros(2)
                target[truth.labels[b, e % G]] = float(shaken.kept[b, e])
                classes += 2 * focal(found.logits[layer, b, e], target).sum() / (many * math.pi / 6 * 0.75**3)
                gap = (found.codes[layer, b, e] - truth.codes[b, e % G]).abs()
                boxes += 0.25 * (gap * torch.tensor(WEIGHTS)).sum() / many
    loss = denoising_losses(found, shaken, truth)
    torch.testing.assert_close(loss.classes, classes, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(loss.boxes, boxes, rtol=1e-4, atol=1e-5)
    loss.classes.backward()
    assert bool((found.logits.grad[:, ~shaken.there] == 0).all())  # places without an object cost nothing
