"""Training: it learns, it resumes to equal numbers, and each part of the loss is there."""

import pytest
import torch

from workbench.labs.cmt.common.shapes import TINY
from workbench.labs.cmt.method.boxes import encode
from workbench.labs.cmt.method.decoding import detections
from workbench.labs.cmt.method.matching import Truth
from workbench.labs.cmt.method.model import Cmt
from workbench.labs.cmt.method.training import Recipe, batch_losses, set_rate, train


@pytest.fixture(scope="module")
def batch(make_scenes):
    return make_scenes(2, seed=3)


@pytest.fixture(autouse=True)
def one_thread():
    """Sums in one order give the same numbers each time."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def fresh():
    return Cmt(TINY, torch.Generator().manual_seed(0))


def test_two_scenes_are_learned_by_heart(batch):
    """After some seconds the surest boxes of a scene are its objects, to 25 cm, 25 % and 0.25 rad.

    Without denoising, whose random "no object" answers are not to be learned by heart.
    """
    model, (frames, truth) = fresh(), batch
    told = [parts for _, parts, _ in train(model, lambda _: batch, Recipe(150, rate=3e-3, rise=0.1, groups=0))]
    assert told[-1]["boxes"] < 0.05 * told[0]["boxes"]
    with torch.no_grad():
        found = detections(model.eval()(frames))
    for codes, labels, one in zip(truth.codes, truth.labels, found, strict=True):
        real = labels >= 0
        best = one[torch.arange(int(real.sum()))]
        gap = torch.cdist(codes[real, :2], best.boxes[:, :2]) + 100 * (labels[real, None] != best.labels)
        pair = gap.argmin(1)
        assert sorted(pair.tolist()) == list(range(len(best)))
        torch.testing.assert_close(encode(best.boxes[pair])[:, :8], codes[real, :8], atol=0.25, rtol=0)


def test_parts_of_the_loss(batch):
    model = fresh()
    parts = batch_losses(model, *batch, torch.Generator().manual_seed(0))
    assert set(parts) == {"classes", "boxes", "dn_classes", "dn_boxes", "guidance"}
    without = batch_losses(model, *batch, groups=0)
    assert set(without) == {"classes", "boxes", "guidance"}
    for name in without:  # shaken queries change nothing for the others
        torch.testing.assert_close(parts[name], without[name], atol=1e-4, rtol=1e-4)


def test_a_batch_without_objects_trains(batch):
    frames, truth = batch
    nothing = Truth(truth.codes[:, :0], truth.labels[:, :0])
    model = fresh()
    (told,) = [parts for _, parts, _ in train(model, lambda _: (frames, nothing), Recipe(1))]
    assert told["boxes"] == 0 and "dn_boxes" not in told
    assert all(bool(p.isfinite().all()) for p in model.parameters())


@pytest.mark.parametrize("masked", [False, True])
def test_a_resumed_training_gives_the_numbers_of_one_that_went_through(batch, masked):
    recipe = Recipe(4, masked=masked, groups=2, seed=1)
    whole = fresh()
    states = [(parts, freeze()) for _, parts, freeze in train(whole, lambda _: batch, recipe)]
    again = fresh()
    rest = [parts for _, parts, _ in train(again, lambda _: batch, recipe, state=states[1][1])]
    assert rest == [parts for parts, _ in states[2:]]
    assert all(torch.equal(a, b) for a, b in zip(whole.state_dict().values(), again.state_dict().values(), strict=True))


def test_the_rate_rises_from_an_eighth_and_falls_to_nothing():
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.AdamW([{"params": [weight], "factor": 0.5}], lr=1)
    recipe, rates = Recipe(1000, rate=1.0), []
    for step in range(1000):
        set_rate(optimizer, recipe, step)
        rates.append(optimizer.param_groups[0]["lr"])
    assert rates[0] == pytest.approx(0.5 / 8, rel=1e-3)
    assert max(rates) == pytest.approx(0.5, rel=1e-4) and rates.index(max(rates)) in (399, 400)
    assert rates[-1] < 1e-5
