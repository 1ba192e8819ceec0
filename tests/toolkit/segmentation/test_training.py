"""Patches, loss, training and windows: against MONAI where it has the same, by hand where it has not."""

from importlib import import_module

import numpy as np
import pytest
import torch
from torch import nn

from workbench.toolkit.segmentation.patches import Sample, batch_of, cut, places_of
from workbench.toolkit.segmentation.preprocessing import (
    Recipe,
    grid_for,
    intensities,
    native_mask,
    prepared,
    prepared_mask,
    resampled,
)
from workbench.toolkit.segmentation.training import dice_ce, halved, train
from workbench.toolkit.segmentation.windows import gaussian, segment, sliding, starts

torch.set_num_threads(1)


def sample(shape=(20, 18, 10), modality="CT", seed=0):
    rng = np.random.default_rng(seed)
    mask = np.zeros(shape, np.uint8)
    mask[3:9, 3:9, 2:6], mask[15, 15, 8] = 1, 2
    return Sample("amos_0001", modality, "A", rng.normal(size=shape).astype(np.float32), mask, places_of(mask, rng))


def batches(step):
    return batch_of([[sample()]], 1, (16, 16, 16), np.random.default_rng(step))


def small():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv3d(1, 4, 3, padding=1), nn.InstanceNorm3d(4), nn.ReLU(), nn.Conv3d(4, 3, 1))


# patches ------------------------------------------------------------------------------------------------------------


def test_patches_have_their_size_even_where_the_scan_is_smaller():
    for seed in range(20):
        image, mask = cut(sample(), (16, 16, 16), np.random.default_rng(seed))
        assert image.shape == mask.shape == (16, 16, 16)


def test_every_organ_is_aimed_at_as_often_however_small():
    aimed = [(cut(sample(), (8, 8, 8), np.random.default_rng(s))[1] == 2).any() for s in range(200)]
    assert 0.15 < np.mean(aimed) < 0.6  # its one voxel is in 4 % of the random patches


def test_both_modalities_are_drawn_as_often_however_many_scans_they_have():
    ct, mr = [sample(seed=i) for i in range(9)], sample(modality="MR")
    mr = Sample("amos_0500", "MR", "A", np.full_like(mr.image, 100.0), mr.mask, mr.places)
    images, _ = batch_of([ct, [mr]], 200, (8, 8, 8), np.random.default_rng(0))
    assert 0.4 < float((images.mean((1, 2, 3, 4)) > 50).float().mean()) < 0.6


# preprocessing ----------------------------------------------------------------------------------------------------


def test_ct_is_cut_to_its_window_and_mr_to_its_percentiles():
    ct = intensities(np.array([[[-1024, -125, 75, 275, 3000]]], np.int16), "CT", Recipe())
    np.testing.assert_allclose(ct.ravel(), [-1.73, -1.73, 0, 1.73, 1.73], atol=1e-6)
    mr = np.random.default_rng(0).gamma(2, 100, (9, 9, 9))
    mr[0, 0, 0] = 1e6
    for scale in (1, 7.5):
        found = intensities(mr * scale, "MR", Recipe())
        assert abs(found.mean()) < 1e-4 and abs(found.std() - 1) < 1e-4 and found.max() < 5
    np.testing.assert_allclose(intensities(mr, "MR", Recipe()), intensities(7.5 * mr, "MR", Recipe()), atol=1e-4)


def test_there_and_back_moves_nothing():
    mask = np.zeros((24, 20, 12), np.uint8)
    mask[6:18, 4:16, 3:9] = 1
    recipe = Recipe(spacing=(3.0, 3.0, 2.5))
    grid = grid_for(mask.shape, (1.5, 1.5, 5.0), recipe.spacing)
    assert grid == (12, 10, 24)
    there = prepared_mask(mask, (1.5, 1.5, 5.0), recipe)
    back = native_mask(np.stack([there == 0, there == 1]).astype(np.float32), mask.shape)
    at = [np.argwhere(m).mean(0) for m in (mask, back)]
    np.testing.assert_allclose(*at, atol=0.01)
    assert prepared(mask, (1.5, 1.5, 5.0), "MR", recipe).shape == grid
    ramp = np.broadcast_to(np.arange(12.0), (4, 4, 12))
    np.testing.assert_allclose(resampled(ramp, (4, 4, 6), 1)[0, 0, 1:-1], np.arange(0.5, 12, 2)[1:-1])


