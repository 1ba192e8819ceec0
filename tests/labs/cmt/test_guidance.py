"""Guidance: which token holds a center, where in it, what a guess costs; and where a fresh query looks."""

from dataclasses import replace

import pytest
import torch

from workbench.labs.cmt.common.shapes import TINY
from workbench.labs.cmt.method.boxes import encode
from workbench.labs.cmt.method.encoding import cells, from_range
from workbench.labs.cmt.method.frames import framed
from workbench.labs.cmt.method.guidance import bev_goals, cost, guidance_losses, view_goals
from workbench.labs.cmt.method.masking import masked
from workbench.labs.cmt.method.matching import truth_of
from workbench.labs.cmt.method.model import Cmt
from workbench.labs.cmt.method.training import batch_losses


@pytest.fixture(scope="module")
def scenes(make_scenes):
    return make_scenes(3, seed=0)


def test_a_center_lies_in_its_bev_token(scenes):
    _, truth = scenes
    (token,), (place,), (there,) = (t.transpose(0, 1) for t in bev_goals(truth, TINY))
    side = TINY.cell * TINY.stride
    middle = (token.flip(-1) + 0.5) * side + torch.tensor(TINY.area[:2])
    assert (there == truth.there).all()
    assert torch.allclose((middle + place[..., :2] * side)[there], truth.codes[..., :2][there], atol=1e-4)
    assert float(place[..., :2][there].abs().max()) <= 0.5 + 1e-5


def test_a_center_outside_the_range_belongs_to_no_token():
    box = torch.tensor([[0.0, 0, 0, 4, 2, 1.5, 0, 0, 0], [12.9, 0, 0, 4, 2, 1.5, 0, 0, 0]])
    _, _, there = bev_goals(truth_of([encode(box)], [torch.tensor([0, 0])]), TINY)
    assert there.tolist() == [[[True, False]]]


def test_a_pixel_and_its_depth_give_the_center_back(scenes):
    frames, truth = scenes
    token, place, there = view_goals(truth, frames, (4, 8), 8)
    scene, view, one = there.nonzero(as_tuple=True)
    assert len(one) > 3
    pixels = 8 * (token.flip(-1) + place[..., :2])[scene, view, one]
    depth = place[..., 2][scene, view, one].exp()
    flat = torch.cat([pixels * depth[:, None], depth[:, None], torch.ones_like(depth)[:, None]], 1)
    back = (frames.lidar2img[scene, view].inverse() @ flat[..., None])[..., 0]
    assert torch.allclose(back[:, :3], truth.codes[scene, one, :3], atol=1e-2)


def test_a_true_guess_costs_next_to_nothing_and_an_absent_view_nothing(scenes):
    _, truth = scenes
    goals = token, place, there = bev_goals(truth, TINY)
    said = torch.zeros(3, 1, *TINY.grid, 2 + 3)
    said[..., :2] = -20
    for b, g in truth.there.nonzero().tolist():
        row, column = token[b, 0, g]
        said[b, 0, row, column, int(truth.labels[b, g])] = 20
        said[b, 0, row, column, 2:] = place[b, 0, g]
    alive = torch.ones(3, 1, dtype=torch.bool)
    assert float(cost(said, goals, truth.labels, alive)) < 1e-3
    assert float(cost(said + 1, goals, truth.labels, alive)) > 0.5  # each of three numbers of a place is 1 off
    assert float(cost(torch.full_like(said, torch.nan), goals, truth.labels, ~alive)) == 0


@pytest.mark.parametrize("sensors", ["both", "lidar", "camera"])
def test_guidance_reaches_the_branches_alone(scenes, sensors):
    frames, truth = scenes
    frames = masked(frames, torch.Generator().manual_seed(3))
    model = Cmt(replace(TINY, guided=True, sensors=sensors), torch.Generator().manual_seed(0))
    _, guesses = model(frames, guided=True)
    guidance_losses(guesses, frames, truth, model).backward()
    branches = [branch for branch in (model.points, model.images) if branch is not None]
    assert all(p.grad is not None and p.grad.isfinite().all() for branch in branches for p in branch.parameters())
    assert all(p.grad is None for p in model.layers.parameters())


def test_tokens_are_asked_only_where_the_shape_says_so(scenes):
    for guided in (False, True):
        model = Cmt(replace(TINY, guided=guided), torch.Generator().manual_seed(0))
        assert ("guidance" in batch_losses(model, *scenes)) == guided == bool(len(model.guides))


def test_a_fresh_query_looks_where_its_anchor_is():
    """Of 1,024 BEV tokens those within one and a half meters, one in 150, get most of the attention."""
    shape = replace(TINY, cell=0.8, stride=1, width=64, queries=49)
    model = Cmt(shape, torch.Generator().manual_seed(0)).eval()
    points = torch.rand(2000, 5, generator=torch.Generator().manual_seed(0)) * torch.tensor([25.0, 25, 2, 1, 0])
    frames = framed([points - torch.tensor([12.5, 12.5, 1, 0, 0])])
    tokens, anchors, place = model.prepared(frames)
    with torch.no_grad():
        keys = tokens.content + tokens.place
        share = model.layers[0].shares(torch.zeros_like(place), place, keys, tokens.there[:, None, None], slice(None))
    share = share[0].mean(0)[:, : 32 * 32]  # (49, 1024)
    middles = from_range(torch.cat([cells(shape.grid).flatten(0, 1), torch.full((1024, 1), 0.5)], 1), shape)[:, :2]
    near = torch.cdist(from_range(anchors, shape)[0, :, :2], middles) < 1.5
    assert float(near.float().mean()) < 0.015
    assert float((share * near).sum() / share.sum()) > 0.4
