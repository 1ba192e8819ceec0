"""Matching and losses against direct formulas, brute force, and scenes without objects."""

import math
from itertools import permutations

import pytest
import torch

from workbench.contract.errors import LabError
from workbench.labs.cmt.method.boxes import WEIGHTS
from workbench.labs.cmt.method.matching import costs, distance, focal, matched, matching_losses, truth_of
from workbench.labs.cmt.method.model import Found


def found(L=2, B=2, N=5, K=3, seed=0):
    g = torch.Generator().manual_seed(seed)
    return Found(
        torch.randn(L, B, N, K, generator=g).requires_grad_(), torch.randn(L, B, N, 10, generator=g).requires_grad_()
    )


def truth(counts=(3, 1), K=3, seed=1):
    g = torch.Generator().manual_seed(seed)
    return truth_of(
        [torch.randn(n, 10, generator=g) for n in counts], [torch.randint(K, (n,), generator=g) for n in counts]
    )


def test_costs_are_the_stated_formula():
    f, t = found(), truth()
    cost = costs(f, t)
    for layer, scene, query, one in ((0, 0, 2, 1), (1, 0, 4, 2), (1, 1, 0, 0)):
        p = float(f.logits[layer, scene, query, t.labels[scene, one]].detach().sigmoid())
        classes = -0.25 * (1 - p) ** 2 * math.log(p) + 0.75 * p**2 * math.log(1 - p)
        gap = (f.codes[layer, scene, query] - t.codes[scene, one]).abs()
        boxes = sum(w * float(g) for w, g in zip(WEIGHTS[:8], gap, strict=False))  # velocities cost nothing
        assert float(cost[layer, scene, query, one]) == pytest.approx(2 * classes + 0.25 * boxes, rel=1e-4)


def test_the_matching_is_the_cheapest_of_all():
    f, t = found(N=5), truth((3, 1))
    cost = costs(f, t).detach()
    layer, scene, query, one = matched(f, t)
    for number in range(2):
        for b, count in enumerate((3, 1)):
            best = min(
                sum(float(cost[number, b, q, g]) for g, q in enumerate(qs)) for qs in permutations(range(5), count)
            )
            mine = (layer == number) & (scene == b)
            assert sorted(one[mine].tolist()) == list(range(count))
            assert len(set(query[mine].tolist())) == count
            assert float(cost[number, b][query[mine], one[mine]].sum()) == pytest.approx(best, rel=1e-5)


def test_objects_find_the_query_that_says_them():
    t = truth((3, 2))
    f = found(L=1, N=5)
    with torch.no_grad():
        f.codes[0, 0, [4, 0, 2]] = t.codes[0]
        f.codes[0, 1, [1, 3]] = t.codes[1, :2]
    _, scene, query, one = matched(f, t)
    pairs = {(int(b), int(g)): int(q) for b, q, g in zip(scene, query, one, strict=True)}
    assert pairs == {(0, 0): 4, (0, 1): 0, (0, 2): 2, (1, 0): 1, (1, 1): 3}


def test_more_objects_than_queries_are_matched_as_far_as_queries_go():
    layer, *_ = matched(found(L=1, B=1, N=2), truth((4,)))
    assert len(layer) == 2


def test_focal_loss_is_the_papers():
    logits = torch.tensor([-2.0, 0.0, 3.0, -1.0], dtype=torch.float64)
    target = torch.tensor([1.0, 0, 1, 0], dtype=torch.float64)
    p = logits.sigmoid()
    wanted = torch.where(target > 0, -0.25 * (1 - p) ** 2 * p.log(), -0.75 * p**2 * (1 - p).log())
    torch.testing.assert_close(focal(logits, target), wanted)


def test_losses_are_the_stated_sums_over_their_normalizers():
    f, t = found(), truth()
    loss = matching_losses(f, t)
    classes, boxes = 0.0, 0.0
    layer, scene, query, one = matched(f, t)
    for number in range(2):
        mine = layer == number
        target = torch.zeros(2, 5, 3)
        target[scene[mine], query[mine], t.labels[scene[mine], one[mine]]] = 1
        classes += 2 * focal(f.logits[number], target).sum() / (4 + 0.1 * (2 * 5 - 4))
        gap = (f.codes[number][scene[mine], query[mine]] - t.codes[scene[mine], one[mine]]).abs()
        boxes += 0.25 * (gap * torch.tensor(WEIGHTS)).sum() / 4
    torch.testing.assert_close(loss.classes, classes)
    torch.testing.assert_close(loss.boxes, boxes)
    torch.testing.assert_close(loss.total, classes + boxes)


@pytest.mark.parametrize("counts", [(0, 0), (0, 2)])
def test_scenes_without_objects_have_finite_losses_and_gradients(counts):
    f = found()
    loss = matching_losses(f, truth(counts))
    loss.total.backward()
    assert bool(loss.total.isfinite())
    assert bool(f.logits.grad.isfinite().all()) and bool((f.logits.grad != 0).all())
    if not sum(counts):
        assert float(loss.boxes) == 0
        torch.testing.assert_close(
            loss.classes, 2 * focal(f.logits, torch.zeros_like(f.logits)).sum()
        )  # over max(1, 1)


def test_an_unknown_velocity_is_not_asked_for():
    codes = torch.randn(1, 10, requires_grad=True)
    goal = torch.randn(1, 10)
    goal[0, 8:] = math.nan
    gap = distance(codes, goal)
    gap.sum().backward()
    wanted = ((codes - goal).abs() * torch.tensor(WEIGHTS))[0, :8].sum()
    torch.testing.assert_close(gap[0], wanted)
    assert codes.grad[0, 8:].tolist() == [0, 0]
    t = truth()
    t.codes[:, :, 8:] = math.nan
    f = found()
    matching_losses(f, t).total.backward()
    assert bool(f.codes.grad.isfinite().all())


def test_extreme_logits_stay_finite():
    f = found()
    with torch.no_grad():
        f.logits[:, :, 0], f.logits[:, :, 1] = 200, -200
    loss = matching_losses(f, truth()).total
    loss.backward()
    assert bool(loss.isfinite()) and bool(f.logits.grad.isfinite().all())


def test_a_training_that_diverged_is_told():
    f = found()
    with torch.no_grad():
        f.codes[1, 0, 3] = math.nan
    with pytest.raises(LabError, match="diverged"):
        matching_losses(f, truth())