# loss and training --------------------------------------------------------------------------------------------------


def test_the_loss_is_zero_for_the_truth_and_leaves_absent_organs_out():
    target = torch.zeros(1, 4, 4, 4, dtype=torch.long)
    target[0, :2] = 1
    sure = 50 * nn.functional.one_hot(target, 3).movedim(-1, 1).float()
    assert float(dice_ce(sure, target)) == pytest.approx(0, abs=1e-4)
    wrong = 50 * nn.functional.one_hot((target == 0).long(), 3).movedim(-1, 1).float()
    assert float(dice_ce(wrong, target)) == pytest.approx(51, rel=0.01)  # cross entropy 50, Dice loss 1
    empty = torch.zeros(1, 4, 4, 4, dtype=torch.long)
    assert torch.isfinite(dice_ce(torch.zeros(1, 3, 4, 4, 4), empty))


@pytest.mark.slow
def test_the_loss_is_monais_where_every_organ_is_there():
    losses = import_module("monai.losses")
    rng = torch.Generator().manual_seed(0)
    logits, target = torch.randn(2, 3, 6, 6, 6, generator=rng), torch.randint(3, (2, 6, 6, 6), generator=rng)
    peer = losses.DiceCELoss(include_background=False, to_onehot_y=True, softmax=True, batch=True)
    assert float(dice_ce(logits, target)) == pytest.approx(float(peer(logits, target[:, None])), abs=1e-4)


def test_it_learns_and_a_resumed_training_ends_with_the_same_weights():
    whole, parts = small(), small()
    losses = [loss for _, loss, _ in train(whole, batches, 12, 0.01, "cpu")]
    assert np.mean(losses[-3:]) < np.mean(losses[:3])
    for step, _, freeze in train(parts, batches, 12, 0.01, "cpu"):
        if step == 5:
            state = freeze()
            break
    again = small()
    steps = [step for step, _, _ in train(again, batches, 12, 0.01, "cpu", state)]
    assert steps == list(range(6, 13))
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), again.parameters(), strict=True))


def test_halved_weights_are_half_floats_that_load():
    model = small()
    state = halved(model)
    assert {v.dtype for v in state.values()} == {torch.float16}
    model.load_state_dict(state)
    assert torch.equal(next(model.parameters()), state["0.weight"].float())


# windows ------------------------------------------------------------------------------------------------------------


def test_windows_cover_a_scan_once_and_count_up():
    for length in range(1, 80):
        at = starts(length, 16, 0.5)
        seen = np.zeros(max(length, 16), bool)
        for s in at:
            seen[s : s + 16] = True
        assert seen.all() and len(set(at)) == len(at)
    steps = [(d, t, s is None) for d, t, s in sliding(small(), np.zeros((20, 16, 16), np.float32), (16, 16, 16), 3)]
    assert steps == [(1, 2, True), (2, 2, False)]


def test_a_network_that_looks_at_one_voxel_gives_the_same_in_windows_as_at_once():
    torch.manual_seed(1)
    model = nn.Conv3d(1, 3, 1)
    image = np.random.default_rng(0).normal(size=(30, 17, 9)).astype(np.float32)
    found = segment(model, image, (16, 16, 16), 3)
    whole = model(torch.from_numpy(image)[None, None])[0].softmax(0).detach().numpy()
    assert found.shape == (3, 30, 17, 9)
    np.testing.assert_allclose(found, whole, atol=1e-5)


@pytest.mark.slow
def test_windows_are_monais():
    inferers = import_module("monai.inferers")
    model = nn.Sequential(small(), nn.Softmax(1)).eval()
    image = np.random.default_rng(0).normal(size=(40, 32, 16)).astype(np.float32)
    theirs = inferers.sliding_window_inference(
        torch.from_numpy(image)[None, None], (16, 16, 16), 1, model, overlap=0.5, mode="gaussian", sigma_scale=0.125
    )
    ours = segment(model[0], image, (16, 16, 16), 3)
    apart = np.abs(ours - theirs[0].detach().numpy())  # its weights differ a little at the rim
    assert apart.max() < 0.01 and apart.mean() < 1e-3


def test_the_middle_of_a_window_counts_most():
    weights = gaussian((16, 16, 8))
    assert weights.shape == (16, 16, 8) and weights[8, 8, 4] == weights.max() and weights.min() > 0
